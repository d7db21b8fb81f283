"""Claimed gradients: right ones are accepted however written, each mistake is named."""

from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert.errors import ConfigurationError, DTypeError, FormulaError, GradientError

RNG = np.random.default_rng(5)


def row_vectors(a: Any, W: Any, V: Any, y: Any) -> Any:
    b = a @ W
    c = np.tanh(b)
    e = c @ V
    epsilon = np.sum((e - y) ** 2)
    return epsilon


def mean_square(w: Any, b: Any, X: Any, t: Any) -> Any:
    z = X @ w + b
    J = 0.5 * np.mean((t - z) ** 2)
    return J


def relu_network(W1: Any, w2: Any, x: Any, t: Any) -> Any:
    a1 = W1 @ x
    h = np.maximum(0, a1)
    z = w2 @ h
    J = 0.5 * (t - z) ** 2
    return J


def three_layers(W1: Any, W2: Any, w3: Any, x: Any, t: Any) -> Any:
    a1 = W1 @ x
    z1 = wg.sigmoid(a1)
    a2 = W2 @ z1
    z2 = wg.sigmoid(a2)
    y = wg.sigmoid(w3 @ z2)
    L = -t * np.log(y) - (1 - t) * np.log(1 - y)
    return L


def softmax_layer(W: Any, A: Any, y: Any) -> Any:
    Z = W.T @ A
    P = wg.softmax(Z)
    L = -np.sum(y * np.log(P))
    return L


ROWS = [RNG.normal(size=shape) for shape in ((1, 3), (3, 2), (2, 2), (1, 2))]
VECTORS = [ROWS[0][0], ROWS[1], ROWS[2], ROWS[3][0]]
TABLE = [RNG.normal(size=3), 1.0, RNG.normal(size=(5, 3)), RNG.normal(size=5)]
RELU = [RNG.normal(size=(2, 2)), RNG.normal(size=2), RNG.normal(size=2), 1.0]
THREE = [RNG.normal(size=(2, 2)), RNG.normal(size=(2, 2)), RNG.normal(size=2), RNG.normal(size=2), 1.0]
SOFTMAX = [RNG.normal(size=(2, 3)), RNG.normal(size=2), np.array([0.0, 1.0, 0.0])]
RIGHT = "a.T @ (2*(e-y) @ V.T * (1-c**2))"


@pytest.mark.parametrize(
    ("function", "arguments", "name", "claim"),
    [
        (row_vectors, ROWS, "W", RIGHT),
        (row_vectors, ROWS, "dW", RIGHT),
        (row_vectors, VECTORS, "W", "np.outer(a, 2*(e-y) @ V.T * (1-c**2))"),
        (row_vectors, VECTORS, "W", "delta = 2*(e-y); g = delta @ V.T * (1-c**2); outer(a, g)"),
        (row_vectors, VECTORS, "c", "de @ V.T"),
        (row_vectors, VECTORS, "a", "db @ W.T"),
        (row_vectors, VECTORS, "epsilon", "1"),
        (mean_square, TABLE, "w", "X.T @ (z - t) / 5"),
        (mean_square, TABLE, "w", "X.T @ (z - t) / len(X)"),
        (mean_square, TABLE, "b", "mean(z - t)"),
        (relu_network, RELU, "W1", "outer((z - t) * w2 * (a1 > 0), x)"),
        (three_layers, THREE, "W2", "outer((y - t) * w3 * z2 * (1 - z2), z1)"),
        (softmax_layer, SOFTMAX, "W", "outer(A, P - y)"),
    ],
)
def test_right_claims(function, arguments, name, claim):
    report = wg.check_work(function, *arguments, claims={name: claim})

    assert report, str(report)
    assert "value: right at all 20 points" in str(report)


@pytest.mark.parametrize("order", ["(P - y) * P * (1 - P)", "P * (1 - P) * (P - y)"])
def test_a_derivative_of_softmax_that_the_fused_delta_has_already_is_named(order):
    report = wg.check_work(softmax_layer, *SOFTMAX, claims={"W": f"outer(A, {order})"})["W"]

    assert report.mistake == "a factor too many: P * (1 - P) does not belong there"
    assert report.corrected == "outer(A, P - y)"


