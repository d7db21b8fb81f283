"""Columns of words: the words that are listed of one, the code of each, and the features that codes give."""

from __future__ import annotations

import dataclasses
import math
from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import polars as pl

from wengert.tabular.reading.column_values import as_words

_MAXIMUM_INDICATORS = 100
_RAREST_INDICATOR = 1e-3  # of the rows that have a value
_MAXIMUM_EMBEDDED = 1000
_FEWEST_EMBEDDED = 5  # rows of a category that gets a row of the embedding


class Words(ABC):
    """What columns of words have in common: each word has a code, a whole number, which gives the features.

    Subclasses are frozen dataclasses.
    """

    name: str
    categories: tuple[str, ...]
    marks_missing: bool
    kind = "categorical"

    @property
    @abstractmethod
    def codes(self) -> dict[str, int]:
        """The code of each category, and under ``""`` that of a missing value."""

    @property
    @abstractmethod
    def other(self) -> int:
        """The code of any other word."""

    @property
    @abstractmethod
    def feature_names(self) -> tuple[str, ...]:
        """Names of the features that it becomes."""

    @property
    @abstractmethod
    def treatment(self) -> str:
        """What becomes of the column, for people."""

    @abstractmethod
    def features(self, codes: Any) -> Any:
        """Return the features of codes of shape (rows, 1); plain NumPy, so it can be traced."""

    def values(self, column: pl.Series) -> np.ndarray:
        """Return the codes of a column, shape (rows,), int64.

        Raises
        ------
        DataError
            If its values are neither words nor numbers.
        """
        words = as_words(column).fill_null("")
        found = words.replace_strict(self.codes, default=self.other, return_dtype=pl.Int64)
        return found.to_numpy()


@dataclasses.dataclass(frozen=True)
class CategoricalColumn(Words):
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
        least = math.ceil(_RAREST_INDICATOR * (len(words) - words.null_count()))
        kept, different = frequent_words(words, _MAXIMUM_INDICATORS, least)
        return CategoricalColumn(column.name, kept, len(kept) < different, words.null_count() > 0)

    @property
    def codes(self) -> dict[str, int]:
        """The place of its feature; −1 where a missing value has none."""
        missing = len(self.categories) + self.has_other if self.marks_missing else -1
        return {**{word: place for place, word in enumerate(self.categories)}, "": missing}

    @property
    def other(self) -> int:
        """The place of the feature "other", −1 if there is none."""
        return len(self.categories) if self.has_other else -1

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the features that it becomes."""
        special = [f"{self.name} (other)"] * self.has_other + [f"{self.name} (missing)"] * self.marks_missing
        return (*(f"{self.name}={category}" for category in self.categories), *special)

    @property
    def treatment(self) -> str:
        """What becomes of the column, for people."""
        parts = [f"{len(self.categories)} indicators"]
        if self.has_other:
            parts.append("one for rare words")
        if self.marks_missing:
            parts.append("one for missing")
        return ", ".join(parts)

    def features(self, codes: Any) -> Any:
        """Return 1 at the place that the code says, and 0 elsewhere."""
        return codes == np.arange(len(self.feature_names))


@dataclasses.dataclass(frozen=True)
class EmbeddedColumn(Words):
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
    other = 0

    @staticmethod
    def fit(column: pl.Series) -> EmbeddedColumn:
        """Take the words of a column."""
        words = as_words(column)
        kept, _ = frequent_words(words, _MAXIMUM_EMBEDDED, _FEWEST_EMBEDDED)
        return EmbeddedColumn(column.name, kept, words.null_count() > 0)

    @property
    def codes(self) -> dict[str, int]:
        """The place of its row in the embedding."""
        missing = self.numbers - 1 if self.marks_missing else 0
        return {**{word: place for place, word in enumerate(self.categories, start=1)}, "": missing}

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

    def features(self, codes: Any) -> Any:
        """Return the codes themselves."""
        return codes


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
