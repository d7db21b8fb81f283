"""`wengert train`: from a table to a saved, scored model."""

from __future__ import annotations

import dataclasses
import json
import os
import shlex
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from rich.console import Console

from wengert.cli import command_clock
from wengert.cli.commands.html_report import check_report, write_report
from wengert.cli.commands.learning import Learn, learn_once, learn_seeds
from wengert.cli.commands.training_workers import joined, learn_together, plain, supervised
from wengert.cli.console import Text, error_console, label_and_text, result_console, write
from wengert.cli.exit_codes import INTERRUPTED, SUCCESS
from wengert.cli.option_types import WorkerOptions
from wengert.cli.reading_progress import ReadingProgress
from wengert.cli.report import one_line, print_columns, print_task
from wengert.cli.train_options import TrainOptions, dropped_columns, train_options
from wengert.cli.train_summary import print_summary, rows_scored
from wengert.cluster.workers import Workers
from wengert.errors import ConfigurationError, DataError, ModelFileError
from wengert.io.model_directory import check_destination, check_group
from wengert.io.parquet_stream import STREAMED_CELLS, ParquetStream, is_parquet, large_parquet
from wengert.io.streamed_table import StreamedTable
from wengert.io.table_models import save_table_model
from wengert.io.tables import read_table
from wengert.storage.records import to_plain
from wengert.tabular.held_out_results import HeldOutResults, record_of
from wengert.tabular.preprocess import TablePreprocessor
from wengert.tabular.scoring.evaluation import mean_scores
from wengert.tabular.table_model import TableModel
from wengert.tabular.table_training import TrainedNetwork
from wengert.tabular.target_copies import target_copies
from wengert.tabular.task import refuse_negative
from wengert.tabular.training_settings import TrainingSettings
from wengert.tabular.training_table import TrainingTable, cross_validate, rows_with_target
from wengert.train.row_split import Split

_LONG = ("fingerprints", "nonconformity")  # what the record keeps and nobody reads
# Saving a model and saying so takes about this part of the time in which the command starts.
_AFTERWARDS = 0.25
_MOST_REPORTED = 100_000  # rows that a report is made of where none were held out


def run(
    files: tuple[str, ...],
    given: Mapping[str, Any],
    config: str | None,
    processes: WorkerOptions,
    *,
    page: str | None,
    as_json: bool,
    quiet: bool,
) -> int:
    """Train on a file, or several; see `wengert.cli.app.train`."""
    code = supervised(processes)
    if code is not None:
        return code
    options = train_options(files[0], given, config)
    workers = joined(processes, options, given.get("preset"))
    learn: Learn = learn_seeds if options.seeds > 1 else learn_once
    if workers is not None:
        as_json, quiet = as_json and workers.rank == 0, quiet or workers.rank > 0
        options, learn = plain(options, quiet=quiet), learn_together
    each = options.of_each_target()
    if page is not None:
        if len(each) > 1:
            raise ConfigurationError(
                "a report is of one model, and there are several targets. Write them with `wengert report`."
            )
        check_report(Path(page))
    if len(each) > 1:
        check_group(options.directory)
    outcomes: list[dict[str, Any]] = []
    for one in each:
        began = time.perf_counter() if outcomes else command_clock.began()
        outcomes.append(
            train_table(files, one, page, learn, workers, began=began, silent=as_json or quiet, quiet=quiet)
        )
        if outcomes[-1]["interrupted"]:
            break
    if as_json:
        document = outcomes[0] if len(each) == 1 else {"targets": outcomes}
        write(json.dumps(document, allow_nan=False) + "\n", verbatim=True)
    return INTERRUPTED if outcomes[-1]["interrupted"] else SUCCESS


