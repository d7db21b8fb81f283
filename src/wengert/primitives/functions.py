"""Functions beyond NumPy's, for arrays and for traced tensors alike."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.errors import ShapeError
from wengert.ir.primitive import NUMBERS
from wengert.primitives import exponential, indexing, selection
from wengert.primitives.arithmetic import add


def sigmoid(x: Any) -> Any:
    """1/(1 + exp(−x)), without overflow.

    Parameters
    ----------
    x : array_like or tensor

    Returns
    -------
    array or tensor, of the shape of `x`
        Between 0 and 1.

    Notes
    -----
    The derivative is σ(x)(1 − σ(x)).
    """
    return exponential.sigmoid(x)


def softplus(x: Any) -> Any:
    """log(1 + exp x), without overflow.

    Parameters
    ----------
    x : array_like or tensor

    Returns
    -------
    array or tensor, of the shape of `x`

    Notes
    -----
    The soft version of max(0, x); its derivative is the sigmoid.
    """
    return exponential.softplus(x)


def erf(x: Any) -> Any:
    """Error function, 2/√π ∫ exp(−t²) dt from 0 to x.

    Parameters
    ----------
    x : array_like or tensor

    Returns
    -------
    array or tensor, of the shape of `x`

    Notes
    -----
    DLMF 7.2.1.
    """
    return exponential.erf(x)


def xlogy(x: Any, y: Any) -> Any:
    """x · log y, and 0 where x is 0, whatever y is.

    Parameters
    ----------
    x, y : array_like or tensor
        Of shapes that broadcast.

    Returns
    -------
    array or tensor, of the common shape

    Raises
    ------
    ShapeError
        When the shapes do not broadcast.

    Notes
    -----
    Both derivatives are 0 at (0, 0).
    """
    return exponential.xlogy(x, y)


def stop_gradient(x: Any) -> Any:
    """Return `x`, counted as a constant by every derivative.

    Parameters
    ----------
    x : array_like or tensor

    Returns
    -------
    array or tensor, of the shape of `x`
    """
    return selection.stop_gradient(x)


def one_hot(indices: Any, count: int, dtype: Any = np.float64) -> Any:
    """Return vectors that are 1 at the given index and 0 elsewhere.

    Parameters
    ----------
    indices : array_like or tensor of integers, shape (...)
        From 0 to ``count - 1``.
    count : int
    dtype : dtype_like

    Returns
    -------
    array or tensor, shape (..., count)

    Raises
    ------
    IndexRangeError
        When an index is negative or not below `count`; names the first such row. A traced tensor is checked
        when the program runs.
    DTypeError
        When the indices are no integers.
    """
    return indexing.one_hot(indices, count=int(count), dtype=np.dtype(dtype))


def scatter_add(x: Any, indices: Any, updates: Any) -> Any:
    """Return `x` with `updates` added at `indices`; what is added to one place several times adds up.

    This is ``numpy.add.at`` on a copy, and what to write in place of ``x[indices] += updates``.

    Parameters
    ----------
    x : array_like or tensor, shape (n, ...)
    indices : array_like or tensor of integers, or tuple of them
        Index the first axis, or the first axes; they broadcast against each other.
    updates : array_like or tensor
        Broadcasts to the shape of ``x[indices]``.

    Returns
    -------
    array or tensor, of the shape of `x`

    Raises
    ------
    ShapeError
        When there are more indices than axes, or `updates` does not broadcast to ``x[indices]``.
    IndexRangeError
        When an index is outside its axis.
    DTypeError
        When the indices are no integers.
    """
    parts = indices if isinstance(indices, tuple) else (indices,)
    shape = np.shape(x)
    if not 0 < len(parts) <= len(shape):
        raise ShapeError(f"scatter_add: {len(parts)} indices for an array of shape {shape}")
    axes = tuple(range(len(parts)))
    target = indexing.gathered_shape(shape, axes, np.broadcast_shapes(*[np.shape(part) for part in parts]))
    if isinstance(updates, NUMBERS):
        # A number takes the dtype of the array it is added to.
        dtype = x.dtype if hasattr(x, "dtype") else np.asarray(x).dtype
        updates = np.asarray(updates, np.result_type(dtype, updates))
    try:
        fits = np.broadcast_shapes(np.shape(updates), target) == target
    except ValueError:
        fits = False
    if not fits:
        raise ShapeError(
            f"scatter_add: updates of shape {np.shape(updates)} do not fit {target}, which is x[indices]"
        )
    placed = indexing.scatter_add(np.broadcast_to(updates, target), *parts, axes=axes, shape=shape)
    return add(x, placed)
