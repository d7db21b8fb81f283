"""The scores of a model on rows whose target is known, as plain data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.tabular.scoring import metrics
from wengert.tabular.scoring.curves import average_precision
from wengert.tabular.task import Class

# The scores that are one number each, as people call them.
SCORE_NAMES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "f1": "mean F₁",
    "mcc": "Matthews corr.",
    "roc_auc": "ROC AUC",
    "average_precision": "average precision",
    "log_loss": "log-loss",
    "calibration_error": "calibration error",
    "pinball_loss": "pinball loss",
    "huber_loss": "Huber loss",
    "poisson_deviance": "Poisson deviance",
    "tweedie_deviance": "Tweedie deviance",
    "d2": "D²",
    "r2": "R²",
    "rmse": "RMSE",
    "mae": "MAE",
}


def classification_scores(
    actual: np.ndarray,
    log_probabilities: np.ndarray,
    classes: tuple[Class, ...],
    threshold: float | None = None,
) -> dict[str, Any]:
    """Score a classification.

    Parameters
    ----------
    actual : numpy.ndarray
        Positions in ``classes``, shape (rows,).
    log_probabilities : numpy.ndarray
        Shape (rows, classes).
    classes : tuple
    threshold : float, optional
        From which probability on the second of two classes is predicted; by default the likelier one is.

    Returns
    -------
    dict
        ``accuracy``, ``balanced_accuracy``, ``f1`` (mean over the classes that have rows), ``mcc``,
        ``roc_auc`` (of the second of two classes; of more, the mean of each against the others; None where
        it is not defined), ``average_precision`` (likewise),
        ``log_loss``, ``calibration_error``; ``classes``, a list with class, rows,
        precision, recall and F₁ of each; ``confusion``, rows by actual (down) and predicted class (across);
        ``calibration``, as `metrics.calibration`.
    """
    predicted = predicted_classes(log_probabilities, threshold)
    confusion = metrics.confusion_matrix(actual, predicted, len(classes))
    columns = metrics.precision_recall_f1(confusion)
    each = [
        {
            "class": known,
            "rows": int(confusion[index].sum()),
            "precision": float(columns[0][index]),
            "recall": float(columns[1][index]),
            "f1": float(columns[2][index]),
        }
        for index, known in enumerate(classes)
    ]
    likeliest = log_probabilities.argmax(axis=1)
    table, error = metrics.calibration(np.exp(log_probabilities.max(axis=1)), likeliest == actual)
    return {
        "accuracy": metrics.accuracy(confusion),
        "balanced_accuracy": metrics.balanced_accuracy(confusion),
        "f1": float(columns[2][confusion.sum(axis=1) > 0].mean()),
        "mcc": metrics.matthews_correlation(confusion),
        "roc_auc": _mean_of_classes(metrics.roc_auc, actual, log_probabilities),
        "average_precision": _mean_of_classes(average_precision, actual, log_probabilities),
        "log_loss": metrics.log_loss(actual, log_probabilities),
        "calibration_error": error,
        "classes": each,
        "confusion": confusion.tolist(),
        "calibration": table,
    }


def predicted_classes(log_probabilities: np.ndarray, threshold: float | None = None) -> np.ndarray:
    """Return the position of the class that is predicted for each row; see `classification_scores`."""
    if threshold is None:
        likeliest: np.ndarray = log_probabilities.argmax(axis=1)
        return likeliest
    second: np.ndarray = np.exp(log_probabilities[:, 1]) >= threshold
    return second.astype(np.int64)


def _mean_of_classes(
    area_of: Callable[[np.ndarray, np.ndarray], float | None],
    actual: np.ndarray,
    log_probabilities: np.ndarray,
) -> float | None:
    count = log_probabilities.shape[1]
    chosen = (1,) if count == 2 else range(count)
    areas = [area_of(actual == place, log_probabilities[:, place]) for place in chosen]
    known = [area for area in areas if area is not None]
    return float(np.mean(known)) if known else None


def regression_scores(actual: np.ndarray, predicted: np.ndarray) -> dict[str, Any]:
    """Score a regression: ``r2`` (None where the target is constant), ``rmse`` and ``mae``."""
    return {
        "r2": metrics.r_squared(actual, predicted),
        "rmse": metrics.root_mean_squared_error(actual, predicted),
        "mae": metrics.mean_absolute_error(actual, predicted),
    }


def named_scores(scores: dict[str, Any]) -> list[tuple[str, float | None]]:
    """Return the scores that are one number as people call them, and beside the log-loss what it says.

    That is the log-loss of who knows how frequent each class is among these rows and no more: −Σ f ln f.
    """
    named = [(label, scores[name]) for name, label in SCORE_NAMES.items() if name in scores]
    if "log_loss" in scores:
        rows = np.array([one["rows"] for one in scores["classes"]], np.float64)
        probabilities = rows[rows > 0] / rows.sum()
        place = [label for label, _ in named].index(SCORE_NAMES["log_loss"])
        named.insert(place + 1, ("  by frequencies", 0.0 - float(probabilities @ np.log(probabilities))))
    return named


def mean_scores(folds: list[dict[str, Any]]) -> dict[str, Any]:
    """Return mean and standard deviation (divisor n − 1) over the folds of each score that is a number."""
    summary = {}
    for name, value in folds[0].items():
        if isinstance(value, list):
            continue
        values = [fold[name] for fold in folds if fold[name] is not None]
        summary[name] = {
            "mean": float(np.mean(values)) if values else None,
            "deviation": float(np.std(values, ddof=1)) if len(values) > 1 else None,
        }
    return summary
