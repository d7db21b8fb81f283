"""`wengert train`: from a table to a saved, scored model."""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import polars as pl
from rich.console import Console

from wengert import train
from wengert.cli.console import error_console, label_and_text, result_console
from wengert.cli.entry import INTERRUPTED, SUCCESS
from wengert.cli.progress import progress
from wengert.cli.report import print_columns, print_task
from wengert.cli.train_options import TrainOptions, dropped_columns, train_options
from wengert.cli.train_summary import print_summary
from wengert.io.column_values import find_column
from wengert.io.columns import Column, infer_columns
from wengert.io.evaluation import mean_scores
from wengert.io.model_directory import check_destination
from wengert.io.preprocess import TablePreprocessor
from wengert.io.row_split import folds, hold_out
from wengert.io.table_model import TableModel
from wengert.io.table_training import TrainedNetwork, train_network
from wengert.io.tables import read_table
from wengert.io.task import Task, infer_task

# Training can be asked to tell somebody how it goes; the text names the part of the work.
ShowProgress = Callable[[str], list[train.Callback]]


@dataclasses.dataclass(frozen=True)
class TrainingTable:
    """A table with what was found out about it."""

    frame: pl.DataFrame
    columns: tuple[Column, ...]
    task: Task
    target: str

    def preprocessor(self, rows: np.ndarray) -> TablePreprocessor:
        """Fit the preprocessing on some of the rows."""
        return TablePreprocessor.fit(self.frame[rows], self.target, columns=self.columns, task=self.task)

    def classes(self) -> np.ndarray | None:
        """Return an integer for the class of each row; None for regression."""
        if self.task.kind == "regression":
            return None
        return self.frame.get_column(self.target).cast(pl.String).rank("dense").to_numpy()


def run(file: str, given: Mapping[str, Any], config: str | None, *, as_json: bool, quiet: bool) -> int:
    """Train on a file; see `wengert.cli.app.train`."""
    options = train_options(file, given, config)
    check_destination(options.directory)
    errors = error_console()
    report = Console(quiet=True) if as_json or quiet else result_console()
    started = time.monotonic()
    table = _read(file, options)
    if table.task.warning:
        errors.print(label_and_text("warning", f"{table.task.warning}."), soft_wrap=True)
    classes = table.classes()
    rng = np.random.default_rng([options.settings.seed, 0])
    kept, held = hold_out(table.frame.height, options.test_fraction, classes, rng)
    preprocessor = table.preprocessor(kept)
    print_task(report, table.target, table.task)
    print_columns(report, table.columns, preprocessor)
    report.print()

    def show(label: str) -> list[train.Callback]:
        return [] if quiet else [progress(errors, label)]

    trained = train_network(table.frame[kept], preprocessor, options.settings, show("training"))
    model = TableModel(preprocessor, trained.network, {})
    scores = model.score(table.frame[held]) if held.size else None
    validated, interrupted = None, trained.interrupted
    if options.folds is not None and not interrupted:
        validated, interrupted = _cross_validate(table, options, classes, show)
    training = _description(table, options, trained, scores, validated)
    dataclasses.replace(model, training=training).save(options.directory)
    outcome = {
        **training,
        "file": file,
        "model": str(options.directory),
        "interrupted": interrupted,
        "seconds": round(time.monotonic() - started, 3),
    }
    print_summary(report, outcome, options.directory)
    if as_json:
        sys.stdout.write(json.dumps(outcome, allow_nan=False) + "\n")
    return INTERRUPTED if interrupted else SUCCESS


def _read(file: str, options: TrainOptions) -> TrainingTable:
    frame = read_table(file)
    target = find_column(frame, options.target, "the target")
    drop = dropped_columns(options.drop, frame.columns)
    # The target first: a mistake there is what a person has to know before anything about the others.
    task = infer_task(target)
    return TrainingTable(frame, infer_columns(frame, options.target, drop), task, options.target)


def _cross_validate(
    table: TrainingTable, options: TrainOptions, classes: np.ndarray | None, show: ShowProgress
) -> tuple[dict[str, Any] | None, bool]:
    """Score by cross-validation: the scores of the folds that were finished, and whether Ctrl-C ended it."""
    assert options.folds is not None
    scores: list[dict[str, Any]] = []
    interrupted = False
    rng = np.random.default_rng([options.settings.seed, 2])
    for kept, held in folds(table.frame.height, options.folds, classes, rng):
        preprocessor = table.preprocessor(kept)
        label = f"fold {len(scores) + 1} of {options.folds}"
        trained = train_network(table.frame[kept], preprocessor, options.settings, show(label))
        if trained.interrupted:
            interrupted = True
            break
        scores.append(TableModel(preprocessor, trained.network, {}).score(table.frame[held]))
    if not scores:
        return None, interrupted
    return {"folds": len(scores), "scores": mean_scores(scores), "each": scores}, interrupted


def _description(
    table: TrainingTable,
    options: TrainOptions,
    trained: TrainedNetwork,
    scores: dict[str, Any] | None,
    validated: dict[str, Any] | None,
) -> dict[str, Any]:
    """Return what is saved with the model about its making; the same run gives the same."""
    rows = table.frame.height
    return {
        "target": table.target,
        "task": {"kind": table.task.kind, "classes": list(table.task.classes), "reason": table.task.reason},
        "columns": [dataclasses.asdict(column) for column in table.columns],
        "rows": {
            "all": rows,
            "training": trained.training_rows,
            "validation": trained.validation_rows,
            "held_out": rows - trained.training_rows - trained.validation_rows,
        },
        "settings": options.settings.to_json(),
        "epochs": len(trained.history),
        "best_epoch": trained.best_epoch,
        "stopped": trained.stopped,
        "scores": scores,
        "cross_validation": validated,
    }
