"""Formulas given as text: what they mean, and that nothing else passes."""

import numpy as np
import pytest

from wengert.errors import FormulaError
from wengert.explain.formula.evaluator import evaluate
from wengert.explain.formula.parser import parse

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
        ("A.__class__", ".__class__ is not allowed; there are .T, .size", 0),
        ("1 + A.real", ".real is not allowed", 4),
        ("tahn(A)", "did you mean 'tanh'?", 0),
        ("__import__('os')", "'__import__' is not on the list", 0),
        ("np.linalg.inv(A)", "the function 'np.linalg.inv' is not on the list", 0),
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
