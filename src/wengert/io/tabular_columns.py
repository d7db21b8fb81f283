"""How columns become features for the tabular preset: robust numbers, and categories for an embedding."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import polars as pl

from wengert.io.column_values import as_numbers, as_words
from wengert.io.encoded_columns import (
    MAXIMUM_DEVIATION,
    NumberKind,
    NumbersAndGaps,
    frequent_words,
)
from wengert.storage.records import Positive

# Smoothly clipped values stay within this many spreads of the centre.
SMOOTH_LIMIT = 3.0
_MAXIMUM_EMBEDDED = 1000
_FEWEST_ROWS = 5  # of a category that gets a row of the embedding


@dataclasses.dataclass(frozen=True)
class RobustColumn(NumbersAndGaps):
    """A column of numbers, booleans or dates, on the scale of its middle half: z = (x − center) / spread.

    What lies far out is bent back, z / √(1 + (z/3)²), so that no value is beyond ±3. A missing value becomes
    the center; if the column had any in training, a second feature says 1 where it was missing, else 0.

    Attributes
    ----------
    name : str
    kind : str
        ``numeric``, ``boolean`` or ``date``.
    center : float
        The median of the values that are not missing.
    spread : float
        The distance between their quartiles; half that between minimum and maximum where it is 0, and 1 where
        that is 0 too.
    marks_missing : bool
        Whether there is a second feature.

    Notes
    -----
    Holzmüller, Grinsztajn & Steinwart 2024, section 3.
    """

    name: str
    kind: NumberKind
    center: float
    spread: Positive
    marks_missing: bool
    scaled = "scaled by quartiles"

    @staticmethod
    def fit(column: pl.Series, kind: str) -> RobustColumn:
        """Take the statistics of a column."""
        numbers = as_numbers(column)
        known = numbers[~np.isnan(numbers)]
        center, spread = center_and_spread(known)
        return RobustColumn(column.name, kind, center, spread, known.size < numbers.size)

    @property
    def substitute(self) -> float:
        """The center."""
        return self.center

    @property
    def center_and_scale(self) -> tuple[float, float]:
        """Median and distance of the quartiles."""
        return self.center, self.spread

    @staticmethod
    def bend(z: Any) -> Any:
        """Bend back what lies far out."""
        return smooth_clip(z)


@dataclasses.dataclass(frozen=True)
class EmbeddedColumn:
    """A column of words as one number, the place of the word's row in an embedding.

    The categories are 1, 2, … in their order; 0 is any other word. Missing values come after the categories
    if there were any in training, and are 0 else.

    Attributes
    ----------
    name : str
    categories : tuple of str
        Sorted: the 1000 most frequent of those that stand in 5 rows or more.
    marks_missing : bool
    """

    name: str
    categories: tuple[str, ...]
    marks_missing: bool

    @staticmethod
    def fit(column: pl.Series) -> EmbeddedColumn:
        """Take the words of a column."""
        words = as_words(column)
        kept, _ = frequent_words(words, _MAXIMUM_EMBEDDED, _FEWEST_ROWS)
        return EmbeddedColumn(column.name, kept, words.null_count() > 0)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Name of the feature that it becomes."""
        return (f"{self.name} (category)",)

    @property
    def treatment(self) -> str:
        """What becomes of the column, for people."""
        return f"embedding of {len(self.categories)} words"

    @property
    def numbers(self) -> int:
        """How many different numbers there are, 0 included."""
        return 1 + len(self.categories) + self.marks_missing

    def encode(self, column: pl.Series) -> np.ndarray:
        """Return the feature: shape (rows, 1), float64 whole numbers."""
        words = as_words(column)
        position = {category: index for index, category in enumerate(self.categories, start=1)}
        found = np.zeros(len(words))
        if position:
            found[:] = words.replace_strict(position, default=0, return_dtype=pl.Int64).to_numpy()
        missing = len(position) + 1 if self.marks_missing else 0
        return np.where(words.is_null().to_numpy(), missing, found)[:, np.newaxis]


def center_and_spread(values: np.ndarray) -> tuple[float, float]:
    """Return median and distance of the quartiles of float64 values of any magnitude; see `RobustColumn`."""
    if values.size == 0:
        return 0.0, 1.0
    # Quartered first, so that no difference overflows; exact but for numbers at the edge of what there is.
    lowest, low, middle, high, highest = np.quantile(values * 0.25, (0, 0.25, 0.5, 0.75, 1))
    spread = high - low or 0.5 * (highest - lowest)
    # Of values near the largest number the spread itself may not fit; they are far apart either way.
    spread = min(float(spread), float(np.finfo(np.float64).max) / 8) * 4
    return float(middle) * 4, spread or 1.0


def smooth_clip(z: np.ndarray) -> np.ndarray:
    """Return z / √(1 + (z/3)²), which is near z around 0 and never beyond ±3."""
    z = np.clip(z, -MAXIMUM_DEVIATION, MAXIMUM_DEVIATION)
    clipped: np.ndarray = z / np.sqrt(1 + np.square(z / SMOOTH_LIMIT))
    return clipped
