"""What the optimisers share: trees of parameters, the step counter and the learning rate."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from wengert.checks import in_range
from wengert.errors import ConfigurationError
from wengert.trace.tree import described, flatten, map_leaves, unflatten

# η(t): a schedule is any plain NumPy function of t = 0, 1, 2, …, the number of steps taken before this one.
LearningRate = float | Callable[[Any], Any]
State = dict[str, Any]


class Optimiser(Protocol):
    """A rule that turns parameters, gradients and a state into new parameters and a new state.

    Both methods are pure and written in plain NumPy, so that they can be traced into a training step. A class
    may name in `settings` the attributes that are inputs of the step and no constants of it; `update` then
    meets tensors of float64 in place of numbers other than 0 (see `wengert.trace.settings`).
    """

    @property
    def learning_rate(self) -> LearningRate:
        """η, or the schedule η(t)."""
        ...

    def init(self, parameters: Any) -> State:
        """Return the state before the first step."""
        ...

    def update(self, parameters: Any, gradients: Any, state: State) -> tuple[Any, State]:
        """Return the parameters and the state after one step."""
        ...


def checked_optimiser(optimizer: Any) -> Any:
    """Return an optimiser, and refuse what is none: its name, or its class in place of an object.

    Raises
    ------
    ConfigurationError
    """
    methods = ("init", "update"), ("minimise",)  # of a rule for steps, and of `optim.LBFGS`
    if isinstance(optimizer, type) or not any(
        all(callable(getattr(optimizer, name, None)) for name in some) for some in methods
    ):
        given = optimizer.__name__ if isinstance(optimizer, type) else repr(optimizer)
        raise ConfigurationError(
            f"optimizer is None for Adam, or an optimiser such as optim.SGD(0.1), got {given}"
        )
    return optimizer


def check_learning_rate(where: str, learning_rate: Any) -> None:
    """Refuse a learning rate that is no number of 0 or more and no function.

    Raises
    ------
    ConfigurationError
    """
    if not callable(learning_rate):
        in_range(where, "learning_rate", learning_rate, 0)


def check_betas(where: str, betas: Any) -> None:
    """Refuse what is no pair of numbers in [0, 1).

    Raises
    ------
    ConfigurationError
    """
    if not isinstance(betas, (tuple, list)) or len(betas) != 2:
        raise ConfigurationError(f"{where}: betas are two numbers in [0, 1), got {betas!r}")
    for number, beta in enumerate(betas):
        in_range(where, f"betas[{number}]", beta, 0, 1)


def first_state(parameters: Any, *buffers: str) -> State:
    """Return a state at step 0 with a tree of zeros under each name of `buffers`."""
    state: State = {"step": np.zeros((), np.int64)}
    for name in buffers:
        state[name] = map_leaves(lambda leaf: np.zeros(np.shape(leaf), leaf.dtype), parameters)
    return state


def counted(state: State) -> tuple[Any, Any]:
    """Return the number of steps taken before this one, and with it.

    The former is computed from the latter, so that one line alone reads the count in the state: a loop that
    keeps the state in place can then write the new count over it.
    """
    after = state["step"] + 1
    return after - 1, after


def rate_at(learning_rate: LearningRate, step: Any) -> Any:
    """Return η(t): a Python number, or what the schedule gives."""
    return learning_rate(step) if callable(learning_rate) else learning_rate


def normal_or_zero(moment: Any) -> Any:
    """Return what is summed up over the steps, with 0 in place of subnormal numbers.

    Without gradient, as after a unit that is off, a moment decays to subnormal numbers and stays there for
    good: 0.9 times the smallest one rounds to itself. Processors are slow with them: Adam's update of a
    network most of whose units are off takes 1.7 times as long.
    """
    smallest = np.finfo(moment.dtype).smallest_normal
    return np.where(np.abs(moment) < smallest, np.zeros((), moment.dtype), moment)


def logarithms(betas: tuple[float, float]) -> tuple[float, float]:
    """Return log β of each β, for `weight_so_far`."""
    first, second = (math.log(beta) if beta else -math.inf for beta in betas)
    return first, second


def weight_so_far(log_beta: Any, step: Any) -> Any:
    """Return 1 − βᵗ of log β: the share of gradients in a moment that began at 0, after t steps."""
    return -np.expm1(step * log_beta)


def updated(
    rule: Callable[..., tuple[Any, ...]], parameters: Any, gradients: Any, *buffers: Any
) -> tuple[Any, ...]:
    """Apply ``rule(parameter, gradient, *buffers)`` leaf by leaf and return one tree for each of its results.

    Raises
    ------
    ConfigurationError
        When the gradients have another structure than the parameters.
    """
    leaves, structure = flatten(parameters)
    columns = []
    for tree in (gradients, *buffers):
        column, its_structure = flatten(tree)
        if its_structure != structure:
            raise ConfigurationError(
                f"gradients and state have the structure of the parameters, {described(structure)}; "
                f"got {described(its_structure)}"
            )
        columns.append(column)
    rows = [rule(*row) for row in zip(leaves, *columns, strict=True)]
    width = 1 + len(buffers)
    return tuple(unflatten(structure, [row[place] for row in rows]) for place in range(width))


def check_weight_decay(where: str, weight_decay: Any) -> None:
    """Refuse a negative or infinite weight decay; a function is a schedule.

    Raises
    ------
    ConfigurationError
    """
    if not callable(weight_decay):
        in_range(where, "weight_decay", weight_decay, 0, math.inf)
