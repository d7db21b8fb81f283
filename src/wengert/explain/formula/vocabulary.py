"""What a formula given as text may hold: operators, and functions that NumPy or this package has.

A name stands for one function however it is written: ``norm`` is ``np.linalg.norm``. What makes many of few
elements (tile, repeat, pad) is left out.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.ir.primitive import IMPLEMENTATIONS
from wengert.primitives.composites import log_softmax, logsumexp, softmax
from wengert.primitives.functions import erf, sigmoid, softplus, xlogy
from wengert.primitives.library.special import betaln, digamma, gamma, gammaln


def _relu(x: Any) -> Any:
    return np.maximum(x, 0)


def _length(x: Any) -> int:
    if np.ndim(x) == 0:
        raise TypeError("a number has no length")
    return len(x)


_ARRAYS = (
    "sum", "mean", "max", "min", "prod", "var", "std", "cumsum", "cumprod", "argmax", "argmin", "any",
    "all", "diff", "where", "clip", "dot", "outer", "inner", "vdot", "einsum", "trace", "diag", "diagonal",
    "transpose", "swapaxes", "moveaxis", "reshape", "ravel", "squeeze", "expand_dims", "flip", "roll",
    "concatenate", "stack", "hstack", "vstack", "broadcast_to", "ones", "zeros", "full", "eye", "identity",
    "arange", "ones_like", "zeros_like", "full_like", "log2", "log10", "median", "cross",
)  # fmt: skip
_MATRICES = (
    "norm", "det", "inv", "solve", "slogdet", "pinv", "cholesky",
)  # fmt: skip
FUNCTIONS: dict[str, Callable[..., Any]] = {
    **{one.__name__: one for one in IMPLEMENTATIONS if isinstance(one, np.ufunc)},
    **{name: getattr(np, name) for name in _ARRAYS},
    **{name: getattr(np.linalg, name) for name in _MATRICES},
    "abs": np.abs,
    "sigmoid": sigmoid,
    "softplus": softplus,
    "softmax": softmax,
    "log_softmax": log_softmax,
    "logsumexp": logsumexp,
    "erf": erf,
    "xlogy": xlogy,
    "gamma": gamma,
    "gammaln": gammaln,
    "betaln": betaln,
    "digamma": digamma,
    "relu": _relu,
    "len": _length,
}
BINARY: dict[type[ast.operator], tuple[str, Callable[[Any, Any], Any]]] = {
    ast.Add: ("+", operator.add),
    ast.Sub: ("-", operator.sub),
    ast.Mult: ("*", operator.mul),
    ast.Div: ("/", operator.truediv),
    ast.Pow: ("**", operator.pow),
    ast.MatMult: ("@", operator.matmul),
    ast.FloorDiv: ("//", operator.floordiv),
    ast.Mod: ("%", operator.mod),
    ast.BitAnd: ("&", operator.and_),
    ast.BitOr: ("|", operator.or_),
}
COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
    ast.Eq: operator.eq, ast.NotEq: operator.ne,
}  # fmt: skip
METHODS = (
    "sum", "mean", "max", "min", "prod", "var", "std", "cumsum", "cumprod", "argmax", "argmin", "any",
    "all", "clip", "dot", "trace", "diagonal", "transpose", "swapaxes", "reshape", "ravel", "squeeze",
)  # fmt: skip
ATTRIBUTES = ("T", "shape", "size", "ndim")
CONSTANTS = {"pi": math.pi, "e": math.e, "inf": math.inf}
BARE_CONSTANTS = ("pi", "inf")  # without np. too, where no value has that name; e is often an error
KEYWORDS = ("axis", "axes", "keepdims", "ddof", "k", "offset", "axis1", "axis2", "ord")
PREFIXES = ("np", "numpy", "wg", "wengert")  # np.tanh is tanh
