"""A program as the source of a NumPy function, written as one would write it on the board."""

from __future__ import annotations

import ast
import builtins
import keyword
import re
from collections import Counter

from wengert.ir.helpers import HELPERS, called, sources
from wengert.ir.node import CONSTANT, INPUT, Node
from wengert.ir.primitive import Kind
from wengert.ir.program import Program
from wengert.ir.python_expressions import (
    apply_template,
    elements_of,
    strong_literal,
    takes_bare_number,
    weak_literal,
)
from wengert.ir.types import TensorType

_LONGEST = 60  # characters of an expression that is still read at one glance
_VIEW = 12  # a view as short as this (`W.T`) is written out at each use
_FEW = 8  # elements of a constant that stands where it is used
_COMMENT = 40  # column of the shapes, unless a line is longer
_WIDTH = 88


def python_source(program: Program, name: str = "program") -> str:
    """Return the source of a function that computes what `program` does with NumPy alone.

    Parameters
    ----------
    program : Program
    name : str
        The function's.

    Returns
    -------
    str
        A module: imports, the helpers the function calls, large constants, the function. Its parameters are
        the inputs in order, its result the outputs in order.
    """
    return _Writer(program, name).module()


def identifier(text: str) -> str:
    """Return `text` as a Python name."""
    name = re.sub(r"\W+", "_", text).strip("_") or "value"
    return f"_{name}" if name[0].isdigit() else name


class _Names:
    """Names given out so far; none hides a keyword, a builtin, NumPy or a helper."""

    def __init__(self, function: str) -> None:
        self.taken = {*keyword.kwlist, *keyword.softkwlist, *dir(builtins), *HELPERS, "np", function}

    def unique(self, wanted: str, numbered: bool = False) -> str:
        """Return `wanted`, with the first free number behind it where it is taken."""
        base = identifier(wanted)
        separator = "_" if base[-1].isdigit() else ""
        candidate, number = base, 0
        while candidate in self.taken or (numbered and not number):
            number += 1
            candidate = f"{base}{separator}{number}"
        self.taken.add(candidate)
        return candidate


