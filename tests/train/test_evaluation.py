"""Predictions and scores over batches."""

import numpy as np
import pytest

from wengert import nn, train
from wengert.errors import ConfigurationError, DataError, DTypeError, ShapeError
from wengert.run.numpy.executor import NumpyExecutor
from wengert.train import evaluation


@pytest.fixture
def net():
    return nn.Sequential(nn.Dense(3, 8, "tanh"), nn.Dropout(0.5), nn.Dense(8, 3)).initialise(
        seed=0, dtype=np.float64
    )


@pytest.mark.parametrize("batch_size", [1, 4, 10, 11, 1000])
def test_predictions_are_those_of_the_network(net, rng, batch_size):
    X = rng.normal(size=(11, 3))
    np.testing.assert_allclose(train.predict(net, X, batch_size=batch_size), net(X), rtol=1e-14)
    assert np.array_equal(train.predict(net, X), train.predict(net, X))


class Counting(NumpyExecutor):
    """Counts the rows for which programs are compiled."""

    def __init__(self):
        self.rows = []

    def compile(self, program):
        self.rows.append(program.inputs[-1].type.shape[0])
        return super().compile(program)


def test_one_program_serves_all_batches(net, rng):
    X = rng.normal(size=(25, 3))
    executor = Counting()
    found = evaluation.Predictor(net, executor)(X, 10)
    np.testing.assert_allclose(found, net(X), rtol=1e-14)
    assert executor.rows == [10]


def test_fewer_rows_at_a_time_of_a_wide_network(monkeypatch, rng):
    monkeypatch.setattr(evaluation, "_IN_CACHE", 64 * 500)
    monkeypatch.setattr(evaluation, "_IN_CACHE_AT_LEAST", 2)
    X, executor = rng.normal(size=(21, 500)), Counting()
    for units, rows in ((2, 8), (8, 8), (1000, 4), (5000, 2)):  # the input has 500 columns
        net = nn.Sequential(nn.Dense(500, units), nn.Dense(units, 1)).initialise(0, dtype=np.float64)
        np.testing.assert_allclose(evaluation.Predictor(net, executor)(X), net(X), rtol=1e-9)
        assert executor.rows.pop() == rows
    evaluation.Predictor(net, executor)(X[:2])
    assert executor.rows == [2]


def test_few_rows_are_not_compiled_for(monkeypatch, net, rng):
    monkeypatch.setattr(evaluation, "ROWS_TO_COMPILE", 10)
    X, executor = rng.normal(size=(4, 3)), Counting()
    predictor = evaluation.Predictor(net, executor, few=True)
    for compiled in ([], [], [4], [4]):
        np.testing.assert_allclose(predictor(X), net(X), rtol=1e-14)
        assert executor.rows == compiled
    with pytest.raises(DataError, match="row 0, column 0"):
        evaluation.Predictor(net, executor, few=True)([[np.nan, 0, 0]])


def test_predictions_have_the_dtype_of_the_network(rng):
    net = nn.Dense(3, 2).initialise(seed=0)
    assert train.predict(net, rng.normal(size=(4, 3))).dtype == np.float32
    assert train.predict(nn.Embedding(5, 2).initialise(seed=0), [0, 4]).shape == (2, 2)


def test_what_cannot_be_predicted(net):
    for X, error, text in (
        (np.empty((0, 3)), DataError, "empty"),
        ([[np.nan, 0, 0]], DataError, "row 0, column 0"),
        ([["a", "b", "c"]], DTypeError, "text"),
        (np.ones((2, 4)), ShapeError, r"\(2, 4\)"),
    ):
        with pytest.raises(error, match=text):
            train.predict(net, X)
    with pytest.raises(ConfigurationError, match="batch_size"):
        train.predict(net, np.ones((2, 3)), batch_size=0)
    with pytest.raises(ConfigurationError, match="initialise"):
        train.predict(nn.Dense(3, 2), np.ones((2, 3)))


def test_loss_and_accuracy_over_batches(net, rng, monkeypatch):
    monkeypatch.setattr(evaluation, "BATCH_SIZE", 7)
    X, labels, weights = rng.normal(size=(30, 3)), rng.integers(0, 3, 30), rng.random(30)
    z = net(X)
    losses = np.log(np.exp(z).sum(axis=1)) - z[np.arange(30), labels]
    right = z.argmax(axis=1) == labels
    plain = train.evaluate(net, X, labels, loss="nllm_from_logits")
    np.testing.assert_allclose([plain.loss, plain.accuracy], [losses.mean(), right.mean()], rtol=1e-12)
    weighted = train.evaluate(net, X, labels, loss=nn.nllm_from_logits, sample_weight=weights)
    expected = [np.average(losses, weights=weights), np.average(right, weights=weights)]
    np.testing.assert_allclose([weighted.loss, weighted.accuracy], expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("loss", "prediction", "target", "accuracy"),
    [
        ("nll", [0.6, 0.4, 0.9], [1, 1, 1], 2 / 3),
        ("nll_from_logits", [0.6, -0.4, -9.0], [1, 1, 0], 2 / 3),
        ("hinge", [0.6, -0.4, -9.0], [1, 1, -1], 2 / 3),
        ("nllm", [[0.1, 0.9], [0.8, 0.2]], [1, 1], 1 / 2),
        ("nllm_from_logits", [[-3.0, 4.0], [0.8, 0.2]], [[0.0, 1.0], [0.0, 1.0]], 1 / 2),
        ("squared_error", [0.6, 0.4], [1, 1], None),
        (lambda z, t: (z - t) ** 2, [0.6, 0.4], [1, 1], None),
    ],
)
def test_accuracy_where_it_makes_sense(loss, prediction, target, accuracy):
    class Identity(nn.Module):
        unused: object = nn.parameter()

        def array_rules(self):
            return {"unused": ((1,), nn.initialisers.zeros)}

        def __call__(self, x):
            return x

    net = Identity().initialise(seed=0, dtype=np.float64)
    assert train.evaluate(net, np.array(prediction), target, loss=loss).accuracy == pytest.approx(accuracy)


def test_validation_accuracy_is_recorded(net, rng):
    X, labels = rng.normal(size=(30, 3)), rng.integers(0, 3, 30)
    result = train.fit(
        net, X, labels, loss="nllm_from_logits", epochs=1, validation_data=(X, labels), progress=False
    )
    score = train.evaluate(result.net, X, labels, loss="nllm_from_logits")
    assert result.history[0].validation_accuracy == score.accuracy
    assert result.history[0].validation_loss == score.loss
