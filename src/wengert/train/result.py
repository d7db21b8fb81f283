"""What training gave: a run taken to its end, and what there is to warn of."""

from __future__ import annotations

import contextlib
import warnings
from dataclasses import dataclass
from typing import Any

from wengert.errors import DivergenceWarning, InterruptionWarning
from wengert.run import Executor
from wengert.run.numpy.blas_threads import one_blas_thread
from wengert.train.bagging.blending import UnseenLosses
from wengert.train.callbacks import best_epoch
from wengert.train.full_batch import FullBatch
from wengert.train.history import History
from wengert.train.loop import Loop
from wengert.train.outcome import run_to_end
from wengert.train.progress import Display
from wengert.train.steps.divergence import Divergence

_WORTH_SHARING = 4_000_000  # operations of the largest product of a step; below, one thread computes it


@dataclass(frozen=True)
class FitResult:
    """What training gave.

    Attributes
    ----------
    net : Module
        Trained. Of the best epoch where early stopping ended the run, or where it was cut short and there are
        validation rows; of the last step otherwise. After a divergence, the best finite parameters there are.
    history : History
        One record for each epoch that was completed.
    stopped : str
        ``"epochs"``, ``"early stopping"``, ``"time limit"``, ``"interrupted"``, ``"diverged"``, the reason
        that a callback gave, or for L-BFGS ``"converged"`` or ``"no further progress"``.
    steps : int
    best_epoch : int or None
        Number of the epoch with the lowest validation loss (training loss without validation rows).
    divergence : Divergence or None
        What happened, at which step and in which layer.
    optimizer_state : tree of arrays
        The optimiser's state after the last step.
    unseen : UnseenLosses or None
        Of a `Recipe` that blends: the losses of what was blended.
    unseen_outputs : (array of int, array), or None
        Of a `Recipe` with a bag: positions of rows, and what the result says of each by members that have not
        seen it, shape (rows, outputs).
    executor : str, Executor or None
        Of a `Recipe`: what took the steps.
    """

    net: Any
    history: History
    stopped: str
    steps: int
    best_epoch: int | None
    divergence: Divergence | None
    optimizer_state: Any
    unseen: UnseenLosses | None = None
    unseen_outputs: tuple[Any, Any] | None = None
    executor: str | Executor | None = None


def finished(training: Loop | FullBatch, display: Display) -> FitResult:
    """Run to whatever end and return the result."""
    with one_blas_thread() if _is_small(training) else contextlib.nullcontext():
        outcome = run_to_end(training, display)
    state, step = outcome.state, training.step
    leading = best_epoch(state.history)
    return FitResult(
        net=step.net(training.network()),
        history=state.history,
        stopped=outcome.reason,
        steps=state.steps if isinstance(training, Loop) else len(state.history),
        best_epoch=None if leading is None else leading.epoch,
        divergence=outcome.divergence,
        optimizer_state=step.optimizer_state(state.carry),
    )


def _is_small(training: Loop | FullBatch) -> bool:
    if isinstance(training, FullBatch):
        return False
    largest = max(array.size for array in training.step.initial)
    return 2 * training.plan.batch_size * largest < _WORTH_SHARING


def warn_of(result: FitResult) -> None:
    """Warn of a divergence or an interruption, attributed to the caller of `fit`."""
    if result.divergence is not None:
        kept = "the best finite parameters were kept"
        warnings.warn(f"{result.divergence}; {kept}", DivergenceWarning, stacklevel=3)
    elif result.stopped == "interrupted":
        done = f"{len(result.history)} epochs and {result.steps} steps"
        warnings.warn(
            f"training was interrupted after {done}; the result is usable", InterruptionWarning, stacklevel=3
        )
