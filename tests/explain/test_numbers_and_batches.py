"""Values in place of names, batches as means of examples, Jacobians as tensors."""

import json

import numpy as np
import pytest
from tests.explain import lectures
from tests.explain.random_programs import index_derivation, random_function

import wengert as wg
from wengert import nn
from wengert.errors import ConfigurationError
from wengert.explain.index.index_values import Evaluation
from wengert.explain.printers.instances import instance, largest_element
from wengert.explain.views.tensor_view import _memory

NET = nn.Sequential(nn.Dense(4, 3, "relu"), nn.Dense(3, 3)).initialise(seed=0)
X, LABELS = np.array([[1.0, 2.0, 0.0, -1.0], [0.5, 1.0, 1.0, 1.0]]), np.array([2, 0])


def mean_square(w, b, X, t):
    z = X @ w + b
    J = 0.5 * np.mean((t - z) ** 2)
    return J


ROWS = (np.array([1.0, 0.0]), 2.0, np.array([[1.0, 0.0], [0.0, 2.0], [1.0, 1.0]]), np.array([2.0, 3.0, 0.0]))


def sigmoid_network(W1, w2, x, c):
    a1 = W1 @ x
    h = wg.sigmoid(a1)
    z = wg.sigmoid(w2 @ h)
    J = 0.5 * (c - z) ** 2
    return J


SIGMOID = (np.array([[1.0, -1.0], [0.5, 2.0]]), np.array([1.0, -2.0]), np.array([1.0, 0.5]), 1.0)


@pytest.mark.parametrize("first", range(0, 60, 20))
def test_an_element_worked_out_is_that_of_the_line(first):
    for seed in range(first, first + 20):
        function, arguments = random_function(seed)
        shown = wg.explain(function, *arguments, view="adjoint") if seed % 2 else index_derivation(seed)
        evaluation = Evaluation(shown._problem.points[0], {})
        for step in shown.tree.steps:
            places = largest_element(step)
            if places is None or step.value is None:
                continue
            element = evaluation.run(instance(step.after, places, shorten=False), ())
            expected = np.asarray(step.value)[tuple(places.values())]
            np.testing.assert_allclose(element, expected, rtol=1e-7, atol=1e-9)
            assert abs(expected) == np.max(np.abs(step.value))


@pytest.mark.parametrize("view", ["index", "matrix", "delta", "adjoint", "batch"])
def test_every_view_has_the_numbers_in_place(view):
    plain = wg.explain(mean_square, *ROWS, wrt=["w", "b"], view=view)
    numbers = wg.explain(mean_square, *ROWS, wrt=["w", "b"], view=view, numbers=True)

    assert len(str(numbers)) > len(str(plain)) + 100
    assert "<mn>" in numbers.to_html()
    assert numbers.to_latex(standalone=True).isascii()


def test_the_numbers_shown_are_true_and_long_sums_are_cut():
    def function(x, w):
        return np.sum(np.square(x) * w)

    x, w = np.arange(1.0, 10.0), np.full(9, 2.0)
    text = str(wg.explain(function, x, w, wrt="x", numbers=True))

    assert "L = 1² · 2 + 2² · 2 + … + 9² · 2 = 570" in text
    assert "∂L/∂x_9 = 2 · 9 · 2 = 36" in text


def test_a_dot_stands_between_a_number_and_a_power_or_quotient_of_numbers():
    assert "L = 1/2 · 2² = 2" in str(wg.explain(lambda a: 0.5 * a**2, 2.0, numbers=True))
    text = str(wg.explain(lambda a, b: 0.5 * a / (1 + b**2) ** 2, 2.0, 3.0, numbers=True))
    assert "L = 1/2 · 2/(1 + 3²)²" in text


def test_the_lecture_by_hand():
    text = str(wg.explain(*_row_vectors(), wrt=["V", "W"], numbers=True))

    assert "∂ε/∂c_1 = 2 (0.4621 − 0) · 1 + 2 (0.9242 − 1) · 2 = 0.6212" in text
    assert "∂c_2/∂b_2 = 1 − 0² = 1" in text


def _row_vectors():
    def network(a, W, V, y):
        b = a @ W
        c = np.tanh(b)
        e = c @ V
        epsilon = np.sum((e - y) ** 2)
        return epsilon

    return (
        network, np.array([1.0, 0.0, -1.0]), np.array([[1.0, 0.0], [2.0, -1.0], [0.5, 0.0]]),
        np.array([[1.0, 2.0], [0.0, -1.0]]), np.array([0.0, 1.0]),
    )  # fmt: skip


def test_a_batch_is_the_mean_of_its_examples():
    derivation = wg.explain(mean_square, *ROWS, wrt=["w", "b"], view="batch", numbers=True)
    text = str(derivation)

    assert "z = Σ_i x_i w_i + b" in text  # one example has no index n
    assert "J = 1/3 Σ_n J⁽ⁿ⁾ = " in text
    assert "∂J/∂w_i = 1/3 Σ_n ∂J⁽ⁿ⁾/∂w_i" in text
    assert "∂J/∂w = ∂J/∂z  X" in str(wg.explain(mean_square, *ROWS, wrt="w", view="batch"))
    (section,) = [one for one in derivation.tree.sections if one.title == "The mean over the examples"]
    np.testing.assert_allclose(section.steps[1].value, wg.grad(mean_square)(*ROWS))
    assert derivation.verify(points=2).points == 2


