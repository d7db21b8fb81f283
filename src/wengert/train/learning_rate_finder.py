"""A learning rate to begin with: the loss of a few steps while the rate grows from tiny to far too large."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from wengert.checks import positive_integer
from wengert.errors import ConfigurationError, DataError
from wengert.optim import Optimiser
from wengert.primitives import random
from wengert.run import find_executor
from wengert.train.inputs import check_rows
from wengert.train.steps.batches import row_order
from wengert.train.steps.conform import conform
from wengert.train.steps.objective import Loss, Objective, Penalty, find_loss
from wengert.train.steps.step import StepRule, TrainingStep

Array = np.ndarray[Any, Any]

_SMOOTHING = 0.9  # of the moving average that tells when to end
_BLOWN_UP = 4.0  # the test ends where that average exceeds its lowest value by this factor
_WIDTH = 3.0  # standard deviation in steps of the curve's smoothing, which looks both ways so as not to lag
_MARGIN = 3.0  # between the rate suggested and the one with the lowest loss, at least
_FEWEST_STEPS = 10


@dataclass(frozen=True)
class LearningRateCurve:
    """The losses of steps with growing rates.

    Attributes
    ----------
    rates : ndarray, shape (steps,)
    losses : ndarray, shape (steps,)
        Of the batch of each step, before the step.
    smoothed : ndarray, shape (steps,)
        The losses without their noise.
    suggestion : float
        The rate at which the loss falls fastest, on a logarithmic scale; a third of `highest` at most.
    highest : float
        The rate at which the loss is lowest: beyond it training becomes unstable.
    """

    rates: Array
    losses: Array
    smoothed: Array
    suggestion: float
    highest: float

    def __str__(self) -> str:
        return (
            f"learning rate to try: {self.suggestion:.2g} (the loss falls fast there; it is lowest at "
            f"{self.highest:.2g}, and rises beyond)"
        )

    def plot(self, ax: Any = None) -> Any:
        """Plot the losses against the rates, with the suggestion; return the axes.

        Parameters
        ----------
        ax : matplotlib axes, optional
            New ones by default.
        """
        if ax is None:
            import matplotlib.pyplot as plt

            ax = plt.subplots(figsize=(6, 3.5), layout="constrained")[1]
        ax.plot(self.rates, self.losses, color="0.75", linewidth=1, label="batch")
        ax.plot(self.rates, self.smoothed, color="C0", label="smoothed")
        ax.axvline(self.suggestion, color="C1", linestyle="--", label=f"to try: {self.suggestion:.2g}")
        ax.set_xscale("log")
        low, high = float(self.smoothed.min()), float(self.smoothed[0])
        margin = max(high - low, 1e-3 * abs(high), 1e-12)
        ax.set_ylim(low - 0.3 * margin, high + 0.7 * margin)
        ax.set_xlabel("learning rate")
        ax.set_ylabel("loss")
        ax.legend(frameon=False)
        return ax


def range_test(
    step: Callable[[float], float], low: float = 1e-6, high: float = 10.0, steps: int = 100
) -> LearningRateCurve:
    """Take steps whose rates grow in geometric progression, and find the rate to begin with.

    Parameters
    ----------
    step : callable
        Takes one step with the rate given and returns the loss of its batch before the step.
    low, high : float
        The first rate and the last; the test ends earlier where the loss blows up.
    steps : int

    Raises
    ------
    ConfigurationError
        When the range is empty, or there are fewer than 10 steps.
    DataError
        When the loss is not finite from the start.

    Notes
    -----
    Smith 2017, section 3.3.
    """
    _check_range(low, high, steps)
    rates, losses, averages, average = [], [], [], 0.0
    for number, rate in enumerate(np.geomspace(low, high, steps)):
        loss = step(float(rate))
        if not math.isfinite(loss):
            break
        average = _SMOOTHING * average + (1 - _SMOOTHING) * loss
        corrected = average / (1 - _SMOOTHING ** (number + 1))
        rates.append(rate)
        losses.append(loss)
        averages.append(corrected)
        if corrected > _BLOWN_UP * min(averages) and number >= _FEWEST_STEPS:
            break
    if len(rates) < _FEWEST_STEPS:
        raise DataError(
            f"the loss was no longer finite after {len(rates)} steps with rates from {low:.2g}: scale X, y"
        )
    return _curve(np.array(rates), np.array(losses))


def _check_range(low: float, high: float, steps: int) -> None:
    if not 0 < low < high < math.inf:
        raise ConfigurationError(f"the rates go from low to high, 0 < low < high, got {low!r} and {high!r}")
    if steps < _FEWEST_STEPS:
        raise ConfigurationError(f"a test takes at least {_FEWEST_STEPS} steps, got {steps!r}")


def _curve(rates: Array, losses: Array) -> LearningRateCurve:
    # What blows up at the end must not be smoothed into the minimum before it.
    smoothed = _smoothed(np.minimum(losses, 2 * np.abs(losses[0]) + losses.min()))
    lowest = int(np.argmin(smoothed))
    slopes = np.gradient(smoothed, np.log(rates))
    steepest = int(np.argmin(slopes[: lowest + 1]))
    # A curve that never falls has no steepest fall before its minimum; a tenth of that rate is a safe choice.
    suggestion = rates[steepest] if slopes[steepest] < 0 else rates[lowest] / 10
    suggestion = min(suggestion, rates[lowest] / _MARGIN)
    return LearningRateCurve(rates, losses, smoothed, float(suggestion), float(rates[lowest]))


def _smoothed(losses: Array) -> Array:
    """Return a running mean with the weights of a normal distribution around each place."""
    places = np.arange(len(losses))
    weights = np.exp(-0.5 * ((places[:, np.newaxis] - places) / _WIDTH) ** 2)
    smoothed: Array = weights @ losses / weights.sum(axis=1)
    return smoothed


def find_learning_rate(
    net: Any,
    X: Any,
    y: Any,
    *,
    loss: str | Loss,
    optimizer: Callable[[Any], Optimiser],
    penalty: Penalty | None = None,
    batch_size: int = 32,
    low: float = 1e-6,
    high: float = 10.0,
    steps: int = 100,
    seed: int = 0,
    executor: str = "llvm",
) -> LearningRateCurve:
    """Find the learning rate to begin with for a network, which is not changed.

    Parameters
    ----------
    net : Module
        Initialised.
    X, y : array_like
        As for `fit`.
    loss, penalty, executor
        As for `fit`.
    optimizer : callable
        Makes an optimiser of a learning rate, such as `optim.Adam`.
    batch_size : int
    low, high, steps
        As for `range_test`.
    seed : int
        Of the order of the rows.

    Raises
    ------
    DataError, DTypeError, ShapeError, ConfigurationError
        As `fit` and `range_test`.
    """
    if not callable(optimizer):
        raise ConfigurationError(
            "find_learning_rate: optimizer makes an optimiser of a learning rate, such as optim.Adam or "
            f"lambda rate: optim.SGD(rate, momentum=0.9), got {optimizer!r}"
        )
    _check_range(low, high, steps)
    positive_integer("find_learning_rate", "batch_size", batch_size)
    objective = Objective(find_loss(loss), penalty)
    rows = conform(net, objective, check_rows(X, y))
    growth = math.log(high / low) / max(steps - 1, 1)
    rule = StepRule(objective, optimizer(lambda t: low * np.exp(growth * t)))
    training = TrainingStep(net, rule, find_executor(executor))
    size = min(batch_size, len(rows))
    batches = len(rows) // size
    run = training.executable(rows.take(slice(0, size)))
    carry, taken, key = training.initial, 0, random.key(seed)

    def step(rate: float) -> float:
        nonlocal carry, taken
        order = row_order(seed, taken // batches, len(rows))
        first = taken % batches * size
        batch = rows.take(order[first : first + size])
        with np.errstate(all="ignore"):
            outputs = run([*carry, batch.features, batch.targets, key, np.array(taken)])
        carry, taken = tuple(outputs[:-1]), taken + 1
        return float(outputs[-1])

    return range_test(step, low, high, steps)
