"""Functions of primitives that have a name of their own, written in plain NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.errors import ShapeError
from wengert.ir.composite import composite
from wengert.primitives.arithmetic import sub
from wengert.primitives.exponential import exp_difference
from wengert.primitives.reductions import logsumexp as logsumexp_primitive


def axes_of(x: Any, axis: int | tuple[int, ...] | None) -> tuple[int, ...]:
    """Return `axis` as the sorted, non-negative axes that reductions take.

    Raises
    ------
    ShapeError
        When there is no such axis.
    """
    ndim = len(np.shape(x))
    given = range(ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    wrong = [one for one in given if not -ndim <= one < ndim]
    if wrong:
        raise ShapeError(f"there is no axis {wrong[0]} in an array of shape {np.shape(x)}")
    return tuple(sorted(one % ndim for one in given))


def logsumexp(x: Any, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Any:
    """log Σ exp x over `axis`, without overflow.

    Parameters
    ----------
    x : array_like or tensor
    axis : int or tuple of int, optional
        All axes by default.
    keepdims : bool
        Keep the reduced axes with extent 1.

    Returns
    -------
    array or tensor
        The shape of `x` without `axis`; −∞, with derivative 0, where all elements are −∞.

    Raises
    ------
    ShapeError
        When there is no such axis, or nothing along it.

    Notes
    -----
    log Σ exp(x − m) + m with m = max x (Blanchard, Higham & Higham, "Accurately computing the log-sum-exp and
    softmax functions", IMA J. Numer. Anal. 41, 2021).
    """
    return logsumexp_primitive(x, axes=axes_of(x, axis), keepdims=keepdims)


@composite
def softmax(x: Any, axis: int | tuple[int, ...] | None = -1) -> Any:
    """exp x / Σ exp x over `axis`, without overflow.

    Parameters
    ----------
    x : array_like or tensor
    axis : int or tuple of int, optional
        The last axis by default.

    Returns
    -------
    array or tensor, of the shape of `x`
        Adds up to 1 over `axis`; 0, with derivative 0, where all elements are −∞.

    Raises
    ------
    ShapeError
        When there is no such axis, or nothing along it.

    Notes
    -----
    exp(x − logsumexp(x)): Blanchard, Higham & Higham 2021.
    """
    return exp_difference(x, logsumexp(x, axis, keepdims=True))


@composite
def log_softmax(x: Any, axis: int | tuple[int, ...] | None = -1) -> Any:
    """log(exp x / Σ exp x) over `axis`: x − logsumexp(x).

    Parameters
    ----------
    x : array_like or tensor
    axis : int or tuple of int, optional
        The last axis by default.

    Returns
    -------
    array or tensor, of the shape of `x`

    Raises
    ------
    ShapeError
        When there is no such axis, or nothing along it.

    Notes
    -----
    Blanchard, Higham & Higham 2021. Unlike the logarithm of the softmax, right where that underflows.
    """
    return sub(x, logsumexp(x, axis, keepdims=True))
