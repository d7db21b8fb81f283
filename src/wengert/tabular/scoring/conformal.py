"""Intervals and sets that hold the truth as often as they say, on rows like those that were held out.

Split conformal prediction: V. Vovk, A. Gammerman & G. Shafer, *Algorithmic Learning in a Random World*, 2005;
J. Lei, M. G'Sell, A. Rinaldo, R. Tibshirani & L. Wasserman, "Distribution-free predictive inference for
regression", JASA 2018; for classes M. Sadinle, J. Lei & L. Wasserman, "Least ambiguous set-valued classifiers
with bounded error levels", JASA 2019.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from wengert.checks import in_range
from wengert.errors import ConfigurationError
from wengert.storage.records import Count

_MOST_KEPT = 1000


@dataclasses.dataclass(frozen=True)
class Nonconformity:
    """How far off predictions were on rows that the model had not seen, ascending.

    Attributes
    ----------
    rows : int
        How many rows there were.
    scores : tuple of float
        Of all of them, or 1,000 at equal distances of rank, the last one among them: |truth − prediction| of
        numbers, 1 − the probability of the true class.
    """

    rows: Count
    scores: tuple[float, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.scores) <= self.rows or list(self.scores) != sorted(self.scores):
            raise ValueError(f"scores are 1 to {self.rows} ascending numbers")

    @staticmethod
    def of(scores: np.ndarray) -> Nonconformity:
        """Keep the scores of some rows, shape (rows,), at least one."""
        rows = len(scores)
        kept = min(rows, _MOST_KEPT)
        ranks = -(-np.arange(1, kept + 1) * rows // kept)
        return Nonconformity(rows, tuple(np.sort(scores)[ranks - 1].tolist()))

    def bound(self, level: float) -> float:
        """Return a bound that the score of a new row keeps with a probability of at least ``level``.

        It is the score of rank ⌈(n + 1) · level⌉ of n, or the next that is kept.

        Raises
        ------
        ConfigurationError
            If the level is not in (0, 1), or there were too few rows for it.
        """
        in_range("interval", "level", level, 0, 1, low_open=True)
        rank = math.ceil((self.rows + 1) * level - 1e-9)
        if rank > self.rows:
            needed = math.ceil(level / (1 - level) - 1e-9)
            raise ConfigurationError(
                f"an interval of {level:g} needs at least {needed:,} rows held out, and the model had "
                f"{self.rows:,}. Ask for a lower level, or train with a larger --test-fraction or --cv."
            )
        return self.scores[(rank - 1) * len(self.scores) // self.rows]


def class_sets(probabilities: np.ndarray, bound: float) -> np.ndarray:
    """Return which classes are in the set of each row, shape (rows, classes): the likeliest in any case."""
    sets: np.ndarray = 1 - probabilities <= bound
    sets[np.arange(len(sets)), probabilities.argmax(axis=1)] = True
    return sets
