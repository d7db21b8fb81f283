"""One table in every carrier: it is learnt from alike, and a model of one predicts the others alike."""

import datetime
import io
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings, strategies as st
from sklearn.exceptions import ConvergenceWarning
from tests.drawn import random_examples
from tests.io.formats.test_python_predictor import loaded

import wengert as wg
from wengert.estimators.tables import as_frame
from wengert.io import read_table
from wengert.io.formats.python_predictor import to_python
from wengert.tabular import TablePreprocessor
from wengert.tabular.training_settings import TrainingSettings
from wengert.tabular.training_table import TrainingTable

WORDS = (
    "a",
    "b c",
    "True",
    "FALSE",
    "1",
    "2.0",
    "01",
    "x;y",
    'say "x"',
    "é",
    "-",
    "None",
    "NA",
    "7,5",
    "2024-01-05",
)
finite = st.floats(-1e9, 1e9).map(lambda value: value + 0.0) | st.integers(-99, 99).map(float)
KINDS = {
    "float": (finite, pl.Float64),
    "whole": (st.integers(-(2**53), 2**53), pl.Int64),
    "small": (st.integers(0, 3), pl.Int8),
    "flag": (st.booleans(), pl.Boolean),
    "word": (st.sampled_from(WORDS), pl.String),
    "day": (st.dates(datetime.date(1900, 1, 1), datetime.date(2100, 1, 1)), pl.Date),
    "moment": (
        st.datetimes(datetime.datetime(1900, 1, 1), datetime.datetime(2100, 1, 1)),
        pl.Datetime("us"),
    ),
}


@st.composite
def tables(draw):
    rows = draw(st.integers(3, 9))
    columns = {}
    for name, (values, dtype) in KINDS.items():
        values = values | st.none() if draw(st.booleans()) else values
        columns[name] = pl.Series(draw(st.lists(values, min_size=rows, max_size=rows)), dtype=dtype)
    return pl.DataFrame(
        {**columns, "anchor": [i / 2 for i in range(rows)], "y": [i + 0.5 for i in range(rows)]}
    )


def objects(frame):
    """A data frame of pandas with a Python object in each cell."""
    return pd.DataFrame({name: pd.Series(frame[name].to_list(), dtype=object) for name in frame.columns})


def nullable(frame):
    """A data frame of pandas with its types for gaps."""
    types = {"float": "Float64", "whole": "Int64", "small": "Int64", "flag": "boolean", "word": "string"}
    return pd.DataFrame(
        {name: pd.Series(frame[name].to_list(), dtype=types.get(name)) for name in frame.columns}
    )


def through_pandas(frame):
    """What pandas reads of the CSV file that it writes: gaps make numbers floats, and booleans objects."""
    text = objects(frame).to_csv(index=False)
    return pd.read_csv(io.StringIO(text), keep_default_na=False, na_values=[""], float_precision="round_trip")


def from_file(write, name):
    def carry(frame):
        with tempfile.TemporaryDirectory() as folder:
            write(frame, Path(folder) / name)
            return read_table(Path(folder) / name, as_text=True)

    return carry


pytestmark = pytest.mark.filterwarnings("ignore", category=ConvergenceWarning)

CARRIERS = {
    "polars": lambda frame: frame,
    "objects": lambda frame: as_frame(objects(frame)),
    "nullable": lambda frame: as_frame(nullable(frame)),
    "pandas from csv": lambda frame: as_frame(through_pandas(frame)),
    "bytes": lambda frame: frame.with_columns(pl.col("word").cast(pl.Binary)),
    "csv": from_file(lambda frame, path: frame.write_csv(path), "t.csv"),
    "csv of pandas": from_file(lambda frame, path: objects(frame).to_csv(path, index=False), "t.csv"),
    "semicolons": from_file(
        lambda frame, path: objects(frame).to_csv(path, index=False, sep=";", decimal=","), "t.csv"
    ),
    "tsv": from_file(lambda frame, path: frame.write_csv(path, separator="\t"), "t.tsv"),
    "packed": from_file(lambda frame, path: objects(frame).to_csv(path, index=False), "t.csv.gz"),
    "utf-16": from_file(
        lambda frame, path: objects(frame).to_csv(path, index=False, encoding="utf-16"), "t.txt"
    ),
    "parquet": from_file(lambda frame, path: frame.write_parquet(path), "t.parquet"),
    "parquet of text": from_file(lambda frame, path: frame.cast(pl.String).write_parquet(path), "t.parquet"),
}


