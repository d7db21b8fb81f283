"""The figures of a report, each as SVG with a caption."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import polars as pl

from wengert.io.report.svg import SERIES, Chart, matrix
from wengert.io.table_models import portable
from wengert.tabular.reading.column_values import as_numbers
from wengert.tabular.scoring.curves import precision_recall_curve, roc_curve
from wengert.tabular.table_model import TableModel

Figure = tuple[str, str]

MOST_CLASSES = 20  # that a confusion matrix can be read with
_MOST_POINTS = 1500
_GRID = 64  # tiles across a map of predictions
_LEVELS = 5  # of certainty that are distinguished there


def learning_curves(curves: dict[str, Any], best_epoch: int | None) -> Figure:
    """Show training and validation loss by epoch."""
    series = {"training": curves["loss"], "validation": curves["validation_loss"]}
    known = [value for values in series.values() for value in values if value is not None]
    low, high = min(known), max(known)
    logarithmic = low > 0 and high / low > 10
    epochs = len(curves["loss"])
    chart = Chart((1, epochs), (low, high), ("epoch", "loss"), "Loss by epoch", logarithmic=logarithmic)
    if best_epoch is not None:
        chart.mark((best_epoch, low), (best_epoch, high), f"best: {best_epoch}")
    for number, (name, values) in enumerate(series.items()):
        points = [(epoch, value) for epoch, value in enumerate(values, start=1) if value is not None]
        if points:
            chart.curve(points, number, name)
    return chart.svg(), "Loss by epoch" + ("; the scale is logarithmic." if logarithmic else ".")


def confusion(scores: dict[str, Any]) -> Figure:
    """Show rows by actual and predicted class."""
    names = [str(entry["class"]) for entry in scores["classes"]]
    svg = matrix(scores["confusion"], names, ("actual class", "predicted class"), "Confusion matrix")
    return svg, "Rows by actual class (down) and predicted class (across); right ones on the diagonal."


def reliability(scores: dict[str, Any]) -> Figure:
    """Show how often predictions are right, by how sure they are."""
    chart = Chart((0, 1), (0, 1), ("confidence", "part right"), "Calibration: part right by confidence")
    for entry in scores["calibration"]:
        chart.tile((entry["low"], entry["high"]), (0, entry["accuracy"]), 0, 0.35)
    chart.mark((0, 0), (1, 1))
    chart.points([(one["confidence"], one["accuracy"]) for one in scores["calibration"]], 0)
    error = scores["calibration_error"]
    return chart.svg(), (
        "Part of the predictions that are right, by the probability that they were given. On the dashed line "
        f"both agree; they differ by {error:.3f} on average (expected calibration error)."
    )


def roc(model: TableModel, actual: np.ndarray, probabilities: np.ndarray) -> Figure | None:
    """Show true by false positive rates, of each class against the others."""
    chart = Chart((0, 1), (0, 1), ("false positive rate", "true positive rate"), "ROC curve")
    chart.mark((0, 0), (1, 1))
    if not _curves(chart, roc_curve, model, actual, probabilities):
        return None
    return chart.svg(), (
        "Part of a class that is found (up) by the part of the other rows that is taken for it (across), "
        "from the strictest threshold to the laxest. On the dashed line are guesses."
    )


def precision_recall(model: TableModel, actual: np.ndarray, probabilities: np.ndarray) -> Figure | None:
    """Show precision by recall, of each class against the others."""
    chart = Chart((0, 1), (0, 1), ("recall", "precision"), "Precision by recall")
    if not _curves(chart, precision_recall_curve, model, actual, probabilities):
        return None
    return chart.svg(), (
        "Part of the rows taken for a class that are of it (up) by the part of the class that is found "
        "(across)."
    )


def _curves(
    chart: Chart,
    curve: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]],
    model: TableModel,
    actual: np.ndarray,
    probabilities: np.ndarray,
) -> bool:
    """Draw the curve of each class that has rows and is not all; of two the second's, of many none."""
    classes = model.preprocessor.target.classes
    if len(classes) > SERIES:
        return False
    drawn = 0
    for place in (1,) if len(classes) == 2 else range(len(classes)):
        positive = actual == place
        if positive.any() and not positive.all():
            points = np.stack(curve(positive, probabilities[:, place]), axis=1)
            chart.curve(points[_chosen(len(points))].tolist(), place, str(classes[place]))
            drawn += 1
    return drawn > 0


