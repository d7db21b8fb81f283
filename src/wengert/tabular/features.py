"""The features of a table, in NumPy, from the values of its columns: trained on, predicted from, exported.

Values are what the cells of a column hold once they are read: float64 numbers, NaN where one is missing
(`NumbersAndGaps.values`), or the codes of words (`Words.values`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.tabular.number_columns import NumbersAndGaps, NumericColumn, RobustColumn, standardised
from wengert.tabular.word_columns import Words

EncodedColumn = NumbersAndGaps | Words
# The kinds of columns that are made of numbers, by the names of their scalings.
SCALINGS: dict[str, type[NumbersAndGaps]] = {"standard": NumericColumn, "robust": RobustColumn}


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
    if numeric:
        substitutes, centers, scales = np.array([column.statistics for column in numeric.values()]).T
        missing = np.isnan(numbers)
        deviations = standardised(np.where(missing, substitutes, numbers), centers, scales)
        kinds = [type(column) for column in numeric.values()]
        first, *others = sorted(set(kinds), key=list(SCALINGS.values()).index)
        bent = first.bend(deviations)
        for kind in others:
            bent = np.where(np.array([one is kind for one in kinds]), kind.bend(deviations), bent)
        blocks.append(bent.astype(np.float32))
        made += [(place, 0) for place in numeric]
        marked = [number for number, column in enumerate(numeric.values()) if column.marks_missing]
        if marked:
            blocks.append(np.take(missing.astype(np.float32), np.array(marked), axis=1))
            made += [(place, 1) for place, column in numeric.items() if column.marks_missing]
    for number, (place, column) in enumerate(words.items()):
        if column.feature_names:
            blocks.append(column.features(codes[:, number : number + 1]).astype(np.float32))
            made += [(place, feature) for feature in range(len(column.feature_names))]
    joined = np.concatenate(blocks, axis=1) if len(blocks) > 1 else blocks[0]
    order = sorted(range(len(made)), key=made.__getitem__)
    return joined if order == list(range(len(made))) else np.take(joined, np.array(order), axis=1)
