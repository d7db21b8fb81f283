"""A way to train: network, loss, optimiser and all that has to suit them, kept together."""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from wengert.errors import DivergenceWarning
from wengert.optim import LBFGS, Optimiser
from wengert.run import Executor
from wengert.train.bagging.bag import Bag
from wengert.train.bagging.blending import blended_classes, blended_numbers
from wengert.train.bagging.calibration import calibrated, without_calibration
from wengert.train.bagging.straight_line import MOST_COLUMNS, straight_line
from wengert.train.callbacks import Callback, Stop, TrainingState
from wengert.train.evaluation import predict
from wengert.train.fit import fit
from wengert.train.history import History
from wengert.train.result import FitResult
from wengert.train.steps.objective import Loss, Objective, Penalty, find_loss

# Fewer rows are not divided among the members: a score of so few does not distinguish one epoch from another.
_ROWS_A_MEMBER = 2
# The part of a time limit that is spent on measuring the speed of steps, the most seconds that takes, and the
# part of the rest that is planned for steps, since their speed varies.
_TRIAL, _LONGEST_TRIAL, _USED = 0.1, 2.0, 0.9


class Assessment(NamedTuple):
    """How good a network is on rows that it has not seen.

    Attributes
    ----------
    network : Module
        The one that may be the result, such as the network with its calibration.
    loss : float
        Of that; what is compared.
    measured : float
        The loss of training, of the network as it is.
    """

    network: Any
    loss: float
    measured: float


