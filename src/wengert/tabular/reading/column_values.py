"""What stands in one column, as numbers or as words, with the row of anything that cannot be used.

Rows are counted from 1 and without the header, as everywhere in messages about tables.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any

import numpy as np
import polars as pl

from wengert.checks import nearest_name
from wengert.errors import DataError
from wengert.tabular.reading import cells

TEXT_TYPES = (pl.String, pl.Categorical, pl.Enum, pl.Binary)


def find_column(frame: pl.DataFrame, name: str, role: str) -> pl.Series:
    """Return the column ``name``; ``role`` says in the error message what it is needed for.

    Raises
    ------
    DataError
        If there is none. The message suggests the nearest name.
    """
    column: pl.Series | None = frame.get_column(name, default=None)  # to look in its list of names takes time
    if column is None:
        raise DataError(f"the table has no column {name!r} ({role}).{suggestion(name, frame.columns)}")
    return column


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
        text = as_text(column)
        numbers = text.cast(pl.Float64, strict=False)
        wrong = numbers.is_null() & text.is_not_null()
        if wrong.any():
            row = first(wrong)
            raise DataError(
                f"column {column.name!r}, row {row + 1}: {str(text[row])[:40]!r} is not a number, and "
                "the column held numbers in training. Correct it, or leave the cell empty."
            )
    elif dtype.is_numeric() or dtype in (pl.Boolean, pl.Null):
        numbers = column if dtype == pl.Float64 else column.cast(pl.Float64)
    else:
        raise DataError(
            f"column {column.name!r} holds values of type {dtype}, which are not numbers, words or dates. "
            f"Drop it (in the shell: --drop {column.name!r})."
        )
    values = numbers.to_numpy()  # a null becomes NaN
    refuse_infinite(column.name, values)
    return values


def as_text(column: pl.Series) -> pl.Series:
    """Return text, categories or bytes as text without blanks around it, null where none is left."""
    if column.dtype == pl.Binary:
        column = mapped(column, cells.plain, pl.String)
    text = column.cast(pl.String).str.strip_chars()
    return text.set(text == "", None)


def as_words(column: pl.Series, missing: Collection[str] = ()) -> pl.Series:
    """Return the category of each cell of a column of any type; see `cells.category`."""
    dtype = column.dtype
    if dtype not in TEXT_TYPES and not dtype.is_numeric() and dtype not in (pl.Boolean, pl.Null):
        raise DataError(
            f"column {column.name!r} holds values of type {dtype}, and held words in training. "
            "Give it the values that it had in training."
        )
    if dtype in (pl.Categorical, pl.Enum, pl.Float32, pl.Null):
        column = column.cast(pl.String)  # 0.1 of 32 bits is 0.1
    return mapped(column, lambda cell: cells.category(cell, missing), pl.String)


def mapped(column: pl.Series, function: Callable[[Any], Any], dtype: Any) -> pl.Series:
    """Return what a function makes of each cell that is not null; it is called once for equal cells."""
    distinct = column.drop_nulls().unique()
    if not len(distinct):
        return pl.Series(column.name, [None] * len(column), dtype)
    made = pl.Series([function(cell) for cell in distinct], dtype=dtype)
    return column.replace_strict(distinct, made, default=None, return_dtype=dtype)


def refuse_infinite(name: str, numbers: np.ndarray) -> None:
    """Raise `DataError` with column and row if a number is infinite."""
    # An expression of polars, which has to be planned, takes longer than all numbers of a small table.
    infinite = np.isinf(numbers)
    if infinite.any():
        raise DataError(
            f"column {name!r}, row {int(infinite.argmax()) + 1}: the value is infinite or too large for a "
            "64-bit number. Correct it, or leave the cell empty."
        )


def is_missing(column: pl.Series) -> pl.Series:
    """Return which cells of a column that has been read hold nothing (null or NaN)."""
    missing = column.is_null()
    return missing | column.is_nan().fill_null(True) if column.dtype.is_float() else missing


def refuse_missing(column: pl.Series) -> None:
    """Raise `DataError` with column and row if a value of the target is missing (null or NaN)."""
    missing = is_missing(column)
    if missing.any():
        raise DataError(
            f"target column {column.name!r}, row {first(missing) + 1}: the value is missing "
            f"({missing.sum()} of {len(column)} rows lack it). Fill in the target or remove these rows."
        )


def first(mask: pl.Series) -> int:
    """Return the place of the first true value, from 0."""
    return int(mask.arg_true()[0])


def _days(column: pl.Series) -> pl.Series:
    if column.dtype == pl.Date:
        return column.to_physical().cast(pl.Float64)
    if isinstance(column.dtype, pl.Datetime):
        return column.dt.epoch("us").cast(pl.Float64) / cells.MICROSECONDS_A_DAY
    duration = column.cast(pl.Duration("us"))
    return duration.to_physical().cast(pl.Float64) / cells.MICROSECONDS_A_DAY
