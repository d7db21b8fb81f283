"""Tables with words, categories, dates and gaps, as features of a network."""

from __future__ import annotations

import datetime
import functools
import warnings
from decimal import Decimal
from functools import partial
from typing import Any

import numpy as np
import polars as pl
from scipy import sparse
from sklearn.utils.validation import validate_data

from wengert.errors import DataError, DataWarning
from wengert.io.parquet import frame_in_utc
from wengert.tabular.columns import infer_column
from wengert.tabular.preprocess import PREPROCESSING, TablePreprocessor, Target, fit_columns
from wengert.tabular.reading import cells
from wengert.tabular.reading.table_reading import TableReading, each

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
        table = X
        X = frame_in_utc(lambda: pl.DataFrame(table))
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
        _learn_columns(estimator, frame)
    preprocessor: TablePreprocessor = estimator.preprocessor_
    return preprocessor.transform(frame)


def _learn_columns(estimator: Any, frame: pl.DataFrame) -> None:
    """Set `preprocessor_`, and warn of what is left out."""
    reading, notes = TableReading.infer(frame)
    frame = reading.apply(frame)
    columns = each([partial(infer_column, column, notes.get(column.name, "")) for column in frame])
    reasons = [f"{column.name!r} {column.note}" for column in columns if column.kind == "dropped"]
    if len(reasons) == len(columns):
        raise DataError(f"no column of X says anything about its rows: {'; '.join(reasons[:5])}")
    if reasons:
        warnings.warn(f"columns of X that are left out: {'; '.join(reasons)}", DataWarning, stacklevel=7)
    read = [f"{column.name!r} {notes[column.name]}" for column in columns if column.name in notes]
    if read:
        warnings.warn(f"columns of X as they are read: {'; '.join(read)}", DataWarning, stacklevel=7)
    # The target is the estimator's own matter.
    fitted = fit_columns(frame, columns, **PREPROCESSING[estimator.preset or "plain"])
    target = Target("y", "regression", (), 0.0, 1.0)
    estimator.preprocessor_ = TablePreprocessor(
        fitted, target, reading.only({column.name for column in fitted})
    )


def as_frame(X: Any) -> pl.DataFrame:
    """Return a pandas data frame or an array as a polars data frame; the columns of an array are x0, x1, …"""
    if isinstance(X, pl.DataFrame):
        objects = [column.name for column in X if column.dtype == pl.Object]
        return X.with_columns(_column(name, np.array(X[name].to_list(), object)) for name in objects)
    if hasattr(X, "columns"):
        return pl.DataFrame([_column(str(name), X[name]) for name in X.columns])
    return pl.DataFrame([_column(f"x{place}", column) for place, column in enumerate(X.T)])


def _column(name: str, values: Any) -> pl.Series:
    """Return one column as text, or as numbers, booleans or dates with null where a value is missing.

    Of pandas, categories stay categories, whatever they look like.
    """
    kind = getattr(values.dtype, "kind", "O")
    if kind in "biufMm" and isinstance(values.dtype, np.dtype):
        array = np.asarray(values)
        return pl.Series(name, array.astype(f"{array.dtype.str[:2]}8[us]") if kind in "Mm" else array)
    if str(values.dtype) == "category":
        names = [cells.category(value) for value in np.asarray(values.cat.categories, object)]
        # The code of a missing value is −1.
        return pl.Series(name, np.array([*names, None], object)[values.cat.codes].tolist(), pl.Categorical)
    objects = np.asarray(values, object)
    text = functools.cache(cells.plain)  # words occur again and again
    known = [text(value) if type(value) is str else cells.plain(value) for value in objects]
    present = [value for value in known if value is not None]
    if all(isinstance(value, bool) for value in present):
        return pl.Series(name, known, pl.Boolean)
    if all(isinstance(value, (int, float, Decimal)) and not isinstance(value, bool) for value in present):
        whole = all(isinstance(value, int) and -(2**63) <= value < 2**63 for value in present)
        convert = int if whole else float
        return pl.Series(
            name,
            [None if value is None else convert(value) for value in known],
            pl.Int64 if whole else pl.Float64,
        )
    if all(isinstance(value, (datetime.date, datetime.time, datetime.timedelta)) for value in present):
        moments = [None if value is None else cells.microseconds(value) for value in known]
        return pl.Series(name, moments, pl.Int64).cast(pl.Datetime("us"))
    texts = [value if isinstance(value, str) else cells.category(value) for value in known]
    return pl.Series(name, texts, pl.String)
