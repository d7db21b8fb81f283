"""What is to be learnt: regression, or one class of two or of several, found from the target's values."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import polars as pl

from wengert.errors import DataError
from wengert.tabular.reading.column_values import (
    TEXT_TYPES,
    as_numbers,
    as_words,
    first,
    refuse_infinite,
    refuse_missing,
)
from wengert.tabular.reading.table_reading import TableReading
from wengert.tabular.training_settings import LOSSES_OF_MEANS

Class = str | int | float | bool

# Whole numbers are classes if they are few and each stands in several rows on average.
_MOST_NUMBERED_CLASSES = 20
_ROWS_A_CLASS = 5
LARGEST_TARGET = 1e300  # so that sums of errors are finite


@dataclasses.dataclass(frozen=True)
class Task:
    """The task that a target column sets.

    Attributes
    ----------
    kind : str
        ``regression``, ``binary`` or ``multiclass``. A single class is ``multiclass`` with one class.
    classes : tuple of str, int, float or bool
        Sorted; empty for regression.
    reason : str
        Why it was taken for this kind, for people.
    warning : str
        What makes the result doubtful; empty if nothing.
    """

    kind: str
    classes: tuple[Class, ...]
    reason: str
    warning: str = ""


def class_array(classes: Sequence[Class]) -> np.ndarray:
    """Return classes as an array; unsigned where the largest needs it, for which NumPy would take floats."""
    unsigned = all(type(one) is int and one >= 0 for one in classes) and max(classes, default=0) >= 2**63  # type: ignore[operator]
    return np.array(classes, np.uint64 if unsigned else None)


def class_numbers(task: Task, target: pl.Series) -> np.ndarray | None:
    """Return an integer for the class of each row, shape (rows,); None for regression."""
    return None if task.kind == "regression" else target.cast(pl.String).rank("dense").to_numpy()


def infer_task(target: pl.Series) -> Task:
    """Find the task from the values of the target.

    Words and booleans are classes; text is what it can be read as (`TableReading`). Whole numbers are classes
    if there are two of them, or at most 20 with 5 rows each on average; all other numbers are regression.

    Raises
    ------
    DataError
        If a value is missing or infinite (names the row), the type is not of numbers, words or booleans, or
        nearly every row has a word of its own.
    """
    frame = target.to_frame()
    return task_of(TableReading.infer(frame)[0].apply(frame).to_series())


def task_of(target: pl.Series, loss: str | None = None) -> Task:
    """Find the task from the values of a target that has been read; see `infer_task`.

    With a loss, which is one of numbers, whole numbers are no classes, however few they are; numbers that it
    cannot take are refused.
    """
    if target.is_empty():
        raise DataError(f"target column {target.name!r} holds no values. Name another column.")
    refuse_missing(target)
    if target.dtype in TEXT_TYPES or target.dtype == pl.Boolean:
        return _classes_of_words(target)
    if not target.dtype.is_numeric():
        raise DataError(
            f"target column {target.name!r} holds values of type {target.dtype}. "
            "Only numbers, words and booleans can be learnt; convert it."
        )
    values = target.cast(pl.Float64)
    refuse_infinite(target.name, values.to_numpy())
    too_large = values.abs() > LARGEST_TARGET
    if too_large.any():
        row = first(too_large)
        raise DataError(
            f"target column {target.name!r}, row {row + 1}: {target[row]} is too large for errors to be "
            "measured. Correct it, or divide the column by a power of ten."
        )
    if loss is not None:
        refuse_negative(target, loss)
        return Task("regression", (), f"{target.name!r} holds numbers, and the loss is one of numbers")
    return _numbers(target)


def refuse_negative(target: pl.Series, loss: str | None) -> None:
    """Raise `DataError` with column and row if a number is below 0 and the loss takes counts or amounts."""
    negative = target < 0 if loss in LOSSES_OF_MEANS else pl.Series([False])
    if negative.any():
        row = first(negative)
        raise DataError(
            f"target column {target.name!r}, row {row + 1}: {target[row]} is below 0, and the loss {loss} "
            "takes counts or amounts of 0 or more. Correct the row, or train by another loss."
        )


def _classes_of_words(target: pl.Series) -> Task:
    values = target if target.dtype == pl.Boolean else as_words(target)
    classes = tuple(values.unique().sort().to_list())
    count = len(classes)
    if count > _MOST_NUMBERED_CLASSES and count > len(target) / 2:
        raise DataError(
            f"target column {target.name!r} has {count} different words in {len(target)} rows, such as "
            f"{str(classes[0])[:40]!r}: too many classes. Name another column, or correct its numbers."
        )
    return _classification(values, classes, "truth values" if target.dtype == pl.Boolean else "words")


def _numbers(target: pl.Series) -> Task:
    numbers = as_numbers(target)
    distinct = target.n_unique()
    if not np.array_equal(numbers, np.floor(numbers)):
        warning = f"every row has the same target ({target[0]})" if distinct == 1 else ""
        return Task("regression", (), f"{target.name!r} holds fractional numbers", warning)
    few = distinct <= _MOST_NUMBERED_CLASSES and len(target) >= _ROWS_A_CLASS * distinct
    if distinct <= 2 or few:
        # A model keeps whole numbers of 64 bits with a sign; larger ones are words to it, and those of the
        # decimal type of Parquet fractions.
        values = target.cast(pl.Float64) if target.dtype.is_decimal() else target
        if target.dtype.is_integer() and values.cast(pl.Int64, strict=False).has_nulls():
            values = target.cast(pl.String)
        return _classification(target, tuple(values.unique().sort().to_list()), "whole numbers")
    return Task("regression", (), f"{target.name!r} holds {distinct} different numbers")


def _classification(target: pl.Series, classes: tuple[Class, ...], described: str) -> Task:
    count = len(classes)
    if count == 1:
        reason = f"{target.name!r} holds one class only, {classes[0]!r}"
        return Task("multiclass", classes, reason, f"{reason}: the model can only ever predict this class")
    kind = "binary" if count == 2 else "multiclass"
    reason = f"{target.name!r} holds {count} different {described}"
    smallest = target.value_counts().sort("count", target.name)
    fewest, rarest = smallest["count"][0], smallest[target.name][0]
    warning = f"class {rarest!r} of {target.name!r} has one row only" if fewest == 1 else ""
    return Task(kind, classes, reason, warning)
