"""Networks, trained or not, explained with a loss at one sample or a batch."""

import numpy as np
import pytest

import wengert as wg
from wengert import nn
from wengert.errors import ConfigurationError, IndexRangeError

NET = nn.Sequential(nn.Dense(4, 3, "relu"), nn.Dense(3, 3)).initialise(seed=0)
X = np.array([[1.0, 2.0, 0.0, -1.0], [0.5, 1.0, 1.0, 1.0]])
LABELS = np.array([2, 0])


def gradient_of(net, x, t, loss):
    return nn.parameters(wg.grad(lambda net: loss(net(x), t))(net))


@pytest.mark.parametrize("view", ["index", "matrix", "delta", "adjoint", "numbers"])
@pytest.mark.parametrize("rows", [0, slice(0, 2)], ids=["sample", "batch"])
def test_a_network_with_a_loss(view, rows):
    derivation = wg.explain(NET, X[rows], LABELS[rows], loss=nn.nllm_from_logits, view=view)

    true = gradient_of(NET, X[rows], LABELS[rows], nn.nllm_from_logits)
    shown = {
        step.reference.by.symbol.name: step.value
        for step in derivation.tree.steps
        if step.shown and step.relation == "=" and hasattr(step.reference, "by")
    }
    for number in (1, 2):
        for name, leaf in (("W", "weight"), ("b", "bias")):
            expected = true[f"layers.{number - 1}.{leaf}"]
            np.testing.assert_allclose(np.squeeze(shown[f"{name}{number}"]), expected, rtol=1e-5, atol=1e-7)
    assert derivation.verify().points == 5


def test_labels_are_explained_as_rows_of_0_and_1_and_the_softmax_appears():
    text = str(wg.explain(NET, X, LABELS, loss=nn.nllm_from_logits, view="delta"))

    assert "the elements of t sum to 1" in text
    assert "δ2 = 1/2 (softmax( z2) −  t ) = " in text
    assert "gather" not in text


def test_labels_stay_where_the_loss_needs_them():
    def of_labels(z, t):
        if z.shape[:-1] != np.shape(t):
            raise ValueError("labels only")
        return np.sum(np.take_along_axis(z, t[:, None], axis=-1))

    assert "gather" in str(wg.explain(NET, X, LABELS, loss=of_labels))


def test_parameters_are_named_by_their_paths():
    derivation = wg.explain(
        NET, X[0], LABELS[0], loss=nn.nllm_from_logits, wrt="layers.0.weight", view="delta"
    )

    assert derivation.tree.title == "∂L/∂W1 layer by layer"
    assert "δ2 at the output" in str(derivation)  # the other layers are layers all the same
    with pytest.raises(ConfigurationError, match=r"did you mean 'net\.layers\.0\.weight'"):
        wg.explain(NET, X, LABELS, loss=nn.nllm_from_logits, wrt="layers.0.weigth")


def test_a_trained_network_in_single_precision_is_derived_in_double():
    net = nn.Sequential(nn.Dense(2, 2, "tanh"), nn.Dense(2, 1)).initialise(seed=1, dtype=np.float32)

    result = wg.explain(net, X[:, :2], np.ones((2, 1)), loss=nn.half_squared_error)

    assert result.verification.lines > 10
    assert all(step.value.dtype == np.float64 for step in result.tree.steps if step.value is not None)


@pytest.mark.parametrize(
    ("arguments", "loss", "error", "part"),
    [
        (
            (X, LABELS),
            None,
            ConfigurationError,
            "explain takes a network with a loss",
        ),
        ((X, LABELS), "nll", ConfigurationError, "loss='nll': give the function itself"),
        ((X,), nn.nll, ConfigurationError, "at inputs and a target"),
        ((X, np.array([3, 0])), nn.nllm_from_logits, IndexRangeError, "labels are 0 to 2"),
    ],
)
def test_what_a_network_cannot_be_explained_with(arguments, loss, error, part):
    with pytest.raises(error) as caught:
        wg.explain(NET, *arguments, loss=loss)
    assert part in str(caught.value)


def test_a_function_takes_no_loss():
    with pytest.raises(ConfigurationError, match="a function computes its loss itself"):
        wg.explain(lambda x: x**2, 1.0, loss=nn.nll)


def test_running_statistics_are_not_differentiated_by():
    net = nn.Sequential(nn.Dense(4, 2), nn.BatchNorm(2)).initialise(0)

    derivation = wg.explain(net, X, np.ones((2, 2)), loss=nn.squared_error, view="matrix")

    assert "running_mean" in str(derivation)
    assert "∂L/∂running_mean" not in derivation.tree.title


@pytest.mark.parametrize("loss", nn.LOSSES)
@pytest.mark.parametrize("view", ["index", "matrix", "delta", "adjoint", "batch"])
def test_every_loss_in_every_view(loss, view):
    net = nn.Sequential(nn.Dense(4, 2, "tanh"), nn.Dense(2, 2, "sigmoid")).initialise(0, dtype=np.float64)
    target = np.eye(2) if loss != "hinge" else 2 * np.eye(2) - 1

    derivation = wg.explain(
        net, X, target, loss=nn.LOSSES[loss], view=view, wrt="layers.0.weight", numbers=True
    )

    assert derivation.verification.lines >= 10


@pytest.mark.parametrize("activation", nn.ACTIVATIONS)
def test_every_activation(activation):
    net = nn.Sequential(nn.Dense(4, 2, activation), nn.Dense(2, 1)).initialise(0, dtype=np.float64)

    derivation = wg.explain(net, X[0], np.ones(1), loss=nn.squared_error, view="delta", style="002")

    assert "A1 = " in str(derivation) or activation in ("identity", "step")


def test_layers_with_a_scaled_product_are_layers():
    def loss(W1, W2, x, t):
        z1 = 0.5 * (x @ W1)
        a1 = np.tanh(z1)
        z2 = a1 @ W2 / 4
        return np.sum((z2 - t) ** 2)

    arguments = (np.ones((4, 3)), np.ones((3, 2)), X[0], np.zeros(2))
    text = str(wg.explain(loss, *arguments, wrt=["W1", "W2"], view="delta"))

    assert "δ2 at the output" in text
    assert "∂L/∂W1 = 1/2  xᵀ  δ1" in text
