"""Two models on the same rows: which is better, and whether that can be chance."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import polars as pl

from wengert.errors import ConfigurationError
from wengert.tabular.reading.column_values import as_numbers
from wengert.tabular.row_fingerprints import SeenRows
from wengert.tabular.table_model import TableModel

_RESAMPLES = 2000
_FEWEST_RESAMPLES = 200
_MOST_DRAWS = 100_000_000  # of rows, over all resamples
_INTERVAL = (0.025, 0.975)


@dataclasses.dataclass(frozen=True)
class Difference:
    """The second model's score less the first's.

    Attributes
    ----------
    score : str
        A key of `wengert.tabular.scoring.evaluation.SCORE_NAMES`.
    value, low, high : float
        The difference, and its 95 % interval from resampling the rows.
    better : int or None
        0 or 1 for the model that is better, None where the interval holds 0.
    """

    score: str
    value: float
    low: float
    high: float
    better: int | None


@dataclasses.dataclass(frozen=True)
class Comparison:
    """What came of comparing two models.

    Attributes
    ----------
    scores : tuple of two dict
        As `TableModel.score`.
    differences : tuple of Difference
    only_right : tuple of two int, or None
        Rows that only the first, and only the second, predicts right; None for numbers.
    chance : float or None
        The probability of so unequal counts, or more so, if both were right equally often: McNemar's test,
        exact.
    trained_on : tuple of two SeenRows or None
        How many of the rows each model was trained on; None where it does not tell.
    """

    scores: tuple[dict[str, Any], dict[str, Any]]
    differences: tuple[Difference, ...]
    only_right: tuple[int, int] | None
    chance: float | None
    trained_on: tuple[SeenRows | None, SeenRows | None]


def compare(first: TableModel, second: TableModel, frame: pl.DataFrame, seed: int = 0) -> Comparison:
    """Compare two models on rows whose target is known.

    Parameters
    ----------
    first, second : TableModel
        Of the same target.
    frame : polars.DataFrame
        Best rows that neither was trained on.
    seed : int
        Of the resampling.

    Raises
    ------
    ConfigurationError
        If they do not predict the same.
    DataError
        As `TableModel.score`.

    Notes
    -----
    The rows are drawn with replacement, for both models alike (paired bootstrap: Efron & Tibshirani 1993,
    chapter 8). McNemar 1947.
    """
    _require_the_same(first, second)
    scores, trained_on = (first.score(frame), second.score(frame)), (first.seen(frame), second.seen(frame))
    target = first.preprocessor.target
    if target.kind == "regression":
        actual = as_numbers(first.preprocessor.target_of(frame))
        errors = [
            np.abs(model.preprocessor.inverse_target(model.outputs(frame)[:, 0]) - actual)
            for model in (first, second)
        ]
        means = _resampled(np.stack([*np.square(errors), *errors], axis=1), seed)
        roots = np.sqrt(means[:, :2])
        differences = (
            _difference("rmse", roots[:, 1] - roots[:, 0], lower_is_better=True),
            _difference("mae", means[:, 3] - means[:, 2], lower_is_better=True),
        )
        return Comparison(scores, differences, None, None, trained_on)
    actual = first.preprocessor.transform_target(frame)
    rows = np.arange(len(actual))
    probabilities = [model.log_probabilities(frame) for model in (first, second)]
    right = [share.argmax(axis=1) == actual for share in probabilities]
    losses = [-share[rows, actual] for share in probabilities]
    means = _resampled(np.stack([*right, *losses], axis=1).astype(np.float64), seed)
    only = int((right[0] & ~right[1]).sum()), int((right[1] & ~right[0]).sum())
    differences = (
        _difference("accuracy", means[:, 1] - means[:, 0], lower_is_better=False),
        _difference("log_loss", means[:, 3] - means[:, 2], lower_is_better=True),
    )
    return Comparison(scores, differences, only, mcnemar(*only), trained_on)


def mcnemar(first: int, second: int) -> float:
    """Return the probability that counts of two kinds are so unequal or more so, when each is as likely."""
    total, fewer = first + second, np.arange(min(first, second) + 1)
    log_factorials = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, total + 1)))])
    log_terms = log_factorials[total] - log_factorials[fewer] - log_factorials[total - fewer]
    return min(1.0, 2 * float(np.exp(np.logaddexp.reduce(log_terms) - total * np.log(2))))


def _require_the_same(first: TableModel, second: TableModel) -> None:
    one, other = first.preprocessor.target, second.preprocessor.target
    for what, mine, theirs in (
        ("the column", one.name, other.name),
        ("a task of the kind", one.kind, other.kind),
        ("the classes", one.classes, other.classes),
    ):
        if mine != theirs:
            raise ConfigurationError(
                f"the models do not predict the same: the first {what} {mine!r}, the second {theirs!r}."
            )


def _resampled(values: np.ndarray, seed: int) -> np.ndarray:
    """Return the means of the columns: of all rows first, then of rows drawn with replacement."""
    rows = len(values)
    rng = np.random.default_rng(seed)
    resamples = max(_FEWEST_RESAMPLES, min(_RESAMPLES, _MOST_DRAWS // rows))
    means = [values.mean(axis=0)]
    for _ in range(resamples):
        counts = np.bincount(rng.integers(rows, size=rows), minlength=rows)
        means.append(counts @ values / rows)
    return np.array(means)


def _difference(score: str, values: np.ndarray, *, lower_is_better: bool) -> Difference:
    low, high = np.quantile(values[1:], _INTERVAL).tolist()
    better = None if low <= 0 <= high else int((high < 0) == lower_is_better)
    return Difference(score, float(values[0]), low, high, better)
