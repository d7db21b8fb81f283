"""A run from its begin to whatever ends it, of `fit` and of the estimators."""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass
from typing import Protocol

from wengert.train.callbacks import Stop, TrainingState
from wengert.train.evaluation import NetworkEvaluator
from wengert.train.plan import Plan
from wengert.train.progress import Display
from wengert.train.steps.divergence import Diverged, Divergence
from wengert.train.steps.state import Carry, State
from wengert.train.steps.step import TrainingStep


class Training(Protocol):
    """A run in progress: `Loop`, or `FullBatch` for L-BFGS."""

    plan: Plan
    step: TrainingStep
    evaluator: NetworkEvaluator
    initial_network: Carry
    state: State

    def network(self) -> Carry:
        """Return the arrays of the network that predicts as it is now."""
        ...

    def seen(self) -> TrainingState:
        """Return what callbacks see."""
        ...

    def run(self, display: Display) -> Stop:
        """Train until something ends it, and return what; raise `Diverged`."""
        ...

    def catch_up(self) -> None:
        """Move `state` to the last step taken, unless something is wrong there."""
        ...

    def save(self) -> None:
        """Write the checkpoint, if there is to be one."""
        ...


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes
    ----------
    state : State
        With the network that is the result.
    reason : str
    divergence : Divergence or None
    """

    state: State
    reason: str
    divergence: Divergence | None


def run_to_end(training: Training, display: Display) -> Outcome:
    """Run to whatever end, tell the callbacks, save, and put the best network in place where it is wanted.

    Raises
    ------
    ModelFileError
        When another process has the checkpoint.
    """
    checkpoint = training.plan.checkpoint
    with contextlib.nullcontext() if checkpoint is None else checkpoint.claimed():
        return _run_to_end(training, display)


def _run_to_end(training: Training, display: Display) -> Outcome:
    plan = training.plan
    divergence: Divergence | None = None
    for callback in plan.callbacks:
        callback.on_train_begin(training.seen())
    try:
        stop = training.run(display)
    except KeyboardInterrupt:
        training.catch_up()
        stop = Stop("interrupted")
    except Diverged as error:
        stop, divergence = Stop("diverged"), error.divergence
    finally:
        display.close()
    best = training.state.best
    if divergence is not None:
        best = _soundest(training)
    else:
        training.save()
    restores = divergence is not None or stop.restore_best or plan.rules.restores_best(stop.reason)
    if restores and best is not None:
        carry = training.step.with_predicting(training.state.carry, best)
        training.state = training.state._replace(carry=carry)
    for callback in plan.callbacks:
        callback.on_train_end(training.seen())
    return Outcome(training.state, stop.reason, divergence)


def _soundest(training: Training) -> Carry:
    """Return the parameters with the lowest loss: the last, those of the best epoch, or the first.

    The last ones before a divergence are finite and can be absurd all the same.
    """
    plan, best = training.plan, training.state.best
    rows = plan.rows if plan.validation is None else plan.validation
    candidates = [training.initial_network, training.network(), *([] if best is None else [best])]
    losses = [training.evaluator(candidate, rows).loss for candidate in candidates]
    # NaN compares false, so a candidate whose loss is not a number never wins.
    chosen = candidates[0]
    lowest = math.inf
    for candidate, loss in zip(candidates, losses, strict=True):
        if loss < lowest:
            chosen, lowest = candidate, loss
    return chosen
