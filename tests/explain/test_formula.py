"""Formulas given as text: what they mean, and that nothing else passes."""

import numpy as np
import pytest

import wengert as wg
from wengert.errors import FormulaError, LimitError
from wengert.explain.formula.evaluator import evaluate
from wengert.explain.formula.parser import parse
from wengert.explain.formula.traced_formula import FormulaFunction

A = np.arange(6.0).reshape(2, 3)
V = np.array([1.0, -2.0, 0.5])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A @ v", A @ V),
        ("-A.T + 1", 1 - A.T),
        ("b = A @ v; tanh(b) ** 2", np.tanh(A @ V) ** 2),
        ("np.sum(A, axis=0)", A.sum(axis=0)),
        ("sum(A, 1)", A.sum(axis=1)),
        ("A.mean(axis=1, keepdims=True)", A.mean(axis=1, keepdims=True)),
        ("A[0, 1:] * 2", A[0, 1:] * 2),
        ("A[:, None, -1]", A[:, None, -1]),
        ("(v > 0) * v", np.maximum(V, 0)),
        ("outer(v, ones_like(v)) / 2e1", np.outer(V, np.ones(3)) / 20),
        ("where(v > 0, v, 0)", np.maximum(V, 0)),
        ("relu(v)", np.maximum(V, 0)),
        ("2 ** -1", 0.5),
        ("c = dot(v, v)", V @ V),
        ("trace(A @ A.T) + np.trace(A.T @ A)", 2 * np.trace(A @ A.T)),
        (
            "np.linalg.norm(v) + norm(A) + np.linalg.norm(A, axis=1)[0]",
            np.linalg.norm(V) + np.linalg.norm(A) + np.linalg.norm(A[0]),
        ),
        (
            "det(A @ A.T) + np.linalg.slogdet(A @ A.T)[1]",
            np.linalg.det(A @ A.T) + np.linalg.slogdet(A @ A.T)[1],
        ),
        ("solve(A @ A.T, A) + np.linalg.inv(A @ A.T) @ A", 2 * np.linalg.solve(A @ A.T, A)),
        ("np.einsum('ij,j->i', A, v)", A @ V),
        ("A.reshape(3, 2) + np.reshape(A, (3, -1)) + A.reshape((3, 2))", 3 * A.reshape(3, 2)),
        ("A.reshape(A.size)[:4:2]", A.reshape(-1)[:4:2]),
        ("np.ones(A.shape) + zeros((2, 3)) + ones_like(A)", np.full((2, 3), 2.0)),
        ("np.eye(len(v)) @ v + np.eye(3)[0]", V + np.eye(3)[0]),
        ("A.shape[1] * A.ndim", 6),
        ("np.concatenate([v, 2 * v]) + np.stack((v, v), axis=0).ravel()", np.concatenate([2 * V, 3 * V])),
        ("((v > 0) & ~(v > 2) | (v == -2)) * np.pi", np.full(3, np.pi)),
        ("np.var(A, axis=0, ddof=1) + A.std()", A.var(axis=0, ddof=1) + A.std()),
        (
            "np.arctan2(v, 1) + np.log1p(v**2) - clip(v, -1, 1)",
            np.arctan2(V, 1) + np.log1p(V**2) - np.clip(V, -1, 1),
        ),
        ("np.arange(3) % 2 + 7 // 2", np.array([3.0, 4, 3])),
    ],
)
def test_a_formula_is_worth_what_numpy_says(text, expected):
    np.testing.assert_allclose(evaluate(parse(text), {"A": A, "v": V}), expected)


