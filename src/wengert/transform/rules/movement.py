"""Movements: those that do nothing go, two of a kind become one."""

from __future__ import annotations

from wengert.ir.node import Node, with_operands
from wengert.transform.rules.table import build, filled, is_a, rule


@rule("reshape", "broadcast_to", "astype", exact=True)
def no_change(node: Node) -> Node | None:
    """A reshape, broadcast or conversion to the type that is there already."""
    (x,) = node.inputs
    return x if x.type is node.type else None


@rule("squeeze", "expand_dims", "flip", exact=True)
def no_axes(node: Node) -> Node | None:
    """A movement along no axis."""
    return node.inputs[0] if not node.param("axes") else None


@rule("transpose", exact=True)
def transpose_in_place(node: Node) -> Node | None:
    """A transposition that leaves every axis where it is."""
    return node.inputs[0] if node.param("axes") == tuple(range(node.type.ndim)) else None


@rule("slice", exact=True)
def slice_everything(node: Node) -> Node | None:
    """A slice that takes everything in order."""
    (x,) = node.inputs
    return x if x.type is node.type and all(step == 1 for step in node.param("step")) else None


@rule("reshape", exact=True)
def reshape_twice(node: Node) -> Node | None:
    """Reshaping what was only reshaped, or given axes of extent 1, → one reshape."""
    (x,) = node.inputs
    return with_operands(node, x.inputs[0]) if is_a(x, "reshape", "expand_dims", "squeeze") else None


@rule("squeeze", "expand_dims", exact=True)
def of_a_reshape(node: Node) -> Node | None:
    """An axis of extent 1 more or less after a reshape → one reshape."""
    (x,) = node.inputs
    return build("reshape", x.inputs[0], shape=node.type.shape) if is_a(x, "reshape") else None


@rule("transpose", exact=True)
def transpose_twice(node: Node) -> Node | None:
    """(xᵀ)ᵀ → x."""
    (x,) = node.inputs
    if not is_a(x, "transpose"):
        return None
    inner = x.param("axes")
    return build("transpose", x.inputs[0], axes=tuple(inner[axis] for axis in node.param("axes")))


@rule("broadcast_to", exact=True)
def broadcast_twice(node: Node) -> Node | None:
    """A broadcast of a broadcast."""
    (x,) = node.inputs
    return with_operands(node, x.inputs[0]) if is_a(x, "broadcast_to") else None


@rule("flip", exact=True)
def flip_twice(node: Node) -> Node | None:
    """flip(flip(x)) → x."""
    (x,) = node.inputs
    return x.inputs[0] if is_a(x, "flip") and x.params == node.params else None


@rule("squeeze", exact=True)
def squeeze_expanded(node: Node) -> Node | None:
    """squeeze(expand_dims(x)) → x over the same axes."""
    (x,) = node.inputs
    return x.inputs[0] if is_a(x, "expand_dims") and x.params == node.params else None


@rule("expand_dims", exact=True)
def expand_squeezed(node: Node) -> Node | None:
    """expand_dims(squeeze(x)) → x over the same axes."""
    (x,) = node.inputs
    return x.inputs[0] if is_a(x, "squeeze") and x.params == node.params else None


@rule("astype", exact=True)
def convert_twice(node: Node) -> Node | None:
    """A conversion from float32 to float64 and back, which loses nothing, → nothing."""
    (x,) = node.inputs
    widened = is_a(x, "astype") and x.type.is_float and x.type.dtype.itemsize > node.type.dtype.itemsize
    return x.inputs[0] if widened and x.inputs[0].type is node.type else None


@rule("slice", exact=True)
def slice_of_padding(node: Node) -> Node | None:
    """A slice that takes exactly what was padded → what was padded."""
    (x,) = node.inputs
    if not is_a(x, "pad") or x.inputs[0].type is not node.type:
        return None
    padded, taken = dict(x.params), dict(node.params)
    steps = tuple(between + 1 for between in padded["interior"])
    same = taken["start"] == padded["low"] and all(
        stride == step or extent <= 1
        for stride, step, extent in zip(taken["step"], steps, node.type.shape, strict=True)
    )
    return x.inputs[0] if same else None


@rule("slice", exact=True)
def slice_of_joined(node: Node) -> Node | None:
    """A slice that lies in one of the arrays that are joined → a slice of that array."""
    (x,) = node.inputs
    if not is_a(x, "concatenate") or not node.type.size:
        return None
    taken, axis, before = dict(node.params), x.param("axis"), 0
    for part in x.inputs:
        after = before + part.type.shape[axis]
        if before <= taken["start"][axis] and taken["stop"][axis] <= after:
            moved = {
                name: tuple(one - before * (place == axis) for place, one in enumerate(taken[name]))
                for name in ("start", "stop")
            }
            return build("slice", part, step=taken["step"], **moved)
        before = after
    return None


@rule("slice", exact=True)
def slice_of_zeros_around(node: Node) -> Node | None:
    """A slice that lies in the zeros with which an array is padded → zeros."""
    (x,) = node.inputs
    if not is_a(x, "pad") or not node.type.size:
        return None
    padded, taken = dict(x.params), dict(node.params)
    outside = any(
        stop <= low or start >= extent - high
        for start, stop, low, high, extent in zip(
            taken["start"], taken["stop"], padded["low"], padded["high"], x.type.shape, strict=True
        )
    )
    return filled(0, node) if outside else None
