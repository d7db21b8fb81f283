"""Identities of arithmetic."""

from __future__ import annotations

import numpy as np

from wengert.ir.node import Node, with_operands
from wengert.ir.primitive import Kind
from wengert.transform.rules.table import (
    build,
    filled,
    is_a,
    is_number,
    names_of_kind,
    rule,
    shaped,
    uniform_element,
)


@rule(*names_of_kind(Kind.ELEMENTWISE), exact=True)
def implicit_broadcast(node: Node) -> Node | None:
    """f(broadcast(x), y) → f(x, y): elementwise operations broadcast by themselves."""
    if len(node.inputs) == 1:
        return None
    for place, operand in enumerate(node.inputs):
        if not is_a(operand, "broadcast_to"):
            continue
        operands = list(node.inputs)
        operands[place] = operand.inputs[0]
        if np.broadcast_shapes(*[one.type.shape for one in operands]) == node.type.shape:
            return with_operands(node, *operands)
    return None


@rule(*names_of_kind(Kind.ELEMENTWISE), exact=True)
def late_broadcast(node: Node) -> Node | None:
    """f(broadcast(x)) → broadcast(f(x)): what is the same for all copies is computed once."""
    if len(node.inputs) != 1 or is_a(node, "stop_gradient"):
        return None
    (x,) = node.inputs
    return shaped(with_operands(node, x.inputs[0]), node) if is_a(x, "broadcast_to") else None


def _is_neutral(node: Node, sign: int) -> bool:
    """Whether a node is 0 in every element, of this sign if it has one."""
    zero = uniform_element(node)
    if zero is None or zero != 0:
        return False
    parts = (zero.real, zero.imag) if node.type.is_complex else (zero,)
    return not node.type.is_inexact or all(np.signbit(part) == (sign < 0) for part in parts)


@rule("add", exact=True)
def add_zero(node: Node) -> Node | None:
    """0 + x → x and x + 0 → x; of floating numbers −0.0 alone: −0.0 + 0.0 is 0.0."""
    x, y = node.inputs
    if _is_neutral(y, -1):
        return shaped(x, node)
    return shaped(y, node) if _is_neutral(x, -1) else None


@rule("sub", exact=True)
def subtract_zero(node: Node) -> Node | None:
    """x − 0 → x, and −0.0 − y → −y, but not 0.0 − y, which is 0.0 where y is."""
    x, y = node.inputs
    if _is_neutral(y, 1):
        return shaped(x, node)
    return shaped(build("neg", y), node) if _is_neutral(x, -1) and node.type.dtype.kind != "b" else None


@rule("mul", exact=True)
def square_of(node: Node) -> Node | None:
    """x·x → x², but for booleans, whose product is a boolean and whose square is an int8."""
    x, y = node.inputs
    return build("square", x) if x is y and x.type.dtype.kind != "b" else None


@rule("pow", exact=False, complex=True)
def small_power(node: Node) -> Node | None:
    """x¹ → x, x² → square, x⁻¹ → 1/x, x⁰ → 1: what NumPy computes for these exponents."""
    x, exponent = node.inputs
    if not node.type.is_inexact or x.type is not node.type:
        return None
    if is_number(exponent, 1):
        return x
    if is_number(exponent, 2):
        return build("square", x)
    if is_number(exponent, -1):
        return build("reciprocal", x)
    return filled(1, node) if is_number(exponent, 0) else None


@rule("square", exact=False)
def square_of_hypot(node: Node) -> Node | None:
    """√(x² + y²)² → x² + y²: |z|² of complex numbers, which has a derivative without a quotient."""
    (radius,) = node.inputs
    if not is_a(radius, "hypot"):
        return None
    return build("add", *[build("square", side) for side in radius.inputs])


@rule("real", exact=True)
def real_of_converted(node: Node) -> Node | None:
    """The real part of real numbers made complex, or of a conjugate."""
    (z,) = node.inputs
    if is_a(z, "conj"):
        return build("real", z.inputs[0])
    return z.inputs[0] if is_a(z, "astype") and z.inputs[0].type is node.type else None


@rule("conj", exact=True)
def conjugate_twice(node: Node) -> Node | None:
    """The conjugate of a conjugate."""
    (z,) = node.inputs
    return z.inputs[0] if is_a(z, "conj") else None


@rule("where", exact=True)
def nested_where(node: Node) -> Node | None:
    """where(c, where(c, x, y), z) → where(c, x, z), and likewise on the right."""
    condition, x, y = node.inputs
    if is_a(x, "where") and x.inputs[0] is condition and x.type is node.type:
        x = x.inputs[1]
    elif is_a(y, "where") and y.inputs[0] is condition and y.type is node.type:
        y = y.inputs[2]
    else:
        return None
    changed = with_operands(node, condition, x, y)
    return changed if changed.type is node.type else None
