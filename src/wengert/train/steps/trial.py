"""A trial of steps, where time is limited: how fast they are, and whether compiling them pays."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wengert.run import Executor
from wengert.run.llvm.runtime.cache import CodeNotKeptError, kept_code_only

if TYPE_CHECKING:
    from wengert.train.result import FitResult

# The part of the time that is spent on measuring the speed of steps, and the most seconds that takes.
_TRIAL, _LONGEST_TRIAL = 0.1, 2.0
# Seconds for training where a limit is over before it could begin: one step is taken in any case.
_NO_TIME = 1e-3
# With more seconds than this, code is compiled without a trial.
_LONG = 30.0
# Compiling a step takes about 15 times as long as tracing it and planning its run in NumPy, and pays where it
# takes no more than this part of the time. (Steps are then taken six times as fast.)
_COMPILING, _WORTH = 15, 0.4


@dataclass(frozen=True)
class Trial:
    """A short run.

    Attributes
    ----------
    result : FitResult
    seconds : float
        It had for steps.
    executor : str or Executor
        What took them, and is to take those that follow.
    """

    result: FitResult
    seconds: float
    executor: str | Executor

    @property
    def steps_a_second(self) -> float:
        """The speed of steps."""
        return self.result.steps / self.seconds


def time_left(end: float) -> float:
    """Return the seconds until a time of `time.perf_counter`, at least a thousandth."""
    return max(end - time.perf_counter(), _NO_TIME)


def is_over(end: float) -> bool:
    """Whether that time has come."""
    return time_left(end) <= _NO_TIME


def trial(fit: Callable[[str | Executor, float], FitResult], executor: str | Executor, end: float) -> Trial:
    """Try steps, by NumPy in place of machine code where compiling would take most of the time there is.

    Parameters
    ----------
    fit : callable
        Trains with an executor for some seconds, not counting those in which it makes ready.
    executor : str or Executor
        The one that was chosen.
    end : float
        When all has to be done, by `time.perf_counter`.
    """

    def tried(executor: str | Executor) -> Trial:
        seconds = max(min(_TRIAL * time_left(end), _LONGEST_TRIAL), _NO_TIME)
        return Trial(fit(executor, seconds), seconds, executor)

    if executor != "llvm" or time_left(end) > _LONG:
        return tried(executor)
    if is_over(end):
        return tried("numpy")
    try:
        with kept_code_only():
            return tried("llvm")
    except CodeNotKeptError:
        begin = time.perf_counter()
    found = tried("numpy")
    making_ready = time.perf_counter() - begin - found.seconds
    if found.result.stopped == "interrupted" or _COMPILING * making_ready > _WORTH * time_left(end):
        return found
    return tried("llvm")
