"""The plots show the numbers they should; how they look is for eyes."""

import subprocess
import sys

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Perceptron

import wengert as wg
from wengert import nn, optim, plots, train
from wengert.errors import ConfigurationError, ShapeError
from wengert.plots.activations import curve
from wengert.plots.boundary import margins
from wengert.plots.classifiers import ask
from wengert.plots.directions import plane_of_directions, plane_of_trajectory, plane_of_weights
from wengert.plots.hidden_units import responses
from wengert.plots.plane_of_features import feature_grid
from wengert.plots.progress import shown
from wengert.plots.surface import evaluate

figures = pytest.importorskip("matplotlib.figure", reason="plots are drawn with matplotlib")


def data(rows=60, features=2, classes=2, seed=0):
    rng = np.random.default_rng(seed)
    y = np.arange(rows) % classes
    return rng.normal(size=(rows, features)) + 2 * y[:, None], y


def network(outputs=1, inputs=2, activation=None):
    last = nn.Dense(4, outputs, activation) if activation else nn.Dense(4, outputs)
    return nn.Sequential(nn.Dense(inputs, 4, "tanh"), last).initialise(3, np.float64)


X, y = data()
T = y[:, None].astype(float)
LOGITS = "nll_from_logits"


class TestDecisionBoundary:
    @pytest.mark.parametrize("classes", [2, 3])
    @pytest.mark.parametrize("kind", [LogisticRegression, Perceptron])
    def test_agrees_with_predict(self, kind, classes):
        rows, labels = data(classes=classes)
        model = kind().fit(rows, labels)
        grid = feature_grid(rows, (0, 1), None, 25, None)
        verdict = ask(model, grid.points)

        np.testing.assert_array_equal(np.asarray(verdict.classes)[verdict.labels], model.predict(grid.points))
        assert verdict.graded == hasattr(model, "predict_proba")

    def test_of_a_network_with_one_logit_is_where_it_is_zero(self):
        net = network()
        verdict = ask(net, X)

        np.testing.assert_array_equal(verdict.labels, (net(X)[:, 0] > 0).astype(int))
        (margin,) = margins(verdict)
        np.testing.assert_array_equal(margin > 0, net(X)[:, 0] > 0)

    def test_of_a_network_with_several_logits_is_their_largest(self):
        net = network(3)

        np.testing.assert_array_equal(ask(net, X).labels, np.argmax(net(X), axis=1))
        np.testing.assert_allclose(ask(net, X).probabilities.sum(axis=1), 1)

    def test_probabilities_of_a_network_are_taken_as_they_are(self):
        net = network(activation="sigmoid")

        np.testing.assert_allclose(ask(net, X).probabilities[:, 1], net(X)[:, 0])

    def test_draws_lines_and_data_in_the_axes_given(self):
        ax = figures.Figure().subplots()
        model = LogisticRegression().fit(X, y)

        assert plots.decision_boundary(model, X, y, ax=ax, resolution=30, names=["a", "b"]) is ax
        assert (ax.get_xlabel(), ax.get_ylabel()) == ("a", "b")
        line = np.concatenate([path.vertices for path in ax.collections[0].get_paths()])
        # On the line both classes are even: up to how finely the grid cuts the plane.
        assert np.abs(model.predict_proba(line)[:, 1] - 0.5).max() < 0.05
        drawn = np.concatenate([one.get_offsets() for one in ax.collections[1:]])
        assert sorted(map(tuple, drawn)) == sorted(map(tuple, X))

    @pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
    def test_estimators_of_wengert_are_taken_by_every_plot(self):
        names = np.array(["yes", "no", "maybe"])
        rows, labels = data(classes=3)
        model = wg.MLPClassifier((4,), max_iter=5, random_state=0).fit(rows, names[labels])
        grid = feature_grid(rows, (0, 1), None, 9, None)

        verdict = ask(model, grid.points)
        np.testing.assert_array_equal(np.asarray(verdict.classes)[verdict.labels], model.predict(grid.points))
        plots.decision_boundary(model, rows, names[labels], resolution=9)
        assert len(plots.hidden_units(model, rows, resolution=9).axes) == 4 + 1  # and the scale
        assert len(plots.loss_curves(model).lines[0].get_ydata()) == model.n_iter_

    def test_other_features_are_held_still(self):
        rows, labels = data(features=4)
        grid = feature_grid(rows, (3, 1), [9.0, 8.0, 7.0, 6.0], 5, None)

        assert set(grid.points[:, 0]) == {9.0}
        assert set(grid.points[:, 2]) == {7.0}
        assert grid.shaped(grid.points)[2, 4, 3] == grid.x[4]
        assert grid.shaped(grid.points)[2, 4, 1] == grid.y[2]
        plots.decision_boundary(LogisticRegression().fit(rows, labels), rows, labels, features=(3, 1))

    @pytest.mark.parametrize(
        ("arguments", "error", "words"),
        [
            ({"classifier": object()}, ConfigurationError, "predict_proba or predict; object has neither"),
            ({"X": X[:, 0]}, ShapeError, r"X has shape \(60,\)"),
            ({"y": y[:5]}, ShapeError, r"y has shape \(5,\); X has 60 rows"),
            ({"features": (0, 2)}, ConfigurationError, r"features=\(0, 2\).*0 to 1"),
            ({"at": [1.0]}, ShapeError, r"at has shape \(1,\); X has 2 features"),
            ({"resolution": 1}, ConfigurationError, "resolution"),
            ({"ax": 3}, ConfigurationError, "axes of matplotlib.*got int"),
        ],
    )
    def test_bad_input(self, arguments, error, words):
        given = {"classifier": network(), "X": X, "y": y, **arguments}
        with pytest.raises(error, match=words):
            plots.decision_boundary(given.pop("classifier"), given.pop("X"), given.pop("y"), **given)


