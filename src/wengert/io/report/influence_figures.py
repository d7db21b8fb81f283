"""Figures of what moves predictions: the columns that a model needs, and how it goes with their values."""

from __future__ import annotations

import numpy as np
import polars as pl

from wengert.io.report.figures import Figure
from wengert.io.report.svg import Chart, bars
from wengert.tabular.scoring.influence import Dependence, Importance, importances, partial_dependence
from wengert.tabular.table_model import TableModel

_MOST_COLUMNS = 20
_MOST_DEPENDENCES = 6
_MOST_CLASSES = 4
_DAYS_A_YEAR = 365.2425


def influence_figures(model: TableModel, frame: pl.DataFrame) -> list[Figure]:
    """Return the importances of the columns, and the partial dependence on those that count."""
    found = importances(model, frame)
    figures = [importance_figure(found, model.is_classifier)]
    needed = [one.column for one in found if one.low > 0][:_MOST_DEPENDENCES]
    for name in needed:
        dependence = partial_dependence(model, frame, name)
        if dependence is not None:
            figures.append(dependence_figure(model, dependence))
    return figures


def importance_figure(found: list[Importance], classes: bool) -> Figure:
    """Show how much the model needs each column."""
    shown = found[:_MOST_COLUMNS]
    svg = bars(
        [one.column for one in shown],
        [one.value for one in shown],
        "growth of the log-loss" if classes else "loss of R²",
        "Importance of the columns",
        [(one.low, one.high) for one in shown],
    )
    left = f" {len(found) - len(shown)} more columns count less." if len(found) > len(shown) else ""
    grows = "log-loss grows" if classes else "R² falls"
    return svg, (
        f"By how much the {grows} on these rows when the values of a column are dealt out anew among them, "
        f"with 95 % intervals. Columns that say the same share their importance.{left}"
    )


def dependence_figure(model: TableModel, dependence: Dependence) -> Figure:
    """Show how mean predictions go with a column; of several classes those that it moves most."""
    target, means = model.preprocessor.target, dependence.means
    classes = [f"probability of {known}" for known in target.classes]
    spans = np.ptp(means, axis=0)
    if len(classes) > 2:
        shown = np.sort(np.argsort(-spans, kind="stable")[:_MOST_CLASSES]).tolist()
    else:
        shown = [len(classes) - 1] if classes else [0]
    names = classes or [f"predicted {target.name}"]
    title = f"{target.name} by {dependence.column}"
    caption = (
        f"Mean prediction of these rows if {dependence.column} were this in all of them, and all else as it "
        "is."
    )
    if dependence.kind in ("categorical", "boolean"):
        most = max(shown, key=lambda output: spans[output])
        words = list(map(str, dependence.values))
        return bars(words, means[:, most].tolist(), names[most], title), caption
    values, column = np.array(dependence.values, np.float64), dependence.column
    if dependence.kind == "date":
        values, column = 1970 + values / _DAYS_A_YEAR, f"{column}, year"
    limits = (0.0, 1.0) if classes else (float(means.min()), float(means.max()))
    axis = names[shown[0]] if len(shown) == 1 else "probability"
    chart = Chart((float(values[0]), float(values[-1])), limits, (column, axis), title)
    for output in shown:
        name = str(target.classes[output]) if len(shown) > 1 else ""
        chart.curve(zip(values.tolist(), means[:, output].tolist(), strict=True), output, name)
    return chart.svg(), caption
