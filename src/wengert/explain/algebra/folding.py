"""Writing a name for the quotient that defines it: n for (x − m)/s, L for wᵀSw/wᵀw."""

from __future__ import annotations

from collections.abc import Sequence

from wengert.explain.algebra.likeness import Exponent, bases, gathered, key, raised
from wengert.explain.algebra.simplification import cancelled, length, taken_out
from wengert.explain.index.construction import divide, multiply, total
from wengert.explain.index.expressions import (
    Add,
    Apply,
    Element,
    Expression,
    Number,
    Product,
    Quotient,
    Sum,
    free_indices,
    rebuild,
    walk,
)
from wengert.explain.index.indices import Index, Position
from wengert.explain.index.notation import exponent
from wengert.explain.index.substitution import substitute

Bases = Sequence[tuple[Expression, Exponent]]
Names = dict[Index, Position]


def with_name(expression: Expression, name: Element, definition: Expression) -> Expression:
    """Write `name` for `definition`, a quotient, wherever a term has its factors and gets shorter by that."""
    written = rebuild(expression, lambda part: with_name(part, name, definition))
    if isinstance(written, Sum) and written != expression:  # what moves out may complete the quotient outside
        return taken_out(total(written.indices, written.body))
    expression = written
    if not isinstance(expression, (Product, Quotient)):
        return expression
    _, pattern = gathered(definition)
    _, found = gathered(expression)
    names = _matched(list(pattern.values()), list(found.values()), {})
    if names is None:
        return expression
    positions = tuple(names.get(at, at) if isinstance(at, Index) else at for at in name.positions)
    written = substitute(definition, names)
    shorter = cancelled(multiply(expression, divide(Element(name.symbol, positions), written)))
    if _cost(shorter) >= _cost(expression):
        return expression
    return with_name(shorter, name, definition)


def with_difference(expression: Expression, name: Element, definition: Add) -> Expression:
    """Write `name` for the sum of terms that defines it, wherever that stands: q for 1 − p."""
    if isinstance(expression, Add):
        names = _unified(definition, expression, {})
        if names is not None:
            positions = tuple(names.get(at, at) if isinstance(at, Index) else at for at in name.positions)
            return Element(name.symbol, positions)
    return rebuild(expression, lambda part: with_difference(part, name, definition))


def without_name(expression: Expression, name: Element, definition: Expression) -> Expression:
    """Write out a name that stands beside what is below the line in its definition, and cancel."""
    expression = rebuild(expression, lambda part: without_name(part, name, definition))
    if not isinstance(expression, (Product, Quotient)):
        return expression
    for base, by in bases(expression):
        if isinstance(base, Element) and base.symbol is name.symbol and by.denominator == 1:
            names = dict(
                zip(name.symbol.indices, [at for at in base.positions if isinstance(at, Index)], strict=False)
            )
            written = raised(substitute(definition, names), abs(by))
            inverse = raised(base, abs(by))
            out = divide(written, inverse) if by > 0 else divide(inverse, written)
            shorter = cancelled(multiply(expression, out))
            if length(shorter) < length(expression):
                return without_name(shorter, name, definition)
    return expression


def _cost(expression: Expression) -> tuple[int, int]:
    """Return what there is to read: names of ours count twice, since the reader did not choose them."""
    parts = list(walk(expression))
    names = sum(1 + part.symbol.automatic for part in parts if isinstance(part, Element))
    functions = sum(
        isinstance(part, Quotient) or (isinstance(part, Apply) and exponent(part.primitive) is None)
        for part in parts
    )
    return names + functions, len(parts)


def is_quotient(definition: Expression) -> bool:
    """Whether a definition has something below the line that a name can be written for, as (p + q)/2 has."""
    match definition:
        case Product((Number(), Add())):
            return True
    if not isinstance(definition, (Product, Quotient)):
        return False
    _, found = gathered(definition)
    return len(found) > 1 and any(by < 0 for _, by in found.values())


def _matched(pattern: Bases, among: Bases, names: Names) -> Names | None:
    """Return the positions for which all of the pattern stands among the bases."""
    if not pattern:
        return names
    (wanted, by), *rest = pattern
    for place, (base, there) in enumerate(among):
        if by * there > 0 and abs(there) >= abs(by):
            agreed = _unified(wanted, base, names)
            others = [*among[:place], *among[place + 1 :]]
            found = None if agreed is None else _matched(rest, others, agreed)
            if found is not None:
                return found
    return None


def _unified(pattern: Expression, found: Expression, names: Names) -> Names | None:
    """Return the positions for which `pattern` reads as `found`, in agreement with those known."""
    free = set(free_indices(pattern))
    agreed = dict(names)
    for mine, theirs in zip(walk(pattern), walk(found), strict=False):
        if isinstance(mine, Element) and isinstance(theirs, Element) and mine.symbol is theirs.symbol:
            for one, other in zip(mine.positions, theirs.positions, strict=True):
                if isinstance(one, Index) and one in free and agreed.setdefault(one, other) != other:
                    return None
    return agreed if key(substitute(pattern, agreed)) == key(found) else None
