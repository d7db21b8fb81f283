"""Gradients in matrix notation as the literature has them; vectors are columns, denominator layout."""

import numpy as np
import pytest
from tests.explain.asked_functions import CASES
from tests.explain.test_asked_functions import assert_reads_as_the_gradient, assert_results_are_closed

import wengert as wg
from wengert.explain.formula.parser import parse
from wengert.explain.formula.traced_formula import FormulaFunction, arguments
from wengert.explain.matrix.symmetry import symmetric_lines
from wengert.explain.printers.blocks import plain

SHAPES = {"A": (4, 4), "B": (4, 4), "C": (4, 3), "x": (4,), "b": (4,)}
# Sections are those of the Matrix Cookbook (Petersen & Pedersen 2012).
RESULTS = [
    ("x @ A @ x", "x", "(A + Aᵀ) x"),  # 2.4
    ("norm(A @ x - b) ** 2", "x", "2 Aᵀ (A x − b)"),  # 2.4
    ("norm(x)", "x", "x/L"),  # 2.6
    ("trace(A @ B)", "A", "Bᵀ"),  # 2.5
    ("trace(A)", "A", "I"),  # 2.5
    ("trace(A.T @ B)", "A", "B"),  # 2.5
    ("norm(A @ C) ** 2", "C", "2 Aᵀ A C"),  # 2.5
    ("det(A)", "A", "L A⁻ᵀ"),  # 2.1
    ("np.linalg.slogdet(A)[1]", "A", "A⁻ᵀ"),  # 2.1
    ("x @ inv(A) @ b", "A", "−A⁻ᵀ x bᵀ A⁻ᵀ"),  # 2.2
    ("x @ solve(A, b)", "b", "A⁻ᵀ x"),  # 2.4
    ("trace(inv(A))", "A", "−A⁻ᵀ A⁻ᵀ"),  # 2.2
    ("0.5 * x @ A @ x - b @ x", "x", "1/2 (A + Aᵀ) x − b"),  # 2.4
    ("sum(solve(A, b))", "A", "−A⁻ᵀ 𝟏 bᵀ A⁻ᵀ"),  # 2.2
    ("log(det(C.T @ C))", "C", "2 C u1⁻¹"),  # 2.1.3; u1 is CᵀC, its own transpose
    ("sqrt(x @ A @ x)", "x", "1/2 (A + Aᵀ) x/L"),  # 2.4, by the chain rule
    ("x @ b / (norm(x) * norm(b))", "x", "b/(r1 r2) − L x/(r1)²"),
    ("sum(b * x**2)", "x", "2 b ⊙ x"),
    ("exp(1.702 * sum(x))", "x", "1.702 L 𝟏"),
    ("sum(B * outer(x, x))", "x", "(B + Bᵀ) x"),  # x xᵀ is symmetric, its adjoint B is not
    ("sum(log(cosh(x)))", "x", "tanh(x)"),
    ("sum(diag(A) ** 2)", "A", "2 A ⊙ I"),  # 2.1.1 of the sum of squares
    ("sum(tanh(diag(A)))", "A", "diag(1 − tanh(diag(A))²)"),
    ("(x[0] - A[1, 2]) ** 2", "x", "2 (x_1 − a_23) e_1"),
    ("sum(log(abs(x)))", "x", "1/x"),
    ("1 - 2 * sum(x * b) / (sum(x) + sum(b))", "x", "(2 xᵀ b/u2 · 𝟏 − 2 b)/u2"),  # Milletari et al. 2016
    ("sum(x * (1 + erf(x / sqrt(2))) / 2)", "x", "1/2 (1 + erf(1/√(2) x) + √(2/π) x ⊙ exp(−1/2 x²))"),
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


def log_sum_exp(z, y):
    m = np.max(z)
    return np.log(np.sum(np.exp(z - m))) + m - y @ z


def rows_of_log_sum_exp(Z, T):
    M = np.max(Z, axis=1, keepdims=True)
    return -np.sum(T * (Z - np.log(np.sum(np.exp(Z - M), axis=1, keepdims=True)) - M))


@pytest.mark.parametrize(
    ("function", "shape", "expected"),
    [
        (CASES["shifted_softmax"][0], (4,), "p − y"),
        (log_sum_exp, (4,), "softmax(z) − y"),
        (rows_of_log_sum_exp, (3, 4), "softmax(Z) − T"),
    ],
)
def test_the_maximum_that_code_subtracts_against_overflow_cancels(function, shape, expected):
    # Bishop 2006, section 4.3.4: the derivative of the cross-entropy by the activations is y − t.
    rng = np.random.default_rng(4)
    targets = rng.dirichlet(np.ones(shape[-1]), shape[:-1])
    arguments = (rng.normal(size=shape) + 1000, targets)
    derivation = wg.explain(function, *arguments, view="matrix", wrt=("z", "Z")[len(shape) - 1])
    (result,) = [section for section in derivation.tree.sections if section.title == "Result"]

    assert plain(result.steps[-1].after) == expected
    assert "max_" not in str(derivation)


def test_a_norm_at_zero_keeps_its_guard():
    text = str(wg.explain(lambda x: np.linalg.norm(x), np.zeros(2)))

    assert "if [Σ_i x_i² = 0]" in text
    assert "[0  0]" in text


def test_a_singular_matrix_has_a_determinant_without_an_inverse():
    derivation = wg.explain(lambda A: np.linalg.det(A), np.diag([1.0, 2.0, 0.0]))

    assert "⁻" not in str(derivation)
    assert derivation.verification.lines > 0


def test_an_elementwise_product_over_a_number_is_enclosed_within_a_product_of_matrices():
    def kernel_sum(K, l):
        return np.sum(np.exp(-K * K / (2 * l**2)))

    derivation = wg.explain(kernel_sum, np.ones((2, 3)), 1.5, wrt="l", view="matrix", notation="columns")
    (section,) = [one for one in derivation.tree.sections if one.title == "Result"]
    assert plain(section.steps[-1].after) == "𝟏ᵀ (exp(−1/2 K²/l²) ⊙ K²) 𝟏/l³"


@pytest.mark.parametrize(
    ("text", "symmetric"),
    [
        ("C.T @ C", True),
        ("C @ C.T", True),
        ("outer(x, x)", True),
        ("exp(C.T @ C) + 1", True),
        ("inv(A @ A.T)", True),
        ("(C.T @ C).T", True),
        ("A @ A", False),
        ("A.T @ B", False),
        ("outer(x, b)", False),
        ("A + C @ C.T", False),
        ("inv(A)", False),
    ],
)
def test_symmetric_is_what_is_so_for_all_arguments(text: str, symmetric: bool) -> None:
    function = FormulaFunction(parse(text))
    given = arguments(function, {one: SHAPES[one] for one in function.names})
    values = [np.asarray(one, np.float64) for one in given.values()]
    program = wg.trace(function, *values)
    (output,) = program.outputs

    assert (output in symmetric_lines(program)) == symmetric
    value = np.asarray(function(*values))
    assert np.allclose(value, value.T) == symmetric
