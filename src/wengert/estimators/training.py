"""Epochs of an estimator, until scikit-learn's rules, a callback, the clock or a divergence end them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy import sparse

from wengert.estimators.step import Carry, Settings, StepProgram, step_program
from wengert.estimators.stopping import Patience, Rate
from wengert.primitives import random
from wengert.train import inputs
from wengert.train.batches import batch_bounds
from wengert.train.callbacks import Callback, Stop, TrainingState
from wengert.train.divergence import Diverged, Divergence, Unsound, explain_growth
from wengert.train.history import Epoch, History
from wengert.train.position import Position
from wengert.train.progress import Display
from wengert.train.stepper import Stepper

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Rows(inputs.Rows):
    """Rows to learn from; the features may be a CSR matrix, whose batches are made dense.

    Attributes
    ----------
    features : ndarray or CSR matrix, shape (rows, features)
    targets : ndarray, shape (rows, outputs)
    weights : ndarray, shape (rows,), or None
        As they were given: they are not scaled.
    """

    features: Any

    def __len__(self) -> int:
        return len(self.targets)

    def counting(self) -> Array:
        """Return the places of the rows whose weight is not 0; only they can say what a network is worth."""
        return np.arange(len(self)) if self.weights is None else np.flatnonzero(self.weights)

    def part(self, places: Array) -> Rows:
        """Return the rows at `places`, stored as these are."""
        weights = None if self.weights is None else self.weights[places]
        return Rows(self.features[places], self.targets[places], weights)

    def take(self, places: Any) -> Rows:
        """Return the rows at `places`, an array of positions or a slice, as dense arrays."""
        batch = self.part(places)
        return replace(batch, features=batch.features.toarray()) if sparse.issparse(batch.features) else batch


@dataclass(frozen=True)
class Measurement:
    """What the validation rows say of a network.

    Attributes
    ----------
    score : float
        Higher is better.
    loss : float
    accuracy : float or None
        The score, where it is one.
    """

    score: float
    loss: float
    accuracy: float | None


def epoch_record(
    number: int, loss: float, measured: Measurement | None, rate: float | None, seconds: float
) -> Epoch:
    """Return what the history keeps of an epoch."""
    held_out = None if measured is None else measured.loss
    accuracy = None if measured is None else measured.accuracy
    return Epoch(number, loss, held_out, accuracy, rate, seconds)


@dataclass(frozen=True)
class Job:
    """What is to be done in one call of `fit` or `partial_fit`.

    Attributes
    ----------
    rows : Rows
    batch_size : int
    epochs : int
    orders : callable
        Returns the order of the rows in the next epoch.
    settings : Settings
    measure : callable or None
        Of a network: its `Measurement` on the validation rows.
    worth : callable
        Of a network: its `Measurement` on the training rows, asked for after a divergence.
    watches_score : bool
        Whether the validation score decides when to stop, and the best network is restored.
    incremental : bool
        Whether further calls are to go on: the best network is restored only where patience has ended.
    seed : int
        Of dropout.
    time_limit : float or None
    report : callable
        Called with a line of text that tells of an epoch.
    display : Display
    callbacks : sequence of Callback
    """

    rows: Rows
    batch_size: int
    epochs: int
    orders: Callable[[], Array]
    settings: Settings
    measure: Callable[[Any], Measurement] | None
    worth: Callable[[Any], Measurement]
    watches_score: bool
    incremental: bool
    seed: int
    time_limit: float | None
    report: Callable[[str], None]
    display: Display
    callbacks: Sequence[Callback]


@dataclass
class Run:
    """How far the training of a network has come; it lives through calls of `partial_fit`.

    Attributes
    ----------
    program : StepProgram
    carry : tuple of array
        Replaced as a whole, so that Ctrl-C finds the moment before a step or the one after it.
    patience : Patience
    rate : Rate
    history : History
        Of all epochs since the network was drawn.
    scores : list of float
        Validation scores of these epochs.
    rows_seen, steps : int
    best : tuple of array or None
        The carry after the epoch with the best score or the lowest training loss.
    divergence : Divergence or None
    final_loss : float or None
        Where the optimiser says so itself (L-BFGS).
    epochs_of_this_call : int
    """

    program: StepProgram
    carry: Carry
    patience: Patience
    rate: Rate
    history: History = field(default_factory=History)
    scores: list[float] = field(default_factory=list)
    rows_seen: int = 0
    steps: int = 0
    best: Carry | None = None
    divergence: Divergence | None = None
    final_loss: float | None = None
    epochs_of_this_call: int = 0

    def __getstate__(self) -> dict[str, Any]:
        # Machine code stays behind; a form and a network are enough to find it again.
        net = self.program.unflatten(self.carry)[0]
        return {**vars(self), "program": (self.program.form, net)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update({**state, "program": step_program(*state["program"])})

    def loss(self) -> float:
        """Return the loss of the last epoch; NaN where none has ended."""
        if self.final_loss is not None:
            return self.final_loss
        return float(self.history[-1].loss) if len(self.history) else math.nan

    def network(self, carry: Carry | None = None) -> Any:
        """Return the network of a carry, or as it is now."""
        return self.program.network(self.carry if carry is None else carry)


def train(run: Run, job: Job) -> str:
    """Train for some epochs and return why they ended.

    Returns
    -------
    str
        ``"epochs"``, ``"no improvement"``, ``"time limit"``, ``"interrupted"``, ``"diverged"`` or the reason
        of a callback.
    """
    loop = _Loop(run, job)
    start = run.carry
    for callback in job.callbacks:
        callback.on_train_begin(loop.state())
    stop = Stop("epochs")
    try:
        stop = loop.run_epochs()
    except KeyboardInterrupt:
        loop.stepper.catch_up()
        loop.take_over()
        stop = Stop("interrupted")
    except Diverged as error:
        run.divergence = error.divergence
        moments = [start, start if run.best is None else run.best, run.carry]
        run.best = moments[_soundest([run.network(one) for one in moments], job.measure or job.worth)]
        stop = Stop("diverged", restore_best=True)
    finally:
        job.display.close()
    ended = not job.incremental or stop.reason == "no improvement"
    if (stop.restore_best or (job.watches_score and ended)) and run.best is not None:
        run.carry = run.best
    for callback in job.callbacks:
        callback.on_train_end(loop.state())
    return stop.reason


def _soundest(networks: list[Any], measure: Callable[[Any], Measurement]) -> int:
    """Return which network has the lowest loss.

    The last one before a divergence is finite and can be absurd all the same; and the loss of an epoch tells
    of the networks before its steps.
    """
    losses = [measure(net).loss for net in networks]
    return int(np.argmin(np.nan_to_num(losses, nan=np.inf)))


def divergence_text(divergence: Divergence) -> str:
    """Return what happened, what was done about it, and what to try, in the estimators' own terms."""
    rate = divergence.learning_rate
    smaller = "" if rate is None else f"learning_rate_init={rate / 10:.2g} in place of {rate:.2g}, or "
    return (
        f"training diverged at step {divergence.step} (epoch {divergence.epoch}): {divergence.explanation}; "
        f"the best weights were kept. Try {smaller}scaled features and targets, or grad_clip_norm=1"
    )