def renamed(a: Any, W: Any, V: Any, y: Any) -> Any:
    b = a @ W
    c = hidden = np.tanh(b)
    d = c @ V
    e = d  # no activation, as the lecture writes it
    epsilon = np.sum((e - y) ** 2)
    return epsilon + 0 * np.sum(hidden)


def reused(a: Any, W: Any, V: Any, y: Any) -> Any:
    c = a @ W
    e = c
    c = np.tanh(c)
    return np.sum((c @ V - y) ** 2) + 0 * np.sum(e)


def test_a_value_is_known_by_its_second_name():
    claims = {"W": "a.T @ (2*(e-y) @ V.T * (1-hidden**2))", "e": "2*(e-y)", "c": "dd @ V.T"}

    assert wg.check_work(renamed, *ROWS, claims=claims)


def test_a_name_that_stands_for_two_values_gets_no_second_one():
    with pytest.raises(FormulaError, match="unknown name 'e'"):
        wg.check_work(reused, *ROWS, claims={"W": "a.T @ e"})


@pytest.mark.parametrize(
    ("claim", "mistake", "corrected"),
    [
        (RIGHT.replace("V.T", "V"), "a transpose is missing: V should be V.T", True),
        (RIGHT.replace("a.T", "a"), "a transpose is missing: a should be a.T", True),
        ("(2*(e-y) @ V.T * (1-c**2)) @ a.T", "the factors are in the wrong order", True),
        ("(2*(e-y) @ V.T * (1-c**2)).T @ a", "a product is transposed", True),
        (RIGHT.replace("2*", ""), "a factor 2 is missing", False),
        (RIGHT.replace("2*", "4*"), "a factor ½ is missing", False),
        (RIGHT.replace("e-y", "y-e"), "the sign is wrong", False),
        ("a.T @ (2*(e-y) @ V.T)", "the derivative of c = tanh(b) is missing", True),
        (RIGHT.replace("1-c**2", "1-c"), "1 - c should be the derivative of c = tanh(b)", True),
        (RIGHT.replace("1-c**2", "1+c**2"), "the sign is wrong: 1 + c ** 2", True),
        (RIGHT.replace("* (1-c", "@ (1-c"), "where ⊙ belongs", True),
        ("a.T @ (2*(e-y) @ V.T @ (1-c**2).T)", "a product of matrices where ⊙ belongs", True),
        (RIGHT.replace("(1-c**2)", "c*(1-c)"), "c * (1 - c) should be the derivative of c = tanh(b)", True),
        (RIGHT.replace("V.T", "V").replace("2*", ""), "V should be V.T; a factor 2", False),
        (RIGHT.replace("a.T", "b.T"), "b stands where a belongs", True),
        ("a.T @ (2*(V @ (e-y)) * (1-c**2))", "wrong order, and a transpose is amiss", False),
        (f"3 * ({RIGHT})", "3", False),
        (f"0.7 * ({RIGHT})", "it is 0.7 times the gradient", False),
        (f"sum({RIGHT}, axis=0)", "a sum too many", True),
    ],
)
def test_each_slip_is_named_and_put_right(claim, mistake, corrected):
    report = wg.check_work(row_vectors, *ROWS, claims={"W": claim})["W"]

    assert not report
    assert mistake in report.mistake
    if corrected:
        assert report.corrected.replace(" ", "") == RIGHT.replace(" ", "")
    assert wg.check_work(row_vectors, *ROWS, claims={"W": report.corrected})


