"""What a trained network is compared with: the same answer for all rows, and the right one for each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

_SMALLEST_SHARE = 1e-12


@dataclass(frozen=True)
class Chance:
    """Outputs of a network that knows nothing of a row, and of one that knows all.

    Attributes
    ----------
    guesses : tuple of ndarray, shape (outputs,) each
        Candidates for the best answer that is the same for all rows.
    right : ndarray, shape (rows, outputs)
        A loss need not be 0 there: what can be gained over guessing is the distance between the two.
    """

    guesses: tuple[Array, ...]
    right: Array

    def losses(self, loss: Callable[[Any, Any], Any], targets: Array) -> tuple[float, float]:
        """Return the loss of the best guess and that of the right answers, at the first rows."""
        right = self.right[: len(targets)]
        guessed = [float(loss(np.broadcast_to(one, right.shape), targets)) for one in self.guesses]
        return min(guessed), float(loss(right, targets))


def chance_of_classes(targets: Array, classes: int, smoothing: float = 0.0) -> Chance | None:
    """Return logits that say nothing but the frequencies of the classes; None for equal targets.

    Parameters
    ----------
    targets : ndarray
        Positions of classes, shape (rows,); or the parts of the outputs, shape (rows, outputs): they sum to 1
        where there are several classes, and each is a probability of its own for one output or labels.
    classes : int
        1 for outputs with a probability of their own each.
    smoothing : float
        ε of a loss that smooths positions of classes itself.
    """
    if (targets == targets[:1]).all():
        return None
    if targets.ndim == 1:
        probabilities = (1 - smoothing) * np.eye(classes)[targets.astype(np.int64)] + smoothing / classes
    else:
        probabilities = targets.astype(np.float64)

    def logits(probabilities: Array) -> Array:
        probabilities = np.clip(probabilities, _SMALLEST_SHARE, 1 - _SMALLEST_SHARE)
        logarithms: Array = np.log(probabilities)
        return logarithms if classes > 1 else logarithms - np.log1p(-probabilities)

    return Chance((logits(probabilities.mean(axis=0)),), logits(probabilities))


def chance_of_numbers(
    targets: Array, *, quantile: float | None = None, logarithmic: bool = False
) -> Chance | None:
    """Return mean and median of targets, the best guesses of most losses; None for equal targets.

    Parameters
    ----------
    targets : ndarray, shape (rows, outputs)
    quantile : float, optional
        Guess this quantile instead.
    logarithmic : bool
        Whether the outputs are logarithms of what is predicted, as for counts.
    """
    if (targets == targets[:1]).all():
        return None
    wide = targets.astype(np.float64)
    if logarithmic:
        return Chance((_logarithm(wide.mean(axis=0)),), _logarithm(wide))
    if quantile is not None:
        return Chance((np.quantile(wide, quantile, axis=0),), wide)
    return Chance((wide.mean(axis=0), np.median(wide, axis=0)), wide)


def _logarithm(counts: Array) -> Array:
    return np.log(np.maximum(counts, _SMALLEST_SHARE))
