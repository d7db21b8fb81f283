"""Network and line together: the fits have oracles, and each is taken where it is better."""

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy.optimize import minimize
from sklearn.linear_model import Ridge

from wengert import nn, train
from wengert.errors import ConfigurationError
from wengert.primitives import random
from wengert.train.bagging.bends import Bends
from wengert.train.bagging.blending import UnseenLosses, mixture
from wengert.train.bagging.linear_model import linear_model


def divided(rows, count):
    return tuple(np.arange(rows)[place::count] for place in range(count))


@pytest.mark.parametrize("weighted", [False, True])
def test_the_linear_model_is_that_of_ridge_regression_also_without_each_fold(weighted, rng):
    X, folds = rng.normal(size=(60, 5)), divided(60, 4)
    targets = X[:, :3] @ rng.normal(size=(3, 2)) + rng.normal(size=(60, 2))
    weights = rng.uniform(0.1, 3, 60) if weighted else None
    X[:, 2] = rng.integers(0, 3, 60)  # which does not bend
    line = linear_model(X, targets, weights, folds, folds, 3)
    given = np.hstack([X[:, :3], Bends.at_quartiles(X[:, :3])(X)])
    assert given.shape == (60, 3 + 2 * 4)

    def fitted(rows, strength):
        counts = np.ones(len(rows)) if weights is None else weights[rows]
        return Ridge(strength * counts.sum()).fit(given[rows], targets[rows], sample_weight=counts)

    def left_out(strength):
        others = [np.setdiff1d(np.arange(60), fold) for fold in folds]
        said = [fitted(one, strength).predict(given[fold]) for one, fold in zip(others, folds, strict=True)]
        return np.concatenate(said)

    rows = np.concatenate(folds)
    strengths = 10.0 ** np.arange(-5, 2)
    errors = [
        np.average(
            np.square(left_out(one) - targets[rows]).sum(1),
            weights=None if weights is None else weights[rows],
        )
        for one in strengths
    ]
    best = strengths[int(np.argmin(errors))]
    np.testing.assert_allclose(line.unseen, left_out(best), rtol=1e-8, atol=1e-10)
    whole = fitted(np.arange(60), best)
    found = np.concatenate([line.weight[:3], line.bend_weight])
    np.testing.assert_allclose(found.T, whole.coef_, rtol=1e-8, atol=1e-10)
    assert not line.weight[3:].any()
    said = line.layer(2.0, [1.0, -1.0])(X.astype(np.float32))
    np.testing.assert_allclose(said, 2 * whole.predict(given) + [1, -1], rtol=1e-4, atol=1e-5)


def test_a_fold_without_the_row_that_has_nearly_all_weight_is_left_out_exactly(rng):
    X, targets, folds = rng.normal(size=(40, 3)), rng.normal(size=(40, 1)), divided(40, 4)
    weights = np.ones(40)
    weights[0] = 1e30  # in the first fold
    line = linear_model(X, targets, weights, folds, folds, 3)
    given = np.hstack([X, Bends.at_quartiles(X)(X)])
    others = np.setdiff1d(np.arange(40), folds[0])
    fits = [Ridge(strength * 30).fit(given[others], targets[others]) for strength in 10.0 ** np.arange(-5, 2)]
    # The row that counts decides on the strength, too.
    best = min(fits, key=lambda one: np.square(one.predict(given[:1]) - targets[0]).sum())
    np.testing.assert_allclose(
        line.unseen[: len(folds[0])], best.predict(given[folds[0]]).reshape(-1, 1), rtol=1e-8
    )


@given(st.integers(0, 10**6), st.integers(1, 60), st.sampled_from(["normal", "cauchy", "few", "zeros"]))
def test_a_line_with_bends_follows_every_curve_through_its_knots(seed, rows, kind):
    """NumPy's interpolation is the oracle; float32 gives it in the layers, beyond the ends too."""
    rng = np.random.default_rng(seed)
    draw = {
        "normal": lambda: rng.normal(size=rows),
        "cauchy": lambda: np.clip(rng.standard_cauchy(rows), -100, 100),
        "few": lambda: rng.integers(0, 6, rows).astype(float),
        "zeros": lambda: np.where(rng.random(rows) < 0.9, 0.0, rng.normal(size=rows)),
    }
    X = np.stack([rng.normal(size=rows), draw[kind]()], axis=1)
    bends = Bends.at_quartiles(X)
    weight = rng.normal(size=(bends.count, 2))
    new = np.concatenate([X, 3 * rng.normal(size=(20, 2))])
    expected = np.zeros((len(new), 2))
    for column in range(2):
        mine = bends.columns == column
        if len(np.unique(X[:, column])) < 4:
            assert not mine.any()
            continue
        lower, upper = bends.lower[mine], bends.upper[mine]
        np.testing.assert_array_equal(lower[1:], upper[:-1])
        assert (lower[0], upper[-1]) == (X[:, column].min(), X[:, column].max())
        heights = np.vstack([np.zeros((1, 2)), np.cumsum(weight[mine], axis=0)])
        knots = np.append(lower, upper[-1])
        expected += np.stack([np.interp(new[:, column], knots, one) for one in heights.T], axis=1)
    np.testing.assert_allclose(bends(new) @ weight, expected, rtol=1e-9, atol=1e-9)
    if bends.count:
        said = bends.layer(2, weight)(new.astype(np.float32))
        np.testing.assert_allclose(said, expected, rtol=1e-3, atol=1e-3)


