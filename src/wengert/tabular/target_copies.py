"""Columns that are the target in other words: a score with them says nothing of rows to come."""

from __future__ import annotations

import numpy as np
import polars as pl

from wengert.tabular.columns import Column
from wengert.tabular.reading.column_values import as_numbers, is_missing

_ROWS_FIRST = 1000  # of which nearly every column shows that it is no copy
_FEWEST_ROWS = 10  # in fewer, values may go together by chance
_ROUNDING = 1e-6  # of the range of the target: amounts in other units are rounded


def target_copies(
    frame: pl.DataFrame, target: str, columns: tuple[Column, ...], *, classes: bool
) -> list[str]:
    """Return the names of the features that say what the target says.

    Of classes these are columns whose values go together with them one to one, of numbers those from which
    the target follows by a factor and a constant. Rows in which the column is missing do not count.

    Parameters
    ----------
    frame : polars.DataFrame
        As it was read.
    target : str
    columns : tuple of Column
        Those that are dropped are passed over.
    classes : bool
        Whether the target holds classes.
    """
    same = _one_to_one if classes else _linear
    names = [column.name for column in columns if column.kind != "dropped"]
    start = frame.head(_ROWS_FIRST)
    return [
        name
        for name in names
        if all(same(*_known(part.get_column(name), part.get_column(target))) for part in (start, frame))
    ]


def _known(column: pl.Series, target: pl.Series) -> tuple[pl.Series, pl.Series]:
    known = ~is_missing(column)
    return column.filter(known), target.filter(known)


def _one_to_one(column: pl.Series, target: pl.Series) -> bool:
    if len(column) < _FEWEST_ROWS:
        return False
    pairs = pl.DataFrame([column.alias("column"), target.alias("target")]).n_unique()
    return 1 < pairs == column.n_unique() == target.n_unique()


def _linear(column: pl.Series, target: pl.Series) -> bool:
    if len(column) < _FEWEST_ROWS or not (column.dtype.is_numeric() or column.dtype == pl.Boolean):
        return False
    x, y = as_numbers(column), as_numbers(target)
    with np.errstate(over="ignore", invalid="ignore"):  # and then it is no copy
        x, y = x - x[0], y - y[0]
        largest = np.abs(x).argmax()
        if x[largest] == 0 or not y.any():
            return False
        return bool(np.allclose(y, x * (y[largest] / x[largest]), rtol=0, atol=_ROUNDING * np.ptp(y)))
