"""Calibration: the slope of the data comes back, means hold, nothing is certain."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy.optimize import minimize, minimize_scalar

from wengert import nn, train
from wengert.errors import ConfigurationError, ShapeError
from wengert.train.bagging.calibration import _quadratic, _slope, calibrated, without_calibration


def logits_as_they_are(outputs):
    """A network that gives its features."""
    return nn.Sequential(nn.Dense(outputs, outputs, weight=np.eye(outputs, dtype=np.float32), bias=False))


def drawn(rng, logits):
    """Draw a class for each row by its probabilities."""
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    return (shares.cumsum(axis=1) > rng.uniform(size=(len(shares), 1))).argmax(axis=1)


@pytest.mark.parametrize("outputs", [2, 3, 7])
@pytest.mark.parametrize("factor", [0.3, 1.0, 4.0])
def test_logits_that_were_stretched_are_brought_back(rng, outputs, factor):
    logits = rng.normal(size=(20_000, outputs)) * 2
    y = drawn(rng, logits)
    net, loss = calibrated(logits_as_they_are(outputs), logits * factor, y, independent=False)
    layer = net.layers[-1]
    np.testing.assert_allclose(layer.slope * factor, 1, rtol=0.06)
    assert loss < nn.nllm_from_logits(logits, y) + 1e-3
    probabilities = nn.softmax(np.asarray(train.predict(net, logits * factor)))
    np.testing.assert_allclose(probabilities.mean(axis=0), np.bincount(y) / len(y), atol=0.01)


@pytest.mark.parametrize("one_logit", [True, False])
def test_a_rare_class_keeps_its_frequency(rng, one_logit):
    """Smoothed labels move the mean of a rare class; the offset moves it back."""
    z = rng.normal(size=4000) - 6
    y = (rng.uniform(size=4000) < 1 / (1 + np.exp(-z))).astype(int)
    smoothed = 0.9 / (1 + np.exp(-z)) + 0.05
    shifted = np.log(smoothed / (1 - smoothed))
    if one_logit:
        net, _ = calibrated(logits_as_they_are(1), shifted[:, None], y[:, None], independent=True)
        mean = nn.sigmoid(np.asarray(train.predict(net, shifted[:, None]))).mean()
    else:
        both = np.stack([-shifted / 2, shifted / 2], axis=1)
        net, _ = calibrated(logits_as_they_are(2), both, y, independent=False)
        mean = nn.softmax(np.asarray(train.predict(net, both)))[:, 1].mean()
    assert smoothed.mean() > 5 * y.mean()
    assert mean == pytest.approx(y.mean(), rel=0.1)


@given(st.integers(0, 10**6), st.integers(2, 40), st.sampled_from([2, 3]), st.floats(1e-3, 1e3))
def test_any_rows_give_probabilities(seed, rows, outputs, size):
    """One class only, all right, all wrong, few rows."""
    rng = np.random.default_rng(seed)
    logits = (rng.normal(size=(rows, outputs)) * size).astype(np.float32)
    y = rng.integers(0, rng.integers(1, outputs + 1), rows)
    net, loss = calibrated(logits_as_they_are(outputs), logits, y, independent=False)
    probabilities = nn.softmax(net(logits))
    assert np.isfinite(loss)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    assert (probabilities > 0).all()
    slope = net.layers[-1].slope
    assert (slope >= 0).all()


@given(st.integers(0, 10**6), st.floats(0.1, 10))
def test_the_fits_are_minima(seed, size):
    """The oracle is SciPy's minimiser."""
    rng = np.random.default_rng(seed)
    z, w = rng.normal(size=(60, 3)) * size, rng.uniform(0.5, 2, 60)
    aims = np.eye(3)[rng.integers(0, 3, 60)] * 0.98 + 0.02 / 3

    def several(t):
        losses = np.log(np.exp(np.exp(t) * z).sum(axis=1)) - np.exp(t) * (aims * z).sum(axis=1)
        return w @ losses + 0.15 * (np.exp(t) - 1) ** 2

    best = minimize_scalar(several, bounds=(-6.9, 6.9), method="bounded", options={"xatol": 1e-10})
    assert several(np.log(_slope(z, aims, w))) <= best.fun + 1e-7 * abs(best.fun)

    a, b, c = _quadratic(z[:, 0], aims[:, 0], w)
    scale = np.sqrt(np.average(z[:, 0] ** 2, weights=w))

    def two(coefficients):
        q = coefficients[0] + coefficients[1] * z[:, 0] + coefficients[2] * z[:, 0] ** 2
        penalty = 0.15 * (coefficients[1] - 1) ** 2 + 5 * (coefficients[2] * scale**2) ** 2
        return w @ (np.logaddexp(0, q) - aims[:, 0] * q) + penalty

    if c:
        assert two((a, b, c)) <= minimize(two, (0.0, 1.0, 0.0)).fun * (1 + 1e-6)
    elif b:
        straight = minimize(lambda line: two((*line, 0.0)), (0.0, 1.0)).fun
        assert two((a, b, 0.0)) <= straight * (1 + 1e-6)


