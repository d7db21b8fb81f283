"""Numbers that carry exact first and second derivatives: a differentiation independent of wengert's.

A hyper-dual number is a + b·ε₁ + c·ε₂ + d·ε₁ε₂ with ε₁² = ε₂² = 0. Evaluated at x + u·ε₁ + v·ε₂, a function
gives its value, its derivatives along u and along v, and vᵀHu, without any rounding but that of arithmetic
(Fike & Alonso 2011).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np


class HyperDual:
    def __init__(self, value: float, first: float = 0.0, second: float = 0.0, mixed: float = 0.0) -> None:
        self.value, self.first, self.second, self.mixed = value, first, second, mixed

    def __add__(self, other: Any) -> HyperDual:
        o = lift(other)
        return HyperDual(
            self.value + o.value, self.first + o.first, self.second + o.second, self.mixed + o.mixed
        )

    def __mul__(self, other: Any) -> HyperDual:
        o = lift(other)
        return HyperDual(
            self.value * o.value,
            self.value * o.first + self.first * o.value,
            self.value * o.second + self.second * o.value,
            self.value * o.mixed + self.first * o.second + self.second * o.first + self.mixed * o.value,
        )

    __radd__ = __add__
    __rmul__ = __mul__

    def __truediv__(self, other: float) -> HyperDual:
        return self * (1 / other)

    def __lt__(self, other: HyperDual) -> bool:
        return self.value < other.value

    def __gt__(self, other: HyperDual) -> bool:
        return self.value > other.value

    def composed(self, value: float, slope: float, curvature: float) -> HyperDual:
        """Return g(self), given g and its two derivatives at the value."""
        return HyperDual(
            value,
            slope * self.first,
            slope * self.second,
            slope * self.mixed + curvature * self.first * self.second,
        )


def lift(number: Any) -> HyperDual:
    return number if isinstance(number, HyperDual) else HyperDual(float(number))


def exp(number: Any) -> Any:
    if isinstance(number, HyperDual):
        power = math.exp(number.value)
        return number.composed(power, power, power)
    return math.exp(number)


def log(number: Any) -> Any:
    if isinstance(number, HyperDual):
        return number.composed(math.log(number.value), 1 / number.value, -1 / number.value**2)
    return math.log(number)


def seeded(values: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return an array of objects: values + first·ε₁ + second·ε₂."""
    result = np.empty(values.shape, object)
    for index in np.ndindex(values.shape):
        result[index] = HyperDual(float(values[index]), float(first[index]), float(second[index]))
    return result
