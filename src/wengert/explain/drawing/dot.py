"""A drawing in the DOT language, for Graphviz and what else reads it."""

from __future__ import annotations

from wengert.explain.drawing.cards import NOT_COMPUTED, adjoint_name, caption_of, derivative_of, in_short
from wengert.explain.drawing.contents import Contents, Value
from wengert.explain.drawing.picture import one_line
from wengert.explain.printers.blocks import block
from wengert.explain.printers.layout import Layout
from wengert.explain.views.index_view import dimensions

_SHAPES = {"argument": "box, style=rounded", "constant": "box, style=dashed", "output": "box, penwidth=2"}


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _text(piece: Layout) -> str:
    return "\n".join(line.rstrip() for line in block(piece).lines)


def _adjoint(value: Value, output: Layout) -> str:
    shown = NOT_COMPUTED if value.adjoint is None else _text(in_short(value.adjoint))
    separator = "\n" if "\n" in shown else " "
    return f"{_text(adjoint_name(output, value.name))} ={separator}{shown}"


def dot(contents: Contents) -> str:
    """Return a drawing as DOT: the layout is left to the program that reads it."""
    lines = ["digraph wengert {", "  node [shape=box, fontname=monospace];", "  edge [fontname=monospace];"]
    for number, value in enumerate(contents.values):
        shape = f"  [{dimensions(value.symbol.shape)}]" if value.symbol.shape else ""
        label = [one_line(contents, number) + shape, _text(in_short(value.value))]
        if contents.output is not None:
            label.append(_adjoint(value, contents.output))
        if caption_of(value):
            label.insert(0, caption_of(value))
        kind = _SHAPES.get(value.role, "box")
        lines.append(f"  n{number} [label={_quoted(chr(10).join(label))}, shape={kind}];")
    for use in contents.uses:
        label_text = _quoted(_text(derivative_of(use, contents)))
        lines.append(f"  n{use.tail} -> n{use.head} [label={label_text}];")
    return "\n".join([*lines, "}"]) + "\n"
