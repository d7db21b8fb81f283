"""Taking the steps of an epoch, natively where it can be, and finding the step that goes wrong."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np

from wengert.run import Executable
from wengert.train.inputs import Rows
from wengert.train.steps.divergence import StepDiverged, Watch, all_finite, explain, explain_growth
from wengert.train.steps.mapped import release, run_and_window
from wengert.train.steps.native import NativeSteps, native_steps
from wengert.train.steps.state import Carry, State, Step

Array = np.ndarray[Any, Any]

# Seconds between two checks of native steps, or this multiple of what a check takes.
_CHECK_EVERY, _CHECK_SHARE = 0.1, 30


class Stepper:
    """Takes steps.

    Parameters
    ----------
    step : Step
    rows : Rows
    bounds : list of (int, int)
        First and last row (exclusive) of each batch of an epoch.
    key : ndarray of uint32, shape (2,)
        Source of the randomness of all steps.
    state : State
        Where to begin.
    initial : tuple of array
        The network's arrays before its first step, against which its growth is measured.

    Attributes
    ----------
    state : State
        The last one that was checked. Ctrl-C can strike anywhere, and finds either the state before some
        steps or the one after them.
    """

    def __init__(
        self,
        step: Step,
        rows: Rows,
        bounds: list[tuple[int, int]],
        key: Array,
        state: State,
        initial: Carry,
    ) -> None:
        self.state = state
        self._step = step
        self._rows = rows
        self._bounds = bounds
        self._key = key
        self._watch = Watch(initial)
        self._largest = math.inf  # no element of the carry of `state` is larger than this
        self._order: Array = np.arange(len(rows))
        self._native: NativeSteps | None = None
        self._compiled: dict[int, Executable] = {}
        self._next_check = 0.0
        # Batches in a window of rows that lie in a file; all of them where they are in memory.
        runs = run_and_window(rows.features)
        batch = bounds[0][1] - bounds[0][0]
        self._window = len(bounds) if runs is None else max(1, math.prod(runs) // batch)

    @property
    def taken(self) -> int:
        """Steps taken in this epoch, with those that have not been checked yet."""
        unchecked = 0 if self._native is None else self._native.progress.steps - self.state.steps
        return self.state.batch + unchecked

    def out_of_proportion(self) -> bool:
        """Return whether the network has grown beyond all proportion to its start."""
        network = self.state.carry[: self._step.network_count]
        return self._watch.out_of_proportion(network, self._largest)

    def compile(self) -> None:
        """Compile the step for each length of a batch.

        A layer that cannot take the short batch at the end of an epoch says so here, before any work.
        """
        self._native = native_steps(self._step, self._rows, self._bounds, self._key, self.state)
        for batch in {0, len(self._bounds) - 1} if self._native is None else ():
            self._executable(self.rows_of(batch))

    def replace(self, carry: Carry) -> None:
        """Go on from the same state with other arrays."""
        if self._native is not None:
            self._native.restore(self.state._replace(carry=carry))
        self._largest = math.inf
        self.state = self.state._replace(carry=carry)

    def take(self, order: Array, seconds: float) -> bool:
        """Take some steps of an epoch, at least one, and return whether it is complete and checked.

        Parameters
        ----------
        order : ndarray of int64
            The rows in the order in which the epoch visits them.
        seconds : float
            About so long, and not longer than a tenth of a second.

        Raises
        ------
        StepDiverged
            With `state` the one before the step that did it.
        """
        self._order = order
        batch = self.taken
        if batch < len(self._bounds):
            if self._native is None:
                self._one_by_one(batch, seconds)
            else:
                self._natively(self._native, batch, seconds)
        complete = self.taken >= len(self._bounds)
        if complete:
            self.settle()
        return complete

    def settle(self) -> None:
        """Check the steps taken natively, and move `state` past them.

        Raises
        ------
        StepDiverged
        """
        native = self._native
        target = self.state.steps if native is None else native.progress.steps
        if native is None or target == self.state.steps:
            return
        begin = time.perf_counter()
        if not self._catch_up(native):
            native.restore(self.state)
            while self.state.steps < target:
                self._checked_step(native)
        native.progress.largest_loss = -math.inf
        end = time.perf_counter()
        self._next_check = end + max(_CHECK_EVERY, _CHECK_SHARE * (end - begin))

    def catch_up(self) -> None:
        """Move `state` past the last step taken, unless something is wrong there; for after Ctrl-C."""
        native = self._native
        if native is None:
            return
        if native.progress.is_whole:
            self._catch_up(native)
        else:
            native.restore(self.state)

    def _natively(self, native: NativeSteps, batch: int, seconds: float) -> None:
        if self.state.first_loss is None:
            self._first_step(native)
            return
        native.run(self._order, batch, seconds, self._window)
        self._leave_window(batch, self.taken)
        if native.progress.stopped or time.perf_counter() >= self._next_check:
            self.settle()

    def _catch_up(self, native: NativeSteps) -> bool:
        """Move `state` to where the native loop has come; return False and leave it if that has diverged."""
        now, progress = self.state, native.progress
        if not native.is_whole or progress.stopped or now.first_loss is None:
            return False
        largest = progress.largest()
        if not math.isfinite(largest):
            return False
        carry, steps = progress.copy(), progress.steps
        if not progress.largest_loss <= now.first_loss:
            network = carry[: self._step.network_count]
            if self._watch.out_of_proportion(network, largest):
                return False
        if steps > now.steps:
            batch = now.batch + steps - now.steps
            self.state = now._replace(carry=carry, steps=steps, batch=batch, loss_sum=progress.loss_sum)
            self._largest = largest
        return True

    def _first_step(self, native: NativeSteps) -> None:
        """Take the first step of all, whose loss is what later ones are compared with.

        `state` stays before it, as before other steps that are not checked yet, so that nothing is copied.
        """
        native.step(self._order, self.state.batch)
        progress = native.progress
        if progress.stopped or not math.isfinite(progress.largest()):
            native.restore(self.state)
            self._checked_step(native)
        else:
            self.state = self.state._replace(first_loss=progress.last_loss)

    def _checked_step(self, native: NativeSteps) -> None:
        """Take one step natively and check it."""
        batch = self.state.batch
        native.step(self._order, batch)
        loss = native.progress.last_loss
        if native.progress.stopped and math.isfinite(loss):
            # An index is out of range. Run by itself, the step says which.
            rows = self.rows_of(batch)
            self._executable(rows)(self._arguments(rows))
        self._accept(batch, native.progress.copy(), loss, native.progress.largest())

    def _one_by_one(self, batch: int, seconds: float) -> None:
        end = time.perf_counter() + seconds
        while True:
            outputs = self._outputs(batch)
            self._accept(batch, tuple(outputs[:-1]), float(outputs[-1]), None)
            batch += 1
            self._leave_window(batch - 1, batch)
            if batch >= len(self._bounds) or time.perf_counter() >= end:
                return

    def _outputs(self, batch: int) -> list[Array]:
        """Return what a step on a batch gives: the carry after it, and the loss."""
        rows = self.rows_of(batch)
        return self._executable(rows)(self._arguments(rows))

    def _leave_window(self, before: int, batch: int) -> None:
        """Release the memory of rows in a file where a window ends between two batches."""
        if batch // self._window > before // self._window:
            release(self._rows.features)

    def _executable(self, rows: Rows) -> Executable:
        known = self._compiled.get(len(rows))
        if known is None:
            known = self._compiled[len(rows)] = self._step.executor.compile(self._step.program(rows))
        return known

    def rows_of(self, batch: int) -> Rows:
        """Return the rows of a batch of this epoch."""
        first, last = self._bounds[batch]
        return self._rows.take(self._order[first:last])

    def _arguments(self, rows: Rows) -> list[Any]:
        """Return the arguments of the next step."""
        weights = [] if rows.weights is None else [rows.weights]
        state = self.state
        return [*state.carry, rows.features, rows.targets, *weights, self._key, np.array(state.steps)]

    def _accept(self, batch: int, carry: Carry, loss: float, largest: float | None) -> None:
        """Check what the step after `state` gave, and move `state` past it.

        Parameters
        ----------
        batch : int
        carry : sequence of array
        loss : float
        largest : float or None
            The largest magnitude in the carry, where it is known.

        Raises
        ------
        StepDiverged
            With `state` unchanged.
        """
        now, names = self.state, self._step.names
        first_loss = loss if now.first_loss is None else now.first_loss
        is_finite = all_finite(carry) if largest is None else math.isfinite(largest)
        if not (math.isfinite(loss) and is_finite):
            rows = self.rows_of(batch)
            outputs = [*carry, np.array(loss)]
            raise StepDiverged(*explain(self._step.program(rows), self._arguments(rows), names, outputs))
        if loss > first_loss and self.out_of_proportion():
            network = now.carry[: self._step.network_count]
            layer, text = explain_growth(names, network, (first_loss, loss))
            raise StepDiverged(layer, None, text)
        first, last = self._bounds[batch]
        self._largest = math.inf if largest is None else largest
        self.state = now._replace(
            carry=carry,
            steps=now.steps + 1,
            batch=batch + 1,
            loss_sum=(now.loss_sum if batch else 0.0) + loss * (last - first),
            first_loss=first_loss,
        )
