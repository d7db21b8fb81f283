"""From a table and settings to a trained network: the steps between reading and saving."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import time
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl

from wengert import nn, train
from wengert.cluster.workers import Workers
from wengert.errors import DivergenceWarning, InterruptionWarning, NonFiniteError
from wengert.run import Executor
from wengert.tabular.plain_recipe import learns_means, loss_of, plain_recipe
from wengert.tabular.preprocess import TablePreprocessor
from wengert.tabular.row_fingerprints import RowFingerprints
from wengert.tabular.training_settings import TrainingSettings
from wengert.train.bagging.blending import UnseenLosses
from wengert.train.progress import Display
from wengert.train.row_split import Division

# Of the training rows, to tell when training no longer helps …
_VALIDATION_FRACTION = 0.1
# … unless that would be so few that their loss says little.
_FEWEST_VALIDATION_ROWS = 10


@dataclasses.dataclass(frozen=True)
class TrainedNetwork:
    """What came of training.

    Attributes
    ----------
    network : nn.Module
        With the weights of the best epoch.
    history : train.History
    best_epoch : int or None
        The one whose weights the network has; None if no epoch was completed.
    stopped : str
        Why training ended, for people.
    warning : str
        What went wrong on the way; empty if nothing.
    training_rows, validation_rows : int
        How many rows were learnt from and how many decided which epoch was best.
    fingerprints : RowFingerprints
        Of both.
    unseen : UnseenLosses or None
        Of the tabular preset: the losses of what the network is blended with, and without it.
    unseen_outputs : (array of int, array), or None
        As `FitResult` has them; the positions are those in the table that was trained on.
    executor : str or Executor
        What took the steps, and is to predict.
    """

    network: nn.Module
    history: train.History
    best_epoch: int | None
    stopped: str
    warning: str
    training_rows: int
    validation_rows: int
    fingerprints: RowFingerprints
    unseen: UnseenLosses | None
    unseen_outputs: tuple[np.ndarray, np.ndarray] | None
    executor: str | Executor

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended it."""
        return self.stopped == "interrupted"


@dataclasses.dataclass(frozen=True)
class SharedTraining:
    """How several workers train on a table, each on rows of its own.

    Attributes
    ----------
    workers : Workers
    rows : int
        How many they have in all.
    checkpoint : Checkpoint or None
    """

    workers: Workers
    rows: int
    checkpoint: train.Checkpoint | None


def train_network(
    frame: pl.DataFrame,
    preprocessor: TablePreprocessor,
    settings: TrainingSettings,
    *,
    division: Division | None = None,
    weights: np.ndarray | None = None,
    predicting: int = 0,
    progress: bool | str | Display = False,
) -> TrainedNetwork:
    """Train a network on the rows of a table.

    Which epoch was best, rows tell that were not learnt from: of the tabular preset those to which each
    member of its ensemble is blind, whole groups where there are some; of the plain one, or where the latest
    rows or one large group are to tell, a tenth.

    Parameters
    ----------
    frame : polars.DataFrame
        The rows to learn from.
    preprocessor : TablePreprocessor
        Fitted on them.
    settings : TrainingSettings
    division : Division, optional
        How the rows may be split; by default at random, with the classes in equal parts. So are rows of one
        group or one time only.
    weights : numpy.ndarray, optional
        How much each row counts, shape (rows,).
    predicting : int
        How many rows are to be predicted within a time limit.
    progress : bool or "auto"
        As for `train.fit`.

    Raises
    ------
    DataError
        If a value cannot be used; names column and row.
    NonFiniteError
        If the loss becomes NaN or infinite before the first epoch has ended.
    """
    begin = time.perf_counter()
    features, targets = preprocessor.encode(frame)
    # The same is to be done with the rows to predict.
    settings = settings.after((time.perf_counter() - begin) * (1 + predicting / len(features)))
    classes = None if preprocessor.target.kind == "regression" else targets
    if division is None or not division.several:
        division = Division(len(features), classes)
    kept, held = np.arange(len(features)), np.arange(0)
    # Each member of the tabular ensemble has rows of its own that it does not see.
    bagged = settings.preset == "tabular" and division.times is None and division.has_small_groups
    wanted = 0 if bagged else _validation_rows(len(features))
    if wanted:
        kept, held = division.hold_out(wanted, np.random.default_rng([settings.seed, 1]))
    arrays = (features, targets) if weights is None else (features, targets, weights)
    fitting, deciding = (tuple(array[rows] for array in arrays) for rows in (kept, held))
    return train_encoded(
        fitting,
        deciding if held.size else None,
        preprocessor,
        settings,
        groups=division.groups if bagged else None,
        predicting=predicting,
        progress=progress,
    )


def _validation_rows(rows: int) -> int:
    wanted = round(rows * _VALIDATION_FRACTION)
    return wanted if wanted >= _FEWEST_VALIDATION_ROWS else 0


