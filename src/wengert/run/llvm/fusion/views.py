"""Where the elements of a value lie: buffer, offset, strides; so moving elements costs nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from wengert.ir.node import Node
from wengert.ir.primitive import Kind, Primitive

Ints = tuple[int, ...]


@dataclass(frozen=True)
class View:
    """Elements of a buffer, by position: element (i, j, …) lies at offset + i·strides[0] + j·strides[1] + ….

    Attributes
    ----------
    base : Node
        The node whose buffer it is; contiguous, in row-major order.
    offset : int
    shape, strides : tuple of int
        In elements.
    """

    base: Node
    offset: int
    shape: Ints
    strides: Ints


def contiguous_strides(shape: Ints) -> Ints:
    """Return the strides of a row-major array."""
    strides = []
    step = 1
    for extent in reversed(shape):
        strides.append(step)
        step *= extent
    return tuple(reversed(strides))


def whole(node: Node) -> View:
    """Return the view of all of a node's own buffer."""
    return View(node, 0, node.type.shape, contiguous_strides(node.type.shape))


def is_whole(view: View) -> bool:
    """Whether a view is its buffer, element by element in order."""
    return view.offset == 0 and view.shape == view.base.type.shape and view == whole(view.base)


def is_contiguous(view: View) -> bool:
    """Whether the elements of a view lie one after the other, in row-major order."""
    own = zip(view.shape, view.strides, contiguous_strides(view.shape), strict=True)
    return 0 in view.shape or all(extent == 1 or stride == wanted for extent, stride, wanted in own)


def broadcast_strides(view: View, shape: Ints) -> Ints:
    """Return the strides of a view for a larger index space, 0 along the axes that repeat it."""
    missing = len(shape) - len(view.shape)
    own = [0 if extent == 1 else stride for extent, stride in zip(view.shape, view.strides, strict=True)]
    return (*[0] * missing, *own)


def is_known_movement(primitive: Primitive) -> bool:
    """Whether the result of a movement can be described as a view, or its operands' places in it."""
    return primitive.name in VIEWS or primitive.name in PLACES


def moved(node: Node, view: View) -> View | None:
    """Return the result of a movement as a view of the same buffer, None where elements must be copied."""
    rule = VIEWS.get(node.primitive.name)
    return None if rule is None else rule(view, node.type.shape, dict(node.params))


def places(node: Node) -> list[View]:
    """Return where each operand goes in the result of a movement that copies; zeros are anywhere else."""
    return PLACES[node.primitive.name](node)


def keeps_order(node: Node) -> bool:
    """Whether a node only gives the elements of its operand another shape."""
    if node.primitive.kind is not Kind.MOVEMENT or len(node.inputs) != 1:
        return False
    view = moved(node, whole(node.inputs[0])) if node.type.size == node.inputs[0].type.size else None
    if view is None or view.offset != 0:
        return False
    strides = zip(node.type.shape, view.strides, contiguous_strides(node.type.shape), strict=True)
    return all(given == wanted for extent, given, wanted in strides if extent != 1)


def _transpose(view: View, shape: Ints, params: dict[str, Any]) -> View:
    return View(view.base, view.offset, shape, tuple(view.strides[axis] for axis in params["axes"]))


def _expand(view: View, shape: Ints, params: dict[str, Any]) -> View:
    own = iter(view.strides)
    return View(
        view.base,
        view.offset,
        shape,
        tuple(0 if axis in params["axes"] else next(own) for axis in range(len(shape))),
    )


def _squeeze(view: View, shape: Ints, params: dict[str, Any]) -> View:
    kept = tuple(stride for axis, stride in enumerate(view.strides) if axis not in params["axes"])
    return View(view.base, view.offset, shape, kept)


def _broadcast(view: View, shape: Ints, params: dict[str, Any]) -> View:
    return View(view.base, view.offset, shape, broadcast_strides(view, shape))


def _flip(view: View, shape: Ints, params: dict[str, Any]) -> View:
    offset, strides = view.offset, list(view.strides)
    for axis in params["axes"]:
        offset += max(shape[axis] - 1, 0) * strides[axis]
        strides[axis] = -strides[axis]
    return View(view.base, offset, shape, tuple(strides))


def _slice(view: View, shape: Ints, params: dict[str, Any]) -> View:
    starts = zip(params["start"], view.strides, strict=True)
    offset = view.offset + sum(start * stride for start, stride in starts)
    steps = tuple(step * stride for step, stride in zip(params["step"], view.strides, strict=True))
    return View(view.base, offset, shape, steps)


def _reshape(view: View, shape: Ints, params: dict[str, Any]) -> View | None:
    """Split the strides of a view anew; possible where every group of merged axes is evenly spaced."""
    if 0 in shape:
        return View(view.base, view.offset, shape, contiguous_strides(shape))
    old = [(n, s) for n, s in zip(view.shape, view.strides, strict=True) if n != 1]
    merged: list[tuple[int, int]] = []  # groups of axes that are one evenly spaced run: (extent, stride)
    for extent, stride in old:
        if merged and merged[-1][1] == stride * extent:
            merged[-1] = (merged[-1][0] * extent, stride)
        else:
            merged.append((extent, stride))
    strides: list[int] = []
    remaining = list(merged)
    for extent in reversed(shape):
        if extent == 1:
            strides.append(0)
            continue
        if not remaining:
            return None
        left, stride = remaining.pop()
        if left % extent:
            return None
        strides.append(stride)
        if left > extent:
            remaining.append((left // extent, stride * extent))
    return View(view.base, view.offset, shape, tuple(reversed(strides)))


VIEWS: dict[str, Callable[[View, Ints, dict[str, Any]], View | None]] = {
    "transpose": _transpose,
    "expand_dims": _expand,
    "squeeze": _squeeze,
    "broadcast_to": _broadcast,
    "flip": _flip,
    "slice": _slice,
    "reshape": _reshape,
}


def _joined(node: Node) -> list[View]:
    axis, start, found = node.param("axis"), 0, []
    strides = contiguous_strides(node.type.shape)
    for operand in node.inputs:
        found.append(View(node, start * strides[axis], operand.type.shape, strides))
        start += operand.type.shape[axis]
    return found


def _padded(node: Node) -> list[View]:
    strides = contiguous_strides(node.type.shape)
    offset = sum(low * stride for low, stride in zip(node.param("low"), strides, strict=True))
    spread = zip(node.param("interior"), strides, strict=True)
    steps = tuple((between + 1) * stride for between, stride in spread)
    return [View(node, offset, node.inputs[0].type.shape, steps)]


def _reshaped(node: Node) -> list[View]:
    shape = node.inputs[0].type.shape
    return [View(node, 0, shape, contiguous_strides(shape))]


PLACES: dict[str, Callable[[Node], list[View]]] = {
    "concatenate": _joined,
    "pad": _padded,
    "reshape": _reshaped,
}
