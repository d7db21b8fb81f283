"""A table that is to be learnt from, with what was found out about it: its task, its columns, its splits."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection
from typing import Any

import numpy as np
import polars as pl

from wengert.tabular.columns import Column, kinds_of_columns, require_columns
from wengert.tabular.preprocess import PREPROCESSING, TablePreprocessor
from wengert.tabular.reading.column_values import first, is_missing
from wengert.tabular.reading.table_reading import TableReading, each
from wengert.tabular.reading.text_format import NOTHING_SAID, TextFormat
from wengert.tabular.table_model import TableModel
from wengert.tabular.table_training import TrainedNetwork, train_network
from wengert.tabular.task import Task, class_numbers, task_of
from wengert.tabular.training_settings import TrainingSettings
from wengert.train.row_split import folds, hold_out

Split = tuple[np.ndarray, np.ndarray]

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
    """

    frame: pl.DataFrame
    target: str
    task: Task
    columns: tuple[Column, ...]
    reading: TableReading
    left_out: str = ""

    @staticmethod
    def infer(
        frame: pl.DataFrame, target: str, drop: Collection[str] = (), given: TextFormat = NOTHING_SAID
    ) -> TrainingTable:
        """Find out what is to be learnt, and what each column is.

        Raises
        ------
        DataError
            As `infer_task` and `infer_columns`; all that is wrong at once.
        """
        require_columns(frame, target, drop)
        frame = frame.drop(drop)
        reading, notes = TableReading.infer(frame, given)
        frame = reading.apply(frame)
        known, left_out = rows_with_target(frame.get_column(target))
        frame = frame.filter(known)
        # The target first: a mistake there is what a person has to know before anything about the others.
        task, columns = each(
            [
                lambda: task_of(frame.get_column(target)),
                lambda: kinds_of_columns(frame.drop(target), target, notes),
            ]
        )
        if target in notes:
            task = dataclasses.replace(task, reason=f"{task.reason}; {notes[target]}")
        return TrainingTable(frame, target, task, columns, reading, left_out)

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
            **PREPROCESSING[settings.preset],
        )

    def hold_out(self, fraction: float, seed: int) -> Split:
        """Split the rows in two, as `wengert.train.row_split.hold_out`."""
        rng = np.random.default_rng([seed, _HOLD_OUT])
        classes = class_numbers(self.task, self.frame[self.target])
        return hold_out(self.rows, round(self.rows * fraction), classes, rng)

    def folds(self, count: int, seed: int) -> list[Split]:
        """Split the rows for cross-validation, as `wengert.train.row_split.folds`."""
        classes = class_numbers(self.task, self.frame[self.target])
        return folds(self.rows, count, classes, np.random.default_rng([seed, _FOLDS]))

    def train(
        self, rows: np.ndarray, settings: TrainingSettings, *, progress: bool | str = False
    ) -> tuple[TableModel, TrainedNetwork]:
        """Train a model on some of the rows; see `train_network`."""
        preprocessor = self.preprocessor(rows, settings)
        trained = train_network(self.frame[rows], preprocessor, settings, progress=progress)
        return TableModel(preprocessor, trained.network, {}), trained


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
) -> tuple[list[dict[str, Any]], bool]:
    """Train on the first part of each split and score on the second.

    Parameters
    ----------
    table : TrainingTable
    splits : list of pairs of numpy.ndarray
    settings : TrainingSettings
    progress : bool or "auto"
        As for `train.fit`.
    report : callable
        Told of the scores of each fold when it is finished.

    Returns
    -------
    scores : list of dict
        Of the folds that were finished.
    interrupted : bool
        Whether Ctrl-C kept some from being finished.
    """
    scores: list[dict[str, Any]] = []
    try:
        for kept, held in splits:
            model, trained = table.train(kept, settings, progress=progress)
            if trained.interrupted:
                return scores, True
            scores.append(model.score(table.frame[held]))
            report(scores[-1])
    except KeyboardInterrupt:  # between two trainings; within one it is not raised
        return scores, True
    return scores, False
