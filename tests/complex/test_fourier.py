"""numpy.fft and scipy.fft: values and dtypes of theirs, derivatives of differences, and transposes."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import wengert as wg
from wengert.errors import ConfigurationError, DTypeError, ShapeError, UnsupportedFunctionError
from wengert.ir.verify import verify
from wengert.primitives.library import fourier

RNG = np.random.default_rng(0)
X = RNG.normal(size=(3, 6))
Z = X + 1j * RNG.normal(size=X.shape)
NORMS = (None, "backward", "ortho", "forward")
ALONG = ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft")
OVER = ("fft2", "ifft2", "rfft2", "irfft2", "fftn", "ifftn", "rfftn", "irfftn")
OF_REAL = ("rfft", "ihfft", "rfft2", "rfftn")


def same_as_numpy(function: Callable[..., Any], *arguments: np.ndarray) -> None:
    program = verify(wg.trace(function, *arguments))
    got, wanted = program(*arguments), function(*arguments)
    assert (got.shape, got.dtype) == (wanted.shape, wanted.dtype)
    scale = np.finfo(got.dtype).eps * np.max(np.abs(wanted), initial=1)
    np.testing.assert_allclose(got, wanted, rtol=0, atol=50 * scale)


def operands(name: str) -> list[np.ndarray]:
    return [X] if name in OF_REAL else [X, Z]


@pytest.mark.parametrize("name", ALONG)
def test_transforms_along_an_axis(name: str) -> None:
    transform = getattr(np.fft, name)
    for norm, n, axis in product(NORMS, (None, 4, 9), (0, -1)):
        for operand in operands(name):
            same_as_numpy(lambda a, n=n, axis=axis, norm=norm: transform(a, n, axis, norm), operand)
    for n, operand in product((None, 5, 9), operands(name)):
        report = wg.check_grad(lambda a, n=n: np.sin(transform(a, n, 0, "forward")), operand, order=1)
        assert report, report


@pytest.mark.parametrize("name", OVER)
def test_transforms_over_axes(name: str) -> None:
    transform = getattr(np.fft, name)
    options: list[dict[str, Any]] = [
        {}, {"s": (2, 9), "axes": (0, 1)}, {"axes": (1, 0)}, {"axes": (0, 0)},
        {"s": (5, -1), "axes": (1, 0), "norm": "ortho"},
    ]  # fmt: skip
    for option, operand in product(options, operands(name)):
        same_as_numpy(lambda a, option=option: transform(a, **option), operand)
    for operand in operands(name):
        assert wg.check_grad(lambda a: transform(a, axes=(1, 0)) ** 2, operand, order=1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128, np.int32, bool])
def test_precision_is_that_of_the_operand(dtype: Any) -> None:
    operand = (Z if np.dtype(dtype).kind == "c" else X).astype(dtype)
    for name in ALONG if np.dtype(dtype).kind != "c" else ("fft", "ifft", "irfft", "hfft"):
        same_as_numpy(getattr(np.fft, name), operand)


@pytest.mark.parametrize("axes", [None, 0, -1, (0, 1)])
def test_shifts(axes: Any) -> None:
    for shift in (np.fft.fftshift, np.fft.ifftshift):
        for operand in (X[:, :5], Z):
            same_as_numpy(lambda a, shift=shift: shift(a, axes) * a, operand)
    assert wg.check_grad(lambda a: np.fft.fftshift(np.fft.fft(a), axes) * a, Z, order=1)


def test_frequencies_are_constants() -> None:
    def smoothed(x: Any) -> Any:
        weights = np.exp(-((np.fft.rfftfreq(x.size, 0.1) / 2) ** 2))
        turned = np.real(np.fft.ifft(np.fft.fftfreq(x.size) * x))
        return np.fft.irfft(np.fft.rfft(x) * weights, x.size) + turned

    same_as_numpy(smoothed, X[0])
    same_as_numpy(smoothed, X[0, :5])
    assert wg.check_grad(smoothed, X[0])


@settings(max_examples=25)
@given(st.integers(1, 9), st.sampled_from(NORMS[1:]), st.integers(0, 2**32 - 1))
def test_pullbacks_are_transposes(n: int, norm: str, seed: int) -> None:
    """Re(c·Fz) = Re(Fᵀc·z) for whatever c and z are."""
    rng = np.random.default_rng(seed)
    for name in ("fft", "ifft", "rfft", "irfft"):
        transform = getattr(np.fft, name)
        z: Any = rng.normal(size=n)
        if name != "rfft":
            z = z + 1j * rng.normal(size=n)
        params = {"n": 2 * n - 1} if name == "irfft" else {}
        value, pull = wg.vjp(lambda a, t=transform, p=params: t(a, norm=norm, **p), z)
        cotangent = rng.normal(size=value.shape)
        if value.dtype.kind == "c":
            cotangent = cotangent + 1j * rng.normal(size=value.shape)
        (back,) = pull(cotangent)
        assert back.dtype == z.dtype
        mine, theirs = np.real(np.sum(back * z)), np.real(np.sum(cotangent * value))
        np.testing.assert_allclose(mine, theirs, rtol=1e-10, atol=1e-12)


def test_second_derivatives_batches_and_programs() -> None:
    def energy(x: Any) -> Any:
        spectrum = np.fft.rfft(np.tanh(x))
        weighted = np.abs(spectrum) ** 2 * np.arange(spectrum.shape[-1])
        return np.sum(weighted) + np.sum(np.fft.fft2(x[None] ** 2).real)

    assert wg.check_grad(energy, X[0])
    np.testing.assert_allclose(wg.vmap(wg.grad(energy))(X), [wg.grad(energy)(row) for row in X], rtol=1e-10)
    over_columns = wg.vmap(lambda x: np.fft.fft(x, axis=0), in_axes=1, out_axes=1)
    np.testing.assert_allclose(over_columns(X), np.fft.fft(X, axis=0), rtol=1e-10)
    compiled = wg.compile(wg.grad(energy))
    np.testing.assert_allclose(compiled(X[0]), wg.grad(energy)(X[0]), rtol=1e-10)
    hessian = wg.hessian(energy)(X[0])
    np.testing.assert_allclose(hessian, hessian.T, atol=1e-10)
    names: dict[str, Any] = {}
    program = wg.trace_gradient(energy, X[0])
    exec(program.to_python("slope"), names)
    np.testing.assert_allclose(names["slope"](X[0]), program(X[0]), rtol=1e-12)


def test_what_is_refused() -> None:
    for name in OF_REAL:
        with pytest.raises(ConfigurationError, match=r"rfft is of real numbers, not of complex128"):
            wg.trace(getattr(np.fft, name), Z)
    with pytest.raises(ConfigurationError, match="norm is 'backward', 'ortho' or 'forward', got 'none'"):
        wg.trace(lambda x: np.fft.fft(x, norm="none"), X)
    with pytest.raises(ShapeError, match="there is nothing to transform: n=0"):
        wg.trace(lambda x: np.fft.fft(x, 0), X)
    with pytest.raises(ShapeError, match="there is nothing to transform along axis 1"):
        wg.trace(lambda x: fourier.fft(x, axis=1, norm="ortho"), X[:, :0])
    with pytest.raises(ShapeError, match="there is no axis 2"):
        wg.trace(lambda x: np.fft.fft(x, axis=2), X)
    with pytest.raises(ShapeError, match="2 sizes for 1 axes"):
        wg.trace(lambda x: np.fft.fftn(x, (2, 3), (0,)), X)
    with pytest.raises(DTypeError, match="rfft has no rule for complex numbers"):
        fourier.rfft(Z, axis=0, norm="ortho")


class TestOfSciPy:
    """scipy.fft, which traced functions call by its names."""

    pytest.importorskip("scipy.fft")

    @pytest.mark.parametrize("name", [*ALONG, *OVER])
    def test_the_same_transforms(self, name: str) -> None:
        import scipy

        made: dict[str, Any] = {"scipy": scipy}
        exec(f"def transform(a): return scipy.fft.{name}(a, norm='ortho', workers=1)", made)
        for operand in operands(name):
            same_as_numpy(made["transform"], operand)

    @pytest.mark.parametrize("name", ["dct", "dst", "idct", "idst", "dctn", "dstn", "idctn", "idstn"])
    def test_cosine_and_sine_transforms(self, name: str) -> None:
        import scipy

        for number, norm, orthogonal in product((1, 2, 3, 4), NORMS, (None, True, False)):
            made: dict[str, Any] = {"scipy": scipy, "n": number, "norm": norm, "orthogonal": orthogonal}
            call = f"scipy.fft.{name}(a, n, norm=norm, orthogonalize=orthogonal)"
            exec(f"def transform(a): return {call}", made)
            same_as_numpy(made["transform"], X)
            if norm != "ortho" and orthogonal is None:
                assert wg.check_grad(made["transform"], X, order=1)

    def test_sizes_axes_and_complex_numbers(self) -> None:
        from scipy.fft import dct, dst

        same_as_numpy(lambda a: dct(a, n=4, axis=0) + dst(a, 3, 4, 0), X)
        same_as_numpy(lambda a: dct(a, n=9) * dst(a, n=9), X.astype(np.float32))
        same_as_numpy(lambda a: dct(a), Z)
        with pytest.raises(ConfigurationError, match="types 1, 2, 3 and 4, got 5"):
            wg.trace(lambda a: dct(a, 5), X)

    def test_plans_are_refused(self) -> None:
        from scipy.fft import fft

        with pytest.raises(UnsupportedFunctionError, match=r"scipy.fft.fft: the option plan= has no rule"):
            wg.trace(lambda a: fft(a, plan=1), X)


def test_against_jax() -> None:
    jax = pytest.importorskip("jax")
    with jax.enable_x64(True):
        for name in ("fft", "ifft", "rfft", "irfft"):
            theirs, mine = getattr(jax.numpy.fft, name), getattr(np.fft, name)
            operand = X[0] if name == "rfft" else Z[0]
            wanted = jax.grad(lambda a, t=theirs: jax.numpy.sum(jax.numpy.abs(t(a)) ** 3))(operand)
            slope = wg.grad(lambda a, t=mine: np.sum(np.abs(t(a)) ** 3))(operand)
            np.testing.assert_allclose(slope, wanted, rtol=1e-9, atol=1e-9)
