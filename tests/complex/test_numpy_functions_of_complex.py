"""NumPy's functions of complex numbers: the program gives NumPy's result, or it is refused by name."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tests.trace.test_more_functions import CASES
from tests.trace.test_numpy_functions import ANALYTIC, OTHER

import wengert as wg
from wengert.errors import DTypeError, TraceError, WengertError
from wengert.ir.verify import verify
from wengert.trace.tree import flatten

Function = Callable[..., Any]


def numbers(*shape: int) -> np.ndarray:
    rng = np.random.default_rng(3)
    return rng.uniform(-2, 2, shape) + 1j * rng.uniform(-2, 2, shape)


def imaginary(x: np.ndarray) -> np.ndarray:
    return 1j * np.random.default_rng(5).normal(size=x.shape)


OF_SHAPES = {
    name: (function, [numbers(*s) for s in shapes]) for name, function, shapes in [*ANALYTIC, *OTHER]
}
OF_ARRAYS = {
    name: (function, [x + imaginary(x)])
    for name, (function, x) in CASES.items()
    if np.asarray(x).dtype.kind == "f"
}
GIVEN: dict[str, tuple[Function, list[np.ndarray]]] = OF_SHAPES | OF_ARRAYS
# What sorts, or needs whole or real numbers.
REFUSED = re.compile(
    r"^((nan)?argm\w+|argsort|argpartition|searchsorted) has no rule"
    r" for complex numbers"
    r"|^astype: \w+ has no place for the imaginary part|^\w+ has no meaning for [a-z, ]*complex128"
)


@pytest.mark.filterwarnings("ignore")  # NumPy's, of divisions by 0 and of parts it leaves out
@pytest.mark.parametrize("name", GIVEN)
def test_the_program_gives_what_numpy_gives_or_says_that_it_has_no_rule(name: str) -> None:
    function, given = GIVEN[name]
    try:
        program = verify(wg.trace(function, *given))
    except DTypeError as error:
        if not REFUSED.search(str(error)):
            raise
        return
    except (TypeError, WengertError):
        with pytest.raises((TypeError, ValueError, np.linalg.LinAlgError)):
            function(*given)
        return
    wanted, got = flatten(function(*given))[0], flatten(program(*given))[0]
    for mine, theirs in zip(got, map(np.asarray, wanted), strict=True):
        assert (mine.shape, mine.dtype) == (theirs.shape, theirs.dtype)
        np.testing.assert_allclose(mine, theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", [name for name, _, _ in ANALYTIC])
def test_gradients_are_those_of_differences_of_both_parts(name: str) -> None:
    if name in (
        "options at their defaults",
        "matvec",
    ):  # takes a maximum; gives a tensor to an array's method
        return
    function, given = GIVEN[name]
    report = wg.check_grad(function, *given, order=1)
    assert report, report


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
@pytest.mark.parametrize("number", [2, 2.5, 1 + 2j, np.float32(2), np.float64(2), np.complex64(1j), True])
def test_dtypes_are_those_of_numpy(dtype: Any, number: Any) -> None:
    z = np.ones(3, dtype)

    def function(z: Any) -> Any:
        return (
            z + number,
            number * z,
            z / number,
            z**2,
            np.exp(z),
            z.real,
            abs(z),
            z.mean(),
            z.sum(),
            np.angle(z),
        )

    wanted = function(z)
    for mine, theirs in zip(wg.trace(function, z)(z), wanted, strict=True):
        assert mine.dtype == theirs.dtype


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
def test_python_complex_numbers_are_weak(dtype: Any) -> None:
    x = np.ones(3, dtype)
    got, wanted = wg.trace(lambda x: (x * 1j, x + (2 - 1j)), x)(x), (x * 1j, x + (2 - 1j))
    assert [one.dtype for one in got] == [one.dtype for one in wanted]


def test_parts_follow_the_numbers_that_they_are_of() -> None:
    def function(z: Any) -> Any:
        w = z * 1
        real, last = w.real, w.imag[1:]
        w[0] = 5 + 2j
        w[2] *= 1j
        return real * 1.0, last * 1.0, w

    z = numbers(3)
    for mine, theirs in zip(wg.trace(function, z)(z), function(z), strict=True):
        np.testing.assert_array_equal(mine, theirs)

    def assigned(z: Any) -> Any:
        w = z * 1
        w.real[0] = 2.0
        return w

    with pytest.raises(TraceError, match="real or imaginary part of complex numbers cannot be assigned"):
        wg.trace(assigned, z)


def test_complex_numbers_do_not_fit_into_arrays_of_real_ones() -> None:
    def assigned(z: Any) -> Any:
        x = np.zeros(3)
        x[0] = z[0]
        return x

    with pytest.raises(DTypeError, match="make the array with dtype=complex"):
        wg.trace(assigned, numbers(3))


def test_arrays_of_complex_numbers_are_filled() -> None:
    def filled(z: Any) -> Any:
        w = np.zeros(4, complex)
        w[::2] = z[:2]
        w[1] = np.abs(z[0]) + 1j
        w[3] += z[2] ** 2
        return w

    z = numbers(3)
    np.testing.assert_allclose(wg.trace(filled, z)(z), filled(z))
    assert wg.check_grad(filled, z)


def test_calls_of_python_and_cmath_are_refused() -> None:
    import cmath

    for function in (complex, cmath.exp):
        with pytest.raises(TraceError, match=r"complex\(\) would cut the derivative"):
            wg.trace(lambda z, function=function: function(z), 1 + 2j)


def test_parts_are_assigned() -> None:
    def energy(x: Any) -> Any:
        z = np.zeros(4, complex)
        z.real = x
        z.imag = 2 * x**2
        z.imag = z.imag + z.real
        return np.sum(np.abs(np.fft.fft(z)) ** 2)

    x = np.array([0.5, -1.0, 2.0, 0.25])
    np.testing.assert_allclose(wg.value_and_grad(energy)(x)[0], energy(x), rtol=1e-12)
    wg.check_grad(energy, x)


def test_a_real_array_has_no_imaginary_part_to_assign_to() -> None:
    def function(x: Any) -> Any:
        y = np.zeros(3)
        y.imag = x
        return np.sum(y)

    with pytest.raises(TypeError, match="imaginary part"):  # NumPy's own error
        function(np.ones(3))
    with pytest.raises(TypeError, match="float64 has no imaginary part"):
        wg.grad(function)(np.ones(3))
