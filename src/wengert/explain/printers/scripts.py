"""What stands above and below a name: indices, exponents, shapes; and what names are marked as."""

from __future__ import annotations

import fractions
from collections.abc import Iterable

from wengert.explain.index.expressions import Add, Expression, Number, Product, Running, Symbol
from wengert.explain.index.indices import Index, Position
from wengert.explain.places.affine_places import Digit
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


def calculated(place: Expression) -> str:
    """Return a place that is calculated as it is read in an index: i+1, 5−i, 2i, 3(i−1)+j, ⌈i/2⌉."""
    match place:
        case Number(value):
            return str(value).replace("-", "−")
        case Running(index):
            return str(index)
        case Digit(inside, step, extent):
            quotient = f"⌈{_enclosed(inside)}/{step}⌉" if step > 1 else calculated(inside)
            if place.is_first:
                return quotient
            before = f"({quotient}−1)" if step > 1 else _enclosed(place.place_before)
            return f"{before} mod {extent}+1"
        case Product((Number(value), inside)):
            if isinstance(value, fractions.Fraction) and value.denominator > 1:
                return f"{_enclosed(inside)}/{value.denominator}"
            return f"{'−' if value == -1 else calculated(Number(value))}{_enclosed(inside)}"
        case Add((Digit() as first, Number(value))) if value == -1 and not first.is_first:
            return calculated(first).removesuffix("+1")
        case Add(terms):
            return "+".join(map(calculated, terms)).replace("+−", "−")
    raise AssertionError(f"{type(place).__name__} in a place")


def _enclosed(place: Expression) -> str:
    return f"({calculated(place)})" if isinstance(place, Add) else calculated(place)


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
