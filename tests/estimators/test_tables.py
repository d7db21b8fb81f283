"""Tables with words, categories, dates and gaps, taken as they are."""

import datetime
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

import wengert as wg
from wengert.errors import DataError
from wengert.estimators.tables import as_frame

pytestmark = pytest.mark.filterwarnings("ignore", category=ConvergenceWarning)

ROWS = 80


def table(rng: np.random.Generator) -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "number": rng.normal(size=ROWS),
            "word": rng.choice(["x", "y", None], ROWS),
            "category": pd.Categorical(rng.choice([1, 2, 3], ROWS)),
            "truth": rng.integers(0, 2, ROWS).astype(bool),
            "date": pd.date_range("2020-01-01", periods=ROWS),
            "whole": pd.array(rng.integers(0, 5, ROWS), dtype="Int64"),
        }
    )
    frame.loc[3, "number"] = np.nan
    frame.loc[5, "whole"] = pd.NA
    return frame


def estimator(**options: Any) -> wg.MLPClassifier:
    return wg.MLPClassifier(
        **{"categorical_features": "from_dtype", "random_state": 0, "max_iter": 40, **options}
    )


def test_columns_become_features_by_their_type(rng: np.random.Generator) -> None:
    frame = table(rng)
    y = (frame["word"] == "x") ^ (frame["category"].astype(int) == 1)
    classifier = estimator(max_iter=200, learning_rate_init=0.01).fit(frame, y)
    assert classifier.preprocessor_.feature_names == (
        "number", "number (missing)", "word=x", "word=y", "word (missing)", "category=1", "category=2",
        "category=3", "truth", "date", "whole", "whole (missing)",
    )  # fmt: skip
    assert classifier.n_features_in_ == 6
    assert list(classifier.feature_names_in_) == list(frame.columns)
    assert classifier.score(frame, y) > 0.95
    np.testing.assert_array_equal(classifier.predict(frame[:7]), classifier.predict(frame)[:7])


def test_pandas_polars_and_object_arrays_agree(rng: np.random.Generator) -> None:
    frame = table(rng)
    y = frame["truth"]
    columns = {}
    for name in frame:
        values = [None if pd.isna(value) else value for value in frame[name].tolist()]
        columns[name] = pl.Series(map(str, values), dtype=pl.Categorical) if name == "category" else values
    mixed = pl.DataFrame(columns)
    assert mixed["date"].dtype == pl.Datetime
    first = estimator().fit(frame, y)
    second = estimator().fit(mixed, y)
    np.testing.assert_array_equal(first.coefs_[0], second.coefs_[0])
    np.testing.assert_array_equal(first.predict(mixed), first.predict(frame))
    chosen = frame[["number", "word"]]
    array = estimator().fit(np.array(chosen, object), y)
    np.testing.assert_array_equal(array.coefs_[0], estimator().fit(chosen, y).coefs_[0])


def test_values_of_every_sort_keep_their_meaning() -> None:
    frame = as_frame(
        pd.DataFrame(
            {
                "objects": pd.Series([1, 2.5, None], dtype=object),
                "truths": [True, None, False],
                "words": pd.array(["a", pd.NA, "b"], dtype="string"),
                "nullable": pd.array([1, None, 3], dtype="Int32"),
                "days": [datetime.datetime(2020, 1, 1), pd.NaT, datetime.datetime(2020, 1, 3)],
            }
        )
    )
    assert frame["objects"].to_list() == [1, 2.5, None]
    assert frame["truths"].to_list() == [True, None, False]
    assert frame["words"].to_list() == ["a", None, "b"]
    assert frame["nullable"].to_list() == [1, None, 3]
    assert frame["days"].dtype == pl.Datetime
    assert frame["days"].null_count() == 1


def test_validation_rows_and_unseen_words(rng: np.random.Generator) -> None:
    frame = table(rng)
    y = frame["truth"]
    classifier = estimator(early_stopping=True).fit(frame[:60], y[:60], X_val=frame[60:], y_val=y[60:])
    assert len(classifier.validation_scores_) == classifier.n_iter_
    classifier.predict(frame.assign(word="never seen"))


def test_what_is_refused(rng: np.random.Generator) -> None:
    frame = table(rng)
    y = frame["truth"]
    with pytest.raises(DataError, match="takes tables, not sparse matrices"):
        estimator().fit(sparse.eye(5, format="csr"), [0, 1, 0, 1, 0])
    with pytest.raises(DataError, match=r"no column of X says anything .*: 'a' has the same value"):
        estimator().fit(pd.DataFrame({"a": np.ones(ROWS)}), y)
    with pytest.raises(DataError, match="column 'number', row 2: the value is infinite"):
        estimator().fit(frame.assign(number=np.where(np.arange(ROWS) == 1, np.inf, frame["number"])), y)
    classifier = estimator().fit(frame, y)
    with pytest.raises(ValueError, match="feature names should match"):
        classifier.predict(frame.drop(columns="word"))
    with pytest.raises(DataError, match="column 'number', row 1: 'much' is not a number"):
        classifier.predict(frame.assign(number="much"))


def test_tables_of_other_libraries(rng: np.random.Generator) -> None:
    frame = pl.DataFrame({"n": rng.normal(size=40), "w": rng.choice(["x", "y"], 40)})
    y = rng.integers(0, 2, 40)
    classifier = wg.MLPClassifier((3,), categorical_features="from_dtype", max_iter=2, random_state=0)
    wanted = classifier.fit(frame, y).predict_proba(frame)
    with pytest.raises(DataError, match=r"X is a LazyFrame, which has no rows yet; give X.collect\(\)"):
        classifier.fit(frame.lazy(), y)
    twice = pd.DataFrame(np.ones((40, 2)), columns=["a", "a"])
    with pytest.raises(DataError, match="X has two columns called 'a'; rename one of them"):
        classifier.fit(twice, y)
    pytest.importorskip("pyarrow")
    np.testing.assert_array_equal(classifier.fit(frame.to_arrow(), y).predict_proba(frame), wanted)


def test_it_says_that_it_takes_gaps_and_words() -> None:
    assert estimator().__sklearn_tags__().input_tags.allow_nan
    assert estimator().__sklearn_tags__().input_tags.categorical
    assert not wg.MLPClassifier().__sklearn_tags__().input_tags.allow_nan
