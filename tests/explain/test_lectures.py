from typing import Any

import numpy as np
import pytest
from tests.explain import lectures

import wengert as wg
from wengert.errors import ConfigurationError


def _result(derivation: wg.Derivation, name: str) -> np.ndarray:
    (step,) = [
        step
        for section in derivation.tree.sections
        if section.title == "Result"
        for step in section.steps
        if step.reference.by.symbol.name == name
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
    assert "w ← w − 1/2 ∂J/∂w = [1  0] − 1/2 [1  0] = [0.5  0]" in str(derivation)


def test_the_relu_network_is_updated_as_by_hand() -> None:
    derivation = lectures.relu_network()[0]
    text = str(derivation)

    updates = [step.value for step in derivation.tree.steps if step.relation == "←"]
    np.testing.assert_allclose(updates[0], [[2, 0], [0, 1]])
    np.testing.assert_allclose(updates[1], [[2], [2]])
    assert "∂J/∂W1 = δ1 xᵀ = ⎡−1⎤ [1  0] = ⎡−1  0⎤" in text


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
    contributions = [line for line in lines if "in numbers" not in line]
    assert len(contributions) == 2
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
    assert "shape 2×3" in str(numerator)
    assert "shape 3×2" not in str(numerator)


def test_the_hinge_loss_has_its_minus_signs_in_front() -> None:
    def hinge(z: np.ndarray, t: np.ndarray) -> float:
        return np.mean(np.maximum(0, 1 - t * z))

    text = str(wg.explain(hinge, np.array([0.5, 2.0, -1.0]), np.ones(3), wrt="z", view="matrix"))

    assert "L = 1/3 max(0, 1 −  t  ⊙  z )" in text
    assert "∂L/∂z = −1/3 [1 −  t  ⊙  z  > 0] ⊙  t" in text


def test_what_has_no_form_in_matrices_is_told_with_its_line() -> None:
    text = str(wg.explain(lambda A: np.sum(np.cumsum(A, axis=0)), np.ones((2, 2)), view="matrix"))

    assert "u1 (shape 2×2) has no form in matrices: it is np.cumsum(A, axis=0). See its index form." in text


def test_a_matrix_of_one_row_is_a_vector_among_the_jacobians() -> None:
    def function(V: np.ndarray, c: np.ndarray) -> float:
        return np.sum((c @ V) ** 2 + c @ V)

    text = str(wg.explain(function, np.eye(2), np.ones((1, 2)), view="matrix"))

    assert "∂z1/∂c =  V\n" in text
    assert "∂z1/∂V is of shape (1×2)×(2×2): 8 entries" in text


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


NETWORKS = {
    # Activations, loss and target of a network with 2 units and 1 or 2 outputs; names that must appear.
    "000": (
        ("sigmoid", "sigmoid"), "half_squared_error", [1.0],
        ("h1 = σ( a1)", "z = σ(a2)", "J = 1/2 (z − c)²"),
    ),
    "001": (
        ("sigmoid", "sigmoid"), "nll", [1.0],
        ("z1 = σ( a1)", "y = σ(a2)", "L = −(t ln(y) + (1 − t) ln(1 − y))"),
    ),
    "002": (
        ("tanh", "identity"), "nllm_from_logits", 1,
        ("Z1 = (W1)ᵀ  x  + W₀1", "A1 = tanh( Z1)", "L =  yᵀ"),
    ),
    "003": (
        ("sigmoid", "sigmoid"), "nll", [1.0],
        ("a =  αᵀ  x  +  α₀", "z = σ( a )", "y = σ(b)", "J = −(y* ln(y)"),
    ),
    "004": (
        ("tanh", "identity"), "squared_error", [0.0, 1.0],
        ("b =  a   W", "c = tanh( b )", "e =  c   V", "ε = ‖ e  −  y ‖²"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("style", NETWORKS)
def test_a_network_in_the_names_of_each_lecture(style: str) -> None:
    (hidden, last), loss, target, parts = NETWORKS[style]
    layers = [wg.nn.Dense(3, 2, hidden), wg.nn.Dense(2, 1 if target == [1.0] else 2, last)]
    net = wg.nn.Sequential(*layers).initialise(0, dtype=np.float64)

    def explain(**options: Any) -> wg.Derivation:
        x, t = np.array([1.0, 2.0, 0.0]), np.asarray(target)
        return wg.explain(net, x, t, loss=wg.nn.LOSSES[loss], style=style, view="matrix", **options)

    text = str(explain())
    for part in parts:
        assert part in text
    columns = "A vector is a row." if style == "004" else "A vector is a column"
    assert columns in text
    assert "A vector is a row." in str(explain(notation="rows"))  # what is said goes before what is implied
    assert explain(wrt="layers.0.weight").to_latex(standalone=True).isascii()


def test_a_function_in_the_names_of_a_lecture_and_names_of_ones_own() -> None:
    def function(M: Any, N: Any, u: Any, goal: Any) -> Any:
        return np.sum((np.tanh(u @ M) @ N - goal) ** 2)

    arguments = (np.ones((3, 2)), np.ones((2, 2)), np.array([1.0, 0.0, -1.0]), np.zeros(2))
    text = str(wg.explain(function, *arguments, wrt=["M", "N"], style="004"))
    assert "∂ε/∂w_ij = Σ_k 2 (e_k − y_k) v_jk (1 − c_j²) a_i" in text
    own = str(wg.explain(function, *arguments, wrt=["M", "N"], style="004", names={"M": "Q"}))
    assert "b_j = Σ_i a_i q_ij" in own


def test_a_target_that_the_output_is_subtracted_from_is_no_bias() -> None:
    def factorised(U: Any, V: Any, M: Any) -> Any:
        return np.sum((M - U @ V) ** 2) + 0.1 * np.sum(U**2)

    text = str(
        wg.explain(factorised, np.ones((2, 3)), np.ones((3, 4)), np.zeros((2, 4)), wrt="U", style="001")
    )
    assert "2 Σ_k (t_ik − y_ik) x_jk" in text


@pytest.mark.parametrize(
    ("style", "layers", "part"),
    [
        ("005", 1, "did you mean"),
        ("004", 3, "2 layers, and here are 3"),
        ("004", 0, "here are none"),
    ],
)
def test_a_style_that_does_not_fit_is_refused(style: str, layers: int, part: str) -> None:
    def function(W: Any, x: Any) -> Any:
        for _ in range(layers):
            x = np.tanh(x @ W)
        return np.sum(x**2)

    with pytest.raises(ConfigurationError, match=part):
        wg.explain(function, np.ones((2, 2)), np.ones(2), wrt="W" if layers else "x", style=style)
