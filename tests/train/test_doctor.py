"""Networks with one illness each, which the doctor finds and nothing else."""

from functools import partial
from itertools import pairwise

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from wengert import nn, train
from wengert.train.chance import chance_of_classes, chance_of_numbers


def network(activation="tanh", layers=2, width=6, seed=0):
    widths = [4] + [width] * layers
    dense = [nn.Dense(a, b, activation, initialiser="glorot_uniform") for a, b in pairwise(widths)]
    return nn.Sequential(*dense, nn.Dense(width, 1)).initialise(seed, np.float64)


@pytest.fixture
def rows(rng):
    X = rng.normal(size=(100, 4))
    return X, X[:, :1] ** 2


def kinds(diagnosis):
    return [finding.kind for finding in diagnosis.findings]


def test_a_healthy_network(rows):
    diagnosis = train.diagnose(network(), *rows, nn.half_squared_error)
    assert kinds(diagnosis) == []
    assert str(diagnosis).endswith("Nothing stands out.")
    assert [layer.layer for layer in diagnosis.layers] == ["layers.0", "layers.1", "layers.2"]
    assert diagnosis.loss == pytest.approx(nn.half_squared_error(network()(rows[0]), rows[1]))


def test_dead_units(rows):
    net = network("relu")
    bias = np.where(np.arange(6) < 3, -99.0, 0.5)
    net = nn.with_parameters(net, {"layers.0.bias": bias})
    diagnosis = train.diagnose(net, *rows, nn.half_squared_error)
    assert ("dead units", "layers.0") in [(one.kind, one.layer) for one in diagnosis.findings]
    assert diagnosis.layers[0].dead == 0.5
    assert "50% of the units are dead" in str(diagnosis)


@pytest.mark.parametrize("activation", ["tanh", "sigmoid"])
def test_saturation(activation, rows):
    net = network(activation)
    net = nn.with_parameters(net, {"layers.0.weight": 50 * nn.parameters(net)["layers.0.weight"]})
    diagnosis = train.diagnose(net, *rows, nn.half_squared_error)
    assert "saturation" in kinds(diagnosis)
    assert diagnosis.layers[0].saturated > 0.8
    assert diagnosis.layers[1].saturated < 0.5


def test_gradients_that_vanish_and_explode(rows):
    deep = train.diagnose(network("sigmoid", layers=12), *rows, nn.half_squared_error)
    assert kinds(deep) == ["vanishing gradient"]
    assert deep.findings[0].layer == "layers.0"
    net = network("identity", layers=8)
    net = nn.with_parameters(net, {path: 10 * value for path, value in nn.parameters(net).items()})
    assert "exploding gradient" in kinds(train.diagnose(net, *rows, nn.half_squared_error))


@pytest.mark.parametrize(("factor", "kind"), [(0.5, "large update"), (1e-8, "small update")])
def test_steps_of_the_wrong_size(factor, kind, rows):
    net = network()

    def step(net):
        return nn.with_parameters(net, {path: (1 + factor) * v for path, v in nn.parameters(net).items()})

    diagnosis = train.diagnose(net, *rows, nn.half_squared_error, step=step, rate=0.1)
    assert kinds(diagnosis) == [kind] * 3
    assert diagnosis.layers[0].update_ratio == pytest.approx(factor)
    if kind == "large update":
        assert "try 0.0002" in diagnosis.findings[0].advice


def test_data_divergence_and_numbers_that_are_not_finite(rows):
    X, y = rows
    scaled = train.diagnose(network("identity"), X * [1, 1, 1, 1e4], y, nn.half_squared_error)
    assert "scales" in kinds(scaled)
    assert "feature 3 varies by" in str(scaled)
    broken = nn.with_parameters(network(), {"layers.2.bias": np.array([np.inf])})
    assert "not finite" in kinds(train.diagnose(broken, X, y, nn.half_squared_error))
    told = train.diagnose(network(), X, y, nn.half_squared_error, rate=0.5, diverged="it diverged at step 3")
    assert str(told.findings[0]) == "it diverged at step 3. Try the learning rate 0.05."


