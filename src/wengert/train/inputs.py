"""What goes in: arrays of rows, checked before any work and never written to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from wengert.checks import is_masked
from wengert.errors import DataError, DTypeError, ShapeError
from wengert.train.steps.digests import dense_arrays, digest
from wengert.train.steps.mapped import converted_to_file, memory_map, row_blocks

Array = np.ndarray[Any, Any]

_KINDS = {
    "O": "objects",
    "U": "text",
    "S": "bytes",
    "c": "complex numbers",
    "M": "dates",
    "m": "durations",
    "V": "records",
}


@dataclass(frozen=True)
class Rows:
    """Rows to train on or to evaluate: features, targets and weights, each with one entry a row.

    Attributes
    ----------
    features : ndarray, shape (rows, ...), or CSR matrix, whose batches are made dense
    targets : ndarray, shape (rows, ...)
    weights : ndarray, shape (rows,), or None
        None means that all rows count the same. `fit` scales them to a mean of 1, the estimators do not.
    """

    features: Any
    targets: Array
    weights: Array | None

    def __len__(self) -> int:
        return len(self.targets)

    def counting(self) -> Array:
        """Return the places of the rows whose weight is not 0; only they can say how good a network is."""
        return np.arange(len(self)) if self.weights is None else np.flatnonzero(self.weights)

    def identity(self) -> dict[str, str]:
        """Return texts that differ where the rows do."""
        data = digest(*dense_arrays(self.features), self.targets)
        return {"data": data, "sample_weight": digest(self.weights)}

    def part(self, places: Any) -> Rows:
        """Return the rows at `places`, an array of positions or a slice, stored as these are."""
        weights = None if self.weights is None else self.weights[places]
        return Rows(self.features[places], self.targets[places], weights)

    def take(self, places: Any) -> Rows:
        """Return the rows at `places` as dense arrays."""
        batch = self.part(places)
        if isinstance(batch.features, np.ndarray):
            return batch
        return Rows(batch.features.toarray(), batch.targets, batch.weights)


def check_rows(features: Any, targets: Any, weights: Any = None, suffix: str = "") -> Rows:
    """Return features, targets and weights as plain arrays that fit together.

    Parameters
    ----------
    features, targets : array_like
        One entry a row. Any strides and byte order, read-only and memory-mapped arrays as well.
    weights : array_like, optional
        One non-negative number a row.
    suffix : str
        Follows the names X, y and sample_weight in messages, for example `` of validation_data``.

    Raises
    ------
    DataError
        When there are no rows, or a value is NaN, infinite or a negative weight; names row and column.
    DTypeError
        When an array is masked, or holds anything but numbers and booleans.
    ShapeError
        When the numbers of rows differ.
    """
    x = numbers(features, "X" + suffix)
    y = numbers(targets, "y" + suffix)
    if len(x) != len(y):
        raise ShapeError(
            f"X{suffix} has {len(x)} rows and y{suffix} has {len(y)}; they need one entry a row each"
        )
    return Rows(x, y, check_weights(weights, len(x), "sample_weight" + suffix))


def numbers(value: Any, name: str) -> Array:
    """Return `value` as an array of finite numbers with at least one row.

    Booleans become integers; all integers are int64.

    Raises
    ------
    DataError, DTypeError, ShapeError
        As `check_rows`.
    """
    array = plain_array(value, name)
    if array.dtype.kind in "iu" and memory_map(array) is not None:
        return array  # as it is: a copy could be larger than memory
    if array.dtype.kind in "biu":
        return _as_int64(array, name)
    _check_finite(array, name)
    return array


def plain_array(value: Any, name: str) -> Array:
    """Return `value` as an array of numbers with at least one row, none of which has been read.

    Raises
    ------
    DataError, DTypeError, ShapeError
        As `check_rows`, but for values.
    """
    if is_masked(value):
        raise DTypeError(
            f"{name}: masked arrays are refused, since the mask would be ignored; use .filled(value)"
        )
    if hasattr(value, "toarray"):
        raise DTypeError(
            f"{name} is a sparse matrix; give {name}.toarray(), or train an estimator, which takes such"
        )
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ShapeError(f"{name} is no array: {error}. All rows need the same length") from None
    if array.dtype.kind in _KINDS:
        remedy = "networks take numbers. Encode categories as numbers first"
        if array.dtype.kind == "c":
            remedy = "networks take real numbers. Give real and imaginary parts as two columns"
        raise DTypeError(
            f"{name} holds {_KINDS[array.dtype.kind]} ({array.dtype}){_example(array)}; {remedy}"
        )
    if array.ndim == 0:
        raise ShapeError(f"{name} is a single number; it needs one entry a row")
    if array.size == 0:
        raise DataError(f"{name} is empty: its shape is {array.shape}")
    return array


def _example(array: Array) -> str:
    """Return the first value that is no number, for a message."""
    for place, value in enumerate(array.flat):
        if not isinstance(value, (int, float, np.number)):
            row = np.unravel_index(place, array.shape)[0] if array.ndim else 0
            shown = str(value) if isinstance(value, np.str_) else value
            return f", such as {shown!r} in row {row}"
    return ""


def _as_int64(array: Array, name: str) -> Array:
    if array.dtype == np.uint64 and array.max() > np.iinfo(np.int64).max:
        raise DataError(f"{name} holds {array.max()}, which does not fit into int64")
    return array.astype(np.int64, copy=False)


def _check_finite(array: Array, name: str) -> None:
    place = _first_non_finite(array)
    if place is None:
        return
    count = sum(block.size - int(np.count_nonzero(np.isfinite(block))) for _, block in row_blocks(array))
    raise DataError(
        f"{name} has {count} NaN or infinite value{'s' if count > 1 else ''}, the first ({array[place]}) in "
        f"{_place(place)}. Impute or drop such rows"
    )


def _first_non_finite(array: Array) -> tuple[int, ...] | None:
    """Return where the first NaN or infinity stands; None if there is none."""
    for first, block in row_blocks(array):
        finite = np.isfinite(block)
        if not finite.all():
            row, *others = (int(index) for index in np.unravel_index(int(np.argmin(finite)), block.shape))
            return (first + row, *others)
    return None


def _place(place: tuple[int, ...]) -> str:
    names = ["row", "column", *(f"axis {axis} index" for axis in range(2, len(place)))]
    return ", ".join(f"{name} {index}" for name, index in zip(names, place, strict=False))


def converted(array: Array, dtype: np.dtype[Any], name: str) -> Array:
    """Return an array contiguous and in a dtype of native byte order.

    Raises
    ------
    DataError
        When a value is too large for the dtype; names row and column.
    """
    native = dtype.newbyteorder("=")
    stays = array.dtype == native and array.flags.c_contiguous
    with np.errstate(over="ignore"):
        if not stays and memory_map(array) is not None:
            result = converted_to_file(array, native)
        else:
            result = np.ascontiguousarray(array, native)
    if dtype.kind == "f" and array.dtype.kind == "f" and array.dtype.itemsize > dtype.itemsize:
        place = _first_non_finite(result)
        if place is not None:
            raise DataError(
                f"{name} has {array[place]} in {_place(place)}, too large for the {dtype} of the network. "
                "Scale the values, or initialise the network in float64"
            )
    return result


def check_weights(weights: Any, rows: int, name: str) -> Array | None:
    """Return weights scaled to a mean of 1; see `check_rows`."""
    if weights is None:
        return None
    array = numbers(weights, name).astype(np.float64)
    if array.shape != (rows,):
        raise ShapeError(f"{name} has shape {array.shape}; it needs one number for each of the {rows} rows")
    if (array < 0).any():
        row = int(np.argmax(array < 0))
        raise DataError(f"{name} is negative ({array[row]}) in row {row}")
    if not array.any():
        raise DataError(f"{name} is zero in all {rows} rows; nothing would be learned")
    # Divided by the maximum first: neither huge nor tiny weights overflow or vanish in the mean.
    relative = array / array.max()
    scaled: np.ndarray[Any, Any] = relative / relative.mean()
    return scaled