def test_numbers_are_cut_at_their_quartiles_and_too_many_are_not():
    X = np.arange(101.0)[:, np.newaxis] ** np.array([1, 2])
    bends = Bends.at_quartiles(X)
    np.testing.assert_allclose(bends.lower, [0, 25, 50, 75, 0, 625, 2500, 5625])
    assert Bends.at_quartiles(np.tile(X[:, :1], 80)).count == 320
    assert Bends.at_quartiles(np.tile(X[:, :1], 81)).count == 0


@given(st.integers(0, 10**6), st.integers(1, 4), st.booleans())
def test_the_mixture_is_the_minimum(seed, count, alike):
    """The oracle is SciPy's minimiser under constraints."""
    rng = np.random.default_rng(seed)
    y, weights = rng.normal(size=(25, 1)), rng.uniform(0.2, 2, 25)
    said = [y * rng.uniform(0, 1) + rng.normal(size=y.shape) for _ in range(count)]
    said += [said[0]] * alike
    parts = mixture(said, y, weights)

    def loss(parts):
        return weights @ np.square(sum(p * one for p, one in zip(parts, said, strict=True)) - y)[:, 0]

    assert (parts >= 0).all()
    assert parts.sum() == pytest.approx(1)
    size = len(said)
    found = minimize(
        loss,
        np.full(size, 1 / size),
        bounds=[(0, 1)] * size,
        constraints={"type": "eq", "fun": lambda p: p.sum() - 1},
    )
    assert loss(parts) <= found.fun * (1 + 1e-6) + 1e-9


def test_a_network_that_is_right_stays_alone():
    y = np.arange(4.0)[:, np.newaxis]
    assert mixture([y, y * 0], y, np.ones(4)).tolist() == [1, 0]
    assert mixture([y * 0, y], y, np.ones(4)).tolist() == [0, 1]


