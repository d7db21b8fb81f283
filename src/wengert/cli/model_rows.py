"""A saved model and rows of a table, as `explain` and `draw` take them."""

from __future__ import annotations

import os

import polars as pl

from wengert.cli.console import error_console, label_and_text
from wengert.errors import ConfigurationError, DataError
from wengert.io.table_models import load_table_model, read_as_in_training
from wengert.tabular.reading.text_format import TextFormat
from wengert.tabular.scoring.thresholds import threshold_of
from wengert.tabular.table_model import TableModel
from wengert.tabular.training_table import rows_with_target


def read_labelled(model: TableModel, file: str, given: TextFormat) -> pl.DataFrame:
    """Read the rows of a table whose target is known; a warning says how many are not.

    Raises
    ------
    DataError
        As `TableModel.read`, or if there is no target.
    """
    frame = read_as_in_training(model, file, given)
    known, left_out = rows_with_target(model.preprocessor.target_column(frame))
    if left_out:
        error_console().print(label_and_text("warning", left_out), soft_wrap=True)
    return frame.filter(known)


def model_threshold(model: TableModel, text: str | None) -> float | None:
    """Return the threshold that ``--threshold`` asks for; see `threshold_of`."""
    if text is None:
        return None
    classes = len(model.preprocessor.target.classes)
    return threshold_of(text, classes, model.training.get("f1_threshold"))


def load_rows(
    directory: str, data: str | None, row: str | None
) -> tuple[TableModel, pl.DataFrame, list[int]]:
    """Return a model, the table that rows are counted in, and the rows.

    Parameters
    ----------
    directory : str
    data : str or None
        ``--data``; by default the table that the model was trained on.
    row : str or None
        ``--row``.

    Raises
    ------
    ConfigurationError, DataError, ModelFileError
    """
    from wengert.cli.formula_options import read_rows  # loads all that explains, which training does without

    model = load_table_model(directory)
    rows = read_rows(row)
    file = data or model.training.get("file")
    if not isinstance(file, str) or (file == "-" and not data):
        raise ConfigurationError("--data: name the table that --row counts in")
    # Without --data it is the model that names the file, so a pipe or a device is not opened.
    if not data and not os.path.isfile(file):
        raise DataError(f"{directory} was trained on {file}, which is not here. Name the table with --data.")
    return model, read_as_in_training(model, file), rows
