"""Identities of arithmetic."""

from __future__ import annotations

import numpy as np

from wengert.ir.node import Node, with_operands
from wengert.ir.primitive import Kind
from wengert.transform.rules.table import build, filled, is_a, is_number, names_of_kind, rule, shaped


@rule(*names_of_kind(Kind.ELEMENTWISE))
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


@rule(*names_of_kind(Kind.ELEMENTWISE))
def late_broadcast(node: Node) -> Node | None:
    """f(broadcast(x)) → broadcast(f(x)): what is the same for all copies is computed once."""
    if len(node.inputs) != 1 or is_a(node, "stop_gradient"):
        return None
    (x,) = node.inputs
    return shaped(with_operands(node, x.inputs[0]), node) if is_a(x, "broadcast_to") else None


@rule("add")
def add_zero(node: Node) -> Node | None:
    """0 + x → x and x + 0 → x."""
    x, y = node.inputs
    if is_number(y, 0):
        return shaped(x, node)
    return shaped(y, node) if is_number(x, 0) else None


@rule("sub")
def subtract_zero(node: Node) -> Node | None:
    """0 − y → −y and x − 0 → x."""
    x, y = node.inputs
    if is_number(y, 0):
        return shaped(x, node)
    return shaped(build("neg", y), node) if is_number(x, 0) and node.type.is_float else None


@rule("mul")
def square_of(node: Node) -> Node | None:
    """x·x → x²."""
    x, y = node.inputs
    return build("square", x) if x is y else None


@rule("pow")
def small_power(node: Node) -> Node | None:
    """x¹ → x, x² → square, x⁻¹ → 1/x, x^½ → √x, x⁰ → 1: what NumPy computes for these exponents."""
    x, exponent = node.inputs
    if not node.type.is_float or x.type is not node.type:
        return None
    if is_number(exponent, 1):
        return x
    if is_number(exponent, 2):
        return build("square", x)
    if is_number(exponent, -1):
        return build("reciprocal", x)
    if is_number(exponent, 0.5):
        return build("sqrt", x)
    return filled(1, node) if is_number(exponent, 0) else None


@rule("where")
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
