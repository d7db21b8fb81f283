"""The features of a table, in NumPy, from the values of its columns: trained on, predicted from, exported.

Values are what the cells of a column hold once they are read: float64 numbers, NaN where one is missing
(`NumbersAndGaps.values`), or the codes of words (`Words.values`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.tabular.number_columns import (
    DateColumn,
    HeavyTailedColumn,
    NumbersAndGaps,
    NumericColumn,
    RobustColumn,
)
from wengert.tabular.word_columns import Words

EncodedColumn = NumbersAndGaps | Words
# The kinds of columns of numbers by the names of their scalings, of which the first that suits is taken.
SCALINGS: dict[str, tuple[type[NumbersAndGaps], ...]] = {
    "standard": (NumericColumn,),
    "robust": (DateColumn, HeavyTailedColumn, RobustColumn),
}


def features(columns: Sequence[EncodedColumn], numbers: Any, codes: Any) -> Any:
    """Return the features of some rows.

    Parameters
    ----------
    columns : sequence of EncodedColumn
    numbers : array or tensor of float64, shape (rows, columns of numbers), or None
        NaN where a value is missing.
    codes : array or tensor of int64, shape (rows, columns of words), or None

    Returns
    -------
    array or tensor of float32, shape (rows, features)
        Those of a column together, in the order of the columns.
    """
    numeric = {place: column for place, column in enumerate(columns) if isinstance(column, NumbersAndGaps)}
    words = {place: column for place, column in enumerate(columns) if isinstance(column, Words)}
    blocks, made = [], []  # the features, and for each its column and its place among that column's features
    missing: Any = np.isnan(numbers) if numeric else None
    order = {place: number for number, place in enumerate(numeric)}
    for alike in _alike(numeric):
        first, among = numeric[alike[0]], [order[place] for place in alike]
        substitutes, *statistics = np.array([numeric[place].statistics for place in alike]).T
        gaps, given = (_columns(every, among, len(numeric)) for every in (missing, numbers))
        expanded = first.expand(np.where(gaps, substitutes, given), *statistics)
        for part, block in enumerate(expanded):
            blocks.append(block.astype(np.float32))
            made += [(place, part) for place in alike]
    marked = [place for place, column in numeric.items() if column.marks_missing]
    if marked:
        blocks.append(np.take(missing.astype(np.float32), np.array([order[one] for one in marked]), axis=1))
        made += [(place, len(numeric[place].parts)) for place in marked]
    for number, (place, column) in enumerate(words.items()):
        if column.feature_names:
            blocks.append(column.features(codes[:, number : number + 1]).astype(np.float32))
            made += [(place, feature) for feature in range(len(column.feature_names))]
    joined = np.concatenate(blocks, axis=1) if len(blocks) > 1 else blocks[0]
    return _columns(joined, sorted(range(len(made)), key=made.__getitem__), len(made))


def _alike(numeric: dict[int, NumbersAndGaps]) -> list[list[int]]:
    """Return the places of the columns of each kind and form, whose features are computed together."""
    groups: dict[Any, list[int]] = {}
    for place, column in numeric.items():
        groups.setdefault((type(column), column.parts), []).append(place)
    return list(groups.values())


def _columns(array: Any, places: list[int], width: int) -> Any:
    """Return some of the columns of an array of this width, in an order."""
    return array if places == list(range(width)) else np.take(array, np.array(places), axis=1)
