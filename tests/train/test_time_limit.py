"""A time limit shortens the schedule of a recipe; what was learnt until Ctrl-C is kept."""

import importlib

import numpy as np
import pytest

from wengert import nn, train
from wengert.errors import InterruptionWarning
from wengert.run import recent
from wengert.train import loop
from wengert.train.bagging.bag import Bag
from wengert.train.steps import trial
from wengert.train.steps.stepper import Stepper

recipes = importlib.import_module("wengert.train.recipe")


class Clock:
    """A clock that goes on by a second with each stretch of steps, and not otherwise."""

    def __init__(self, monkeypatch):
        self.now = 0.0
        take = Stepper.take

        def taken(stepper, order, seconds):
            self.now += 1.0
            return take(stepper, order, 0.0)  # one step

        monkeypatch.setattr(Stepper, "take", taken)
        monkeypatch.setattr(loop.time, "perf_counter", lambda: self.now)


def table(rng, rows=64):
    X = rng.normal(size=(rows, 3)).astype(np.float32)
    return X, (X @ np.array([1, -2, 1]) + rng.normal(size=rows) > 0).astype(int)


def recipe(rows=64, epochs=100):
    features = train.TabularFeatures(3)
    return train.tabular_recipe(features, 2, rows, hidden=(4,), batch_size=32, epochs=epochs)


def test_the_schedule_ends_within_the_limit(rng, monkeypatch):
    """Two steps an epoch, a second each: of 60 s the trial takes 2, and 26 epochs fill nine tenths of 58."""
    clock = Clock(monkeypatch)
    made = []
    original = recipes.fit

    def watched(*arguments, **options):
        made.append(options["epochs"])
        return original(*arguments, **options)

    monkeypatch.setattr(recipes, "fit", watched)
    result = recipe().fit(*table(rng), time_limit=60.0, progress=False)
    assert made == [100, 26]
    assert len(result.history) == 26
    assert result.stopped == "time limit"
    assert clock.now <= 60
    assert result.history[-1].learning_rate < 0.01 * max(one.learning_rate for one in result.history)
    assert result.best_epoch in (2, 5, 12, 26)


def test_what_follows_the_steps_is_within_the_limit(rng, monkeypatch):
    """A second for each assessment, of which the ends of cycles and the mixture take some."""
    clock = Clock(monkeypatch)
    unseen = Bag.unseen

    def slow(bag, net, X, **options):
        clock.now += 1.0
        return unseen(bag, net, X, **options)

    monkeypatch.setattr(Bag, "unseen", slow)
    result = recipe().fit(*table(rng), time_limit=60.0, progress=False)
    assert 30 < clock.now <= 60
    assert len(result.history) > 10


def test_rows_that_are_to_be_predicted_are_within_the_limit(rng, monkeypatch):
    """A second for 64 rows, which are a tenth of those to predict."""
    clock = Clock(monkeypatch)
    predict = recipes.predict

    def slow(net, X, **options):
        clock.now += len(X) / 64
        return predict(net, X, **options)

    monkeypatch.setattr(recipes, "predict", slow)
    monkeypatch.setattr(recipes, "BATCH_SIZE", 64)
    recipe().fit(*table(rng), time_limit=60.0, predicting=640, progress=False)
    assert 30 < clock.now <= 50


def test_where_an_epoch_is_too_long_the_schedule_is_that_of_a_part(rng, monkeypatch):
    """Of 200 steps, a second each, 24 fill nine tenths of the 27 s that the trial leaves."""
    clock = Clock(monkeypatch)
    made = []
    original = recipes.fit

    def watched(*arguments, **options):
        made.append((options["epochs"], options["optimizer"].otherwise.learning_rate.steps))
        return original(*arguments, **options)

    monkeypatch.setattr(recipes, "fit", watched)
    result = recipe(6400).fit(*table(rng, 6400), time_limit=29.0, progress=False)
    assert made[-1] == (1, 24)
    assert (result.stopped, len(result.history)) == ("time limit", 0)
    assert 24 <= result.steps <= 27
    assert clock.now <= 29
    assert result.unseen.network < result.unseen.frequencies


@pytest.mark.parametrize(("worth", "executor"), [(np.inf, "llvm"), (-1.0, "numpy")])
def test_machine_code_is_made_where_it_pays_and_taken_where_it_is_kept(
    rng, monkeypatch, tmp_path, worth, executor
):
    monkeypatch.setenv("WENGERT_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(recent, "_known", type(recent._known)())  # nothing is compiled in this process either
    monkeypatch.setattr(trial, "_WORTH", worth)
    X, y = table(rng)

    def trained():
        return recipe().fit(X, y, time_limit=20.0, progress=False)

    Clock(monkeypatch)
    assert trained().executor == executor
    recipe().fit(X, y, progress=False)  # which compiles
    assert trained().executor == "llvm"


def test_where_nothing_but_the_trial_has_time_that_is_the_result(rng, monkeypatch):
    Clock(monkeypatch)
    X, y = table(rng)
    result = recipe().fit(X, y, time_limit=2.0, progress=False)
    assert result.stopped == "time limit"
    assert result.unseen.result <= result.unseen.straight_line < 0.5


def test_a_limit_that_is_over_before_training_begins_leaves_what_a_step_and_a_line_are(rng):
    result = recipe().fit(*table(rng), time_limit=1e-9, progress=False)
    assert result.stopped == "time limit"
    assert result.unseen.result <= result.unseen.straight_line < 0.5


def test_a_limit_that_is_long_enough_changes_nothing(rng, monkeypatch):
    X, y = table(rng)
    free = recipe(epochs=4).fit(X, y, progress=False)
    Clock(monkeypatch)
    held = recipe(epochs=4).fit(X, y, time_limit=1000.0, progress=False)
    assert held.stopped == "epochs"
    for name, value in nn.parameters(free.net).items():
        np.testing.assert_array_equal(nn.parameters(held.net)[name], value)


@pytest.mark.parametrize("limit", [None, 30.0])
def test_ctrl_c_before_the_first_epoch_leaves_a_linear_model(rng, monkeypatch, limit):
    X, y = table(rng)
    calls = []

    def interrupted(stepper, order, seconds):
        calls.append(seconds)
        raise KeyboardInterrupt

    monkeypatch.setattr(Stepper, "take", interrupted)
    with pytest.warns(InterruptionWarning):
        result = recipe().fit(X, y, time_limit=limit, progress=False)
    assert (len(calls), result.stopped, len(result.history)) == (1, "interrupted", 0)
    assert result.unseen.result <= result.unseen.straight_line < 0.5
    assert result.unseen.network == pytest.approx(result.unseen.frequencies)
    assert (np.asarray(train.predict(result.net, X)).argmax(axis=1) == y).mean() > 0.8
