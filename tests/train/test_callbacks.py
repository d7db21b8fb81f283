"""History, callbacks and early stopping."""

import numpy as np
import pytest

from wengert import nn, optim, train
from wengert.errors import ConfigurationError, IndexRangeError
from wengert.train import Epoch, History

ROWS = 40


def rows(seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(ROWS, 3))
    return X, X[:, :1] - X[:, 1:2] + rng.normal(size=(ROWS, 1))


def run(**options):
    net = nn.Dense(3, 1).initialise(seed=0, dtype=np.float64)
    return train.fit(net, *rows(), **{"loss": "half_squared_error", "progress": False, "epochs": 5} | options)


def epoch(number, loss, validation_loss=None):
    return Epoch(number, loss, validation_loss, None, 0.1, float(number))


def test_a_history_is_immutable_and_reads_like_a_sequence():
    first = History([epoch(1, 3.0)])
    second = first.appended(epoch(2, 2.0))
    branch = first.appended(epoch(2, 9.0))
    assert (len(first), len(second), len(branch)) == (1, 2, 2)
    assert second[1].loss == 2.0
    assert branch[-1].loss == 9.0
    assert [one.loss for one in second] == [3.0, 2.0]
    assert [one.loss for one in second[:1]] == [3.0]
    assert "2 epochs" in repr(second)
    with pytest.raises(IndexError):
        first[1]


def test_a_history_is_plain_data():
    result = run(epochs=2, validation_data=rows(1))
    columns = result.history.to_dict()
    assert columns["epoch"] == [1, 2]
    assert {type(value) for column in columns.values() for value in column} <= {int, float, type(None)}
    assert result.history.to_records()[1]["validation_loss"] == columns["validation_loss"][1]
    assert columns["validation_accuracy"] == [None, None]


def test_a_state_kept_for_later_shows_the_network_of_its_time():
    kept, seen = [], []

    class Keeping(train.Callback):
        def on_epoch_end(self, state):
            kept.append(state)

    class Looking(train.Callback):
        def on_epoch_end(self, state):
            seen.append(state.net)

    net = nn.Dense(3, 32).initialise(seed=0, dtype=np.float64)  # of such a width that it lies in panels
    X, y = rows()
    for callback in (Keeping(), Looking()):
        train.fit(net, X, y @ np.ones((1, 32)), loss="half_squared_error", epochs=3, callbacks=[callback])
    for state, net in zip(kept, seen, strict=True):
        assert state.net is state.net
        np.testing.assert_array_equal(state.net.weight, net.weight)
    assert not np.array_equal(seen[0].weight, seen[1].weight)


def test_callbacks_are_told_of_begin_epochs_and_end():
    told = []

    class Listening(train.Callback):
        def on_train_begin(self, state):
            told.append(("begin", state.step, len(state.history)))

        def on_epoch_end(self, state):
            told.append(("epoch", state.step, state.history[-1].epoch, state.epochs, state.steps_per_epoch))
            np.testing.assert_allclose(state.net(np.zeros((1, 3))), state.net.bias[None])

        def on_train_end(self, state):
            told.append(("end", state.step, len(state.history)))

    run(epochs=2, batch_size=20, callbacks=[Listening()])
    assert told == [("begin", 0, 0), ("epoch", 2, 1, 2, 2), ("epoch", 4, 2, 2, 2), ("end", 4, 2)]


def test_a_callback_ends_the_run_and_gives_the_reason():
    class AfterThree(train.Callback):
        def on_epoch_end(self, state):
            return train.Stop("good enough") if len(state.history) == 3 else None

    result = run(epochs=100, callbacks=[AfterThree()])
    assert (result.stopped, len(result.history)) == ("good enough", 3)
    assert np.array_equal(result.net.weight, run(epochs=3).net.weight)


def test_an_error_in_a_callback_is_not_swallowed():
    class Broken(train.Callback):
        def on_epoch_end(self, state):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(callbacks=[Broken()])


