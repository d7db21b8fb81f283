"""Identities of arithmetic."""

from __future__ import annotations

import numpy as np

from wengert.ir.node import Node, make_node
from wengert.ir.primitive import Kind
from wengert.trace.tensor import Tensor, Trace
from wengert.transform.rules.table import (
    is_a,
    is_number,
    names_of_kind,
    rule,
    shaped,
    tensor,
    uniform_value,
)


@rule(*names_of_kind(Kind.ELEMENTWISE))
def implicit_broadcast(node: Node, trace: Trace) -> Tensor | None:
    """f(broadcast(x), y) → f(x, y): elementwise operations broadcast by themselves."""
    if len(node.inputs) == 1:
        return None
    for place, operand in enumerate(node.inputs):
        if not is_a(operand, "broadcast_to"):
            continue
        operands = list(node.inputs)
        operands[place] = operand.inputs[0]
        if np.broadcast_shapes(*[one.type.shape for one in operands]) == node.type.shape:
            return Tensor(make_node(node.primitive, operands, dict(node.params)), trace)
    return None


@rule("add")
def add_zero(node: Node, trace: Trace) -> Tensor | None:
    """x + 0 → x."""
    x, y = node.inputs
    if is_number(y, 0):
        return shaped(tensor(x, trace), node)
    if is_number(x, 0):
        return shaped(tensor(y, trace), node)
    return None


@rule("add")
def add_negative(node: Node, trace: Trace) -> Tensor | None:
    """x + (−y) → x − y, and (−x) + y → y − x."""
    x, y = node.inputs
    if is_a(y, "neg"):
        return tensor(x, trace) - tensor(y.inputs[0], trace)  # type: ignore[no-any-return]
    if is_a(x, "neg"):
        return tensor(y, trace) - tensor(x.inputs[0], trace)  # type: ignore[no-any-return]
    return None


@rule("sub")
def subtract(node: Node, trace: Trace) -> Tensor | None:
    """x − 0 → x, 0 − y → −y, x − (−y) → x + y."""
    x, y = node.inputs
    if is_number(y, 0):
        return shaped(tensor(x, trace), node)
    if is_number(x, 0):
        return shaped(-tensor(y, trace), node)
    if is_a(y, "neg"):
        return tensor(x, trace) + tensor(y.inputs[0], trace)  # type: ignore[no-any-return]
    return None


@rule("mul")
def multiply_one(node: Node, trace: Trace) -> Tensor | None:
    """1·x → x, −1·x → −x."""
    for x, y in (node.inputs, node.inputs[::-1]):
        if is_number(x, 1):
            return shaped(tensor(y, trace), node)
        if is_number(x, -1) and node.type.is_float:
            return shaped(-tensor(y, trace), node)
    return None


@rule("mul", "div")
def negative_outside(node: Node, trace: Trace) -> Tensor | None:
    """(−x)·y → −(x·y), and likewise on the right and for quotients."""
    x, y = node.inputs
    if not node.type.is_float:
        return None
    if is_a(x, "neg"):
        return -Tensor(make_node(node.primitive, (x.inputs[0], y)), trace)
    if is_a(y, "neg"):
        return -Tensor(make_node(node.primitive, (x, y.inputs[0])), trace)
    return None


@rule("mul")
def square_of(node: Node, trace: Trace) -> Tensor | None:
    """x·x → x²."""
    x, y = node.inputs
    return np.square(tensor(x, trace)) if x is y else None  # type: ignore[call-overload, no-any-return]


def _factor(node: Node) -> tuple[float, Node] | None:
    """Split c·x or x/c with a constant c into (factor, x)."""
    if not is_a(node, "mul", "div"):
        return None
    x, y = node.inputs
    left, right = uniform_value(x), uniform_value(y)
    if is_a(node, "mul") and left is not None and right is None and y.type is node.type:
        return float(left), y
    if right is not None and left is None and x.type is node.type and (right != 0 or is_a(node, "mul")):
        return (float(right) if is_a(node, "mul") else 1.0 / float(right)), x
    return None


