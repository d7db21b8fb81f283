"""The tabular preset: what the network is made of, and that it learns what a table holds."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from wengert import nn, train
from wengert.train import BestEpoch, TabularFeatures, tabular_recipe
from wengert.train.steps import stepper


def layers(recipe):
    return [type(layer).__name__ for layer in recipe.network.layers]


def members(recipe):
    """Return the layers of the ensemble."""
    return next(layer for layer in recipe.network.layers if isinstance(layer, nn.Ensemble)).network.layers


def test_the_network_for_classes():
    recipe = tabular_recipe(TabularFeatures(5, (4, 20)), outputs=3, rows=1000)
    assert layers(recipe) == ["ColumnBlocks", "Scale", "Ensemble"]
    assert [type(layer).__name__ for layer in members(recipe)] == ["NTKDense"] * 4
    shapes = {name: value.shape for name, value in nn.parameters(recipe.network).items()}
    assert shapes["layers.0.layers.1.weight"] == (24, 8)
    assert shapes["layers.1.scale"] == (5 + 2 * 8,)
    assert shapes["layers.2.network.layers.0.weight"] == (8, 21, 128)
    assert shapes["layers.2.network.layers.3.weight"] == (8, 128, 3)
    assert not members(recipe)[3].weight.any()
    assert members(recipe)[0].activation == "selu"
    assert recipe.network(np.zeros((2, 7), np.float32)).shape == (2, 3)


def test_the_network_for_numbers():
    recipe = tabular_recipe(TabularFeatures(5), 1, rows=1000, limits=(-1.5, 2.0), hidden=(8,), dropout=0.2)
    assert layers(recipe) == ["Scale", "Ensemble", "Clip"]
    assert [type(layer).__name__ for layer in members(recipe)] == ["NTKDense", "Dropout", "NTKDense"]
    assert members(recipe)[0].activation == "mish"
    only_words = tabular_recipe(TabularFeatures(0, (3,)), 2, rows=10, hidden=())
    assert layers(only_words) == ["CategoryEmbeddings", "Scale", "Ensemble"]


@pytest.mark.parametrize(
    ("rows", "epochs", "batch"), [(7, 256, 7), (50_000, 248, 248), (1_000_000, 12, 248), (10**8, 1, 256)]
)
def test_large_tables_take_fewer_epochs(rows, epochs, batch):
    recipe = tabular_recipe(TabularFeatures(2), 2, rows=rows)
    assert (recipe.epochs, recipe.batch_size) == (epochs, batch)


@given(rows=st.integers(1, 100_000), most=st.none() | st.integers(1, 2000))
def test_all_batches_of_an_epoch_are_of_one_size_which_members_share(rows, most):
    """And of each step fewer than 8 rows are left out, beside what does not divide into steps."""
    size = tabular_recipe(TabularFeatures(1), 2, rows=rows, batch_size=most, hidden=()).batch_size
    if rows < 8:
        assert size == rows
    else:
        assert size % 8 == 0
        assert size <= max(8, 256 if most is None else most)
        assert rows % size < 8 * (rows // size + 1)


def test_rates_of_scale_bias_and_weights():
    recipe = tabular_recipe(TabularFeatures(2), 2, rows=256, epochs=100, learning_rate=0.5)
    peak = 100 * (2**0.5 - 1) / 15
    rates = {pattern: optimizer.learning_rate(peak) for pattern, optimizer in recipe.optimizer.groups}
    assert rates == pytest.approx({"*.scale": 3.0, "*.bias": 0.05})
    assert recipe.optimizer.learning_rate(peak) == pytest.approx(0.5)
    assert recipe.optimizer.learning_rate(100) == pytest.approx(0, abs=1e-12)


def test_it_learns_a_rule_of_numbers_and_words(rng):
    numbers = rng.normal(size=(600, 2)).astype(np.float32)
    words = rng.integers(1, 12, size=600)
    y = (numbers[:, 0] * numbers[:, 1] > 0) ^ (words % 3 == 0)
    X = np.column_stack([numbers, words]).astype(np.float32)
    recipe = tabular_recipe(TabularFeatures(2, (12,)), 2, rows=450, hidden=(32, 32), epochs=150)
    result = recipe.fit(X[:450], y[:450].astype(int), validation_data=(X[450:], y[450:].astype(int)))
    predicted = np.argmax(train.predict(result.net, X[450:]), axis=1)
    assert (predicted == y[450:]).mean() > 0.9
    ends = [result.history[epoch - 1] for epoch in recipe.snapshots]
    assert recipe.snapshots == (10, 30, 70, 150)
    lowest = min(epoch.validation_loss for epoch in ends)
    assert result.best_epoch in recipe.snapshots
    assert result.history[result.best_epoch - 1].validation_loss == lowest


def test_predictions_of_numbers_stay_within_those_of_training(rng):
    X = rng.uniform(-1, 1, size=(300, 1)).astype(np.float32)
    y = 2 * X
    limits = (float(y.min()), float(y.max()))
    recipe = tabular_recipe(TabularFeatures(1), 1, rows=300, limits=limits, hidden=(16,), epochs=40)
    result = recipe.fit(X, y)
    far = np.array([[-9.0], [0.25], [9.0]], np.float32)
    low, middle, high = train.predict(result.net, far)[:, 0]
    assert (low, high) == pytest.approx(limits)
    assert middle == pytest.approx(0.5, abs=0.1)


def test_the_best_epoch_is_the_last_of_the_lowest_loss_among_those_that_count():
    watch = BestEpoch((2, 4, 5))
    history = train.History()
    for number, loss in enumerate([0.1, 0.7, 0.2, 0.7, 0.8], start=1):
        history = history.appended(train.Epoch(number, 1.0, loss, None, 0.1, 0.0))
        assert watch.on_epoch_end(train.TrainingState(f"net {number}", history, 5, number, 1)) is None
    assert (watch.network, watch.epoch) == ("net 4", 4)


def test_without_validation_rows_the_training_loss_decides():
    watch = BestEpoch((1, 2, 3))
    history = train.History()
    for number, loss in enumerate([3.0, 1.0, 2.0], start=1):
        history = history.appended(train.Epoch(number, loss, None, None, 0.1, 0.0))
        watch.on_epoch_end(train.TrainingState(number, history, 3, number, 1))
    assert watch.network == 2


@pytest.mark.parametrize("limits", [None, (-1.0, 1.0)])
def test_machine_code_and_numpy_agree_also_where_members_share_unevenly(limits, rng):
    X = rng.normal(size=(45, 3)).astype(np.float32)
    y = rng.integers(0, 2, 45) if limits is None else X[:, :1]
    recipe = tabular_recipe(
        TabularFeatures(3),
        2 if limits is None else 1,
        45,
        limits=limits,
        hidden=(6,),
        batch_size=23,
        epochs=3,
    )
    first, second = (
        recipe.fit(X, y, validation_data=(X, y), executor=name, progress=False) for name in ("llvm", "numpy")
    )
    np.testing.assert_allclose(
        train.predict(first.net, X), train.predict(second.net, X), rtol=1e-3, atol=1e-5
    )
    for one, other in zip(first.history, second.history, strict=True):
        assert one.validation_loss == pytest.approx(other.validation_loss, rel=1e-4)


@pytest.mark.parametrize("limits", [None, (-1.0, 1.0)])
def test_its_steps_run_in_a_native_loop(limits, rng, monkeypatch):
    """No line of them is left to NumPy, nor does a schedule keep a count from being written in place."""
    X = rng.normal(size=(300, 4)).astype(np.float32)
    X[:, 3] = rng.integers(0, 12, 300)
    y = rng.integers(0, 2, 300) if limits is None else X[:, :1]
    recipe = tabular_recipe(
        TabularFeatures(3, (12,)), 2 if limits is None else 1, 300, limits=limits, hidden=(8,), epochs=1
    )
    found = []
    native_steps = stepper.native_steps

    def watched(*arguments):
        found.append(native_steps(*arguments))
        return found[-1]

    monkeypatch.setattr(stepper, "native_steps", watched)
    recipe.fit(X, y)
    assert found != [None]
    assert len(found) == 1
