"""Tables become finite float32 features, the same after a trip through JSON, and targets come back."""

import copy
import datetime
import json
import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given, strategies as st

from wengert.errors import DataError, DTypeError, ModelFileError
from wengert.io import read_table
from wengert.tabular import TablePreprocessor, infer_columns, infer_task
from wengert.tabular.number_columns import mean_and_scale, standardised

finite = st.floats(allow_nan=False, allow_infinity=False)


def fit(drop=(), **columns):
    return TablePreprocessor.fit(pl.DataFrame(columns, strict=False), "y", drop=drop)


@st.composite
def tables(draw):
    rows = draw(st.integers(2, 12))

    def column(values):
        return draw(st.lists(values, min_size=rows, max_size=rows))

    return pl.DataFrame(
        {
            "numbers": pl.Series(column(finite | st.none()), dtype=pl.Float64),
            "whole": pl.Series(column(st.integers(-(2**63), 2**63 - 1)), dtype=pl.Int64),
            "flags": pl.Series(column(st.booleans() | st.none()), dtype=pl.Boolean),
            "words": pl.Series(column(st.sampled_from("abc") | st.none()), dtype=pl.String),
            "days": pl.Series(column(st.dates() | st.none()), dtype=pl.Date),
            "anchor": range(rows),
            "y": pl.Series(column(st.floats(-1e300, 1e300)), dtype=pl.Float64),
        }
    )


@given(tables(), tables())
def test_any_table_gives_finite_features_that_survive_json(train, other):
    preprocessor = TablePreprocessor.fit(train, "y")
    again = TablePreprocessor.from_json(json.loads(json.dumps(preprocessor.to_json(), allow_nan=False)))
    assert again == preprocessor
    for frame in (train, other, other.clear()):
        features = preprocessor.transform(frame)
        assert features.shape == (frame.height, len(preprocessor.feature_names))
        assert features.dtype == np.float32
        assert np.isfinite(features).all()
        assert features.tobytes() == again.transform(frame).tobytes()
    assert len(set(preprocessor.feature_names)) == len(preprocessor.feature_names)


@given(st.lists(finite, min_size=1, max_size=8))
def test_mean_and_scale_at_any_magnitude(values):
    """The oracle is rational arithmetic."""
    mean, scale = mean_and_scale(np.array(values))
    exact = sum(map(Fraction, values)) / len(values)
    largest = max(map(abs, values))
    assert abs(Fraction(mean) - exact) <= Fraction(largest) * Fraction(1, 2**50) + Fraction(5e-324)
    variance = sum((Fraction(value) - exact) ** 2 for value in values) / len(values)
    if min(values) == max(values):
        assert (mean, scale) == (values[0], 1.0)
    elif variance > (Fraction(largest) / 10**6) ** 2 and largest > 1e-290:
        assert abs(Fraction(scale) ** 2 / variance - 1) < Fraction(1, 10**6)


@given(finite, finite, st.floats(1e-300, 1.7e308))
def test_standardise_does_not_overflow_early(value, mean, scale):
    exact = (Fraction(value) - Fraction(mean)) / Fraction(scale)
    result = float(standardised(np.array(value), mean, scale))
    assume(abs(exact) < Fraction(1e300))
    bound = Fraction(max(abs(value), abs(mean))) / Fraction(scale) / 2**50 + Fraction(1, 10**15)
    assert math.isfinite(result)
    assert abs(Fraction(result) - exact) <= bound


def test_huge_numbers():
    assert standardised(np.array(1.7e308), -1e308, 1e308) == pytest.approx(2.7)
    preprocessor = fit(x=[-1.7e308, 1.7e308], y=["a", "b"])
    np.testing.assert_array_equal(
        preprocessor.transform(pl.DataFrame({"x": [-1.7e308, 1.7e308]})), [[-1], [1]]
    )


def test_missing_numbers_get_the_median_and_a_mark():
    preprocessor = fit(x=[0.0, None, 1.0, 5.0, float("nan")], y=[1.5, 2, 3, 4, 5])
    assert preprocessor.feature_names == ("x", "x (missing)")
    (column,) = preprocessor.columns
    assert (column.mean, column.median) == (2.0, 1.0)
    features = preprocessor.transform(pl.DataFrame({"x": [None, 1.0]}))
    assert features[0, 0] == features[1, 0] == np.float32((1 - 2) / column.scale)
    assert features[:, 1].tolist() == [1, 0]


def test_numbers_first_missing_when_predicting_get_the_median():
    preprocessor = fit(x=[0.0, 1.0, 5.0], y=[1.5, 2, 3])
    assert preprocessor.feature_names == ("x",)
    assert preprocessor.transform(pl.DataFrame({"x": pl.Series([None], dtype=pl.String)})) == np.float32(
        (1 - 2) / preprocessor.columns[0].scale
    )


