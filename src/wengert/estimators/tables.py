"""Tables with words, categories, dates and gaps, as features of a network."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from scipy import sparse
from sklearn.utils.validation import validate_data

from wengert.errors import DataError
from wengert.io.columns import infer_column
from wengert.io.preprocess import PREPROCESSING, TablePreprocessor, Target, fit_columns

Array = np.ndarray[Any, Any]


def encoded_table(estimator: Any, X: Any, *, reset: bool) -> Array:
    """Return the features that the columns of a table become; `reset` learns the columns first.

    Parameters
    ----------
    estimator : MultilayerPerceptron
        Keeps what was learnt as `preprocessor_`.
    X : pandas or polars data frame, pyarrow table, or array_like, shape (rows, columns)
        Numbers, booleans, dates, words, categories; anything may be missing.
    reset : bool

    Returns
    -------
    ndarray of float32, shape (rows, features)

    Raises
    ------
    DataError
        When a value cannot be used; names column and row.
    """
    if sparse.issparse(X):
        cause = "preset='tabular'" if estimator.categorical_features is None else "categorical_features"
        raise DataError(f"{cause} takes tables, not sparse matrices: leave it out")
    if isinstance(X, pl.LazyFrame):
        raise DataError("X is a LazyFrame, which has no rows yet; give X.collect()")
    if hasattr(X, "__arrow_c_stream__") and not hasattr(X, "iloc"):  # such as tables of pyarrow
        X = pl.DataFrame(X)
    if not hasattr(X, "columns"):
        X = np.asarray(X)
        if X.ndim != 2:
            raise DataError(f"X has shape {X.shape}. Expected 2D array: rows and columns")
    else:
        names = list(map(str, X.columns))
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise DataError(f"X has two columns called {twice!r}; rename one of them")
    validate_data(estimator, X, reset=reset, skip_check_array=True)
    frame = as_frame(X)
    if frame.height == 0:
        raise DataError("X has 0 sample(s), and a minimum of 1 is required")
    if reset:
        columns = [infer_column(column) for column in frame]
        if all(column.kind == "dropped" for column in columns):
            reasons = "; ".join(f"{column.name!r} {column.note}" for column in columns[:5])
            raise DataError(f"no column of X says anything about its rows: {reasons}")
        # The target is the estimator's own matter.
        estimator.preprocessor_ = TablePreprocessor(
            fit_columns(frame, columns, **PREPROCESSING[estimator.preset or "plain"]),
            Target("y", "regression", (), 0.0, 1.0),
        )
    preprocessor: TablePreprocessor = estimator.preprocessor_
    return preprocessor.transform(frame)


def as_frame(X: Any) -> pl.DataFrame:
    """Return a pandas data frame or an array as a polars data frame; the columns of an array are x0, x1, …"""
    if isinstance(X, pl.DataFrame):
        return X
    if hasattr(X, "columns"):
        return pl.DataFrame([_column(str(name), X[name]) for name in X.columns])
    return pl.DataFrame([_column(f"x{place}", column) for place, column in enumerate(X.T)])


def _column(name: str, values: Any) -> pl.Series:
    """Return one column as words, or as numbers, booleans or dates with null where a value is missing."""
    kind = getattr(values.dtype, "kind", "O")
    if kind in "biufMm" and isinstance(values.dtype, np.dtype):
        array = np.asarray(values)
        return pl.Series(name, array.astype("datetime64[us]") if kind == "M" else array)
    missing = _missing(values)
    known = [None if gone else value for value, gone in zip(np.asarray(values, object), missing, strict=True)]
    categories = str(values.dtype) == "category"
    present = [value for value in known if value is not None]
    if not categories and all(isinstance(value, (bool, np.bool_)) for value in present):
        return pl.Series(name, known, pl.Boolean)
    if not categories and all(isinstance(value, (int, float, np.number)) for value in present):
        return pl.Series(name, [None if value is None else float(value) for value in known], pl.Float64)
    return pl.Series(name, [None if value is None else str(value) for value in known], pl.String)


def _missing(values: Any) -> Array:
    if hasattr(values, "isna"):
        return np.asarray(values.isna())
    return np.array([value is None or value != value for value in values], bool)
