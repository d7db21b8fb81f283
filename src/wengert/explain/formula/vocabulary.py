"""The functions that a formula given as text may call: a short list, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.primitives.composites import logsumexp, softmax
from wengert.primitives.functions import sigmoid, softplus


def _relu(x: Any) -> Any:
    return np.maximum(x, 0)


def _length(x: Any) -> int:
    if np.ndim(x) == 0:
        raise TypeError("a number has no length")
    return len(x)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "tanh": np.tanh,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "exp": np.exp,
    "log": np.log,
    "sqrt": np.sqrt,
    "square": np.square,
    "abs": np.abs,
    "sign": np.sign,
    "sin": np.sin,
    "cos": np.cos,
    "sigmoid": sigmoid,
    "softplus": softplus,
    "softmax": softmax,
    "logsumexp": logsumexp,
    "relu": _relu,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "where": np.where,
    "sum": np.sum,
    "mean": np.mean,
    "max": np.max,
    "min": np.min,
    "outer": np.outer,
    "dot": np.dot,
    "matmul": np.matmul,
    "multiply": np.multiply,
    "diag": np.diag,
    "transpose": np.transpose,
    "ones_like": np.ones_like,
    "zeros_like": np.zeros_like,
    "len": _length,
}
METHODS = ("sum", "mean", "max", "min", "dot")
KEYWORDS = ("axis", "keepdims")
PREFIXES = ("np", "numpy", "wg", "wengert")  # np.tanh is tanh
ARITY = {
    "maximum": (2, 2), "minimum": (2, 2), "where": (3, 3), "outer": (2, 2), "dot": (2, 2),
    "matmul": (2, 2), "multiply": (2, 2), "sum": (1, 2), "mean": (1, 2), "max": (1, 2), "min": (1, 2),
    "softmax": (1, 2), "logsumexp": (1, 2),
}  # fmt: skip
WITH_AXIS = frozenset({"sum", "mean", "max", "min", "softmax", "logsumexp"})
