"""Values of iterations as rows of arrays: read together where they lie together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.ir.node import Node, make_constant
from wengert.ir.primitive import Kind
from wengert.primitives.movement import concatenate, expand_dims, reshape, slice_
from wengert.trace.tensor import Tensor, Trace


def stacked(nodes: Sequence[Node], trace: Trace) -> Any:
    """Return the values of nodes of one type as rows of an array.

    Slices of one array are one slice, or gathered at once, movements of such are a movement of all rows, and
    constants are one constant.
    """
    first = nodes[0]
    values = [node.value for node in nodes if node.value is not None]
    if len(values) == len(nodes):
        return Tensor(make_constant(np.stack(values)), trace)
    alike = all(node.primitive is first.primitive for node in nodes)
    if alike and first.primitive is slice_:
        found = _parts_of_one(nodes, trace)
        if found is not None:
            return found
    is_movement = first.primitive.kind is Kind.MOVEMENT and len(first.inputs) == 1
    if alike and is_movement and all(node.params == first.params for node in nodes):
        operands = [node.inputs[0] for node in nodes]
        if len({one.type for one in operands}) == 1 and first.primitive.batch is not None:
            rows = stacked(operands, trace)
            return first.primitive.batch(first.primitive, (True,), len(nodes), rows, **dict(first.params))
    return np.stack([Tensor(node, trace) for node in nodes])


def _parts_of_one(nodes: Sequence[Node], trace: Trace) -> Any | None:
    """Return rows that are slices of one array, at places along one axis.

    Elements at even distances, and blocks one after the other, are a slice of the array; others are gathered.
    """
    (array,) = nodes[0].inputs
    starts, stops = ([node.param(name) for node in nodes] for name in ("start", "stop"))
    axes = [axis for axis in range(array.type.ndim) if len({one[axis] for one in starts}) > 1]
    if any(node.inputs != (array,) for node in nodes) or len(axes) != 1:
        return None
    (axis,) = axes
    others = {(*one[:axis], *one[axis + 1 :]) for one in stops}
    forms = {(node.param("step"), node.type.shape) for node in nodes}
    if len(others) != 1 or len(forms) != 1:
        return None
    start, stop, by = list(starts[0]), list(stops[0]), list(nodes[0].param("step"))
    places, extent = [one[axis] for one in starts], nodes[0].type.shape[axis]
    step = places[1] - places[0]
    is_even = places == [places[0] + step * iteration for iteration in range(len(nodes))]

    def part(first: int, end: int, distance: int) -> Any:
        start[axis], stop[axis], by[axis] = first, end, distance
        return slice_(Tensor(array, trace), start=tuple(start), stop=tuple(stop), step=tuple(by))

    if is_even and (extent == 1 or (abs(step) == extent and by[axis] == 1)):
        whole = part(min(places), max(places) + extent, abs(step) if extent == 1 else 1)
        apart = (*whole.shape[:axis], len(nodes), extent, *whole.shape[axis + 1 :])
        rows = np.moveaxis(np.reshape(whole, apart), axis, 0)
        return rows[::-1] if step < 0 else rows
    taken = np.add.outer(places, by[axis] * np.arange(extent))
    return np.moveaxis(np.take(part(0, array.type.shape[axis], 1), taken, axis=axis), axis, 0)


def with_rows(node: Node, rows_of: Callable[[Node], tuple[Any, int] | None]) -> list[Any] | None:
    """Return what a concatenation joins, consecutive iterations as rows of an array; None for others.

    Parameters
    ----------
    node : Node
    rows_of : callable
        Gives of a value of a loop the rows of all iterations, a tensor, and its iteration.
    """
    if node.primitive is not concatenate or node.param("axis") != 0:
        return None
    parts: list[Any] = []
    runs = 0
    place = 0
    while place < len(node.inputs):
        found = _row(node.inputs[place], rows_of)
        end = place + 1
        while found is not None and end < len(node.inputs):
            following = _row(node.inputs[end], rows_of)
            if following is None or following[0] is not found[0] or following[1] != found[1] + end - place:
                break
            end += 1
        if found is None or end == place + 1:
            parts.append(node.inputs[place])
        else:
            parts.append(found[0][found[1] : found[1] + end - place])
            runs += 1
        place = end
    return parts if runs else None


def _row(node: Node, rows_of: Callable[[Node], tuple[Any, int] | None]) -> tuple[Any, int] | None:
    is_row = node.primitive in (expand_dims, reshape) and node.type.shape == (1, *node.inputs[0].type.shape)
    return rows_of(node.inputs[0]) if is_row else None