class TestHiddenUnits:
    def test_responses_are_those_of_the_layer(self):
        net = network()
        before, after = responses(net, X, 0)
        np.testing.assert_allclose(before, X @ net.layers[0].weight + net.layers[0].bias)
        np.testing.assert_allclose(after, np.tanh(before))
        np.testing.assert_allclose(responses(net, X, 1)[1], net(X))

    def test_one_axes_for_each_unit_with_its_straight_line(self):
        figure = plots.hidden_units(network(), X, y, resolution=20)
        titles = [ax.get_title() for ax in figure.axes if ax.get_title()]

        assert titles == ["unit 1", "unit 2", "unit 3", "unit 4"]

    def test_bad_input(self):
        with pytest.raises(ConfigurationError, match="layer=2: the network has 2 dense layers"):
            plots.hidden_units(network(), X, layer=2)
        with pytest.raises(ConfigurationError, match=r"of a network of wengert\.nn, got Perceptron"):
            plots.hidden_units(Perceptron(), X)


class TestLossSurface:
    def loss(self, net):
        return float(nn.nll_from_logits(net(X), T))

    @pytest.mark.parametrize("weights", [None, ("layers.0.weight[0, 1]", "layers.1.bias[0]")])
    def test_the_middle_is_the_loss_of_the_network(self, weights):
        net = network()
        plane = plane_of_directions(net, 0) if weights is None else plane_of_weights(net, weights)
        surface = evaluate(plane, X, T, LOGITS, None, 1.0, 5)

        assert surface.losses[2, 2] == pytest.approx(self.loss(net), rel=1e-12)
        assert (surface.a[2], surface.b[2]) == pytest.approx(plane.origin)

    def test_over_two_weights_it_is_the_loss_with_these_weights(self):
        net = network()
        plane = plane_of_weights(net, ("layers.0.weight[1, 2]", "layers.1.weight[3, 0]"))
        surface = evaluate(plane, X, T, LOGITS, None, 2.0, 4)
        first, second = net.layers[0].weight.copy(), net.layers[1].weight.copy()
        first[1, 2], second[3, 0] = surface.a[3], surface.b[1]
        changed = nn.with_parameters(
            net, nn.parameters(net) | {"layers.0.weight": first, "layers.1.weight": second}
        )

        assert surface.losses[1, 3] == pytest.approx(self.loss(changed), rel=1e-12)

    def test_directions_have_the_norm_of_each_filter(self):
        net = network()
        plane = plane_of_directions(net, 1)
        for name, weight in nn.parameters(net).items():
            if weight.ndim == 2:
                np.testing.assert_allclose(
                    np.linalg.norm(plane.first[name], axis=0), np.linalg.norm(weight, axis=0)
                )
            else:
                assert not plane.first[name].any()
        assert not np.allclose(plane.first["layers.0.weight"], plane.second["layers.0.weight"])

    def trained(self):
        path = plots.Trajectory()
        result = train.fit(
            network(), X, T, loss=LOGITS, optimizer=optim.SGD(learning_rate=0.3), epochs=12, batch_size=60,
            callbacks=[path], seed=0, progress=False,
        )  # fmt: skip
        return result.net, path

    def test_the_trajectory_goes_down_to_the_network(self):
        net, path = self.trained()
        plane = plane_of_trajectory(net, path.networks)
        surface = evaluate(plane, X, T, LOGITS, path, 0.1, 21)

        assert len(surface.path) == 13
        assert surface.path[-1] == pytest.approx((0, 0), abs=1e-9)
        nearest = [
            surface.losses[np.abs(surface.b - b).argmin(), np.abs(surface.a - a).argmin()]
            for a, b in surface.path
        ]
        assert nearest[-1] == min(nearest)
        assert nearest[-1] == pytest.approx(self.loss(net), rel=0.05)
        inside = (surface.path > [surface.a[0], surface.b[0]]) & (
            surface.path < [surface.a[-1], surface.b[-1]]
        )
        assert inside.all()

    def test_a_point_of_the_plane_has_its_coordinates(self):
        net = network()
        plane = plane_of_directions(net, 2)
        moved = {
            name: nn.parameters(net)[name] + 0.3 * plane.first[name] - 0.2 * plane.second[name]
            for name in plane.first
        }

        assert plane.coordinates(nn.with_parameters(net, moved)) == pytest.approx((0.3, -0.2))

    def test_labels_become_rows_of_zero_and_one(self):
        rows, labels = data(classes=3)
        net = network(3)
        surface = evaluate(plane_of_directions(net, 0), rows, labels, "nllm_from_logits", None, 1.0, 3)

        assert surface.losses[1, 1] == pytest.approx(float(nn.nllm_from_logits(net(rows), np.eye(3)[labels])))

    def test_pictures(self):
        net, path = self.trained()
        ax = plots.loss_surface(net, X, y, LOGITS, trajectory=path, resolution=5)
        np.testing.assert_allclose(ax.lines[0].get_xydata()[-1], (0, 0), atol=1e-9)
        probabilities = network(activation="sigmoid")
        weights = ("layers.0.weight[0, 0]", "layers.1.weight[0, 0]")
        figure = plots.loss_surfaces(probabilities, X, y, weights=weights, resolution=4)
        assert [one.get_title() for one in figure.axes if one.get_title()] == ["half_squared_error", "nll"]

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({"weights": ("layers.0.wieght[0, 0]", "layers.1.bias[0]")}, "did you mean 'layers.0.weight'"),
            ({"weights": ("layers.0.weight[9, 0]", "layers.1.bias[0]")}, r"has shape \(2, 4\)"),
            ({"weights": ("layers.0.weight", "layers.1.bias[0]")}, "name one weight, such as"),
            ({"weights": ("layers.1.bias[0]",)}, "two different weights"),
            ({"loss": "nll_from_logit"}, "did you mean 'nll_from_logits'"),
            ({"directions": "randm"}, "did you mean 'random'"),
            ({"directions": "trajectory"}, "three networks or more"),
            ({"reach": 0}, "reach is a number above 0"),
            ({"resolution": 1}, "resolution"),
            ({"trajectory": [network(3)]}, "other parameters"),
        ],
    )
    def test_bad_input(self, options, words):
        loss = options.pop("loss", LOGITS)
        with pytest.raises(ConfigurationError, match=words):
            plots.loss_surface(network(), X, T, loss, **options)


