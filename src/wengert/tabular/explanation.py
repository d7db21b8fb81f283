"""The derivation of a trained model's gradient, and its drawing, at rows of a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import polars as pl

from wengert.errors import DataError
from wengert.explain.derivation import Derivation
from wengert.explain.drawing.drawing import Drawing
from wengert.explain.drawing.entry import draw
from wengert.explain.engine import Array
from wengert.explain.entry import explain
from wengert.tabular.plain_recipe import loss_of
from wengert.tabular.table_model import TableModel
from wengert.tabular.training_settings import TrainingSettings
from wengert.train.bagging.calibration import without_calibration
from wengert.train.steps.objective import find_loss


def explain_rows(model: TableModel, frame: pl.DataFrame, rows: Sequence[int], **options: Any) -> Derivation:
    """Derive the gradient of a model's loss at rows of a table.

    Parameters
    ----------
    model : TableModel
    frame : polars.DataFrame
        At least the columns of training and the target.
    rows : sequence of int
        Counted from 1, as a person counts the rows below the header. One is a sample, several are a batch.
    **options
        As for `wengert.explain`.

    Returns
    -------
    Derivation
        Of the loss that the model was trained with (its labels not smoothed, nothing calibrated), by all
        parameters if no others are named. The inputs are the preprocessed columns, the target is that of
        training (one row of 0 and 1 for each class).

    Raises
    ------
    DataError
        If there is no such row, or a value cannot be used; names column and row.
    """
    args, loss = _at_rows(model, frame, rows)
    return explain(without_calibration(model.network), *args, loss=loss, **options)


def draw_rows(model: TableModel, frame: pl.DataFrame, rows: Sequence[int], **options: Any) -> Drawing:
    """Draw a model with its loss at rows of a table; parameters and exceptions as for `explain_rows`.

    Returns
    -------
    Drawing
    """
    args, loss = _at_rows(model, frame, rows)
    return draw(without_calibration(model.network), *args, loss=loss, **options)


def _at_rows(
    model: TableModel, frame: pl.DataFrame, rows: Sequence[int]
) -> tuple[tuple[Array, Array], Callable[..., Any]]:
    """Return the inputs and targets of rows, and the loss that the model was trained with."""
    if not rows:
        raise DataError("name at least one row")
    for row in rows:
        if not 1 <= row <= frame.height:
            raise DataError(f"row {row}: the table has rows 1 to {frame.height}")
    chosen = frame[[row - 1 for row in rows]]
    features, targets = model.preprocessor.encode(chosen)
    features = features.astype(np.float64)
    if not model.is_classifier:
        targets = targets.astype(np.float64)
    if len(rows) == 1:  # one sample is explained with vectors, as on paper
        features, targets = features[0], targets[0]
    settings = TrainingSettings.of(model.training) if model.training else TrainingSettings()
    return (features, targets), find_loss(loss_of(model.preprocessor, settings))