@settings(max_examples=random_examples(20, explore=1000))
@given(tables(), st.sampled_from(sorted(CARRIERS)), st.sampled_from(["plain", "tabular"]))
def test_features_do_not_depend_on_the_carrier(frame, trained_on, preset):
    scaling = {"plain": "standard", "tabular": "robust"}[preset]
    wanted = TablePreprocessor.fit(frame, "y", scaling=scaling)
    fitted = TablePreprocessor.fit(CARRIERS[trained_on](frame), "y", scaling=scaling)
    assert [column.name for column in fitted.columns] == [column.name for column in wanted.columns]
    assert fitted.columns == wanted.columns
    expected = wanted.transform(frame)
    for carry in CARRIERS.values():
        np.testing.assert_array_equal(fitted.transform(carry(frame)), expected)


def mixed(rows):
    rng = np.random.default_rng(5)
    flags = rng.random(rows) < 0.5
    start = datetime.date(2024, 1, 1)
    return pl.DataFrame(
        {
            "n": rng.normal(size=rows).round(3),
            "flag": [None if i % 9 == 0 else bool(flag) for i, flag in enumerate(flags)],
            "code": rng.integers(0, 4, rows),
            "word": [WORDS[i % 5] for i in range(rows)],
            "day": [start + datetime.timedelta(int(day)) for day in rng.integers(0, 900, rows)],
            "y": flags,
        }
    )


def test_models_of_each_carrier_predict_all_alike():
    frame = mixed(60)
    answers = {}
    for name, carry in CARRIERS.items():
        if name in ("nullable", "objects"):
            continue
        table = TrainingTable.infer(carry(frame.rename({"n": "float", "code": "small"})), "y")
        model = table.train(np.arange(60), TrainingSettings("plain", hidden=(6,), epochs=5))[0]
        for other, carried in CARRIERS.items():
            if other != "nullable":
                new = carried(frame.rename({"n": "float", "code": "small"}).drop("y"))
                answers[name, other] = model.outputs(new).tobytes()
    assert len(set(answers.values())) == 1


def test_estimators_and_exported_programs_predict_all_alike():
    pytest.importorskip("pyarrow")
    frame = mixed(60)
    truth = frame["y"].to_numpy()
    X = frame.drop("y")
    carried = {
        "polars": X,
        "arrow": X.to_arrow(),
        "objects": objects(X),
        "categories": objects(X).assign(code=objects(X)["code"].astype("category")),
        "pandas from csv": through_pandas(X),
        "array": objects(X).to_numpy(),
        "zoned": objects(X).assign(day=pd.to_datetime(objects(X)["day"]).dt.tz_localize("UTC")),
        "date32": objects(X).assign(day=pd.to_datetime(objects(X)["day"]).astype("date32[pyarrow]")),
        "timestamps": objects(X).assign(
            day=pd.to_datetime(objects(X)["day"]).astype("timestamp[us][pyarrow]")
        ),
        "month names": objects(X).assign(day=[f"{day:%d %b %Y}" for day in X["day"]]),
    }
    options = {"categorical_features": "from_dtype", "max_iter": 15, "random_state": 0}
    for name, trained_on in carried.items():
        if name == "categories":  # which makes indicators of the code
            continue
        model = wg.MLPClassifier((6,), **options).fit(trained_on, truth)
        program = loaded(to_python(model._portable()))["predict_probabilities"]
        expected = wg.MLPClassifier((6,), **options).fit(X, truth).predict_proba(X)
        named = name != "array"
        for other, table in carried.items():
            if (other == "array") == named:
                continue
            np.testing.assert_array_equal(model.predict_proba(table), expected)
            if named and other != "arrow":
                np.testing.assert_allclose(program(table), expected, rtol=1e-4, atol=1e-6)
        if named:
            np.testing.assert_allclose(program(X.to_dict(as_series=False)), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("first", ["1", "True", "b", "7"])
def test_a_category_is_its_value_whatever_its_type(first):
    """Trained on a category in one type, predicted in every other that can hold it."""
    types = {
        "1": [1, 1.0, "1", "1.0", b"1"],
        "True": [True, "True", "true", b"TRUE"],
        "b": ["b", b"b"],
        "7": ["7", 7],
    }
    values = types[first]
    for trained_on in values:
        cells = [trained_on, "other"] * 20
        frame = pd.DataFrame({"g": pd.Series(cells, dtype="category"), "x": np.arange(40.0)})
        y = np.arange(40) % 2 == 0
        model = wg.MLPClassifier(
            (4,), categorical_features="from_dtype", max_iter=60, learning_rate_init=0.05, random_state=0
        ).fit(frame, y)
        expected = model.predict_proba(frame)[::2]
        for value in values:
            for column in (pd.Series([value] * 20), pd.Series([value] * 20, dtype="category"),
                           pd.Series([value] * 20, dtype=object)):  # fmt: skip
                new = pd.DataFrame({"g": column, "x": np.arange(40.0)[::2]})
                np.testing.assert_array_equal(model.predict_proba(new), expected)
