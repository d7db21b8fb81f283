"""A search tries what it says on the rows that it may see, and keeps the best."""

import itertools
import sys
import threading

import numpy as np
import polars as pl
import pytest

from wengert.errors import ConfigurationError, DataError, NonFiniteError
from wengert.tabular.training_settings import TrainingSettings
from wengert.tabular.training_table import TrainingTable
from wengert.tabular.tuning.halving import tune
from wengert.tabular.tuning.samplers import find_sampler
from wengert.tabular.tuning.space import Magnitude, OneOf, drawn_settings

RNG = np.random.default_rng(5)
X = RNG.normal(size=(120, 2))
FRAME = pl.DataFrame({"a": X[:, 0], "b": X[:, 1], "kind": np.where(X[:, 0] + 0.3 * X[:, 1] > 0, "yes", "no")})
TABLE = TrainingTable.infer(FRAME, "kind")
ROWS = np.arange(0, 120, 2)
PLAIN = TrainingSettings(preset="plain", epochs=9, hidden=(4,))


def search(settings=PLAIN, rows=ROWS, **options):
    return tune(TABLE, rows, settings, free_preset=False, **options)


@pytest.fixture
def trainings(monkeypatch):
    """Return the rows and settings of every training, in order."""
    made = []
    original = TrainingTable.train

    def train(self, rows, settings, **options):
        made.append((rows, settings))
        return original(self, rows, settings, **options)

    monkeypatch.setattr(TrainingTable, "train", train)
    return made


def test_no_trial_sees_other_rows_and_all_are_compared_on_rows_they_did_not_learn(trainings):
    found = search(trials=9)
    *trials, (last, _) = trainings
    assert np.array_equal(last, ROWS)
    (learnt,) = {tuple(rows) for rows, _ in trials}
    assert set(learnt) < set(ROWS)
    assert len(ROWS) - len(learnt) == 12
    held = np.setdiff1d(ROWS, learnt)
    model, _ = TABLE.train(np.array(learnt), found.best.settings)
    assert model.score(TABLE.rows_of(held))["log_loss"] == found.best.loss


def test_the_best_third_goes_on_with_three_times_the_epochs():
    reported = []
    trials = search(trials=9, report=reported.append).trials
    assert sorted(reported, key=lambda trial: (trial.rung, trial.number)) == list(trials)
    rungs = [[trial for trial in trials if trial.rung == rung] for rung in range(3)]
    assert [len(rung) for rung in rungs] == [9, 3, 1]
    assert [rung[0].settings.epochs for rung in rungs] == [1, 3, 9]
    for rung, following in itertools.pairwise(rungs):
        best = sorted(rung, key=lambda trial: trial.loss)[: len(following)]
        assert {trial.number for trial in best} == {trial.number for trial in following}
    assert rungs[0][0].settings.learning_rate is None  # what was given is tried too


def test_the_same_seed_finds_the_same():
    first, second = search(trials=3), search(trials=3)
    assert [(one.loss, one.settings) for one in first.trials] == [
        (one.loss, one.settings) for one in second.trials
    ]


def test_trials_at_once_find_what_trials_one_after_another_find(monkeypatch):
    at_a_time = []

    def found(threads):
        monkeypatch.setattr("wengert.tabular.training_settings.default_threads", lambda: threads)
        working, lock = [0], threading.Lock()
        original = TrainingTable.train

        def train(self, rows, settings, **options):
            with lock:
                working[0] += 1
                at_a_time.append(working[0])
            try:
                return original(self, rows, settings, **options)
            finally:
                with lock:
                    working[0] -= 1

        with monkeypatch.context() as patched:
            patched.setattr(TrainingTable, "train", train)
            result = search(trials=4)
        return [(one.number, one.rung, one.loss, one.settings) for one in result.trials]

    one_by_one = found(1)
    assert max(at_a_time) == 1
    assert found(3) == one_by_one
    assert max(at_a_time) > 1


def test_what_is_given_is_kept():
    given = TrainingSettings(
        preset="plain", hidden=(3,), dropout=0.3, batch_size=8, learning_rate=0.5, l2=0.25, activation="tanh"
    )

    def never(dimension):
        raise AssertionError(dimension)

    assert drawn_settings(given, False, 100, never) == given


@pytest.mark.parametrize("sampler", ["random", "optuna"])
def test_a_sampler_stays_within_the_space(sampler):
    if sampler == "optuna":
        pytest.importorskip("optuna")
    chosen = find_sampler(sampler, seed=0)
    rates = []
    for _ in range(12):
        draw = chosen.begin()
        rate, word = draw(Magnitude("rate", 1e-3, 1.0)), draw(OneOf("word", ("one", "two")))
        rates.append(rate)
        assert 1e-3 <= rate <= 1
        assert word in ("one", "two")
        chosen.tell(np.inf if word == "two" else rate)
    assert len(set(rates)) == 12


def test_optuna_is_told_what_each_trial_lost():
    pytest.importorskip("optuna")
    found = search(trials=3, sampler="optuna")
    assert len(found.trials) == 4


def test_without_optuna_it_is_said_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'wengert\[tune\]'"):
        search(sampler="optuna")


def test_ctrl_c_keeps_the_best_so_far(monkeypatch):
    original = TrainingTable.train
    made = []

    def train(self, rows, settings, **options):
        if len(made) == 3:
            raise KeyboardInterrupt
        made.append(original(self, rows, settings, **options))
        return made[-1]

    monkeypatch.setattr(TrainingTable, "train", train)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # one trial at a time
    found = search(trials=9)
    assert len(found.trials) == 3
    assert found.best is min(found.trials, key=lambda trial: trial.loss)
    assert found.model is made[found.best.number][0]
    assert found.interrupted


def test_a_time_limit_ends_the_search_and_leaves_time_for_the_result(trainings):
    found = search(TrainingSettings(preset="plain", epochs=10**6, time_limit=0.5), trials=50)
    assert len(found.trials) < 50
    assert 0 < trainings[-1][1].time_limit < 0.5
    assert np.array_equal(trainings[-1][0], ROWS)


def test_a_trial_that_diverges_loses(trainings):
    with pytest.raises(NonFiniteError, match="every trial diverged"):
        search(TrainingSettings(preset="plain", epochs=1, learning_rate=1e38, optimizer="sgd"), trials=2)
    assert len(trainings) >= 2


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"rows": np.arange(49)}, DataError, "49 rows are too few .* 50 or more"),
        ({"trials": 0}, ConfigurationError, "trials is an integer above 0"),
        ({"sampler": "optun"}, ConfigurationError, "unknown sampler 'optun'; did you mean 'optuna'"),
    ],
)
def test_bad_input_is_refused_before_any_training(options, error, message, trainings):
    with pytest.raises(error, match=message):
        search(**options)
    assert not trainings
