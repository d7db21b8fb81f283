"""The steps of a run in native loops, which return to Python ten times a second."""

from __future__ import annotations

import time
import warnings
from typing import Any

import numpy as np

from wengert.errors import ConfigurationError, WengertWarning
from wengert.run.executor import divides_rows
from wengert.run.loop import Progress, Roles, StepLoop, runs_loops
from wengert.train.inputs import Rows
from wengert.train.steps.state import State, Step

Array = np.ndarray[Any, Any]

# Seconds between two returns to Python, which looks for Ctrl-C, shows progress and checks the parameters.
_STRETCH = 0.1
# Seconds for which a number of threads is tried.
_TRIAL = 0.02
# Seconds after which the other number gets a new trial: soon at first, since a trial may meet with other work
# on the machine, and twice as long each time.
_FIRST_WAIT, _LONGEST_WAIT = 0.1, 2.0
# At most one part in this many of the time goes into trials, however long a step is.
_TRIAL_SHARE = 20
# A shorter stretch does not tell how long a step takes.
_SHORTEST = 0.001
# A stretch is at most this many times as long as the one before, whose pace may have been an accident.
_GROWTH = 8


class NativeSteps:
    """Runs steps in native code; begins, or goes on, at a state of the run.

    Parameters
    ----------
    loops : dict of int to StepLoop
        By the number of rows in a batch.
    progress : Progress
        Of all loops together.
    bounds : list of (int, int)
        First and last row (exclusive) of each batch.
    threads : int

    Attributes
    ----------
    is_whole : bool
        Whether the arrays of the carry belong to one state.
    """

    def __init__(
        self, loops: dict[int, StepLoop], progress: Progress, bounds: list[tuple[int, int]], threads: int
    ) -> None:
        self.is_whole = True
        self.progress = progress
        self._loops = loops
        self._bounds = bounds
        self._pace = Pace(threads)
        self._full = bounds[0][1] - bounds[0][0]
        self._full_batches = sum(last - first == self._full for first, last in bounds)

    def run(self, order: Array, batch: int, seconds: float, window: int) -> None:
        """Take steps from a batch on, for about `seconds`: at least one, and none beyond epoch or window.

        The short batch at the end of an epoch is taken with those before it.

        Parameters
        ----------
        order : ndarray of int64
            Of the rows.
        batch : int
            The first.
        seconds : float
        window : int
            Batches.
        """
        last = self._full_batches
        if batch < last:
            threads, count = self._pace.next(min(seconds, _STRETCH))
            count = min(count, last - batch, window - batch % window)
            begin, before = time.perf_counter(), self.progress.steps
            self._loops[self._full].run(order, batch * self._full, count, threads)
            count = self.progress.steps - before  # of several processes the first says how many
            self._pace.note(threads, max(count, 1), time.perf_counter() - begin)
            batch += count
            if batch < last or batch % window == 0 or self.progress.stopped:
                return
        if batch < len(self._bounds):
            self.step(order, batch)

    def step(self, order: Array, batch: int) -> None:
        """Take one step."""
        first, last = self._bounds[batch]
        self._loops[last - first].run(order, first, 1, 1)

    def full_loop(self) -> StepLoop:
        """Return the loop over batches with all their rows."""
        return self._loops[self._full]

    def restore(self, state: State) -> None:
        """Go to a state."""
        self.is_whole = False
        self.progress.carry = list(state.carry)
        self.progress.steps, self.progress.loss_sum = state.steps, state.loss_sum
        self.is_whole = True


class Pace:
    """How long a step takes, alone and together; the number of threads follows from it.

    Results do not depend on the number of threads, so the faster one is taken, whatever makes it so: the size
    of a step, or other work on the machine.

    Parameters
    ----------
    threads : int
        How many there are.
    """

    def __init__(self, threads: int) -> None:
        self._candidates = [1] if threads == 1 else [1, threads]
        self._seconds: dict[int, float] = {}
        self._before: dict[int, float] = {}
        self._last_count = 1
        self._can_try = False
        self._next_trial = 0.0
        self._wait = _FIRST_WAIT

    def next(self, seconds: float) -> tuple[int, int]:
        """Return with how many threads to go on, and how many steps take about `seconds`."""
        if not self._seconds:
            return 1, 1
        threads = min(self._seconds, key=self._seconds.__getitem__)
        pace = max(self._seconds[threads], 1e-9)
        others = [one for one in self._candidates if one != threads]
        now = time.perf_counter()
        if others and self._can_try and now >= self._next_trial:
            count = max(1, int(min(seconds, _TRIAL) / pace))
            trial = count * self._seconds.get(others[0], pace)
            self._next_trial = now + max(self._wait, _TRIAL_SHARE * trial)
            self._wait = min(2 * self._wait, _LONGEST_WAIT)
            return others[0], count
        count = int(min(seconds / pace, _GROWTH * self._last_count))
        return threads, max(1, count)

    def note(self, threads: int, count: int, seconds: float) -> None:
        """Record how long `count` steps took."""
        # The better of two stretches, since one may have met with other work on the machine.
        pace = seconds / count
        self._seconds[threads] = min(pace, self._before.get(threads, pace))
        self._before[threads] = pace
        self._last_count = count
        # Starting threads takes a tenth of this.
        self._can_try = seconds >= _SHORTEST


def native_steps(
    step: Step, rows: Rows, bounds: list[tuple[int, int]], key: Array, state: State
) -> NativeSteps | None:
    """Return the steps of a run as native loops, None where there are none for them; see `Stepper`."""
    executor = step.executor
    arrays = [rows.features, rows.targets, *([] if rows.weights is None else [rows.weights])]
    holders = _holders(executor, rows, bounds)
    if not runs_loops(executor):
        return None
    if not all(isinstance(array, np.ndarray) for array in arrays):
        if divides_rows(executor):
            warnings.warn(
                "X is sparse: each batch is made dense and sent to the device by itself, which is slow. Give "
                "X.toarray() where it fits into the device's memory",
                WengertWarning,
                stacklevel=2,
            )
        return None
    progress = executor.new_progress(state.carry, state.steps, state.loss_sum)
    data = [*[np.require(array, requirements=["C", "A"]) for array in arrays], key, np.array(0)]
    carried = len(state.carry)
    roles = Roles(carried, tuple(range(carried, carried + len(arrays))), counter=carried + len(arrays) + 1)
    loops: dict[int, StepLoop] = {}
    for first, last in {bounds[0], bounds[-1]}:
        places = slice(first, last) if holders == 1 else np.tile(np.arange(first, last), holders)
        batch = rows.take(places)
        loop = executor.loop(step.program(batch), roles, progress, data)
        if loop is None:
            return None
        loops[last - first] = loop
    return NativeSteps(loops, progress, bounds, executor.threads)


def _holders(executor: Any, rows: Rows, bounds: list[tuple[int, int]]) -> int:
    """Return how many processes give as many rows of their own to each batch.

    Raises
    ------
    ConfigurationError
        When the rows cannot be divided among the devices there are.
    """
    if not divides_rows(executor):
        return 1
    if executor.parts > 1 and not isinstance(rows.features, np.ndarray):
        raise ConfigurationError("a mesh of devices takes dense rows: give X.toarray(), or leave mesh out")
    first, last = bounds[0]
    executor.check_batch(last - first)
    return executor.holders
