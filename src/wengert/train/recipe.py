"""A way to train: network, loss, optimiser and all that has to suit them, kept together."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

from wengert.optim import LBFGS, Optimiser
from wengert.run import Executor
from wengert.train.callbacks import Callback, Stop, TrainingState
from wengert.train.fit import FitResult, fit
from wengert.train.objective import Loss, Penalty


@dataclass
class BestEpoch(Callback):
    """Remember the network of the epoch with the lowest validation error; of several, the last.

    The error is that of classification where there is one, else the loss; that of training where there are
    no validation rows.

    Attributes
    ----------
    network : Module or None
        None until an epoch has ended.
    epoch : int or None
        Its number.
    """

    network: Any = field(default=None, init=False, repr=False)
    epoch: int | None = field(default=None, init=False)
    _lowest: float = field(default=math.inf, init=False, repr=False)

    def on_epoch_end(self, state: TrainingState) -> Stop | None:
        """Compare the epoch with the best so far."""
        last = state.history[-1]
        error = last.monitored if last.validation_accuracy is None else 1 - last.validation_accuracy
        if error <= self._lowest:
            self.network, self.epoch, self._lowest = state.net, last.epoch, error
        return None


@dataclass(frozen=True)
class Recipe:
    """What `fit` is to be told, but for the rows.

    Attributes
    ----------
    network : Module
        Initialised.
    loss, optimizer, epochs, batch_size, penalty, early_stopping, callbacks
        As for `fit`.
    by_error : bool
        Whether the result is the network of the epoch with the lowest validation error, as `BestEpoch` has
        it, whatever ended the training.
    """

    network: Any
    loss: str | Loss
    optimizer: Optimiser | LBFGS
    epochs: int
    batch_size: int | None = None
    penalty: Penalty | None = None
    early_stopping: int | None = None
    callbacks: tuple[Callback, ...] = ()
    by_error: bool = False

    def fit(
        self,
        X: Any,
        y: Any,
        *,
        sample_weight: Any = None,
        validation_data: tuple[Any, ...] | None = None,
        callbacks: tuple[Callback, ...] = (),
        seed: int = 0,
        time_limit: float | None = None,
        executor: str | Executor = "llvm",
        progress: bool | str = "auto",
    ) -> FitResult:
        """Train by this recipe; parameters, errors and warnings as `fit`."""
        best = BestEpoch()
        result = fit(
            self.network,
            X,
            y,
            loss=self.loss,
            optimizer=self.optimizer,
            epochs=self.epochs,
            batch_size=self.batch_size,
            sample_weight=sample_weight,
            validation_data=validation_data,
            penalty=self.penalty,
            early_stopping=self.early_stopping,
            callbacks=(*self.callbacks, *callbacks, best),
            seed=seed,
            time_limit=time_limit,
            executor=executor,
            progress=progress,
        )
        if not self.by_error or best.network is None:
            return result
        return replace(result, net=best.network, best_epoch=best.epoch)