class TestLossCurves:
    def test_losses_validation_and_best_epoch(self):
        result = train.fit(
            network(), X, T, loss=LOGITS, optimizer=optim.Adam(learning_rate=0.3), epochs=6,
            validation_fraction=0.25, seed=0, progress=False,
        )  # fmt: skip
        ax = plots.loss_curves(result)
        lines = {line.get_label(): line.get_ydata() for line in ax.lines}

        np.testing.assert_array_equal(lines["training"], [one.loss for one in result.history])
        np.testing.assert_array_equal(lines["validation"], [one.validation_loss for one in result.history])
        best = min(result.history, key=lambda one: one.validation_loss)
        assert f"best: epoch {best.epoch}, {best.validation_loss:.4g}" in lines

    def test_an_empty_history_is_refused(self):
        with pytest.raises(ConfigurationError, match="at least one epoch"):
            plots.loss_curves(train.History())


class TestActivations:
    @pytest.mark.parametrize("name", [one for one in nn.ACTIVATIONS if one not in ("softmax", "step")])
    def test_the_derivative_is_that_of_the_curve(self, name):
        z = np.array([-2.1, -0.7, 0.4, 1.9])
        value, slope = curve(name, z)
        step = 1e-6

        np.testing.assert_allclose(value, nn.ACTIVATIONS[name](z))
        numeric = (nn.ACTIVATIONS[name](z + step) - nn.ACTIVATIONS[name](z - step)) / (2 * step)
        np.testing.assert_allclose(slope, numeric, rtol=1e-6, atol=1e-8)

    def test_one_axes_for_each(self):
        figure = plots.activations()
        assert [ax.get_title() for ax in figure.axes] == [one for one in nn.ACTIVATIONS if one != "softmax"]

    def test_bad_input(self):
        with pytest.raises(ConfigurationError, match="did you mean 'relu'"):
            plots.activations(["rleu"])
        with pytest.raises(ConfigurationError, match="softmax is a function of several numbers"):
            plots.activations(["softmax"])


