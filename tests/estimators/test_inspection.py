"""Looking into a fitted estimator."""

from typing import Any

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

import wengert as wg
from wengert.errors import ConfigurationError

pytestmark = pytest.mark.filterwarnings("ignore", category=ConvergenceWarning)


def fitted(rng: np.random.Generator, **options: Any) -> tuple[Any, np.ndarray, np.ndarray]:
    X = rng.normal(size=(40, 3))
    y = np.digitize(X[:, 0], [-0.5, 0.5])
    options = {"hidden_layer_sizes": (4,), "max_iter": 3, "random_state": 0, "alpha": 0.7, **options}
    return wg.MLPClassifier(**options).fit(X, y), X, y


def test_activations_are_the_layers_and_their_last_is_the_prediction(rng: np.random.Generator) -> None:
    classifier, X, _ = fitted(rng, dropout=0.5)
    hidden, output = classifier.activations(X)
    np.testing.assert_allclose(hidden, np.maximum(0, X @ classifier.coefs_[0] + classifier.intercepts_[0]))
    np.testing.assert_allclose(output, classifier.predict_proba(X))
    np.testing.assert_array_equal(classifier.transform(X), hidden)


def test_the_tabular_preset_can_be_looked_into_too(rng: np.random.Generator) -> None:
    X = rng.normal(size=(40, 3)).astype(np.float32)
    regressor = wg.MLPRegressor(preset="tabular", hidden_layer_sizes=(5, 4), max_iter=60, random_state=0)
    regressor.fit(X, np.abs(X[:, 0]))
    assert regressor.transform(X).shape == (40, 8 * 4)  # of eight members
    scaled, first, second, mean, clipped = regressor.activations(X)
    assert (scaled.shape, first.shape, second.shape) == ((40, 3), (40, 8 * 5), (40, 8 * 4))
    np.testing.assert_array_equal(second, regressor.transform(X))
    np.testing.assert_allclose(clipped[:, 0], regressor.predict(X), rtol=1e-6)
    np.testing.assert_allclose(clipped, np.clip(mean, clipped.min(), clipped.max()), rtol=1e-6)
    assert regressor.gradients(X, X[:, 0], wrt="X").shape == (40, 3)
    assert "loss" in str(regressor.doctor(X, X[:, 0]))
    assert not hasattr(regressor, "coefs_")
    assert list(regressor.get_feature_names_out()) == [f"mlpregressor{unit}" for unit in range(32)]


def test_gradients_agree_with_differences(rng: np.random.Generator) -> None:
    classifier, X, y = fitted(rng, activation="tanh")
    weights = rng.uniform(size=len(X))

    def loss(coef: np.ndarray, X: np.ndarray) -> float:
        hidden = np.tanh(X @ coef + classifier.intercepts_[0])
        z = hidden @ classifier.coefs_[1] + classifier.intercepts_[1]
        log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
        squares = (coef**2).sum() + (classifier.coefs_[1] ** 2).sum()
        losses = -log_p[np.arange(len(y)), y]
        return (losses @ weights + 0.5 * 0.7 * squares) / weights.sum()

    def slope(function: Any, at: np.ndarray, step: float = 1e-6) -> np.ndarray:
        slopes = np.empty_like(at)
        for place in np.ndindex(at.shape):
            move = np.zeros_like(at)
            move[place] = step
            slopes[place] = (function(at + move) - function(at - move)) / (2 * step)
        return slopes

    by_coef = classifier.gradients(X, y, weights, wrt="coefs")[0]
    np.testing.assert_allclose(by_coef, slope(lambda c: loss(c, X), classifier.coefs_[0]), atol=1e-8)
    by_x = classifier.gradients(X, y, weights, wrt="X")
    np.testing.assert_allclose(by_x, slope(lambda x: loss(classifier.coefs_[0], x), X), atol=1e-8)
    everything = classifier.gradients(X, y, weights)
    np.testing.assert_array_equal(everything["layers.0.weight"], by_coef)
    assert [g.shape for g in classifier.gradients(X, y, wrt="intercepts")] == [(4,), (3,)]
    with pytest.raises(ConfigurationError, match="unknown wrt 'weights'"):
        classifier.gradients(X, y, wrt="weights")


def test_summary_derivation_and_drawing(rng: np.random.Generator) -> None:
    classifier, X, y = fitted(rng, hidden_layer_sizes=(2,))
    assert "layers.0  Dense  (N, 2)" in classifier.summary()
    derivation = str(classifier.explain(X[:1], y[:1], view="matrix"))
    assert "∂L/∂W1" in derivation
    assert "<svg" in classifier.draw(X[:1], y[:1])._repr_svg_()
    regressor = wg.MLPRegressor("quantile", (2,), quantile=0.9, max_iter=2).fit(X, X[:, 0])
    assert "∂L/∂W1" in str(regressor.explain(X[:2], X[:2, 0], view="matrix"))


def test_lr_find_leaves_the_estimator_alone_and_suggests_a_rate_that_learns(rng: np.random.Generator) -> None:
    classifier, X, y = fitted(rng)
    before = classifier.coefs_[0].copy()
    curve = classifier.lr_find(X, y, high=100.0)
    np.testing.assert_array_equal(classifier.coefs_[0], before)
    assert 1e-6 < curve.suggestion < 10
    slow, _, _ = fitted(rng, max_iter=20)
    quick = wg.MLPClassifier(
        hidden_layer_sizes=(4,), max_iter=20, random_state=0, learning_rate_init=curve.suggestion
    ).fit(X, y)
    assert quick.loss_ < slow.loss_
    unfitted = wg.MLPClassifier((4,), random_state=0)
    unfitted.lr_find(X, y)
    assert not hasattr(unfitted, "network_")
    with pytest.raises(ConfigurationError, match="solver='lbfgs' has no learning rate"):
        wg.MLPClassifier(solver="lbfgs").lr_find(X, y)


def test_doctor_finds_what_was_put_in(rng: np.random.Generator) -> None:
    _, X, y = fitted(rng)
    classifier = wg.MLPClassifier((4,), activation="tanh", learning_rate_init=0.02, random_state=0).fit(X, y)
    assert str(classifier.doctor(X, y)).endswith("Nothing stands out.")
    classifier, X, y = fitted(rng, max_iter=300, learning_rate_init=0.05, alpha=0.01)
    classifier.intercepts_ = [np.array([-99.0, -99.0, 0, 0]), classifier.intercepts_[1]]
    report = classifier.doctor(X, y)
    assert ("dead units", "layers.0") in [(one.kind, one.layer) for one in report.findings]
    assert report.layers[0].dead == 0.5
    assert "layers.0: 50% of the units are dead: 0 for every row" in str(report)
    fast = wg.MLPClassifier((4,), random_state=0, learning_rate_init=50.0)
    assert "large update" in {finding.kind for finding in fast.doctor(X, y).findings}
    assert not hasattr(fast, "network_")
