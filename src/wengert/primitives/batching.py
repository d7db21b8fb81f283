"""How the kinds of primitives run over a batch: one rule each, the axis of the batch always first.

A rule is called as ``rule(primitive, mapped, size, *operands, **params)``: `mapped` says of each operand
whether it has the axis of the batch, of `size` entries. What it gives always has it.
"""

from __future__ import annotations

import string
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.errors import ShapeError

Mapped = tuple[bool, ...]
BatchRule = Callable[..., Any]


def repeated(operand: Any, size: int) -> Any:
    """Return the same entry `size` times."""
    return np.broadcast_to(operand, (size, *operand.shape))


def aligned(operand: Any, rank: int) -> Any:
    """Return a batch whose entries have `rank` axes, new ones of extent 1 in front as broadcasting has it."""
    missing = rank + 1 - operand.ndim
    if missing <= 0:
        return operand
    return np.reshape(operand, (operand.shape[0], *(1,) * missing, *operand.shape[1:]))


def over_elements(primitive: Any, mapped: Mapped, size: int, *operands: Any, **params: Any) -> Any:
    """Apply an operation on each element: the axes of the entries are aligned."""
    return primitive(*_entries(mapped, operands), **params)


def _entries(mapped: Mapped, operands: tuple[Any, ...]) -> list[Any]:
    """Return the operands so that broadcasting pairs them as it pairs single entries."""
    rank = max(one.ndim - has for one, has in zip(operands, mapped, strict=True))
    return [aligned(one, rank) if has else one for one, has in zip(operands, mapped, strict=True)]


def over_axes(primitive: Any, mapped: Mapped, size: int, operand: Any, **params: Any) -> Any:
    """Apply a reduction or a running one: its axes stand one place further."""
    if "axes" in params:
        return primitive(operand, **{**params, "axes": tuple(axis + 1 for axis in params["axes"])})
    return primitive(operand, **{**params, "axis": params["axis"] + 1})


def over_leading(primitive: Any, mapped: Mapped, size: int, operand: Any, **params: Any) -> Any:
    """Apply what treats all axes of its one operand alike."""
    return primitive(operand, **params)


def over_batches(rule: Callable[..., Any]) -> BatchRule:
    """Make a rule of ``rule(primitive, size, *batches, **params)``, which takes batches alone."""

    def whole(primitive: Any, mapped: Mapped, size: int, *operands: Any, **params: Any) -> Any:
        batches = [one if has else repeated(one, size) for one, has in zip(operands, mapped, strict=True)]
        return rule(primitive, size, *batches, **params)

    return whole


def _over_stacks(primitive: Any, size: int, *batches: Any, **params: Any) -> Any:
    return primitive(*_entries((True,) * len(batches), batches), **params)


# A routine over the last axes, whose other axes are those of a stack.
over_stacks = over_batches(_over_stacks)


def batched_einsum(primitive: Any, mapped: Mapped, size: int, *operands: Any, subscripts: str) -> Any:
    """Apply a sum of products: one more letter where an operand has the axis of the batch.

    Raises
    ------
    ShapeError
        When the letters are used up.
    """
    letter = next((one for one in string.ascii_letters if one not in subscripts), None)
    if letter is None:
        raise ShapeError(f"einsum {subscripts!r} over a batch: there is no letter left for its axis")
    terms, result = subscripts.split("->")
    marked = [(letter if has else "") + term for term, has in zip(terms.split(","), mapped, strict=True)]
    return primitive(*operands, subscripts=f"{','.join(marked)}->{letter}{result}")


def batched_outer(primitive: Any, mapped: Mapped, size: int, x: Any, y: Any) -> Any:
    """Return the outer products of a batch."""
    return x[..., :, None] * y[..., None, :]