class _Loop:
    """One call of `train`."""

    def __init__(self, run: Run, job: Job) -> None:
        self.now, self.job = run, job
        run.epochs_of_this_call = 0
        self.bounds = batch_bounds(len(job.rows), job.batch_size)
        self.rate = run.rate.now
        run.carry = run.program.with_settings(run.carry, replace(job.settings, rate=self.rate))
        position = Position(run.carry, run.steps)
        initial = run.carry[: run.program.network_count]
        self.stepper = Stepper(run.program, job.rows, self.bounds, random.key(job.seed), position, initial)
        self.begin = time.perf_counter()
        self.elapsed_before = run.history[-1].seconds if len(run.history) else 0.0
        self.end = math.inf if job.time_limit is None else self.begin + job.time_limit
        self.next_show = self.begin
        self.wanted = len(run.history) + job.epochs

    def state(self) -> TrainingState:
        """Return what callbacks see."""
        run = self.now
        return TrainingState(run.network(), run.history, self.wanted, run.steps, len(self.bounds))

    def run_epochs(self) -> Stop:
        """Run epochs until something ends them; raise `Diverged` where they stop making sense."""
        if self.now.best is None:
            self.now.best = self.now.carry
        self.stepper.compile()
        for _ in range(self.job.epochs):
            self.set_rate()
            for callback in self.job.callbacks:
                callback.on_epoch_begin(self.state())
            with np.errstate(all="ignore"):
                complete = self.epoch()
            self.take_over()
            if not complete:
                return Stop("time limit")
            stop = self.end_epoch(self.stepper.position.loss_sum / len(self.job.rows))
            if stop is not None:
                return stop
        return Stop("epochs")

    def set_rate(self) -> None:
        """Go on with the learning rate as it is now."""
        if self.rate != self.now.rate.now:
            self.rate = self.now.rate.now
            settings = replace(self.job.settings, rate=self.rate)
            self.stepper.replace(self.now.program.with_settings(self.stepper.position.carry, settings))

    def take_over(self) -> None:
        """Make what the stepper has reached the state of the run."""
        self.now.carry, self.now.steps = self.stepper.position.carry, self.stepper.position.steps

    def epoch(self) -> bool:
        """Take the steps of one epoch; return whether there was time for all."""
        order = self.job.orders()
        begin = self.stepper.taken
        try:
            while True:
                now = time.perf_counter()
                if now >= self.end:
                    self.stepper.settle()
                    return False
                if self.stepper.take(order, begin, min(self.end - now, self.show(now))):
                    return True
        except Unsound as error:
            self.diverged(error.layer, error.operation, error.explanation)
        return False

    def end_epoch(self, loss: float) -> Stop | None:
        """Measure, note what the epoch was worth, and tell the callbacks."""
        run, job = self.now, self.job
        first_loss = self.stepper.position.first_loss
        if first_loss is not None and loss > first_loss and self.stepper.out_of_proportion():
            arrays = run.carry[: run.program.network_count]
            layer, text = explain_growth(run.program.names, arrays, (first_loss, loss))
            self.diverged(layer, None, text)
        run.rows_seen += len(job.rows)
        run.epochs_of_this_call += 1
        measured = None if job.measure is None else job.measure(run.network())
        seconds = self.elapsed_before + time.perf_counter() - self.begin
        number = len(run.history) + 1
        run.history = run.history.appended(epoch_record(number, loss, measured, run.rate.now, seconds))
        job.report(f"Iteration {number}, loss = {loss:.8f}")
        value = loss
        if measured is not None:
            run.scores.append(measured.score)
            job.report(f"Validation score: {measured.score:f}")
            if job.watches_score:
                value = -measured.score
        if run.patience.note(value):
            run.best = run.carry
        run.rate.epoch_ends(run.rows_seen)
        return self.asked_to_stop()

    def asked_to_stop(self) -> Stop | None:
        """Ask patience and callbacks."""
        run, job = self.now, self.job
        stop: Stop | None = None
        if run.patience.exhausted:
            if run.rate.lowered():
                run.patience.count = 0
                job.report(f"No improvement; the learning rate is now {run.rate.now:g}")
            else:
                stop = Stop("no improvement")
        for callback in job.callbacks:
            stop = callback.on_epoch_end(self.state()) or stop
        return stop

    def show(self, now: float) -> float:
        """Show how far training has come, if it is time for that; return in how many seconds it is again."""
        if now >= self.next_show:
            done = 1 - (self.wanted - len(self.now.history)) / self.job.epochs
            self.next_show = now + self.job.display.show(done, self.now.history)
        return self.next_show - now

    def diverged(self, layer: str | None, operation: str | None, explanation: str) -> None:
        """Raise `Diverged`, with the rate at which it happened."""
        self.take_over()
        epoch = len(self.now.history) + 1
        step = self.now.steps + 1
        raise Diverged(Divergence(step, epoch, layer, operation, self.now.rate.now, explanation))
