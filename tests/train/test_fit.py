"""Training gives the numbers of a loop written by hand, and the same numbers every time."""

import functools
import threading

import numpy as np
import pytest

import wengert as wg
from wengert import nn, optim, train
from wengert.errors import ConfigurationError, DataError, ModelFileError, ShapeError
from wengert.run import NumpyExecutor
from wengert.train.steps.batches import batch_bounds, held_out, row_order

ROWS = 23
BATCH = 5


@pytest.fixture
def rows(rng):
    X = rng.normal(size=(ROWS, 3))
    return X, X @ rng.normal(size=(3, 2)) + 0.1 * rng.normal(size=(ROWS, 2))


def fit(net, X, y, **options):
    return train.fit(net, X, y, **{"loss": "half_squared_error", "progress": False} | options)


def arrays(net):
    return {**nn.parameters(net), **nn.state(net)}


def assert_same(one, other):
    assert list(one) == list(other)
    for path, value in one.items():
        assert np.array_equal(value, other[path]), path


def deep(dtype=np.float32):
    net = nn.Sequential(nn.Dense(3, 8, "tanh"), nn.BatchNorm(8), nn.Dropout(0.3), nn.Dense(8, 2))
    return net.initialise(seed=3, dtype=dtype)


def by_hand(W, b, X, y, weights, epochs, rate):
    """Regression by stochastic gradient descent; returns the parameters and each epoch's mean loss."""
    losses = []
    for epoch in range(epochs):
        total = 0.0
        order = row_order(7, epoch, ROWS)
        for first, last in batch_bounds(ROWS, BATCH):
            places = order[first:last]
            residual = X[places] @ W + b - y[places]
            w = weights[places][:, None]
            total += 0.5 * float(np.sum(w * residual**2))
            delta = w * residual / len(places)
            W, b = W - rate * X[places].T @ delta, b - rate * delta.sum(axis=0)
        losses.append(total / ROWS)
    return W, b, losses


@pytest.mark.parametrize("weighted", [False, True])
def test_the_numbers_are_those_of_a_loop_by_hand(rows, rng, weighted):
    X, y = rows
    weights = rng.random(ROWS) if weighted else np.ones(ROWS)
    net = nn.Dense(3, 2).initialise(seed=1, dtype=np.float64)
    result = fit(
        net, X, y, optimizer=optim.SGD(0.1), epochs=3, batch_size=BATCH, seed=7,
        sample_weight=weights if weighted else None,
    )  # fmt: skip
    W, b, losses = by_hand(net.weight, net.bias, X, y, weights / weights.mean(), 3, 0.1)
    np.testing.assert_allclose(result.net.weight, W, rtol=1e-12)
    np.testing.assert_allclose(result.net.bias, b, rtol=1e-12)
    # The short last batch counts for its rows: no mean of means.
    np.testing.assert_allclose([epoch.loss for epoch in result.history], losses, rtol=1e-12)
    assert (result.stopped, result.steps) == ("epochs", 15)


