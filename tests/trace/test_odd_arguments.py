"""Arguments at the edge of what NumPy takes: its values where it gives any, our errors elsewhere."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert.errors import DTypeError, IndexRangeError, ShapeError, TraceError
from wengert.trace.static import Static, is_static

X = np.array([[0.5, -1.0, 2.0, 3.0], [1.5, 0.25, -2.0, 4.0], [0.0, 1.0, 5.0, -3.0]])


@pytest.mark.parametrize(
    ("function", "error", "message"),
    [
        (lambda x: np.split(x, 3, axis=1), ShapeError, "4 entries cannot be divided into 3 equal parts"),
        (lambda x: np.split(x, 0), ShapeError, "cannot be divided into 0"),
        (lambda x: np.array_split(x, 0), ShapeError, "the number of sections is at least 1, got 0"),
        (lambda x: np.pad(x, 1.5), DTypeError, "widths 1.5 are no integers"),
        (lambda x: np.pad(x, (1, 2, 3)), ShapeError, r"do not fit an array of 2 axes"),
        (lambda x: np.pad(x, -1), ShapeError, "cannot be negative"),
        (lambda x: np.tile(x, -1), ShapeError, "cannot be negative"),
        (lambda x: np.repeat(x, 1.5), DTypeError, "counts are integers, not float64"),
        (lambda x: np.repeat(x, [1, 2], axis=0), ShapeError, r"counts of shape \(2,\) for 3 entries"),
        (lambda x: np.roll(x, (1, 2), (0, 1, 0)), ShapeError, "2 shifts for 3 axes"),
        (lambda x: np.diff(x, n=-1), ShapeError, "n cannot be negative"),
        (lambda x: np.take(x, x.astype(np.int64), mode="wrap"), TraceError, "mode='wrap' has no rule"),
        (lambda x: np.take_along_axis(x, np.array([0]), 0), ShapeError, "for an array of 2 axes"),
        (lambda x: np.einsum("i*->i", x), ShapeError, "an index is a letter"),
        (lambda x: np.einsum("i..->i", x), ShapeError, "dots come by three"),
        (lambda x: np.einsum("ij->i", x, dtype=np.int32), DTypeError, "cannot be cast to int32"),
        (lambda x: np.delete(x, 12), IndexRangeError, "np.delete: index 12 is out of bounds"),
        (lambda x: np.delete(x, [True, False], axis=0), IndexRangeError, "np.delete: boolean array"),
        (lambda x: np.insert(x, 13, 1.0), IndexRangeError, "np.insert: index 13 is out of bounds"),
        (lambda x: np.tril(x[0, 0]), ShapeError, "np.tril: takes a vector or matrices, got a scalar"),
        (lambda x: np.triu(x[0, 0]), ShapeError, "np.triu: takes a vector or matrices, got a scalar"),
        (lambda x: np.linalg.inv(x), ShapeError, r"inv: takes square matrices, got shape \(3, 4\) \(at"),
        (lambda x: np.quantile(x > 0, 0.5), DTypeError, "np.quantile has no meaning for bool"),
        (lambda x: np.gradient(x > 0), DTypeError, "np.gradient has no meaning for bool"),
        (lambda x: np.ediff1d(x > 0), DTypeError, "np.ediff1d has no meaning for bool"),
        (lambda x: np.round(x > 0), DTypeError, "np.round has no meaning for bool"),
        (lambda x: statistics.mean(x[0]), TraceError, r"write np\.mean"),
        (lambda x: statistics.fmean(x[0]), TraceError, "functions of statistics"),
        (lambda x: float(x[0, 0]) * x, TraceError, r"write x\[0\] for float\(x\[0\]\)"),
        (lambda x: x[0, 0].item(), TraceError, r"write x\[i\] for an element"),
        (lambda x: x.tolist(), TraceError, r"write list\(x\)"),
        (lambda x: np.nan_to_num(x, copy=False), TraceError, r"write x = np\.nan_to_num\(x\)"),
        (lambda x: np.poly(x), TraceError, "np.poly of a matrix has no rule"),
        (lambda x: np.polyint(x[0], 3, [1.0, 2.0]), ShapeError, "m=3 integrations with 2 constants"),
        (lambda x: np.cumulative_sum(x), ShapeError, "2 axes need axis="),
        (
            lambda x: np.lib.stride_tricks.sliding_window_view(x, 5, axis=0),
            ShapeError,
            "a window of 5 along 3 entries",
        ),
    ],
)
def test_what_numpy_refuses_is_refused_by_name(
    function: Callable[[Any], Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        wg.trace(function, X)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: np.pad(np.sum(x), 0),
        lambda x: np.diff(x, n=0),
        lambda x: np.take(x, [7, -9], axis=1, mode="clip"),
        lambda x: np.take(x, [7, -9], axis=1, mode="wrap"),
        lambda x: np.take(x, np.array([], int), axis=0),
        lambda x: np.take_along_axis(x, np.array([3, 0]), None),
        lambda x: np.nan_to_num((x > 0).astype(np.int64)),
        lambda x: np.einsum("ij->i", x, dtype=np.float64),
        lambda x: np.array_split(x, [1, 2])[1],
        lambda x: np.roll(x, 1, (0, 1)),
    ],
)
def test_what_numpy_takes_gives_its_value(function: Callable[[Any], Any]) -> None:
    program = wg.trace(function, X)
    np.testing.assert_array_equal(program(X), function(X))


class Incomparable:
    """An object whose comparison fails, as that of arrays of several elements does."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no comparison")


class PretendsToBeAnArray:
    """An object that fails when it is asked for its elements."""

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("no elements")


def test_static_arguments_are_equal_only_where_that_is_known() -> None:
    assert Static("a") == Static("a")
    assert hash(Static("a")) == hash(Static("b"))  # equality decides, whatever the value can be hashed by
    assert Static("a") != Static(b"a")
    assert Static(np.array(["a", "b"])) == Static(np.array(["a", "b"]))
    assert Static(np.array(["a", "b"])) != Static(np.array(["a", "c"]))
    assert Static(0j) != Static(-0j)
    assert Static(Incomparable()) != Static(Incomparable())
    same = Incomparable()
    assert Static(same) == Static(same)
    assert repr(Static("a")) == "'a'"


def test_what_may_change_is_not_immutable() -> None:
    assert Static(slice(1, None)).is_immutable
    assert Static(len).is_immutable
    assert Static(np.float32).is_immutable
    assert not Static([1].append).is_immutable
    assert not Static(Incomparable()).is_immutable
    assert not Static(Incomparable).is_immutable


def test_what_is_no_array_is_static() -> None:
    assert is_static("text")
    assert not is_static(np.array([1j]))
    assert is_static(np.array([1j], np.clongdouble).astype(object))
    assert is_static(PretendsToBeAnArray())
    assert not is_static(1.5)
    assert not is_static([1.0, 2.0])
