"""scipy.stats in traced functions: moments, means and entropies of samples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.primitives.library import special
from wengert.trace.numpy_functions.table import array
from wengert.trace.scipy.known import where_traced

_numpy: Any = np
_LIBRARY = "scipy.stats"


def _moment(x: Any, order: int, axis: Any) -> Any:
    return np.mean((x - np.mean(x, axis=axis, keepdims=True)) ** order, axis=axis)


def _skew(a: Any, axis: Any = 0) -> Any:
    """scipy.stats.skew, biased as by default."""
    x = array(a)
    return _moment(x, 3, axis) / _moment(x, 2, axis) ** 1.5


def _kurtosis(a: Any, axis: Any = 0, fisher: bool = True) -> Any:
    """scipy.stats.kurtosis, biased as by default."""
    x = array(a)
    return _moment(x, 4, axis) / _moment(x, 2, axis) ** 2 - (3.0 if fisher else 0.0)


def _zscore(a: Any, axis: Any = 0, ddof: int = 0) -> Any:
    """scipy.stats.zscore."""
    x = array(a)
    return (x - np.mean(x, axis=axis, keepdims=True)) / np.std(x, axis=axis, ddof=ddof, keepdims=True)


def _standard_error(a: Any, axis: Any = 0, ddof: int = 1) -> Any:
    """scipy.stats.sem."""
    x = array(a)
    count = x.size if axis is None else x.shape[axis]
    return np.std(x, axis=axis, ddof=ddof) / count**0.5


def _entropy(pk: Any, qk: Any = None, base: Any = None, axis: Any = 0) -> Any:
    """scipy.stats.entropy, of one distribution or relative to another."""
    p = array(pk)
    p = p / np.sum(p, axis=axis, keepdims=True)
    if qk is None:
        terms = special.WRITTEN_OUT["entr"](p)
    else:
        q = array(qk)
        terms = special.WRITTEN_OUT["rel_entr"](p, q / np.sum(q, axis=axis, keepdims=True))
    total = np.sum(terms, axis=axis)
    return total if base is None else total / np.log(base)


_RULES: dict[str, Callable[..., Any]] = {
    "skew": _skew,
    "kurtosis": _kurtosis,
    "zscore": _zscore,
    "sem": _standard_error,
    "entropy": _entropy,
    "gmean": lambda a, axis=0: np.exp(np.mean(np.log(array(a)), axis=axis)),
    "hmean": lambda a, axis=0: 1 / np.mean(1 / array(a), axis=axis),
    "variation": lambda a, axis=0: np.std(array(a), axis=axis) / np.mean(array(a), axis=axis),
}

# What stands in traced functions for functions of scipy.stats.
IN_TRACES: dict[str, Any] = {name: where_traced(_LIBRARY, name)(rule) for name, rule in _RULES.items()}
