"""Gradients in matrix notation as the literature has them; vectors are columns, denominator layout."""

import numpy as np
import pytest
from tests.explain.test_asked_functions import assert_reads_as_the_gradient, assert_results_are_closed

import wengert as wg
from wengert.explain.formula.parser import parse
from wengert.explain.formula.traced_formula import FormulaFunction, arguments
from wengert.explain.printers.blocks import plain

SHAPES = {"A": (4, 4), "B": (4, 4), "C": (4, 3), "x": (4,), "b": (4,)}
# Numbers are those of the Matrix Cookbook (Petersen & Pedersen 2012), with ‖·‖ from Boyd & Vandenberghe 2004, A.4.
RESULTS = [
    ("x @ A @ x", "x", "(A + Aᵀ) x"),  # (81)
    ("norm(A @ x - b) ** 2", "x", "2 Aᵀ (A x − b)"),  # (84)
    ("norm(x)", "x", "x/L"),  # (129)
    ("trace(A @ B)", "A", "Bᵀ"),  # (100)
    ("trace(A)", "A", "I"),  # (99)
    ("trace(A.T @ B)", "A", "B"),  # (103)
    ("norm(A @ C) ** 2", "C", "2 Aᵀ A C"),  # (115)
    ("det(A)", "A", "L A⁻ᵀ"),  # (49)
    ("np.linalg.slogdet(A)[1]", "A", "A⁻ᵀ"),  # (57)
    ("x @ inv(A) @ b", "A", "−A⁻ᵀ x bᵀ A⁻ᵀ"),  # (61)
    ("x @ solve(A, b)", "b", "A⁻ᵀ x"),  # (70)
    ("trace(inv(A))", "A", "−A⁻ᵀ A⁻ᵀ"),  # (64)
]


def derived(text: str, name: str, view: str) -> tuple[wg.Derivation, FormulaFunction, tuple]:
    function = FormulaFunction(parse(text))
    given = arguments(function, {one: SHAPES[one] for one in function.names})
    values = tuple(np.asarray(one, np.float64) for one in given.values())
    return wg.explain(function, *values, wrt=name, view=view, notation="columns"), function, values


@pytest.mark.parametrize(
    ("text", "name", "expected"), RESULTS, ids=[f"{one[0]} by {one[1]}" for one in RESULTS]
)
def test_a_result_is_that_of_the_textbook(text: str, name: str, expected: str) -> None:
    derivation, function, values = derived(text, name, "matrix")
    (result,) = [section for section in derivation.tree.sections if section.title == "Result"]

    assert plain(result.steps[-1].after) == expected
    assert_results_are_closed(derivation)
    assert_reads_as_the_gradient(derivation.view("index"), function, values)
