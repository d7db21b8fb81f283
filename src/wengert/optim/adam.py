"""Adaptive moments: Adam, AdamW and LAMB."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, ClassVar

import numpy as np

from wengert.checks import in_range
from wengert.optim.clipping import global_norm
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

__all__ = ["LAMB", "Adam", "AdamW"]


@named_optimiser("adam", rate=1e-3)
@dataclasses.dataclass(frozen=True)
class Adam:
    """Adaptive moments: steps of about η in each coordinate, whatever the scale of its gradient.

    g ← g + λ w;  m ← β₁ m + (1 − β₁) g;  v ← β₂ v + (1 − β₂) g²;
    w ← w − η m̂ / (√v̂ + ε) with m̂ = m / (1 − β₁ᵗ), v̂ = v / (1 − β₂ᵗ), t counted from 1.

    Parameters
    ----------
    learning_rate : float or callable
        η ≥ 0, or a schedule η(t), t = 0, 1, 2, …
    betas : tuple of two floats
        β₁, β₂ in [0, 1).
    epsilon : float
        ε > 0.
    weight_decay : float or callable
        λ ≥ 0, on all parameters, or a schedule λ(t).

    Raises
    ------
    ConfigurationError

    Notes
    -----
    Kingma & Ba 2015, algorithm 1; defaults of the paper and of PyTorch.
    """

    learning_rate: LearningRate = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    epsilon: float = 1e-8
    weight_decay: LearningRate = 0.0

    settings: ClassVar = ("learning_rate", "betas", "_log_betas", "epsilon", "weight_decay")

    # Whether λ w is part of the gradient (Adam) or a step of its own (AdamW). Not a field: the classes
    # differ in it.
    _decoupled = False

    def __post_init__(self) -> None:
        name = type(self).__name__
        check_learning_rate(name, self.learning_rate)
        check_betas(name, self.betas)
        in_range(name, "epsilon", self.epsilon, 0, math.inf, low_open=True)
        check_weight_decay(name, self.weight_decay)
        object.__setattr__(self, "_log_betas", logarithms(self.betas))

    def init(self, parameters: Any) -> State:
        """Return the state before the first step: the counter, m and v."""
        return first_state(parameters, "mean", "square")

    def update(self, parameters: Any, gradients: Any, state: State) -> tuple[Any, State]:
        """Return the parameters and the state after one step; the parameters keep their dtypes."""
        taken, step = counted(state)
        rate = rate_at(self.learning_rate, taken)
        decay = rate_at(self.weight_decay, taken)
        correction = self._correction(rate, step)

        def rule(parameter: Any, gradient: Any, mean: Any, square: Any) -> tuple[Any, Any, Any]:
            dtype = parameter.dtype
            if nonzero(self.weight_decay) and self._decoupled:
                parameter = parameter - cast(rate * decay, dtype) * parameter
            elif nonzero(self.weight_decay):
                gradient = gradient + cast(decay, dtype) * parameter
            mean, square = self._moments(gradient, mean, square)
            return parameter - self._move(mean, square, *correction), mean, square

        parameters, mean, square = updated(rule, parameters, gradients, state["mean"], state["square"])
        return parameters, {"step": step, "mean": mean, "square": square}

    def _moments(self, gradient: Any, mean: Any, square: Any) -> tuple[Any, Any]:
        first, second = self.betas
        dtype = gradient.dtype
        mean = normal_or_zero(cast(first, dtype) * mean + cast(1 - first, dtype) * gradient)
        return mean, normal_or_zero(
            cast(second, dtype) * square + cast(1 - second, dtype) * np.square(gradient)
        )

    def _correction(self, rate: Any, step: Any) -> tuple[Any, ...]:
        """Return η / (1 − β₁ᵗ) and 1 / √(1 − β₂ᵗ)."""
        log_first, log_second = self._log_betas  # type: ignore[attr-defined]
        # One division for all elements: they would be most of the work of a step.
        return rate / weight_so_far(log_first, step), 1 / np.sqrt(weight_so_far(log_second, step))

    def _move(self, mean: Any, square: Any, size: Any, spread: Any) -> Any:
        dtype = mean.dtype
        scale = np.sqrt(square) * cast(spread, dtype) + cast(self.epsilon, dtype)
        return cast(size, dtype) / scale * mean


@named_optimiser("adamw", rate=1e-3, decays=True)
@dataclasses.dataclass(frozen=True)
class AdamW(Adam):
    """Adam with the weight decay apart from the gradient: w ← w − η λ w before Adam's step.

    Parameters as in `Adam`; the weight decay is 0.01 by default.

    Notes
    -----
    Loshchilov & Hutter 2019, algorithm 2; defaults of PyTorch.
    """

    weight_decay: LearningRate = 0.01

    _decoupled = True


@dataclasses.dataclass(frozen=True)
class AdamEpsilonHat(Adam):
    """Adam with ε beside √v and not beside √v̂: w ← w − η √(1 − β₂ᵗ)/(1 − β₁ᵗ) · m / (√v + ε).

    Parameters as in `Adam`.

    Notes
    -----
    Kingma & Ba 2015, the second form of section 2, with the roundings of scikit-learn.
    """

    def _correction(self, rate: Any, step: Any) -> tuple[Any, ...]:
        first, second = self.betas
        return (rate * np.sqrt(1 - second**step) / (1 - first**step),)

    def _move(self, mean: Any, square: Any, size: Any) -> Any:  # type: ignore[override]
        return cast(size, mean.dtype) * mean / (np.sqrt(square) + cast(self.epsilon, mean.dtype))


@named_optimiser("lamb", rate=1e-2, decays=True)
@dataclasses.dataclass(frozen=True)
class LAMB(Adam):
    """Adam whose step has, in each parameter, a size in proportion to that parameter: for large batches.

    u = m̂ / (√v̂ + ε) + λ w with Adam's m̂ and v̂;  w ← w − η (‖w‖ / ‖u‖) u, the ratio being 1 where a norm is 0.

    Parameters as in `Adam`; ε = 10⁻⁶ and λ = 0.01 by default. The norms are those of whole arrays.

    Notes
    -----
    You et al. 2020, algorithm 2 with φ(z) = z, and the defaults of its section 4.
    """

    epsilon: float = 1e-6
    weight_decay: LearningRate = 0.01

    def update(self, parameters: Any, gradients: Any, state: State) -> tuple[Any, State]:
        """Return the parameters and the state after one step; the parameters keep their dtypes."""
        taken, step = counted(state)
        rate, decay = rate_at(self.learning_rate, taken), rate_at(self.weight_decay, taken)
        log_first, log_second = self._log_betas  # type: ignore[attr-defined]

        def rule(parameter: Any, gradient: Any, mean: Any, square: Any) -> tuple[Any, Any, Any]:
            dtype = parameter.dtype
            mean, square = self._moments(gradient, mean, square)
            scale = np.sqrt(square / cast(weight_so_far(log_second, step), dtype)) + cast(self.epsilon, dtype)
            move = mean / cast(weight_so_far(log_first, step), dtype) / scale + cast(decay, dtype) * parameter
            own, its = global_norm([parameter]), global_norm([move])
            ratio = np.where((own > 0) & (its > 0), own / np.where(its > 0, its, 1), 1)
            return parameter - cast(rate * ratio, dtype) * move, mean, square

        parameters, mean, square = updated(rule, parameters, gradients, state["mean"], state["square"])
        return parameters, {"step": step, "mean": mean, "square": square}