def test_labels_are_calibrated_each_by_itself(rng):
    z = rng.normal(size=(5000, 2))
    y = (rng.uniform(size=z.shape) < 1 / (1 + np.exp(-z))).astype(float)
    net, _ = calibrated(logits_as_they_are(2), z * [3, 0.5] + [1, 0], y, independent=True)
    layer = net.layers[-1]
    np.testing.assert_allclose(layer.slope * [3, 0.5], 1, rtol=0.15)


def test_weights_count(rng):
    z = rng.normal(size=(4000, 3)) * 2
    y = drawn(rng, z)
    y[:2000] = rng.integers(0, 3, 2000)  # rows that say nothing, of weight 0
    weights = np.repeat([0.0, 1.0], 2000)
    with_all, _ = calibrated(logits_as_they_are(3), z, y, weights, independent=False)
    without, _ = calibrated(logits_as_they_are(3), z[2000:], y[2000:], independent=False)
    np.testing.assert_allclose(with_all.layers[-1].slope, without.layers[-1].slope, rtol=1e-5)
    assert with_all.layers[-1].share == without.layers[-1].share == 1 / 2001


@pytest.mark.parametrize("outputs", [2, 3])
@pytest.mark.parametrize("factor", [1e-6, 1e6])
def test_the_scale_of_the_weights_makes_no_difference(rng, outputs, factor):
    z = rng.normal(size=(60, outputs)) * 2
    y = drawn(rng, z)
    weights = rng.uniform(0.5, 2, 60)
    fits = [
        calibrated(logits_as_they_are(outputs), z, y, one, independent=False)
        for one in (weights, weights * factor)
    ]
    (one, loss), (other, same) = fits
    assert same == pytest.approx(loss)
    for name, value in nn.parameters(one).items():
        np.testing.assert_allclose(nn.parameters(other)[name], value, rtol=1e-4, atol=1e-6)


def test_a_recipe_gives_a_calibrated_network_of_the_best_epoch(rng):
    X = rng.normal(size=(600, 3)).astype(np.float32)
    y = drawn(rng, np.stack([X[:, 0], -X[:, 0]], axis=1) * 2)
    recipe = train.tabular_recipe(train.TabularFeatures(3), 2, rows=400, hidden=(8,), epochs=32)
    held = X[400:], y[400:]
    result = recipe.fit(X[:400], y[:400], validation_data=held)
    assert isinstance(result.net.layers[-1], nn.Calibration)
    plain = dataclasses.replace(recipe, calibration=None).fit(X[:400], y[:400], validation_data=held)
    assert not isinstance(plain.net.layers[-1], nn.Calibration)
    losses = [
        nn.nllm_from_logits(np.asarray(train.predict(net, held[0])), held[1])
        for net in (result.net, plain.net)
    ]
    assert losses[0] <= losses[1] + 1e-4
    bare = without_calibration(result.net)
    assert len(bare.layers) == len(result.net.layers) - 1
    assert without_calibration(bare) is bare
    # Without rows that it has not seen there is none.
    seen = dataclasses.replace(recipe, members=0).fit(X[:400], y[:400])
    assert not isinstance(seen.net.layers[-1], nn.Calibration)


def test_the_layer_by_its_formula(rng):
    arrays = {name: rng.uniform(0.1, 0.5, 3) for name in ("offset", "slope", "curvature", "frequency")}
    z = rng.normal(size=(5, 3)) * 4
    layer = nn.Calibration(3, 0.1, 2.0, **arrays)
    cut = np.clip(z - z.mean(axis=1, keepdims=True), -2, 2)
    q = arrays["offset"] + arrays["slope"] * cut + arrays["curvature"] * cut**2
    shares = np.exp(q) / np.exp(q).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(layer(z), np.log(0.9 * shares + 0.1 * arrays["frequency"]), rtol=1e-12)
    cut = np.clip(z, -2, 2)
    q = arrays["offset"] + arrays["slope"] * cut + arrays["curvature"] * cut**2
    p = 0.9 / (1 + np.exp(-q)) + 0.1 * arrays["frequency"]
    labels = nn.Calibration(3, 0.1, 2.0, independent=True, **arrays)
    np.testing.assert_allclose(labels(z), np.log(p / (1 - p)), rtol=1e-10)
    np.testing.assert_allclose(layer(z[0]), layer(z)[0])


def test_a_calibration_that_cannot_be():
    for make in (
        lambda: nn.Calibration(0),
        lambda: nn.Calibration(2, 1.0),
        lambda: nn.Calibration(2, 0.1, 0.0),
    ):
        with pytest.raises(ConfigurationError, match="Calibration"):
            make()
    with pytest.raises(ShapeError, match=r"takes 2 logits"):
        nn.Calibration(2).initialise(0)(np.zeros((4, 3)))
