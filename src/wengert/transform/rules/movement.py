"""Movements: those that do nothing go, two of a kind become one."""

from __future__ import annotations

import numpy as np

from wengert.ir.node import Node
from wengert.trace.tensor import Tensor, Trace
from wengert.transform.rules.table import is_a, rule, tensor


@rule("reshape", "broadcast_to", "astype")
def no_change(node: Node, trace: Trace) -> Tensor | None:
    """A reshape, broadcast or conversion to the type that is there already."""
    (x,) = node.inputs
    return tensor(x, trace) if x.type is node.type else None


@rule("sum", "mean", "max", "min", "prod")
def nothing_reduced(node: Node, trace: Trace) -> Tensor | None:
    """A reduction over no axis."""
    (x,) = node.inputs
    return tensor(x, trace) if not dict(node.params)["axes"] and x.type is node.type else None


@rule("reshape")
def reshape_twice(node: Node, trace: Trace) -> Tensor | None:
    """reshape(reshape(x)) → reshape(x)."""
    (x,) = node.inputs
    if not is_a(x, "reshape"):
        return None
    return np.reshape(tensor(x.inputs[0], trace), node.type.shape)  # type: ignore[call-overload, no-any-return]


@rule("transpose")
def transpose_twice(node: Node, trace: Trace) -> Tensor | None:
    """(xᵀ)ᵀ → x."""
    (x,) = node.inputs
    if not is_a(x, "transpose"):
        return None
    outer, inner = dict(node.params)["axes"], dict(x.params)["axes"]
    order = [inner[axis] for axis in outer]
    return np.transpose(tensor(x.inputs[0], trace), order)  # type: ignore[call-overload, no-any-return]


@rule("broadcast_to")
def broadcast_twice(node: Node, trace: Trace) -> Tensor | None:
    """A broadcast of a broadcast."""
    (x,) = node.inputs
    if not is_a(x, "broadcast_to"):
        return None
    return np.broadcast_to(tensor(x.inputs[0], trace), node.type.shape)  # type: ignore[call-overload, return-value]


@rule("flip")
def flip_twice(node: Node, trace: Trace) -> Tensor | None:
    """flip(flip(x)) → x."""
    (x,) = node.inputs
    return tensor(x.inputs[0], trace) if is_a(x, "flip") and x.params == node.params else None


@rule("squeeze")
def squeeze_expanded(node: Node, trace: Trace) -> Tensor | None:
    """squeeze(expand_dims(x)) → x over the same axes."""
    (x,) = node.inputs
    return tensor(x.inputs[0], trace) if is_a(x, "expand_dims") and x.params == node.params else None


@rule("expand_dims")
def expand_squeezed(node: Node, trace: Trace) -> Tensor | None:
    """expand_dims(squeeze(x)) → x over the same axes; and of a reduction: keep the axes in the first place."""
    (x,) = node.inputs
    if is_a(x, "squeeze") and x.params == node.params:
        return tensor(x.inputs[0], trace)
    if is_a(x, "sum", "mean", "max", "min", "logsumexp", "prod"):
        params = dict(x.params)
        if params["axes"] == dict(node.params)["axes"] and not params["keepdims"]:
            params["keepdims"] = True
            return x.primitive(tensor(x.inputs[0], trace), **params)  # type: ignore[no-any-return]
    return None


@rule("astype")
def convert_twice(node: Node, trace: Trace) -> Tensor | None:
    """A conversion there and back between float32 and float64 that loses nothing."""
    (x,) = node.inputs
    widened = is_a(x, "astype") and x.type.is_float and x.type.dtype.itemsize > node.type.dtype.itemsize
    return tensor(x.inputs[0], trace) if widened and x.inputs[0].type is node.type else None


@rule("slice")
def slice_of_padding(node: Node, trace: Trace) -> Tensor | None:
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
    return tensor(x.inputs[0], trace) if same else None