def predicted_by_actual(actual: np.ndarray, predicted: np.ndarray, name: str) -> Figure:
    """Show predictions of numbers beside the truth."""
    limits = float(min(actual.min(), predicted.min())), float(max(actual.max(), predicted.max()))
    chart = Chart(limits, limits, (f"actual {name}", f"predicted {name}"), f"Predicted {name} by actual")
    chart.mark((limits[0], limits[0]), (limits[1], limits[1]))
    chosen = _chosen(len(actual))
    chart.points(zip(actual[chosen].tolist(), predicted[chosen].tolist(), strict=True), 0, opacity=0.6)
    shown = (
        f" {len(chosen):,} rows, taken at equal distances, are shown." if len(chosen) < len(actual) else ""
    )
    return chart.svg(), f"On the dashed line the prediction is right.{shown}"


def residuals(actual: np.ndarray, predicted: np.ndarray, name: str) -> Figure:
    """Show how far predictions of numbers are off."""
    counts, edges = np.histogram(predicted - actual, bins=min(40, 8 + int(math.sqrt(len(actual)))))
    chart = Chart(
        (float(edges[0]), float(edges[-1])),
        (0, float(counts.max())),
        (f"predicted − actual {name}", "rows"),
        "Errors of the predictions",
    )
    for count, low, high in zip(counts.tolist(), edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        chart.tile((low, high), (0, count), 0, 0.6)
    if edges[0] < 0 < edges[-1]:
        chart.mark((0, 0), (0, float(counts.max())))
    return chart.svg(), "Number of rows by how far the prediction is off."


def regions(model: TableModel, frame: pl.DataFrame) -> Figure | None:
    """Show what is predicted over the plane of two numeric columns; None where that is not all there is."""
    columns = model.preprocessor.columns
    wanted = [column.name for column in portable(model).numeric_columns if column.kind == "numeric"]
    many = len(model.preprocessor.target.classes) > SERIES
    if len(columns) != 2 or len(wanted) != 2 or many or not model.is_classifier:
        return None
    points = np.stack([as_numbers(frame.get_column(name)) for name in wanted], axis=1)
    points = points[~np.isnan(points).any(axis=1)]
    if not len(points):
        return None
    low, high = points.min(axis=0), points.max(axis=0)
    margin = np.where(high > low, 0.06 * (high - low), 1.0)
    (x0, y0), (x1, y1) = (low - margin).tolist(), (high + margin).tolist()
    chart = Chart((x0, x1), (y0, y1), (wanted[0], wanted[1]), "Predicted classes", size=(560, 460))
    xs, ys = np.linspace(x0, x1, _GRID + 1), np.linspace(y0, y1, _GRID + 1)
    across, up = np.meshgrid((xs[:-1] + xs[1:]) / 2, (ys[:-1] + ys[1:]) / 2)
    grid = pl.DataFrame({wanted[0]: across.ravel(), wanted[1]: up.ravel()})
    probabilities = np.exp(model.log_probabilities(grid))
    count = probabilities.shape[1]
    certain = (
        (probabilities.max(axis=1) - 1 / count) / (1 - 1 / count)
        if count > 1
        else np.ones(len(probabilities))
    )
    levels = np.minimum((certain * _LEVELS).astype(int), _LEVELS - 1)
    codes = (probabilities.argmax(axis=1) * _LEVELS + levels).reshape(_GRID, _GRID)
    for row in range(_GRID):
        for first, last in _runs(codes[row]):
            winner, level = divmod(int(codes[row, first]), _LEVELS)
            limits = (float(xs[first]), float(xs[last])), (float(ys[row]), float(ys[row + 1]))
            chart.tile(*limits, winner, 0.10 + 0.09 * level)
    _class_points(chart, model, frame, wanted)
    return chart.svg(), (
        "Predicted class over the two columns; paler where the model is less sure. The dots are rows of the "
        "table, in the colour of their actual class."
    )


def _class_points(chart: Chart, model: TableModel, frame: pl.DataFrame, names: Sequence[str]) -> None:
    """Draw the rows of a table in the colours of their classes."""
    actual = model.preprocessor.transform_target(frame)
    points = np.stack([as_numbers(frame.get_column(name)) for name in names], axis=1)
    chosen = _chosen(len(points))
    known = chosen[~np.isnan(points[chosen]).any(axis=1)]
    for place, name in enumerate(model.preprocessor.target.classes):
        mine = known[actual[known] == place]
        chart.points(points[mine].tolist(), place, str(name), opacity=0.9)


def _chosen(rows: int) -> np.ndarray:
    """Return rows at equal distances, as many as can be shown."""
    return np.linspace(0, rows - 1, min(rows, _MOST_POINTS)).astype(np.int64)


def _runs(codes: np.ndarray) -> list[tuple[int, int]]:
    """Return where equal neighbours begin and end."""
    borders = [0, *(np.flatnonzero(np.diff(codes)) + 1).tolist(), len(codes)]
    return list(itertools.pairwise(borders))
