"""Before and after training on a table: the learning rate to begin with, and what is wrong with a model."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl

from wengert import nn, optim
from wengert.autodiff.gradients import grad
from wengert.errors import ConfigurationError
from wengert.tabular.table_model import TableModel
from wengert.tabular.table_training import recipe_for
from wengert.tabular.training_settings import TrainingSettings
from wengert.tabular.training_table import TrainingTable
from wengert.train.bagging.calibration import without_calibration
from wengert.train.chance import Chance, chance_of_classes, chance_of_numbers
from wengert.train.doctor import Diagnosis, Losses, diagnose
from wengert.train.learning_rate_finder import LearningRateCurve, find_learning_rate
from wengert.train.steps.objective import find_loss

_MOST_ROWS = 50_000  # that the test of rates draws its batches from


def find_rate(table: TrainingTable, settings: TrainingSettings) -> LearningRateCurve:
    """Take steps with growing rates on a table, by the preset of the settings.

    Raises
    ------
    ConfigurationError
        If the optimiser has no learning rate.
    DataError
        As `find_learning_rate`.
    """
    rows = np.arange(table.rows)[:: 1 + table.rows // _MOST_ROWS]
    preprocessor = table.preprocessor(rows, settings)
    frame = table.rows_of(rows)
    features, targets = preprocessor.encode(frame)
    recipe = recipe_for(preprocessor, features, targets, settings)
    optimizer = recipe.optimizer
    if isinstance(optimizer, optim.LBFGS):
        raise ConfigurationError("lbfgs searches for its step length and has no learning rate to find.")
    return find_learning_rate(
        recipe.network,
        features,
        targets,
        loss=recipe.loss,
        optimizer=lambda rate: at_rate(optimizer, rate),
        penalty=recipe.penalty,
        batch_size=recipe.batch_size or len(features),
        seed=settings.seed,
    )


def examine(model: TableModel, frame: pl.DataFrame) -> Diagnosis:
    """Examine a trained model at rows whose target is known; see `wengert.train.doctor`.

    Raises
    ------
    ModelFileError
        If the model does not say how it was trained.
    DataError
        As `TableModel.score`.
    """
    settings = TrainingSettings.of(model.training)
    preprocessor = model.preprocessor
    features, targets = preprocessor.encode(frame)
    recipe = recipe_for(preprocessor, features, targets, settings)
    loss: Callable[..., Any] = find_loss(recipe.loss)
    network = without_calibration(model.network)
    optimizer = recipe.optimizer
    diverged = model.training.get("warning") or None
    chance = _chance(model, targets, recipe.loss)
    losses = _losses(model.training)
    if isinstance(optimizer, optim.LBFGS) or callable(optimizer.learning_rate):
        # One step at the top of a schedule, or along a line, says nothing of the steps that were taken.
        return diagnose(network, features, targets, loss, diverged=diverged, chance=chance, losses=losses)
    rate = float(optimizer.learning_rate)

    def step(network: Any) -> Any:
        values = nn.parameters(network)
        batch = slice(0, recipe.batch_size)
        gradients = grad(
            lambda values: loss(nn.with_parameters(network, values)(features[batch]), targets[batch])
        )(values)
        return nn.with_parameters(network, optimizer.update(values, gradients, optimizer.init(values))[0])

    return diagnose(
        network, features, targets, loss,
        step=step, rate=rate, diverged=diverged, chance=chance, losses=losses,
    )  # fmt: skip


def _chance(model: TableModel, targets: np.ndarray, loss: Any) -> Chance | None:
    """Return what the model is compared with."""
    if not model.is_classifier:
        squared = loss in ("half_squared_error", nn.half_squared_error)
        return chance_of_numbers(targets) if squared else None
    smoothing = loss.keywords.get("label_smoothing", 0.0) if isinstance(loss, functools.partial) else 0.0
    return chance_of_classes(targets, len(model.preprocessor.target.classes), smoothing)


def _losses(training: dict[str, Any]) -> Losses | None:
    """Return what training said of its loss in the epoch whose weights the model has."""
    try:
        best = int(training["best_epoch"]) - 1
        curves = training["curves"]
        return Losses(float(curves["loss"][best]), curves["validation_loss"][best])
    except (KeyError, TypeError, ValueError, IndexError):
        return None


def highest_rate(optimizer: Any) -> float:
    """Return the learning rate of an optimiser, the highest of its schedule."""
    rate = optimizer.learning_rate
    return float(getattr(rate, "rate", rate))


def at_rate(optimizer: Any, rate: Callable[[Any], Any]) -> Any:
    """Return an optimiser with another schedule; groups of parameters keep the ratios of their rates."""
    if not isinstance(optimizer, optim.ParameterGroups):
        return dataclasses.replace(optimizer, learning_rate=rate)
    base = highest_rate(optimizer.otherwise)

    def scaled(one: Any) -> Any:
        factor = highest_rate(one) / base
        return dataclasses.replace(one, learning_rate=lambda t: factor * rate(t))

    groups = tuple((pattern, scaled(one)) for pattern, one in optimizer.groups)
    return optim.ParameterGroups(groups, otherwise=scaled(optimizer.otherwise))
