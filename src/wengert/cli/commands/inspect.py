"""`wengert inspect`: what a saved model is, or what would be made of a table."""

from __future__ import annotations

import os
from pathlib import Path

import polars as pl
from rich.console import Console

from wengert.cli.console import Text, result_console
from wengert.cli.report import describe_task, heading, listing, print_columns
from wengert.cli.train_summary import describe_training, print_outcome_scores
from wengert.errors import DataError, ModelFileError
from wengert.io.table_models import load_table_model
from wengert.io.tables import read_table
from wengert.tabular.columns import Column, infer_column
from wengert.tabular.reading.column_values import is_missing
from wengert.tabular.reading.table_reading import TableReading
from wengert.tabular.reading.text_format import TextFormat
from wengert.tabular.task import task_of


def run(path: str, given: TextFormat) -> int:
    """Describe what is at a path; see `wengert.cli.app.inspect`."""
    console = result_console()
    place = Path(path)
    # A name that does not exist is most likely a model's if it has no suffix; a pipe has none either.
    if path != "-" and (os.path.isdir(path) or not (place.suffix or os.path.exists(path))):
        _describe_model(console, path)
    else:
        _describe_table(console, path, given)
    return 0


def _describe_model(console: Console, path: str) -> None:
    model = load_table_model(path)
    target, training = model.preprocessor.target, model.training
    heading(console, f"{path}: predicts {target.name}, {describe_task(target.kind, len(target.classes))}")
    try:
        columns = [Column(**fields) for fields in training["columns"]]
        sentence = describe_training(training)
        settings = training["settings"]
    except (KeyError, TypeError) as error:
        raise ModelFileError(f"{path} does not say how it was trained ({error}). Train it again.") from None
    if target.classes:
        console.print(Text(f"  classes: {', '.join(str(known) for known in target.classes)}"), soft_wrap=True)
    print_columns(console, columns, model.preprocessor)
    heading(console, "Network")
    for line in model.network.summary().splitlines():
        console.print(Text(f"  {line}"), soft_wrap=True)
    heading(console, "Training")
    console.print(Text(f"  {sentence}"), soft_wrap=True)
    shown = [
        (name.replace("_", " "), _setting(value)) for name, value in settings.items() if value is not None
    ]
    console.print(listing(("", ""), shown))
    print_outcome_scores(console, training)
    console.print()


def _setting(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(str(item) for item in value) or "none"
    return str(value)


def _describe_table(console: Console, path: str, given: TextFormat) -> None:
    frame = read_table(path, given=given, as_text=True)
    reading, notes = TableReading.infer(frame, given)
    frame = reading.apply(frame)
    name = "standard input" if path == "-" else Path(path).name
    heading(console, f"{name}: {frame.height:,} rows, {frame.width:,} columns")
    headers = ("column", "kind", "missing", "as a target", "notes")
    console.print(
        listing(
            headers,
            (_column_line(column, notes.get(column.name, "")) for column in frame),
            numbers=("missing",),
        )
    )
    console.print()


def _column_line(column: pl.Series, note: str) -> tuple[str, str, str, str, str]:
    try:
        inferred = infer_column(column, note)
        kind, note = inferred.kind, inferred.note
    except DataError as error:
        kind, note = "unusable", str(error)
    try:
        task = task_of(column.filter(~is_missing(column)))
        target = "regression" if task.kind == "regression" else f"classes: {len(task.classes)}"
    except DataError:
        target = "no"
    missing = int(is_missing(column).sum())
    return column.name, kind, str(missing) if missing else "", target, note
