"""Values of iterations as rows of arrays: read together where they lie together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.ir.node import Node, make_constant
from wengert.ir.primitive import Kind
from wengert.primitives.movement import concatenate, expand_dims, slice_
from wengert.trace.tensor import Tensor, Trace


def stacked(nodes: Sequence[Node], trace: Trace) -> Any:
    """Return the values of nodes of one type as rows of an array.

    Slices that follow each other are one slice, movements of such are a movement of all rows, and constants
    are one constant.
    """
    first = nodes[0]
    values = [node.value for node in nodes if node.value is not None]
    if len(values) == len(nodes):
        return Tensor(make_constant(np.stack(values)), trace)
    alike = all(node.primitive is first.primitive for node in nodes)
    if alike and first.primitive is slice_:
        found = _one_slice(nodes, trace)
        if found is not None:
            return found
    is_movement = first.primitive.kind is Kind.MOVEMENT and len(first.inputs) == 1
    if alike and is_movement and all(node.params == first.params for node in nodes):
        operands = [node.inputs[0] for node in nodes]
        if len({one.type for one in operands}) == 1 and first.primitive.batch is not None:
            rows = stacked(operands, trace)
            return first.primitive.batch(first.primitive, (True,), len(nodes), rows, **dict(first.params))
    return np.stack([Tensor(node, trace) for node in nodes])


def _one_slice(nodes: Sequence[Node], trace: Trace) -> Any | None:
    """Return rows that are slices of extent 1 of one array, at places of equal distance."""
    (array,) = nodes[0].inputs
    starts, stops = ([node.param(name) for node in nodes] for name in ("start", "stop"))
    axes = [axis for axis in range(array.type.ndim) if len({one[axis] for one in starts}) > 1]
    if any(node.inputs != (array,) for node in nodes) or len(axes) != 1:
        return None
    (axis,) = axes
    places = [one[axis] for one in starts]
    step = places[1] - places[0]
    is_even = places == [places[0] + step * iteration for iteration in range(len(nodes))]
    others = {(*one[:axis], *one[axis + 1 :]) for one in stops}
    steps = {node.param("step") for node in nodes}
    if not is_even or len(others) != 1 or len(steps) != 1 or nodes[0].type.shape[axis] != 1:
        return None
    start, stop, by = list(starts[0]), list(stops[0]), list(nodes[0].param("step"))
    start[axis], stop[axis], by[axis] = min(places), max(places) + 1, abs(step)
    whole = slice_(Tensor(array, trace), start=tuple(start), stop=tuple(stop), step=tuple(by))
    rows = np.moveaxis(np.expand_dims(whole, axis + 1), axis, 0)
    return rows[::-1] if step < 0 else rows


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
    if node.primitive is expand_dims and node.param("axes") == (0,):
        return rows_of(node.inputs[0])
    return None
