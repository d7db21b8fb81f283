"""Constants are computed once; constants that repeat one number are that number, broadcast."""

from __future__ import annotations

import math

import numpy as np

from wengert.ir.evaluate import evaluate_node
from wengert.ir.node import CONSTANT, Node, make_constant, with_operands
from wengert.ir.primitive import Kind
from wengert.transform.rules.table import (
    build,
    filled,
    is_a,
    is_scalar_constant,
    names_of_kind,
    rule,
    shaped,
    uniform_element,
    uniform_value,
)

_LARGEST = 4096  # elements; larger constants are cheaper to compute than to carry


@rule("constant", exact=True)
def uniform_constant(node: Node) -> Node | None:
    """An array that repeats one number → the number, broadcast."""
    element = uniform_element(node) if node.type.ndim else None
    return None if element is None else filled(element, node)


@rule(*names_of_kind(Kind.MOVEMENT), exact=True)
def uniform_movement(node: Node) -> Node | None:
    """A movement of copies of one number → copies of the number."""
    if is_a(node, "pad", "concatenate") or (
        is_a(node, "broadcast_to") and is_scalar_constant(node.inputs[0])
    ):
        return None
    element = uniform_element(node.inputs[0])
    return None if element is None or node.type.size == 0 else filled(element, node)


@rule(
    *names_of_kind(Kind.ELEMENTWISE, Kind.REDUCTION, Kind.SCAN, Kind.CONTRACTION, Kind.MOVEMENT), exact=True
)
def fold(node: Node) -> Node | None:
    """f(constants) → constant."""
    for operand in node.inputs:
        if operand.primitive is not CONSTANT:
            return None
    if node.type.size > _LARGEST or is_a(node, "broadcast_to", "stop_gradient"):
        return None
    with np.errstate(all="ignore"):
        return make_constant(evaluate_node(node, [operand.value for operand in node.inputs]))


@rule(*names_of_kind(Kind.ELEMENTWISE), exact=True)
def fold_uniform(node: Node) -> Node | None:
    """f(copies of numbers) → copies of f(the numbers)."""
    elements = []
    for operand in node.inputs:
        element = uniform_element(operand)
        if element is None:
            return None
        elements.append(element)
    if is_a(node, "stop_gradient") or not node.type.shape or node.type.size == 0:
        return None
    return shaped(with_operands(node, *[make_constant(np.asarray(element)) for element in elements]), node)


@rule("where", exact=True)
def where_known(node: Node) -> Node | None:
    """where(true, x, y) → x, and where(c, x, x) → x."""
    condition, x, y = node.inputs
    known = uniform_value(condition)
    if known is None and x is not y:
        return None
    return shaped(x if known is None or known else y, node)


@rule("sum", exact=False)
def sum_of_copies(node: Node) -> Node | None:
    """Σ of n equal copies → n times the copy."""
    (x,) = node.inputs
    axes = node.param("axes")
    if not is_a(x, "broadcast_to") or not node.type.is_float or not axes:
        return None
    copy = x.inputs[0]
    new = x.type.ndim - copy.type.ndim
    if any(axis >= new and copy.type.shape[axis - new] != 1 for axis in axes):
        return None
    kept = node.param("keepdims")
    shape = [
        1 if axis in axes else extent for axis, extent in enumerate(x.type.shape) if kept or axis not in axes
    ]
    count = math.prod(x.type.shape[axis] for axis in axes)
    # Axes before those of the copy hold copies as well: what is left of them comes back by broadcasting.
    old = [axis for axis in range(new, x.type.ndim) if kept or axis not in axes]
    inner = build("reshape", copy, shape=tuple(copy.type.shape[axis - new] for axis in old))
    scaled = build("mul", float(count), inner)
    return scaled if list(scaled.type.shape) == shape else build("broadcast_to", scaled, shape=tuple(shape))
