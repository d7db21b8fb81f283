"""What each column of a table is, found from its values, with the reasons told."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection

import numpy as np
import polars as pl

from wengert.errors import DataError
from wengert.io.column_values import TEXT_TYPES, as_numbers, find_column

# Up to so many different words are categories without further question.
_FEW = 20
# A column in which so large a part of the values are numbers is one of numbers with slips in it.
_MOSTLY = 0.9
_NUMBER_WRITTEN_AS_TEXT = r"^[^\w\s]{0,2}\s*\d[\d.,'\s]*\s*[%€$£]?$"


@dataclasses.dataclass(frozen=True)
class Column:
    """One column of features.

    Attributes
    ----------
    name : str
    kind : str
        ``numeric``, ``boolean``, ``date`` (used as days since 1970-01-01), ``categorical``, or ``dropped``.
    note : str
        What a person should know about it; empty if nothing.
    """

    name: str
    kind: str
    note: str = ""


def infer_columns(frame: pl.DataFrame, target: str, drop: Collection[str] = ()) -> tuple[Column, ...]:
    """Find the kind of every column that is neither the target nor in ``drop``.

    Numbers are ``numeric``; true and false ``boolean``; dates and times ``date``; words ``categorical``. A
    column with one value only, or with a different word in every row (an identifier), is ``dropped`` with a
    note. A numeric column that counts the rows is kept, with a note.

    Raises
    ------
    DataError
        If the target or a name in ``drop`` is not in the table, a number is infinite, a column holds free
        text, numbers written as text or numbers with a few words among them, values that are no numbers,
        words or dates, or nothing is left to learn from.
    """
    find_column(frame, target, "the target")
    for name in drop:
        find_column(frame, name, "to be dropped")
    columns = tuple(
        infer_column(column) for column in frame if column.name != target and column.name not in drop
    )
    if all(column.kind == "dropped" for column in columns):
        reasons = "; ".join(f"{column.name!r} {column.note}" for column in columns[:5])
        raise DataError(
            f"no column is left to learn from beside the target {target!r}. {reasons or 'There is no other'}."
        )
    return columns


def infer_column(column: pl.Series) -> Column:
    """Find the kind of one column of features; see `infer_columns`."""
    dtype = column.dtype
    if column.null_count() == len(column):
        return Column(column.name, "dropped", "has no values")
    if dtype in TEXT_TYPES:
        return _infer_words(column.name, column.cast(pl.String))
    numbers = as_numbers(column)
    known = numbers[~np.isnan(numbers)]
    if known.size == 0:
        return Column(column.name, "dropped", "has no values")
    # One value with gaps still says something: where the gaps are.
    if known.size == numbers.size and known.min() == known.max():
        return Column(column.name, "dropped", f"has the same value in every row ({column[0]})")
    if dtype == pl.Boolean:
        return Column(column.name, "boolean")
    if dtype.is_temporal():
        return Column(column.name, "date", "is used as days since 1970-01-01")
    if dtype.is_integer() and known.size > _FEW and _counts_by_one(numbers):
        return Column(column.name, "numeric", "counts the rows; if it only identifies them, drop it")
    return Column(column.name, "numeric")


def _counts_by_one(numbers: np.ndarray) -> bool:
    steps = np.diff(numbers)
    return bool(np.all(steps == 1) or np.all(steps == -1))


def _infer_words(name: str, column: pl.Series) -> Column:
    words = column.drop_nulls()
    distinct = words.n_unique()
    if distinct == 1 and len(words) == len(column):
        return Column(name, "dropped", f"has the same value in every row ({words[0]})")
    if distinct <= _FEW:
        return Column(name, "categorical")
    _refuse_slips(name, column, words)
    if words.str.contains(_NUMBER_WRITTEN_AS_TEXT).mean() >= _MOSTLY:  # type: ignore[operator]
        raise DataError(
            f"column {name!r} holds numbers written as text, such as {words[0]!r}. Write them with a decimal "
            f"point and without separators or units, or drop the column (in the shell: --drop {name!r})."
        )
    spaces = words.str.count_matches(r"\s+").mean()
    if distinct > len(words) / 2 and spaces >= 1:  # type: ignore[operator]
        raise DataError(
            f"column {name!r} holds free text ({distinct} different values in {len(words)} rows, such as "
            f"{str(words[0])[:40]!r}), which cannot be learnt from. Drop it (in the shell: --drop {name!r})."
        )
    if distinct == len(words):
        return Column(name, "dropped", "has a different word in every row, so it only identifies the rows")
    return Column(name, "categorical", f"has {distinct} different words; rare ones are taken together")


def _refuse_slips(name: str, column: pl.Series, words: pl.Series) -> None:
    """Refuse a column of numbers that a few cells keep from being one: training would take it for words."""
    numbers = words.cast(pl.Float64, strict=False)
    if numbers.is_not_null().mean() < _MOSTLY:  # type: ignore[operator]
        return
    wrong = column.is_not_null() & column.cast(pl.Float64, strict=False).is_null()
    if wrong.any():
        row = int(wrong.arg_true()[0])
        raise DataError(
            f"column {name!r} holds numbers, but row {row + 1} has {str(column[row])[:40]!r}. "
            f"Correct it, leave the cell empty, or drop the column (in the shell: --drop {name!r})."
        )
