"""What each column of a table is, inferred from its values, with the reasons."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection, Mapping
from functools import partial

import numpy as np
import polars as pl

from wengert.errors import DataError
from wengert.tabular.reading.column_values import TEXT_TYPES, as_numbers, as_words, find_column
from wengert.tabular.reading.possible_readings import FEW, MOSTLY
from wengert.tabular.reading.table_reading import TableReading, each
from wengert.tabular.reading.text_format import NOTHING_SAID, TextFormat

# Names that say of whole numbers that they identify the rows, if they are all different.
_IDENTIFIER = (
    r"(?i)^(?:.*[\s_.-])?(?:id|uuid|guid|index|idx|key|rownames|row_?id|unnamed.*|column_1)$"
    r"|^__index_level_[0-9]+__$|[a-z](?:Id|ID)$"
)


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


def infer_columns(
    frame: pl.DataFrame, target: str, drop: Collection[str] = (), given: TextFormat = NOTHING_SAID
) -> tuple[Column, ...]:
    """Find the kind of every column that is neither the target nor in ``drop``.

    Numbers are ``numeric``; true and false ``boolean``; dates and times ``date``; words ``categorical``; text
    is what it can be read as (`TableReading`). A column is ``dropped``, with a note, if it has one value
    only, holds free text, or only identifies the rows: a different word in each, or different whole numbers
    under a name such as ``id``. Other numbers that count the rows are kept, with a note.

    Raises
    ------
    DataError
        If the target or a name in ``drop`` is not in the table, a number is infinite, values are no numbers,
        words or dates, or nothing is left to learn from. All columns of which this holds are named at once.
    """
    require_columns(frame, target, drop)
    features = frame.drop(target, *drop)
    reading, notes = TableReading.infer(features, given)
    return kinds_of_columns(reading.apply(features), target, notes)


def require_columns(frame: pl.DataFrame, target: str, drop: Collection[str]) -> None:
    """Refuse a target or columns to be dropped that are not in the table, and a target to be dropped.

    Raises
    ------
    DataError
    """
    find_column(frame, target, "the target")
    for name in drop:
        find_column(frame, name, "to be dropped")
    if target in drop:
        raise DataError(f"column {target!r} is the target and is to be dropped. Name one or the other.")


def kinds_of_columns(features: pl.DataFrame, target: str, notes: Mapping[str, str]) -> tuple[Column, ...]:
    """Find the kind of every column of features that have been read; see `infer_columns`."""
    columns = tuple(each([partial(infer_column, column, notes.get(column.name, "")) for column in features]))
    if all(column.kind == "dropped" for column in columns):
        reasons = "; ".join(f"{column.name!r} {column.note}" for column in columns[:5])
        raise DataError(
            f"no column is left to learn from beside the target {target!r}. {reasons or 'There is no other'}."
        )
    return columns


def infer_column(column: pl.Series, note: str = "") -> Column:
    """Find the kind of one column of features that has been read, of which a note says how."""
    dtype = column.dtype
    if column.null_count() == len(column):
        return Column(column.name, "dropped", "has no values")
    if dtype in TEXT_TYPES:
        return _infer_words(column.name, as_words(column), note)
    numbers = as_numbers(column)
    known = numbers[~np.isnan(numbers)]
    if known.size == 0:
        return Column(column.name, "dropped", "has no values")
    # One value with gaps still says something: where the gaps are.
    if known.size == numbers.size and known.min() == known.max():
        return Column(column.name, "dropped", f"has the same value in every row ({column[0]})")
    if dtype == pl.Boolean:
        return Column(column.name, "boolean", note)
    if dtype.is_temporal():
        return Column(column.name, "date", "is used as days since 1970-01-01" + (note and f"; {note}"))
    if dtype.is_integer() and known.size > FEW:
        if re.search(_IDENTIFIER, column.name) and np.unique(known).size == numbers.size:
            return Column(column.name, "dropped", "only identifies the rows, as its name says")
        if _counts_by_one(numbers):
            note = f"counts the rows; if it only identifies them, drop it{note and f'; {note}'}"
    return Column(column.name, "numeric", note)


def _counts_by_one(numbers: np.ndarray) -> bool:
    steps = np.diff(numbers)
    return bool(np.all(steps == 1) or np.all(steps == -1))


def _infer_words(name: str, column: pl.Series, note: str) -> Column:
    words = column.drop_nulls()
    distinct = words.n_unique()
    if distinct == 1 and len(words) == len(column):
        return Column(name, "dropped", f"has the same value in every row ({words[0]})")
    if distinct <= FEW:
        return Column(name, "categorical", note)
    spaces = words.str.count_matches(r"\s+").mean()
    if distinct > len(words) / 2 and spaces >= 1:  # type: ignore[operator]
        shown = str(words[0])[:40]
        return Column(
            name, "dropped", f"holds free text ({distinct} texts in {len(words)} rows, such as {shown!r})"
        )
    if not note and words.cast(pl.Float64, strict=False).is_not_null().mean() >= MOSTLY:  # type: ignore[operator]
        odd = words.filter(words.cast(pl.Float64, strict=False).is_null())
        if not len(odd):
            shown = max(words, key=lambda word: "." in word)
            return Column(name, "dropped", f"holds numbers with another decimal mark, such as {shown!r}")
        return Column(
            name, "dropped", f"holds numbers, but {len(odd)} cells are none, such as {str(odd[0])[:40]!r}"
        )
    if distinct == len(words):
        return Column(name, "dropped", "has a different word in every row, so it only identifies the rows")
    return Column(
        name,
        "categorical",
        f"has {distinct} different words; rare ones are taken together{note and f'; {note}'}",
    )