@dataclass
class BestEpoch(Callback):
    """Remember the network of the epoch with the lowest validation loss among some; of several, the last.

    The loss is that of training where there are no validation rows.

    Attributes
    ----------
    among : tuple of int
        Numbers of the epochs that come into question.
    assess : callable, optional
        Gives the `Assessment` of a network, in place of the monitored loss.
    network : Module or None
        None until one of them has ended.
    epoch : int or None
        Its number.
    measured : dict
        For each epoch that was compared, by its number, what the assessment measured.
    """

    among: tuple[int, ...]
    assess: Callable[[Any], Assessment] | None = None
    network: Any = field(default=None, init=False, repr=False)
    epoch: int | None = field(default=None, init=False)
    measured: dict[int, float] = field(default_factory=dict, init=False, repr=False)
    _lowest: float = field(default=math.inf, init=False, repr=False)

    def on_epoch_end(self, state: TrainingState) -> Stop | None:
        """Compare the epoch with the best so far."""
        last = state.history[-1]
        if last.epoch in self.among:
            assess = self.assess or (lambda net: Assessment(net, last.monitored, last.monitored))
            found = assess(state.net)
            self.measured[last.epoch] = found.measured
            if found.loss <= self._lowest:
                self.network, self.epoch, self._lowest = found.network, last.epoch, found.loss
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
        Whether the result is calibrated on rows that were not learnt from, and the best epoch is chosen by
        the loss after that (`wengert.train.bagging.calibration`): outputs are logits of classes of which one
        excludes the others, or of labels.
    members : int
        Of the ensemble in the network. Where there are no validation rows, each of them is blind to a part of
        the rows (`Bag`), and calibration and choice rest on what it says of that part. 0 for no ensemble.
    numbers : int
        How many columns of the features, from the left, are numbers. With such a bag, a network of logits or
        of standardised numbers is blended with a linear model of them (`wengert.train.bagging.blending`). 0
        for none.
    of_epochs : callable, optional
        Gives the same recipe for another number of epochs: a time limit shortens the schedule, so that it is
        gone through to its end. Without it, a time limit cuts it off.
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
    members: int = 0
    numbers: int = 0
    of_epochs: Callable[[int], Recipe] | None = None

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
        """Train by this recipe; parameters, errors and warnings as `fit`.

        The history has a validation loss for the epochs of `snapshots`, also where it is that of a bag.
        """
        bag = None
        counting = len(y) if sample_weight is None else np.count_nonzero(sample_weight)
        if validation_data is None and self.members and counting >= _ROWS_A_MEMBER * self.members:
            bag = Bag.draw(self.members, len(y), self._strata(y, sample_weight), seed)
        assess = self._assessment(bag, (X, y, sample_weight), validation_data, executor)
        common = {
            "sample_weight": sample_weight,
            "validation_data": validation_data,
            "shuffle": True if bag is None else bag.order,
            "seed": seed,
            "executor": executor,
        }
        recipe, left, ended = self._within(time_limit, X, y, common)
        best = BestEpoch(recipe.snapshots, assess)
        result = ended or recipe._fit(
            X, y, **common, callbacks=(*callbacks, best), time_limit=left, progress=progress
        )
        if recipe is not self and result.stopped == "epochs":
            result = replace(result, stopped="time limit")
        if bag is not None:
            epochs = [replace(one, validation_loss=best.measured.get(one.epoch)) for one in result.history]
            result = replace(result, history=History(epochs))
        if best.network is not None:
            result = replace(result, net=best.network, best_epoch=best.epoch)
        elif assess is not None:
            result = replace(result, net=assess(result.net).network)
        return result if bag is None else self._blended(result, bag, (X, y, sample_weight), executor)

    def _fit(self, X: Any, y: Any, *, callbacks: tuple[Callback, ...], **options: Any) -> FitResult:
        return fit(
            self.network,
            X,
            y,
            loss=self.loss,
            optimizer=self.optimizer,
            epochs=self.epochs,
            batch_size=self.batch_size,
            penalty=self.penalty,
            early_stopping=self.early_stopping,
            callbacks=(*self.callbacks, *callbacks),
            **options,
        )

    def _within(
        self, limit: float | None, X: Any, y: Any, options: dict[str, Any]
    ) -> tuple[Recipe, float | None, FitResult | None]:
        """Return the recipe of as many epochs as a time limit allows, by a trial, and the time that is left.

        And the trial, where Ctrl-C ended it.
        """
        if limit is None or self.of_epochs is None:
            return self, limit, None
        trial = min(_TRIAL * limit, _LONGEST_TRIAL)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DivergenceWarning)  # it will come again
            tried = self._fit(X, y, callbacks=(), time_limit=trial, progress=False, **options)
        if tried.stopped == "interrupted":
            return self, limit, tried
        if tried.stopped != "time limit":
            return self, limit, None
        steps = _USED * (limit - trial) * tried.steps / trial
        affordable = max(1, int(steps / math.ceil(len(y) / (self.batch_size or len(y)))))
        recipe = self if affordable >= self.epochs else self.of_epochs(affordable)
        return recipe, limit - trial, None

    def _blended(
        self, result: FitResult, bag: Bag, rows: tuple[Any, Any, Any], executor: str | Executor
    ) -> FitResult:
        """Return the result together with a straight line, as far as that loses less on unseen rows."""
        if not 0 < self.numbers <= MOST_COLUMNS:
            return result
        X, y, weights = np.asarray(rows[0]), np.asarray(rows[1]), rows[2]
        net = without_calibration(result.net)
        unseen = np.asarray(bag.unseen(net, X, executor=executor), np.float64)
        targets = np.eye(unseen.shape[1])[y] if self.calibration == "classes" and y.ndim == 1 else y
        targets = targets.reshape((len(y), unseen.shape[1]))
        line = straight_line(X, targets, weights, bag.folds, bag.deciding, self.numbers)
        deciding = None if weights is None else np.asarray(weights)[bag.rows]
        if self.calibration is None:
            blended, losses = blended_numbers(net, unseen, line, targets[bag.rows], deciding)
        else:
            independent = self.calibration == "labels"
            blended, losses = blended_classes(
                net, unseen, line, y[bag.rows], deciding, independent=independent
            )
        return replace(result, net=blended, unseen=losses)

    def _strata(self, y: Any, weights: Any) -> Any:
        """Return the group of each row by which folds are drawn, or None: class, and whether it counts."""
        classes = self._classes(y)
        if weights is None or np.all(weights):
            return classes
        counts = np.asarray(weights) > 0
        if classes is None:
            return counts.astype(np.int64)
        return 2 * np.unique(classes, return_inverse=True)[1] + counts

    def _classes(self, y: Any) -> Any:
        """Return the class of each row, or None."""
        if self.calibration is None:
            return None
        y = np.asarray(y)
        if y.ndim == 1:
            return y
        if y.shape[1] == 1:
            return y[:, 0]
        return y.argmax(axis=1) if self.calibration == "classes" else None

    def _assessment(
        self,
        bag: Bag | None,
        rows: tuple[Any, Any, Any],
        validation_data: tuple[Any, ...] | None,
        executor: str | Executor,
    ) -> Callable[[Any], Assessment] | None:
        """Return what assesses a network, where that is more than to read the history."""
        if bag is not None:
            X, y, weights = rows
            unseen = functools.partial(bag.unseen, X=X, executor=executor)
            y = np.asarray(y)[bag.rows]
            weights = None if weights is None else np.asarray(weights)[bag.rows]
        elif self.calibration is not None and validation_data is not None:
            X, y, *others = validation_data
            unseen = functools.partial(predict, X=X, executor=executor)
            weights = others[0] if others else None
        else:
            return None
        objective = Objective(find_loss(self.loss))
        independent = self.calibration == "labels"

        def assess(net: Any) -> Assessment:
            outputs = unseen(net)
            scaled = None if weights is None else weights / np.mean(weights)
            known = y if self.calibration == "classes" else np.reshape(y, outputs.shape)
            measured = float(objective.mean_loss(outputs, known, scaled))
            if self.calibration is None:
                return Assessment(net, measured, measured)
            return Assessment(*calibrated(net, outputs, y, weights, independent=independent), measured)

        return assess
