"""Columns for the tabular preset against their formulas, at any magnitude, and after a trip through JSON."""

import datetime
import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given, strategies as st
from tests.tabular.test_preprocess import finite, tables

from wengert.errors import ConfigurationError, DataError
from wengert.tabular import TablePreprocessor
from wengert.tabular.number_columns import RobustColumn, bent, center_and_spread
from wengert.tabular.word_columns import EmbeddedColumn


def fit(frame, **options):
    return TablePreprocessor.fit(frame, "y", scaling="robust", **options)


@given(tables(), tables(), st.sampled_from([None, 0, 3]))
def test_any_table_gives_finite_features_that_survive_json(train, other, most):
    preprocessor = fit(train, most_indicators=most)
    again = TablePreprocessor.from_json(json.loads(json.dumps(preprocessor.to_json(), allow_nan=False)))
    assert again == preprocessor
    for frame in (train, other, other.clear()):
        features = preprocessor.transform(frame)
        assert features.shape == (frame.height, len(preprocessor.feature_names))
        assert np.isfinite(features).all()
        assert features.tobytes() == again.transform(frame).tobytes()


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30))
def test_center_and_spread_are_median_and_distance_of_quartiles(values):
    values = np.array(values)
    low, middle, high = np.percentile(values, [25, 50, 75])
    spread = high - low or (values.max() - values.min()) / 2 or 1.0
    assert center_and_spread(values) == pytest.approx((middle, spread), rel=1e-9, abs=1e-9)


@given(st.lists(finite, max_size=8))
def test_center_and_spread_of_any_magnitude_are_finite(values):
    center, spread = center_and_spread(np.array(values))
    assert np.isfinite([center, spread]).all()
    assert spread > 0


def test_numbers_are_scaled_by_quartiles_and_bent_back():
    frame = pl.DataFrame({"x": [0.0, 1.0, 2.0, 3.0, 6.0, None], "y": [0.5, 1.5, 2.5, 3.5, 4.5, 5.5]})
    preprocessor = fit(frame)
    assert preprocessor.columns == (RobustColumn("x", "numeric", 2.0, 2.0, True),)
    assert preprocessor.feature_names == ("x", "x (missing)")
    z = (np.array([0, 1, 2, 3, 6, 2]) - 2) / 2
    wanted = np.stack([z / np.sqrt(1 + z**2 / 9), [0, 0, 0, 0, 0, 1]], axis=1)
    np.testing.assert_allclose(preprocessor.transform(frame), wanted, rtol=1e-6)


def test_smooth_clipping_hardly_changes_small_values_and_bounds_all():
    z = np.array([1e-3, 1.0, 3.0, 1e3, 1e300, np.inf])
    clipped = bent(z)
    np.testing.assert_allclose(clipped[:4], 3 * np.sin(np.arctan(z[:4] / 3)), rtol=1e-12)
    assert (clipped <= 3).all()
    np.testing.assert_array_equal(bent(-z), -clipped)


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ([0, 0, 0, 0, 0, 0, 0, 8], (0, 4)),  # half the range where the quartiles agree
        ([5, 5, 5, None], (5, 1)),
        ([True, False, False, False, False, False], (0, 0.5)),
    ],
)
def test_columns_without_a_middle_half(values, wanted):
    column = RobustColumn.fit(pl.Series("x", values), "numeric")
    assert (column.center, column.spread) == wanted


def test_words_become_numbers_of_categories():
    words = ["b"] * 6 + ["a"] * 5 + ["rare"] * 4 + [None] * 2
    frame = pl.DataFrame({"w": words, "x": range(17), "y": np.arange(17) / 2})
    preprocessor = fit(frame, most_indicators=2)
    embedded = EmbeddedColumn("w", ("a", "b"), True)
    # Columns for an embedding come last, wherever they stand in the table.
    assert preprocessor.columns[1] == embedded
    assert preprocessor.feature_names == ("x", "w (category)")
    assert embedded.numbers == 4
    new = pl.Series("w", ["a", "b", "rare", "never seen", None])
    np.testing.assert_array_equal(embedded.values(new), [1, 2, 0, 0, 3])
    unmarked = EmbeddedColumn("w", ("a", "b"), False)
    np.testing.assert_array_equal(unmarked.values(new), [1, 2, 0, 0, 0])


def test_few_words_stay_indicators():
    frame = pl.DataFrame({"w": ["a", "b", "c"] * 5, "y": np.arange(15) / 2})
    assert fit(frame, most_indicators=3).feature_names == ("w=a", "w=b", "w=c")
    assert fit(frame).feature_names == ("w=a", "w=b", "w=c")
    assert fit(frame, most_indicators=2).feature_names == ("w (category)",)


def test_an_unknown_scaling_and_another_kind_of_column():
    frame = pl.DataFrame({"x": [1, 2, 4], "y": [0.5, 1.5, 2.5]})
    with pytest.raises(ConfigurationError, match="unknown scaling 'robus'; did you mean 'robust'"):
        TablePreprocessor.fit(frame, "y", scaling="robus")
    dates = pl.DataFrame({"x": [datetime.date(2020, 1, 1)]})
    with pytest.raises(DataError, match="'x' holds values of type Date, and held numbers in training"):
        fit(frame).transform(dates)