# What the notes of the lectures print, and what it should be.
ERRATA = {
    "000: −(t − z) x loses its sign": (
        mean_square, TABLE, {"w": "(t - z) @ X / 5"}, "the sign is wrong"),
    "000: J without its ½": (
        relu_network, RELU, {"w2": "-2 * (t - z) * h"}, "a factor ½ is missing"),
    "000: the gradient of the ReLU network loses its sign": (
        relu_network, RELU, {"W1": "outer((t - z) * w2 * (a1 > 0), x)"}, "the sign is wrong"),
    "000: the mean over examples without 1/N": (
        mean_square, TABLE, {"w": "X.T @ (z - t)"}, "1/N of a mean is missing (N = 5, axis 0 of X)"),
    "001: the recursion steps one layer, not two": (
        three_layers, THREE, {"a1": "z1 * (1 - z1) * (W1.T @ da2)"}, "W1 stands where W2 belongs"),
    "001: σ′ of the wrong layer": (
        three_layers, THREE, {"a1": "z2 * (1 - z2) * (W2.T @ da2)"}, "the derivative of z1 = sigmoid(a1)"),
    "002, 003: the log-likelihood itself, without its minus": (
        softmax_layer, SOFTMAX, {"W": "outer(A, y - P)"}, "the sign is wrong"),
    "002 (7.33): step where the derivative of ReLU is meant": (
        relu_network, RELU, {"W1": "outer((z - t) * w2 * h, x)"}, "should be the derivative of h = ReLU(a1)"),
    "002, notation 16: the order of A and ∂L/∂Z": (
        softmax_layer, SOFTMAX, {"W": "outer(dZ, A)"}, "the factors are in the wrong order"),
    "004: V where its transpose belongs": (
        row_vectors, VECTORS, {"W": "outer(a, 2*(e-y) @ V * (1-c**2))"}, "V should be V.T"),
}  # fmt: skip


@pytest.mark.parametrize("title", ERRATA)
def test_the_errata_of_the_lectures(title):
    function, arguments, claims, mistake = ERRATA[title]

    (report,) = wg.check_work(function, *arguments, claims=claims)

    assert not report
    assert mistake in str(report.mistake)
    assert wg.check_work(function, *arguments, claims={report.name: report.corrected})


def test_sums_over_the_batch():
    def missing(claim):
        return wg.check_work(mean_square, *TABLE, claims={"b": claim})["b"]

    assert "a sum over axis 0 is missing" in missing("(z - t) / 5").mistake
    assert "shape: wrong; it is 5 and must be a number, as b is" in str(missing("(z - t) / 5"))
    assert "the factor 1/N" in missing("sum(z - t)").mistake

    def layer(b, X, W):
        Z = X @ W + b
        return np.sum(Z**2)

    arguments = (np.zeros(2), RNG.normal(size=(4, 3)), RNG.normal(size=(3, 2)))
    wrong = wg.check_work(layer, *arguments, claims={"b": "sum(2 * Z, axis=1)"})["b"]
    assert wrong.claimed_shape == (4,)
    assert "over the wrong axis" in wrong.mistake
    assert wrong.corrected == "sum(2 * Z, axis=0)"


def test_what_is_right_on_paper_alone_has_a_verdict_of_its_own_and_is_translated():
    report = wg.check_work(row_vectors, *VECTORS, claims={"W": RIGHT})["W"]
    assert not report
    assert report.verdict == "right on paper, not in NumPy"
    assert str(report).startswith("≈ ∂ε/∂W")
    assert "right on paper, with vectors as rows; not in NumPy" in report.mistake
    assert report.corrected == "outer(a, 2 * (e - y) @ V.T * (1 - c ** 2))"

    column = wg.check_work(relu_network, *RELU, claims={"W1": "((z - t) * w2 * (a1 > 0)) @ x.T"})["W1"]
    assert column.verdict == "right on paper, not in NumPy"
    assert "with vectors as columns" in column.mistake

    quoted = wg.check_work(relu_network, *RELU, claims={"W1": "((w2 @ h - t) * w2 * (a1 > 0)) @ x.T"})["W1"]
    assert quoted.corrected == "outer((w2 @ h - t) * w2 * (a1 > 0), x)"

    mixed = wg.check_work(relu_network, *RELU, claims={"W1": "(w2.T * (z - t) * (a1 > 0)) @ x.T"})["W1"]
    assert "w2 a row" in mixed.mistake
    assert mixed.corrected == "outer(w2 * (z - t) * (a1 > 0), x)"


