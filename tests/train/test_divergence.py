"""A run that stops making sense ends at that step, says where, and keeps what was good."""

import numpy as np
import pytest

import wengert as wg
from wengert import nn, optim, train
from wengert.errors import DivergenceWarning

ROWS = 40


def rows():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(ROWS, 3)).astype(np.float32)
    return X, (X[:, 0] > 0).astype(int)


def network(activation="relu"):
    return nn.Sequential(nn.Dense(3, 8, activation), nn.Dense(8, 2)).initialise(seed=0)


def diverging(net, *data, **options):
    with pytest.warns(DivergenceWarning, match="diverged at step") as caught:
        result = train.fit(
            net, *data, **{"progress": False, "loss": "nllm_from_logits", "epochs": 5} | options
        )
    assert result.stopped == "diverged"
    assert str(result.divergence) in str(caught[0].message)
    assert all(np.isfinite(value).all() for value in nn.parameters(result.net).values())
    return result


@pytest.mark.parametrize("rate", [1e10, 1e30])
@pytest.mark.parametrize("optimizer", [optim.SGD, optim.Adam, optim.RMSProp])
@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid"])
def test_an_absurd_learning_rate_ends_in_no_nonsense(rate, optimizer, activation):
    net = network(activation)
    result = diverging(net, *rows(), optimizer=optimizer(rate))
    assert result.divergence.step == 2
    assert result.divergence.layer in ("layers.0", "layers.1")
    assert result.divergence.learning_rate == rate
    before = train.evaluate(net, *rows(), loss="nllm_from_logits").loss
    assert train.evaluate(result.net, *rows(), loss="nllm_from_logits").loss <= before


@pytest.mark.parametrize("rate", [1e10, 1e30])
def test_a_single_step_is_enough_to_notice(rate):
    """Nothing comes after the last step that would show what the parameters are worth."""
    net = nn.Dense(3, 2).initialise(seed=0)
    result = diverging(net, *rows(), optimizer=optim.SGD(rate), epochs=1, batch_size=ROWS)
    assert result.divergence.step == 1
    assert np.array_equal(result.net.weight, net.weight)


def test_the_report_names_step_layer_operation_and_ranges():
    X, y = rows()
    net = nn.Sequential(nn.Dense(3, 4), nn.Dense(4, 1)).initialise(seed=0)
    labels = y[:, None].astype(np.float32)
    result = diverging(net, X, labels, loss="poisson", optimizer=optim.SGD(100.0), batch_size=8)
    divergence = result.divergence
    assert divergence.epoch == 1
    assert divergence.operation is not None
    assert "operands" in divergence.explanation
    assert " in [" in divergence.explanation
    assert "learning rate 100" in str(divergence)


def steep(prediction, target):
    """A finite loss whose derivative is infinite: √x at 0 after the second step."""
    return np.sqrt(np.sum(np.square(prediction - wg.stop_gradient(prediction)), axis=1)) + 0 * target[:, 0]


@pytest.mark.parametrize("clip_norm", [None, 1.0])
def test_an_infinite_gradient_stops_also_under_clipping(clip_norm):
    X, _ = rows()
    net = nn.Dense(3, 1).initialise(seed=0)
    result = diverging(net, X, X[:, :1], loss=steep, clip_norm=clip_norm, optimizer=optim.SGD(0.1))
    assert result.divergence.step == 1
    assert result.steps == 0
    assert np.array_equal(result.net.weight, net.weight)


def test_a_gradient_that_overflows_stops_under_clipping():
    X, _ = rows()
    net = nn.Dense(3, 1).initialise(seed=0)
    targets = np.full((ROWS, 1), 1e19, np.float32)  # squares still fit, sums of products do not
    result = diverging(
        net, X * 1e25, targets, loss="absolute_error", clip_norm=1e30, optimizer=optim.SGD(1e13)
    )
    assert result.divergence.step <= 2


def test_the_best_epoch_is_kept_when_a_later_one_diverges():
    # The schedule is sensible for two epochs of five steps, and absurd from then on.
    result = diverging(
        network(),
        *rows(),
        optimizer=optim.SGD(lambda t: np.where(t < 10, 0.1, 1e20)),
        batch_size=8,
        validation_data=rows(),
    )
    assert result.divergence.step in (11, 12)
    assert result.divergence.epoch == 3
    assert len(result.history) == 2
    loss = train.evaluate(result.net, *rows(), loss="nllm_from_logits").loss
    assert loss <= min(epoch.validation_loss for epoch in result.history)


def test_an_infinite_validation_loss_is_a_divergence():
    X, y = rows()
    held = np.full((2, 3), 1e38, np.float32), np.zeros((2, 2), np.float32)
    result = diverging(
        nn.Dense(3, 2).initialise(seed=0),
        X,
        np.eye(2, dtype=np.float32)[y],
        loss="squared_error",
        validation_data=held,
    )
    assert "validation loss is inf" in result.divergence.explanation
    assert result.divergence.step == result.steps


def test_large_targets_alone_are_no_divergence():
    """A bias that has to reach 10⁹ grows out of proportion while the loss falls."""
    X, _ = rows()
    net = nn.Dense(3, 1).initialise(seed=0, dtype=np.float64)
    targets = np.full((ROWS, 1), 1e9)
    result = train.fit(
        net,
        X,
        targets,
        loss="half_squared_error",
        optimizer=optim.SGD(0.5),
        epochs=30,
        batch_size=ROWS,
        progress=False,
    )
    assert result.stopped == "epochs"
    assert result.history[-1].loss < 1e-3 * result.history[0].loss


def test_lbfgs_that_leaves_the_finite_numbers_is_a_divergence():
    X, _ = rows()
    net = nn.Dense(3, 1).initialise(seed=0)
    targets = np.full((ROWS, 1), 3e38, np.float32)
    result = diverging(net, X, targets, loss="squared_error", optimizer=optim.LBFGS())
    assert result.divergence.operation is not None
    assert np.array_equal(result.net.weight, net.weight)
