"""Muon: momentum whose matrices are made orthogonal."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, ClassVar

import numpy as np

from wengert.checks import in_range, positive_integer
from wengert.optim.optimiser import (
    LearningRate,
    State,
    check_betas,
    check_learning_rate,
    check_weight_decay,
    counted,
    first_state,
    logarithms,
    normal_or_zero,
    rate_at,
    updated,
    weight_so_far,
)
from wengert.optim.registry import named_optimiser
from wengert.trace.settings import cast, nonzero
from wengert.trace.tree import map_leaves

# Chosen by Jordan for speed: five iterations bring singular values from [0.01, 1] to about [0.7, 1.2].
_QUINTIC = (3.4445, -4.7750, 2.0315)
# The root mean square of a step of Adam, as Liu et al. measured it.
_ADAM_SIZE = 0.2


def orthogonalised(matrix: Any, iterations: int = 5) -> Any:
    """Return about U Vᵀ of the singular value decomposition U S Vᵀ of a matrix, by Newton–Schulz iterations.

    X ← a X + (b A + c A²) X with A = X Xᵀ, from X = matrix / ‖matrix‖; the singular values end near 1, not at
    it.

    Parameters
    ----------
    matrix : array or tensor, shape (m, n)
    iterations : int

    Notes
    -----
    Jordan et al. 2024; Higham 2008, section 8.3, for Newton–Schulz iterations.
    """
    m, n = matrix.shape
    a, b, c = _QUINTIC
    x = matrix.T if m > n else matrix
    x = x / (np.sqrt(np.sum(np.square(x))) + 1e-7)
    for _ in range(iterations):
        gram = x @ x.T
        x = a * x + (b * gram + c * (gram @ gram)) @ x
    return x.T if m > n else x


@named_optimiser("muon", rate=3e-3, decays=True)
@dataclasses.dataclass(frozen=True)
class Muon:
    """Momentum with orthogonal steps for matrices, Adam for everything else.

    For a matrix of shape (m, n): v ← μ v + (1 − μ) g;  d = (1 − μ) g + μ v with Nesterov's momentum, else v;
    w ← w − η λ w − η · 0.2 √max(m, n) · O(d), O from `orthogonalised`. The factor gives the step the size of
    one of Adam's, so that one rate serves both. Other parameters: w ← w − η λ w and a step of Adam.

    Parameters
    ----------
    learning_rate : float or callable
        η ≥ 0, or a schedule η(t), t = 0, 1, 2, …
    momentum : float
        μ in [0, 1).
    nesterov : bool
    weight_decay : float
        λ ≥ 0, on all parameters.
    iterations : int
        Of Newton–Schulz.
    betas : tuple of two floats
        β₁, β₂ of Adam, in [0, 1).
    epsilon : float
        ε > 0 of Adam.

    Raises
    ------
    ConfigurationError

    Notes
    -----
    Jordan et al. 2024; size of the step after Liu et al. 2025, section 2.2.
    """

    learning_rate: LearningRate = 1e-3
    momentum: float = 0.95
    nesterov: bool = True
    weight_decay: float = 0.0
    iterations: int = 5
    betas: tuple[float, float] = (0.9, 0.999)
    epsilon: float = 1e-8

    settings: ClassVar = ("learning_rate", "momentum", "weight_decay", "betas", "_log_betas", "epsilon")

    def __post_init__(self) -> None:
        check_learning_rate("Muon", self.learning_rate)
        in_range("Muon", "momentum", self.momentum, 0, 1)
        check_weight_decay("Muon", self.weight_decay)
        positive_integer("Muon", "iterations", self.iterations)
        check_betas("Muon", self.betas)
        in_range("Muon", "epsilon", self.epsilon, 0, math.inf, low_open=True)
        object.__setattr__(self, "_log_betas", logarithms(self.betas))

    def init(self, parameters: Any) -> State:
        """Return the state before the first step: the counter, v or m, and Adam's v where it is used."""
        state = first_state(parameters, "mean")
        state["square"] = map_leaves(
            lambda leaf: np.zeros(() if len(np.shape(leaf)) == 2 else np.shape(leaf), leaf.dtype), parameters
        )
        return state

    def update(self, parameters: Any, gradients: Any, state: State) -> tuple[Any, State]:
        """Return the parameters and the state after one step; the parameters keep their dtypes."""
        taken, step = counted(state)
        rate = rate_at(self.learning_rate, taken)

        def rule(parameter: Any, gradient: Any, mean: Any, square: Any) -> tuple[Any, Any, Any]:
            dtype = parameter.dtype
            if nonzero(self.weight_decay):
                parameter = parameter - cast(rate * self.weight_decay, dtype) * parameter
            if len(parameter.shape) == 2:
                momentum, rest = cast(self.momentum, dtype), cast(1 - self.momentum, dtype)
                mean = normal_or_zero(momentum * mean + rest * gradient)
                direction = rest * gradient + momentum * mean if self.nesterov else mean
                size = _ADAM_SIZE * math.sqrt(max(parameter.shape))
                move = size * orthogonalised(direction, self.iterations)
                return parameter - cast(rate, dtype) * move, mean, square
            first, second = self.betas
            log_first, log_second = self._log_betas  # type: ignore[attr-defined]
            mean = normal_or_zero(cast(first, dtype) * mean + cast(1 - first, dtype) * gradient)
            square = normal_or_zero(
                cast(second, dtype) * square + cast(1 - second, dtype) * np.square(gradient)
            )
            root = np.sqrt(square) / cast(np.sqrt(weight_so_far(log_second, step)), dtype)
            size = cast(rate / weight_so_far(log_first, step), dtype)
            return parameter - size * mean / (root + cast(self.epsilon, dtype)), mean, square

        parameters, mean, square = updated(rule, parameters, gradients, state["mean"], state["square"])
        return parameters, {"step": step, "mean": mean, "square": square}