class _Writer:
    """Walks the program once; short values that are read once wait to be written into their reader's line."""

    def __init__(self, program: Program, name: str) -> None:
        self.program = program
        self.function = identifier(name)
        self.names = _Names(self.function)
        self.called: dict[str, None] = {}
        self.constants: list[str] = []
        self.lines: list[tuple[str, TensorType]] = []
        self.known: dict[Node, str] = {}
        self.waiting: dict[Node, ast.expr] = {}
        reads = [operand for node in program.nodes for operand in node.inputs]
        self.reads = Counter([*reads, *program.outputs])
        for node in program.inputs:
            wanted = identifier(str(dict(node.params)["name"]))
            self.known[node] = self.names.unique(f"{wanted}_" if wanted in self.names.taken else wanted)

    def module(self) -> str:
        """Return the whole source."""
        for node in self.program.nodes:
            if node.primitive not in (INPUT, CONSTANT):
                self._visit(node)
        results = ", ".join(self._result(node) for node in self.program.outputs)
        returned = f"    return {results}"
        parameters = ", ".join(self.known[node] for node in self.program.inputs)
        definition = "\n".join([f"def {self.function}({parameters}):", *self._comments(), returned])
        parts = ["import numpy as np", *sources(self.called)]
        if self.constants:
            parts.append("\n".join(self.constants))
        return "\n\n\n".join([*parts, definition]).replace("np\n\n\n", "np\n\n", 1) + "\n"

    def _comments(self) -> list[str]:
        """Return the docstring and the body, each line with the shape of its value."""
        types = [f"{self.known[node]} {_shape(node.type)}" for node in self.program.inputs]
        body = _wrapped('    """', types, '"""') if types else []
        widest = max([len(text) for text, _ in self.lines if len(text) <= _LONGEST], default=0)
        column = max(_COMMENT, widest + 2)
        return [*body, *[f"{text:<{column - 2}}  # {_shape(type_)}" for text, type_ in self.lines]]

    def _visit(self, node: Node) -> None:
        operands = [self._operand(node, place) for place in range(len(node.inputs))]
        tree = apply_template(node, operands)
        pending = [operand for operand in dict.fromkeys(node.inputs) if operand in self.waiting]
        # Too long for one glance: the longest part gets a line of its own, then the next.
        pending.sort(key=lambda operand: len(ast.unparse(self.waiting[operand])))
        while pending and len(ast.unparse(tree)) > _LONGEST:
            self._assign(pending.pop(), None)
            tree = apply_template(node, [self._operand(node, place) for place in range(len(node.inputs))])
        origin = self.program.provenance.get(node)
        named = origin is not None and origin.name is not None
        outputs = self.program.outputs
        single = self.reads[node] == 1 and (node not in outputs or len(outputs) == 1)
        view = node.primitive.kind is Kind.MOVEMENT and node not in outputs
        short = view and len(ast.unparse(tree)) <= _VIEW and node.inputs[0] in self.known
        if (single and not (named and node not in outputs)) or (short and not named):
            self.waiting[node] = tree
        else:
            self._assign(node, tree)

    def _assign(self, node: Node, tree: ast.expr | None) -> None:
        """Give a value a line and a name."""
        expression = self.waiting.pop(node) if tree is None else tree
        self.known[node] = self._name(node)
        self._note_calls(expression)
        self.lines.append((f"    {self.known[node]} = {ast.unparse(expression)}", node.type))

    def _note_calls(self, tree: ast.expr) -> None:
        self.called.update(dict.fromkeys(called(tree)))

    def _name(self, node: Node) -> str:
        """Return the user's name, that of the adjoint of a named value, or a short one."""
        origin = self.program.provenance.get(node)
        if origin is not None and origin.adjoint_of in self.known:
            target = self.program.provenance.get(origin.adjoint_of)
            if origin.name is None or (target is not None and origin.name == f"d{target.name}"):
                return self.names.unique(f"d{self.known[origin.adjoint_of]}")
        if origin is not None and origin.name:
            return self.names.unique(origin.name)
        return self.names.unique("t", numbered=True)

    def _operand(self, node: Node, place: int) -> ast.expr:
        operand = node.inputs[place]
        if operand.primitive is CONSTANT:
            if takes_bare_number(node, place):
                return weak_literal(operand)
            if node.primitive.name == "gather" and place > 0 and operand.type.size <= _FEW:
                return elements_of(operand.params[0][1].array)
            return self._constant(operand)
        return self._expression(operand)

    def _expression(self, node: Node) -> ast.expr:
        if node.primitive is CONSTANT:
            return self._constant(node)
        return self.waiting[node] if node in self.waiting else ast.Name(self.known[node], ast.Load())

    def _constant(self, node: Node) -> ast.expr:
        """Return a constant with its dtype; a large one gets a name and stands above the function."""
        tree = strong_literal(node)
        if len(ast.unparse(tree)) <= _LONGEST and node.type.size <= _FEW:
            return tree
        if node not in self.known:
            if len(ast.unparse(tree)) <= _LONGEST:
                return tree  # np.full and its like
            self.known[node] = self.names.unique("C", numbered=True)
            self.constants.append(_array_text(self.known[node], ast.unparse(tree)))
        return ast.Name(self.known[node], ast.Load())

    def _result(self, node: Node) -> str:
        tree = self._expression(node)
        self._note_calls(tree)
        return ast.unparse(tree)


def _shape(type_: TensorType) -> str:
    shape = str(type_.shape) if type_.shape else "scalar"
    return shape if type_.dtype.name == "float64" else f"{shape} {type_.dtype.name}"


def _wrapped(start: str, items: list[str], end: str) -> list[str]:
    """Return comma-separated items on lines of the usual width; none is cut."""
    lines, indent = [start], " " * 4
    for position, item in enumerate(items):
        piece = item + (", " if position < len(items) - 1 else end)
        if len(lines[-1]) + len(piece) > _WIDTH and lines[-1].strip():
            lines[-1] = lines[-1].rstrip()
            lines.append(indent)
        lines[-1] += piece
    return lines


def _array_text(name: str, text: str) -> str:
    """Return the assignment of a large array, broken between elements."""
    head, _, rest = f"{name} = {text}".partition("(")
    return "\n".join([f"{head}(", *_wrapped("    ", rest.removesuffix(")").split(", "), ""), ")"])
