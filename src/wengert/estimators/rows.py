"""What goes into an estimator: features, targets and weights, checked before any work."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils.validation import validate_data

from wengert.checks import is_masked
from wengert.errors import DataError, DTypeError, ShapeError
from wengert.estimators.tables import encoded_table
from wengert.train.steps.mapped import release

Array = np.ndarray[Any, Any]
_FLOATS = (np.float64, np.float32)


def checked_features(estimator: Any, X: Any, *, reset: bool) -> Any:
    """Return features as a float array or CSR matrix; `reset` notes their number and names.

    Raises
    ------
    DTypeError
        For a masked array, whose mask would be ignored.
    ValueError
        From scikit-learn, for anything else that is no table of finite numbers or not that of `fit`.
    """
    refuse_masked(X, "X")
    if estimator.categorical_features is not None or estimator.preset is not None:
        return encoded_table(estimator, X, reset=reset)
    try:
        plain = _is_plain(X)
        features = validate_data(
            estimator, X, accept_sparse="csr", dtype=_FLOATS, reset=reset, skip_check_array=plain
        )
    except ValueError as error:
        if "could not convert" in str(error) or "contains NaN" in str(error):
            # The lines after the first recommend other estimators.
            raise DataError(
                f"{str(error).splitlines()[0]}\nTables with words, categories or gaps are taken with "
                "categorical_features='from_dtype'."
            ) from None
        raise
    release(features)  # to be looked through, rows in a file were read from end to end
    return features


def features_to_predict(estimator: Any, X: Any) -> Any:
    """Return the features of rows to predict; an array of the kind that was fitted is only looked through."""
    plain = (
        estimator.categorical_features is None
        and estimator.preset is None
        and _is_plain(X)
        and X.shape[1] == estimator.n_features_in_
        and not hasattr(estimator, "feature_names_in_")
    )
    return X if plain else checked_features(estimator, X, reset=False)


def _is_plain(X: Any) -> bool:
    """Return whether X is a table of finite floats in memory, of which scikit-learn changes nothing."""
    if type(X) is not np.ndarray or X.dtype not in _FLOATS or X.ndim != 2 or X.size == 0:
        return False
    with np.errstate(over="ignore", invalid="ignore"):
        # A sum is finite where all values are; one that is not may have overflowed, and all are looked at.
        return bool(np.isfinite(np.add.reduce(X, axis=None)))


def refuse_masked(value: Any, name: str) -> None:
    """Raise `DTypeError` for a masked array."""
    if is_masked(value):
        raise DTypeError(
            f"{name}: masked arrays are refused, since the mask would be ignored; use .filled(value)"
        )


def refuse_not_finite(array: Array, name: str, advice: str) -> None:
    """Raise `DataError` for NaN or an infinity, naming the first row."""
    wrong = ~np.isfinite(array)
    if array.dtype.kind == "f" and wrong.any():
        row = int(np.argmax(wrong.reshape(len(array), -1).any(axis=1)))
        value = float(array[row][wrong[row]].flat[0])
        count = int(wrong.sum())
        others = f", and {count - 1} more" if count > 1 else ""
        what = "NaN" if np.isnan(value) else "infinity" if value > 0 else "-infinity"
        raise DataError(f"{name} contains {what}, in row {row}{others}; {advice}")


def refuse_missing_class(y: Any, name: str) -> None:
    """Raise `DataError` where a row has no class: None, NaN or pandas' NA."""
    array = np.asarray(y)
    if array.dtype.kind == "f":
        refuse_not_finite(array, name, "each row needs a class; leave such rows out")
    if array.dtype.kind != "O" or array.ndim != 1:
        return
    for row, value in enumerate(array):
        if value is None or type(value).__name__ in ("NAType", "NaTType") or value != value:
            raise DataError(
                f"{name} has no class in row {row}: {value!r}; each row needs one, so leave such rows out"
            )


def checked_weights(weights: Any, rows: int, dtype: Any, name: str = "sample_weight") -> Array | None:
    """Return one weight a row, or None.

    Raises
    ------
    ShapeError, DataError
        When there is not one finite number a row, one is negative, or all are zero.
    """
    if weights is None:
        return None
    refuse_masked(weights, name)
    if isinstance(weights, (int, float, np.number)):
        weights = np.full(rows, weights)
    try:
        array: Array = np.ascontiguousarray(weights, dtype)
    except (TypeError, ValueError) as error:
        raise DataError(f"{name} holds what is no number: {error}") from None
    if array.shape != (rows,):
        raise ShapeError(f"{name} has shape {array.shape}; it needs one number for each of the {rows} rows")
    refuse_not_finite(array, name, "leave such rows out, or give them the weight 0")
    if (array < 0).any():
        row = int(np.argmax(array < 0))
        raise DataError(f"{name} is negative ({array[row]:g}) in row {row}")
    if not array.any():
        use = "measured" if name.endswith("_val") else "learned"
        raise DataError(f"{name} is zero in all {rows} rows; nothing would be {use}")
    return array


def same_length(X: Any, y: Any, suffix: str = "") -> None:
    """Raise `ShapeError` where features and targets have different numbers of rows."""
    if X.shape[0] != len(y):
        raise ShapeError(f"X{suffix} has {X.shape[0]} rows and y{suffix} has {len(y)}")


def as_dense(X: Any) -> Array:
    """Return features as a dense array."""
    return np.asarray(X.toarray() if sparse.issparse(X) else X)
