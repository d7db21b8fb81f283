"""The training loop: epochs of steps, with everything that can end them early."""

from __future__ import annotations

import math
import time
import warnings
from dataclasses import replace
from typing import Any

import numpy as np

from wengert.errors import ModelFileError, WengertWarning
from wengert.primitives import random
from wengert.train.batches import batch_bounds, row_order
from wengert.train.callbacks import Stop, TrainingState
from wengert.train.divergence import Diverged, Divergence, Watch, all_finite, explain, explain_growth
from wengert.train.evaluation import Evaluator
from wengert.train.history import Epoch, History
from wengert.train.inputs import Rows
from wengert.train.mapped import release, run_and_window
from wengert.train.moment import Moment, Past
from wengert.train.native import NativeSteps, native_steps
from wengert.train.plan import Plan, identity
from wengert.train.progress import Display, Silent
from wengert.train.step import Carry, TrainingStep

# Seconds between two checks of native steps, or so many times what a check takes.
_CHECK_EVERY, _CHECK_SHARE = 0.1, 30


class Loop:
    """A run in progress.

    Parameters
    ----------
    plan : Plan
    step : TrainingStep
    evaluator : Evaluator

    Attributes
    ----------
    now : Moment
        The last moment between two steps.
    initial_network : tuple of array
        The network's arrays before training.

    Raises
    ------
    ModelFileError
        When there is a checkpoint that cannot be resumed.
    """

    def __init__(self, plan: Plan, step: TrainingStep, evaluator: Evaluator) -> None:
        self.plan = plan
        self.step = step
        self.evaluator = evaluator
        self.initial_network = step.initial[: step.network_count]
        self.bounds = batch_bounds(len(plan.rows), plan.batch_size)
        self.now = Moment(Past(History()), step.initial)
        if plan.checkpoint is not None:
            self._identity = identity(plan, step)
            self.now = plan.checkpoint.load(self.now, step.names, self._identity) or self.now
        self._native: NativeSteps | None = None
        self._order = np.arange(len(plan.rows))
        # Batches in a window of rows that lie in a file; all of them where they are in memory.
        runs = run_and_window(plan.rows.features)
        self._window = len(self.bounds) if runs is None else max(1, math.prod(runs) // plan.batch_size)
        self._display: Display = Silent()
        self._key = random.key(plan.seed)
        self._watch = Watch(self.initial_network)
        self._resumed = self.now.past.seconds
        self._start_clock()

    def _start_clock(self) -> None:
        plan = self.plan
        self._begin = self._next_look = self._next_show = self._next_check = time.perf_counter()
        self._next_save = math.inf if plan.checkpoint is None else self._begin + plan.checkpoint.seconds
        self._end = math.inf if plan.time_limit is None else self._begin + plan.time_limit

    @property
    def steps(self) -> int:
        """How many steps have been taken."""
        return len(self.now.past.history) * len(self.bounds) + self.now.batch

    @property
    def seconds(self) -> float:
        """Time spent, with that of the runs resumed."""
        return self._resumed + time.perf_counter() - self._begin

    def network(self) -> Carry:
        """Return the network's arrays as they are now."""
        return self.now.carry[: self.step.network_count]

    def build(self, network: Carry) -> Any:
        """Return the module with these arrays."""
        return self.step.net((*network, *self.now.carry[len(network) :]))

    def optimizer_state(self) -> Any:
        """Return the optimiser's state as it is now."""
        return self.step.optimizer_state(self.now.carry)

    def state(self) -> TrainingState:
        """Return what callbacks see."""
        net, history = self.build(self.network()), self.now.past.history
        return TrainingState(net, history, self.plan.epochs, self.steps, len(self.bounds))

    def run(self, display: Display) -> Stop:
        """Train until something ends it, and return what.

        Raises
        ------
        Diverged
            With `now` still the moment before the step that did it.
        """
        self._display = display
        # Both shapes of batches, so that a layer that cannot take the short one says so before any work.
        self._native = native_steps(
            self.step, self.plan.rows, self.bounds, self._key, self.now.carry, self.steps, self.now.loss_sum
        )
        for first, last in {self.bounds[0], self.bounds[-1]} if self._native is None else ():
            self.step.compiled(self.plan.rows.take(slice(first, last)))
        self._start_clock()
        while self.now.past.stop is None:
            if len(self.now.past.history) >= self.plan.epochs:
                return Stop("epochs")
            for callback in self.plan.callbacks:
                callback.on_epoch_begin(self.state())
            with np.errstate(all="ignore"):
                if not self._steps():
                    return Stop("time limit", restore_best=self.plan.validation is not None)
                self._end_epoch()
            for callback in self.plan.callbacks:
                stop = callback.on_epoch_end(self.state())
                if stop is not None:
                    self.now = self.now._replace(past=replace(self.now.past, stop=stop))
            self._look()
        return self.now.past.stop

    def _steps(self) -> bool:
        """Take the remaining steps of this epoch; return whether there was time for all."""
        plan = self.plan
        epoch = len(self.now.past.history)
        if plan.shuffle:
            runs = run_and_window(plan.rows.features)
            self._order = row_order(plan.seed, epoch, len(plan.rows), runs)
        if self._native is not None:
            return self._native_steps(self._native)
        for batch in range(self.now.batch, len(self.bounds)):
            if time.perf_counter() >= self._next_look and not self._look():
                return False
            self._take_step(batch)
            self._give_back(batch, batch + 1)
        return True

    def _native_steps(self, native: NativeSteps) -> bool:
        """Take the steps in native loops, with a look from time to time."""
        begin = len(self.now.past.history) * len(self.bounds)
        while (batch := native.progress.steps - begin) < len(self.bounds):
            if time.perf_counter() >= self._next_look and not self._look():
                return False
            if self.now.first_loss is None:
                native.step(self._order, batch)
            else:
                native.run(self._order, batch, self._next_look - time.perf_counter(), self._window)
            self._give_back(batch, native.progress.steps - begin)
            due = self.now.first_loss is None or time.perf_counter() >= self._next_check
            if due or native.progress.stopped:
                self._check(native)
        self._check(native)
        return True

    def _give_back(self, before: int, batch: int) -> None:
        """Release the memory of rows in a file where a window has been left behind since a batch."""
        if batch // self._window > before // self._window:
            release(self.plan.rows.features)

    def _check(self, native: NativeSteps) -> None:
        """Move `now` to where the native loop has come, if all is well there; look for the step if not.

        Raises
        ------
        Diverged
            With `now` the moment before the step that did it.
        """
        begin = time.perf_counter()
        target = native.progress.steps
        if self.now.first_loss is None or not self._catch_up(native):
            native.restore(self.now.carry, self.steps, self.now.loss_sum)
            while self.steps < target:
                batch = self.now.batch
                native.step(self._order, batch)
                if native.progress.stopped and math.isfinite(native.progress.last_loss):
                    self._take_step(batch)  # which says what index is out of range
                self._accept(batch, native.copy(), native.progress.last_loss)
        native.progress.largest_loss = -math.inf
        end = time.perf_counter()
        self._next_check = end + max(_CHECK_EVERY, _CHECK_SHARE * (end - begin))

    def _catch_up(self, native: NativeSteps) -> bool:
        """Move `now` to where the native loop has come; return False, and do nothing, if that is unsound."""
        now, progress = self.now, native.progress
        if not native.is_whole or progress.stopped or now.first_loss is None:
            return False
        if not all_finite(progress.carry):
            return False
        network = progress.carry[: self.step.network_count]
        if not progress.largest_loss <= now.first_loss and self._watch.out_of_proportion(network):
            return False
        batch = progress.steps - len(now.past.history) * len(self.bounds)
        if batch > now.batch:
            self.now = Moment(now.past, native.copy(), batch, progress.loss_sum, now.first_loss)
        return True

    def catch_up(self) -> None:
        """Move `now` to the last step taken, unless something is wrong there."""
        if self._native is not None:
            self._catch_up(self._native)

    def _take_step(self, batch: int) -> None:
        """Run one step, check what it gave, and move `now` behind it.

        Raises
        ------
        Diverged
            With `now` unchanged.
        """
        rows = self._rows_of(batch)
        outputs = self.step.compiled(rows).run(self._arguments(rows))
        self._accept(batch, tuple(outputs[:-1]), float(outputs[-1]))

    def _rows_of(self, batch: int) -> Rows:
        first, last = self.bounds[batch]
        return self.plan.rows.take(self._order[first:last] if self.plan.shuffle else slice(first, last))

    def _arguments(self, rows: Rows) -> list[Any]:
        """Return the arguments of the next step."""
        weights = [] if rows.weights is None else [rows.weights]
        return [*self.now.carry, rows.features, rows.targets, *weights, self._key, np.array(self.steps)]

    def _accept(self, batch: int, carry: Carry, loss: float) -> None:
        """Check what the step after `now` gave, and move `now` behind it.

        Raises
        ------
        Diverged
            With `now` unchanged.
        """
        now = self.now
        first_loss = loss if now.first_loss is None else now.first_loss
        if not (math.isfinite(loss) and all_finite(carry)):
            rows = self._rows_of(batch)
            program = self.step.program(rows)
            self._diverged(
                *explain(program, self._arguments(rows), self.step.names, [*carry, np.array(loss)])
            )
        if loss > first_loss and self._watch.out_of_proportion(self.network()):
            layer, text = explain_growth(self.step.names, self.network(), (first_loss, loss))
            self._diverged(layer, None, text)
        first, last = self.bounds[batch]
        self.now = Moment(now.past, carry, batch + 1, now.loss_sum + loss * (last - first), first_loss)

    def _end_epoch(self) -> None:
        """Evaluate, and go on to the next epoch."""
        now, past = self.now, self.now.past
        loss = now.loss_sum / len(self.plan.rows)
        network = self.network()
        if now.first_loss is not None and self._watch.out_of_proportion(network):
            # No further step may come that would show what these parameters are worth.
            worth = self.evaluator(network, self.plan.rows.take(slice(*self.bounds[0]))).loss
            if not worth <= now.first_loss:
                layer, text = explain_growth(self.step.names, network, (now.first_loss, worth))
                self._diverged(layer, None, text)
        validation = None if self.plan.validation is None else self.evaluator(network, self.plan.validation)
        if validation is not None and not math.isfinite(validation.loss):
            self._diverged(None, None, f"the validation loss is {validation.loss}")
        epoch = Epoch(
            epoch=len(past.history) + 1,
            loss=loss,
            validation_loss=None if validation is None else validation.loss,
            validation_accuracy=None if validation is None else validation.accuracy,
            learning_rate=self._learning_rate(self.steps - 1),
            seconds=self.seconds,
        )
        self.now = Moment(past.after(epoch, network), now.carry, 0, 0.0, now.first_loss)

    def _learning_rate(self, step: int) -> float | None:
        rate = self.step.optimizer.learning_rate
        return float(rate(np.array(step))) if callable(rate) else float(rate)

    def _diverged(self, layer: str | None, operation: str | None, explanation: str) -> None:
        epoch = len(self.now.past.history) + 1
        # After the last batch of an epoch it is the step already taken that did it.
        step = self.steps + (self.now.batch < len(self.bounds))
        raise Diverged(Divergence(step, epoch, layer, operation, self._learning_rate(step - 1), explanation))

    def save(self) -> None:
        """Write the checkpoint, if there is to be one; warn and go on where the disk does not take it."""
        if self.plan.checkpoint is None:
            return
        moment = self.now._replace(past=replace(self.now.past, seconds=self.seconds))
        try:
            self.plan.checkpoint.save(moment, self.step.names, self._identity)
        except ModelFileError as error:
            warnings.warn(f"no checkpoint was saved: {error}", WengertWarning, stacklevel=2)
        self._next_save = time.perf_counter() + self.plan.checkpoint.seconds

    def _look(self) -> bool:
        """Do what is due between two steps; return whether there is time left."""
        now = time.perf_counter()
        if now >= self._end:
            if self._native is not None:
                self._check(self._native)
            return False
        if now >= self._next_save:
            if self._native is not None:
                self._check(self._native)
            self.save()
        if now >= self._next_show:
            total = self.plan.epochs * len(self.bounds)
            done = self.steps if self._native is None else self._native.progress.steps
            self._next_show = now + self._display.show(done / total, self.now.past.history)
        self._next_look = min(self._end, self._next_save, self._next_show)
        return True