def train_encoded(
    fitting: tuple[np.ndarray, ...],
    deciding: tuple[np.ndarray, ...] | None,
    preprocessor: TablePreprocessor,
    settings: TrainingSettings,
    *,
    groups: np.ndarray | None = None,
    predicting: int = 0,
    shared: SharedTraining | None = None,
    progress: bool | str | Display = False,
) -> TrainedNetwork:
    """Train a network on features and targets as the preprocessor makes them; see `train_network`.

    Parameters
    ----------
    fitting : tuple of numpy.ndarray
        Features, targets and, where they have some, weights of the rows to learn from; in memory or mapped
        from a file.
    deciding : tuple of numpy.ndarray or None
        Those that tell when to stop and which epoch was best.
    groups, predicting
        As for `Recipe.fit`.
    preprocessor, settings, progress
        As for `train_network`.
    shared : SharedTraining, optional
        Where `fitting` holds the rows of one worker.

    Raises
    ------
    NonFiniteError
        As `train_network`.
    """
    result = _fit(fitting, deciding, groups, predicting, preprocessor, settings, shared, progress)
    warning = "" if result.divergence is None else _divergence_text(result.divergence)
    if warning and not len(result.history):
        raise NonFiniteError(f"{warning} Nothing was learnt.")
    stopped = "all epochs" if result.stopped == "epochs" else result.stopped
    validation_rows = 0 if deciding is None else len(deciding[0])
    return TrainedNetwork(
        result.net,
        result.history,
        result.best_epoch,
        stopped,
        warning,
        len(fitting[0]) if shared is None else shared.rows,
        validation_rows,
        _fingerprints([(one[0], one[1]) for one in (fitting, deciding) if one is not None], shared),
        result.unseen,
        result.unseen_outputs,
        result.executor or "llvm",
    )


def _fingerprints(
    parts: list[tuple[np.ndarray, np.ndarray]], shared: SharedTraining | None
) -> RowFingerprints:
    """Return the fingerprints of the rows of all workers."""
    mine = RowFingerprints.of(parts)
    if shared is None:
        return mine
    everyone = shared.workers.all_gather(json.dumps(dataclasses.asdict(mine)).encode())
    return RowFingerprints.joined([RowFingerprints(**json.loads(bytes(data))) for data in everyone])


def _fit(
    fitting: tuple[np.ndarray, ...],
    deciding: tuple[np.ndarray, ...] | None,
    groups: np.ndarray | None,
    predicting: int,
    preprocessor: TablePreprocessor,
    settings: TrainingSettings,
    shared: SharedTraining | None,
    progress: bool | str | Display,
) -> train.FitResult:
    features, targets, *weights = fitting
    sharing: dict[str, Any] = {}
    if shared is None:
        recipe = recipe_for(preprocessor, features, targets, settings)
    else:
        recipe = plain_recipe(preprocessor, features, targets, settings, rows=shared.rows)
        sharing = {
            "workers": shared.workers,
            "total_rows": shared.rows,
            "checkpoint": shared.checkpoint,
        }
    with ignored_training_warnings():
        return recipe.fit(
            features,
            targets,
            sample_weight=weights[0] if weights else None,
            validation_data=deciding,
            groups=groups,
            seed=settings.seed,
            time_limit=settings.time_limit,
            predicting=predicting,
            executor=settings.runner(),
            progress=progress,
            **sharing,
        )


@contextlib.contextmanager
def ignored_training_warnings() -> Iterator[None]:
    """Ignore what is reported with the result; around several trainings at once too, which share filters."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DivergenceWarning)
        warnings.simplefilter("ignore", InterruptionWarning)
        yield


def recipe_for(
    preprocessor: TablePreprocessor, features: np.ndarray, targets: np.ndarray, settings: TrainingSettings
) -> train.Recipe:
    """Return how a network is trained on features and targets by the preset of the settings."""
    make = {"tabular": _tabular_recipe, "plain": plain_recipe}[settings.preset]
    return make(preprocessor, features, targets, settings)


def _tabular_recipe(
    preprocessor: TablePreprocessor, features: np.ndarray, targets: np.ndarray, settings: TrainingSettings
) -> train.Recipe:
    """Return the recipe of the tabular preset with what the settings change in it."""
    categories = preprocessor.categories
    described = train.TabularFeatures(features.shape[1] - len(categories), categories)
    regression, loss = preprocessor.target.kind == "regression", loss_of(preprocessor, settings)
    named = ("hidden", "activation", "epochs", "batch_size", "learning_rate")
    changed = {name: getattr(settings, name) for name in named if getattr(settings, name) is not None}
    return train.tabular_recipe(
        described,
        1 if regression else len(preprocessor.target.classes),
        len(features),
        limits=(float(targets.min()), float(targets.max())) if regression else None,
        loss=loss if regression else None,
        means=learns_means(settings),
        dropout=settings.dropout,
        seed=settings.seed,
        **changed,
    )


def _divergence_text(divergence: train.Divergence) -> str:
    rate = "" if divergence.learning_rate is None else f", with learning rate {divergence.learning_rate:g}"
    return (
        f"training diverged at step {divergence.step} (epoch {divergence.epoch}{rate}): "
        f"{divergence.explanation}. Lower the learning rate."
    )