def test_a_blend_is_the_weighted_sum_in_every_way_of_running(rng):
    deep = nn.Sequential(nn.Dense(3, 4, "tanh"), nn.Dense(4, 2))
    net = nn.Blend((deep, nn.Dense(3, 2)), (0.7, 0.3)).initialise(seed=1)
    X = rng.normal(size=(5, 3)).astype(np.float32)
    expected = 0.7 * net.layers[0](X) + 0.3 * net.layers[1](X)
    np.testing.assert_allclose(net(X), expected, rtol=1e-6)
    np.testing.assert_allclose(train.predict(net, X), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(net.forward_training(X, random.key(0))[0], expected, rtol=1e-6)
    with pytest.raises(ConfigurationError, match="one weight for each network, got 1 networks and 2 weights"):
        nn.Blend((deep,), (0.5, 0.5))
    with pytest.raises(ConfigurationError, match=r"layers\[1\] is no layer"):
        nn.Blend((deep, 3), (0.5, 0.5))


def fitted(X, y, outputs, **options):
    recipe = train.tabular_recipe(
        train.TabularFeatures(X.shape[1]), outputs, len(X), hidden=(16,), epochs=32, **options
    )
    return recipe.fit(X, y, progress=False)


def test_a_linear_relation_in_few_rows_is_learnt_as_one(rng):
    X = rng.normal(size=(200, 12)).astype(np.float32)
    slopes = rng.normal(size=(12, 1))
    y = (X[:60] @ slopes + 0.1 * rng.normal(size=(60, 1))).astype(np.float32)
    result = fitted(X[:60], y, 1, limits=(float(y.min()), float(y.max())))
    assert result.unseen.part < 0.5
    assert result.unseen.result <= min(result.unseen.straight_line, result.unseen.network)
    assert result.unseen.frequencies > 10 * result.unseen.straight_line
    known = X[60:] @ slopes
    within = (known > y.min()) & (known < y.max())
    error = (np.asarray(train.predict(result.net, X[60:])) - known)[within]
    assert np.mean(error**2) < 0.05 * known.var()


def test_what_no_line_tells_is_shared_by_network_and_trees(rng):
    X = rng.normal(size=(400, 4)).astype(np.float32)
    y = ((X[:, 0] + X[:, 1]) * (X[:, 2] - X[:, 3]) > 0).astype(int)
    unseen = fitted(X, y, 2).unseen
    assert min(unseen.part, unseen.trees_part) >= 0.2
    assert unseen.part + unseen.trees_part >= 0.9
    assert unseen.straight_line > 0.66 > 1.1 * max(unseen.network, unseen.trees)
    assert unseen.result < 0.95 * min(unseen.network, unseen.trees)
    assert unseen.frequencies == pytest.approx(np.log(2), abs=0.01)


def test_what_thresholds_tell_is_left_to_trees(rng):
    X = rng.normal(size=(300, 8)).astype(np.float32)
    y = (X[:, 0] > 0.3).astype(int) ^ (X[:, 1] > -0.2)
    result = fitted(X, y, 2)
    unseen = result.unseen
    assert unseen.trees_part >= 0.7
    assert unseen.result <= unseen.trees < 0.5 * min(unseen.network, unseen.straight_line)
    step = y[:, np.newaxis].astype(np.float32)
    numbers = fitted(X, step, 1, limits=(0.0, 1.0))
    assert numbers.unseen.trees_part >= 0.7
    assert numbers.unseen.result <= numbers.unseen.trees < 0.5 * numbers.unseen.network
    for made, classes in ((result, 2), (numbers, 1)):
        *_, trees = next(layer for layer in made.net.layers if isinstance(layer, nn.Blend)).layers
        assert isinstance(trees, nn.ObliviousTrees)
        assert trees.outputs == classes
    predicted = np.asarray(train.predict(numbers.net, X))
    assert np.mean((predicted - step) ** 2) < 0.02
    assert (np.asarray(train.predict(result.net, X)).argmax(axis=1) == y).mean() > 0.95


def test_a_network_that_knows_nothing_yet_does_not_harm_the_linear_model(rng):
    X = rng.normal(size=(90, 3)).astype(np.float32)
    y = (X @ np.array([1, -1, 2]) > 0).astype(int)
    features = train.TabularFeatures(3)
    result = train.tabular_recipe(features, 2, 90, hidden=(4,), epochs=1).fit(X, y, progress=False)
    assert result.unseen.result <= result.unseen.straight_line < 0.5
    predicted = np.asarray(train.predict(result.net, X)).argmax(axis=1)
    assert (predicted == y).mean() > 0.9


def test_labels_and_single_logits_are_blended(rng):
    X = rng.normal(size=(120, 3)).astype(np.float32)
    y = (X[:, :2] + 0.5 * rng.normal(size=(120, 2)) > [0, 1]).astype(np.float32)
    for outputs in (1, 2):
        result = fitted(X, y[:, :outputs], outputs, independent=True)
        assert result.unseen.result <= min(result.unseen.straight_line, result.unseen.network)
        assert result.unseen.result < result.unseen.frequencies / 1.3
        logits = np.asarray(train.predict(result.net, X))
        assert ((logits > 0) == y[:, :outputs]).mean() > 0.8


def test_what_was_blended_is_said():
    losses = UnseenLosses(0.69, 0.4, 0.3, 0.25, 0.6)
    assert losses.sentence(classes=True) == (
        "On rows not seen in training, log-loss: 0.25 by 60% network and 40% line; 0.3 by the "
        "network, 0.4 by a line, 0.69 by frequencies."
    )
    assert UnseenLosses.of(0.69, [0.3, 0.4, 0.35], 0.2, [0.5, 0.3, 0.2]).sentence(classes=True) == (
        "On rows not seen in training, log-loss: 0.2 by 50% network, 30% line and 20% trees; 0.3 by the "
        "network, 0.4 by a line, 0.35 by trees, 0.69 by frequencies."
    )
    alone = UnseenLosses(0.5, 0.2, 0.4, 0.2, 0.0).sentence(classes=False)
    assert "half the mean square: 0.2 by a line alone, which was better than the network;" in alone
    assert "0.5 by the mean." in alone
    trees = UnseenLosses(0.5, 0.2, 0.4, 0.1, 0.0, 0.1, 1.0).sentence(classes=False)
    assert "0.1 by trees alone, which were better than the network;" in trees
    assert "0.2 by the network alone;" in UnseenLosses(0.5, 0.3, 0.2, 0.2, 1.0, 0.4).sentence(classes=True)
