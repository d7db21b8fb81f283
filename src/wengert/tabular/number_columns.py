"""Columns of numbers, booleans or dates: the statistics that are taken of one, and the features they give."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from typing import Annotated, Any, ClassVar

import numpy as np
import polars as pl

from wengert.errors import DataError
from wengert.storage.records import OneOf, Positive
from wengert.tabular.reading.column_values import as_numbers

# Standardised values are cut off here, far beyond anything seen in training (n rows reach √n at most), so
# that a slip of many orders of magnitude in a table to predict cannot overflow float32 in the network.
MAXIMUM_DEVIATION = 1e6
# Smoothly clipped values stay within this many spreads of the centre.
SMOOTH_LIMIT = 3.0
NumberKind = Annotated[str, OneOf(("numeric", "boolean", "date"))]


class NumbersAndGaps(ABC):
    """What columns of numbers, booleans or dates have in common: a feature, and one more that marks gaps.

    The feature of x is ``bend((x − center) / scale)``. A subclass is a frozen dataclass, which `preprocess`
    enters under the name of a scaling; `wengert.tabular.features` computes what it says here.
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
    def statistics(self) -> tuple[float, float, float]:
        """What stands for a missing value, and center and scale, by which numbers are standardised."""

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

    def values(self, column: pl.Series) -> np.ndarray:
        """Return the numbers of a column that has been read, shape (rows,), float64, NaN where missing.

        Raises
        ------
        DataError
            If a value is infinite or no number, or the column holds dates, and numbers in training, or the
            other way round.
        """
        if (self.kind == "date") != column.dtype.is_temporal() and column.null_count() < len(column):
            held = "dates" if self.kind == "date" else "numbers"
            raise DataError(
                f"column {self.name!r} holds values of type {column.dtype}, and held {held} in training. "
                "Write its values as they were in training."
            )
        return as_numbers(column)


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
        known, gaps = _known(column)
        mean, scale = mean_and_scale(known)
        return NumericColumn(column.name, kind, mean, scale, _median(known) if known.size else 0.0, gaps)

    @property
    def statistics(self) -> tuple[float, float, float]:
        """Median, mean and standard deviation."""
        return self.median, self.mean, self.scale

    @staticmethod
    def bend(z: Any) -> Any:
        """Cut off what is beyond 10⁶."""
        return np.clip(z, -MAXIMUM_DEVIATION, MAXIMUM_DEVIATION)


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
        known, gaps = _known(column)
        return RobustColumn(column.name, kind, *center_and_spread(known), gaps)

    @property
    def statistics(self) -> tuple[float, float, float]:
        """Median, again the median, and distance of the quartiles."""
        return self.center, self.center, self.spread

    @staticmethod
    def bend(z: Any) -> Any:
        """Return z / √(1 + (z/3)²), which is near z around 0 and never beyond ±3."""
        z = np.clip(z, -MAXIMUM_DEVIATION, MAXIMUM_DEVIATION)
        return z / np.sqrt(1 + np.square(z / SMOOTH_LIMIT))


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


def standardised(values: Any, centers: Any, scales: Any) -> Any:
    """Return (values − centers) / scales in float64; what does not fit is an infinity.

    Parameters
    ----------
    values : array or tensor
    centers, scales : float, or ndarray that broadcasts with the values
    """
    # Halves, so that the difference of two huge numbers does not overflow; exact, as such numbers are normal.
    halves = np.where(np.asarray(scales) > 1, 0.5, 1.0)
    with np.errstate(over="ignore"):
        return (values * halves - centers * halves) / (scales * halves)


def _known(column: pl.Series) -> tuple[np.ndarray, bool]:
    """Return the numbers that a column holds, and whether there are gaps among them."""
    numbers = as_numbers(column)
    known = numbers[~np.isnan(numbers)]
    return known, known.size < numbers.size


def _median(known: np.ndarray) -> float:
    """Return the median, without the overflow of adding the two in the middle."""
    ordered = np.sort(known)
    low, high = ordered[(known.size - 1) // 2], ordered[known.size // 2]
    return float(low if low == high else low * 0.5 + high * 0.5)
