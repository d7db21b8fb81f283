"""A way to train: network, loss, optimiser and all that has to suit them, kept together."""

from __future__ import annotations

import functools
import math
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from wengert.cluster.workers import Workers
from wengert.errors import DivergenceWarning
from wengert.optim import LBFGS, Optimiser
from wengert.run import Executor
from wengert.train.bagging.assessment import Assessment, BestEpoch
from wengert.train.bagging.bag import Bag
from wengert.train.bagging.blending import blended_classes, blended_numbers
from wengert.train.bagging.boosted_trees import BoostedTrees, boosted_trees
from wengert.train.bagging.calibration import calibrated, without_calibration
from wengert.train.bagging.linear_model import MOST_COLUMNS, LinearModel, linear_model
from wengert.train.callbacks import Callback
from wengert.train.checkpoint import Checkpoint
from wengert.train.evaluation import BATCH_SIZE, predict
from wengert.train.fit import fit
from wengert.train.history import History
from wengert.train.progress import Display
from wengert.train.result import FitResult
from wengert.train.row_split import Division
from wengert.train.steps.objective import Loss, Objective, Penalty, find_loss
from wengert.train.steps.trial import is_over, time_left, trial

# Fewer rows are not divided among the members: a score of so few does not distinguish one epoch from another.
_ROWS_A_MEMBER = 2
# The part of the time left that is planned for steps, since their speed varies.
_USED = 0.9
# Finding the parts of a mixture takes about as long as this many assessments.
_BLENDS = 24
# The part of a time limit in which trees may grow.
_GROWING = 0.1
# A tree has a leaf's value for each output.
_MOST_OUTPUTS = 100


class _Affordable(NamedTuple):
    """What there is time for.

    Attributes
    ----------
    recipe : Recipe
        Its number of epochs is cut to what there is time for.
    executor : str or Executor
    seconds : float or None
        For its steps.
    result : FitResult or None
        That of the trial, where Ctrl-C ended it or there is no time for more.
    """

    recipe: Recipe
    executor: str | Executor
    seconds: float | None
    result: FitResult | None


