"""Universal functions and norms compute in NumPy's dtypes, at the ends of each, with NumPy's sign of zero."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from wengert.errors import DTypeError, TraceError
from wengert.ir.primitive import IMPLEMENTATIONS
from wengert.run.numpy import NumpyExecutor
from wengert.trace.numpy_functions.ufuncs import _OF_BITS, _WRITTEN_OUT
from wengert.trace.tracing import trace
from wengert.transform.simplify import simplify

DTYPES = [np.dtype(one) for one in ["?", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"]]
UFUNCS = [
    ufunc
    for ufunc in dict.fromkeys([*IMPLEMENTATIONS, *_OF_BITS, *_WRITTEN_OUT])
    if isinstance(ufunc, np.ufunc) and ufunc.signature is None
]


def ends(dtype: np.dtype) -> np.ndarray:
    if dtype.kind == "b":
        return np.array([False, True])
    if dtype.kind in "iu":
        limits = np.iinfo(dtype.name)
        return np.array([limits.min, limits.max, 0, 1, 2, 7, max(limits.min, -3)], dtype)
    large = float(np.finfo(dtype).max)
    return np.array([0.0, -0.0, 1, -1, 2, 0.5, -0.5, np.inf, -np.inf, np.nan, large, -large, 3.7], dtype)


def compare(function: Any, operands: list[np.ndarray]) -> None:
    with np.errstate(all="ignore"):
        try:
            wanted = np.asarray(function(*operands))
        except (TypeError, ValueError):  # without a meaning in NumPy either
            return
        if wanted.dtype == np.float16:
            return
        try:
            program = trace(function, *operands)
        except (DTypeError, TraceError):  # bits of integers, which are refused by name
            return
        for one in (program, simplify(program)):
            (got,) = NumpyExecutor().compile(one)(operands)
            assert got.dtype == wanted.dtype
            if got.dtype.kind != "f":
                np.testing.assert_array_equal(got, wanted)
                continue
            eps = float(np.finfo(got.dtype).eps)
            np.testing.assert_allclose(got, wanted, rtol=8 * eps)
            np.testing.assert_array_equal(np.signbit(got[wanted == 0]), np.signbit(wanted[wanted == 0]))


@pytest.mark.parametrize("ufunc", UFUNCS, ids=lambda ufunc: ufunc.__name__)
def test_universal_functions(ufunc: np.ufunc) -> None:
    results = [lambda *x, at=at: ufunc(*x)[at] for at in range(ufunc.nout)] if ufunc.nout > 1 else [ufunc]
    for dtype in DTYPES:
        for function in results:
            compare(function, [one.ravel() for one in np.meshgrid(*[ends(dtype)] * ufunc.nin)])
        if dtype.kind == "f" and ufunc.nin == 2 and ufunc.nout == 1:
            for number in (0.5, 2, 0.0, -1, True):
                compare(lambda x, number=number: ufunc(x, number), [ends(dtype)])


@pytest.mark.parametrize("order", [None, 0, 1, 2, 3, 0.5, -1, np.inf, -np.inf])
def test_norms(order: Any) -> None:
    for dtype in DTYPES:
        compare(
            lambda x: np.linalg.norm(x, order, axis=1),
            [ends(dtype)[: 2 * (len(ends(dtype)) // 2)].reshape(-1, 2)],
        )


def test_standard_deviations() -> None:
    for values in ([np.nan, 1.0], [2.0, 2.0], [np.inf, 1.0], [0.0, 3.0]):
        compare(np.std, [np.array(values)])


def test_operators_with_zeros() -> None:
    for dtype in DTYPES[-2:]:
        x = np.array([0.0, -0.0, 1.0], dtype)
        for function in (
            lambda x: x + 0.0,
            lambda x: 0 + x,
            lambda x: 0.0 - x,
            lambda x: x - 0,
            lambda x: -0.0 - x,
            lambda x: x * 1.0,
            lambda x: x + x - x,
            lambda x: x**0.5,
            lambda x: np.clip(x, 0.5, None) - 0.5,
        ):
            compare(function, [x])