def train_table(
    files: tuple[str, ...],
    options: TrainOptions,
    page: str | None,
    learn: Learn,
    workers: Workers | None = None,
    *,
    began: float,
    silent: bool,
    quiet: bool,
) -> dict[str, Any]:
    """Train, score and save the model of one target; return the object that ``--json`` prints.

    Parameters
    ----------
    files : tuple of str
    options : TrainOptions
    page : str or None
        Where the report goes.
    learn : callable
        Gives the model of some of the rows.
    workers : Workers, optional
        The workers of the job, of which this process is one; the first scores and saves.
    began : float
        When, by `time.perf_counter`; a time limit is counted from there.
    silent : bool
        Whether results are not printed.
    quiet : bool
        Whether nothing is.
    """
    starting = time.perf_counter() - began
    check_destination(options.directory)
    table = _open(files, options, workers, quiet)
    for remark in (table.left_out, table.task.warning, _copies(table)):
        _warn(remark)
    # Before anything is trained, since there may be too few rows for them.
    splits: list[Split] = []
    if options.folds is not None and isinstance(table, TrainingTable):
        splits = table.folds(options.folds, options.settings.seed)
    kept, held = table.hold_out(options.test_fraction, options.settings.seed)
    _warn(_large_group(table, kept, options))
    preprocessor = table.preprocessor(kept, options.settings)
    scored = _rows_to_score(table, held, options, preprocessor)
    report = Console(quiet=True) if silent else result_console()
    print_task(report, table.target, table.task)
    print_columns(report, table.columns, preprocessor)
    report.print()

    left = options.settings.after(time.perf_counter() - began + _AFTERWARDS * starting)
    learnt = learn(table, kept, dataclasses.replace(options, settings=left), quiet)
    if workers is not None and workers.rank:
        return {"interrupted": learnt.interrupted}
    model, trained, interrupted = learnt.model, learnt.trained, learnt.interrupted
    _warn(trained.warning)
    training = _description(files[0], table, learnt.settings, options, trained, scored.height)
    training |= _scores(model, scored, table, trained) | learnt.record(scored)
    model = dataclasses.replace(model, training=training)
    # Saved before the folds are trained: whatever happens there, the model is safe.
    _save(model, options.directory)
    seen = model.seen(scored) if scored.height else None
    _warn("" if seen is None else seen.sentence())
    if splits and isinstance(table, TrainingTable) and not interrupted:
        validated, interrupted = _cross_validate(table, splits, options, quiet)
        training |= validated  # which the model has
        save_table_model(model, options.directory)
    outcome = {
        **{name: value for name, value in training.items() if name not in _LONG},
        "trained_on": None if seen is None else dataclasses.asdict(seen),
        "model": str(options.directory),
        "interrupted": interrupted,
        "seconds": round(time.perf_counter() - began, 3),
    }
    if page is not None:
        shown = scored if scored.height else table.rows_of(kept[:: 1 + kept.size // _MOST_REPORTED])
        which = rows_scored(training) if scored.height else "of the rows that it learnt from"
        write_report(model, shown, f"{shown.height:,} {which}", Path(page))
        outcome["report"] = page
    print_summary(report, outcome, options.directory)
    return outcome


def _scores(
    model: TableModel,
    scored: pl.DataFrame,
    table: TrainingTable | StreamedTable,
    trained: TrainedNetwork,
) -> dict[str, Any]:
    """Return what the record keeps of rows held out; without such, of what blind members say of rows."""
    if scored.height:
        outputs = model.outputs(scored)
        scores = model.score(scored, outputs)
        return {"scores": scores, **record_of([HeldOutResults.of(model, scored, outputs)])}
    if trained.unseen_outputs is None:
        return {"scores": None, **record_of([])}
    rows, outputs = trained.unseen_outputs
    return {"scores": None, **record_of([HeldOutResults.of(model, table.rows_of(rows), outputs)])}


def _save(model: TableModel, directory: Path) -> None:
    """Save a model; where that fails, among the temporary files, so that no training is lost."""
    try:
        save_table_model(model, directory)
    except ModelFileError as error:
        shelter = Path(tempfile.mkdtemp(prefix="wengert-"))
        try:
            save_table_model(model, shelter / directory.name)
        except ModelFileError:
            shelter.rmdir()
            raise error from None
        raise ModelFileError(f"{error}\nWhat was learnt is not lost: {shelter / directory.name}") from None


def _open(
    files: tuple[str, ...], options: TrainOptions, workers: Workers | None, quiet: bool
) -> TrainingTable | StreamedTable:
    """Read a table, or only a sample of it where it is too large for memory, or workers share it."""
    file = files[0]
    if len(files) == 1 and workers is None:
        stream = large_parquet(Path(file))
    else:
        stream = _stream(files, workers)
        file = stream.name
    loss = options.settings.loss
    if stream is None:
        frame = read_table(file, given=options.text, as_text=True)
        drop = dropped_columns(options.drop, frame.columns)
        return TrainingTable.infer(frame, options.target, drop, options.text, options.roles, loss=loss)
    roles = {name: value for name, value in vars(options.roles).items() if value is not None}
    if options.settings.class_weight is not None:
        roles["class-weight"] = options.settings.class_weight
    for name, value in roles.items():
        raise ConfigurationError(
            f"--{name} {value}: {file} is too large for memory ({stream.cells:,} cells; above "
            f"{STREAMED_CELLS:,} a Parquet file is streamed), and such rows are not weighed or split by "
            "columns. Take a part of them."
        )
    if options.folds is not None:
        raise ConfigurationError(
            f"--cv {options.folds}: cross-validation holds the table in memory, and {file} is too large for "
            f"that ({stream.cells:,} cells; above {STREAMED_CELLS:,} a Parquet file is streamed). Score it "
            "on rows held out: --test-fraction 0.2."
        )
    drop = dropped_columns(options.drop, stream.names)
    report = ReadingProgress(file, quiet=quiet)
    return StreamedTable.infer(
        stream, options.target, drop, loss=loss, seed=options.settings.seed, report=report
    )


def _stream(files: tuple[str, ...], workers: Workers | None) -> ParquetStream:
    other = next((file for file in files if not is_parquet(Path(file))), None)
    if other is not None:
        raise ConfigurationError(
            f"{other} is no Parquet file; several files, and those that workers share, are read a part at a "
            "time, which takes Parquet"
        )
    return ParquetStream.open(*map(Path, files), workers=workers)


def _rows_to_score(
    table: TrainingTable | StreamedTable,
    held: np.ndarray,
    options: TrainOptions,
    preprocessor: TablePreprocessor,
) -> pl.DataFrame:
    """Return the rows held out, or those of the table to score on, which are looked at before training.

    Raises
    ------
    DataError
        As `read_table` and `TablePreprocessor.encode`, with the name of that table.
    """
    if options.test is None:
        return table.rows_of(held)
    reading = preprocessor.reading.instead(options.text)
    try:
        frame = reading.apply(read_table(options.test, given=reading.format, as_text=True))
        known, left_out = rows_with_target(preprocessor.target_column(frame))
        frame = frame.filter(known)
        preprocessor.encode(frame)
        refuse_negative(preprocessor.target_of(frame), options.settings.loss)
    except DataError as error:
        raise DataError(f"--test {options.test}: {error}") from None
    _warn(left_out and f"--test {options.test}: {left_out}")
    return frame


def _cross_validate(
    table: TrainingTable, splits: list[Split], options: TrainOptions, quiet: bool
) -> tuple[dict[str, Any], bool]:
    """Return what the record keeps of the folds that were finished, and whether Ctrl-C kept some from it."""
    done = 0

    def report(scores: dict[str, Any]) -> None:
        nonlocal done
        done += 1
        if not quiet:
            line = f"fold {done} of {len(splits)}: {one_line(scores)}"
            error_console().print(Text(line), soft_wrap=True)

    progress = False if quiet else "auto"
    settings = options.settings
    each, results, interrupted = cross_validate(table, splits, settings, progress=progress, report=report)
    summary = {"folds": len(each), "scores": mean_scores(each), "each": each} if each else None
    return {"cross_validation": summary, **record_of(results)}, interrupted


def _description(
    file: str,
    table: TrainingTable | StreamedTable,
    settings: TrainingSettings,
    options: TrainOptions,
    trained: TrainedNetwork,
    held_out: int,
) -> dict[str, Any]:
    """Return what is saved with the model about its making; the same run gives the same."""
    task = dataclasses.asdict(table.task)
    return {
        # A name that is no text in UTF-8 would be no JSON.
        "file": os.fsencode(file).decode("utf-8", "backslashreplace"),
        "target": table.target,
        "task": {**task, "classes": list(table.task.classes)},
        "columns": [dataclasses.asdict(column) for column in table.columns],
        "drop": list(table.drop),
        "rows": {
            "all": table.rows,
            "training": trained.training_rows,
            "validation": trained.validation_rows,
            "held_out": held_out,
        },
        "settings": {**settings.to_json(), "time_limit": options.settings.time_limit},
        "roles": dataclasses.asdict(options.roles),
        "test": options.test and os.fsencode(options.test).decode("utf-8", "backslashreplace"),
        "epochs": len(trained.history),
        "best_epoch": trained.best_epoch,
        "stopped": trained.stopped,
        "curves": {
            "loss": [epoch.loss for epoch in trained.history],
            "validation_loss": [epoch.validation_loss for epoch in trained.history],
        },
        "warning": trained.warning,
        "unseen": None if trained.unseen is None else to_plain(trained.unseen),
        "fingerprints": to_plain(trained.fingerprints),
        "scores": None,
        "cross_validation": None,
    }


def _copies(table: TrainingTable | StreamedTable) -> str:
    """Return what to say of features that hold the target; empty where there are none."""
    frame = table.frame if isinstance(table, TrainingTable) else table.sample
    names = target_copies(frame, table.target, table.columns, classes=bool(table.task.classes))
    if not names:
        return ""
    listed = ", ".join(map(repr, names))
    which = listed if len(names) == 1 else f"each of {listed}"
    return (
        f"{which} tells the target {table.target!r} in other words or units. Unless that is known where "
        f"predictions are made, the scores say nothing: leave it out (--drop {shlex.quote(','.join(names))})."
    )


def _large_group(table: TrainingTable | StreamedTable, kept: np.ndarray, options: TrainOptions) -> str:
    """Return what to say of a group that no member of the ensemble can be blind to; empty without one."""
    if options.settings.preset != "tabular" or isinstance(table, StreamedTable):
        return ""
    division = table.division.part(kept)
    if division.has_small_groups or not division.several:
        return ""
    return (
        f"a value of {options.roles.group!r} (--group) has more than half of the rows, too many for a member "
        "of the ensemble to be blind to. Some rows are held out to decide when to stop, and no line is "
        "blended."
    )


def _warn(message: str) -> None:
    if message:
        error_console().print(label_and_text("warning", message), soft_wrap=True)