@dataclass(frozen=True)
class Recipe:
    """The arguments of `fit` other than the rows.

    Attributes
    ----------
    network : Module
        Initialised.
    loss, optimizer, epochs, batch_size, drop_last, penalty, early_stopping, callbacks
        As for `fit`.
    snapshots : tuple of int
        Numbers of the epochs of which the best gives the result, as `BestEpoch` has it, whatever ended the
        training after the first of them. Where there are none, the result is that of `fit`.
    patience : int, optional
        Training stops after as many of these in a row that were no better than one before.
    calibration : {"classes", "labels"}, optional
        Whether the result is calibrated on rows that were not learnt from, and the best epoch is chosen by
        the loss after that (`wengert.train.bagging.calibration`): outputs are logits of classes of which one
        excludes the others, or of labels.
    members : int
        Of the ensemble in the network. Where there are no validation rows, each of them is blind to a part of
        the rows (`Bag`), and calibration and choice rest on what it says of that part. 0 for no ensemble.
    numbers : int
        How many columns of the features, from the left, are numbers. With such a bag, a network of logits or
        of standardised numbers is blended with a linear model and with trees of them
        (`wengert.train.bagging.blending`). 0 for neither.
    of_epochs : callable, optional
        Gives the same recipe for another number of epochs, or a part of one: a time limit shortens the
        schedule, so that it is gone through to its end. Without it, a time limit cuts it off.
    """

    network: Any
    loss: str | Loss
    optimizer: Optimiser | LBFGS
    epochs: int
    batch_size: int | None = None
    drop_last: bool = False
    penalty: Penalty | None = None
    early_stopping: int | None = None
    callbacks: tuple[Callback, ...] = ()
    snapshots: tuple[int, ...] = ()
    patience: int | None = None
    calibration: str | None = None
    members: int = 0
    numbers: int = 0
    of_epochs: Callable[[float], Recipe] | None = None

    def fit(
        self,
        X: Any,
        y: Any,
        *,
        sample_weight: Any = None,
        validation_data: tuple[Any, ...] | None = None,
        groups: Any = None,
        callbacks: tuple[Callback, ...] = (),
        seed: int = 0,
        time_limit: float | None = None,
        predicting: int = 0,
        executor: str | Executor = "llvm",
        progress: bool | str | Display = "auto",
        workers: Workers | None = None,
        total_rows: int | None = None,
        checkpoint: Checkpoint | None = None,
    ) -> FitResult:
        """Train by this recipe; errors and warnings as `fit`.

        The history has a validation loss for the epochs of `snapshots`, also where it is that of a bag.

        Parameters
        ----------
        groups : array, shape (rows,), optional
            Integers: no member of a bag sees some rows of a group and is blind to others. None has more than
            half of the rows.
        time_limit : float, optional
            Seconds for all that is done here, compiling, calibration and blending too. Where compiling would
            take most of them, NumPy takes the steps.
        predicting : int
            How many rows are to be predicted before a time limit is over.
        X, y, sample_weight, validation_data, callbacks, seed, executor, progress
            As for `fit`.
        """
        begin = time.perf_counter()
        bag = self._bag(y, sample_weight, groups, seed) if validation_data is None else None
        common = {
            "sample_weight": sample_weight,
            "validation_data": validation_data,
            "shuffle": True if bag is None else bag.order,
            "seed": seed,
            "workers": workers,
            "total_rows": total_rows,
            "checkpoint": checkpoint,
        }
        others = None if bag is None else self._others(bag, X, y, sample_weight, seed, time_limit)
        assessing = functools.partial(self._assessment, bag, (X, y, sample_weight), validation_data)
        end = begin + (math.inf if time_limit is None else time_limit)
        recipe, executor, left, ended = self._within(end, (X, y), assessing, common, executor, predicting)
        assess = assessing(executor)
        best = BestEpoch(recipe.snapshots, assess, self.patience)
        result = ended or recipe._fit(
            X,
            y,
            **common,
            callbacks=(*callbacks, best),
            time_limit=left,
            executor=executor,
            progress=progress,
        )
        result = replace(result, executor=executor)
        if recipe is not self and result.stopped == "epochs":
            result = replace(result, stopped="time limit")
        if best.network is not None:
            result = replace(result, net=best.network, best_epoch=best.epoch)
        elif assess is not None:
            result = replace(result, net=assess(result.net).network)
        if bag is None:
            return result
        epochs = [replace(one, validation_loss=best.measured.get(one.epoch)) for one in result.history]
        result = replace(result, history=History(epochs))
        if others is None:
            return replace(result, unseen_outputs=(bag.rows, bag.unseen(result.net, X, executor=executor)))
        return self._blended(result, bag, others, (X, y, sample_weight), executor)

    def _fit(self, X: Any, y: Any, *, callbacks: tuple[Callback, ...], **options: Any) -> FitResult:
        return fit(
            self.network,
            X,
            y,
            loss=self.loss,
            optimizer=self.optimizer,
            epochs=self.epochs,
            batch_size=self.batch_size,
            drop_last=self.drop_last,
            penalty=self.penalty,
            early_stopping=self.early_stopping,
            callbacks=(*self.callbacks, *callbacks),
            **options,
        )

    def _bag(self, y: Any, weights: Any, groups: Any, seed: int) -> Bag | None:
        """Return which member is blind to which rows, None without members or with too few rows for them."""
        counting = len(y) if weights is None else np.count_nonzero(weights)
        if not self.members or counting < _ROWS_A_MEMBER * self.members:
            return None
        return Bag.draw(self.members, Division(len(y), self._strata(y, weights), groups), seed)

    def _within(
        self,
        end: float,
        rows: tuple[Any, Any],
        assessing: Callable[[str | Executor], Callable[[Any], Assessment] | None],
        options: dict[str, Any],
        executor: str | Executor,
        predicting: int,
    ) -> _Affordable:
        """Return what there is time for, by a trial.

        Parameters
        ----------
        end : float
            When all has to be done, by `time.perf_counter`.
        """
        if self.of_epochs is None or end == math.inf:
            return _Affordable(self, executor, None if end == math.inf else time_left(end), None)

        def fit(executor: str | Executor, seconds: float) -> FitResult:
            return self._fit(
                *rows, **options, callbacks=(), time_limit=seconds, executor=executor, progress=False
            )

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DivergenceWarning)  # it will come again
            tried = trial(fit, executor, end)
        net, stopped, executor = tried.result.net, tried.result.stopped, tried.executor
        if stopped == "interrupted" or is_over(end):
            return _Affordable(self, executor, None, tried.result)
        assess = assessing(executor)
        if assess is not None:
            assess(net)  # which compiles
            begin = time.perf_counter()
            assess(net)
            assessments = len(self.snapshots) + (_BLENDS if self.numbers else 0)
            end -= assessments * (time.perf_counter() - begin)
        if predicting:
            some = np.asarray(rows[0][: min(predicting, BATCH_SIZE)])
            predict(net, some, executor=executor)
            begin = time.perf_counter()
            predict(net, some, executor=executor)
            end -= predicting / len(some) * (time.perf_counter() - begin)
        left = time_left(end)
        if stopped != "time limit":
            return _Affordable(self, executor, max(left, tried.seconds), None)
        steps_an_epoch = max(1, len(rows[1]) // (self.batch_size or len(rows[1])))
        steps = int(_USED * left * tried.steps_a_second)
        if steps <= tried.result.steps:
            return _Affordable(self, executor, None, tried.result)
        epochs = steps / steps_an_epoch
        return _Affordable(self if epochs >= self.epochs else self.of_epochs(epochs), executor, left, None)

    def _others(
        self, bag: Bag, X: Any, y: Any, weights: Any, seed: int, time_limit: float | None
    ) -> tuple[LinearModel, BoostedTrees | None] | None:
        """Return what the network is to be blended with: a linear model, and trees if there may be some."""
        if not 0 < self.numbers <= MOST_COLUMNS:
            return None
        X, targets = np.asarray(X), self._targets(X, np.asarray(y))
        line = linear_model(X, targets, weights, bag.folds, bag.deciding, self.numbers)
        if targets.shape[1] > _MOST_OUTPUTS:
            return line, None
        seconds = math.inf if time_limit is None else _GROWING * time_limit
        loss = self.calibration or "numbers"
        trees = boosted_trees(
            X, targets, weights, bag.deciding, self.numbers, loss, seed=seed, seconds=seconds
        )
        return line, trees

    def _targets(self, X: Any, y: Any) -> Any:
        """Return what a linear model fits, shape (rows, outputs): numbers, or 1 for the class of a row."""
        outputs = np.shape(self.network(np.asarray(X[:1])))[1]
        known = np.eye(outputs)[y] if self.calibration == "classes" and y.ndim == 1 else y
        return known.reshape((len(y), outputs))

    def _blended(
        self,
        result: FitResult,
        bag: Bag,
        others: tuple[LinearModel, BoostedTrees | None],
        rows: tuple[Any, Any, Any],
        executor: str | Executor,
    ) -> FitResult:
        """Return the result together with the others, as far as that loses less on unseen rows."""
        X, y, weights = np.asarray(rows[0]), np.asarray(rows[1]), rows[2]
        net = without_calibration(result.net)
        unseen = np.asarray(bag.unseen(net, X, executor=executor), np.float64)
        deciding = None if weights is None else np.asarray(weights)[bag.rows]
        if self.calibration is None:
            targets = self._targets(X, y)[bag.rows]
            blended, outputs, losses = blended_numbers(net, unseen, *others, targets, deciding)
        else:
            independent = self.calibration == "labels"
            blended, outputs, losses = blended_classes(
                net, unseen, *others, y[bag.rows], deciding, independent=independent
            )
        return replace(result, net=blended, unseen=losses, unseen_outputs=(bag.rows, outputs))

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
            known = np.reshape(y, outputs.shape) if np.size(y) == outputs.size else y  # classes
            measured = float(objective.mean_loss(outputs, known, scaled))
            if self.calibration is None:
                return Assessment(net, measured, measured)
            return Assessment(*calibrated(net, outputs, y, weights, independent=independent), measured)

        return assess