def batched_matmul(primitive: Any, mapped: Mapped, size: int, x: Any, y: Any) -> Any:
    """Return the products of a batch as one product; matrices that all share make it one large one."""
    x_rank, y_rank = x.ndim - mapped[0], y.ndim - mapped[1]
    if not mapped[1] and y_rank <= 2 and x_rank <= 2:
        return x @ y  # the rows of all entries times the same
    if not mapped[0] and y_rank == 1 and x_rank <= 2:
        return y @ x.T
    # A vector is a row on the left and a column on the right.
    left = x[..., None, :] if x_rank == 1 else x
    right = y[..., None] if y_rank == 1 else y
    rank = max(x_rank, y_rank, 2)
    product = (aligned(left, rank) if mapped[0] else left) @ (aligned(right, rank) if mapped[1] else right)
    gone = [axis for axis, one in ((-2, x_rank), (-1, y_rank)) if one == 1]
    return np.squeeze(product, tuple(product.ndim + axis for axis in gone)) if gone else product


def _places(axes: tuple[int, ...]) -> tuple[int, bool]:
    """Return where the axes of the indices stand in what is read, and whether `axes` are adjacent."""
    adjacent = axes == tuple(range(axes[0], axes[0] + len(axes)))
    return (axes[0] if adjacent else 0), adjacent


def _index_rank(mapped: Mapped, indices: tuple[Any, ...]) -> int:
    return max([int(index.ndim) - has for index, has in zip(indices, mapped, strict=True)])


def _own_entry(mapped: Mapped, size: int, indices: tuple[Any, ...], rank: int) -> list[Any]:
    """Return the indices over a batch, preceded by the number of the entry."""
    number = np.arange(size).reshape((size, *(1,) * rank))
    return [number, *_entries(mapped, indices)]


def _moved(ndim: int, first: int, count: int, place: int) -> list[int]:
    """Return the order of axes that moves `count` of them from `first` to `place`."""
    block = list(range(first, first + count))
    others = [axis for axis in range(ndim) if axis not in block]
    return [*others[:place], *block, *others[place:]]


def _inverse(order: list[int]) -> list[int]:
    return sorted(range(len(order)), key=order.__getitem__)


def batched_gather(
    primitive: Any, mapped: Mapped, size: int, x: Any, *indices: Any, axes: tuple[int, ...]
) -> Any:
    """Read at places; where they differ from entry to entry, the number of the entry is one more index."""
    place, adjacent = _places(axes)
    rank = _index_rank(mapped[1:], indices)
    if not mapped[0]:
        taken = primitive(x, *_entries(mapped[1:], indices), axes=axes)
        return np.transpose(taken, _moved(taken.ndim, place, 1, 0))
    shifted = tuple(axis + 1 for axis in axes)
    if not any(mapped[1:]):
        taken = primitive(x, *indices, axes=shifted)
        return taken if adjacent else np.transpose(taken, _moved(taken.ndim, rank, 1, 0))
    taken = primitive(x, *_own_entry(mapped[1:], size, indices, rank), axes=(0, *shifted))
    return np.transpose(taken, _moved(taken.ndim, 1, rank, place + 1))


def batched_scatter(
    primitive: Any, mapped: Mapped, size: int, updates: Any, *indices: Any, axes: Any, shape: Any
) -> Any:
    """Add at places, the transpose of `batched_gather`."""
    place, adjacent = _places(axes)
    rank = _index_rank(mapped[1:], indices)
    shifted, whole = tuple(axis + 1 for axis in axes), (size, *shape)
    batch = updates if mapped[0] else repeated(updates, size)
    if not any(mapped[1:]):
        if not adjacent:
            batch = np.transpose(batch, _inverse(_moved(batch.ndim, rank, 1, 0)))
        return primitive(batch, *indices, axes=shifted, shape=whole)
    batch = np.transpose(batch, _inverse(_moved(batch.ndim, 1, rank, place + 1)))
    own = _own_entry(mapped[1:], size, indices, rank)
    return primitive(batch, *own, axes=(0, *shifted), shape=whole)