@hypothesis.given(
    st.integers(1, 4),
    st.integers(2, 60),
    st.integers(0, 1000),
    st.booleans(),
    st.sampled_from([0.0, 0.1, 0.3]),
)
def test_no_constant_answer_is_better_than_the_frequencies(
    outputs: int, rows: int, seed: int, positions: bool, smoothing: float
) -> None:
    """Tried with other answers at random, for positions of classes and for labels or shares of them."""
    rng = np.random.default_rng(seed)
    if positions:
        targets = rng.integers(0, outputs + 1, rows)
        chance = chance_of_classes(targets, outputs + 1, smoothing)
        width, loss = outputs + 1, partial(nn.nllm_from_logits, label_smoothing=smoothing)
    else:
        targets = rng.integers(0, 2, (rows, outputs)).astype(float)
        targets[:, 0] = 0  # so that no row sums to one in all rows
        targets[0] = 1
        chance, width, loss = chance_of_classes(targets, 1), outputs, nn.nll_from_logits
    if (targets == targets[:1]).all():
        assert chance is None
        return
    (guess,) = chance.guesses
    value, right = chance.losses(loss, targets)
    assert value == pytest.approx(float(loss(np.broadcast_to(guess, (rows, width)), targets)))
    nearby = chance.right + 0.01 * rng.normal(size=(rows, width))
    assert right <= float(loss(nearby, targets)) + 1e-9
    for _ in range(20):
        other = guess + rng.normal(size=width) * rng.choice([0.01, 1.0])
        assert value <= float(loss(np.broadcast_to(other, (rows, width)), targets)) + 1e-9


@pytest.mark.parametrize("quality", [0.0, 1.0])
def test_a_network_is_compared_with_guessing(rng, quality):
    """Random numbers as answers are worse than the frequencies; the true ones are better."""
    X = rng.normal(size=(200, 3))
    y = (X[:, :1] > 0.3).astype(float)
    net = nn.Sequential(nn.Dense(3, 1)).initialise(0, np.float64)
    weight = np.array([[5.0], [0], [0]]) if quality else np.array([[0.0], [5], [0]])
    net = nn.with_parameters(net, {"layers.0.weight": weight, "layers.0.bias": np.array([-1.5 * quality])})
    found = train.diagnose(net, X, y, nn.nll_from_logits, chance=chance_of_classes(y, 1))
    assert ("nothing learnt" in kinds(found)) == (quality == 0)
    if quality == 0:
        assert "the frequencies of the classes" in str(found)


@pytest.mark.parametrize(("learnt", "fresh", "expected"), [
    (0.1, None, []), (0.1, 0.15, []), (0.02, 0.6, ["learnt by heart"]), (None, 0.6, []), (0.69, 0.9, []),
])  # fmt: skip
def test_rows_that_were_learnt_by_heart(rng, learnt, fresh, expected):
    X = rng.normal(size=(200, 3))
    y = (X[:, :1] > 0).astype(float)
    net = nn.with_parameters(
        nn.Sequential(nn.Dense(3, 1)).initialise(0, np.float64),
        {"layers.0.weight": np.array([[9.0], [0], [0]])},
    )
    losses = train.doctor.Losses(learnt, fresh)
    chance = chance_of_classes(y, 1)
    found = train.diagnose(net, X, y, nn.nll_from_logits, chance=chance, losses=losses)
    assert kinds(found) == expected


@pytest.mark.parametrize(
    ("loss", "options"),
    [
        (nn.half_squared_error, {}),
        (nn.absolute_error, {}),
        (lambda p, y: np.mean(np.where(y > p, 0.2 * (y - p), 0.8 * (p - y))), {"quantile": 0.2}),
        (lambda p, y: np.mean(np.exp(p) - y * p), {"logarithmic": True}),
    ],
)
def test_no_constant_number_is_better_than_the_guess(rng, loss, options):
    """Also of a loss that is far from 0 at the right answers, as that of counts."""
    y = rng.poisson(500, (300, 1)).astype(float)
    chance = chance_of_numbers(y, **options)
    guess, right = chance.losses(loss, y)
    assert right < guess
    for answer in np.linspace(y.min(), y.max(), 300):
        raw = np.log(answer) if options.get("logarithmic") else answer
        assert guess <= float(loss(np.full_like(y, raw), y)) * (1 + np.sign(guess) * 2e-3)
    assert chance_of_numbers(np.ones((5, 1))) is None
