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
from wengert.train.divergence import Diverged, Divergence, Unsound, explain_growth
from wengert.train.evaluation import Evaluator
from wengert.train.history import Epoch, History
from wengert.train.mapped import run_and_window
from wengert.train.moment import Moment, Past
from wengert.train.plan import Plan, identity
from wengert.train.position import Position
from wengert.train.progress import Display, Silent
from wengert.train.step import Carry, TrainingStep
from wengert.train.stepper import Stepper


class Loop:
    """A run in progress.

    Parameters
    ----------
    plan : Plan
    step : TrainingStep
    evaluator : Evaluator

    Attributes
    ----------
    past : Past
        Replaced as a whole.
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
        begin = Moment(Past(History()), step.initial)
        if plan.checkpoint is not None:
            self._identity = identity(plan, step)
            found = plan.checkpoint.load(
                begin,
                step.names,
                self._identity,
                network=step.network_count,
                batches=len(self.bounds),
            )
            begin = found or begin
        self.past = begin.past
        steps = len(self.past.history) * len(self.bounds) + begin.batch
        position = Position(begin.carry, steps, begin.loss_sum, begin.first_loss)
        self._stepper = Stepper(
            step, plan.rows, self.bounds, random.key(plan.seed), position, self.initial_network
        )
        self._display: Display = Silent()
        self._resumed = self.past.seconds
        self._start_clock()

    @property
    def now(self) -> Moment:
        """The last moment between two steps that is known to be sound."""
        past, position = self.past, self._stepper.position
        batch = position.steps - len(past.history) * len(self.bounds)
        loss_sum = position.loss_sum if batch else 0.0
        return Moment(past, position.carry, batch, loss_sum, position.first_loss)

    def _start_clock(self) -> None:
        plan = self.plan
        self._begin = self._next_look = self._next_show = time.perf_counter()
        self._next_save = math.inf if plan.checkpoint is None else self._begin + plan.checkpoint.seconds
        self._end = math.inf if plan.time_limit is None else self._begin + plan.time_limit

    @property
    def steps(self) -> int:
        """How many steps have been taken."""
        return self._stepper.position.steps

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
        net, history = self.build(self.network()), self.past.history
        return TrainingState(net, history, self.plan.epochs, self.steps, len(self.bounds))

    def run(self, display: Display) -> Stop:
        """Train until something ends it, and return what.

        Raises
        ------
        Diverged
            With `now` still the moment before the step that did it.
        """
        self._display = display
        self._stepper.compile()
        self._start_clock()
        while self.past.stop is None:
            if len(self.past.history) >= self.plan.epochs:
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
                    self.past = replace(self.past, stop=stop)
            self._look()
        return self.past.stop

    def _steps(self) -> bool:
        """Take the remaining steps of this epoch; return whether there was time for all."""
        plan, epoch = self.plan, len(self.past.history)
        rows = len(plan.rows)
        runs = run_and_window(plan.rows.features)
        order = row_order(plan.seed, epoch, rows, runs) if plan.shuffle else np.arange(rows)
        complete = False
        try:
            while not complete:
                if time.perf_counter() >= self._next_look and not self._look():
                    return False
                seconds = self._next_look - time.perf_counter()
                complete = self._stepper.take(order, epoch * len(self.bounds), seconds)
        except Unsound as error:
            self._diverged(error.layer, error.operation, error.explanation)
        return True

    def catch_up(self) -> None:
        """Move `now` to the last step taken, unless something is wrong there."""
        self._stepper.catch_up()

    def _end_epoch(self) -> None:
        """Evaluate, and go on to the next epoch."""
        now, past = self.now, self.past
        loss = now.loss_sum / len(self.plan.rows)
        network = self.network()
        if now.first_loss is not None and self._stepper.out_of_proportion():
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
        self.past = past.after(epoch, network)

    def _learning_rate(self, step: int) -> float | None:
        rate = self.step.optimizer.learning_rate
        return float(rate(np.array(step))) if callable(rate) else float(rate)

    def _diverged(self, layer: str | None, operation: str | None, explanation: str) -> None:
        epoch = len(self.past.history) + 1
        # After the last batch of an epoch it is the step already taken that did it.
        step = self.steps + (self.now.batch < len(self.bounds))
        raise Diverged(Divergence(step, epoch, layer, operation, self._learning_rate(step - 1), explanation))

    def save(self) -> None:
        """Write the checkpoint, if there is to be one; warn and go on where the disk does not take it."""
        if self.plan.checkpoint is None:
            return
        moment = self.now._replace(past=replace(self.past, seconds=self.seconds))
        try:
            self.plan.checkpoint.save(moment, self.step.names, self._identity)
        except ModelFileError as error:
            warnings.warn(f"no checkpoint was saved: {error}", WengertWarning, stacklevel=2)
        self._next_save = time.perf_counter() + self.plan.checkpoint.seconds

    def _look(self) -> bool:
        """Do what is due between two steps; return whether there is time left."""
        now = time.perf_counter()
        if now >= self._end:
            self._stepper.settle()
            return False
        if now >= self._next_save:
            self._stepper.settle()
            self.save()
        if now >= self._next_show:
            total = self.plan.epochs * len(self.bounds)
            self._next_show = now + self._display.show(self._stepper.taken / total, self.past.history)
        self._next_look = min(self._end, self._next_save, self._next_show)
        return True
