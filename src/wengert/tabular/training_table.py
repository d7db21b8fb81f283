"""A table that is to be learnt from, with what was found out about it: its task, its columns, its splits."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Collection
from typing import Any

import numpy as np
import polars as pl

from wengert.tabular.columns import Column, kinds_of_columns, require_columns
from wengert.tabular.held_out_results import HeldOutResults
from wengert.tabular.plain_recipe import learns_means
from wengert.tabular.preprocess import PREPROCESSING, TablePreprocessor
from wengert.tabular.reading.column_values import first, is_missing
from wengert.tabular.reading.table_reading import TableReading, each
from wengert.tabular.reading.text_format import NOTHING_SAID, TextFormat
from wengert.tabular.row_roles import NO_ROLES, RowRoles, class_weights
from wengert.tabular.table_model import TableModel
from wengert.tabular.table_training import TrainedNetwork, train_network
from wengert.tabular.task import Task, class_numbers, task_of
from wengert.tabular.training_settings import TrainingSettings
from wengert.train.progress import Display
from wengert.train.row_split import Division, Split

# So that the splits of a seed do not depend on each other: the second word of the generator's seed.
_HOLD_OUT, _FOLDS = 0, 2


@dataclasses.dataclass(frozen=True)
class TrainingTable:
    """A table with its target.

    Attributes
    ----------
    frame : polars.DataFrame
        The rows that have a target, as they are read.
    target : str
    task : Task
    columns : tuple of Column
    reading : TableReading
    left_out : str
        Which rows were left out, for people; empty where all have a target.
    division : Division
        How the rows may be split.
    weights : numpy.ndarray or None
        How much each row counts in training, shape (rows,), float64, above 0.
    drop : tuple of str
        Columns that were to be left out, and are not in the frame.
    """

    frame: pl.DataFrame
    target: str
    task: Task
    columns: tuple[Column, ...]
    reading: TableReading
    left_out: str
    division: Division
    weights: np.ndarray | None
    drop: tuple[str, ...]

    @staticmethod
    def infer(
        frame: pl.DataFrame,
        target: str,
        drop: Collection[str] = (),
        given: TextFormat = NOTHING_SAID,
        roles: RowRoles = NO_ROLES,
        *,
        loss: str | None = None,
    ) -> TrainingTable:
        """Find out what is to be learnt (as `task_of`), and what each column is.

        Raises
        ------
        DataError
            As `infer_task`, `infer_columns` and the methods of `RowRoles`; all that is wrong at once.
        """
        require_columns(frame, target, drop)
        roles.require(frame, target)
        frame = frame.drop({*drop} - {roles.group, roles.time, roles.weights})
        reading, notes = TableReading.infer(frame, given)
        frame = reading.apply(frame)
        known, left_out = rows_with_target(frame.get_column(target))
        weights = roles.weights_of(frame.filter(known))
        if weights is not None and not weights.all():
            left_out = f"{left_out} {np.count_nonzero(weights == 0):,} rows of weight 0 are left out.".strip()
            known = known.scatter(known.arg_true().filter(pl.Series(weights == 0)), False)
            weights = weights[weights > 0]
        frame = frame.filter(known)
        groups, times = each([lambda: roles.groups_of(frame), lambda: roles.times_of(frame)])
        beside = roles.no_features
        frame = frame.drop([column.name for column in beside], {*drop} & {roles.time})
        # The target first: a mistake there is what a person has to know before anything about the others.
        task, columns = each(
            [
                lambda: task_of(frame.get_column(target), loss),
                lambda: kinds_of_columns(frame.drop(target), target, notes),
            ]
        )
        if target in notes:
            task = dataclasses.replace(task, reason=f"{task.reason}; {notes[target]}")
        classes = class_numbers(task, frame[target])
        division = Division(frame.height, classes, groups, times)
        columns = (*columns, *beside)
        return TrainingTable(frame, target, task, columns, reading, left_out, division, weights, tuple(drop))

    @property
    def rows(self) -> int:
        """How many rows the table has."""
        return self.frame.height

    def rows_of(self, places: np.ndarray) -> pl.DataFrame:
        """Return some of the rows."""
        return self.frame[places]

    def preprocessor(self, rows: np.ndarray, settings: TrainingSettings) -> TablePreprocessor:
        """Fit the preprocessing that the preset takes on some of the rows."""
        return TablePreprocessor.fit(
            self.frame[rows],
            self.target,
            columns=self.columns,
            task=self.task,
            reading=self.reading,
            positive=learns_means(settings),
            **PREPROCESSING[settings.preset],
        )

    def hold_out(self, fraction: float, seed: int) -> Split:
        """Split the rows in two, as `Division.hold_out`."""
        return self.division.hold_out(round(self.rows * fraction), np.random.default_rng([seed, _HOLD_OUT]))

    def folds(self, count: int, seed: int) -> list[Split]:
        """Split the rows for cross-validation, as `Division.folds`."""
        return self.division.folds(count, np.random.default_rng([seed, _FOLDS]))

    def row_weights(
        self, rows: np.ndarray, preprocessor: TablePreprocessor, settings: TrainingSettings
    ) -> np.ndarray | None:
        """Return how much some of the rows count: their weights times those of their classes.

        Raises
        ------
        ConfigurationError
            As `class_weights`.
        """
        weights = None if self.weights is None else self.weights[rows]
        if settings.class_weight is None:
            return weights
        classes = preprocessor.target.classes
        positions = preprocessor.transform_target(self.frame[rows]) if classes else np.zeros(0, np.int64)
        counts = np.bincount(positions, weights, minlength=len(classes))
        of_rows: np.ndarray = class_weights(settings.class_weight, classes, counts)[positions]
        return of_rows if weights is None else weights * of_rows

    def train(
        self, rows: np.ndarray, settings: TrainingSettings, *, progress: bool | str | Display = False
    ) -> tuple[TableModel, TrainedNetwork]:
        """Train a model on some of the rows; see `train_network`. The others are to be scored."""
        begin = time.perf_counter()
        preprocessor = self.preprocessor(rows, settings)
        trained = train_network(
            self.frame[rows],
            preprocessor,
            settings.after(time.perf_counter() - begin),
            division=self.division.part(rows),
            weights=self.row_weights(rows, preprocessor, settings),
            predicting=self.rows - len(rows),
            progress=progress,
        )
        if trained.unseen_outputs is not None:
            places, outputs = trained.unseen_outputs
            trained = dataclasses.replace(trained, unseen_outputs=(rows[places], outputs))
        return TableModel(
            preprocessor, trained.network, {"settings": settings.to_json()}, trained.executor
        ), trained


def rows_with_target(target: pl.Series) -> tuple[pl.Series, str]:
    """Return which rows have a target (all, where none has), and what to say of the others."""
    missing = is_missing(target)
    count = int(missing.sum())
    if count in (0, len(target)):
        return ~(missing & False), ""
    rows = "1 row has" if count == 1 else f"{count:,} rows of {len(target):,} have"
    left_out = f"{rows} no target ({target.name!r}; the first is row {first(missing) + 1}) and are left out."
    return ~missing, left_out


def cross_validate(
    table: TrainingTable,
    splits: list[Split],
    settings: TrainingSettings,
    *,
    progress: bool | str = False,
    report: Callable[[dict[str, Any]], None] = lambda scores: None,
) -> tuple[list[dict[str, Any]], list[HeldOutResults], bool]:
    """Train on the first part of each split and score on the second.

    Parameters
    ----------
    table : TrainingTable
    splits : list of pairs of numpy.ndarray
    settings : TrainingSettings
    progress : bool or "auto"
        As for `train.fit`.
    report : callable
        Called with the scores of each fold when it is finished.

    Returns
    -------
    scores : list of dict
        Of the folds that were finished.
    results : list of HeldOutResults
        Of the same.
    interrupted : bool
        Whether Ctrl-C kept some from being finished.
    """
    scores: list[dict[str, Any]] = []
    results: list[HeldOutResults] = []
    try:
        for kept, held in splits:
            model, trained = table.train(kept, settings, progress=progress)
            if trained.interrupted:
                return scores, results, True
            scores.append(model.score(table.frame[held]))
            results.append(HeldOutResults.of(model, table.frame[held]))
            report(scores[-1])
    except KeyboardInterrupt:  # between two trainings; within one it is not raised
        return scores, results, True
    return scores, results, False
