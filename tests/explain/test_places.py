"""One place among many in derivations: labels, unit vectors, diagonals, every other element."""

import numpy as np
import pytest
from tests.explain.asked_functions import CASES

import wengert as wg
from wengert.explain.printers.blocks import plain

RNG = np.random.default_rng(8)


def labelled(z):
    p = np.exp(z) / np.sum(np.exp(z), axis=1, keepdims=True)
    return -np.mean(np.log(p[np.arange(3), np.array([0, 1, 1])]))


def one_class(z):
    return -np.log(wg.softmax(z)[1])


def every_other(x):
    return np.sum(x[::2] ** 2)


def pairs(x):
    return np.sum(x[::2] * x[1::2])


def thirds(x):
    return np.sum(np.tanh(x[1::3]) * x[:-2:3])


def weighted_halves(x, w):
    return np.sum(x[::2] * w)


def divergence(z, q):
    p = wg.softmax(z)
    m = (p + q) / 2
    return np.sum(p * np.log(p / m)) / 2 + np.sum(q * np.log(q / m)) / 2


def entropy(z):
    p = wg.softmax(z)
    return -np.sum(p * np.log(p))


def row(X):
    return np.sum(X[1] ** 2)


def column(X):
    return np.sum(X[:, 2] ** 2)


def upper_diagonal(A):
    return np.sum(np.diag(A, 1) ** 2)


def mean_pooling(X, G):
    return np.sum(G * X.reshape(2, 2, 3, 2).mean(axis=(1, 3)))


def kronecker(A, B, G):
    return np.sum(G * np.kron(A, B))


def kronecker_of_columns(X, G):
    return np.sum(G * np.kron(X[:, ::2], np.ones((2, 2))))


def laid_out(W, x):
    return W.reshape(-1) @ x


def shuffled(x, c):
    return np.sum(x.reshape(2, 3).T.reshape(-1) * c)


def repeated(x, c):
    return np.sum(np.repeat(x, 2) * c)


def tiled(x, c):
    return np.sum(np.tile(x, 2) * c)


def split_heads(Q, K, G):
    q, k = (one.reshape(3, 2, 2).transpose(1, 0, 2) for one in (Q, K))
    return np.sum(G * (q @ k.transpose(0, 2, 1)))


def scaled_rows(v, W):
    D = np.diag(v)
    return np.sum((D @ W) ** 2)


def normal(*shape):
    return RNG.normal(size=shape)


SHARES = RNG.dirichlet(np.ones(3))
RESULTS = [
    (labelled, (normal(3, 4),), "index", "1/3 (p_ij − [j = k2_i + 1])"),
    (one_class, (normal(4),), "index", "softmax(z)_i − [i = 2]"),
    (one_class, (normal(4),), "matrix", "softmax(z) − e_2"),
    (every_other, (normal(6),), "index", "2 x_i [i odd]"),
    (pairs, (normal(6),), "index", "x_{i+1} [i odd] + x_{i−1} [i even]"),
    (thirds, (normal(9),), "index", "(1 − tanh(x_i)²) x_{i−1} [i ≡ 2 mod 3] + tanh(x_{i+1}) [i ≡ 1 mod 3]"),
    (weighted_halves, (normal(6), normal(3)), "index", "w_{(i+1)/2} [i odd]"),
    (divergence, (normal(3), SHARES), "index", "1/2 p_i (ln(p_i/m_i) − Σ_i′ ln(p_i′/m_i′) p_i′)"),
    (entropy, (normal(4),), "index", "p_i (Σ_i′ ln(p_i′) p_i′ − ln(p_i))"),
    (row, (normal(3, 4),), "matrix", "2 e_2 e_2ᵀ X"),
    (column, (normal(3, 4),), "matrix", "2 x_3 e_3ᵀ"),
    (upper_diagonal, (normal(3, 3),), "index", "2 u1_i,i [j = i + 1]"),
    (mean_pooling, (normal(4, 6), normal(2, 3)), "index", "1/4 g_{⌈i/2⌉,⌈j/2⌉}"),
    (kronecker, (normal(2, 2), normal(2, 3), normal(4, 6)), "index", "Σ_k,l g_{2(i−1)+k,3(j−1)+l} b_kl"),
    (
        kronecker_of_columns,
        (normal(2, 3), normal(4, 4)),
        "index",
        "Σ_p,q g_{2(i−1)+p,j+q−1} [j odd]",
    ),
    (laid_out, (normal(2, 3), normal(6)), "index", "x_{3(i−1)+j}"),
    (shuffled, (normal(6), normal(6)), "index", "c_{2((i−1) mod 3)+⌈i/3⌉}"),
    (repeated, (normal(3), normal(6)), "index", "Σ_l c_{2(i−1)+l}"),
    (tiled, (normal(3), normal(6)), "index", "Σ_k c_{3(k−1)+i}"),
    (
        split_heads,
        (normal(3, 4), normal(3, 4), normal(2, 3, 3)),
        "index",
        "Σ_s g_{⌈j/2⌉,i,s} u1_{s,⌈j/2⌉,(j−1) mod 2+1}",
    ),
    (scaled_rows, (normal(3), normal(3, 2)), "matrix", "2 ((D W) ⊙ W) 𝟏"),
]  # fmt: skip


