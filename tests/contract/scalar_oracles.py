"""What elementwise primitives are, said twice: as SymPy expressions, and as the NumPy function they mirror.

Values and derivatives come from the expressions, evaluated by mpmath with 40 digits.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import scipy.special
import sympy

X = sympy.symbols("x0 x1 x2", real=True)
x, y, z = X


class Floor(sympy.Function):  # type: ignore[misc]
    """The largest integer that is not larger: a constant between its jumps."""

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        return sympy.Integer(0)

    def _mpmathcode(self, printer: Any) -> str:
        return f"floor({printer._print(self.args[0])})"


MAGNITUDE = sympy.Piecewise((-x, x < 0), (x, True))

# Operands that are no numbers (the condition of where) are symbols all the same.
EXPRESSIONS: dict[str, sympy.Expr] = {
    "add": x + y,
    "sub": x - y,
    "mul": x * y,
    "div": x / y,
    "quotient": x / y,
    "neg": -x,
    "pow": x**y,
    "abs": MAGNITUDE,
    "real": x,
    "imag": 0 * x,
    "conj": x,
    "square": x**2,
    "nextafter": x + 0 * y,
    "cbrt": x ** sympy.Rational(1, 3),
    "remainder": x - y * Floor(x / y),
    "fmod": x - y * sympy.Piecewise((-1, x < 0), (1, True)) * Floor(MAGNITUDE / y),
    "copysign": MAGNITUDE * sympy.Piecewise((-1, y < 0), (1, True)),
    "sqrt": sympy.sqrt(x),
    "reciprocal": 1 / x,
    "exp": sympy.exp(x),
    "expm1": sympy.exp(x) - 1,
    "log": sympy.log(x),
    "log1p": sympy.log(1 + x),
    "sigmoid": 1 / (1 + sympy.exp(-x)),
    "softplus": sympy.log(1 + sympy.exp(x)),
    "logaddexp": sympy.log(sympy.exp(x) + sympy.exp(y)),
    "xlogy": x * sympy.log(y),
    "erf": sympy.erf(x),
    "erfc": sympy.erfc(x),
    "exp_difference": sympy.exp(x - y),
    "erfinv": sympy.erfinv(x),
    "erfcx": sympy.exp(x**2) * sympy.erfc(x),
    "ndtri": sympy.sqrt(2) * sympy.erfinv(2 * x - 1),
    "log_ndtr": sympy.log(sympy.erfc(-x / sympy.sqrt(2)) / 2),
    "logit": sympy.log(x / (1 - x)),
    "i0": sympy.besseli(0, x),
    "gammaln": sympy.loggamma(x),
    "gamma": sympy.gamma(x),
    "betaln": sympy.loggamma(x) + sympy.loggamma(y) - sympy.loggamma(x + y),
    "polygamma": sympy.Piecewise((sympy.polygamma(1, y), x > 0), (sympy.polygamma(0, y), True)),
    "i1": sympy.besseli(1, x),
    "sin": sympy.sin(x),
    "cos": sympy.cos(x),
    "tan": sympy.tan(x),
    "arcsin": sympy.asin(x),
    "arccos": sympy.acos(x),
    "arctan": sympy.atan(x),
    "arctan2": sympy.atan(x / y),  # y > 0 in the declared domain
    "hypot": sympy.sqrt(x**2 + y**2),
    "sinh": sympy.sinh(x),
    "cosh": sympy.cosh(x),
    "tanh": sympy.tanh(x),
    "arcsinh": sympy.asinh(x),
    "arctanh": sympy.atanh(x),
    "arccosh": sympy.acosh(x),
    "maximum": sympy.Piecewise((x, x >= y), (y, True)),
    "minimum": sympy.Piecewise((x, x <= y), (y, True)),
    "clip": sympy.Piecewise((z, (x > z) | (y > z)), (y, x < y), (x, True)),
    "where": sympy.Piecewise((y, x > 0), (z, True)),
}


def rounded(function: Callable[[float], int], a: float) -> float:
    return float(function(a)) if math.isfinite(a) else a


def quotient_by_zero(a: float, b: float) -> float:
    return math.nan if a == 0 else math.copysign(math.inf, a) * math.copysign(1, b)


# Piecewise constant: a Python function of Python numbers.
STEPS: dict[str, Callable[..., Any]] = {
    "sign": lambda a: float((a > 0) - (a < 0)),
    "stop_gradient": lambda a: a,
    "floor": lambda a: rounded(math.floor, a),
    "ceil": lambda a: rounded(math.ceil, a),
    "trunc": lambda a: rounded(math.trunc, a),
    "rint": lambda a: rounded(round, a),
    "floor_divide": lambda a, b: a // b if b else quotient_by_zero(a, b),
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
    "logical_and": lambda a, b: bool(a) and bool(b),
    "logical_or": lambda a, b: bool(a) or bool(b),
    "logical_xor": lambda a, b: bool(a) is not bool(b),
    "logical_not": lambda a: not a,
    "isnan": lambda a: a != a,
    "isinf": lambda a: a in (float("inf"), float("-inf")),
    "isfinite": lambda a: a == a and a not in (float("inf"), float("-inf")),
}

# The public function whose shape and dtype rules a primitive follows, where there is one.
TWINS: dict[str, Callable[..., Any]] = {
    **{name: getattr(np, name) for name in (
        "add", "abs", "sign", "square", "sqrt", "reciprocal", "exp", "expm1", "log", "log1p", "sin", "cos",
        "tan", "arcsin", "arccos", "arctan", "arctan2", "hypot", "sinh", "cosh", "tanh", "arcsinh",
        "arctanh", "maximum", "minimum", "where", "clip", "logaddexp", "isnan", "isinf", "isfinite",
        "cbrt", "remainder", "fmod", "copysign", "arccosh", "floor", "ceil", "trunc", "rint", "nextafter",
        "floor_divide", "logical_and", "logical_or", "logical_xor", "logical_not",
    )},
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "neg": np.negative,
    "pow": np.power,
    "eq": np.equal,
    "ne": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
}  # fmt: skip

# Those that NumPy has not: compared with SciPy on floats.
SCIPY_TWINS: dict[str, Callable[..., Any]] = {
    "sigmoid": scipy.special.expit,
    "softplus": scipy.special.softplus,
    "xlogy": scipy.special.xlogy,
    "erf": scipy.special.erf,
    "erfc": scipy.special.erfc,
    **{
        name: getattr(scipy.special, name)
        for name in (
            "gammaln",
            "gamma",
            "betaln",
            "polygamma",
            "erfinv",
            "erfcx",
            "ndtri",
            "log_ndtr",
            "logit",
            "i0",
            "i1",
        )
    },
    "exp_difference": lambda a, b: np.exp(np.subtract(a, b)),
    "stop_gradient": np.positive,
    "quotient": lambda a, b: np.where((a == 0) & (b == 0), 0.0, np.divide(a, b)),
}


@functools.cache
def derivative(name: str, *operands: int) -> Callable[..., Any]:
    """Return ∂f/∂x_i∂x_j… as a function of mpmath numbers; with no operand, f itself."""
    expression = EXPRESSIONS[name]
    for operand in operands:
        expression = sympy.diff(expression, X[operand])
    return sympy.lambdify(X, expression, "mpmath")


def evaluate(name: str, arrays: list[np.ndarray], *operands: int) -> np.ndarray:
    """Return f or a partial derivative of it at broadcast arrays, in float64."""
    function = derivative(name, *operands)
    spread = np.broadcast_arrays(*arrays)
    result = np.empty(spread[0].shape)
    with mpmath.workdps(40):
        for index in np.ndindex(result.shape):
            given = [mpmath.mpf(float(one[index])) for one in spread]
            result[index] = float(function(*given, *[mpmath.mpf(0)] * (3 - len(given))))
    return result
