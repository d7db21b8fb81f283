"""Training of an estimator: the loop of `wengert.train` under scikit-learn's rules, through many calls."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from wengert import nn
from wengert.estimators.fitting.plan import RowOrders, at_rate, training_step
from wengert.estimators.fitting.stopping import Patience, Rate
from wengert.optim import LBFGS
from wengert.train.callbacks import Stop
from wengert.train.evaluation import Evaluation, NetworkEvaluator
from wengert.train.full_batch import FullBatch
from wengert.train.history import Epoch, History
from wengert.train.loop import Loop
from wengert.train.outcome import run_to_end
from wengert.train.plan import Plan
from wengert.train.progress import Display
from wengert.train.steps.divergence import Divergence
from wengert.train.steps.state import State
from wengert.train.steps.step import StepRule, TrainingStep

Array = np.ndarray[Any, Any]


@dataclass
class Run:
    """How far the training of a network has come; it lives through calls of `partial_fit`.

    Attributes
    ----------
    step : TrainingStep
    state : State
        Its best network is that with the best score or the lowest training loss.
    patience : Patience
    rate : Rate
    rows_seen : int
    divergence : Divergence or None
    final_loss : float or None
        Where the optimiser says so itself (L-BFGS).
    epochs_of_this_call : int
    executor : str or Executor
        Of the step, as it was given.
    """

    step: TrainingStep
    state: State
    patience: Patience
    rate: Rate
    rows_seen: int = 0
    divergence: Divergence | None = None
    final_loss: float | None = None
    epochs_of_this_call: int = 0
    executor: Any = "llvm"

    def __getstate__(self) -> dict[str, Any]:
        # Machine code is not pickled; a form and a network are enough to find it again.
        return {**vars(self), "step": (self.step.rule, self.step.net(self.state.carry), self.executor)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update({**state, "step": training_step(*state["step"])})

    @property
    def history(self) -> History:
        """Of all epochs since the network was drawn."""
        return self.state.history

    @property
    def scores(self) -> list[float]:
        """Validation scores of these epochs."""
        return list(self.state.scores)

    def loss(self) -> float:
        """Return the loss of the last epoch; NaN where none has ended."""
        if self.final_loss is not None:
            return self.final_loss
        return float(self.history[-1].loss) if len(self.history) else math.nan

    def network(self) -> Any:
        """Return the network that predicts as it is now."""
        return self.step.net(self.step.predicting(self.state.carry))

    def put_in(self, network: Any) -> None:
        """Go on with other weights."""
        self.state = self.state._replace(carry=self.step.with_network(self.state.carry, network))


@dataclass
class MLPRules:
    """scikit-learn's rules: its orders, its rates, and its patience with the loss or a score.

    Attributes
    ----------
    initial_rule : StepRule
        At the rate with which the run began.
    run : Run
        What is remembered lives there.
    rows : int
    orders : RowOrders
        Asked once an epoch.
    watches_score : bool
        Whether the validation score decides when to stop, and the best network is restored.
    incremental : bool
        Whether further calls are to go on: the best network is restored only where patience has ended.
    report : callable, optional
        Called with a line of text on each epoch.
    """

    initial_rule: StepRule
    run: Run
    rows: int
    orders: RowOrders
    watches_score: bool
    incremental: bool
    report: Callable[[str], None] | None

    def __post_init__(self) -> None:
        self._rule = self.run.rate.initial, self.initial_rule
        self._searches = isinstance(self.initial_rule.optimizer, LBFGS)

    @property
    def step_rule(self) -> StepRule:
        """The rule at the rate of the next epoch."""
        rate = self.run.rate.now
        if not self._searches and self._rule[0] != rate:
            self._rule = rate, at_rate(self.initial_rule, rate)
        return self._rule[1]

    def order(self, epoch: int) -> Array:
        """Return the order that is drawn next."""
        return self.orders()

    def learning_rate(self, step: int) -> float | None:
        """Return the rate of this epoch, before any schedule of the steps."""
        return None if self._searches else self.run.rate.now

    def note(self, epoch: Epoch, measured: Evaluation | None) -> tuple[bool, Stop | None]:
        """Ask patience, and lower the rate where there is one to lower."""
        score = None if measured is None else measured.score
        if self.report is not None:
            self.report(f"Iteration {epoch.epoch}, loss = {epoch.loss:.8f}")
            if score is not None and not self._searches:
                self.report(f"Validation score: {score:f}")
        return self._note(epoch.loss, score)

    def _note(self, loss: float, score: float | None) -> tuple[bool, Stop | None]:
        run = self.run
        is_best = run.patience.note(-score if self.watches_score and score is not None else loss)
        if self._searches:
            return is_best, None
        run.rows_seen += self.rows
        run.rate.epoch_ends(run.rows_seen)
        if not run.patience.exhausted:
            return is_best, None
        if not run.rate.lowered():
            return is_best, Stop("no improvement")
        run.patience.count = 0
        if self.report is not None:
            self.report(f"No improvement; the learning rate is now {run.rate.now:g}")
        return is_best, None

    def restores_best(self, reason: str) -> bool:
        """Return whether the score decided, and training is over."""
        return self.watches_score and (not self.incremental or reason == "no improvement")

    def resume(self, state: State) -> None:
        """Note the epochs that are new, and draw their orders."""
        known = len(self.run.history)
        epochs = list(state.history)[known:]
        scores: list[float | None] = [*state.scores[len(self.run.scores) :]] or [None] * len(epochs)
        for epoch, score in zip(epochs, scores, strict=True):
            self.orders()
            self._note(epoch.loss, score)

    def identity(self) -> dict[str, str]:
        """Return order and stopping rules; the seed is known by the initial parameters."""
        stopping = f"{self.run.patience}, {self.run.rate}, score {self.watches_score}"
        return {"shuffle": str(self.orders), "stopping": stopping}


def train(run: Run, plan: Plan, evaluator: NetworkEvaluator, display: Display) -> str:
    """Train as a plan says, take over what it gave, and return why it ended.

    Returns
    -------
    str
        As `FitResult.stopped`, with ``"no improvement"`` where patience ended.
    """
    step, before = run.step, len(run.history)
    state = run.state
    if state.best is None:
        state = state._replace(best=step.predicting(state.carry))
    run.epochs_of_this_call = 0
    training: Loop | FullBatch
    if isinstance(step.rule.optimizer, LBFGS):
        parameters = nn.parameters(step.net(state.carry))
        # scikit-learn packs all weights first, then all biases.
        order = sorted(parameters, key=lambda path: np.ndim(parameters[path]) == 1)
        carry = step.with_settings(state.carry, plan.rules.step_rule)
        training = FullBatch(plan, step, evaluator, state._replace(carry=carry), order)
    else:
        training = Loop(plan, step, evaluator, state)
    outcome = run_to_end(training, display)
    reason = outcome.reason
    if isinstance(training, FullBatch):
        run.final_loss = None if training.minimum is None else training.minimum.value
        # Whatever keeps the search from converging is the end of its iterations, as in scikit-learn.
        reason = "epochs" if reason == "no further progress" else reason
    run.divergence = outcome.divergence or run.divergence
    seconds = outcome.state.history[-1].seconds if len(outcome.state.history) else 0.0
    # The next call begins an epoch of its own rows.
    run.state = State(
        carry=tuple(outcome.state.carry),
        steps=outcome.state.steps,
        history=outcome.state.history,
        best=None if outcome.state.best is None else tuple(outcome.state.best),
        scores=outcome.state.scores,
        seconds=seconds,
    )
    run.epochs_of_this_call = len(run.history) - before
    return reason


def divergence_text(divergence: Divergence) -> str:
    """Return what happened, what was done about it, and what to try, in the estimators' own terms."""
    rate = divergence.learning_rate
    smaller = "" if rate is None else f"learning_rate_init={rate / 10:.2g} in place of {rate:.2g}, or "
    return (
        f"training diverged at step {divergence.step} (epoch {divergence.epoch}): {divergence.explanation}; "
        f"the best weights were kept. Try {smaller}scaled features and targets, or grad_clip_norm=1"
    )
