"""Functions of one number where formulas break: at both zeros, at the ends of a format, and at infinity.

Values and the first three derivatives, in both modes and both executors, against SymPy's expressions with
enough digits. What is asked at ±∞ is the limit.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy

from wengert.ir.primitive import REGISTRY, Kind, NotDifferentiable
from wengert.ir.program import Program
from wengert.nn import activations
from wengert.primitives import exponential, functions
from wengert.run.llvm import LLVMExecutor
from wengert.run.numpy import NumpyExecutor
from wengert.trace.numpy_functions import ufuncs
from wengert.trace.tensor import as_tensor
from wengert.trace.tracing import trace
from wengert.transform.forward import pushforward
from wengert.transform.gradient import gradient
from wengert.transform.inline import inline
from wengert.transform.simplify import simplify

x = sympy.Symbol("x", real=True)
log1p, expm1 = sympy.Function("log1p"), sympy.Function("expm1")
e = sympy.exp(x)
SIGMOID = 1 / (1 + sympy.exp(-x))
MISH = 1 / (1 + 2 * e + e**2 + 1)
LOW_MISH, HIGH_MISH = x * (e**2 + 2 * e) * MISH, x * (1 - 2 * MISH)
SCALE, ALPHA = (sympy.Float(one, 40) for one in (activations._SELU_SCALE, activations._SELU_ALPHA))


# The expressions for x < 0 and others. Where terms cancel in one that SymPy derives, the derivative is given.
Oracle = tuple[sympy.Expr, sympy.Expr]
ORACLES: dict[str, tuple[Callable[[Any], Any], sympy.Expr | Oracle, sympy.Expr | Oracle | None]] = {
    "neg": (np.negative, -x, None),
    "abs": (np.abs, (-x, x), None),
    "fabs": (np.fabs, (-x, x), None),
    "positive": (np.positive, x, None),
    "square": (np.square, x**2, None),
    "sqrt": (np.sqrt, sympy.sqrt(x), None),
    "reciprocal": (np.reciprocal, 1 / x, None),
    "exp": (np.exp, e, None),
    "expm1": (np.expm1, expm1(x), e),
    "exp2": (np.exp2, 2**x, None),
    "log": (np.log, sympy.log(x), None),
    "log1p": (np.log1p, log1p(x), 1 / (1 + x)),
    "log2": (np.log2, sympy.log(x) / sympy.log(2), None),
    "log10": (np.log10, sympy.log(x) / sympy.log(10), None),
    "deg2rad": (np.deg2rad, x * sympy.pi / 180, None),
    "rad2deg": (np.rad2deg, x * 180 / sympy.pi, None),
    "sigmoid": (functions.sigmoid, SIGMOID, None),
    "softplus": (functions.softplus, (log1p(e), x + log1p(1 / e)), SIGMOID),
    "erf": (functions.erf, sympy.erf(x), None),
    "erfc": (exponential.erfc, sympy.erfc(x), None),
    "sin": (np.sin, sympy.sin(x), None),
    "cos": (np.cos, sympy.cos(x), None),
    "tan": (np.tan, sympy.tan(x), 1 / sympy.cos(x) ** 2),
    "arcsin": (np.arcsin, sympy.asin(x), None),
    "arccos": (np.arccos, sympy.acos(x), None),
    "arctan": (np.arctan, sympy.atan(x), None),
    "sinh": (np.sinh, sympy.sinh(x), None),
    "cosh": (np.cosh, sympy.cosh(x), None),
    "tanh": (np.tanh, sympy.tanh(x), 1 / sympy.cosh(x) ** 2),
    "arcsinh": (np.arcsinh, (-sympy.asinh(-x), sympy.asinh(x)), 1 / sympy.sqrt(1 + x**2)),
    "arctanh": (np.arctanh, sympy.atanh(x), None),
    # Of two operands, along each.
    "hypot": (lambda x: np.hypot(x, 1.0), sympy.sqrt(x**2 + 1), None),
    "arctan2 above": (lambda x: np.arctan2(x, 1.0), sympy.atan(x), None),
    "arctan2 below": (
        lambda x: np.arctan2(1.0, x), (sympy.atan(1 / x) + sympy.pi, sympy.atan(1 / x)), -1 / (1 + x**2)
    ),
    "logaddexp": (lambda x: np.logaddexp(0.0, x), (log1p(e), x + log1p(1 / e)), SIGMOID),
    "xlogy": (lambda x: functions.xlogy(x, 2.0), x * sympy.log(2), None),
    "exp_difference": (lambda x: REGISTRY["exp_difference"](1.0, x), sympy.exp(1 - x), None),
    "cube": (lambda x: x**3, x**3, None),
    "power": (lambda x: np.power(x, -2.0), x**-2, None),
    "exponential": (lambda x: np.power(0.5, x), sympy.Rational(1, 2) ** x, None),
    # Activations.
    "relu": (activations.relu, (0 * x, x), None),
    "leaky_relu": (activations.leaky_relu, (sympy.Float(0.01, 40) * x, x), None),
    "selu": (
        activations.selu, (SCALE * ALPHA * expm1(x), SCALE * x), (SCALE * ALPHA * e, SCALE + 0 * x)
    ),
    "gelu": (activations.gelu, x * sympy.erfc(-x / sympy.sqrt(2)) / 2, None),
    "silu": (activations.silu, x * SIGMOID, None),
    "mish": (activations.mish, (LOW_MISH, HIGH_MISH), None),
}  # fmt: skip
# Tested elsewhere: they compare, round or choose, have no formula, or more operands than these.
OTHERS = {
    "add", "arctan2", "astype", "clip", "degrees", "div", "exp", "exp_difference", "heaviside", "hypot",
    "identity", "logaddexp", "maximum", "minimum", "mul", "pow", "radians", "sigmoid", "softmax",
    "softplus", "step", "sub", "tanh", "vecdot", "where", "xlogy", "arccosh", "cbrt", "conj", "conjugate",
    "copysign", "imag", "real",
    "divmod", "erfcx", "erfinv", "float_power", "fmax", "fmin", "fmod", "i0", "i1", "ldexp", "log_ndtr",
    "logaddexp2", "logit", "matvec", "modf", "ndtri", "nextafter", "quotient", "remainder", "signbit",
    "vecmat", "gamma", "gammaln", "betaln", "polygamma",
}  # fmt: skip
# 1 − σ, 1 − tanh², 1 + erf and 1 − (x/r)² lose digits to 1: their error is relative to that.
RELATIVE_TO_ONE = {"hypot", "sigmoid", "softplus", "tanh", "logaddexp", "gelu", "silu", "mish"}
# Their products are ∞·0 far out; they are promised up to 10⁴.
PROMISED_TO_1E4 = {"gelu", "silu", "mish"}
# They grow so slowly that no number stands for ∞.
SLOW = {"sqrt", "log", "log1p", "log2", "log10", "arcsinh"}
TOLERANCE = 64  # units of epsilon
KINKS = {"abs": 0, "fabs": 0, "relu": 0, "leaky_relu": 0, "selu": 0}


def test_every_function_has_an_oracle() -> None:
    smooth = {
        name
        for name, one in REGISTRY.items()
        if one.kind is Kind.ELEMENTWISE and not isinstance(one.vjp, NotDifferentiable)
    }
    written_out = {ufunc.__name__ for ufunc in ufuncs._WRITTEN_OUT}
    missing = (smooth | written_out | set(activations.ACTIVATIONS)) - set(ORACLES) - OTHERS
    assert not missing, (
        f"{sorted(missing)}: give each an expression in ORACLES, or its name to OTHERS where it has none"
    )


@functools.cache
def derivative(name: str, order: int, below: bool) -> Callable[[Any], Any]:
    _, value, slope = ORACLES[name]
    expression = slope if order and slope is not None else value
    if isinstance(expression, tuple):
        expression = expression[0 if below else 1]
    for _ in range(order - (order > 0 and slope is not None)):
        expression = sympy.diff(expression, x)
    return sympy.lambdify(x, expression, [{"log1p": mpmath.log1p, "expm1": mpmath.expm1}, "mpmath"])


@functools.cache
def wanted(name: str, order: int, at: float, dtype: Any) -> float:
    """Return a derivative rounded to a dtype; NaN where there is none, and where it is not known."""
    if np.isinf(at) and name in SLOW:
        odd = name == "arcsinh"
        return (0.0 if order else at) if at > 0 or odd else np.nan
    point = mpmath.mpf(at) if np.isfinite(at) else mpmath.mpf(10) ** 400 * (1 if at > 0 else -1)
    if not np.isfinite(at) and name in ("sin", "cos", "tan"):
        return np.nan
    with mpmath.workdps(60 if abs(at) > 1e-100 or at == 0 else 800):
        try:
            value = derivative(name, order, at < 0)(point)
        except (ZeroDivisionError, ValueError, OverflowError):
            return np.nan
        if isinstance(value, mpmath.mpc) or mpmath.isnan(value):
            return np.nan
        with np.errstate(all="ignore"):
            return float(np.array(float(value)).astype(dtype))


def derivatives(function: Any, at: np.ndarray) -> Program:
    """Return the program of a function's value, and its first three derivatives in either mode."""
    reverse = [trace(function, at)]
    forward = [reverse[0]]
    ones = np.ones_like(at)
    for _ in range(3):
        last = reverse[-1]
        reverse.append(
            simplify(gradient(trace(lambda x, last=last: inline(last, [x], x.recorder)[0].sum(), at)))
        )
        pushed = pushforward(forward[-1], [0])
        forward.append(
            simplify(
                trace(lambda x, p=pushed: inline(p, [x, as_tensor(ones, x.recorder)], x.recorder)[1], at)
            )
        )
    return trace(lambda x: [inline(one, [x], x.recorder)[0] for one in (*reverse, *forward[1:])], at)


