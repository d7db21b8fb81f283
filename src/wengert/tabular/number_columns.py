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
# that an error of many orders of magnitude in a table to predict cannot overflow float32 in the network.
MAXIMUM_DEVIATION = 1e6
# Smoothly clipped values stay within this many spreads of the centre.
SMOOTH_LIMIT = 3.0
# A column has heavy tails where the standard deviation is this many times the distance of the quartiles.
_HEAVY = 1.5
_FARTHEST = 100.0  # standard deviations
NumberKind = Annotated[str, OneOf(("numeric", "boolean", "date"))]


class NumbersAndGaps(ABC):
    """What columns of numbers, booleans or dates have in common: some features, and one more that marks gaps.

    A subclass is a frozen dataclass, which `wengert.tabular.features` enters under the name of a scaling.
    """

    name: str
    kind: str
    marks_missing: bool
    scaled: ClassVar[str]  # what is done to the numbers, for people

    @staticmethod
    @abstractmethod
    def fit(column: pl.Series, kind: str) -> NumbersAndGaps | None:
        """Take the statistics of a column; None where it is better seen otherwise."""

    @property
    @abstractmethod
    def statistics(self) -> tuple[float, ...]:
        """What stands for a missing value, center and scale, and what else `expand` takes."""

    @abstractmethod
    def expand(self, values: Any, *statistics: Any) -> tuple[Any, ...]:
        """Return for each of the parts the features of several columns that have the same parts.

        Parameters
        ----------
        values : array or tensor of float64, shape (rows, columns)
            Without gaps.
        *statistics : ndarray, shape (columns,)
            Those of each column, but for what stands for a missing value.

        Returns
        -------
        tuple of array or tensor, shape (rows, columns)
            Plain NumPy made them, so that this can be traced.
        """

    @property
    def parts(self) -> tuple[str, ...]:
        """What each feature is of the column; empty where it is the column itself."""
        return ("",)

    @property
    def treatment(self) -> str:
        """What becomes of the column, for people."""
        return f"{self.scaled}; missing → median, with a mark" if self.marks_missing else self.scaled

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the features that it becomes."""
        parts = (*self.parts, "missing") if self.marks_missing else self.parts
        return tuple(f"{self.name} ({part})" if part else self.name for part in parts)

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
    def statistics(self) -> tuple[float, ...]:
        """Median, mean and standard deviation."""
        return self.median, self.mean, self.scale

    def expand(self, values: Any, *statistics: Any) -> tuple[Any, ...]:
        """Return standardised numbers, cut off beyond 10⁶."""
        return (_cut(standardised(values, *statistics)),)


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
    def statistics(self) -> tuple[float, ...]:
        """Median, again the median, and distance of the quartiles."""
        return self.center, self.center, self.spread

    def expand(self, values: Any, *statistics: Any) -> tuple[Any, ...]:
        """Return scaled numbers, those far out bent back."""
        return (bent(standardised(values, *statistics)),)


@dataclasses.dataclass(frozen=True)
class HeavyTailedColumn(NumbersAndGaps):
    """A `RobustColumn` of which some numbers lie so far out that bending them back would make them all alike.

    Two more features tell them apart: sign z · ln(1 + |z|), and the number on the scale of the standard
    deviation.

    Attributes
    ----------
    name, kind, center, spread, marks_missing
        As for `RobustColumn`.
    deviation : float
        The root of the mean of (x − center)².
    """

    name: str
    kind: NumberKind
    center: float
    spread: Positive
    deviation: Positive
    marks_missing: bool
    scaled = "scaled by quartiles, logarithm and standard deviation"

    @staticmethod
    def fit(column: pl.Series, kind: str) -> HeavyTailedColumn | None:
        """Take the statistics of a column; None for one without heavy tails, and for dates."""
        known, gaps = _known(column)
        center, spread = center_and_spread(known)
        deviations = _cut(standardised(known, center, spread))
        deviation = float(np.sqrt(np.mean(np.square(deviations)))) if known.size else 0.0
        if kind != "numeric" or deviation < _HEAVY or spread > np.finfo(np.float64).max / MAXIMUM_DEVIATION:
            return None
        return HeavyTailedColumn(column.name, kind, center, spread, deviation * spread, gaps)

    @property
    def statistics(self) -> tuple[float, ...]:
        """Median, again the median, distance of the quartiles, standard deviation."""
        return self.center, self.center, self.spread, self.deviation

    @property
    def parts(self) -> tuple[str, ...]:
        """Bent back, its logarithm, and on the scale of the standard deviation."""
        return "", "logarithm", "linear"

    def expand(self, values: Any, *statistics: Any) -> tuple[Any, ...]:
        """Return scaled numbers bent back, their logarithm, and numbers by their standard deviation."""
        center, spread, deviation = statistics
        z = _cut(standardised(values, center, spread))
        linear = np.clip(standardised(values, center, deviation), -_FARTHEST, _FARTHEST)
        return bent(z), np.sign(z) * np.log1p(np.abs(z)), linear


# Days, and the number of waves for the time within: three of a week distinguish its days.
_CYCLES = {"year": (365.2425, 2), "week": (7.0, 3), "day": (1.0, 2)}


@dataclasses.dataclass(frozen=True)
class DateColumn(NumbersAndGaps):
    """A column of dates or times as `RobustColumn` has it, days passed, and the place in cycles.

    Of a season, a day of the week or an hour, whichever occur in training more than once, sine and cosine of
    the angle in the year (from 1 January), in the week (of whole days, from Thursday) and in the day, and of
    small multiples of it.

    Attributes
    ----------
    name, kind, center, spread, marks_missing
        As for `RobustColumn`.
    cycles : tuple of str
        Some of ``year``, ``week`` and ``day``, in this order.
    """

    name: str
    kind: Annotated[str, OneOf(("date",))]
    center: float
    spread: Positive
    cycles: tuple[Annotated[str, OneOf(tuple(_CYCLES))], ...]
    marks_missing: bool
    scaled = "time passed scaled by quartiles, seasons, days of the week, hours"

    @staticmethod
    def fit(column: pl.Series, kind: str) -> DateColumn | None:
        """Take the statistics of a column of dates; None for any other."""
        if kind != "date":
            return None
        known, gaps = _known(column)
        center, spread = center_and_spread(known)
        span = float(np.ptp(known)) if known.size else 0.0
        within = {"year": span > 45, "week": span > 7, "day": bool((known % 1 != 0).any())}
        cycles = tuple(name for name, occurs in within.items() if occurs)
        return DateColumn(column.name, kind, center, spread, cycles, gaps)

    @property
    def statistics(self) -> tuple[float, ...]:
        """Median, again the median, and distance of the quartiles."""
        return self.center, self.center, self.spread

    @property
    def parts(self) -> tuple[str, ...]:
        """Time passed, and sine and cosine of each wave."""
        waves = [
            f"{function} of {cycle}" + (f"/{wave}" if wave > 1 else "")
            for cycle in self.cycles
            for wave in range(1, _CYCLES[cycle][1] + 1)
            for function in ("sine", "cosine")
        ]
        return ("", *waves)

    def expand(self, values: Any, *statistics: Any) -> tuple[Any, ...]:
        """Return time passed, and sine and cosine of each wave."""
        waves: list[Any] = []
        for cycle in self.cycles:
            length, count = _CYCLES[cycle]
            turns = (np.floor(values) if cycle == "week" else values) / length
            for wave in range(1, count + 1):
                # Less whole turns first, in double precision, so that the angle of a late date is exact.
                angle = 2 * np.pi * (wave * turns - np.floor(wave * turns))
                waves += [np.sin(angle), np.cos(angle)]
        return (bent(standardised(values, *statistics)), *waves)


def bent(z: Any) -> Any:
    """Return z / √(1 + (z/3)²), which is near z around 0 and never beyond ±3."""
    z = _cut(z)
    return z / np.sqrt(1 + np.square(z / SMOOTH_LIMIT))


def _cut(z: Any) -> Any:
    return np.clip(z, -MAXIMUM_DEVIATION, MAXIMUM_DEVIATION)


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
