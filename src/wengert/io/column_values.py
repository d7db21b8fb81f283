"""What stands in one column, as numbers or as words, with the row of anything that cannot be used.

Rows are counted from 1 and without the header, as everywhere in messages about tables.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import polars as pl

from wengert.checks import nearest_name
from wengert.errors import DataError

_MICROSECONDS_A_DAY = 86_400_000_000
TEXT_TYPES = (pl.String, pl.Categorical, pl.Enum)


def find_column(frame: pl.DataFrame, name: str, role: str) -> pl.Series:
    """Return the column ``name``; ``role`` says in the error message what it is needed for.

    Raises
    ------
    DataError
        If there is none. The message suggests the nearest name.
    """
    if name not in frame.columns:
        raise DataError(f"the table has no column {name!r} ({role}).{suggestion(name, frame.columns)}")
    return frame.get_column(name)


def suggestion(name: str, names: Iterable[str], columns: Iterable[str] | None = None) -> str:
    """Return a sentence that suggests the nearest of ``names``, or lists ``columns`` when none is near.

    ``columns`` are those of the table, of which ``names`` are some; all by default.
    """
    known = list(names)
    nearest = nearest_name(name, known, cutoff=0.6)
    if nearest:
        return f" Did you mean {nearest!r}?"
    listed = [repr(one) for one in (known if columns is None else columns)]
    more = f" and {len(listed) - 10} more" if len(listed) > 10 else ""
    return f" Its columns are {', '.join(listed[:10])}{more}."


def as_numbers(column: pl.Series) -> np.ndarray:
    """Return a column as numbers.

    Parameters
    ----------
    column : polars.Series
        Numbers, booleans (0 and 1), dates and times (days since 1970-01-01, UTC; times of day and
        durations: days), text that is all numbers, or nothing but missing values.

    Returns
    -------
    numpy.ndarray
        Shape (rows,), float64, NaN where a value is missing.

    Raises
    ------
    DataError
        If a value is infinite or is not a number; names the column and the row.
    """
    dtype = column.dtype
    if dtype.is_temporal():
        numbers = _days(column)
    elif dtype in TEXT_TYPES:
        text = column.cast(pl.String)
        numbers = text.cast(pl.Float64, strict=False)
        wrong = numbers.is_null() & text.is_not_null()
        if wrong.any():
            row = _first(wrong)
            raise DataError(
                f"column {column.name!r}, row {row + 1}: {str(text[row])[:40]!r} is not a number, and "
                "the column held numbers in training. Correct it, or leave the cell empty."
            )
    elif dtype.is_numeric() or dtype in (pl.Boolean, pl.Null):
        numbers = column.cast(pl.Float64)
    else:
        raise DataError(
            f"column {column.name!r} holds values of type {dtype}, which are not numbers, words or dates. "
            f"Drop it (in the shell: --drop {column.name!r})."
        )
    refuse_infinite(column.name, numbers)
    return numbers.fill_null(float("nan")).to_numpy()


def as_words(column: pl.Series) -> pl.Series:
    """Return a column of categories as text (null where missing), whatever type they were read as."""
    if column.dtype in TEXT_TYPES or column.dtype.is_numeric() or column.dtype in (pl.Boolean, pl.Null):
        return column.cast(pl.String)
    raise DataError(
        f"column {column.name!r} holds values of type {column.dtype}, and held words in training. "
        "Give it the values that it had in training."
    )


def refuse_infinite(name: str, numbers: pl.Series) -> None:
    """Raise `DataError` with column and row if a number is infinite."""
    infinite = numbers.is_infinite().fill_null(False)
    if infinite.any():
        raise DataError(
            f"column {name!r}, row {_first(infinite) + 1}: the value is infinite or too large for a "
            "64-bit number. Correct it, or leave the cell empty."
        )


def refuse_missing(column: pl.Series) -> None:
    """Raise `DataError` with column and row if a value of the target is missing (null or NaN)."""
    missing = column.is_null()
    if column.dtype.is_float():
        missing = missing | column.is_nan().fill_null(True)
    if missing.any():
        raise DataError(
            f"target column {column.name!r}, row {_first(missing) + 1}: the value is missing "
            f"({missing.sum()} of {len(column)} rows lack it). Fill in the target or remove these rows."
        )


def _first(mask: pl.Series) -> int:
    return int(mask.arg_true()[0])


def _days(column: pl.Series) -> pl.Series:
    if column.dtype == pl.Date:
        return column.to_physical().cast(pl.Float64)
    if isinstance(column.dtype, pl.Datetime):
        return column.dt.epoch("us").cast(pl.Float64) / _MICROSECONDS_A_DAY
    duration = column.cast(pl.Duration("us"))
    return duration.to_physical().cast(pl.Float64) / _MICROSECONDS_A_DAY
