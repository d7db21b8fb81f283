"""RMSProp."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, ClassVar

import numpy as np

from wengert.checks import in_range
from wengert.optim.optimiser import (
    LearningRate,
    State,
    check_learning_rate,
    check_weight_decay,
    counted,
    first_state,
    normal_or_zero,
    rate_at,
    updated,
)
from wengert.optim.registry import named_optimiser
from wengert.trace.settings import cast, nonzero


@named_optimiser("rmsprop", rate=1e-3)
@dataclasses.dataclass(frozen=True)
class RMSProp:
    """Divide each coordinate's step by a running root mean square of its gradient.

    g ← g + λ w;  v ← α v + (1 − α) g²;  b ← μ b + g / (√v + ε);  w ← w − η b.

    Parameters
    ----------
    learning_rate : float or callable
        η ≥ 0, or a schedule η(t), t = 0, 1, 2, …
    decay : float
        α in [0, 1).
    epsilon : float
        ε > 0.
    momentum : float
        μ in [0, 1).
    weight_decay : float
        λ ≥ 0, on all parameters.

    Raises
    ------
    ConfigurationError

    Notes
    -----
    Tieleman & Hinton 2012, lecture 6.5; formula and defaults of PyTorch.
    """

    learning_rate: LearningRate = 0.01
    decay: float = 0.99
    epsilon: float = 1e-8
    momentum: float = 0.0
    weight_decay: float = 0.0

    settings: ClassVar = ("learning_rate", "decay", "epsilon", "momentum", "weight_decay")

    def __post_init__(self) -> None:
        check_learning_rate("RMSProp", self.learning_rate)
        in_range("RMSProp", "decay", self.decay, 0, 1)
        in_range("RMSProp", "epsilon", self.epsilon, 0, math.inf, low_open=True)
        in_range("RMSProp", "momentum", self.momentum, 0, 1)
        check_weight_decay("RMSProp", self.weight_decay)

    def init(self, parameters: Any) -> State:
        """Return the state before the first step: the counter, v, and b where there is momentum."""
        return first_state(parameters, "square", *(["velocity"] if nonzero(self.momentum) else []))

    def update(self, parameters: Any, gradients: Any, state: State) -> tuple[Any, State]:
        """Return the parameters and the state after one step; the parameters keep their dtypes."""
        taken, step = counted(state)
        rate = rate_at(self.learning_rate, taken)

        def scaled(parameter: Any, gradient: Any, square: Any) -> tuple[Any, Any]:
            dtype = parameter.dtype
            if nonzero(self.weight_decay):
                gradient = gradient + cast(self.weight_decay, dtype) * parameter
            square = normal_or_zero(
                cast(self.decay, dtype) * square + cast(1 - self.decay, dtype) * np.square(gradient)
            )
            return gradient / (np.sqrt(square) + cast(self.epsilon, dtype)), square

        def plain(parameter: Any, gradient: Any, square: Any) -> tuple[Any, Any]:
            move, square = scaled(parameter, gradient, square)
            return parameter - cast(rate, parameter.dtype) * move, square

        def with_momentum(parameter: Any, gradient: Any, square: Any, velocity: Any) -> tuple[Any, Any, Any]:
            move, square = scaled(parameter, gradient, square)
            velocity = normal_or_zero(cast(self.momentum, parameter.dtype) * velocity + move)
            return parameter - cast(rate, parameter.dtype) * velocity, square, velocity

        after: State = {"step": step}
        if not nonzero(self.momentum):
            parameters, after["square"] = updated(plain, parameters, gradients, state["square"])
        else:
            parameters, after["square"], after["velocity"] = updated(
                with_momentum, parameters, gradients, state["square"], state["velocity"]
            )
        return parameters, after
