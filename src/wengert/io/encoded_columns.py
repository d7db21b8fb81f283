"""How one column of a table becomes columns of numbers: fitted once, then the same from then on."""

from __future__ import annotations

import dataclasses
import math
from abc import ABC, abstractmethod
from typing import Annotated, Any, ClassVar

import numpy as np
import polars as pl

from wengert.errors import DataError
from wengert.io.column_values import as_numbers, as_words
from wengert.storage.records import OneOf, Positive

# Standardised values are cut off here, far beyond anything seen in training (n rows reach √n at most), so
# that a slip of many orders of magnitude in a table to predict cannot overflow float32 in the network.
MAXIMUM_DEVIATION = 1e6
_MAXIMUM_CATEGORIES = 100
_RAREST_CATEGORY = 1e-3  # of the rows that have a value
NumberKind = Annotated[str, OneOf(("numeric", "boolean", "date"))]


class NumbersAndGaps(ABC):
    """What columns of numbers, booleans or dates have in common: a feature, and one more that marks gaps.

    The feature of x is ``bend((x − center) / scale)``. A subclass is a frozen dataclass, which `preprocess`
    enters under the name of a scaling; exports trace what it says here.
    """

    name: str
    kind: str
    marks_missing: bool
    scaled: ClassVar[str]  # what is done to the numbers, for people

    @staticmethod
    @abstractmethod
    def fit(column: pl.Series, kind: str) -> NumbersAndGaps:
        """Take the statistics of a column."""

    @property
    @abstractmethod
    def substitute(self) -> float:
        """What stands for a missing value."""

    @property
    @abstractmethod
    def center_and_scale(self) -> tuple[float, float]:
        """What numbers are standardised by."""

    @staticmethod
    @abstractmethod
    def bend(z: Any) -> Any:
        """Return the features of standardised numbers; plain NumPy, so it can be traced."""

    @property
    def treatment(self) -> str:
        """What becomes of the column, for people."""
        return f"{self.scaled}; missing → median, with a mark" if self.marks_missing else self.scaled

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the features that it becomes."""
        return (self.name, f"{self.name} (missing)") if self.marks_missing else (self.name,)

    def encode(self, column: pl.Series) -> np.ndarray:
        """Return the features: shape (rows, 1 or 2), float64."""
        refuse_other_kind(self.name, self.kind, column)
        numbers = as_numbers(column)
        missing = np.isnan(numbers)
        standardised = standardise(np.where(missing, self.substitute, numbers), *self.center_and_scale)
        features = [self.bend(standardised)]
        if self.marks_missing:
            features.append(missing.astype(np.float64))
        return np.stack(features, axis=1)


@dataclasses.dataclass(frozen=True)
class NumericColumn(NumbersAndGaps):
    """A column of numbers, booleans or dates, standardised: z = (x − mean) / scale.

    A missing value becomes the median; if the column had any in training, a second feature says 1 where it
    was missing and 0 elsewhere. |z| is cut off at 10⁶.

    Attributes
    ----------
    name : str
    kind : str
        ``numeric``, ``boolean`` or ``date``.
    mean, scale, median : float
        Of the values that are not missing; ``scale`` is their standard deviation (divisor n), or 1 if it is
        0.
    marks_missing : bool
        Whether there is a second feature.
    """

    name: str
    kind: NumberKind
    mean: float
    scale: Positive
    median: float
    marks_missing: bool
    scaled = "standardised"

    @staticmethod
    def fit(column: pl.Series, kind: str) -> NumericColumn:
        """Take the statistics of a column."""
        numbers = as_numbers(column)
        known = numbers[~np.isnan(numbers)]
        mean, scale = mean_and_scale(known)
        median = _median(known) if known.size else 0.0
        return NumericColumn(column.name, kind, mean, scale, median, known.size < numbers.size)

    @property
    def substitute(self) -> float:
        """The median."""
        return self.median

    @property
    def center_and_scale(self) -> tuple[float, float]:
        """Mean and standard deviation."""
        return self.mean, self.scale

    @staticmethod
    def bend(z: Any) -> Any:
        """Cut off what is beyond 10⁶."""
        return np.clip(z, -MAXIMUM_DEVIATION, MAXIMUM_DEVIATION)


@dataclasses.dataclass(frozen=True)
class CategoricalColumn:
    """A column of words, one feature a word: 1 where it stands and 0 elsewhere.

    The 100 most frequent words get features, if each stands in a thousandth of the rows; the others share the
    feature "other" if there are others. Missing values have a feature if there were any in training. When
    predicting, a word never seen counts as "other"; it, or a missing value, that has no feature is all zeros.

    Attributes
    ----------
    name : str
    categories : tuple of str
        Sorted.
    has_other, marks_missing : bool
        Whether there are features for other words and for missing values; they come last, in this order.
    """

    name: str
    categories: tuple[str, ...]
    has_other: bool
    marks_missing: bool

    @staticmethod
    def fit(column: pl.Series) -> CategoricalColumn:
        """Take the words of a column."""
        words = as_words(column)
        least = math.ceil(_RAREST_CATEGORY * (len(words) - words.null_count()))
        kept, different = frequent_words(words, _MAXIMUM_CATEGORIES, least)
        return CategoricalColumn(column.name, kept, len(kept) < different, words.null_count() > 0)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the features that it becomes."""
        special = [label for label, present in self._special() if present]
        return tuple(f"{self.name}={category}" for category in self.categories) + tuple(
            f"{self.name} ({label})" for label in special
        )

    @property
    def treatment(self) -> str:
        """What becomes of the column, for people."""
        parts = [f"{len(self.categories)} indicators"]
        if self.has_other:
            parts.append("one for rare words")
        if self.marks_missing:
            parts.append("one for missing")
        return ", ".join(parts)

    def encode(self, column: pl.Series) -> np.ndarray:
        """Return the features: shape (rows, features), float64, each 0 or 1."""
        words = as_words(column)
        position = {category: index for index, category in enumerate(self.categories)}
        other = len(position)
        indices = words.replace_strict(position, default=other, return_dtype=pl.Int64) if position else None
        found = np.full(len(words), other) if indices is None else indices.to_numpy()
        missing = words.is_null().to_numpy()
        features = np.zeros((len(words), other + 2))
        features[np.arange(len(words)), np.where(missing, other + 1, found)] = 1.0
        present = [True] * other + [present for _, present in self._special()]
        return features[:, present]

    def _special(self) -> tuple[tuple[str, bool], ...]:
        return ("other", self.has_other), ("missing", self.marks_missing)