def test_words_rare_unseen_and_missing():
    common = ["a"] * 1500 + ["b"] * 600
    words = [*common, "rare", None]
    preprocessor = fit(x=words, y=[float(i) / 2 for i in range(len(words))])
    assert preprocessor.feature_names == ("x=a", "x=b", "x (other)", "x (missing)")
    frame = pl.DataFrame({"x": ["b", "rare", "never seen", None, "a"]})
    expected = [[0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 1, 0], [0, 0, 0, 1], [1, 0, 0, 0]]
    assert preprocessor.transform(frame).tolist() == expected


def test_words_without_other_or_missing_in_training_are_all_zeros():
    preprocessor = fit(x=["a", "b"], y=[1.5, 2.0])
    assert preprocessor.transform(pl.DataFrame({"x": ["c", None, "b"]})).tolist() == [[0, 0], [0, 0], [0, 1]]


def test_at_most_a_hundred_words():
    words = [f"w{i % 150:03d}" for i in range(450)] + ["w149"]
    preprocessor = fit(x=words, y=[i / 2 for i in range(451)])
    assert len(preprocessor.feature_names) == 101
    assert {"x=w149", "x=w000", "x (other)"} < set(preprocessor.feature_names)


def test_words_in_other_types_when_predicting():
    preprocessor = fit(x=["1", "b"], y=[1.5, 2.0])
    for series in (
        pl.Series([1]),
        pl.Series(["1"], dtype=pl.Categorical),
        pl.Series(["1"], dtype=pl.Enum(["1"])),
    ):
        assert preprocessor.transform(pl.DataFrame({"x": series})).tolist() == [[1, 0]]
    with pytest.raises(DataError, match="held words"):
        preprocessor.transform(pl.DataFrame({"x": [datetime.date(2020, 1, 1)]}))


def test_codes_with_zeros_survive_prediction(tmp_path):
    (tmp_path / "train.csv").write_text("code,y\n01234,1.5\nA9,2.5\n")
    (tmp_path / "new.csv").write_text("code\n01234\n")
    preprocessor = TablePreprocessor.fit(read_table(tmp_path / "train.csv"), "y")
    frame = read_table(tmp_path / "new.csv", as_text=True)
    assert preprocessor.transform(frame).tolist() == [[1, 0]]


def test_dates_are_days():
    preprocessor = fit(x=[datetime.date(1970, 1, 1), datetime.date(1970, 1, 3)], y=[1.5, 2.0])
    (column,) = preprocessor.columns
    assert (column.kind, column.mean, column.scale) == ("date", 1.0, 1.0)
    moments = [datetime.datetime(1970, 1, 1, 12), None]
    assert preprocessor.transform(pl.DataFrame({"x": moments})).tolist() == [[-0.5], [0]]
    with pytest.raises(DataError, match="held dates"):
        preprocessor.transform(pl.DataFrame({"x": [5]}))
    with pytest.raises(DataError, match="held numbers"):
        fit(x=[1, 2], y=[1.5, 2]).transform(pl.DataFrame({"x": [datetime.date(1970, 1, 1)]}))
    times = fit(x=[datetime.time(0), datetime.time(12)], y=[1.5, 2.0])
    assert times.columns[0].mean == 0.25


def test_a_table_that_lacks_a_column():
    preprocessor = fit(height=[1.0, 2.0], width=[1.0, 2.0], y=[1.5, 2.0])
    with pytest.raises(DataError, match=r"lacks 'height'.*Did you mean 'Height'"):
        preprocessor.transform(pl.DataFrame({"Height": [1], "width": [1]}))
    with pytest.raises(DataError, match="lacks 'height'"):
        preprocessor.transform(pl.DataFrame({"width": [1]}))


def test_order_and_extra_columns_do_not_matter():
    preprocessor = fit(a=[1.0, 2.0], b=[5.0, 7.0], y=[1.5, 2.0])
    one = preprocessor.transform(pl.DataFrame({"a": [1.0], "b": [2.0]}))
    other = preprocessor.transform(pl.DataFrame({"b": [2.0], "z": ["?"], "a": [1.0]}))
    assert one.tolist() == other.tolist()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (["1.5", "x"], "'x', row 2: 'x' is not a number"),
        ([1.0, float("inf")], "'x', row 2: the value is infinite"),
        ([[1], [2]], "List"),
    ],
)
def test_values_of_another_kind_when_predicting(values, said):
    with pytest.raises(DataError, match=said):
        fit(x=[1.0, 2.0], y=[1.5, 2.0]).transform(pl.DataFrame({"x": values}))


def test_numbers_read_as_text_are_accepted():
    assert fit(x=[1.0, 3.0], y=[1.5, 2.0]).transform(pl.DataFrame({"x": ["3"]})).tolist() == [[1]]


def test_outliers_are_cut_off():
    features = fit(x=[0.0, 1.0], y=[1.5, 2.0]).transform(pl.DataFrame({"x": [1e300, -1.7e308]}))
    assert features.tolist() == [[1e6], [-1e6]]


