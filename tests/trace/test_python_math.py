"""Functions of Python's module math, and ranges between traced numbers, in traced functions."""

import math
from math import sin
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert.errors import ShapeError

FUNCTIONS = [
    lambda x: sin(x) * math.cos(x) + math.tan(x) * math.pi,
    lambda x: math.asin(x / 3) + math.acos(x / 4) + math.atan(x) * math.atan2(x, 2.0),
    lambda x: math.sinh(x) * math.cosh(x) + math.tanh(x) + math.asinh(x) * math.acosh(x) + math.atanh(x / 3),
    lambda x: math.exp(x) * math.expm1(x) + math.log(x) * math.log(x, 3) * math.log2(x) + math.log1p(x),
    lambda x: math.log10(x) * math.sqrt(x) * math.pow(x, 3) + math.fabs(-x) + math.fmod(x * x, 1.0),
    lambda x: math.erf(x) * math.erfc(x) + math.gamma(x) * math.lgamma(x),
    lambda x: math.hypot(x, 2, x * x) * math.copysign(x, -1) + math.degrees(x) * math.radians(x),
    lambda x: math.fsum([x, x * x, 3]) * math.prod([x, x, 2.0], start=x) + math.dist([x, 1.0], [2.0, x * x]),
    lambda x: x * [1.0, 2.0, 3.0][math.floor(x)] + x * math.ceil(x) + x * math.trunc(x) + math.factorial(3),
    lambda x: x * x if math.isfinite(x) and not math.isnan(x) else 0.0,
    lambda x: (
        np.sum(np.arange(x, 5.0)) + np.arange(start=0, stop=2 * x, step=x / 2)[3] + np.prod(np.arange(1, x))
    ),
    lambda x: np.sum(np.logspace(0, x, 3, base=2.0)) + np.sum(np.geomspace(x, 8, 4)),
]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_derivatives_are_those_of_differences(function: Any) -> None:
    x, h = 1.3, 1e-4
    by_two = (function(x + 2 * h) - function(x - 2 * h)) / (4 * h)
    wanted = (4 * (function(x + h) - function(x - h)) / (2 * h) - by_two) / 3
    np.testing.assert_allclose(wg.grad(function)(x), wanted, rtol=1e-9)
    np.testing.assert_allclose(wg.trace(function, x)(x), function(x), rtol=1e-13)
    assert wg.jvp(function, (x,), (1.0,))[1] == pytest.approx(wanted, rel=1e-9)


def test_outside_of_traces_and_of_numbers_it_is_pythons() -> None:
    seen = []

    def function(x: Any) -> Any:
        seen.append(math.sin(2))
        return x * math.comb(4, 2)

    wg.grad(function)(1.0)
    assert seen == [math.sin(2)]
    assert type(math.floor(2.5)) is int


def test_an_array_is_refused() -> None:
    with pytest.raises(
        ShapeError, match=r"math\.exp takes numbers, got an array of shape \(2,\).*test_python_math"
    ):
        wg.grad(lambda x: math.exp(x))(np.ones(2))