def cancelled_shares(y):
    p = np.exp(y) / np.sum(np.exp(y))
    return np.tanh(np.sum(p)) + np.sum(y)


def test_shares_that_are_only_added_up_have_derivative_0():
    derivation = wg.explain(cancelled_shares, normal(3))
    np.testing.assert_allclose(derivation.tree.sections[-1].steps[-1].value, np.ones(3), atol=1e-12)


@pytest.mark.parametrize(("function", "arguments", "view", "expected"), RESULTS)
def test_a_result_names_the_place(function, arguments, view, expected):
    derivation = wg.explain(function, *arguments, view=view, notation="columns")
    (result,) = [section for section in derivation.tree.sections if section.title == "Result"]
    assert plain(result.steps[0].after) == expected


def test_the_adjoint_view_of_a_batch_has_no_line_that_repeats_another_and_ends_in_y_minus_t():
    from wengert import nn

    net = nn.Sequential(nn.Dense(3, 4, "sigmoid"), nn.Dense(4, 1, "sigmoid")).initialise(seed=0)
    targets = np.array([[1.0], [0], [1], [1], [0], [1]])
    text = wg.explain(net, normal(6, 3), targets, loss=nn.nll, view="adjoint").to_text(100)
    assert "∂L/∂b2 = 1/6 Σ_n (v6_n − t_n)" in text
    assert len(text.splitlines()) < 80


def test_an_index_has_no_letter_that_an_array_has():
    function, arguments = CASES["attention"]
    text = wg.explain(function, *arguments).to_text(100)
    assert "_k" not in text.replace("k_", "")


@pytest.mark.parametrize(
    ("function", "x"),
    [
        (np.median, [4.0, 1.0, 7.0, 2.0]),
        (np.median, [4.0, 1.0, 7.0]),
        (lambda x: np.quantile(x, 0.3), [4.0, 1.0, 7.0]),
        (lambda x: np.sum(np.sort(x)[:2] * np.arange(2)), [4.0, 1.0, 7.0]),
    ],
)
def test_the_first_places_of_an_axis_are_not_taken_for_all_of_them(function, x):
    derivation = wg.explain(function, np.array(x))
    np.testing.assert_allclose(derivation.tree.sections[-1].steps[-1].value, wg.grad(function)(np.array(x)))


def test_two_masks_of_one_condition_are_one():
    def masked(S):
        keep = np.tri(3, dtype=bool)
        return np.sum(np.where(keep, wg.softmax(S), 0) * np.where(keep, S, 0))

    derivation = wg.explain(masked, normal(3, 3))
    result = plain(derivation.tree.sections[-1].steps[0].after)
    assert result.count("Σ_") == 1
    assert "1 if" not in result


def test_bounds_are_of_indices_and_the_stricter_one_stands():
    def curvature(x):
        d = np.diff(x)
        return np.sum(np.diff(d) ** 2)

    result = str(wg.explain(curvature, RNG.normal(size=4))).partition("Result\n")[2]
    expected = "2 (d_{i−1} − d_{i−2}) [3 ≤ i] + 2 (d_{i+1} − d_i) [i ≤ 2] − 4 (d_i − d_{i−1}) [i ≤ 3] [2 ≤ i]"
    assert f"∂L/∂x_i = {expected}" in " ".join(result.split())
