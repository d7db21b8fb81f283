"""How good predictions are: small exact functions of NumPy arrays.

scikit-learn has most of them too. They stand here because `wengert train` and `predict` score every run, and
importing its metrics takes longer than training on a small table; the tests hold them against it.
"""

from __future__ import annotations

import numpy as np


def confusion_matrix(actual: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Count rows by actual class (down) and predicted class (across).

    Parameters
    ----------
    actual, predicted : numpy.ndarray
        Positions of classes, shape (rows,), integers from 0 to ``classes`` − 1.
    classes : int

    Returns
    -------
    numpy.ndarray
        Shape (classes, classes), int64.
    """
    cells = actual.astype(np.int64) * classes + predicted
    return np.bincount(cells, minlength=classes * classes).reshape(classes, classes)


def accuracy(confusion: np.ndarray) -> float:
    """Return the part of the rows that are predicted right."""
    return float(np.trace(confusion) / confusion.sum())


def balanced_accuracy(confusion: np.ndarray) -> float:
    """Return the mean of the recalls of the classes that have rows: rare classes count like frequent ones."""
    rows = confusion.sum(axis=1)
    present = rows > 0
    return float(np.mean(np.diag(confusion)[present] / rows[present]))


def precision_recall_f1(confusion: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return precision, recall and F₁ of each class; each is 0 where its denominator is."""
    hits = np.diag(confusion).astype(np.float64)
    predicted, actual = confusion.sum(axis=0), confusion.sum(axis=1)

    def ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
        quotients: np.ndarray = np.zeros_like(numerator)
        np.divide(numerator, denominator, out=quotients, where=denominator > 0)
        return quotients

    return ratio(hits, predicted), ratio(hits, actual), ratio(2 * hits, predicted + actual)


def matthews_correlation(confusion: np.ndarray) -> float:
    """Return the correlation of actual and predicted class: 1 for perfect predictions, 0 for chance.

    0 where all rows are, or are predicted, of one class. Gorodkin 2004, R_K.
    """
    counts = confusion.astype(np.float64)
    total, hits = counts.sum(), np.trace(counts)
    actual, predicted = counts.sum(axis=1), counts.sum(axis=0)
    spread = np.sqrt(total**2 - predicted @ predicted) * np.sqrt(total**2 - actual @ actual)
    return float((hits * total - actual @ predicted) / spread) if spread else 0.0


def roc_auc(positive: np.ndarray, scores: np.ndarray) -> float | None:
    """Return the probability that a positive row scores higher than a negative one; ties count half.

    Parameters
    ----------
    positive : numpy.ndarray
        Booleans, shape (rows,).
    scores : numpy.ndarray
        Shape (rows,); only their order matters.

    Returns
    -------
    float or None
        None where all rows are positive, or none is.
    """
    positives = int(positive.sum())
    negatives = len(positive) - positives
    if not positives or not negatives:
        return None
    _, value_of_row, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2  # from 1; equal scores share their mean rank
    return float(
        (ranks[value_of_row][positive].sum() - positives * (positives + 1) / 2) / (positives * negatives)
    )


def calibration(
    confidences: np.ndarray, right: np.ndarray, bins: int = 10
) -> tuple[list[dict[str, float]], float]:
    """Compare how sure predictions are with how often they are right.

    Parameters
    ----------
    confidences : numpy.ndarray
        The probability given to the predicted class, shape (rows,).
    right : numpy.ndarray
        Whether it was the actual one, shape (rows,).
    bins : int
        Of equal width.

    Returns
    -------
    table : list of dict
        For each bin with rows: ``low``, ``high``, ``rows``, mean ``confidence``, ``accuracy``.
    error : float
        The expected calibration error: Σ rows · |accuracy − confidence| / Σ rows. Guo, Pleiss, Sun &
        Weinberger 2017.
    """
    places = np.minimum((confidences * bins).astype(np.int64), bins - 1)
    table, error = [], 0.0
    for place in range(bins):
        of_bin = places == place
        rows = int(of_bin.sum())
        if rows:
            confidence, accuracy = float(confidences[of_bin].mean()), float(right[of_bin].mean())
            error += rows * abs(accuracy - confidence) / len(confidences)
            limits = {"low": place / bins, "high": (place + 1) / bins}
            table.append({**limits, "rows": rows, "confidence": confidence, "accuracy": accuracy})
    return table, error


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Return the logarithms of the classes' probabilities: shape (rows, classes), float64, never −inf or NaN
    for finite logits.
    """
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    result: np.ndarray = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return result


def log_loss(actual: np.ndarray, log_probabilities: np.ndarray) -> float:
    """Return the mean of −log of the probability that each row's actual class was given."""
    # 0.0 minus, so that a perfect prediction scores 0 and not -0.
    return 0.0 - float(np.mean(log_probabilities[np.arange(len(actual)), actual]))


def mean_absolute_error(actual: np.ndarray, predicted: np.ndarray) -> float:
    """Return the mean of |actual − predicted|, in the units of the target."""
    return float(np.mean(np.abs(actual - predicted)))


def root_mean_squared_error(actual: np.ndarray, predicted: np.ndarray) -> float:
    """Return the square root of the mean of (actual − predicted)², in the units of the target."""
    return _root_mean_square(actual - predicted)


def r_squared(actual: np.ndarray, predicted: np.ndarray) -> float | None:
    """Return R²: 1 for perfect predictions, 0 for the mean of ``actual``. None if ``actual`` is constant."""
    spread = _root_mean_square(actual - np.mean(actual))
    if actual.min() == actual.max() or spread == 0:
        return None
    return 1.0 - (root_mean_squared_error(actual, predicted) / spread) ** 2


def _root_mean_square(deviations: np.ndarray) -> float:
    # Divided by the largest, so that the squares of very large or small numbers stay finite and above 0.
    largest = float(np.abs(deviations).max())
    return largest and largest * float(np.sqrt(np.mean(np.square(deviations / largest))))
