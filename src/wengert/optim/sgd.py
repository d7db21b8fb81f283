"""Stochastic gradient descent."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

from wengert.checks import in_range
from wengert.errors import ConfigurationError
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


@named_optimiser("sgd", rate=1e-2, momentum=0.9)
@dataclasses.dataclass(frozen=True)
class SGD:
    """Gradient descent, with momentum if wanted.

    g ← g + λ w;  v ← μ v + g;  w ← w − η v, or with Nesterov's momentum w ← w − η (g + μ v).

    Parameters
    ----------
    learning_rate : float or callable
        η ≥ 0, or a schedule η(t), t = 0, 1, 2, …
    momentum : float
        μ in [0, 1).
    nesterov : bool
        Needs a momentum above 0.
    weight_decay : float
        λ ≥ 0, on all parameters.

    Raises
    ------
    ConfigurationError

    Notes
    -----
    Lecture 001 (one-sample SGD is this with a batch of one); Polyak 1964; Sutskever, Martens, Dahl & Hinton
    2013, in the form of PyTorch, where η may change between steps without a jump in v.
    """

    learning_rate: LearningRate = 0.01
    momentum: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0

    settings: ClassVar = ("learning_rate", "momentum", "weight_decay")

    # Whether v sums up η g and not g. Not a field: the classes differ in it.
    _sums_steps = False

    def __post_init__(self) -> None:
        check_learning_rate("SGD", self.learning_rate)
        if not self._sums_steps or self.momentum != 1:  # scikit-learn takes a momentum of 1
            in_range("SGD", "momentum", self.momentum, 0, 1)
        check_weight_decay("SGD", self.weight_decay)
        if self.nesterov and self.momentum == 0:
            raise ConfigurationError("SGD: nesterov needs a momentum in (0, 1), got momentum 0")

    def init(self, parameters: Any) -> State:
        """Return the state before the first step: the counter, and v where there is momentum."""
        return first_state(parameters, "velocity") if nonzero(self.momentum) else first_state(parameters)

    def update(self, parameters: Any, gradients: Any, state: State) -> tuple[Any, State]:
        """Return the parameters and the state after one step; the parameters keep their dtypes."""
        taken, step = counted(state)
        rate = rate_at(self.learning_rate, taken)

        def direction(parameter: Any, gradient: Any) -> Any:
            if not nonzero(self.weight_decay):
                return gradient
            return gradient + cast(self.weight_decay, parameter.dtype) * parameter

        def plain(parameter: Any, gradient: Any) -> tuple[Any]:
            return (parameter - cast(rate, parameter.dtype) * direction(parameter, gradient),)

        def with_momentum(parameter: Any, gradient: Any, velocity: Any) -> tuple[Any, Any]:
            slope, momentum = direction(parameter, gradient), cast(self.momentum, parameter.dtype)
            size = cast(rate, parameter.dtype)
            if self._sums_steps:
                slope = size * slope
            velocity = normal_or_zero(momentum * velocity + slope)
            move = slope + momentum * velocity if self.nesterov else velocity
            return parameter - (move if self._sums_steps else size * move), velocity

        after: State = {"step": step}
        if not nonzero(self.momentum):
            (parameters,) = updated(plain, parameters, gradients)
        else:
            parameters, after["velocity"] = updated(with_momentum, parameters, gradients, state["velocity"])
        return parameters, after


@dataclasses.dataclass(frozen=True)
class HeavyBall(SGD):
    """SGD whose velocity sums up steps: v ← μ v + η g;  w ← w − v, or with Nesterov's w ← w − (η g + μ v).

    Parameters as in `SGD`. After a change of η the velocity is what it was; that of `SGD` scales with η.

    Notes
    -----
    Polyak 1964, as in scikit-learn.
    """

    _sums_steps = True
