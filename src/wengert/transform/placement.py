"""The adjoint of an array that was read in slices: its parts put side by side.

Each slice contributes its adjoint with zeros around it. Adding those up takes work of slices times elements,
for a loop over the rows of an array the square of their number; so parts that do not overlap are joined.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from wengert.ir.types import TensorType, tensor_type
from wengert.primitives import movement
from wengert.trace.tensor import Tensor, Trace, as_tensor


@dataclass(frozen=True)
class Part:
    """A tensor and where it begins along each axis of an array that is zero elsewhere."""

    start: tuple[int, ...]
    value: Tensor

    def span(self, axis: int) -> tuple[int, int]:
        """Return the first position along an axis and the one after the last."""
        return self.start[axis], self.start[axis] + self.value.shape[axis]


def zeros(type_: TensorType, trace: Trace) -> Tensor:
    """Return zeros of a type, broadcast from one constant."""
    zero = as_tensor(np.zeros((), type_.dtype), trace)
    return movement.broadcast_to(zero, shape=type_.shape) if type_.shape else zero


def as_part(contribution: Tensor) -> Part | None:
    """Return what an array consists of that is zero elsewhere; None where it is not a padding."""
    node = contribution.node
    if node.primitive is not movement.pad:
        return None
    padding = dict(node.params)
    if any(padding["interior"]):
        return None
    return Part(padding["low"], Tensor(node.inputs[0], contribution.recorder))


def assemble(parts: Sequence[Part], shape: tuple[int, ...]) -> Tensor:
    """Return the sum of `parts` in an array of a shape."""
    joined = _join(parts, shape, 0)
    if joined is not None:
        return joined
    total = _padded(parts[0], shape)
    for part in parts[1:]:
        total = total + _padded(part, shape)
    return total


def _join(parts: Sequence[Part], shape: tuple[int, ...], axis: int) -> Tensor | None:
    """Return the array that `parts` make, which agree in the axes before `axis`; None where they overlap."""
    if len(parts) == 1:
        (part,) = parts
        return _padded(
            Part((*[0] * axis, *part.start[axis:]), part.value), (*part.value.shape[:axis], *shape[axis:])
        )
    if axis == len(shape):
        return None
    groups: dict[tuple[int, int], list[Part]] = {}
    for part in parts:
        groups.setdefault(part.span(axis), []).append(part)
    spans = sorted(groups)
    if any(first[1] > second[0] for first, second in pairwise(spans)):
        return None
    row: list[Tensor] = []
    position = 0
    for begin, end in spans:
        block = _join(groups[begin, end], shape, axis + 1)
        if block is None:
            return None
        if position < begin:
            row.append(_gap(block, axis, begin - position))
        row.append(block)
        position = end
    if position < shape[axis]:
        row.append(_gap(row[-1], axis, shape[axis] - position))
    return row[0] if len(row) == 1 else movement.concatenate(*row, axis=axis)


def _gap(beside: Tensor, axis: int, extent: int) -> Tensor:
    """Return zeros that fit beside a tensor along an axis."""
    shape = (*beside.shape[:axis], extent, *beside.shape[axis + 1 :])
    return zeros(tensor_type(shape, beside.dtype), beside.recorder)


def _padded(part: Part, shape: tuple[int, ...]) -> Tensor:
    if part.value.shape == shape:
        return part.value
    high = tuple(extent - part.span(axis)[1] for axis, extent in enumerate(shape))
    padded: Tensor = movement.pad(part.value, low=part.start, high=high, interior=(0,) * len(shape))
    return padded
