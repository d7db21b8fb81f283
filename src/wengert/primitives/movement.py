"""Movement: operations that place elements elsewhere and compute nothing."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert.errors import ShapeError
from wengert.ir.types import TensorType, tensor_type
from wengert.primitives import reference
from wengert.primitives.batching import aligned
from wengert.primitives.kinds import movement

Ints = tuple[int, ...]


def _further(axes: Ints) -> Ints:
    """Return axes as they stand after the axis of a batch."""
    return tuple(axis + 1 for axis in axes)


def _one_axis(axes: Ints) -> int | Ints:
    return axes[0] if len(axes) == 1 else axes


def _new_axes(x: TensorType, axes: Ints) -> list[str]:
    """Return the index ``:, None, …`` that puts new axes in place; axes after the last are left out."""
    parts = ["None" if axis in axes else ":" for axis in range(x.ndim + len(axes))]
    return parts[: max(axes, default=-1) + 1] or ["..."]


def _named(count: int, taken: str = "") -> str:
    """Return as many letters, none of them taken."""
    return "".join(chr(ord("a") + len(taken) + place) for place in range(count))


def _letters_in_order(x: TensorType, shape: Ints) -> tuple[list[str], str]:
    """Return the letters of a movement that leaves elements in their order.

    An axis has its letter in the result where both shapes are the same apart from extents of 1.
    """
    term = _named(x.ndim)
    fresh = _named(len(shape), term)
    kept = [letter for letter, extent in zip(term, x.shape, strict=True) if extent != 1]
    if [extent for extent in x.shape if extent != 1] != [extent for extent in shape if extent != 1]:
        return [term], fresh
    rest = iter(kept)
    return [term], "".join(
        next(rest) if extent != 1 else new for extent, new in zip(shape, fresh, strict=True)
    )


def _reshape_type(x: TensorType, *, shape: Ints) -> TensorType:
    if math.prod(shape) != x.size:
        raise ShapeError(f"reshape: {x.size} elements of shape {x.shape} do not fill shape {shape}")
    return tensor_type(shape, x.dtype)


reshape = movement(
    "reshape",
    numpy=lambda x, shape: x.reshape(shape),
    infer=_reshape_type,
    vjp=lambda ct, out, x, shape: (np.reshape(ct, x.shape),),
    python=lambda x, *, shape: f"np.reshape({{0}}, {shape})",
    source="NumPy reference: reshape",
    copies=False,
    letters=lambda x, *, shape: _letters_in_order(x, shape),
    batch=lambda reshape, n, x, shape: reshape(x, shape=(n, *shape)),
)


def _transpose_type(x: TensorType, *, axes: Ints) -> TensorType:
    if sorted(axes) != list(range(x.ndim)):
        raise ShapeError(f"transpose: {axes} is no permutation of the axes of shape {x.shape}")
    return tensor_type(tuple(x.shape[axis] for axis in axes), x.dtype)


transpose = movement(
    "transpose",
    numpy=lambda x, axes: x.transpose(axes),
    infer=_transpose_type,
    vjp=lambda ct, out, x, axes: (np.transpose(ct, tuple(sorted(range(len(axes)), key=axes.__getitem__))),),
    python=lambda x, *, axes: "{0}.T" if axes == (1, 0) else f"np.transpose({{0}}, {axes})",
    source="lecture 004, task 2",
    copies=False,
    letters=lambda x, *, axes: ([_named(x.ndim)], "".join(_named(x.ndim)[axis] for axis in axes)),
    batch=lambda transpose, n, x, axes: transpose(x, axes=(0, *_further(axes))),
)


def _expand_type(x: TensorType, *, axes: Ints) -> TensorType:
    if len(set(axes)) != len(axes) or any(axis >= x.ndim + len(axes) for axis in axes):
        raise ShapeError(f"expand_dims: axes {axes} do not fit an array of shape {x.shape}")
    extents = iter(x.shape)
    shape = tuple(1 if axis in axes else next(extents) for axis in range(x.ndim + len(axes)))
    return tensor_type(shape, x.dtype)


expand_dims = movement(
    "expand_dims",
    numpy=lambda x, axes: np.expand_dims(x, axes),
    infer=_expand_type,
    vjp=lambda ct, out, x, axes: (np.squeeze(ct, axes),),
    python=lambda x, *, axes: f"{{0}}[{', '.join(_new_axes(x, axes))}]",
    source="NumPy reference: expand_dims",
    copies=False,
    letters=lambda x, *, axes: _letters_in_order(x, _expand_type(x, axes=axes).shape),
    batch=lambda expand_dims, n, x, axes: expand_dims(x, axes=_further(axes)),
)


def _squeeze_type(x: TensorType, *, axes: Ints) -> TensorType:
    if any(axis >= x.ndim or x.shape[axis] != 1 for axis in axes):
        raise ShapeError(f"squeeze: axes {axes} of shape {x.shape} are not all of extent 1")
    shape = tuple(extent for axis, extent in enumerate(x.shape) if axis not in axes)
    return tensor_type(shape, x.dtype)


squeeze = movement(
    "squeeze",
    numpy=lambda x, axes: np.squeeze(x, axes),
    infer=_squeeze_type,
    vjp=lambda ct, out, x, axes: (np.expand_dims(ct, axes),),
    python=lambda x, *, axes: f"np.squeeze({{0}}, {_one_axis(axes)})",
    source="NumPy reference: squeeze",
    copies=False,
    letters=lambda x, *, axes: _letters_in_order(x, _squeeze_type(x, axes=axes).shape),
    batch=lambda squeeze, n, x, axes: squeeze(x, axes=_further(axes)),
)


def _broadcast_type(x: TensorType, *, shape: Ints) -> TensorType:
    try:
        fits = np.broadcast_shapes(x.shape, shape) == shape
    except ValueError:
        fits = False
    if not fits:
        raise ShapeError(f"broadcast_to: shape {x.shape} does not broadcast to {shape}")
    return tensor_type(shape, x.dtype)


broadcast_to = movement(
    "broadcast_to",
    numpy=lambda x, shape: np.broadcast_to(x, shape),
    infer=_broadcast_type,
    # The gradient transformation sums the cotangent back to the operand's shape.
    vjp=lambda ct, out, x, shape: (ct,),
    python=lambda x, *, shape: f"np.broadcast_to({{0}}, {shape})",
    source="NumPy reference: broadcasting",
    copies=False,
    letters=lambda x, *, shape: ([_named(len(shape))[len(shape) - x.ndim :]], _named(len(shape))),
    batch=lambda broadcast_to, n, x, shape: broadcast_to(aligned(x, len(shape)), shape=(n, *shape)),
)


def _concatenate_type(*parts: TensorType, axis: int) -> TensorType:
    first = parts[0]
    if axis >= first.ndim:
        raise ShapeError(f"concatenate: no axis {axis} in an array of shape {first.shape}")
    for part in parts:
        if part.ndim != first.ndim or any(
            mine != theirs
            for place, (mine, theirs) in enumerate(zip(part.shape, first.shape, strict=True))
            if place != axis
        ):
            raise ShapeError(f"concatenate: shapes {first.shape} and {part.shape} differ beside axis {axis}")
    total = sum(part.shape[axis] for part in parts)
    return tensor_type((*first.shape[:axis], total, *first.shape[axis + 1 :]), first.dtype)


def _concatenate_vjp(ct: Any, out: Any, *parts: Any, axis: Any) -> tuple[Any, ...]:
    contributions = []
    start = 0
    for part in parts:
        stop = start + part.shape[axis]
        contributions.append(ct[(*[slice(None)] * axis, slice(start, stop))])
        start = stop
    return tuple(contributions)


concatenate = movement(
    "concatenate",
    numpy=lambda *parts, axis: np.concatenate(parts, axis=axis),
    infer=_concatenate_type,
    vjp=_concatenate_vjp,
    python=lambda *parts, axis: (
        "np.concatenate(["
        + ", ".join(f"{{{position}}}" for position in range(len(parts)))
        + f"], axis={axis})"
    ),
    source="NumPy reference: concatenate",
    copies=True,
    batch=lambda concatenate, n, *parts, axis: concatenate(*parts, axis=axis + 1),
)


def _pad_type(x: TensorType, *, low: Ints, high: Ints, interior: Ints) -> TensorType:
    sizes = zip(x.shape, low, high, interior, strict=True)
    shape = tuple(before + after + n + max(n - 1, 0) * between for n, before, after, between in sizes)
    return tensor_type(shape, x.dtype)


def _pad_vjp(ct: Any, out: Any, x: Any, low: Any, high: Any, interior: Any) -> tuple[Any, ...]:
    places = tuple(
        slice(before, before + n + max(n - 1, 0) * between, between + 1)
        for n, before, between in zip(x.shape, low, interior, strict=True)
    )
    return (ct[places],)


def _pad_text(x: TensorType, *, low: Ints, high: Ints, interior: Ints) -> str:
    if any(interior):
        return f"spread({{0}}, {low}, {high}, {interior})"
    return f"np.pad({{0}}, {tuple(zip(low, high, strict=True))})"


pad = movement(
    "pad",
    numpy=reference.spread,
    infer=_pad_type,
    vjp=_pad_vjp,
    python=_pad_text,
    source="the transpose of slicing",
    copies=True,
    batch=lambda pad, n, x, **widths: pad(x, **{name: (0, *width) for name, width in widths.items()}),
)


def _flip_type(x: TensorType, *, axes: Ints) -> TensorType:
    if any(axis >= x.ndim for axis in axes):
        raise ShapeError(f"flip: axes {axes} do not fit an array of shape {x.shape}")
    return x


flip = movement(
    "flip",
    numpy=lambda x, axes: np.flip(x, axes),
    infer=_flip_type,
    vjp=lambda ct, out, x, axes: (np.flip(ct, axes),),
    python=lambda x, *, axes: f"np.flip({{0}}, {_one_axis(axes)})",
    source="NumPy reference: flip",
    copies=False,
    spacing=lambda x, *, axes: [(n - 1, -1) if at in axes else (0, 1) for at, n in enumerate(x.shape)],
    batch=lambda flip, n, x, axes: flip(x, axes=_further(axes)),
)


def _slice_type(x: TensorType, *, start: Ints, stop: Ints, step: Ints) -> TensorType:
    shape = tuple(
        len(range(first, last, stride)) for first, last, stride in zip(start, stop, step, strict=True)
    )
    return tensor_type(shape, x.dtype)


def _slice_vjp(ct: Any, out: Any, x: Any, start: Any, stop: Any, step: Any) -> tuple[Any, ...]:
    taken = [n + max(n - 1, 0) * (stride - 1) for n, stride in zip(out.shape, step, strict=True)]
    high = tuple(n - first - used for n, first, used in zip(x.shape, start, taken, strict=True))
    return (pad(ct, low=start, high=high, interior=tuple(stride - 1 for stride in step)),)


def _slice_text(x: TensorType, *, start: Ints, stop: Ints, step: Ints) -> str:
    parts = []
    for n, first, last, stride in zip(x.shape, start, stop, step, strict=True):
        begin = "" if first == 0 else str(first)
        end = "" if last >= n else str(last)
        parts.append(f"{begin}:{end}" + (f":{stride}" if stride != 1 else ""))
    while len(parts) > 1 and parts[-1] == ":":
        parts.pop()
    return f"{{0}}[{', '.join(parts)}]"


slice_ = movement(
    "slice",
    numpy=lambda x, start, stop, step: x[tuple(map(slice, start, stop, step))],
    infer=_slice_type,
    vjp=_slice_vjp,
    python=_slice_text,
    source="NumPy reference: basic indexing",
    copies=False,
    spacing=lambda x, *, start, stop, step: list(zip(start, step, strict=True)),
    batch=lambda slice_, n, x, start, stop, step: slice_(
        x, start=(0, *start), stop=(n, *stop), step=(1, *step)
    ),
)
