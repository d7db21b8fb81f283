"""Linear algebra of complex matrices, eigenvalues of general ones: NumPy's values, slopes of differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert.ir.verify import verify

RNG = np.random.default_rng(1)


def random(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape) + 1j * RNG.normal(size=shape)


A = random(3, 3) + 3 * np.eye(3)
B, TALL, WIDE, M = random(3, 2), random(5, 3), random(3, 5), random(3, 3)
REAL = RNG.normal(size=(3, 3))


def hermitian(a: Any) -> Any:
    return a @ np.conj(a).mT + np.eye(a.shape[-1])


def of_svd(a: Any) -> Any:
    u, s, v = np.linalg.svd(a, full_matrices=False)
    return u[0] * v[:, 1] * s, np.abs(np.conj(u).mT @ np.ones(u.shape[-2])) ** 2


def of_slogdet(a: Any) -> Any:
    sign, logarithm = np.linalg.slogdet(a)
    return sign**2 + logarithm


def through_vectors(a: Any) -> Any:
    values, vectors = np.linalg.eig(a)
    return (vectors * np.exp(values / 3)) @ np.linalg.inv(vectors)


FUNCTIONS: dict[str, tuple[Callable[[Any], Any], np.ndarray]] = {
    "solve": (lambda a: np.linalg.solve(a, B), A),
    "right-hand side": (lambda b: np.linalg.solve(A, b), B),
    "inv": (np.linalg.inv, A),
    "det": (np.linalg.det, A),
    "slogdet": (of_slogdet, A),
    "cholesky": (lambda a: np.linalg.cholesky(hermitian(a)), A),
    "one triangle": (np.linalg.cholesky, hermitian(A)),
    "upper": (lambda a: np.linalg.cholesky(hermitian(a), upper=True), A),
    "eigvalsh": (lambda a: np.linalg.eigvalsh(hermitian(a)), A),
    "upper triangle": (lambda a: np.linalg.eigvalsh(a, "U"), hermitian(A)),
    "eigh": (lambda a: np.abs(np.conj(np.linalg.eigh(hermitian(a))[1]).mT @ M) ** 2, A),
    "svdvals": (lambda a: np.linalg.svd(a, compute_uv=False), TALL),
    "svd of tall": (lambda a: np.sum(of_svd(a)[0]) + of_svd(a)[1], TALL),
    "svd of wide": (lambda a: np.sum(of_svd(a)[0]) + of_svd(a)[1], WIDE),
    "qr": (lambda a: np.linalg.qr(a)[0], TALL),
    "r": (lambda a: np.linalg.qr(a)[1], WIDE),
    "pinv": (np.linalg.pinv, TALL),
    "pinv of wide": (np.linalg.pinv, WIDE),
    "lstsq": (lambda a: np.linalg.lstsq(a, TALL[:, :1])[0], TALL),
    "norms": (lambda a: np.linalg.norm(a, 2) + np.linalg.norm(a, "nuc") + np.linalg.norm(a[0], 3), A),
    "matrix_power": (lambda a: np.linalg.matrix_power(a, -3), A),
    "eigvals": (np.linalg.eigvals, A),
    "eigvals of a real matrix": (lambda a: np.abs(np.linalg.eigvals(a)) ** 3, REAL),
    "eig": (lambda a: np.abs(M @ np.linalg.eig(a)[1]) ** 2, A),
    "eig of a real matrix": (lambda a: np.abs(M @ np.linalg.eig(a)[1]) ** 2, REAL),
    "function of a matrix": (through_vectors, A),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_values_and_derivatives(name: str) -> None:
    function, operand = FUNCTIONS[name]
    got, wanted = verify(wg.trace(function, operand))(operand), function(operand)
    assert (got.shape, got.dtype) == (wanted.shape, wanted.dtype)
    np.testing.assert_allclose(got, wanted, rtol=1e-10, atol=1e-11)
    report = wg.check_grad(function, operand)
    assert report, report


@pytest.mark.parametrize("name", ["solve", "det", "cholesky", "svdvals", "eigvals", "eig of a real matrix"])
def test_a_batch_is_its_entries(name: str) -> None:
    function, operand = FUNCTIONS[name]
    batch = np.stack([operand, operand * 1.1])
    np.testing.assert_allclose(
        wg.vmap(function)(batch), np.stack([function(one) for one in batch]), rtol=1e-10, atol=1e-11
    )


def test_results_of_eig_are_complex_in_any_case() -> None:
    symmetric = REAL + REAL.T
    for single, double in ((np.float32, np.complex64), (np.float64, np.complex128)):
        operand = symmetric.astype(single)
        values, vectors = wg.trace(lambda a: tuple(np.linalg.eig(a)), operand)(operand)
        assert values.dtype == vectors.dtype == double
        np.testing.assert_allclose(values, np.linalg.eigvals(symmetric), rtol=1e-4)


def test_vectors_of_a_repeated_eigenvalue_have_no_derivative() -> None:
    def length(a: Any) -> Any:
        vectors = np.linalg.eig(a).eigenvectors
        return np.abs(vectors[0, 0] + vectors[1, 0]) ** 2

    with pytest.raises(np.linalg.LinAlgError, match="not determined"):
        wg.grad(length)(np.diag([2.0, 2.0, 1.0]) + 0j)
    assert np.all(np.isfinite(wg.grad(lambda a: np.real(np.sum(np.linalg.eigvals(a))))(np.eye(3) + 0j)))


def test_scipy() -> None:
    linalg = pytest.importorskip("scipy.linalg")
    functions = (
        lambda a: linalg.expm(a / 4),
        lambda a: linalg.sqrtm(hermitian(a)),
        lambda a: linalg.cho_solve(linalg.cho_factor(hermitian(a)), B),
        lambda a: linalg.solve_triangular(a, B, trans=2),
        lambda a: linalg.solve_sylvester(a, A, M),
        lambda a: linalg.toeplitz(a[0]),
    )
    for function in functions:
        np.testing.assert_allclose(wg.trace(function, A)(A), function(A), rtol=1e-9, atol=1e-10)
        assert wg.check_grad(function, A, order=1), wg.check_grad(function, A, order=1)
