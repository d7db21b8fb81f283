"""Which columns a model needs, and how predictions go with their values."""

from __future__ import annotations

import dataclasses

import numpy as np
import polars as pl

from wengert.tabular.reading.column_values import as_numbers
from wengert.tabular.scoring import metrics
from wengert.tabular.scoring.permutation import permutation_importance
from wengert.tabular.table_model import TableModel

_MOST_PREDICTIONS = 60_000  # that the importances of all columns may take
_MOST_ROWS, _FEWEST_ROWS, _MOST_REPEATS = 1000, 50, 5
_GRID, _GRID_ROWS = 20, 100  # values of a column, and rows that predictions are averaged over at each
_MOST_WORDS = 8
_TAIL = 0.025  # of the rows, on both sides, over which the values do not reach


@dataclasses.dataclass(frozen=True)
class Importance:
    """How much a model needs a column.

    Attributes
    ----------
    column : str
    value, low, high : float
        Growth of the mean loss when the column's values are dealt out anew among the rows, and its 95 %
        interval (`permutation_importance`). The loss is −ln of the probability of the true class, or the
        squared error as a part of the target's variance, whose growth is the loss of R².
    """

    column: str
    value: float
    low: float
    high: float


def importances(model: TableModel, frame: pl.DataFrame, seed: int = 0) -> list[Importance]:
    """Return how much a model needs each of its columns, the most needed first.

    Parameters
    ----------
    model : TableModel
    frame : polars.DataFrame
        Rows whose target is known; best of rows that the model has not seen. At most 1,000 of them are taken.
    seed : int
        Of the permutations.

    Raises
    ------
    DataError
        As `TableModel.score`.
    """
    preprocessor = model.preprocessor
    rng = np.random.default_rng(seed)
    columns = len(preprocessor.columns)
    rows = min(frame.height, _MOST_ROWS, max(_FEWEST_ROWS, _MOST_PREDICTIONS // columns))
    repeats = min(_MOST_REPEATS, max(1, _MOST_PREDICTIONS // (columns * rows)))
    chosen = frame[np.sort(rng.permutation(frame.height)[:rows])]
    features, targets = preprocessor.transform(chosen), preprocessor.transform_target(chosen)
    if model.is_classifier:

        def losses(features: np.ndarray) -> np.ndarray:
            of_classes = metrics.log_softmax(model.outputs_of(features))
            of_rows: np.ndarray = -of_classes[np.arange(rows), targets]
            return of_rows
    else:
        numbers = targets.astype(np.float64)
        variance = float(numbers.var()) or 1.0

        def losses(features: np.ndarray) -> np.ndarray:
            squared: np.ndarray = np.square(model.outputs_of(features)[:, 0] - numbers) / variance
            return squared

    groups = preprocessor.features_of_columns
    growth, intervals = permutation_importance(losses, features, groups, repeats, rng)
    found = [
        Importance(column.name, float(of_column.mean()), *map(float, interval))
        for column, of_column, interval in zip(preprocessor.columns, growth, intervals, strict=True)
    ]
    return sorted(found, key=lambda one: -one.value)


@dataclasses.dataclass(frozen=True)
class Dependence:
    """Mean predictions when a column has one value in all rows.

    Attributes
    ----------
    column : str
    kind : str
        As `Column.kind`.
    values : tuple of str or float
        Words, or ascending numbers; of dates days since 1970-01-01.
    means : numpy.ndarray
        Shape (values, outputs): probabilities of the classes, or the predicted number.
    """

    column: str
    kind: str
    values: tuple[str, ...] | tuple[float, ...]
    means: np.ndarray


def partial_dependence(model: TableModel, frame: pl.DataFrame, name: str) -> Dependence | None:
    """Return how mean predictions go with a column; None where it has one value or none.

    Parameters
    ----------
    model : TableModel
    frame : polars.DataFrame
        Rows as they are read; at most 100 of them are predicted at each value, which are at most 20 of the
        column's own between its quantiles of 2.5 and 97.5 %, or its 8 most frequent words.
    name : str
        Of a column that the model takes.

    Notes
    -----
    J. Friedman, "Greedy function approximation: a gradient boosting machine", Annals of Statistics 29, 2001.
    Where columns depend on each other, it averages over rows that there are not.
    """
    kind = next(column.kind for column in model.preprocessor.columns if column.name == name)
    column = frame.get_column(name).drop_nulls()
    if kind in ("categorical", "boolean"):
        counts = column.value_counts(sort=True).sort(["count", name], descending=[True, False])
        values = counts.get_column(name)[:_MOST_WORDS]
    else:
        ordered = column.sort()
        ranks = np.linspace(_TAIL, 1 - _TAIL, min(_GRID, len(ordered))) * (len(ordered) - 1)
        values = ordered.gather(ranks.round().astype(np.int64)).unique(maintain_order=True)
    if len(values) < 2:
        return None
    rows = frame[np.linspace(0, frame.height - 1, min(frame.height, _GRID_ROWS)).astype(np.int64)]
    grid = pl.concat(
        [rows.with_columns(values.gather([place] * rows.height).alias(name)) for place in range(len(values))]
    )
    outputs = model.outputs(grid)
    predicted = (
        np.exp(metrics.log_softmax(outputs))
        if model.is_classifier
        else model.preprocessor.inverse_target(outputs[:, 0])[:, np.newaxis]
    )
    means = predicted.reshape(len(values), len(rows), -1).mean(axis=1)
    shown = map(str, values) if kind in ("categorical", "boolean") else as_numbers(values).tolist()
    return Dependence(name, kind, tuple(shown), means)