@given(st.lists(finite.filter(lambda value: abs(value) < 1e300), min_size=2))
def test_regression_targets_come_back(values):
    preprocessor = fit(x=list(range(len(values))), y=[*values[1:], 0.5])
    frame = pl.DataFrame({"y": [*values[1:], 0.5]})
    back = preprocessor.inverse_target(preprocessor.transform_target(frame))
    spread = max(map(abs, [*values, 0.5]))
    assert back.dtype == np.float64
    np.testing.assert_allclose(back, frame["y"].to_numpy(), atol=spread * 1e-6)


@pytest.mark.parametrize(
    "values",
    [["no", "yes", "no"], [True, False, True], [3, 7, 3], [0.0, 1.0, 1.0], ["b", "c", "a"], ["a"] * 3],
)
def test_classes_come_back(values):
    preprocessor = fit(x=[1, 2, 4], y=values)
    indices = preprocessor.transform_target(pl.DataFrame({"y": values}))
    assert indices.dtype == np.int64
    again = TablePreprocessor.from_json(json.loads(json.dumps(preprocessor.to_json())))
    back = again.inverse_target(indices).tolist()
    assert back == values
    assert [type(value) for value in back] == [type(value) for value in values]


def test_classes_are_recognised_however_they_were_read():
    preprocessor = fit(x=[1, 2], y=[3, 7])
    for values in (["7", "3"], [7.0, 3.0], [7, 3]):
        assert preprocessor.transform_target(pl.DataFrame({"y": values})).tolist() == [1, 0]


def test_targets_that_cannot_be_used():
    classes, numbers = fit(x=[1, 2], y=["a", "b"]), fit(x=[1, 2], y=[1.5, 2.5])
    with pytest.raises(DataError, match="row 2: the class 'c' was not in training"):
        classes.transform_target(pl.DataFrame({"y": ["a", "c"]}))
    with pytest.raises(DataError, match="row 2: the value is missing"):
        classes.transform_target(pl.DataFrame({"y": ["a", None]}))
    with pytest.raises(DataError, match="row 1: the value is infinite"):
        numbers.transform_target(pl.DataFrame({"y": [float("inf")]}))
    with pytest.raises(DataError, match="Did you mean 'Y'"):
        numbers.transform_target(pl.DataFrame({"Y": [1.0]}))
    with pytest.raises(DTypeError, match="integers"):
        classes.inverse_target(np.array([0.5]))


def test_a_part_of_a_table_uses_what_the_whole_one_said():
    frame = pl.DataFrame({"x": [1.0, 1.0, 5.0], "w": ["a", "a", "b"], "y": ["n", "n", "p"]})
    preprocessor = TablePreprocessor.fit(
        frame.head(2), "y", columns=infer_columns(frame, "y"), task=infer_task(frame["y"])
    )
    assert preprocessor.transform(frame).tolist() == [[0, 1], [0, 1], [4, 0]]
    assert preprocessor.transform_target(frame).tolist() == [0, 0, 1]
    gaps = pl.DataFrame({"x": [None, None, 5.0], "z": [1, 2, 3], "y": [1.5, 2.5, 3.5]})
    part = TablePreprocessor.fit(gaps.head(2), "y", columns=infer_columns(gaps, "y"))
    assert part.transform(gaps)[:, :2].tolist() == [[0, 1], [0, 1], [5, 0]]
    with pytest.raises(DataError, match="no rows"):
        TablePreprocessor.fit(frame.head(0), "y")


def test_dropped_columns_are_not_needed():
    preprocessor = fit(drop=["id"], id=[1, 2], same=["k", "k"], x=[1, 2], y=[1.5, 2.0])
    assert preprocessor.feature_names == ("x",)


DOCUMENT = fit(x=[1.0, 2.0], w=["a", "b"], y=["n", "p"]).to_json()
DAMAGES = [
    lambda document: document.pop("columns"),
    lambda document: document.pop("target"),
    lambda document: document.update(columns=5),
    lambda document: document["columns"].append(5),
    lambda document: document["columns"][0].pop("mean"),
    lambda document: document["columns"][0].update(mean="1"),
    lambda document: document["columns"][0].update(mean=float("nan")),
    lambda document: document["columns"][0].update(marks_missing=1),
    lambda document: document["columns"][0].update(extra=1),
    lambda document: document["columns"][1].update(categories="ab"),
    lambda document: document["columns"][1].update(categories=[1]),
    lambda document: document["target"].update(classes=[None]),
    lambda document: document["target"].update(name=3),
]


@pytest.mark.parametrize("number", range(len(DAMAGES)))
def test_documents_that_are_not_ours(number):
    document = copy.deepcopy(DOCUMENT)
    assert TablePreprocessor.from_json(document).to_json() == DOCUMENT
    DAMAGES[number](document)
    with pytest.raises(ModelFileError, match="preprocessing"):
        TablePreprocessor.from_json(document)


def test_the_digits_of_the_examples():
    frame = read_table(Path(__file__).parents[2] / "examples" / "digits.csv")
    preprocessor = TablePreprocessor.fit(frame, "digit")
    features = preprocessor.transform(frame).astype(np.float64)
    assert frame.shape == (1797, 65)
    assert preprocessor.target.classes == tuple(range(10))
    np.testing.assert_allclose(features.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(features.std(axis=0), 1, atol=1e-6)
