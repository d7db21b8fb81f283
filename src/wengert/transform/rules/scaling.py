"""Constant factors and signs: gathered in one place, exactly, and moved towards the root.

A factor is a fraction, so that joining 2·x with /8 gives x/4 without rounding.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import lru_cache

import numpy as np

from wengert.ir.node import Node, with_operands
from wengert.transform.rules.table import build, is_a, is_number, rule, shaped, uniform_value

_ONE = Fraction(1)
_EXACT = 2**53  # whole numbers up to here are floating numbers
_TINY32, _TINY64 = float(np.finfo(np.float32).tiny), float(np.finfo(np.float64).tiny)


def _fraction(node: Node) -> Fraction | None:
    """Return the number that a scalar constant is; None for others, and where it is 0, infinite or NaN."""
    value = uniform_value(node) if not node.type.shape else None
    return _exact(value) if value and math.isfinite(value) else None


@lru_cache(maxsize=1024)
def _exact(value: float) -> Fraction:
    return Fraction(value)


def _times(first: Fraction, second: Fraction) -> Fraction:
    """Return the product; one is by far the most frequent factor."""
    return second if first is _ONE else first if second is _ONE else first * second


def _may_be_scaled(node: Node) -> bool:
    """A quick look, since most nodes of a long program are nothing of the kind."""
    return is_a(node, "mul", "div", "neg")


def split(node: Node) -> tuple[Fraction, Node]:
    """Write a node as factor · base, where the base has no constant factor and no sign in front."""
    factor = _ONE
    while node.type.is_float and _may_be_scaled(node):
        if is_a(node, "neg"):
            factor, node = -factor, node.inputs[0]
            continue
        x, y = node.inputs
        left = _fraction(x) if is_a(node, "mul") else None
        right = _fraction(y)
        if left is not None and y.type is node.type:
            factor, node = _times(factor, left), y
        elif right is not None and x.type is node.type:
            factor, node = _times(factor, right) if is_a(node, "mul") else factor / right, x
        else:
            break
    return factor, node


def representable(factor: Fraction, node: Node) -> bool:
    """Whether a factor and its inverse are normal numbers in the dtype of a node."""
    tiny = _TINY32 if node.type.dtype == np.float32 else _TINY64
    try:
        return tiny <= abs(float(factor)) <= 1 / tiny
    except OverflowError:
        return False


def scaled(x: Node, factor: Fraction) -> Node:
    """Return factor·x in its one canonical form: −x, x/8 where the inverse is whole, and c·x otherwise."""
    whole = factor.denominator
    if abs(factor.numerator) == 1 and whole < _EXACT:
        quotient = x if whole == 1 else build("div", x, float(whole))
        return quotient if factor > 0 else build("neg", quotient)
    return build("mul", float(factor), x)


@rule("mul", "div", "neg", exact=False)
def join_factors(node: Node) -> Node | None:
    """a·(b·x) → (a·b)·x, −(c·x) → (−c)·x, x·c → c·x, for constants."""
    if not is_a(node, "neg") and all(operand.inputs for operand in node.inputs):
        return None
    factor, base = split(node)
    if base is node or not representable(factor, node):
        return None
    x = node.inputs[0]
    if is_a(node, "div") and base is x:
        # A quotient by one constant is exact as it stands; its inverse might not be.
        return scaled(x, factor) if factor < 0 or factor.numerator == 1 else None
    return scaled(base, factor)


@rule("mul", "div", exact=False)
def factor_outside(node: Node) -> Node | None:
    """(c·x)·y → c·(x·y) and (c·x)/y → c·(x/y).

    Only where they then stand on no more elements than before; out of a denominator only signs.
    """
    if not node.type.is_float or not any(_may_be_scaled(operand) for operand in node.inputs):
        return None
    operands = []
    factor = _ONE
    for place, operand in enumerate(node.inputs):
        own, base = split(operand)
        below = place == 1 and is_a(node, "div")
        if operand.type.size < node.type.size:
            own, base = _ONE, operand
        elif below and own is not _ONE:
            own, base = (Fraction(-1), scaled(base, -own)) if own < 0 else (_ONE, operand)
        operands.append(base)
        factor = factor / own if below and own is not _ONE else _times(factor, own)
    if factor == 1 and tuple(operands) == node.inputs:
        return None
    if not representable(factor, node):
        return None
    return scaled(with_operands(node, *operands), factor)


def _term(node: Node) -> tuple[Fraction, Node]:
    """Write one term of a sum as factor · base, looking into products of smaller arrays as well."""
    factor, base = split(node)
    if is_a(base, "mul"):
        parts = [split(operand) for operand in base.inputs]
        inner = _times(parts[0][0], parts[1][0])
        if inner is not _ONE and inner != 1:
            return factor * inner, build("mul", parts[0][1], parts[1][1])
    return factor, base


@rule("add", "sub", exact=False)
def collect(node: Node) -> Node | None:
    """c·x ± c·y → c·(x ± y); x + (−c)·y → x − c·y; −x + y → y − x; −x − y → −(x + y)."""
    if not node.type.is_float or not any(_may_be_scaled(operand) for operand in node.inputs):
        return None
    (first, x), (second, y) = (_term(operand) for operand in node.inputs)
    if first is _ONE and second is _ONE:
        return None
    if is_a(node, "sub"):
        second = -second
    common = abs(first)
    # One factor on the result in place of two on operands that may be smaller.
    saved = sum(operand.type.size for operand in node.inputs if _may_be_scaled(operand))
    cheaper = saved >= node.type.size
    if cheaper and common == abs(second) and common != 1 and representable(common, node):
        return scaled(_signed_sum(first > 0, x, second > 0, y), common)
    if first < 0 and second < 0:
        return build("neg", build("add", *_positive(node))) if cheaper else None
    if first < 0 or (second < 0) == is_a(node, "add"):
        return _signed_sum(first > 0, _positive(node)[0], second > 0, _positive(node)[1])
    return None


def _positive(node: Node) -> list[Node]:
    """Return the operands of a sum without their signs."""
    parts = [_term(operand) for operand in node.inputs]
    return [
        operand if factor > 0 else scaled(base, -factor)
        for operand, (factor, base) in zip(node.inputs, parts, strict=True)
    ]


def _signed_sum(first: bool, x: Node, second: bool, y: Node) -> Node:
    """Return ±x ± y; a plus in front comes first."""
    if first:
        return build("add" if second else "sub", x, y)
    return build("sub", y, x) if second else build("neg", build("add", x, y))


@rule("add", "sub", exact=False)
def shared_factor(node: Node) -> Node | None:
    """a·x ± a·y → a·(x ± y)."""
    left, right = node.inputs
    if not (is_a(left, "mul") and is_a(right, "mul") and left.type is right.type is node.type):
        return None
    if not node.type.is_float:
        return None
    for a, x in (left.inputs, left.inputs[::-1]):
        for b, y in (right.inputs, right.inputs[::-1]):
            if a is b:
                inner = with_operands(node, x, y)
                product = build("mul", a, inner)
                return product if product.type is node.type else None
    return None


@rule("neg", exact=False, complex=True)
def negate(node: Node) -> Node | None:
    """−(x − y) → y − x."""
    (x,) = node.inputs
    return build("sub", x.inputs[1], x.inputs[0]) if is_a(x, "sub") else None


@rule("mul", "div", exact=True, complex=True)
def by_one(node: Node) -> Node | None:
    """1·x → x, x/1 → x, also for whole numbers and where the one is an array.

    Of complex numbers NumPy makes NaN of an infinite part, which stays here.
    """
    x, y = node.inputs
    if is_number(y, 1):
        return shaped(x, node)
    return shaped(y, node) if is_a(node, "mul") and is_number(x, 1) else None
