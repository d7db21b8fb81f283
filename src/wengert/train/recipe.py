"""A way to train: network, loss, optimiser and all that has to suit them, kept together."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from wengert.optim import LBFGS, Optimiser
from wengert.run import Executor
from wengert.train.calibration import calibrated
from wengert.train.callbacks import Callback, Stop, TrainingState
from wengert.train.fit import FitResult, fit
from wengert.train.steps.objective import Loss, Penalty


@dataclass
class BestEpoch(Callback):
    """Remember the network of the epoch with the lowest validation loss among some; of several, the last.

    The loss is that of training where there are no validation rows.

    Attributes
    ----------
    among : tuple of int
        Numbers of the epochs that come into question.
    calibrate : callable, optional
        Gives of a network another, which is remembered, and the loss of that, which is compared.
    network : Module or None
        None until one of them has ended.
    epoch : int or None
        Its number.
    """

    among: tuple[int, ...]
    calibrate: Callable[[Any], tuple[Any, float]] | None = None
    network: Any = field(default=None, init=False, repr=False)
    epoch: int | None = field(default=None, init=False)
    _lowest: float = field(default=math.inf, init=False, repr=False)

    def on_epoch_end(self, state: TrainingState) -> Stop | None:
        """Compare the epoch with the best so far."""
        last = state.history[-1]
        if last.epoch in self.among:
            calibrate = self.calibrate or (lambda net: (net, last.monitored))
            network, loss = calibrate(state.net)
            if loss <= self._lowest:
                self.network, self.epoch, self._lowest = network, last.epoch, loss
        return None


@dataclass(frozen=True)
class Recipe:
    """The arguments of `fit` other than the rows.

    Attributes
    ----------
    network : Module
        Initialised.
    loss, optimizer, epochs, batch_size, penalty, early_stopping, callbacks
        As for `fit`.
    snapshots : tuple of int
        Numbers of the epochs of which the best gives the result, as `BestEpoch` has it, whatever ended the
        training after the first of them. Where there are none, the result is that of `fit`.
    calibration : {"classes", "labels"}, optional
        Whether the result is calibrated on the validation rows, and the best epoch is chosen by the loss
        after that (`wengert.train.calibration`): outputs are logits of classes of which one excludes the
        others, or of labels.
    """

    network: Any
    loss: str | Loss
    optimizer: Optimiser | LBFGS
    epochs: int
    batch_size: int | None = None
    penalty: Penalty | None = None
    early_stopping: int | None = None
    callbacks: tuple[Callback, ...] = ()
    snapshots: tuple[int, ...] = ()
    calibration: str | None = None

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
        calibrate = None
        if self.calibration is not None and validation_data is not None:
            independent = self.calibration == "labels"

            def calibrate(net: Any) -> tuple[Any, float]:
                return calibrated(net, *validation_data, independent=independent, executor=executor)

        best = BestEpoch(self.snapshots, calibrate)
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
        if best.network is None:
            return result if calibrate is None else replace(result, net=calibrate(result.net)[0])
        return replace(result, net=best.network, best_epoch=best.epoch)