def test_a_batch_of_a_network_and_of_a_sum():
    text = str(wg.explain(NET, X, LABELS, loss=nn.nllm_from_logits, view="batch", wrt="layers.0.weight"))
    assert "∂L/∂w1_ij = 1/2 Σ_n ∂L⁽ⁿ⁾/∂w1_ij" in text

    summed = wg.explain(lambda w, X, t: np.sum((X @ w - t) ** 2), ROWS[0], *ROWS[2:], wrt="w", view="batch")
    assert "The sum over the examples" in str(summed)
    assert "L = Σ_n L⁽ⁿ⁾" in str(summed)


@pytest.mark.parametrize(
    ("function", "arguments", "part"),
    [
        (lambda w: np.sum(w**2), (ROWS[0],), "no argument counts examples"),
        (lambda w, X: np.max(X @ w), (ROWS[0], ROWS[2]), "neither the mean nor the sum"),
    ],
)
def test_what_is_no_batch(function, arguments, part):
    with pytest.raises(ConfigurationError, match=part):
        wg.explain(function, *arguments, wrt="w", view="batch")


def test_only_examples_have_the_index_n():
    deep = nn.Sequential(nn.Dense(4, 3, "relu"), nn.Dense(3, 5, "relu"), nn.Dense(5, 3)).initialise(seed=0)

    one = str(wg.explain(deep, X[0], LABELS[0], loss=nn.nllm_from_logits, wrt="layers.0.weight"))
    assert "_n" not in one
    batch = str(wg.explain(deep, X, LABELS, loss=nn.nllm_from_logits, wrt="layers.0.weight"))
    assert "z1_nj = Σ_i x_ni w1_ij + b1_j" in batch


def test_the_tensor_its_slices_and_its_unfolding():
    derivation = wg.explain(
        sigmoid_network, *SIGMOID, wrt=["W1"], view="matrix", notation="columns", tensors=True
    )
    text = str(derivation)

    assert "∂a1/∂W1 is of shape 2×(2×2): 8 entries, 64 bytes. The gradient has 4, 32 bytes" in text
    assert "∂a1_1/∂W1 = ⎡x_1  x_2⎤" in text
    assert "∂a1/∂W1 = ⎡x_1  x_2    0    0⎤" in text
    assert "            ⎣  0    0  x_1  x_2⎦" in text
    assert "[∂J/∂a1_1 · x_1  ∂J/∂a1_1 · x_2  ∂J/∂a1_2 · x_1  ∂J/∂a1_2 · x_2]" in text
    assert "∂J/∂W1 = ∂J/∂a1  xᵀ" in text
    assert derivation.to_latex(standalone=True).isascii()
    assert json.loads(derivation.to_json())["sections"][-1]["title"] == "Jacobians as tensors"
    assert "⎡1  0.5  0    0⎤" in str(
        wg.explain(sigmoid_network, *SIGMOID, wrt=["W1"], notation="columns", tensors=True, numbers=True)
    )


def test_a_tensor_of_ordinary_size_is_counted_and_never_built():
    rng = np.random.default_rng(0)
    arguments = (rng.normal(size=(128, 784)) * 0.05, rng.normal(size=128), rng.normal(size=784), 1.0)

    text = str(wg.explain(sigmoid_network, *arguments, wrt="W1", notation="columns", tensors=True))

    assert "12,845,056 entries, 103 MB. The gradient has 100,352, 803 kB" in text
    assert "⎡x_1  x_2  …  x_783  x_784⎤" in text
    assert (_memory(1), _memory(10**12)) == ("8 bytes", "8 TB")


def test_a_batch_has_a_tensor_of_rank_4_that_is_only_counted():
    text = str(wg.explain(NET, X, LABELS, loss=nn.nllm_from_logits, wrt="layers.0.weight", tensors=True))

    assert "∂z1/∂W1 is of shape (2×3)×(4×3): 72 entries" in text
    assert "No vector or matrix is computed directly from a matrix" in str(
        wg.explain(lambda x: x**2, 1.0, tensors=True)
    )


def test_the_update_is_checked_like_any_line():
    derivation = lectures.relu_network()[0]

    (update,) = [section for section in derivation.tree.sections if section.title == "Update"]
    assert [step.relation for step in update.steps] == ["←", "←"]
    numerator = wg.explain(mean_square, *ROWS, wrt="w", layout="numerator", step_size=0.5)
    np.testing.assert_allclose(
        np.squeeze(numerator.tree.sections[-1].steps[0].value), ROWS[0] - 0.5 * wg.grad(mean_square)(*ROWS)
    )