class TestFirstLayerWeights:
    def test_images_are_the_columns(self):
        net = nn.Sequential(nn.Dense(6, 3, "relu"), nn.Dense(3, 1)).initialise(0)
        figure = plots.first_layer_weights(net, (2, 3), units=[2, 0])
        images = [ax.images[0].get_array() for ax in figure.axes]

        np.testing.assert_array_equal(images[0], net.layers[0].weight[:, 2].reshape(2, 3))
        np.testing.assert_array_equal(images[1], net.layers[0].weight[:, 0].reshape(2, 3))

    def test_bad_input(self):
        net = nn.Sequential(nn.Dense(6, 3)).initialise(0)
        with pytest.raises(ShapeError, match="6 inputs are no image of 2×2"):
            plots.first_layer_weights(net)
        with pytest.raises(ConfigurationError, match="units 0 to 2"):
            plots.first_layer_weights(net, (2, 3), units=[3])


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'wengert\[plot\]'"):
        plots.activations(["relu"])


def test_no_pyplot_and_no_import_of_matplotlib_before_a_plot():
    code = (
        "import sys, numpy as np, wengert as wg; from wengert import plots; "
        "assert 'matplotlib' not in sys.modules; plots.activations(['relu']); "
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_progress_is_silent_until_two_seconds_have_passed(monkeypatch, capsys):
    times = iter([0.0, 0.5, 1.0, 2.5, 3.0, 13.0])
    monkeypatch.setattr("wengert.plots.progress.time.monotonic", lambda: next(times))

    assert list(shown([1, 2, 3, 4, 5], "surface")) == [1, 2, 3, 4, 5]
    assert capsys.readouterr().err == "surface: 40 %\nsurface: 80 %\nsurface: 100 %\n"
