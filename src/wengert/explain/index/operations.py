"""What a line does with its operands, read from how its primitive is written on paper."""

from __future__ import annotations

from functools import lru_cache

from wengert.explain.index.expressions import (
    MINUS_ONE,
    ONE,
    Add,
    Expression,
    Number,
    Power,
    Product,
    Quotient,
    Slot,
    walk,
)
from wengert.explain.index.notation import OPERANDS, notation
from wengert.ir.primitive import Kind, Primitive

_ARITHMETIC = (Number, Slot, Add, Product, Quotient, Power)


@lru_cache(maxsize=1024)
def combines(primitive: Primitive) -> bool:
    """Whether a primitive is written with +, −, ·, / and powers alone."""
    formula = _formula(primitive)
    return formula is not None and all(isinstance(part, _ARITHMETIC) for part in walk(formula))


def bends(primitive: Primitive) -> bool:
    """Whether a primitive is a function of each element, as an activation is, and no arithmetic."""
    return primitive.kind is Kind.ELEMENTWISE and not combines(primitive)


@lru_cache(maxsize=1024)
def signs(primitive: Primitive) -> tuple[int, ...]:
    """Return for each operand of a sum whether it is added (1) or subtracted (−1); empty of what is none."""
    formula = _formula(primitive)
    terms = formula.terms if isinstance(formula, Add) else (formula,)
    found: dict[str, int] = {}
    for term in terms:
        match term:
            case Slot(name):
                found[name] = 1
            case Product((factor, Slot(name))) if factor == MINUS_ONE:
                found[name] = -1
            case _:
                return ()
    return _by_operand(primitive, found)


@lru_cache(maxsize=1024)
def exponents(primitive: Primitive) -> tuple[int, ...]:
    """Return 1 for each factor in the numerator, −1 for each in the denominator; () if it is no product."""
    formula = _formula(primitive)
    above, below = (
        (formula.numerator, formula.denominator) if isinstance(formula, Quotient) else (formula, ONE)
    )
    found: dict[str, int] = {}
    for side, exponent in ((above, 1), (below, -1)):
        for factor in side.factors if isinstance(side, Product) else (side,):
            match factor:
                case Slot(name):
                    found[name] = exponent
                case Number():
                    pass
                case _:
                    return ()
    return _by_operand(primitive, found)


def _formula(primitive: Primitive) -> Expression | None:
    return notation(primitive).formula if primitive.kind is Kind.ELEMENTWISE else None


def _by_operand(primitive: Primitive, found: dict[str, int]) -> tuple[int, ...]:
    """Return what was found of each operand; nothing where one does not stand in the formula."""
    names = OPERANDS[: len(primitive.domain)]
    return tuple(found[name] for name in names) if set(found) == set(names) else ()