def points(dtype: Any) -> np.ndarray:
    limits = np.finfo(dtype)
    large = float(limits.max)
    sizes = [
        float(limits.smallest_subnormal), float(limits.tiny), large**-0.6, large**-0.3, 1e-9, 0.4,
        1.25, 3.0, 20.0, 1e4, large**0.3, large**0.5, large**0.6, large, np.inf,
    ]  # fmt: skip
    return np.array([0.0, *sizes, -0.0, *[-size for size in sizes]], dtype)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", ORACLES)
def test_value_and_three_derivatives(name: str, dtype: Any) -> None:
    at = points(dtype)
    program = derivatives(ORACLES[name][0], at)
    limits = np.finfo(dtype)
    failures = []
    for executor in (NumpyExecutor(), LLVMExecutor()):
        results = executor.compile(simplify(program) if isinstance(executor, LLVMExecutor) else program)([at])
        for place, result in enumerate(results):
            order = place if place < 4 else place - 3
            for point, got in zip(at.tolist(), result.tolist(), strict=True):
                beyond = name in PROMISED_TO_1E4 and abs(point) > 1e4
                if beyond or (order and point == KINKS.get(name)):
                    continue
                exact = wanted(name, order, point, dtype)
                if np.isnan(exact) or np.isnan(wanted(name, 0, point, dtype)):  # outside of the domain
                    continue
                scale = max(abs(exact), 1.0 if name in RELATIVE_TO_ONE else 0.0)
                near = abs(got - exact) <= TOLERANCE * float(limits.eps) * scale + float(limits.tiny)
                if not (got == exact or near):
                    failures.append(
                        (
                            type(executor).__name__,
                            "value" if not order else f"order {order}",
                            "reverse" if place < 4 else "forward",
                            point,
                            got,
                            exact,
                        )
                    )
    assert not failures, "\n".join(map(str, failures))
