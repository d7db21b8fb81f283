"""What stands above and below a name: indices, exponents, shapes; and what names are marked as."""

from __future__ import annotations

from collections.abc import Iterable

from wengert.explain.index.expressions import Symbol
from wengert.explain.index.indices import Index, Position
from wengert.explain.printers import layout
from wengert.explain.printers.layout import Layout, Text, parenthesised


def index_texts(symbol: Symbol, positions: Iterable[Position]) -> list[str]:
    """Return the indices as they are read; places count from 1; commas where one has two characters."""
    found = []
    for extent, axis, at in zip(symbol.shape, symbol.axes, positions, strict=True):
        if isinstance(at, Index):
            found.append(str(at))
        elif isinstance(axis, Index) and axis.last and at == extent - 1:
            found.append(axis.last)
        elif extent > 1:
            found.append(str(at + 1))
    apart = any(len(one.rstrip("′")) > 1 for one in found)
    return [",".join(found)] if apart else found


def calculated(position: Position, step: int, offset: int) -> str:
    """Return the place ``step · position + offset`` as it is read, counted from 1: i+1, 5−i, 2i."""
    if not isinstance(position, Index):
        return str(step * position + offset + 1)
    first = offset + 1 - step
    if step < 0:
        return f"{first}−{'' if step == -1 else -step}{position}"
    added = f"{'+' if first > 0 else '−'}{abs(first)}" if first else ""
    return f"{'' if step == 1 else step}{position}{added}"


def marked(body: Layout, name: str) -> Layout:
    """Mark what stands for a value or a derivative; the shape below it is no part of it."""
    if isinstance(body, layout.Under):
        return layout.Under(layout.Term(body.body, name), body.remark)
    return layout.Term(body, name)


def derivative(of: Symbol, by: Symbol) -> str:
    """Return what a derivative is marked as."""
    return f"∂{of.name}/∂{by.name}"


def raised(base: Layout, above: Layout) -> Layout:
    """Return a power; the shape under its base stays below both."""
    if isinstance(base, layout.Under):
        return layout.Under(raised(base.body, above), base.remark)
    inside = base.body if isinstance(base, layout.Term) else base
    if isinstance(inside, layout.Script) and inside.above is not None:
        base = parenthesised(base)  # or the exponent would stand beside the number of the layer
    return layout.Script(base, above=above)


def begins_with_number(shown: Layout) -> bool:
    """Whether what is shown begins with a digit, so that a number before it would run into it."""
    match shown:
        case Text():
            return shown.kind == "number"
        case layout.Row((first, *_)) | layout.Script(base=first):
            return begins_with_number(first)
        case layout.Fraction():
            return not shown.enclosed_top and begins_with_number(shown.top)
        case layout.Term(body) | layout.Under(body):
            return begins_with_number(body)
    return False