@rule("mul", "div")
def join_factors(node: Node, trace: Trace) -> Tensor | None:
    """a·(b·x) → (a·b)·x for constants."""
    if not node.type.is_float:
        return None
    outer = _factor(node)
    inner = _factor(outer[1]) if outer is not None else None
    if outer is None or inner is None:
        return None
    factor = outer[0] * inner[0]
    if factor == 0 or not np.isfinite(node.type.dtype.type(factor)):  # type: ignore[arg-type, call-overload]
        return None
    return _scaled(tensor(inner[1], trace), factor)


def _scaled(x: Tensor, factor: float) -> Tensor:
    """Return factor·x, as a quotient where that is the rounder number: x/64 rather than 0.015625·x."""
    inverse = 1.0 / factor
    if abs(factor) < 1 and abs(inverse - round(inverse)) < 1e-9 * abs(inverse):
        return x / float(round(inverse))  # type: ignore[no-any-return]
    return factor * x  # type: ignore[no-any-return]


@rule("mul")
def pull_factor(node: Node, trace: Trace) -> Tensor | None:
    """(c·x)·y → c·(x·y) where x is a scalar or y is no larger than x: constants move outwards."""
    if not node.type.is_float:
        return None
    for x, y in (node.inputs, node.inputs[::-1]):
        split = _factor(x)
        if split is None or uniform_value(y) is not None or _factor(y) is not None:
            continue
        if y.type.size == node.type.size and x.type.size < node.type.size:
            continue  # the factor is cheaper on the smaller operand
        product = tensor(split[1], trace) * tensor(y, trace)
        return _scaled(product, split[0])
    return None


@rule("div")
def divide_one(node: Node, trace: Trace) -> Tensor | None:
    """x/1 → x, x/−1 → −x."""
    x, y = node.inputs
    if is_number(y, 1):
        return shaped(tensor(x, trace), node)
    if is_number(y, -1):
        return shaped(-tensor(x, trace), node)
    return None


@rule("neg")
def negate(node: Node, trace: Trace) -> Tensor | None:
    """−(−x) → x, −(x − y) → y − x, −(c·x) → (−c)·x."""
    (x,) = node.inputs
    if is_a(x, "neg"):
        return tensor(x.inputs[0], trace)
    if is_a(x, "sub"):
        return tensor(x.inputs[1], trace) - tensor(x.inputs[0], trace)  # type: ignore[no-any-return]
    if is_a(x, "mul") and x.type.is_float:
        factor = uniform_value(x.inputs[0])
        if factor is not None and x.inputs[1].type is x.type:
            return -float(factor) * tensor(x.inputs[1], trace)  # type: ignore[no-any-return]
    return None


@rule("pow")
def small_power(node: Node, trace: Trace) -> Tensor | None:
    """x¹ → x, x² → square, x⁻¹ → 1/x, x⁰ → 1."""
    x, exponent = node.inputs
    value = tensor(x, trace)
    if not node.type.is_float or x.type.shape != node.type.shape:
        return None
    if is_number(exponent, 1):
        return value
    if is_number(exponent, 2):
        return np.square(value)  # type: ignore[call-overload, no-any-return]
    if is_number(exponent, -1):
        return np.reciprocal(value)  # type: ignore[call-overload, no-any-return]
    if is_number(exponent, 0):
        return shaped(Tensor(_one(node, trace).node, trace), node)
    return None


def _one(node: Node, trace: Trace) -> Tensor:
    from wengert.trace.tensor import as_tensor

    return as_tensor(np.ones((), node.type.dtype), trace)


@rule("where")
def nested_where(node: Node, trace: Trace) -> Tensor | None:
    """where(c, where(c, x, y), z) → where(c, x, z), and likewise on the right."""
    condition, x, y = node.inputs
    if is_a(x, "where") and x.inputs[0] is condition and x.type is node.type:
        x = x.inputs[1]
    elif is_a(y, "where") and y.inputs[0] is condition and y.type is node.type:
        y = y.inputs[2]
    else:
        return None
    changed = make_node(node.primitive, (condition, x, y))
    return Tensor(changed, trace) if changed.type is node.type else None
