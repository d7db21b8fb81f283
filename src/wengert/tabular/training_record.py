"""What is saved with a model about its training, as a schema: the section ``training`` of ``config.json``."""

from __future__ import annotations

import dataclasses
from typing import Any

from wengert.storage.records import Count, from_plain
from wengert.tabular.columns import Column
from wengert.tabular.row_fingerprints import RowFingerprints
from wengert.tabular.row_roles import NO_ROLES, RowRoles
from wengert.tabular.scoring.conformal import Nonconformity
from wengert.tabular.scoring.evaluation import SCORE_NAMES
from wengert.tabular.task import Class, Task
from wengert.tabular.training_settings import TrainingSettings
from wengert.train.bagging.blending import UnseenLosses


@dataclasses.dataclass(frozen=True)
class RowCounts:
    """How many rows there were, and what for."""

    all: Count
    training: Count
    validation: Count
    held_out: Count


@dataclasses.dataclass(frozen=True)
class Curves:
    """The losses of each epoch."""

    loss: tuple[float | None, ...]
    validation_loss: tuple[float | None, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class RegressionScores:
    """As `TableModel.score` gives them; a loss of its own only where the model was trained by that."""

    pinball_loss: float | None = None
    huber_loss: float | None = None
    poisson_deviance: float | None = None
    tweedie_deviance: float | None = None
    d2: float | None = None
    r2: float | None
    rmse: float
    mae: float


@dataclasses.dataclass(frozen=True)
class ClassRow:
    """The scores of one class."""

    rows: Count
    precision: float
    recall: float
    f1: float


@dataclasses.dataclass(frozen=True)
class CalibrationBin:
    """A range of confidence, and how often predictions made with it are right."""

    low: float
    high: float
    rows: Count
    confidence: float
    accuracy: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClassificationScores:
    """As `wengert.tabular.scoring.evaluation.classification_scores` gives them."""

    accuracy: float
    balanced_accuracy: float
    f1: float
    mcc: float
    roc_auc: float | None
    average_precision: float | None = None  # which earlier versions did not compute
    log_loss: float
    calibration_error: float
    classes: tuple[dict[str, Class], ...]
    confusion: tuple[tuple[Count, ...], ...]
    calibration: tuple[CalibrationBin, ...]

    def __post_init__(self) -> None:
        for row in self.classes:  # "class" is no name of a field
            from_plain(ClassRow, {name: value for name, value in row.items() if name != "class"})
            if "class" not in row:
                raise ValueError("classes lack 'class'")
        if {len(self.confusion), *map(len, self.confusion)} != {len(self.classes)}:
            raise ValueError(f"confusion must have {len(self.classes)} rows and columns, one a class")


Scores = ClassificationScores | RegressionScores


@dataclasses.dataclass(frozen=True)
class Spread:
    """Mean and standard deviation of a score over the folds."""

    mean: float | None
    deviation: float | None


@dataclasses.dataclass(frozen=True)
class CrossValidation:
    """The scores of the folds that were finished."""

    folds: Count
    scores: dict[str, Spread]
    each: tuple[Scores, ...]

    def __post_init__(self) -> None:
        unknown = sorted(self.scores.keys() - SCORE_NAMES.keys())
        if unknown:
            raise ValueError(f"there is no score {unknown[0]!r}")
        if len(self.each) != self.folds:
            raise ValueError(f"{self.folds} folds have as many scores, and not {len(self.each)}")


@dataclasses.dataclass(frozen=True)
class SeedScores:
    """The scores of networks that differ in their seed, on the rows that the model is scored on."""

    seeds: tuple[Count, ...]
    scores: dict[str, Spread]
    each: tuple[Scores, ...]


@dataclasses.dataclass(frozen=True)
class TrialRecord:
    """Settings that a search tried; what each is, `wengert.tabular.tuning.halving.Trial` says."""

    number: Count
    rung: Count
    settings: TrainingSettings
    loss: float | None
    seconds: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingRecord:
    """All that is saved of a training run; what each is, `wengert.cli.commands.train` says."""

    file: str
    target: str
    task: Task
    columns: tuple[Column, ...]
    rows: RowCounts
    settings: TrainingSettings
    epochs: Count
    best_epoch: Count | None
    stopped: str
    curves: Curves
    warning: str
    unseen: UnseenLosses | None = None
    fingerprints: RowFingerprints | None = None  # earlier versions kept none of these
    roles: RowRoles = NO_ROLES
    test: str | None = None
    drop: tuple[str, ...] = ()
    nonconformity: Nonconformity | None = None
    f1_threshold: float | None = None
    seeds: SeedScores | None = None
    trials: tuple[TrialRecord, ...] = ()
    best_trial: Count | None = None
    scores: Scores | None
    cross_validation: CrossValidation | None

    def __post_init__(self) -> None:
        lengths = {len(self.curves.loss), len(self.curves.validation_loss)}
        if lengths != {self.epochs}:
            raise ValueError(f"curves must have a loss for each of {self.epochs} epochs")
        if self.best_epoch is not None and not 1 <= self.best_epoch <= self.epochs:
            raise ValueError(f"best_epoch is one of {self.epochs} epochs, and not {self.best_epoch}")


def check_training(document: dict[str, Any]) -> None:
    """Refuse what is not the record of a training run; a model that says nothing of its training has none.

    Raises
    ------
    Mismatch
    """
    if document:
        from_plain(TrainingRecord, document)
