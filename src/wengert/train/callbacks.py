"""Callbacks: what a caller can do between epochs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from wengert.checks import is_integer
from wengert.errors import ConfigurationError
from wengert.train.history import Epoch, History


@dataclass(frozen=True)
class TrainingState:
    """What a callback sees.

    Attributes
    ----------
    net : Module
        With the current parameters.
    history : History
        Of all epochs that have ended.
    epochs : int
        How many are to be run in all.
    step : int
        How many steps have been taken.
    steps_per_epoch : int
    """

    net: Any
    history: History
    epochs: int
    step: int
    steps_per_epoch: int


class StateOfRun(TrainingState):
    """A state whose network is put together when a callback first looks at it.

    Parameters
    ----------
    make : callable
        Gives the network.
    others : dict of str to object
        The other attributes.
    """

    def __init__(self, make: Callable[[], Any], **others: Any) -> None:
        vars(self).update(others, _make=make)

    @cached_property
    def net(self) -> Any:
        """The network with the parameters of that time."""
        make: Callable[[], Any] = vars(self)["_make"]
        return make()


@dataclass(frozen=True, slots=True)
class Stop:
    """Returned by `Callback.on_epoch_end` to end the training.

    Attributes
    ----------
    reason : str
        Becomes `FitResult.stopped`.
    restore_best : bool
        Whether the result has the weights of the best epoch and not those of the last.
    """

    reason: str
    restore_best: bool = False


class Callback:
    """Base class of callbacks; each method does nothing until it is overridden."""

    def on_train_begin(self, state: TrainingState) -> None:
        """Before the first step, or the first after resuming from a checkpoint."""

    def on_epoch_begin(self, state: TrainingState) -> None:
        """Before each epoch."""

    def on_epoch_end(self, state: TrainingState) -> Stop | None:
        """After each epoch; a `Stop` ends the training."""
        return None

    def on_train_end(self, state: TrainingState) -> None:
        """After the last step, also when the training was interrupted or has diverged."""


@dataclass
class EarlyStopping(Callback):
    """Stop when the loss has not improved for some epochs, and restore the weights of the best one.

    The loss on the validation rows decides, or that of training where there are none.

    Attributes
    ----------
    patience : int
        How many epochs without improvement to wait for one.
    min_delta : float
        By how much the loss must fall below the best one to count as an improvement.
    """

    patience: int = 10
    min_delta: float = 0.0
    _last_improvement: Epoch | None = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not is_integer(self.patience, 1):
            raise ConfigurationError(f"patience is a number of epochs, 1 or more, got {self.patience!r}")
        if not 0 <= self.min_delta < float("inf"):
            raise ConfigurationError(f"min_delta is a number, 0 or more, got {self.min_delta!r}")

    def on_train_begin(self, state: TrainingState) -> None:
        """Read the history of the run resumed, so that this one stops where an uninterrupted one does."""
        self._last_improvement = None
        for epoch in state.history:
            self._note(epoch)

    def on_epoch_end(self, state: TrainingState) -> Stop | None:
        """Stop after `patience` epochs without improvement."""
        last = self._note(state.history[-1])
        if len(state.history) - last.epoch >= self.patience:
            return Stop("early stopping", restore_best=True)
        return None

    def _note(self, epoch: Epoch) -> Epoch:
        """Return the last epoch that was an improvement, of those seen so far."""
        before = self._last_improvement
        if before is None or epoch.monitored < before.monitored - self.min_delta:
            self._last_improvement = before = epoch
        return before


def best_epoch(history: History) -> Epoch | None:
    """Return the first epoch with the lowest monitored loss."""
    return min(history, key=lambda epoch: epoch.monitored, default=None)