@pytest.mark.parametrize(
    ("text", "part", "column"),
    [
        ("(A @", "never closed", 0),
        ("A @ w", "unknown name 'w'", 4),
        ("1 + alpha", "did you mean 'Alpha'?", 4),
        ("A^2", "write **", 2),
        ("A @ A", "the shapes do not fit: 2×3 @ 2×3", 2),
        ("α @ A", "a number @ 2×3; @ is for arrays, and a name without a shape is a number", 2),
        ("len(α)", "a number has no length", 0),
        ("v + (A).T", "the shapes do not fit: 3 + 3×2", 2),
        ("A.__class__", ".__class__ is not allowed; there are .T, .shape, .size", 0),
        ("1 + A.real", ".real is not allowed", 4),
        ("sigmod(A)", "did you mean 'sigmoid'?", 0),
        ("__import__('os')", "'__import__' is not on the list", 0),
        ("np.linalg.eig(A)", "the function 'np.linalg.eig' is not on the list", 0),
        ("np.linalg.sum(A)", "the function 'np.linalg.sum' is not on the list", 0),
        ("np.random.normal(A)", "the method .normal() is not allowed", 0),
        ("np.load('x')", "'np.load' is not on the list", 0),
        ("A.shape * 3", "a shape is no number", 0),
        ("einsum('ij,ij', A, 'x')", "is not a number", 19),
        ("A.shape.T", "a shape has no .T", 0),
        ("A.shape.max()", "a shape has no .max", 0),
        ("A.tofile('x')", "the method .tofile() is not allowed", 0),
        ("(lambda: 1)()", "only functions of the list", 0),
        ("A['x']", "whole number", 2),
        ("A[v]", "whole number", 2),
        ("'x'", "is not a number", 0),
        ("True", "is not a number", 0),
        ("1j", "is not a number", 0),
        ("[1, 2]", "not allowed in a formula", 0),
        ("A if 1 else A", "if … else is not allowed", 0),
        ("import os", "expressions and assignments", 0),
        ("a.b = 1; a", "expressions and assignments", 0),
        ("_a + 1", "'_a' is not allowed as a name", 0),
        ("sum(A, out=A)", "no option 'out'", 11),
        ("tanh(A, A)", "tanh takes 1 argument, not 2", 0),
        ("9**9**9**9", "too large", 4),
        ("1 / 0", "division by zero", 2),
        ("(-1) ** 0.5", "root of a negative number", 5),
        ("A[7]", "out of bounds", 0),
        ("α + A @ A", "the shapes do not fit", 6),
    ],
)
def test_all_else_is_refused_with_a_caret_at_the_place(text, part, column):
    with pytest.raises(FormulaError) as caught:
        evaluate(parse(text), {"A": A, "v": V, "Alpha": V, "α": 1.0})

    message, line, caret = str(caught.value).split("\n")
    assert part in message
    assert line == f"  {text}"
    assert caret == f"  {' ' * column}^"


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "is empty"),
        (" # nothing", "is empty"),
        ("1+" * 3000 + "1", "characters"),
        ("-" * 100 + "1", "nested more than"),
        ("(" * 300 + "1" + ")" * 300, "does not parse"),
        ("A\0", "does not parse"),
        ("A = 1; A", "which is given"),
    ],
)
def test_formulas_out_of_all_proportion_are_refused(text, part):
    with pytest.raises(FormulaError, match=part):
        evaluate(parse(text), {"A": A})


@pytest.mark.parametrize(
    "text",
    [
        "np.eye(10**6)",
        "np.eye(3000, 3000, 1)",
        "ones((3000, 3000))",
        "np.broadcast_to(v, (10**7, 3))",
        "np.arange(10**9)",
        "np.full((10**9,), 1)",
        "einsum('a,b,c->abc', np.ones(300), np.ones(300), np.ones(300))",
        "einsum('a,b,c,d->a', np.ones(300), np.ones(300), np.ones(300), np.ones(300))",
        "np.linalg.det(np.ones((1500, 1500)))",
        "einsum('...i,...i', v, v)",
    ],
)
def test_what_would_take_too_much_is_refused_before_it_is_done(text):
    with pytest.raises(LimitError):
        evaluate(parse(text), {"A": A, "v": V})


def test_pi_is_the_constant_unless_it_is_given() -> None:
    text = "sin(pi * x)"
    assert FormulaFunction(parse(text)).names == ("x",)
    assert FormulaFunction(parse(text))(0.5) == 1
    assert FormulaFunction(parse(text), {"pi"}).names == ("pi", "x")
    assert FormulaFunction(parse("pi = 2; pi * x"))(3.0) == 6
    assert wg.check_work(lambda x: np.sin(np.pi * x), 0.3, claims={"x": "pi * cos(pi * x)"})
