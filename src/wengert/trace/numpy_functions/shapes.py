"""Shapes: reshape, transpose, broadcasting, and questions about shapes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert.errors import ShapeError
from wengert.primitives import movement
from wengert.trace.numpy_functions.table import (
    implements,
    listed,
    normalise_axes,
    normalise_axis,
    reduced_axes,
    whole,
)
from wengert.trace.tensor import Tensor, here, refuse


@implements(np.shape)
def shape(a: Any) -> tuple[int, ...]:
    """np.shape."""
    return tuple(a.shape)


@implements(np.ndim)
def ndim(a: Any) -> int:
    """np.ndim."""
    return len(a.shape)


@implements(np.size)
def size(a: Any, axis: Any = None) -> int:
    """np.size."""
    return math.prod(a.shape[place] for place in normalise_axes(axis, a.ndim))


@implements(np.reshape)
def reshape(a: Any, shape: Any, order: str = "C", copy: bool | None = None) -> Any:
    """np.reshape; one extent may be −1. A traced value is never written to, so `copy` says nothing."""
    if order not in ("C", "F"):
        refuse(
            f"np.reshape: order={order!r} depends on memory, which a traced value has not; 'C' and 'F' do not"
        )
    extents = [whole(extent, "an extent") for extent in listed(shape)]
    if extents.count(-1) > 1:
        raise ShapeError(f"reshape: only one extent of {tuple(extents)} can be -1{here()}")
    if -1 in extents:
        known = -math.prod(extents)
        if known == 0 or a.size % known:
            raise ShapeError(
                f"reshape: {a.size} elements of shape {a.shape} do not fill shape {shape}{here()}"
            )
        extents[extents.index(-1)] = a.size // known
    if tuple(extents) == a.shape:
        return a
    if order == "F":  # the first axis runs fastest: it is the last of the transposed array
        return transpose(reshape(transpose(a), extents[::-1]))
    return movement.reshape(a, shape=tuple(extents))


@implements(np.ravel)
def ravel(a: Any, order: str = "C") -> Any:
    """np.ravel."""
    return reshape(a, (-1,) if a.size else (0,), order)


@implements(np.transpose)
def transpose(a: Any, axes: Any = None) -> Any:
    """np.transpose."""
    order = range(a.ndim)[::-1] if axes is None else [normalise_axis(axis, a.ndim) for axis in listed(axes)]
    if tuple(order) == tuple(range(a.ndim)):
        return a
    return movement.transpose(a, axes=tuple(order))


@implements(np.permute_dims)
def permute_dims(a: Any, axes: Any = None) -> Any:
    """np.permute_dims."""
    return transpose(a, axes)


@implements(np.matrix_transpose)
def matrix_transpose(x: Any) -> Any:
    """np.matrix_transpose."""
    return swapaxes(x, -1, -2)


@implements(np.swapaxes)
def swapaxes(a: Any, axis1: int, axis2: int) -> Any:
    """np.swapaxes."""
    first, second = normalise_axis(axis1, a.ndim), normalise_axis(axis2, a.ndim)
    order = list(range(a.ndim))
    order[first], order[second] = second, first
    return transpose(a, order)


@implements(np.moveaxis)
def moveaxis(a: Any, source: Any, destination: Any) -> Any:
    """np.moveaxis."""
    sources, targets = (
        [normalise_axis(axis, a.ndim) for axis in listed(part)] for part in (source, destination)
    )
    if len(set(sources)) != len(sources) or len(set(targets)) != len(targets) or len(sources) != len(targets):
        raise ShapeError(f"moveaxis: the axes {source} cannot be moved to {destination}{here()}")
    order = [axis for axis in range(a.ndim) if axis not in sources]
    for target, origin in sorted(zip(targets, sources, strict=True)):
        order.insert(target, origin)
    return transpose(a, order)


@implements(np.expand_dims)
def expand_dims(a: Any, axis: Any) -> Any:
    """np.expand_dims."""
    axes = normalise_axes(axis, a.ndim + len(listed(axis)))
    return movement.expand_dims(a, axes=axes) if axes else a


@implements(np.squeeze)
def squeeze(a: Any, axis: Any = None) -> Any:
    """np.squeeze."""
    if axis is None:
        axes = tuple(place for place, extent in enumerate(a.shape) if extent == 1)
    else:
        axes = reduced_axes(axis, a.ndim)
    return movement.squeeze(a, axes=axes) if axes else a


@implements(np.broadcast_to)
def broadcast_to(array: Any, shape: Any, subok: Any = False) -> Any:
    """np.broadcast_to."""
    extents = tuple(whole(extent, "an extent") for extent in listed(shape))
    return array if extents == array.shape else movement.broadcast_to(array, shape=extents)


@implements(np.broadcast_arrays)
def broadcast_arrays(*args: Any, subok: Any = False) -> tuple[Any, ...]:
    """np.broadcast_arrays."""
    shape = np.broadcast_shapes(*[np.shape(value) for value in args])
    return tuple(np.broadcast_to(value, shape) for value in args)


@implements(np.atleast_1d)
def atleast_1d(*arys: Any) -> Any:
    """np.atleast_1d."""
    grown = [value if np.ndim(value) else np.reshape(value, (1,)) for value in arys]
    return grown[0] if len(grown) == 1 else tuple(grown)


@implements(np.atleast_2d)
def atleast_2d(*arys: Any) -> Any:
    """np.atleast_2d."""
    grown = [value if np.ndim(value) > 1 else np.reshape(value, (1, -1)) for value in arys]
    return grown[0] if len(grown) == 1 else tuple(grown)


@implements(np.flip)
def flip(m: Any, axis: Any = None) -> Any:
    """np.flip."""
    axes = normalise_axes(axis, m.ndim)
    return movement.flip(m, axes=axes) if axes else m


@implements(np.flipud)
def flipud(m: Any) -> Any:
    """np.flipud."""
    return flip(m, 0)


@implements(np.fliplr)
def fliplr(m: Any) -> Any:
    """np.fliplr."""
    return flip(m, 1)


@implements(np.copy)
def copy(a: Any, order: Any = "K", subok: Any = False) -> Any:
    """np.copy: nothing can write to a traced value, so it is its own copy."""
    return a


@implements(np.iscomplexobj)
def iscomplexobj(x: Any) -> bool:
    """np.iscomplexobj."""
    return bool(x.dtype.kind == "c")


@implements(np.result_type)
def result_type(*arrays_and_dtypes: Any) -> np.dtype[Any]:
    """np.result_type."""
    return np.result_type(*[one.dtype if isinstance(one, Tensor) else one for one in arrays_and_dtypes])
