"""The stable forms of formulas that overflow or cancel as they stand on the blackboard."""

from __future__ import annotations

from wengert.ir.node import Node, with_operands
from wengert.transform.rules.table import (
    build,
    is_a,
    is_number,
    is_scalar_constant,
    rule,
    shaped,
    uniform_value,
)

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


def _negated(z: Node) -> Node:
    return z.inputs[0] if is_a(z, "neg") else build("neg", z)


@rule("log", exact=False)
def log_exp(node: Node) -> Node | None:
    """log(exp z) → z; with the softmax below this gives log-softmax."""
    (x,) = node.inputs
    if is_a(x, "exp_difference"):
        return build("sub", *x.inputs)
    return x.inputs[0] if is_a(x, "exp") else None


@rule("log", exact=False)
def log_one_plus_exp(node: Node) -> Node | None:
    """log(1 + exp z) → softplus z, and log(exp x + exp y) → logaddexp(x, y)."""
    (x,) = node.inputs
    z = _one_plus_exp(x)
    if z is not None:
        return build("softplus", z)
    if is_a(x, "add") and is_a(x.inputs[0], "exp") and is_a(x.inputs[1], "exp"):
        return build("logaddexp", x.inputs[0].inputs[0], x.inputs[1].inputs[0])
    return None


@rule("log1p", exact=False)
def log1p_exp(node: Node) -> Node | None:
    """log1p(exp z) → softplus z."""
    (x,) = node.inputs
    return build("softplus", x.inputs[0]) if is_a(x, "exp") else None


@rule("log", exact=False)
def log_sum_exp(node: Node) -> Node | None:
    """log Σ exp z → logsumexp z."""
    (x,) = node.inputs
    if not is_a(x, "sum") or not is_a(x.inputs[0], "exp") or x.inputs[0].type.size == 0:
        return None
    return build("logsumexp", x.inputs[0].inputs[0], **dict(x.params))


@rule("log", exact=False)
def log_sigmoid(node: Node) -> Node | None:
    """log σ(z) → −softplus(−z), and log(1 − σ(z)) → −softplus z."""
    (x,) = node.inputs
    if is_a(x, "sigmoid"):
        return build("neg", build("softplus", _negated(x.inputs[0])))
    z = _one_minus_sigmoid(x)
    return build("neg", build("softplus", z)) if z is not None else None


@rule("log1p", exact=False)
def log1p_sigmoid(node: Node) -> Node | None:
    """log1p(−σ(z)) → −softplus z."""
    (x,) = node.inputs
    if is_a(x, "neg") and is_a(x.inputs[0], "sigmoid"):
        return build("neg", build("softplus", x.inputs[0].inputs[0]))
    return None


def _one_minus_sigmoid(node: Node) -> Node | None:
    """Return z where the node is 1 − σ(z)."""
    if is_a(node, "sub") and is_number(node.inputs[0], 1) and is_a(node.inputs[1], "sigmoid"):
        sigmoid = node.inputs[1]
        return sigmoid.inputs[0] if sigmoid.type is node.type else None
    return None


def _has_exact_log(node: Node) -> bool:
    """Whether the logarithm of a node has a stable form: exp, sigmoid, 1 − sigmoid, softmax, moved or not."""
    while is_a(node, *_MOVEMENTS):
        node = node.inputs[0]
    return is_a(node, "exp", "exp_difference", "sigmoid") or _one_minus_sigmoid(node) is not None


def _is_probability(node: Node) -> bool:
    """Whether a node is a sigmoid, 1 − sigmoid or a softmax, moved or not."""
    while is_a(node, *_MOVEMENTS):
        node = node.inputs[0]
    if is_a(node, "exp_difference"):
        return is_a(node.inputs[1], "logsumexp")
    return is_a(node, "sigmoid") or _one_minus_sigmoid(node) is not None


@rule("log", exact=False)
def log_moved(node: Node) -> Node | None:
    """log(x[i]) → (log x)[i] where log x has a stable form."""
    (x,) = node.inputs
    if not is_a(x, *_MOVEMENTS) or not _has_exact_log(x):
        return None
    return with_operands(x, build("log", x.inputs[0]), *x.inputs[1:])