@pytest.mark.parametrize("executor", ["llvm", "numpy"])
def test_without_the_short_batch_an_epoch_is_that_of_the_rows_before_it(rows, executor):
    X, y = rows
    whole = ROWS // BATCH * BATCH
    options = {"epochs": 3, "batch_size": BATCH, "shuffle": False, "executor": executor}
    left_out = fit(deep(), X, y, drop_last=True, **options)
    shorter = fit(deep(), X[:whole], y[:whole], **options)
    assert_same(arrays(left_out.net), arrays(shorter.net))
    assert [epoch.loss for epoch in left_out.history] == [epoch.loss for epoch in shorter.history]
    assert left_out.steps == 3 * (ROWS // BATCH)


def test_without_the_short_batch_other_rows_are_left_out_in_each_epoch():
    """Two rows in three are seen in an epoch, and all of them in eight."""
    X = np.eye(3)
    net = nn.Dense(3, 1, weight=np.zeros((3, 1)), bias=np.zeros(1))
    moved = [
        np.flatnonzero(
            fit(net, X, np.ones((3, 1)), batch_size=2, drop_last=True, epochs=epochs).net.weight[:, 0]
        )
        for epochs in (1, 8)
    ]
    assert [len(rows) for rows in moved] == [2, 3]


def test_a_checkpoint_knows_whether_the_short_batch_is_left_out(rows, tmp_path):
    options = {"epochs": 1, "batch_size": BATCH, "checkpoint": tmp_path / "run"}
    fit(deep(), *rows, **options)
    with pytest.raises(ModelFileError, match=r"batch_size: .* there, .* with drop_last here"):
        fit(deep(), *rows, **options, drop_last=True)


def test_whether_the_short_batch_is_left_out_is_true_or_false(rows):
    with pytest.raises(ConfigurationError, match="drop_last is True or False, got 'no'"):
        fit(deep(), *rows, drop_last="no")


def test_penalty_and_clipping_are_part_of_the_step(rows):
    X, y = rows
    net = nn.Dense(3, 2).initialise(seed=1, dtype=np.float64)
    result = fit(
        net, X, y, optimizer=optim.SGD(1.0), epochs=1, batch_size=ROWS, penalty=nn.L2(0.5), clip_norm=0.01,
        shuffle=False,
    )  # fmt: skip
    delta = (X @ net.weight + net.bias - y) / ROWS
    gradient = [X.T @ delta + 0.5 * net.weight, delta.sum(axis=0)]
    norm = np.sqrt(sum((part**2).sum() for part in gradient))
    np.testing.assert_allclose(result.net.weight, net.weight - 0.01 * gradient[0] / norm, rtol=1e-12)
    np.testing.assert_allclose(result.net.bias, net.bias - 0.01 * gradient[1] / norm, rtol=1e-12)
    # The loss reported is that of the data alone.
    np.testing.assert_allclose(result.history[0].loss, 0.5 * ROWS * (delta**2).sum(), rtol=1e-12)


def test_a_weight_of_two_counts_like_two_rows(rows):
    X, y = rows
    net = nn.Dense(3, 2).initialise(seed=1, dtype=np.float64)
    weights = np.where(np.arange(ROWS) < 4, 2, 1)
    twice = np.repeat(np.arange(ROWS), weights)
    options = {"optimizer": optim.SGD(0.1), "epochs": 5, "shuffle": False}
    one = fit(net, X, y, sample_weight=weights, batch_size=ROWS, **options)
    other = fit(net, X[twice], y[twice], batch_size=len(twice), **options)
    np.testing.assert_allclose(one.net.weight, other.net.weight, rtol=1e-12)
    np.testing.assert_allclose(one.history[4].loss, other.history[4].loss, rtol=1e-12)


def test_rows_of_weight_zero_do_not_count(rows):
    X, y = rows
    weights = np.zeros(ROWS)
    weights[:BATCH] = 1  # the other batches have weights of zero only
    net = nn.Dense(3, 2).initialise(seed=1, dtype=np.float64)
    options = {"optimizer": optim.SGD(0.1), "epochs": 1, "shuffle": False, "batch_size": BATCH}
    weighted = fit(net, X, y, sample_weight=weights, **options)
    rate = 0.1 * ROWS / BATCH
    alone = fit(net, X[:BATCH], y[:BATCH], **options | {"optimizer": optim.SGD(rate)})
    np.testing.assert_allclose(weighted.net.weight, alone.net.weight, rtol=1e-12)


def test_batch_of_one_is_the_sgd_of_the_lectures(rows):
    X, y = rows
    net = nn.Dense(3, 2).initialise(seed=1, dtype=np.float64)
    result = fit(net, X[:2], y[:2], optimizer=optim.SGD(0.1), epochs=1, batch_size=1, shuffle=False)
    W, b = net.weight, net.bias
    for x, t in zip(X[:2], y[:2], strict=True):
        delta = x @ W + b - t
        W, b = W - 0.1 * np.outer(x, delta), b - 0.1 * delta
    np.testing.assert_allclose(result.net.weight, W, rtol=1e-12)


@pytest.mark.parametrize(
    "optimizer", [optim.SGD(0.01, momentum=0.9), optim.Adam(), optim.AdamW(), optim.RMSProp()]
)
def test_the_same_seed_gives_the_same_bits(rows, optimizer):
    options = {"optimizer": optimizer, "epochs": 3, "batch_size": BATCH, "validation_fraction": 0.2}
    one = fit(deep(), *rows, seed=5, **options)
    assert_same(arrays(one.net), arrays(fit(deep(), *rows, seed=5, **options).net))
    other = fit(deep(), *rows, seed=6, **options)
    assert not np.array_equal(one.net.layers[0].weight, other.net.layers[0].weight)


def test_two_threads_get_what_each_gets_alone(rows):
    seeds = [1, 2, 3, 4]

    def train_one(seed):
        return fit(deep(), *rows, seed=seed, epochs=5, batch_size=BATCH)

    alone = [train_one(seed) for seed in seeds]
    together = dict.fromkeys(seeds)
    threads = [threading.Thread(target=lambda s=s: together.__setitem__(s, train_one(s))) for s in seeds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed, one in zip(seeds, alone, strict=True):
        assert_same(arrays(one.net), arrays(together[seed].net))


def test_running_statistics_are_updated_in_training(rows):
    result = fit(deep(), *rows, epochs=1)
    assert not np.array_equal(result.net.layers[1].running_mean, np.zeros(8))


def test_the_learning_rate_of_a_schedule_is_reported(rows):
    schedule = optim.StepDecay(0.1, every=5, factor=0.5)
    result = fit(deep(), *rows, optimizer=optim.SGD(schedule), epochs=3, batch_size=BATCH)
    assert [epoch.learning_rate for epoch in result.history] == pytest.approx([0.1, 0.05, 0.025])


def squared_per_row(prediction, target):
    return np.sum(np.square(prediction - target), axis=1)


@pytest.mark.parametrize(
    "loss",
    [
        squared_per_row,
        lambda prediction, target: np.mean(np.sum((prediction - target) ** 2, axis=1)),
        nn.squared_error,
        functools.partial(nn.squared_error),
        "squared_error",
    ],
    ids=["per row", "mean", "function", "partial", "name"],
)
def test_a_loss_is_a_name_or_a_function(rows, loss):
    net = nn.Dense(3, 2).initialise(seed=1, dtype=np.float64)
    result = fit(net, *rows, loss=loss, epochs=2)
    expected = fit(net, *rows, loss="squared_error", epochs=2)
    np.testing.assert_allclose(result.net.weight, expected.net.weight, rtol=1e-12)


def test_weights_reach_a_loss_of_ones_own_when_it_is_per_row(rows, rng):
    net, weights = nn.Dense(3, 2).initialise(seed=1, dtype=np.float64), rng.random(ROWS)
    result = fit(net, *rows, loss=squared_per_row, epochs=2, sample_weight=weights)
    expected = fit(net, *rows, loss="squared_error", epochs=2, sample_weight=weights)
    np.testing.assert_allclose(result.net.weight, expected.net.weight, rtol=1e-12)


def test_a_loss_need_not_be_a_plain_function(rows):
    class Scaled:
        __hash__ = None  # as a dataclass that can be compared

        def __call__(self, prediction, target):
            return 2 * squared_per_row(prediction, target)

    net = nn.Dense(3, 2).initialise(seed=1, dtype=np.float64)
    loss = fit(net, *rows, loss=Scaled(), epochs=1, batch_size=ROWS).history[0].loss
    assert loss == pytest.approx(2 * train.evaluate(net, *rows, loss="squared_error").loss)


def test_held_out_rows_keep_their_weights(rows):
    X, y = rows
    kept, out = held_out(0, ROWS, 0.3)
    weights = np.arange(1.0, ROWS + 1)
    options = {"epochs": 2, "batch_size": len(kept), "optimizer": optim.SGD(0.1), "shuffle": False}
    net = nn.Dense(3, 2).initialise(seed=1, dtype=np.float64)
    one = fit(net, X, y, sample_weight=weights, validation_fraction=0.3, **options)
    held = X[out], y[out], weights[out]
    other = fit(net, X[kept], y[kept], sample_weight=weights[kept], validation_data=held, **options)
    np.testing.assert_allclose(one.net.weight, other.net.weight, rtol=1e-12)
    for mine, theirs in zip(one.history, other.history, strict=True):
        assert mine.validation_loss == pytest.approx(theirs.validation_loss, rel=1e-12)
    weights[out] = 0
    with pytest.raises(DataError, match="all 7 validation rows have weight zero"):
        fit(net, X, y, sample_weight=weights, validation_fraction=0.3)


def test_a_loss_of_another_shape_is_refused(rows):
    net = nn.Dense(3, 2).initialise(seed=1)
    with pytest.raises(ShapeError, match=r"returned shape \(23, 2\) for 23 rows"):
        fit(net, *rows, loss=lambda prediction, target: prediction - target)
    with pytest.raises(ShapeError, match=r"returned shape \(\) for 23 rows; .* shape \(23,\)$"):
        fit(net, *rows, loss=lambda z, t: np.mean((z - t) ** 2), sample_weight=np.ones(ROWS))


def test_parameters_of_two_dtypes_are_refused():
    net = nn.Sequential(
        nn.Dense(3, 2).initialise(seed=0), nn.Dense(2, 2).initialise(seed=0, dtype=np.float64)
    )
    with pytest.raises(ConfigurationError, match="several dtypes: float32, float64"):
        fit(net, np.ones((2, 3)), np.ones((2, 2)))


def test_an_optimiser_that_widens_the_parameters_is_refused(rows):
    class Widening(optim.SGD):
        def update(self, parameters, gradients, state):
            parameters, state = super().update(parameters, gradients, state)
            return {path: value.astype(np.float64) for path, value in parameters.items()}, state

    with pytest.raises(ConfigurationError, match=r"turns weight from f32\[3,2\] into f64\[3,2\]"):
        fit(nn.Dense(3, 2).initialise(seed=0), *rows, optimizer=Widening(0.1))


def test_order_and_held_out_rows_depend_on_the_seed_alone():
    assert np.array_equal(row_order(1, 0, 100), row_order(1, 0, 100))
    orders = [tuple(row_order(seed, epoch, 100)) for seed in (1, 2) for epoch in (0, 1)]
    assert len(set(orders)) == 4
    kept, out = held_out(1, 10, 0.25)
    assert sorted([*kept, *out]) == list(range(10))
    assert len(out) == 2
    assert [len(part) for part in held_out(1, 2, 0.01)] == [1, 1]


def test_the_step_is_one_program_that_another_executor_can_take(rows):
    programs = []

    class Recording(NumpyExecutor):
        def compile(self, program):
            wg.verify(program)
            programs.append(program)
            return super().compile(program)

    result = fit(deep(), *rows, epochs=2, batch_size=BATCH, executor=Recording())
    # Batches of five and the last one of three, of the same function.
    assert len(programs) == 2
    same = fit(deep(), *rows, epochs=2, batch_size=BATCH, executor="numpy")
    assert_same(arrays(result.net), arrays(same.net))
