"""What a classifier can be had for, threshold by threshold: ROC curves, and precision by recall."""

from __future__ import annotations

import numpy as np


def roc_curve(positive: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return false and true positive rates, from (0, 0) to (1, 1), one point for each distinct score.

    Parameters
    ----------
    positive : numpy.ndarray
        Booleans, shape (rows,), of both sorts.
    scores : numpy.ndarray
        Shape (rows,); higher ones are more likely positive.
    """
    hits, alarms = _counts(positive, scores)
    return np.append(0.0, alarms / alarms[-1]), np.append(0.0, hits / hits[-1])


def precision_recall_curve(positive: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return recall, ascending, and precision, one point for each distinct score; parameters as above."""
    hits, alarms = _counts(positive, scores)
    return hits / hits[-1], hits / (hits + alarms)


def average_precision(positive: np.ndarray, scores: np.ndarray) -> float | None:
    """Return Σ (Rₖ − Rₖ₋₁) Pₖ over the points of the curve, its area by steps; None without both sorts."""
    if not positive.any() or positive.all():
        return None
    recall, precision = precision_recall_curve(positive, scores)
    return float(np.diff(recall, prepend=0.0) @ precision)


def _counts(positive: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how many positive and negative rows have at least each distinct score, which fall."""
    order = np.argsort(-scores, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    hits = np.cumsum(positive[order])[ends]
    return hits.astype(np.float64), (ends + 1 - hits).astype(np.float64)
