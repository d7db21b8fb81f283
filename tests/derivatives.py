"""Derivatives of functions for tests: by the transformations below `wengert.grad`, and by differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.ir.verify import verify
from wengert.trace.tracing import trace
from wengert.transform.forward import pushforward
from wengert.transform.gradient import gradient
from wengert.transform.inline import inline


def slopes(function: Callable[..., Any], *args: Any) -> list[np.ndarray]:
    """Return the gradient by each argument of the sum of what `function` returns."""
    return verify(gradient(trace(lambda *xs: function(*xs).sum(), *args)))(*args)


def slope(function: Callable[..., Any], x: Any) -> np.ndarray:
    """Return the gradient by the only argument."""
    return slopes(function, np.asarray(x, np.result_type(np.asarray(x), np.float32)))[0]


def bends(function: Callable[..., Any], *args: Any) -> list[np.ndarray]:
    """Return the gradient of the sum of all first derivatives: rows of the Hessian, added up."""
    first = gradient(trace(lambda *xs: function(*xs).sum(), *args))

    def total(*xs: Any) -> Any:
        return sum(one.sum() for one in inline(first, xs, xs[0].recorder))

    return verify(gradient(trace(total, *args)))(*args)


def bend(function: Callable[..., Any], x: Any) -> np.ndarray:
    """Return the second derivative by the only argument."""
    return bends(function, np.asarray(x, np.result_type(np.asarray(x), np.float32)))[0]


def pushed(function: Callable[..., Any], x: Any, direction: Any = None) -> np.ndarray:
    """Return the derivative along `direction`, ones by default, by forward mode."""
    x = np.asarray(x, np.result_type(np.asarray(x), np.float32))
    along = np.ones_like(x) if direction is None else direction
    return verify(pushforward(trace(function, x), [0]))(x, along)[1]


def differences(function: Callable[..., Any], x: np.ndarray, direction: np.ndarray) -> float:
    """Return the derivative along a direction by central differences, extrapolated once by Richardson."""

    def quotient(h: float) -> float:
        return float(function(x + h * direction) - function(x - h * direction)) / (2 * h)

    return (4 * quotient(1e-4) - quotient(2e-4)) / 3
