"""The operations of PyTorch's OpInfo that NumPy or SciPy has too, called with torch's arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.linalg
import scipy.special as special


def _reduced(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a NumPy reduction that takes torch's positions: dim, keepdim."""

    def called(x: Any, dim: Any = None, keepdim: bool = False, **kwargs: Any) -> Any:
        kwargs.pop("dtype", None)
        return function(x, axis=tuple(dim) if isinstance(dim, list) else dim, keepdims=keepdim, **kwargs)

    return called


def _spread(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return np.var or np.std with torch's corrections."""

    def called(
        x: Any, dim: Any = None, unbiased: bool = True, keepdim: bool = False, correction: Any = None
    ) -> Any:
        if isinstance(dim, bool):
            dim, unbiased = None, dim
        ddof = int(unbiased) if correction is None else correction
        return function(x, axis=tuple(dim) if isinstance(dim, list) else dim, ddof=ddof, keepdims=keepdim)

    return called


def _clamp(x: Any, min: Any = None, max: Any = None) -> Any:
    return np.clip(x, min, max)


def _diff(x: Any, n: int = 1, dim: int = -1, prepend: Any = None, append: Any = None) -> Any:
    ends = {name: one for name, one in (("prepend", prepend), ("append", append)) if one is not None}
    return np.diff(x, n, dim, **ends)


def _quantile(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x, q, dim=None, keepdim=False, interpolation="linear": function(
        x, q, axis=dim, keepdims=keepdim, method=interpolation
    )


def _norm(x: Any, ord: Any = None, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Any:
    x = np.reshape(x, -1) if dim is None and ord is None else x
    return np.linalg.norm(x, ord, tuple(dim) if isinstance(dim, (list, tuple)) else dim, keepdim)


def _vector_norm(x: Any, ord: Any = 2, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Any:
    axis = tuple(dim) if isinstance(dim, (list, tuple)) else dim
    return np.linalg.vector_norm(x, ord=ord, axis=axis, keepdims=keepdim)


def _matrix_norm(
    x: Any, ord: Any = "fro", dim: Any = (-2, -1), keepdim: bool = False, dtype: Any = None
) -> Any:
    return np.linalg.norm(x, ord, tuple(dim), keepdim)


def _solve(a: Any, b: Any, left: bool = True) -> Any:
    if not left:
        return np.swapaxes(_solve(np.swapaxes(a, -1, -2), np.swapaxes(b, -1, -2)), -1, -2)
    return np.linalg.solve(a, b)


UNARY = {
    "abs": np.abs, "acos": np.arccos, "acosh": np.arccosh, "asin": np.arcsin, "asinh": np.arcsinh,
    "atan": np.arctan, "atanh": np.arctanh, "ceil": np.ceil, "cos": np.cos, "cosh": np.cosh,
    "deg2rad": np.deg2rad, "digamma": special.digamma, "erf": special.erf, "erfc": special.erfc,
    "erfinv": special.erfinv, "exp": np.exp, "exp2": np.exp2, "expm1": np.expm1, "floor": np.floor,
    "i0": special.i0, "lgamma": special.gammaln, "log": np.log, "log10": np.log10, "log1p": np.log1p,
    "log2": np.log2, "neg": np.negative, "positive": np.positive, "rad2deg": np.rad2deg,
    "reciprocal": np.reciprocal, "rsqrt": lambda x: 1 / np.sqrt(x), "sigmoid": special.expit, "sign": np.sign,
    "sgn": np.sign, "sin": np.sin, "sinc": np.sinc, "sinh": np.sinh, "sqrt": np.sqrt, "square": np.square,
    "tan": np.tan, "tanh": np.tanh, "trunc": np.trunc, "frac": lambda x: x - np.trunc(x), "conj": np.conj,
    "real": np.real, "special.i0e": special.i0e, "special.i1": special.i1, "special.i1e": special.i1e,
    "special.ndtr": special.ndtr, "special.entr": special.entr, "special.ndtri": special.ndtri,
    "special.log_ndtr": special.log_ndtr, "special.erfcx": special.erfcx, "clone": np.copy, "ravel": np.ravel,
    "flipud": np.flipud, "fliplr": np.fliplr, "T": np.transpose, "t": np.transpose, "trace": np.trace,
    "linalg.det": np.linalg.det, "linalg.inv": np.linalg.inv, "linalg.svdvals": np.linalg.svdvals,
    "matrix_exp": lambda x: scipy.linalg.expm(x), "mT": lambda x: np.swapaxes(x, -1, -2),
    "diagflat": lambda x, offset=0: np.diagflat(x, offset),
    "logdet": lambda x: np.log(np.linalg.det(x)), "nn.functional.relu": lambda x: np.maximum(0, x),
    "nn.functional.logsigmoid": special.log_expit, "nn.functional.softsign": lambda x: x / (1 + np.abs(x)),
    "nn.functional.tanhshrink": lambda x: x - np.tanh(x),
}  # fmt: skip

BINARY = {
    "add": lambda x, y, alpha=1: x + alpha * y,
    "sub": lambda x, y, alpha=1: x - alpha * y,
    "rsub": lambda x, y, alpha=1: y - alpha * x,
    "mul": np.multiply,
    "true_divide": np.divide,
    "atan2": np.arctan2,
    "copysign": np.copysign,
    "fmax": np.fmax,
    "fmin": np.fmin,
    "fmod": np.fmod,
    "remainder": np.remainder,
    "hypot": np.hypot,
    "logaddexp": np.logaddexp,
    "logaddexp2": np.logaddexp2,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "pow": np.power,
    "float_power": np.float_power,
    "xlogy": special.xlogy,
    "special.xlog1py": special.xlog1py,
    "ldexp": lambda x, n: x * 2.0**n,
    "__radd__": lambda x, y: y + x,
    "__rsub__": lambda x, y: y - x,
    "__rmul__": lambda x, y: y * x,
    "__rpow__": lambda x, y: y**x,
    "__rdiv__": lambda x, y: y / x,
    "__rmod__": lambda x, y: y % x,
    "__rmatmul__": lambda x, y: y @ x,
    "dot": np.dot,
    "vdot": np.vdot,
    "inner": np.inner,
    "mv": np.matmul,
    "mm": np.matmul,
    "bmm": np.matmul,
    "matmul": np.matmul,
    "outer": np.outer,
    "kron": np.kron,
    "dist": lambda x, y, p=2: np.linalg.norm(np.reshape(x - y, -1), p),
    "linalg.solve": _solve,
    "linalg.tensorsolve": lambda a, b, dims=None: np.linalg.tensorsolve(a, b, dims),
    "linalg.cross": lambda x, y, dim=-1: np.cross(x, y, axis=dim),
    "linalg.vecdot": lambda x, y, dim=-1: np.vecdot(x, y, axis=dim),
    "tensordot": lambda x, y, dims=2: np.tensordot(x, y, dims),
    "where": lambda x, condition, other: np.where(condition, x, other),
    "lerp": lambda x, y, w: x + w * (y - x),
    "addcmul": lambda x, a, b, value=1: x + value * a * b,
    "addcdiv": lambda x, a, b, value=1: x + value * a / b,
    "addmm": lambda x, a, b, alpha=1, beta=1: beta * x + alpha * (a @ b),
    "addmv": lambda x, a, b, alpha=1, beta=1: beta * x + alpha * (a @ b),
    "addr": lambda x, a, b, alpha=1, beta=1: beta * x + alpha * np.outer(a, b),
    "baddbmm": lambda x, a, b, alpha=1, beta=1: beta * x + alpha * (a @ b),
    "addbmm": lambda x, a, b, alpha=1, beta=1: beta * x + alpha * np.sum(a @ b, axis=0),
    "nn.functional.linear": lambda x, w, b=0: x @ np.transpose(w) + b,
}

OTHERS: dict[str, Callable[..., Any]] = {
    "amax": _reduced(np.amax),
    "amin": _reduced(np.amin),
    "mean": _reduced(np.mean),
    "sum": _reduced(np.sum),
    "nansum": _reduced(np.nansum),
    "nanmean": _reduced(np.nanmean),
    "prod": _reduced(np.prod),
    "var": _spread(np.var),
    "std": _spread(np.std),
    "logsumexp": _reduced(lambda x, **options: special.logsumexp(x, **options)),
    "clamp": _clamp,
    "diff": _diff,
    "quantile": _quantile(np.quantile),
    "nanquantile": _quantile(np.nanquantile),
    "cumsum": lambda x, dim, dtype=None: np.cumsum(x, dim),
    "cumprod": lambda x, dim, dtype=None: np.cumprod(x, dim),
    "softmax": lambda x, dim, dtype=None: special.softmax(x, axis=dim),
    "log_softmax": lambda x, dim, dtype=None: special.log_softmax(x, axis=dim),
    "flip": lambda x, dims: np.flip(x, tuple(dims)),
    "roll": lambda x, shifts, dims=None: np.roll(x, shifts, dims),
    "rot90": lambda x, k=1, dims=(0, 1): np.rot90(x, k, dims),
    "permute": lambda x, *axes: np.transpose(x, *axes),
    "movedim": np.moveaxis,
    "transpose": np.swapaxes,
    "squeeze": lambda x, dim=None: (
        x
        if dim is not None and np.shape(x) and not isinstance(dim, (tuple, list)) and x.shape[dim] != 1
        else np.squeeze(x, dim)
    ),
    "unsqueeze": np.expand_dims,
    "reshape": lambda x, shape: np.reshape(x, shape),
    "tile": np.tile,
    "repeat": lambda x, *n: np.tile(x, *n),
    "broadcast_to": np.broadcast_to,
    "expand": lambda x, shape: np.broadcast_to(
        x, [x.shape[i - len(shape)] if n == -1 else n for i, n in enumerate(shape)]
    ),
    "diag": np.diag,
    "diagonal": lambda x, offset=0, dim1=0, dim2=1: np.diagonal(x, offset, dim1, dim2),
    "linalg.diagonal": lambda x, offset=0, dim1=-2, dim2=-1: np.diagonal(x, offset, dim1, dim2),
    "tril": np.tril,
    "triu": np.triu,
    "cat": lambda x, dim=0: np.concatenate(x, dim),
    "stack": lambda x, dim=0: np.stack(x, dim),
    "hstack": np.hstack,
    "vstack": np.vstack,
    "dstack": np.dstack,
    "column_stack": np.column_stack,
    "atleast_1d": np.atleast_1d,
    "atleast_2d": np.atleast_2d,
    "atleast_3d": np.atleast_3d,
    "block_diag": lambda *x: scipy.linalg.block_diag(*x),
    "meshgrid": lambda *x, indexing="ij": np.meshgrid(*x, indexing=indexing),
    "einsum": lambda x, subscripts: np.einsum(subscripts, *x),
    "take_along_dim": lambda x, i, dim=None: np.take_along_axis(x, i, dim),
    "take": np.take,
    "index_select": lambda x, dim, i: np.take(x, i, axis=dim),
    "__getitem__": lambda x, key: x[key],
    "trapezoid": lambda y, x=None, dx=1.0, dim=-1: np.trapezoid(y, x, dx, dim),
    "trapz": lambda y, x=None, dx=1.0, dim=-1: np.trapezoid(y, x, dx, dim),
    "gradient": lambda x, spacing=1, dim=None, edge_order=1: np.gradient(
        x, *(spacing if isinstance(spacing, (list, tuple)) else [spacing]), axis=dim, edge_order=edge_order
    ),
    "cov": lambda x, correction=1, fweights=None, aweights=None: np.cov(
        x, ddof=correction, fweights=fweights, aweights=aweights
    ),
    "corrcoef": np.corrcoef,
    "linalg.vander": lambda x, N=None: np.vander(x, N, increasing=True),
    "nan_to_num": np.nan_to_num,
    "masked_fill": lambda x, mask, value: np.where(mask, value, x),
    "round": lambda x, decimals=0: np.round(x, decimals),
    "logit": lambda x, eps=None: special.logit(x if eps is None else np.clip(x, eps, 1 - eps)),
    "polygamma": lambda x, n: special.polygamma(n, x),
    "mvlgamma": lambda x, p: special.multigammaln(x, p),
    "sort": lambda x, dim=-1, descending=False, stable=False: (
        np.flip(np.sort(x, axis=dim), dim)
        if descending and np.ndim(x)
        else np.sort(x, axis=dim)
        if np.ndim(x)
        else x
    ),
    "msort": lambda x: np.sort(x, axis=0),
    "tensor_split": lambda x, n, dim=0: np.array_split(x, n, dim),
    "hsplit": np.hsplit,
    "vsplit": np.vsplit,
    "dsplit": np.dsplit,
    "unbind": lambda x, dim=0: list(np.moveaxis(x, dim, 0)),
    "repeat_interleave": lambda x, repeats, dim=None, output_size=None: np.repeat(x, repeats, axis=dim),
    "cross": lambda x, y, dim=-1: np.cross(x, y, axis=dim),
    "linalg.norm": _norm,
    "linalg.vector_norm": _vector_norm,
    "linalg.matrix_norm": _matrix_norm,
    "linalg.multi_dot": np.linalg.multi_dot,
    "linalg.matrix_power": np.linalg.matrix_power,
    "linalg.slogdet": np.linalg.slogdet,
    "linalg.cholesky": lambda x, upper=False: np.linalg.cholesky(x, upper=upper),
    "cholesky": lambda x, upper=False: np.linalg.cholesky(x, upper=upper),
    "linalg.eigvalsh": lambda x, UPLO="L": np.linalg.eigvalsh(x, UPLO),
    "linalg.pinv": lambda x, rcond=1e-15, **k: np.linalg.pinv(x, rcond),
    "pinverse": lambda x, rcond=1e-15: np.linalg.pinv(x, rcond),
    "linalg.lstsq": lambda a, b, driver=None: np.linalg.lstsq(a, b, rcond=None)[:2],
    "linalg.tensorinv": lambda x, ind=2: np.linalg.tensorinv(x, ind),
    "linalg.cond": lambda x, p=None: np.linalg.cond(x, p),
    "linalg.solve_triangular": lambda a, b, upper, left=True, unitriangular=False: (
        scipy.linalg.solve_triangular(a, b, lower=not upper, unit_diagonal=unitriangular)
        if left and a.ndim == b.ndim == 2
        else np.linalg.solve(a, b)
    ),
    "nn.functional.softplus": lambda x, beta=1, threshold=20: np.logaddexp(0, beta * x) / beta,
    "nn.functional.elu": lambda x, alpha=1.0, inplace=False: np.where(x > 0, x, alpha * np.expm1(x)),
    "nn.functional.leaky_relu": lambda x, negative_slope=0.01, inplace=False: np.where(
        x > 0, x, negative_slope * x
    ),
}
OPERATIONS = UNARY | BINARY | OTHERS
