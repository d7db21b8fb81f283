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
from wengert.train.plan import Plan, identity
from wengert.train.progress import Display, Silent
from wengert.train.step import Carry, TrainingStep


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
        self._display: Display = Silent()
        self._key = random.key(plan.seed)
        self._watch = Watch(self.initial_network)
        self._resumed = self.now.past.seconds
        self._begin = self._next_look = self._next_show = time.perf_counter()
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
        for first, last in {self.bounds[0], self.bounds[-1]}:
            self.step.compiled(self.plan.rows.take(slice(first, last)))
        while self.now.past.stop is None:
            if len(self.now.past.history) >= self.plan.epochs:
                return Stop("epochs")
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
        runs = run_and_window(plan.rows.features)
        window = math.inf if runs is None else math.prod(runs)
        order = row_order(plan.seed, epoch, len(plan.rows), runs) if plan.shuffle else None
        for first, last in self.bounds[self.now.batch :]:
            if time.perf_counter() >= self._next_look and not self._look():
                return False
            self.take_step(plan.rows.take(slice(first, last) if order is None else order[first:last]))
            if last // window > first // window:
                release(plan.rows.features)
        return True

    def take_step(self, batch: Rows) -> None:
        """Run one step, check what it gave, and move `now` behind it.

        Raises
        ------
        Diverged
            With `now` unchanged.
        """
        compiled = self.step.compiled(batch)
        now = self.now
        arguments = [*now.carry, batch.features, batch.targets]
        if batch.weights is not None:
            arguments.append(batch.weights)
        arguments += [self._key, np.array(self.steps)]
        outputs = compiled.run(arguments)
        carry, loss = tuple(outputs[:-1]), float(outputs[-1])
        first_loss = loss if now.first_loss is None else now.first_loss
        if not (math.isfinite(loss) and all_finite(carry)):
            self._diverged(*explain(compiled.program, arguments, self.step.names, outputs))
        if loss > first_loss and self._watch.out_of_proportion(self.network()):
            layer, text = explain_growth(self.step.names, self.network(), (first_loss, loss))
            self._diverged(layer, None, text)
        self.now = Moment(now.past, carry, now.batch + 1, now.loss_sum + loss * len(batch), first_loss)

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
            return False
        if now >= self._next_save:
            self.save()
        if now >= self._next_show:
            total = self.plan.epochs * len(self.bounds)
            self._next_show = now + self._display.show(self.steps / total, self.now.past.history)
        self._next_look = min(self._end, self._next_save, self._next_show)
        return True
