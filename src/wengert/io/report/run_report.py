"""A report of a trained model as one HTML page: scores, figures, the data, how it was trained."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from wengert.io.report import figures, page
from wengert.io.report.figures import Figure
from wengert.io.report.influence_figures import influence_figures
from wengert.io.report.svg import number_text
from wengert.storage.records import from_plain
from wengert.tabular.reading.column_values import as_numbers
from wengert.tabular.scoring.evaluation import SCORE_NAMES, named_scores
from wengert.tabular.table_model import TableModel
from wengert.train.bagging.blending import UnseenLosses
from wengert.version import __version__

_MOST_COLUMNS = 200
_MOST_WORDS = 4


def run_report(model: TableModel, frame: pl.DataFrame, rows: str) -> str:
    """Return the page.

    Parameters
    ----------
    model : TableModel
    frame : polars.DataFrame
        Rows whose target is known.
    rows : str
        Which rows these are, such as ``359 rows held out``.

    Raises
    ------
    DataError
        As `TableModel.score`.
    """
    scores, seen = model.score(frame), model.seen(frame)
    target = model.preprocessor.target
    kind = "regression" if target.kind == "regression" else f"{len(target.classes)} classes"
    parts = [
        f"<h1>{page.escaped(target.name)}</h1>",
        page.paragraph(f"{kind}, predicted from {len(model.preprocessor.columns)} columns; scores on {rows}"),
        page.paragraph(seen.sentence()) if seen is not None and seen.seen else "",
        page.cards((label.strip(), score_text(value)) for label, value in named_scores(scores)),
        _training(model.training),
        _cross_validation(model.training),
        _predictions(model, frame, scores),
        page.section("What moves predictions", page.figures(influence_figures(model, frame))),
        _classes(scores),
        _data(model, frame),
        page.section("Network", page.preformatted(model.network.summary())),
        page.paragraph(f"Written by wengert {__version__}."),
    ]
    return page.page(f"{target.name}: report", [part for part in parts if part])


def score_text(value: float | None) -> str:
    """Return a score for people."""
    return "undefined" if value is None else number_text(value)


def evaluation_figures(model: TableModel, frame: pl.DataFrame, scores: dict[str, Any]) -> dict[str, Figure]:
    """Return the figures that tell how good predictions are, by a name for each."""
    made: dict[str, Figure | None] = {}
    target = model.preprocessor.target
    if model.is_classifier:
        if 1 < len(scores["classes"]) <= figures.MOST_CLASSES:
            made["confusion"] = figures.confusion(scores)
        made["calibration"] = figures.reliability(scores)
        rows = model.preprocessor.transform_target(frame), np.exp(model.log_probabilities(frame))
        made["roc"] = figures.roc(model, *rows)
        made["precision_recall"] = figures.precision_recall(model, *rows)
        made["regions"] = figures.regions(model, frame)
    else:
        actual = as_numbers(model.preprocessor.target_of(frame))
        predicted = model.preprocessor.inverse_target(model.outputs(frame)[:, 0])
        made["predicted"] = figures.predicted_by_actual(actual, predicted, target.name)
        made["errors"] = figures.residuals(actual, predicted, target.name)
    return {name: figure for name, figure in made.items() if figure is not None}


def _predictions(model: TableModel, frame: pl.DataFrame, scores: dict[str, Any]) -> str:
    return page.section("Predictions", page.figures(evaluation_figures(model, frame, scores).values()))


def _training(training: dict[str, Any]) -> str:
    """Return how the model was trained; models that do not tell are left alone."""
    try:
        curves, settings, rows = training["curves"], training["settings"], training["rows"]
        sentence = (
            f"Trained on {rows['training']:,} rows for {training['epochs']} epochs ({training['stopped']}); "
            f"{_decided(rows, curves)}The weights are those of epoch {training['best_epoch']}."
        )
        charts = [figures.learning_curves(curves, training["best_epoch"])] if curves["loss"] else []
    except (KeyError, TypeError, ValueError):
        return ""
    if training.get("unseen"):
        unseen = from_plain(UnseenLosses, training["unseen"])
        sentence += " " + unseen.sentence(training["task"]["kind"] != "regression")
    chosen = [
        (name.replace("_", " "), ", ".join(map(str, value)) if isinstance(value, list) else str(value))
        for name, value in settings.items()
        if value is not None
    ]
    warning = page.paragraph(f"Warning: {training['warning']}") if training.get("warning") else ""
    options = page.table(("setting", ""), chosen)
    columns = f'<div class="figures">{page.figures(charts)}{options}</div>'
    return page.section("Training", page.paragraph(sentence), warning, columns)


def _decided(rows: dict[str, int], curves: dict[str, Any]) -> str:
    """Return by which rows the best epoch was chosen."""
    if rows["validation"]:
        return f"{rows['validation']:,} more rows decided which epoch was best. "
    if any(loss is not None for loss in curves["validation_loss"]):
        return (
            "each member of the ensemble was blind to a part of them, and what it said of that part decided "
            "which epoch was best. "
        )
    return "the loss on these rows decided which epoch was best. "


def _cross_validation(training: dict[str, Any]) -> str:
    """Return the scores of the folds, where there were any."""
    try:
        validated = training["cross_validation"]
        if validated is None:
            return ""
        names = [name for name in SCORE_NAMES if name in validated["scores"]]
        folds = [
            (f"fold {number}", *(score_text(fold[name]) for name in names))
            for number, fold in enumerate(validated["each"], start=1)
        ]
        summary = [
            (label, *(_or_empty(validated["scores"][name][part]) for name in names))
            for label, part in (("mean", "mean"), ("standard deviation", "deviation"))
        ]
    except (KeyError, TypeError):
        return ""
    headers = ("", *(SCORE_NAMES[name] for name in names))
    note = "Models trained without the rows of a fold, scored on them. This model learnt from all rows."
    return page.section(
        f"Cross-validation, {validated['folds']} folds",
        page.paragraph(note),
        page.table(headers, [*summary, *folds], headers[1:]),
    )


def _or_empty(value: float | None) -> str:
    return "" if value is None else score_text(value)


def _classes(scores: dict[str, Any]) -> str:
    if "classes" not in scores:
        return ""
    headers = ("class", "rows", "precision", "recall", "F₁")
    rows = [
        (
            str(one["class"]),
            f"{one['rows']:,}",
            *(f"{one[name]:.3f}" for name in ("precision", "recall", "f1")),
        )
        for one in scores["classes"]
    ]
    return page.section("Classes", page.table(headers, rows, headers[1:]))


def _data(model: TableModel, frame: pl.DataFrame) -> str:
    """Return what stands in the columns that the model uses."""
    columns = model.preprocessor.columns
    rows = [_column(frame.get_column(column.name)) for column in columns[:_MOST_COLUMNS]]
    left = columns[_MOST_COLUMNS:]
    rest = page.paragraph(f"Not shown: {left[0].name} … {left[-1].name} ({len(left)}).") if left else ""
    headers = ("column", "missing", "mean", "deviation", "least", "median", "most", "frequent words")
    return page.section("Data", page.table(headers, rows, headers[1:7]), rest)


def _column(column: pl.Series) -> tuple[str, ...]:
    missing = f"{column.null_count():,}" if column.null_count() else ""
    if column.dtype.is_numeric() or column.dtype == pl.Boolean:
        known = as_numbers(column)
        known = known[~np.isnan(known)]
        if known.size:
            values = known.mean(), known.std(), known.min(), np.median(known), known.max()
            return (column.name, missing, *(number_text(float(value)) for value in values), "")
        return (column.name, missing, *[""] * 6)
    if column.dtype.is_temporal():
        return (
            column.name,
            missing,
            "",
            "",
            str(column.min()),
            str(column.median())[:10],
            str(column.max()),
            "",
        )
    counts = column.drop_nulls().cast(pl.String).value_counts(sort=True)
    name = column.name
    words = [
        f"{word} ({count:,})" for word, count in counts.sort(["count", name], descending=[True, False]).rows()
    ]
    listed = ", ".join(words[:_MOST_WORDS]) + (f", … {len(words)} in all" if len(words) > _MOST_WORDS else "")
    return (column.name, missing, *[""] * 5, listed)
