"""Constants are computed once."""

from __future__ import annotations

import math

import numpy as np

from wengert.ir.evaluate import evaluate_node
from wengert.ir.node import Node, constant_value
from wengert.ir.primitive import Kind
from wengert.trace.tensor import Tensor, Trace, as_tensor
from wengert.transform.rules.table import is_a, names_of_kind, rule, shaped, tensor, uniform_value

_LARGEST = 4096  # elements; larger constants are cheaper to compute than to carry


@rule(*names_of_kind(Kind.ELEMENTWISE, Kind.REDUCTION, Kind.SCAN, Kind.CONTRACTION, Kind.MOVEMENT))
def fold(node: Node, trace: Trace) -> Tensor | None:
    """f(constants) → constant."""
    if node.type.size > _LARGEST or is_a(node, "broadcast_to", "stop_gradient"):
        return None
    values = [constant_value(operand) for operand in node.inputs]
    if any(value is None for value in values):
        return None
    with np.errstate(all="ignore"):
        return as_tensor(evaluate_node(node, values), trace)


@rule("broadcast_to")
def fold_small_broadcast(node: Node, trace: Trace) -> Tensor | None:
    """A constant that is broadcast without growing is a constant."""
    value = constant_value(node.inputs[0])
    if value is None or value.size != node.type.size:
        return None
    return as_tensor(np.broadcast_to(value, node.type.shape), trace)


@rule("where")
def where_known(node: Node, trace: Trace) -> Tensor | None:
    """where(true, x, y) → x, and where(c, x, x) → x."""
    condition, x, y = node.inputs
    known = uniform_value(condition)
    if known is None and x is not y:
        return None
    return shaped(tensor(x if known is None or known else y, trace), node)


@rule("sum")
def sum_of_copies(node: Node, trace: Trace) -> Tensor | None:
    """Σ of n equal copies → n times the copy, where a scalar was broadcast."""
    (x,) = node.inputs
    if not is_a(x, "broadcast_to") or x.inputs[0].type.size != 1 or not node.type.is_float:
        return None
    axes = dict(node.params)["axes"]
    count = math.prod(x.type.shape[axis] for axis in axes)
    scalar = np.reshape(tensor(x.inputs[0], trace), ())  # type: ignore[call-overload]
    return shaped(scalar * float(count), node)
