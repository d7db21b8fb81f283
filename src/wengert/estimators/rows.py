"""What goes into an estimator: features, targets and weights, checked before any work."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils.validation import check_array, validate_data

from wengert.errors import DataError, DTypeError, ShapeError
from wengert.estimators.tables import encoded_table

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
        return validate_data(estimator, X, accept_sparse="csr", dtype=_FLOATS, reset=reset)
    except ValueError as error:
        if "could not convert" in str(error) or "contains NaN" in str(error):
            hint = "Tables with words, categories or gaps are taken with categorical_features='from_dtype'."
            raise DataError(f"{error}\n{hint}") from None
        raise


def features_to_predict(estimator: Any, X: Any) -> Any:
    """Return the features of rows to predict; an array of the kind that was fitted is only looked through."""
    plain = (
        estimator.categorical_features is None
        and estimator.preset is None
        and type(X) is np.ndarray
        and X.dtype in _FLOATS
        and X.ndim == 2
        and X.shape[1] == estimator.n_features_in_
        and X.shape[0] > 0
        and not hasattr(estimator, "feature_names_in_")
    )
    # A sum is finite where all values are; one that is not may have overflowed, and all are looked at.
    if plain and np.isfinite(np.add.reduce(X, axis=None)):
        return X
    return checked_features(estimator, X, reset=False)


def refuse_masked(value: Any, name: str) -> None:
    """Raise `DTypeError` for a masked array."""
    if isinstance(value, np.ma.MaskedArray):
        raise DTypeError(
            f"{name}: masked arrays are refused, since the mask would be ignored; use .filled(value)"
        )


def checked_weights(weights: Any, rows: int, dtype: Any, name: str = "sample_weight") -> Array | None:
    """Return one weight a row, or None.

    Raises
    ------
    ShapeError, DataError
        When there is not one number a row, one is negative, or all are zero.
    """
    if weights is None:
        return None
    refuse_masked(weights, name)
    if isinstance(weights, (int, float, np.number)):
        weights = np.full(rows, weights)
    array = check_array(weights, ensure_2d=False, dtype=dtype, input_name=name, order="C")
    if array.shape != (rows,):
        raise ShapeError(f"{name} has shape {array.shape}; it needs one number for each of the {rows} rows")
    if (array < 0).any():
        row = int(np.argmax(array < 0))
        raise DataError(f"{name} is negative ({array[row]:g}) in row {row}")
    if not array.any():
        raise DataError(f"{name} is zero in all {rows} rows; nothing would be learned")
    return array


def same_length(X: Any, y: Any, suffix: str = "") -> None:
    """Raise `ShapeError` where features and targets have different numbers of rows."""
    if X.shape[0] != len(y):
        raise ShapeError(f"X{suffix} has {X.shape[0]} rows and y{suffix} has {len(y)}")


def as_dense(X: Any) -> Array:
    """Return features as a dense array."""
    return np.asarray(X.toarray() if sparse.issparse(X) else X)