@pytest.mark.parametrize(
    ("losses", "patience", "min_delta", "expected"),
    [
        ([3, 2, 1, 2, 2, 2], 2, 0, 5),
        ([3, 2, 1, 2, 2, 0.5, 1, 1, 1], 3, 0, 9),
        ([3, 2.95, 2.9, 2.85], 2, 0.2, 3),
        ([3, 2.95, 2.9, 2.7, 2.6, 2.6], 3, 0.2, None),  # small steps add up against the last improvement
        ([3, 3, 3], 2, 0, 3),
        ([3, 2, 1, 0], 1, 0, None),
    ],
)
def test_early_stopping_waits_for_an_improvement(losses, patience, min_delta, expected):
    stopping = train.EarlyStopping(patience, min_delta)
    history, ended = History(), None
    stopping.on_train_begin(train.TrainingState(None, history, 100, 0, 1))
    for number, loss in enumerate(losses, 1):
        # The validation loss decides where there is one.
        history = history.appended(epoch(number, 0.0, loss))
        if ended is None and stopping.on_epoch_end(train.TrainingState(None, history, 100, number, 1)):
            ended = number
    assert ended == expected


@pytest.mark.parametrize("early_stopping", [3, train.EarlyStopping(3)])
def test_early_stopping_restores_the_best_weights(early_stopping):
    held = rows(1)
    result = run(epochs=500, early_stopping=early_stopping, validation_data=held, optimizer=optim.SGD(0.3))
    assert result.stopped == "early stopping"
    assert len(result.history) == result.best_epoch + 3
    losses = [one.validation_loss for one in result.history]
    assert result.best_epoch == 1 + int(np.argmin(losses))
    assert train.evaluate(result.net, *held, loss="half_squared_error").loss == min(losses)
    best = run(epochs=result.best_epoch, validation_data=held, optimizer=optim.SGD(0.3))
    assert np.array_equal(result.net.weight, best.net.weight)


def test_without_early_stopping_the_last_weights_are_kept():
    held = rows(1)
    result = run(epochs=30, validation_data=held, optimizer=optim.SGD(0.3))
    assert result.stopped == "epochs"
    assert result.best_epoch < 30
    assert (
        train.evaluate(result.net, *held, loss="half_squared_error").loss
        == result.history[-1].validation_loss
    )


@pytest.mark.parametrize("min_delta", [-1, np.nan, np.inf])
def test_early_stopping_refuses_what_is_no_delta(min_delta):
    with pytest.raises(ConfigurationError, match="min_delta"):
        train.EarlyStopping(3, min_delta)


def test_a_history_says_how_long_it_is():
    with pytest.raises(IndexRangeError, match="the history has 0 epochs: no epoch has ended, and"):
        History()[-1]
    history = History().appended(Epoch(1, 0.5, None, None, None, 0.1))
    with pytest.raises(IndexRangeError, match="the history has 1 epochs, and position 1 was asked for"):
        history[1]
    assert [epoch.loss for epoch in history] == [0.5]


@pytest.mark.parametrize(
    ("callbacks", "said"),
    [
        (
            [print],
            "<built-in function print>, which is no callback; derive its class from wengert",
        ),
        ([train.EarlyStopping], r"give an instance, EarlyStopping\(…\)"),
        (train.EarlyStopping(3), "callbacks is a list of wengert.train.Callback, got EarlyStopping"),
    ],
)
def test_what_is_no_callback_is_refused_before_any_work(callbacks, said):
    net, X = nn.Dense(2, 1).initialise(0), np.ones((4, 2))
    with pytest.raises(ConfigurationError, match=said):
        train.fit(net, X, X[:, :1], loss="half_squared_error", callbacks=callbacks)
    with pytest.raises(ConfigurationError, match="clip_norm is a number above 0, got 'a'"):
        train.fit(net, X, X[:, :1], loss="half_squared_error", clip_norm="a")
