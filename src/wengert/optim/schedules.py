"""Learning rates that change with the step: plain NumPy functions η(t) of t = 0, 1, 2, …

t is the number of steps taken before; they are traced into the training step. Any function of t will do in
their place.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from wengert.checks import in_range, positive_integer
from wengert.errors import ConfigurationError
from wengert.optim.registry import named_schedule


def _number(t: Any) -> Any:
    """Return t as float64: steps are counted in integers, rates are not."""
    return t.astype(np.float64) if hasattr(t, "astype") else np.float64(t)


@dataclasses.dataclass(frozen=True)
class Constant:
    """η(t) = rate.

    Parameters
    ----------
    rate : float
        0 or more.
    """

    rate: float

    settings: ClassVar = ("rate",)

    def __post_init__(self) -> None:
        in_range("Constant", "rate", self.rate, 0)

    def __call__(self, t: Any) -> Any:
        """Return η(t)."""
        return self.rate


@dataclasses.dataclass(frozen=True)
class StepDecay:
    """η(t) = rate · factor^⌊t / every⌋: constant for `every` steps, then multiplied by `factor`.

    Parameters
    ----------
    rate : float
        0 or more.
    every : int
        Steps; 1 or more.
    factor : float
        In (0, 1).
    """

    rate: float
    every: int
    factor: float = 0.1

    settings: ClassVar = ("rate",)

    def __post_init__(self) -> None:
        in_range("StepDecay", "rate", self.rate, 0)
        positive_integer("StepDecay", "every", self.every)
        in_range("StepDecay", "factor", self.factor, 0, 1, low_open=True)

    def __call__(self, t: Any) -> Any:
        """Return η(t)."""
        return self.rate * self.factor ** (_number(t) / self.every).astype(np.int64)


@dataclasses.dataclass(frozen=True)
class InverseScaling:
    """η(t) = rate / (t + 1)^power.

    Parameters
    ----------
    rate : float
        0 or more.
    power : float
        0 or more; with a power in (½, 1] the rates meet the conditions of Robbins & Monro 1951.

    Notes
    -----
    scikit-learn's ``invscaling`` with its ``power_t``.
    """

    rate: float
    power: float = 0.5

    settings: ClassVar = ("rate",)

    def __post_init__(self) -> None:
        in_range("InverseScaling", "rate", self.rate, 0)
        in_range("InverseScaling", "power", self.power, 0)

    def __call__(self, t: Any) -> Any:
        """Return η(t)."""
        return self.rate / (_number(t) + 1) ** self.power


def _cosine(start: Any, end: Any, progress: Any) -> Any:
    """Half a cosine from `start` (progress 0) to `end` (progress 1)."""
    return end + (start - end) * 0.5 * (1 + np.cos(np.pi * progress))


@named_schedule("cosine")
@dataclasses.dataclass(frozen=True)
class Cosine:
    """η(t) = final + ½ (rate − final)(1 + cos(π t / steps)), and `final` after `steps` steps.

    Parameters
    ----------
    rate, final : float
        0 or more.
    steps : int
        1 or more.

    Notes
    -----
    Loshchilov & Hutter 2017, (5), without restarts.
    """

    rate: float
    steps: int
    final: float = 0.0

    settings: ClassVar = ("rate", "final")

    def __post_init__(self) -> None:
        in_range("Cosine", "rate", self.rate, 0)
        positive_integer("Cosine", "steps", self.steps)
        in_range("Cosine", "final", self.final, 0)

    def __call__(self, t: Any) -> Any:
        """Return η(t)."""
        return _cosine(self.rate, self.final, np.minimum(_number(t) / self.steps, 1.0))


@dataclasses.dataclass(frozen=True)
class OneCycle:
    """Half a cosine up from peak/25 to the peak, then half a cosine down to peak/250000.

    Parameters
    ----------
    peak : float
        0 or more.
    steps : int
        Length of the cycle; the last step, t = steps − 1, has the smallest rate, and so has any after it.
    rise : float
        Part of the cycle that goes up, in (0, 1).

    Notes
    -----
    Smith & Topin 2018, with the defaults of PyTorch. The rise must take more than one step and less than all.
    """

    peak: float
    steps: int
    rise: float = 0.3

    settings: ClassVar = ("peak",)

    _START = 25.0
    _END = 25.0e4

    def __post_init__(self) -> None:
        in_range("OneCycle", "peak", self.peak, 0)
        positive_integer("OneCycle", "steps", self.steps)
        in_range("OneCycle", "rise", self.rise, 0, 1, low_open=True)
        if not 1 < self.rise * self.steps < self.steps:
            raise ConfigurationError(
                f"OneCycle: rise * steps, the steps that go up, lies in (1, {self.steps}), got "
                f"{self.rise * self.steps:g}"
            )

    def __call__(self, t: Any) -> Any:
        """Return η(t)."""
        now = _number(t)
        top, last = self.rise * self.steps - 1, self.steps - 1
        up = _cosine(self.peak / self._START, self.peak, now / top)
        down = _cosine(self.peak, self.peak / self._END, np.minimum((now - top) / (last - top), 1.0))
        return np.where(now <= top, up, down)


@named_schedule("one_cycle")
def _one_cycle(rate: float, steps: int) -> OneCycle:
    return OneCycle(rate, max(steps, 4))  # the rise takes more than one step


@dataclasses.dataclass(frozen=True)
class WarmUp:
    """η(t) = (t + 1)/(steps + 1) · then(0) for t < steps, then(t − steps) afterwards.

    Parameters
    ----------
    steps : int
        1 or more.
    then : float or callable
        A rate, or the schedule that follows.

    Notes
    -----
    Goyal et al. 2017, section 2.2: a linear rise to the rate at which training goes on.
    """

    steps: int
    then: float | Callable[[Any], Any]

    settings: ClassVar = ("then",)

    def __post_init__(self) -> None:
        positive_integer("WarmUp", "steps", self.steps)
        if not callable(self.then):
            in_range("WarmUp", "then", self.then, 0, math.inf)

    def __call__(self, t: Any) -> Any:
        """Return η(t)."""
        now = _number(t)
        after = self.then(np.maximum(now - self.steps, 0.0)) if callable(self.then) else self.then
        return np.where(now < self.steps, (now + 1) / (self.steps + 1), 1.0) * after


@named_schedule("cosine_cycles")
@dataclasses.dataclass(frozen=True)
class CosineCycles:
    """η(t) = ½ rate (1 − cos(2π log₂(1 + (2^cycles − 1) t / steps))).

    The rate rises and falls `cycles` times, each time over twice as many steps; it is 0 at the beginning,
    between two cycles, and from `steps` on.

    Parameters
    ----------
    rate : float
        The highest; 0 or more.
    steps : int
        1 or more.
    cycles : int
        1 or more.

    Notes
    -----
    Holzmüller, Grinsztajn & Steinwart 2024, section 3, with 4 cycles ("coslog4").
    """

    rate: float
    steps: int
    cycles: int = 4

    settings: ClassVar = ("rate", "steps")

    def __post_init__(self) -> None:
        in_range("CosineCycles", "rate", self.rate, 0)
        positive_integer("CosineCycles", "steps", self.steps)
        positive_integer("CosineCycles", "cycles", self.cycles)

    @property
    def ends(self) -> tuple[float, ...]:
        """After how many steps each cycle ends, where the rate is 0; the last is `steps`."""
        return tuple(
            self.steps * (2**cycle - 1) / (2**self.cycles - 1) for cycle in range(1, self.cycles + 1)
        )

    def __call__(self, t: Any) -> Any:
        """Return η(t)."""
        progress = np.minimum(_number(t) / self.steps, 1.0)
        turns = np.log(1 + (2**self.cycles - 1) * progress) / math.log(2)
        return self.rate * (0.5 * (1 - np.cos(2 * np.pi * turns)))


@named_schedule("flat_cosine")
@dataclasses.dataclass(frozen=True)
class FlatCosine:
    """`rate` for the first half of the steps, then half a cosine down to 0, where it stays.

    Parameters
    ----------
    rate : float
        0 or more.
    steps : int
        1 or more.

    Notes
    -----
    For the weight decay of Holzmüller, Grinsztajn & Steinwart 2024 ("flat_cos").
    """

    rate: float
    steps: int

    settings: ClassVar = ("rate",)

    def __post_init__(self) -> None:
        in_range("FlatCosine", "rate", self.rate, 0)
        positive_integer("FlatCosine", "steps", self.steps)

    def __call__(self, t: Any) -> Any:
        """Return η(t)."""
        return _cosine(self.rate, 0.0, np.clip(2 * _number(t) / self.steps - 1, 0.0, 1.0))
