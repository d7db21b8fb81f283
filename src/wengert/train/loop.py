"""The training loop: epochs of steps, with everything that can end them early."""

from __future__ import annotations

import math
import threading
import time
import warnings
from functools import partial

import numpy as np

from wengert.errors import ModelFileError, WengertWarning
from wengert.primitives import random
from wengert.train.callbacks import StateOfRun, Stop, TrainingState
from wengert.train.checkpoint import Checkpoint
from wengert.train.evaluation import NetworkEvaluator
from wengert.train.history import Epoch
from wengert.train.plan import Plan, identity
from wengert.train.progress import Display, Silent
from wengert.train.steps.batches import batch_bounds
from wengert.train.steps.divergence import Diverged, Divergence, StepDiverged, explain_growth
from wengert.train.steps.state import Carry, State
from wengert.train.steps.step import TrainingStep
from wengert.train.steps.stepper import Stepper


class Loop:
    """A run in progress, of `fit` or of an estimator.

    Parameters
    ----------
    plan : Plan
    step : TrainingStep
    evaluator : NetworkEvaluator
    state : State, optional
        Where to begin, between two epochs; before the first step by default.
    stepper : type of Stepper, optional
        What takes the steps.

    Attributes
    ----------
    initial_network : tuple of array
        The network's arrays before the run.

    Raises
    ------
    ModelFileError
        When there is a checkpoint that cannot be resumed.
    """

    def __init__(
        self,
        plan: Plan,
        step: TrainingStep,
        evaluator: NetworkEvaluator,
        state: State | None = None,
        stepper: type[Stepper] = Stepper,
    ) -> None:
        self.plan = plan
        self.step = step
        self.evaluator = evaluator
        begin = State(step.initial) if state is None else state
        self.initial_network = step.predicting(begin.carry)
        raw = begin.carry[: step.network_count]
        self.bounds = batch_bounds(plan.count, plan.batch_size)
        if plan.checkpoint is not None:
            self._identity = identity(plan, step, begin.carry)
            found = plan.checkpoint.load(
                begin, step.names, self._identity, network=step.network_count, batches=len(self.bounds)
            )
            if found is not None:
                begin = found
                plan.rules.resume(begin)
        self._rule = plan.rules.step_rule
        begin = begin._replace(carry=step.with_settings(begin.carry, self._rule))
        self._stepper = stepper(step, plan.rows, self.bounds, random.key(plan.seed), begin, raw)
        self._writing: threading.Thread | None = None
        self._display: Display = Silent()
        self._resumed = begin.seconds
        self._start_clock()

    @property
    def state(self) -> State:
        """The last state that was checked."""
        return self._stepper.state

    @state.setter
    def state(self, state: State) -> None:
        self._stepper.state = state

    def _start_clock(self) -> None:
        plan = self.plan
        self._begin = self._next_look = self._next_show = time.perf_counter()
        self._next_save = math.inf if plan.checkpoint is None else self._begin + plan.checkpoint.seconds
        self._end = math.inf if plan.time_limit is None else self._begin + plan.time_limit

    @property
    def seconds(self) -> float:
        """Time spent, with that of the runs resumed."""
        return self._resumed + time.perf_counter() - self._begin

    def network(self) -> Carry:
        """Return the arrays of the network that predicts as it is now."""
        return self.step.predicting(self.state.carry)

    def seen(self) -> TrainingState:
        """Return what callbacks see."""
        state, network = self.state, self.network()
        return StateOfRun(
            partial(self.step.net, network),
            history=state.history,
            epochs=self.plan.epochs,
            step=state.steps,
            steps_per_epoch=len(self.bounds),
        )

    def run(self, display: Display) -> Stop:
        """Train until the run ends, and return why.

        Raises
        ------
        Diverged
            With `state` still the one before the step that diverged.
        """
        self._display = display
        self._stepper.compile()
        self._start_clock()
        while self.state.stop is None:
            if len(self.state.history) >= self.plan.epochs:
                return Stop("epochs")
            self._set_rule()
            for callback in self.plan.callbacks:
                callback.on_epoch_begin(self.seen())
            with np.errstate(all="ignore"):
                if not self._steps():
                    return Stop("time limit")
                self._end_epoch()
            for callback in self.plan.callbacks:
                stop = callback.on_epoch_end(self.seen())
                if stop is not None:
                    self.state = self.state._replace(stop=stop)
            self._look()
        return self.state.stop

    def _set_rule(self) -> None:
        """Go on with the settings of the next epoch."""
        rule = self.plan.rules.step_rule
        if rule is not self._rule:
            self._rule = rule
            self._stepper.replace(self.step.with_settings(self.state.carry, rule))

    def _steps(self) -> bool:
        """Take the remaining steps of this epoch; return whether there was time for all."""
        order = self.plan.rules.order(len(self.state.history))
        complete = False
        try:
            while not complete:
                if time.perf_counter() >= self._next_look and not self._look():
                    return False
                complete = self._stepper.take(order, self._next_look - time.perf_counter())
        except StepDiverged as error:
            self._diverged(error.layer, error.operation, error.explanation)
        return True

    def catch_up(self) -> None:
        """Move `state` to the last step taken, unless something is wrong there."""
        self._stepper.catch_up()

    def _end_epoch(self) -> None:
        """Evaluate, and go on to the next epoch."""
        state, plan = self.state, self.plan
        network = self.network()
        if plan.callbacks or plan.validation is not None:
            self._refuse_growth(network)
        measured = None if plan.validation is None else self.evaluator(network, plan.validation)
        if measured is not None and not math.isfinite(measured.loss):
            self._diverged(None, None, f"the validation loss is {measured.loss}")
        epoch = Epoch(
            epoch=len(state.history) + 1,
            loss=state.loss_sum / plan.count,
            validation_loss=None if measured is None else measured.loss,
            validation_accuracy=None if measured is None else measured.accuracy,
            learning_rate=plan.rules.learning_rate(state.steps - 1),
            seconds=self.seconds,
        )
        is_best, stop = plan.rules.note(epoch, measured)
        if stop is not None or epoch.epoch == plan.epochs:
            self._refuse_growth(network)
        scored = () if measured is None or measured.score is None else (measured.score,)
        self.state = state._replace(
            batch=0,
            loss_sum=0.0,
            history=state.history.appended(epoch),
            best=network if is_best else state.best,
            scores=(*state.scores, *scored),
            stop=stop,
        )

    def _refuse_growth(self, network: Carry) -> None:
        """Refuse parameters beyond all proportion where no further step shows how good they are."""
        first_loss = self.state.first_loss
        if first_loss is None or not self._stepper.out_of_proportion():
            return
        loss = self.evaluator(network, self._stepper.rows_of(0)).loss
        if not loss <= first_loss:
            layer, text = explain_growth(self.step.names, network, (first_loss, loss))
            self._diverged(layer, None, text)

    def _diverged(self, layer: str | None, operation: str | None, explanation: str) -> None:
        state = self.state
        # After the last batch of an epoch it is the step already taken that diverged.
        step = state.steps + (state.batch < len(self.bounds))
        rate = self.plan.rules.learning_rate(step - 1)
        raise Diverged(Divergence(step, len(state.history) + 1, layer, operation, rate, explanation))

    def save(self) -> None:
        """Write the checkpoint, if there is to be one; warn and go on where the disk does not take it."""
        if self.plan.checkpoint is None:
            return
        if self._writing is not None:
            self._writing.join()
        self._write(self.plan.checkpoint, self.state._replace(seconds=self.seconds))
        self._next_save = time.perf_counter() + self.plan.checkpoint.seconds

    def _save_on_the_way(self) -> None:
        """Write the checkpoint that is due, beside the next steps where that is chosen."""
        checkpoint = self.plan.checkpoint
        if checkpoint is None or not checkpoint.asynchronous:
            self.save()
            return
        if self._writing is None or not self._writing.is_alive():
            # No array of a state is ever written to.
            state = self.state._replace(seconds=self.seconds)
            self._writing = threading.Thread(target=self._write, args=(checkpoint, state))
            self._writing.start()
        self._next_save = time.perf_counter() + checkpoint.seconds

    def _write(self, checkpoint: Checkpoint, state: State) -> None:
        try:
            checkpoint.save(state, self.step.names, self._identity)
        except ModelFileError as error:
            warnings.warn(f"no checkpoint was saved: {error}", WengertWarning, stacklevel=2)

    def _look(self) -> bool:
        """Do what is due between two steps; return whether there is time left."""
        now = time.perf_counter()
        if now >= self._end:
            self._stepper.settle()
            return False
        if now >= self._next_save:
            self._stepper.settle()
            self._save_on_the_way()
        if now >= self._next_show:
            history = self.state.history
            done = (len(history) + self._stepper.taken / len(self.bounds)) / self.plan.epochs
            self._next_show = now + self._display.show(done, history)
        self._next_look = min(self._end, self._next_save, self._next_show)
        return True