def _unguarded(node: Node) -> Node | None:
    """Return p where the node is max(p, tiny) or clip(p, tiny, 1 − tiny)."""
    if is_a(node, "clip"):
        p, low, high = node.inputs
        upper = uniform_value(high)
        if upper is None or upper < 1 - _SMALL:
            return None
    elif is_a(node, "maximum"):
        first, second = node.inputs
        p, low = (first, second) if uniform_value(second) is not None else (second, first)
    else:
        return None
    lower = uniform_value(low)
    guards = lower is not None and 0 <= lower <= _SMALL
    return p if guards and p.type is node.type and _is_probability(p) else None


@rule("log", exact=False)
def log_guarded(node: Node) -> Node | None:
    """log(max(p, tiny)) → log p where p is a softmax or sigmoid: its logarithm needs no guard.

    The value changes where the guard would act: there it is exact instead of log(tiny).
    """
    (x,) = node.inputs
    p = _unguarded(x)
    if p is not None:
        return build("log", p)
    if is_a(x, "sub") and is_number(x.inputs[0], 1) and x.inputs[1].type is x.type:
        p = _unguarded(x.inputs[1])
        return build("log", build("sub", x.inputs[0], p)) if p is not None else None
    return None


@rule("div", "reciprocal", exact=False)
def naive_sigmoid(node: Node) -> Node | None:
    """c/(1 + exp(−z)) → c·σ(z) for a number c, and exp z/(1 + exp z) → σ(z)."""
    below = node.inputs[-1]
    z = _one_plus_exp(below)
    if z is None or below.type is not node.type:
        return None
    above = node.inputs[0]
    if is_a(node, "reciprocal"):
        return build("sigmoid", _negated(z))
    if is_scalar_constant(above):
        return build("mul", above, build("sigmoid", _negated(z)))
    return build("sigmoid", z) if is_a(above, "exp") and above.inputs[0] is z else None


@rule("div", exact=False)
def naive_softmax(node: Node) -> Node | None:
    """exp z / Σ exp z → exp(z − logsumexp z)."""
    above, below = node.inputs
    while is_a(below, "broadcast_to"):
        below = below.inputs[0]
    if not is_a(above, "exp") or above.type is not node.type or above.type.size == 0:
        return None
    if not is_a(below, "sum") or below.inputs[0] is not above:
        return None
    axes = below.param("axes")
    # Without keepdims, only sums over leading axes still stand under what they were summed from.
    if not (below.param("keepdims") or axes == tuple(range(len(axes)))):
        return None
    z = _unshifted(above.inputs[0], axes)
    return build("exp_difference", z, build("logsumexp", z, axes=axes, keepdims=True))


def _unshifted(x: Node, axes: tuple[int, ...]) -> Node:
    """Return z where x is z − max z, with one maximum for all elements along `axes`; otherwise x itself.

    A softmax does not see such a shift, and its derivative need not run through the maximum.
    """
    if not is_a(x, "sub"):
        return x
    z, shift = x.inputs
    while is_a(shift, "broadcast_to", "stop_gradient"):
        shift = shift.inputs[0]
    missing = x.type.ndim - shift.type.ndim
    same = all(axis < missing or shift.type.shape[axis - missing] == 1 for axis in axes)
    while is_a(shift, "expand_dims", "reshape"):
        shift = shift.inputs[0]
    return z if same and is_a(shift, "max") and shift.inputs[0] is z and z.type is x.type else x


@rule("logsumexp", exact=False)
def logsumexp_shifted(node: Node) -> Node | None:
    """logsumexp(z − max z) → logsumexp z − max z."""
    (x,) = node.inputs
    axes = node.param("axes")
    z = _unshifted(x, axes)
    if z is x:
        return None
    shift = x.inputs[1]
    while is_a(shift, "broadcast_to"):
        shift = shift.inputs[0]
    total = with_operands(node, z)
    if shift.type.size != total.type.size and shift.type.size != 1:
        return None
    shape = total.type.shape if shift.type.size == total.type.size else ()
    return build("sub", total, build("reshape", shift, shape=shape))


@rule("add", exact=False)
def add_back(node: Node) -> Node | None:
    """(logsumexp z − m) + m → logsumexp z."""
    for x, y in (node.inputs, node.inputs[::-1]):
        if is_a(x, "sub") and x.inputs[1] is y and is_a(x.inputs[0], "logsumexp"):
            return shaped(x.inputs[0], node)
    return None
