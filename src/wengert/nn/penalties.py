"""Penalties on the size of the weights, added to the loss; biases and other shifts do not count."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from wengert.checks import in_range
from wengert.ir.composite import composite
from wengert.nn.arrays import penalised
from wengert.nn.module import Module


@composite
def l1_norm(weights: Any) -> Any:
    """Σ |w| over a list of arrays or tensors; the derivative is sign w, 0 at 0."""
    return sum(np.sum(np.abs(weight)) for weight in weights)


@composite
def half_squared_norm(weights: Any) -> Any:
    """½ Σ w² over a list of arrays or tensors; the derivative is w."""
    return 0.5 * sum(np.sum(np.square(weight)) for weight in weights)


@dataclasses.dataclass(frozen=True)
class L1:
    """λ Σ |w|: drives weights to zero.

    Parameters
    ----------
    strength : float
        λ ≥ 0.

    Notes
    -----
    Tibshirani 1996. The prior of the weights is a Laplace distribution.
    """

    strength: float

    def __post_init__(self) -> None:
        in_range("L1", "strength", self.strength, 0, math.inf)

    def __call__(self, net: Module) -> Any:
        """Return the penalty of a network, a scalar."""
        return self.strength * l1_norm(list(penalised(net).values()))


@dataclasses.dataclass(frozen=True)
class L2:
    """½ λ Σ w²: its gradient λ w shrinks the weights (weight decay).

    Parameters
    ----------
    strength : float
        λ ≥ 0.

    Notes
    -----
    Lecture 003: with the squared error, the maximum a posteriori under a Gaussian prior.
    """

    strength: float

    def __post_init__(self) -> None:
        in_range("L2", "strength", self.strength, 0, math.inf)

    def __call__(self, net: Module) -> Any:
        """Return the penalty of a network, a scalar."""
        return self.strength * half_squared_norm(list(penalised(net).values()))
