"""A table that is to be learnt from, with what was found out about it: its task, its columns, its splits."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection
from typing import Any

import numpy as np
import polars as pl

from wengert.io.column_values import find_column
from wengert.io.columns import Column, infer_columns
from wengert.io.preprocess import PREPROCESSING, TablePreprocessor
from wengert.io.row_split import folds, hold_out
from wengert.io.table_model import TableModel
from wengert.io.table_training import TrainedNetwork, train_network
from wengert.io.task import Task, infer_task
from wengert.io.training_settings import TrainingSettings

Split = tuple[np.ndarray, np.ndarray]

# So that the splits of a seed do not depend on each other: the second word of the generator's seed.
_HOLD_OUT, _FOLDS = 0, 2


@dataclasses.dataclass(frozen=True)
class TrainingTable:
    """A table with its target.

    Attributes
    ----------
    frame : polars.DataFrame
    target : str
    task : Task
    columns : tuple of Column
    """

    frame: pl.DataFrame
    target: str
    task: Task
    columns: tuple[Column, ...]

    @staticmethod
    def infer(frame: pl.DataFrame, target: str, drop: Collection[str] = ()) -> TrainingTable:
        """Find out what is to be learnt, and what each column is.

        Raises
        ------
        DataError
            As `infer_task` and `infer_columns`.
        """
        # The target first: a mistake there is what a person has to know before anything about the others.
        task = infer_task(find_column(frame, target, "the target"))
        return TrainingTable(frame, target, task, infer_columns(frame, target, drop))

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
            **PREPROCESSING[settings.preset],
        )

    def hold_out(self, fraction: float, seed: int) -> Split:
        """Split the rows in two, as `wengert.io.row_split.hold_out`."""
        rng = np.random.default_rng([seed, _HOLD_OUT])
        return hold_out(self.frame.height, fraction, self._classes(), rng)

    def folds(self, count: int, seed: int) -> list[Split]:
        """Split the rows for cross-validation, as `wengert.io.row_split.folds`."""
        return folds(self.frame.height, count, self._classes(), np.random.default_rng([seed, _FOLDS]))

    def train(
        self, rows: np.ndarray, settings: TrainingSettings, *, progress: bool | str = False
    ) -> tuple[TableModel, TrainedNetwork]:
        """Train a model on some of the rows; see `train_network`."""
        preprocessor = self.preprocessor(rows, settings)
        trained = train_network(self.frame[rows], preprocessor, settings, progress=progress)
        return TableModel(preprocessor, trained.network, {}), trained

    def _classes(self) -> np.ndarray | None:
        """Return an integer for the class of each row; None for regression."""
        if self.task.kind == "regression":
            return None
        return self.frame.get_column(self.target).cast(pl.String).rank("dense").to_numpy()


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
