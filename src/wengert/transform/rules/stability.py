"""The stable forms of formulas that overflow or cancel as they stand on the blackboard."""

from __future__ import annotations

import numpy as np

from wengert.ir.node import Node, make_node
from wengert.primitives.exponential import exp_difference, sigmoid, softplus
from wengert.primitives.reductions import logsumexp
from wengert.trace.tensor import Tensor, Trace
from wengert.transform.rules.table import is_a, is_number, rule, tensor, uniform_value

_MOVEMENTS = ("reshape", "transpose", "expand_dims", "squeeze", "slice", "flip", "broadcast_to", "gather")
_SMALL = 1e-6  # a lower bound below this guards a probability against 0, it does not model anything


def _one_plus_exp(node: Node) -> Node | None:
    """Return z where the node is 1 + exp z."""
    if not is_a(node, "add"):
        return None
    for one, other in (node.inputs, node.inputs[::-1]):
        if is_number(one, 1) and is_a(other, "exp") and other.type is node.type:
            return other.inputs[0]
    return None


def _negated(z: Node, trace: Trace) -> Tensor:
    if is_a(z, "neg"):
        return tensor(z.inputs[0], trace)
    return -tensor(z, trace)


@rule("log")
def log_exp(node: Node, trace: Trace) -> Tensor | None:
    """log(exp z) → z; with the softmax below this gives log-softmax."""
    (x,) = node.inputs
    if is_a(x, "exp_difference") and x.type is node.type:
        return tensor(x.inputs[0], trace) - tensor(x.inputs[1], trace)  # type: ignore[no-any-return]
    return tensor(x.inputs[0], trace) if is_a(x, "exp") else None


@rule("log")
def log_one_plus_exp(node: Node, trace: Trace) -> Tensor | None:
    """log(1 + exp z) → softplus z."""
    z = _one_plus_exp(node.inputs[0])
    return softplus(tensor(z, trace)) if z is not None else None


@rule("log1p")
def log1p_exp(node: Node, trace: Trace) -> Tensor | None:
    """log1p(exp z) → softplus z."""
    (x,) = node.inputs
    return softplus(tensor(x.inputs[0], trace)) if is_a(x, "exp") else None


@rule("log")
def log_sum_exp(node: Node, trace: Trace) -> Tensor | None:
    """log Σ exp z → logsumexp z."""
    (x,) = node.inputs
    if not is_a(x, "sum") or not is_a(x.inputs[0], "exp") or x.inputs[0].type.size == 0:
        return None
    return logsumexp(tensor(x.inputs[0].inputs[0], trace), **dict(x.params))  # type: ignore[no-any-return]


@rule("log")
def log_sigmoid(node: Node, trace: Trace) -> Tensor | None:
    """log σ(z) → −softplus(−z), and log(1 − σ(z)) → −softplus z."""
    (x,) = node.inputs
    if is_a(x, "sigmoid"):
        return -softplus(_negated(x.inputs[0], trace))
    if is_a(x, "sub") and is_number(x.inputs[0], 1) and is_a(x.inputs[1], "sigmoid"):
        return -softplus(tensor(x.inputs[1].inputs[0], trace))
    return None


@rule("log1p")
def log1p_sigmoid(node: Node, trace: Trace) -> Tensor | None:
    """log1p(−σ(z)) → −softplus z."""
    (x,) = node.inputs
    if is_a(x, "neg") and is_a(x.inputs[0], "sigmoid"):
        return -softplus(tensor(x.inputs[0].inputs[0], trace))
    return None


def _has_exact_log(node: Node) -> bool:
    """Whether the logarithm of a node has a stable form: exp, sigmoid, 1 − sigmoid, softmax, moved or not."""
    while is_a(node, *_MOVEMENTS):
        node = node.inputs[0]
    if is_a(node, "sub"):
        return is_number(node.inputs[0], 1) and _has_exact_log(node.inputs[1]) and is_a(node.inputs[1], "sigmoid")
    return is_a(node, "exp", "exp_difference", "sigmoid")


@rule("log")
def log_moved(node: Node, trace: Trace) -> Tensor | None:
    """log(x[i]) → (log x)[i] where log x has a stable form."""
    (x,) = node.inputs
    if not is_a(x, *_MOVEMENTS) or not _has_exact_log(x):
        return None
    inner, *rest = x.inputs
    logarithm = np.log(tensor(inner, trace))  # type: ignore[call-overload]
    return Tensor(make_node(x.primitive, (logarithm.node, *rest), dict(x.params)), trace)


@rule("log")
def log_guarded(node: Node, trace: Trace) -> Tensor | None:
    """log(max(p, tiny)) → log p where p is a softmax or sigmoid: its logarithm needs no guard."""
    (x,) = node.inputs
    if is_a(x, "clip"):
        p, low, high = x.inputs
        bounds = (uniform_value(low), uniform_value(high))
        if None in bounds or not 0 <= bounds[0] <= _SMALL or bounds[1] < 1 - _SMALL:
            return None
    elif is_a(x, "maximum"):
        first, second = x.inputs
        p, low = (first, second) if uniform_value(second) is not None else (second, first)
        bound = uniform_value(low)
        if bound is None or not 0 <= bound <= _SMALL:
            return None
    else:
        return None
    if p.type is not x.type or not _has_exact_log(p) or not _is_probability(p):
        return None
    return np.log(tensor(p, trace))  # type: ignore[call-overload, no-any-return]


def _is_probability(node: Node) -> bool:
    """Whether a node is a sigmoid, 1 − sigmoid or a softmax: never above 1."""
    while is_a(node, *_MOVEMENTS):
        node = node.inputs[0]
    if is_a(node, "exp_difference"):
        return is_a(node.inputs[1], "logsumexp")
    return is_a(node, "sigmoid", "sub")


@rule("div", "reciprocal")
def naive_sigmoid(node: Node, trace: Trace) -> Tensor | None:
    """1/(1 + exp(−z)) → σ(z), and exp z/(1 + exp z) → σ(z)."""
    if is_a(node, "reciprocal"):
        z = _one_plus_exp(node.inputs[0])
        return sigmoid(_negated(z, trace)) if z is not None else None
    above, below = node.inputs
    z = _one_plus_exp(below)
    if z is None or below.type is not node.type:
        return None
    if is_number(above, 1):
        return sigmoid(_negated(z, trace))
    if is_a(above, "exp") and above.inputs[0] is z:
        return sigmoid(tensor(z, trace))
    return None


@rule("div")
def naive_softmax(node: Node, trace: Trace) -> Tensor | None:
    """exp z / Σ exp z → exp(z − logsumexp z)."""
    above, below = node.inputs
    while is_a(below, "broadcast_to"):
        below = below.inputs[0]
    if not is_a(above, "exp") or above.type is not node.type or above.type.size == 0:
        return None
    expanded = is_a(below, "expand_dims")
    total = below.inputs[0] if expanded else below
    if not is_a(total, "sum") or total.inputs[0] is not above:
        return None
    params = dict(total.params)
    if expanded and (params["keepdims"] or params["axes"] != dict(below.params)["axes"]):
        return None
    everything = len(params["axes"]) == above.type.ndim
    if not (params["keepdims"] or expanded or everything):
        return None
    z = tensor(above.inputs[0], trace)
    return exp_difference(z, logsumexp(z, axes=params["axes"], keepdims=True))  # type: ignore[no-any-return]
