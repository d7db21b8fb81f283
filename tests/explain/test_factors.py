"""Derivatives of the factors of matrices, tall, wide and square, in every view."""

import numpy as np
import pytest

import wengert as wg

RNG = np.random.default_rng(12)


def normal(*shape):
    return RNG.normal(size=shape)


def symmetric(count):
    square = normal(count, count)
    return square @ square.T + np.eye(count)


def by_upper_triangle(A, k, G):
    values, vectors = np.linalg.eigh(A, "U")
    return k @ values + np.sum(G * vectors)


def by_singular_vectors(A, G, k, H):
    U, s, Vh = np.linalg.svd(A, full_matrices=False)
    return np.sum(G * U) + np.sum(np.log(s) * k) + np.sum(H * Vh)


def by_q_and_r(A, G, H):
    Q, R = np.linalg.qr(A)
    return np.sum(G * Q) + np.sum(np.tanh(R.T @ H))


def by_upper_factor(A, G):
    R = np.linalg.cholesky(A, upper=True)
    return np.sum(G * R)


def after_a_product(X, y):
    K = X @ X.T + np.eye(3)
    L = np.linalg.cholesky(K)
    z = np.linalg.solve(L, y)
    return z @ z + np.sum(np.log(np.diag(L)))


def named_like_factors(Q, F):
    """The reader's names go first."""
    return np.sum(np.linalg.eigvalsh(Q) * F)


CASES = {
    "upper triangle": (by_upper_triangle, (symmetric(3), normal(3), normal(3, 3))),
    **{
        f"svd {m}x{n}": (by_singular_vectors, (normal(m, n), normal(m, 2), normal(2), normal(2, n)))
        for m, n in ((2, 2), (4, 2), (2, 4))
    },
    "qr tall": (by_q_and_r, (normal(4, 3), normal(4, 3), normal(3, 3))),
    "qr square": (by_q_and_r, (normal(3, 3), normal(3, 3), normal(3, 3))),
    "upper factor": (by_upper_factor, (symmetric(3), normal(3, 3))),
    "after a product": (after_a_product, (normal(3, 2), normal(3))),
    "names": (named_like_factors, (symmetric(2), normal(2))),
}


@pytest.mark.parametrize("name", CASES)
def test_every_line_is_that_of_the_engine_and_results_are_closed(name):
    function, arguments = CASES[name]
    places = ("index", "matrix") if len(name) % 2 else ("matrix", "adjoint")
    for view in places:
        derivation = wg.explain(function, *arguments, view=view, notation="columns")
        derivation.verify(points=1)
        (result,) = [section for section in derivation.tree.sections if section.title == "Result"]
        gradients = wg.grad(function, argnums=tuple(range(len(arguments))))(*arguments)
        for step, expected in zip(result.steps[-len(arguments) :], gradients, strict=True):
            np.testing.assert_allclose(step.value.reshape(np.shape(expected)), expected, atol=1e-10)
        text = str(derivation)
        for line in text[text.rindex("Result\n") :].splitlines():
            assert "∂" not in line.partition("=")[2], line


def test_the_readers_names_go_before_the_letters_of_the_literature():
    function, arguments = CASES["names"]
    text = wg.explain(function, *arguments).to_text(100)
    assert "Q = Q1 diag(λ) Q1ᵀ" in text


def test_one_column_and_stacks_of_matrices_keep_their_source():
    for function, A in (
        (lambda A: np.sum(np.linalg.svdvals(A)), normal(3, 1)),
        (lambda A: np.sum(np.linalg.eigvalsh(A)), np.stack([symmetric(2), symmetric(2)])),
    ):
        derivation = wg.explain(function, A)
        assert derivation.verification.lines > 0
