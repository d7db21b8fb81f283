from typing import Any

import numpy as np
import pytest
from tests.explain import lectures

import wengert as wg


@pytest.mark.parametrize("name", lectures.CASES)
def test_the_pages_show_what_is_derived(name: str) -> None:
    shown = (lectures.PAGES / f"{name}.md").read_text(encoding="utf-8")

    assert shown == lectures.page(name)


def _result(derivation: wg.Derivation, name: str) -> np.ndarray:
    (step,) = [
        step
        for section in derivation.tree.sections
        if section.title == "Result"
        for step in section.steps
        if step.truth.by.symbol.name == name
    ]
    assert step.value is not None
    return step.value


def test_linear_regression_keeps_the_sign_that_the_notes_drop() -> None:
    derivation = lectures.linear_regression()[0]

    np.testing.assert_allclose(_result(derivation, "w"), [1, 0])
    np.testing.assert_allclose(_result(derivation, "b"), 1)
    updates = [step for step in derivation.tree.steps if step.relation == "←"]
    np.testing.assert_allclose(updates[0].value, [[0.5, 0]])
    np.testing.assert_allclose(updates[1].value, [[1.5]])
    assert "w ← w − 1/2 ∂J/∂w = [0.5  0]" in str(derivation)


def test_the_relu_network_is_updated_as_by_hand() -> None:
    derivation = lectures.relu_network()[0]
    text = str(derivation)

    updates = [step.value for step in derivation.tree.steps if step.relation == "←"]
    np.testing.assert_allclose(updates[0], [[2, 0], [0, 1]])
    np.testing.assert_allclose(updates[1], [[2], [2]])
    assert "∂J/∂W1 =  δ1  xᵀ = ⎡−1  0⎤" in text


def test_row_vectors_give_the_sum_over_k_and_the_matrices_of_the_lecture() -> None:
    by_index, in_matrices = map(str, lectures.row_vectors())

    assert "∂ε/∂w_ij = Σ_k 2 (e_k − y_k) v_jk (1 − c_j²) a_i" in by_index
    assert "∂ε/∂v_jk = 2 (e_k − y_k) c_j" in by_index
    assert "∂ε/∂c = ∂ε/∂e  Vᵀ" in in_matrices
    assert "∂ε/∂W =  aᵀ ∂ε/∂b" in in_matrices


def test_the_log_loss_and_the_sigmoid_cancel_to_y_minus_t() -> None:
    assert "     = y − t    " in str(lectures.log_loss()[0])


def test_softmax_and_cross_entropy_cancel_because_the_target_sums_to_one() -> None:
    text = str(lectures.neuron_and_layers()[0])

    assert "the elements of y sum to 1" in text
    assert "δ2 =  A2 −  y" in text


def test_both_contributions_meet_at_t() -> None:
    walk = lectures.adjoint_walk()[0]

    lines = [line for line in str(walk).splitlines() if line.strip().startswith("∂J/∂t +=")]
    assert len(lines) == 2
    x = 0.5
    expected = -np.sin(np.sin(x**2) + 3 * x**2) * (np.cos(x**2) + 3) * 2 * x
    np.testing.assert_allclose(_result(walk, "x"), expected)


def test_layouts_and_notations_transpose_what_they_should() -> None:
    def function(W: np.ndarray, x: np.ndarray) -> float:
        return np.sum(np.tanh(x @ W))

    W, x = np.ones((3, 2)), np.array([1.0, 2.0, 3.0])
    rows = str(wg.explain(function, W, x, wrt="W", view="matrix"))
    columns = str(wg.explain(function, W, x, wrt="W", view="matrix", notation="columns"))
    numerator = wg.explain(function, W, x, wrt="W", view="matrix", layout="numerator")

    assert "z1 =  x   W" in rows
    assert "z1 =  Wᵀ  x" in columns
    assert "∂L/∂W =  x  (∂L/∂z1)ᵀ" in columns
    assert _result(numerator, "W").shape == (2, 3)


def test_the_notation_of_6390_names_the_layers_of_a_network() -> None:
    net = wg.nn.Sequential(wg.nn.Dense(3, 2, activation="tanh"), wg.nn.Dense(2, 2)).initialise(0)

    def loss(net: Any, x: Any, y: Any) -> Any:
        return np.sum((net(x) - y) ** 2)

    def derived(notation: str, view: str = "matrix") -> wg.Derivation:
        x, y = np.array([1.0, 2.0, 3.0]), np.ones(2)
        return wg.explain(loss, net, x, y, wrt="net", view=view, notation=notation)

    text = str(derived("mit"))
    assert "Z1 = (W1)ᵀ  x  + W₀1\n        2×3  3×1   2×1" in text
    assert "A1 = tanh( Z1)" in text
    assert "W of shape m×n" in text
    assert "∂L/∂w₀1_j" in str(derived("mit", "index"))
    assert "W₀" not in str(derived("columns"))
    latex = derived("mit").to_latex()
    assert "{W_{0}}^{(1)}" in latex
    assert "₀" not in latex
    # The last layer has no activation, and its target is subtracted at once: it is a layer all the same.
    layers = str(derived("mit", "delta"))
    assert "δ2 at the output" in layers
    assert "∂L/∂W2 = " in layers
