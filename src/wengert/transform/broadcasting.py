"""The derivative of a broadcast copy: a sum over the copies."""

from __future__ import annotations

from wengert.primitives import reductions
from wengert.trace.tensor import Tensor


def unbroadcast(contribution: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Sum over the axes along which an operand of `shape` was broadcast."""
    if contribution.shape == shape:
        return contribution
    extra = contribution.ndim - len(shape)
    if extra > 0:
        contribution = reductions.sum(contribution, axes=tuple(range(extra)), keepdims=False)
    stretched = tuple(
        axis
        for axis, (mine, wanted) in enumerate(zip(contribution.shape, shape, strict=True))
        if wanted == 1 and mine != 1
    )
    if stretched:
        contribution = reductions.sum(contribution, axes=stretched, keepdims=True)
    return contribution
