"""Functions of primitives that have a name of their own, written in plain NumPy."""

from __future__ import annotations

from typing import Any

from wengert.ir.composite import composite
from wengert.primitives.exponential import exp_difference
from wengert.primitives.reductions import logsumexp as logsumexp_primitive


def axes_of(x: Any, axis: int | tuple[int, ...] | None) -> tuple[int, ...]:
    """Return `axis` as the sorted, non-negative axes that reductions take."""
    ndim = len(x.shape)
    given = range(ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    return tuple(sorted(one % ndim for one in given))


def logsumexp(x: Any, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Any:
    """log Σ exp x over `axis` without overflow; −∞ where all elements are −∞.

    Parameters
    ----------
    x : array or tensor
    axis : int or tuple of int, optional
        All axes by default.
    keepdims : bool
    """
    return logsumexp_primitive(x, axes=axes_of(x, axis), keepdims=keepdims)


@composite
def softmax(x: Any, axis: int | tuple[int, ...] | None = -1) -> Any:
    """exp x / Σ exp x over `axis` without overflow; 0 where all elements are −∞.

    Parameters
    ----------
    x : array or tensor
    axis : int or tuple of int, optional
    """
    return exp_difference(x, logsumexp(x, axis, keepdims=True))


@composite
def log_softmax(x: Any, axis: int | tuple[int, ...] | None = -1) -> Any:
    """x − logsumexp(x) over `axis`.

    Parameters
    ----------
    x : array or tensor
    axis : int or tuple of int, optional
    """
    return x - logsumexp(x, axis, keepdims=True)