def frequent_words(words: pl.Series, most: int, least: int) -> tuple[tuple[str, ...], int]:
    """Return the most frequent words that stand in `least` rows or more, sorted, and how many there are.

    Parameters
    ----------
    words : polars.Series of str
    most : int
        How many words at most; of equally frequent ones those that come first in the alphabet.
    least : int
    """
    counts = words.drop_nulls().alias("word").value_counts()
    frequent = counts.sort(["count", "word"], descending=[True, False]).head(most)
    return tuple(frequent.filter(pl.col("count") >= least)["word"].sort()), counts.height


def refuse_other_kind(name: str, kind: str, column: pl.Series) -> None:
    """Raise `DataError` where a column holds dates, and numbers in training, or the other way round."""
    if (kind == "date") != column.dtype.is_temporal() and column.null_count() < len(column):
        held = "dates" if kind == "date" else "numbers"
        raise DataError(
            f"column {name!r} holds values of type {column.dtype}, and held {held} in training. "
            "Write its values as they were in training."
        )


def mean_and_scale(values: np.ndarray) -> tuple[float, float]:
    """Return mean and standard deviation (divisor n; 1 if it is 0) of float64 values of any magnitude.

    The values are divided by a power of two first, which is exact, so that neither sums nor squares overflow.
    """
    if values.size == 0:
        return 0.0, 1.0
    if values.min() == values.max():
        return float(values[0]), 1.0
    exponent = int(np.frexp(np.abs(values).max())[1])
    scaled = np.ldexp(values, -exponent)
    mean = scaled.mean()
    scale = float(np.ldexp(np.sqrt(np.square(scaled - mean).mean()), exponent))
    return float(np.ldexp(mean, exponent)), scale or 1.0


def standardise(values: np.ndarray, mean: float, scale: float) -> np.ndarray:
    """Return (values − mean) / scale; what does not fit float64 is an infinity."""
    # Halves, so that the difference of two huge numbers does not overflow; exact, as such numbers are normal.
    half = 0.5 if scale > 1 else 1.0
    with np.errstate(over="ignore"):
        return (values * half - mean * half) / (scale * half)


def _median(known: np.ndarray) -> float:
    """Return the median, without the overflow of adding the two in the middle."""
    ordered = np.sort(known)
    low, high = ordered[(known.size - 1) // 2], ordered[known.size // 2]
    return float(low if low == high else low * 0.5 + high * 0.5)
