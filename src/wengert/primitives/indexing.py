"""Reading and adding at places given by integer arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.errors import DTypeError, IndexRangeError, ShapeError
from wengert.ir.primitive import Interval, Kind, NotDifferentiable, Primitive, register
from wengert.ir.types import TensorType, tensor_type
from wengert.primitives import reference
from wengert.primitives.batching import batched_gather, batched_scatter, over_leading
from wengert.primitives.kinds import BOOL, INT64, REAL_LINE, DType, strong

Ints = tuple[int, ...]


def _index_dtypes(dtypes: Sequence[Any]) -> tuple[DType, ...]:
    values, *indices = (strong([dtype])[0] for dtype in dtypes)
    wrong = [dtype for dtype in indices if dtype.kind not in "iu"]
    if wrong:
        raise DTypeError(
            f"indices are integers, not {wrong[0]}; a boolean mask has no fixed shape: use np.where"
        )
    # One index dtype for all executors.
    return (values, *[INT64] * len(indices))


def gathered_shape(shape: Ints, axes: Ints, index_shape: Ints) -> Ints:
    """Return the shape of ``x[...]`` with integer arrays at `axes`, by NumPy's rule.

    The broadcast shape of the indices stands where they stood if they are adjacent, first otherwise.
    """
    kept = tuple(extent for axis, extent in enumerate(shape) if axis not in axes)
    adjacent = axes == tuple(range(axes[0], axes[0] + len(axes)))
    place = axes[0] if adjacent else 0
    return (*kept[:place], *index_shape, *kept[place:])


def _index_shape(name: str, indices: Sequence[TensorType]) -> Ints:
    try:
        return np.broadcast_shapes(*[index.shape for index in indices])
    except ValueError:
        shapes = " and ".join(str(index.shape) for index in indices)
        raise ShapeError(f"{name}: index arrays of shapes {shapes} do not broadcast") from None


def _gather_type(x: TensorType, *indices: TensorType, axes: Ints) -> TensorType:
    return tensor_type(gathered_shape(x.shape, axes, _index_shape("indexing", indices)), x.dtype)


def check_range(index: np.ndarray[Any, Any], extent: int, axis: int) -> None:
    """Refuse indices outside −extent … extent−1.

    Raises
    ------
    IndexRangeError
        Naming the first wrong index, its position, the axis and its extent.
    """
    wrong = (index >= extent) | (index < -extent)
    if wrong.any():
        where = tuple(int(i) for i in np.argwhere(wrong)[0])
        value = int(index[where])
        row = f" at row {where[0]}" if len(where) == 1 else f" at position {where}" if where else ""
        raise IndexRangeError(f"index {value}{row} is outside axis {axis}, which has {extent} entries")


def _gather(x: Any, *indices: Any, axes: Any) -> Any:
    for index, axis in zip(indices, axes, strict=True):
        check_range(index, x.shape[axis], axis)
    return reference.gather(x, *indices, axes=axes)


def _gather_vjp(ct: Any, out: Any, x: Any, *indices: Any, axes: Ints) -> tuple[Any, ...]:
    return scatter_add(ct, *indices, axes=axes, shape=x.shape), *[None] * len(indices)


gather = register(
    Primitive(
        name="gather",
        kind=Kind.INDEXING,
        numpy=_gather,
        infer=_gather_type,
        promote=_index_dtypes,
        vjp=_gather_vjp,
        python=lambda x, *indices, axes: _gather_text(x, indices, axes),
        flops=lambda out, operands, params: out.size,
        domain=(REAL_LINE,),
        complex=True,
        source="NumPy reference: advanced indexing",
        linear=True,
        batch=batched_gather,
    )
)


def _gather_text(x: TensorType, indices: tuple[TensorType, ...], axes: Ints) -> str:
    parts = [":"] * (axes[-1] + 1)
    for position, axis in enumerate(axes):
        parts[axis] = f"{{{position + 1}}}"
    return f"{{0}}[{', '.join(parts)}]"


def _scatter_type(updates: TensorType, *indices: TensorType, axes: Ints, shape: Ints) -> TensorType:
    expected = gathered_shape(shape, axes, _index_shape("scatter_add", indices))
    if updates.shape != expected:
        raise ShapeError(f"scatter_add: updates of shape {updates.shape}; these indices take {expected}")
    return tensor_type(shape, updates.dtype)


def _scatter(updates: Any, *indices: Any, axes: Any, shape: Any) -> Any:
    for index, axis in zip(indices, axes, strict=True):
        check_range(index, shape[axis], axis)
    return reference.scatter_add(updates, *indices, axes=axes, shape=shape)


scatter_add = register(
    Primitive(
        name="scatter_add",
        kind=Kind.INDEXING,
        numpy=_scatter,
        infer=_scatter_type,
        promote=_index_dtypes,
        vjp=lambda ct, out, updates, *indices, axes, shape: (
            gather(ct, *indices, axes=axes),
            *[None] * len(indices),
        ),
        python=lambda updates, *indices, axes, shape: (
            "scatter_add({0}, "
            + ", ".join(f"{{{i + 1}}}" for i in range(len(indices)))
            + f", axes={axes}, shape={shape})"
        ),
        flops=lambda out, operands, params: operands[0].size + out.size,
        domain=(REAL_LINE,),
        complex=True,
        source="the transpose of indexing",
        linear=True,
        batch=batched_scatter,
    )
)


def _one_hot_type(indices: TensorType, *, count: int, dtype: DType) -> TensorType:
    return tensor_type((*indices.shape, count), dtype)


def _one_hot(indices: Any, count: int, dtype: DType) -> Any:
    wrong = (indices < 0) | (indices >= count)
    if wrong.any():
        where = tuple(int(i) for i in np.argwhere(wrong)[0])
        row = f" at row {where[0]}" if len(where) == 1 else f" at position {where}" if where else ""
        raise IndexRangeError(f"label {int(indices[where])}{row} is outside 0 … {count - 1}")
    return np.equal(indices[..., None], np.arange(count)).astype(dtype)


one_hot = register(
    Primitive(
        name="one_hot",
        kind=Kind.INDEXING,
        numpy=_one_hot,
        infer=_one_hot_type,
        promote=lambda dtypes: _index_dtypes([bool, *dtypes])[1:],
        vjp=NotDifferentiable("an index has no derivative"),
        python=lambda indices, *, count, dtype: (
            f"np.eye({count}, dtype=np.{dtype.name if dtype != BOOL else 'bool_'})[{{0}}]"
        ),
        flops=lambda out, operands, params: out.size,
        domain=(Interval(0, 2, integer=True),),
        source="lecture 003, the target vectors",
        batch=over_leading,
    )
)
