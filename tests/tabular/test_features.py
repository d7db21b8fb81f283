"""The features of any table against a plain statement of what each column kind promises, cell by cell."""

import datetime
import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, strategies as st
from tests.contract.test_new_members import by_onnx
from tests.io.test_table_model import trained
from tests.tabular.test_preprocess import tables

from wengert.io import to_python
from wengert.io.formats.onnx_export import takes_float32
from wengert.io.table_models import portable
from wengert.tabular import TablePreprocessor
from wengert.tabular.features import features
from wengert.tabular.number_columns import (
    DateColumn,
    HeavyTailedColumn,
    NumbersAndGaps,
    NumericColumn,
    RobustColumn,
)
from wengert.tabular.preprocess import PREPROCESSING
from wengert.tabular.training_settings import TrainingSettings
from wengert.tabular.word_columns import CategoricalColumn, Words


def of_number(column, cell):
    """The features of one cell of a column of numbers, in Python's floats."""
    if hasattr(cell, "toordinal"):
        cell = cell.toordinal() - 719_163  # days since 1970-01-01
    missing = cell is None or math.isnan(cell)
    substitute, center, scale, *deviation = column.statistics
    x = substitute if missing else float(cell)

    def by(scale, limit=1e6):
        half = 0.5 if scale > 1 else 1.0
        return min(max((x * half - center * half) / (scale * half), -limit), limit)

    z = by(scale)
    parts = [z if isinstance(column, NumericColumn) else z / math.sqrt(1 + (z / 3) * (z / 3))]
    if isinstance(column, HeavyTailedColumn):
        parts += [math.copysign(math.log1p(abs(z)), z), by(deviation[0], 100)]
    if isinstance(column, DateColumn):
        lengths = {"year": (365.2425, 2), "week": (7, 3), "day": (1, 2)}
        for cycle in column.cycles:
            length, waves = lengths[cycle]
            for wave in range(1, waves + 1):
                angle = 2 * math.pi * wave * (math.floor(x) if cycle == "week" else x) / length
                parts += [math.sin(angle), math.cos(angle)]
    return [*parts, *[float(missing)] * column.marks_missing]


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
    exact = [not isinstance(one, (DateColumn, HeavyTailedColumn)) for one in preprocessor.columns]
    whole = np.repeat(exact, [len(one.feature_names) for one in preprocessor.columns])
    np.testing.assert_array_equal(made[:, whole], np.array(wanted, np.float32)[:, whole])
    # The angles of dates are found by whole turns, and logarithms of two libraries differ in the last bit.
    np.testing.assert_allclose(made, np.array(wanted, np.float32), rtol=1e-6, atol=1e-6)


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


def times_and_tails(rows=400):
    """A table with a heavy-tailed column, hours over two years, and gaps in both."""
    rng = np.random.default_rng(3)
    hours = rng.integers(0, 2 * 365 * 24, rows)
    moments = [datetime.datetime(2022, 1, 1) + datetime.timedelta(hours=int(one)) for one in hours]
    amounts = rng.lognormal(0, 2, rows)
    y = np.sin(2 * np.pi * hours / 24) + np.log(amounts)
    gaps = rng.uniform(size=(2, rows)) < 0.05
    return pl.DataFrame(
        {
            "when": [None if gap else moment for gap, moment in zip(gaps[0], moments, strict=True)],
            "amount": [None if gap else float(one) for gap, one in zip(gaps[1], amounts, strict=True)],
            "y": y,
        }
    )


def test_dates_and_heavy_tails_have_more_than_one_feature():
    preprocessor = TablePreprocessor.fit(times_and_tails(), "y", **PREPROCESSING["tabular"])
    when, amount = preprocessor.columns
    assert isinstance(when, DateColumn)
    assert when.cycles == ("year", "week", "day")
    assert isinstance(amount, HeavyTailedColumn)
    assert amount.feature_names == ("amount", "amount (logarithm)", "amount (linear)", "amount (missing)")
    assert TablePreprocessor.from_json(preprocessor.to_json()) == preprocessor
    normal = RobustColumn.fit(pl.Series("x", np.random.default_rng(0).normal(size=500)), "numeric")
    assert HeavyTailedColumn.fit(pl.Series("x", np.random.default_rng(0).normal(size=500)), "numeric") is None
    assert normal.parts == ("",)


@pytest.mark.parametrize(
    ("step", "rows", "cycles"),
    [("1d", 6, ()), ("1d", 30, ("week",)), ("1d", 100, ("year", "week")), ("1h", 24, ("day",))],
)
def test_cycles_that_a_table_does_not_go_round_are_left_out(step, rows, cycles):
    start = datetime.datetime(2024, 1, 1)
    one = datetime.timedelta(days=1) if step == "1d" else datetime.timedelta(hours=1)
    column = DateColumn.fit(pl.Series("t", [start + place * one for place in range(rows)]), "date")
    assert column.cycles == cycles


@pytest.mark.filterwarnings("ignore::DeprecationWarning:onnx")
def test_exports_know_the_hour_and_the_tail():
    frame = times_and_tails()
    model = trained(frame, "y", TrainingSettings(epochs=3))
    wanted = model.predict(frame)["predicted_y"].to_numpy()
    exported = portable(model)
    assert not takes_float32(exported)
    numbers = [column.values(frame[column.name])[:, np.newaxis] for column in model.preprocessor.columns]
    (answer,) = by_onnx(exported, dict(zip(exported.feature_names, numbers, strict=True)))
    np.testing.assert_allclose(answer[:, 0], wanted, rtol=1e-4, atol=1e-4)
    namespace = {"__name__": "predictor"}
    exec(to_python(exported), namespace)
    np.testing.assert_allclose(
        namespace["predict"](frame.to_dict(as_series=False)), wanted, rtol=1e-4, atol=1e-4
    )
