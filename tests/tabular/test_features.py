"""The features of any table against a plain statement of what each column kind promises, cell by cell."""

import math

import numpy as np
import pytest
from hypothesis import given, strategies as st
from tests.tabular.test_preprocess import tables

from wengert.tabular import TablePreprocessor
from wengert.tabular.features import features
from wengert.tabular.number_columns import NumbersAndGaps, RobustColumn
from wengert.tabular.preprocess import PREPROCESSING
from wengert.tabular.word_columns import CategoricalColumn, Words


def of_number(column, cell):
    """The features of one cell of a column of numbers, in Python's floats."""
    if hasattr(cell, "toordinal"):
        cell = cell.toordinal() - 719_163  # days since 1970-01-01
    missing = cell is None or math.isnan(cell)
    substitute, center, scale = column.statistics
    half = 0.5 if scale > 1 else 1.0
    z = ((substitute if missing else float(cell)) * half - center * half) / (scale * half)
    z = min(max(z, -1e6), 1e6)
    if isinstance(column, RobustColumn):
        z /= math.sqrt(1 + (z / 3) * (z / 3))
    return [z, float(missing)][: 1 + column.marks_missing]


def of_word(column, cell):
    """The features of one cell of a column of words."""
    special = [None] * column.marks_missing
    if isinstance(column, CategoricalColumn):
        known = [*column.categories, *["other"] * column.has_other, *special]
        if cell is not None and cell not in column.categories:
            cell = "other"
        return [float(cell == one) for one in known]
    return [float([*column.categories, *special].index(cell) + 1) if cell in column.categories or (
        cell is None and column.marks_missing) else 0.0]  # fmt: skip


@pytest.mark.parametrize("preset", PREPROCESSING)
@given(tables(), tables(), st.sampled_from([None, 0, 2, 8]))
def test_features_are_what_the_columns_promise_of_each_cell(preset, train, other, most):
    options = {**PREPROCESSING[preset], "most_indicators": most}
    preprocessor = TablePreprocessor.fit(train, "y", **options)
    made = preprocessor.transform(other)
    wanted = [
        [
            feature
            for column in preprocessor.columns
            for feature in (of_number if isinstance(column, NumbersAndGaps) else of_word)(
                column, row[column.name]
            )
        ]
        for row in other.iter_rows(named=True)
    ]
    np.testing.assert_array_equal(made, np.array(wanted, np.float32))


@given(tables())
def test_rows_do_not_know_of_each_other(train):
    preprocessor = TablePreprocessor.fit(train, "y", **PREPROCESSING["tabular"])
    whole = preprocessor.transform(train)
    single = [preprocessor.transform(train[row : row + 1]) for row in range(train.height)]
    np.testing.assert_array_equal(whole, np.concatenate(single))


def test_a_column_without_features_takes_no_place():
    empty = CategoricalColumn("w", (), False, False)
    made = features(
        [RobustColumn("x", "numeric", 0.0, 1.0, False), empty], np.zeros((2, 1)), np.zeros((2, 1))
    )
    assert made.shape == (2, 1)
    assert empty.codes == {"": -1}
    assert isinstance(empty, Words)