def test_shapes_that_do_not_fit_are_shown_with_the_place():
    text = str(wg.check_work(row_vectors, *ROWS, claims={"W": "a @ (2*(e-y) @ V.T)"}))

    assert "shape: wrong; it must be 3×2, and the claim has none:" in text
    assert "the shapes do not fit: 1×3 @ 1×2\n      a @ (2*(e-y) @ V.T)\n        ^" in text


def test_numbers_are_compared_at_the_given_point():
    true = wg.grad(row_vectors, argnames="W")(*ROWS)

    def check(value):
        return wg.check_work(row_vectors, *ROWS, claims={"W": value})["W"]

    assert check(true)
    assert check(np.round(true, 4)).notes == ("rounded to 4 decimals",)
    assert check((-true).tolist()).mistake == "the sign is wrong"
    assert "a factor 2 is missing" in check(true / 2).mistake
    assert check(true.T).mistake == "it is the transpose of the gradient"
    assert "the sign of 1 of 6" in check(true * np.array([[1, 1], [1, -1], [1, 1]])).mistake
    assert (
        "1 of 6 entries are wrong, the first at [1, 1]"
        in check(true + np.eye(3, 2) * [[0], [1], [0]]).mistake
    )
    assert check(np.zeros((3, 2))).mistake is None
    assert "wrong at the given point" in str(check(np.zeros((3, 2))))


def test_a_kink_at_the_given_point_is_told_apart():
    arguments = (np.eye(2), np.array([1.0, 2.0]), np.array([1.0, 0.0]), 2.0)

    claim = {"W1": "outer((z - t) * w2 * (a1 >= 0), x)"}
    report = wg.check_work(relu_network, *arguments, claims=claim)["W1"]

    assert not report
    assert report.points_right == report.points - 1
    assert "a derivative jumps there" in report.mistake


def test_what_the_output_does_not_depend_on_has_gradient_0():
    def function(w, x):
        return np.sum(w**2)

    report = wg.check_work(function, np.ones(2), np.ones(3), claims={"x": "0 * x"})

    assert report
    assert "L does not depend on x, so the gradient is 0" in str(report)


def test_a_report_counts_and_is_indexed_by_name():
    report = wg.check_work(row_vectors, *ROWS, claims={"W": RIGHT, "V": "c.T @ (e - y)"})

    assert not report
    assert len(report) == 2
    assert [one.name for one in report] == ["W", "V"]
    assert repr(report) == "<work: 1 of 2 claims right>"
    with pytest.raises(KeyError):
        report["Q"]


@pytest.mark.parametrize(
    ("claims", "error", "part"),
    [
        ({"w": RIGHT}, ConfigurationError, "did you mean 'W'?"),
        ({"W": "a.T @ q"}, FormulaError, "claim for W: unknown name 'q'"),
        ({"W": "a.T @ ("}, FormulaError, "claim for W: the formula does not parse"),
        ({"W": "open('x')"}, FormulaError, "'open' is not on the list"),
        ({"W": {"a": 1}}, DTypeError, "give a formula as text, or numbers; got dict"),
        ({"W": [["x"]]}, DTypeError, "give a formula"),
        ({}, ConfigurationError, "claims is a mapping"),
        ("W", ConfigurationError, "claims is a mapping"),
    ],
)
def test_bad_claims(claims, error, part):
    with pytest.raises(error) as caught:
        wg.check_work(row_vectors, *ROWS, claims=claims)
    assert part in str(caught.value)


def test_bad_functions_and_points():
    with pytest.raises(GradientError, match="jacobian"):
        wg.check_work(lambda x: x**2, np.ones(2), claims={"x": "x"})
    with pytest.raises(GradientError, match="need floating numbers"):
        wg.check_work(lambda x, n: np.sum(x * n), np.ones(2), np.arange(2), claims={"n": "x"})
    with pytest.raises(GradientError, match="no floating argument"):
        wg.check_work(lambda: np.ones(()), claims={"x": "1"})
    with pytest.raises(ConfigurationError, match="points=1"):
        wg.check_work(lambda x: np.sum(x), np.ones(2), claims={"x": "1"}, points=1)
