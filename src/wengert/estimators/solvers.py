"""Update rules at a rate from outside: scikit-learn's own, and those of `wengert.optim`.

The rate is an operand and no constant, so that one compiled program serves every rate of a search.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Protocol

import numpy as np

from wengert.optim.optimiser import State, first_state, updated


class Solver(Protocol):
    """A rule for one step; hashable, since it belongs to the key of the compiled program."""

    def init(self, parameters: Any) -> State:
        """Return the state before the first step; it holds the counter ``step``."""
        ...

    def update(self, parameters: Any, gradients: Any, state: State, rate: Any) -> tuple[Any, State]:
        """Return the parameters and the state after one step with the learning rate η = `rate`."""
        ...


@dataclasses.dataclass(frozen=True)
class StochasticGradientDescent:
    """v ← μ v − η g;  w ← w + v, or with Nesterov's momentum w ← w + μ v − η g.

    Notes
    -----
    scikit-learn's form, in which a change of η leaves the velocity as it was; `optim.SGD` scales v with η.
    """

    momentum: float
    nesterov: bool

    def init(self, parameters: Any) -> State:
        """Return the counter and v = 0."""
        return first_state(parameters, "velocity")

    def update(self, parameters: Any, gradients: Any, state: State, rate: Any) -> tuple[Any, State]:
        """Return the parameters and the state after one step."""

        def rule(parameter: Any, gradient: Any, velocity: Any) -> tuple[Any, Any]:
            step = rate.astype(parameter.dtype) * gradient
            velocity = self.momentum * velocity - step
            return parameter + (self.momentum * velocity - step if self.nesterov else velocity), velocity

        parameters, velocity = updated(rule, parameters, gradients, state["velocity"])
        return parameters, {"step": state["step"] + 1, "velocity": velocity}


@dataclasses.dataclass(frozen=True)
class Adam:
    """m ← β₁ m + (1 − β₁) g;  v ← β₂ v + (1 − β₂) g²;  w ← w − η √(1 − β₂ᵗ)/(1 − β₁ᵗ) · m / (√v + ε).

    Notes
    -----
    Kingma & Ba 2015, the second form of section 2, which scikit-learn has; in `optim.Adam` ε is added to √v̂.
    """

    beta_1: float
    beta_2: float
    epsilon: float

    def init(self, parameters: Any) -> State:
        """Return the counter, m = 0 and v = 0."""
        return first_state(parameters, "mean", "square")

    def update(self, parameters: Any, gradients: Any, state: State, rate: Any) -> tuple[Any, State]:
        """Return the parameters and the state after one step."""
        step = state["step"] + 1
        size = rate * np.sqrt(1 - self.beta_2**step) / (1 - self.beta_1**step)

        def rule(parameter: Any, gradient: Any, mean: Any, square: Any) -> tuple[Any, Any, Any]:
            mean = self.beta_1 * mean + (1 - self.beta_1) * gradient
            square = self.beta_2 * square + (1 - self.beta_2) * np.square(gradient)
            move = size.astype(parameter.dtype) * mean / (np.sqrt(square) + self.epsilon)
            return parameter - move, mean, square

        parameters, mean, square = updated(rule, parameters, gradients, state["mean"], state["square"])
        return parameters, {"step": step, "mean": mean, "square": square}


@dataclasses.dataclass(frozen=True)
class AtRate:
    """An optimiser of `wengert.optim` at the rate given; its own learning rate is not used."""

    optimizer: Any

    def init(self, parameters: Any) -> State:
        """Return the optimiser's first state."""
        state: State = self.optimizer.init(parameters)
        return state

    def update(self, parameters: Any, gradients: Any, state: State, rate: Any) -> tuple[Any, State]:
        """Return the parameters and the state after one step."""
        at_rate = dataclasses.replace(self.optimizer, learning_rate=lambda step: rate)
        parameters, state = at_rate.update(parameters, gradients, state)
        return parameters, state
