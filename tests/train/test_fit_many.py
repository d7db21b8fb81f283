"""`fit_many` gives what `fit` gives alone, to the bit, whatever becomes of the other members."""

import importlib
import os
import signal

import numpy as np
import pytest

from wengert import nn, optim, train
from wengert.errors import ConfigurationError, DivergenceWarning, InterruptionWarning
from wengert.trace.tree import flatten

RNG = np.random.default_rng(0)
X = RNG.normal(size=(61, 3)).astype(np.float32)
Y = (X.sum(axis=1) > 0).astype(np.int64)
NET = nn.Sequential(nn.Dense(3, 5, "tanh"), nn.Dropout(0.2), nn.Dense(5, 2))
COMMON = {"loss": "nllm_from_logits", "batch_size": 16, "progress": False}


def same(one, other):
    arrays = zip(flatten(one.net)[0], flatten(other.net)[0], strict=True)
    equal = all(np.array_equal(mine, yours) for mine, yours in arrays)
    histories = [
        [{name: value for name, value in epoch.items() if name != "seconds"} for epoch in run.to_records()]
        for run in (one.history, other.history)
    ]
    return equal and histories[0] == histories[1] and one.stopped == other.stopped


@pytest.mark.parametrize("executor", ["llvm", "numpy", "xla"])
def test_each_seed_is_its_own_fit(executor):
    if executor == "xla":
        pytest.importorskip("jax", reason="the XLA executor compiles with JAX")
    options = {**COMMON, "epochs": 30, "validation_fraction": 0.2, "early_stopping": 1}
    options |= {"optimizer": optim.Adam(0.1), "executor": executor}
    threads = {} if executor == "xla" else {"threads": 2}  # which would be joined, and round otherwise
    results = train.fit_many(NET, X, Y, seeds=[3, 1, 4], **threads, **options)
    for seed, result in zip([3, 1, 4], results, strict=True):
        assert same(result, train.fit(NET.initialise(seed), X, Y, seed=seed, **options))
    assert len({len(result.history) for result in results}) > 1  # some stopped earlier than others


def test_settings_change_the_arguments_and_the_numbers_of_the_optimiser():
    net = NET.initialise(0)
    settings = [
        {"learning_rate": 0.1},
        {"learning_rate": 0.01, "epochs": 3},
        {"optimizer": optim.SGD(0.05), "batch_size": 20},
        {"optimizer": optim.LBFGS(), "batch_size": None},
    ]
    results = train.fit_many(net, X, Y, settings=settings, **COMMON, epochs=4)
    own = [
        {"optimizer": optim.Adam(0.1)},
        {"optimizer": optim.Adam(0.01), "epochs": 3},
        {"optimizer": optim.SGD(0.05), "batch_size": 20},
        {"optimizer": optim.LBFGS(), "batch_size": None},
    ]
    for result, arguments in zip(results, own, strict=True):
        assert same(result, train.fit(net, X, Y, **{**COMMON, "epochs": 4, **arguments}))


def test_splits_train_on_a_part_and_validate_on_another():
    nets = [nn.Dense(3, 2).initialise(0), nn.Sequential(nn.Dense(3, 4, "relu"), nn.Dense(4, 2)).initialise(1)]
    weights = np.linspace(0.5, 2, len(X))
    places = np.arange(len(X))
    splits = [(places[20:], places[:20]), (places < 50, places >= 50)]
    results = train.fit_many(nets, X, Y, splits=splits, sample_weight=weights.tolist(), **COMMON, epochs=3)
    for net, (kept, held), result in zip(nets, splits, results, strict=True):
        validation = X[held], Y[held], weights[held]
        alone = train.fit(
            net, X[kept], Y[kept], sample_weight=weights[kept], validation_data=validation, **COMMON, epochs=3
        )
        assert same(result, alone)


def test_a_member_that_diverges_is_named_and_leaves_the_others_alone():
    rates = [{"learning_rate": rate} for rate in (0.01, 1e30, 0.02)]
    with pytest.warns(
        DivergenceWarning,
        match=r"1 of 3 members .*\nmember 1 \(learning_rate 1e\+30\): training diverged at step 2 ",
    ):
        results = train.fit_many(NET.initialise(0), X, Y, settings=rates, **COMMON, epochs=3)
    assert [result.stopped for result in results] == ["epochs", "diverged", "epochs"]
    alone = train.fit(NET.initialise(0), X, Y, optimizer=optim.Adam(0.02), **COMMON, epochs=3)
    assert same(results[2], alone)


class Interrupts(train.Callback):
    def on_epoch_end(self, state):
        if len(state.history) == 2:
            os.kill(os.getpid(), signal.SIGINT)


def test_ctrl_c_ends_all_members_and_keeps_what_they_learned():
    settings = [{}, {"callbacks": [Interrupts()]}, {"clip_norm": 1.0}]
    with pytest.warns(InterruptionWarning, match="in 3 of 3 members"):
        results = train.fit_many(NET, X, Y, seeds=3, settings=settings, **COMMON, epochs=10**7, threads=2)
    assert {result.stopped for result in results} == {"interrupted"}
    assert len(results[1].history) >= 2
    assert len(results[2].history) == 0  # it had not begun


def test_each_member_has_its_part_of_the_time(monkeypatch):
    module = importlib.import_module("wengert.train.many.fit_many")
    prepared, limits = module._prepared, []

    def recorded(member, rows, weights, shared):
        limits.append(shared["time_limit"])
        return prepared(member, rows, weights, shared)

    monkeypatch.setattr(module, "_prepared", recorded)
    results = train.fit_many(NET, X, Y, seeds=4, **COMMON, epochs=10**7, threads=2, time_limit=0.8)
    assert {result.stopped for result in results} == {"time limit"}
    assert limits == [0.4] * 4


class Fails(train.Callback):
    def on_epoch_end(self, state):
        raise ZeroDivisionError


def test_an_error_says_in_which_member_it_was_raised():
    with pytest.raises(ZeroDivisionError) as caught:
        train.fit_many(NET, X, Y, seeds=2, settings=[{}, {"callbacks": [Fails()]}], **COMMON)
    assert caught.value.__notes__ == ["in member 1 (seed 1) of fit_many"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "say what the networks differ in"),
        ({"seeds": 1}, "seeds is 2 or more"),
        ({"seeds": [7]}, "seeds has 1 entries; two or more"),
        ({"seeds": [5, 2, 5]}, r"member 2 \(seed 5\) is member 0 again"),
        ({"seeds": 2, "settings": [{}] * 3}, "there are 2 seeds, 3 settings"),
        ({"settings": {"learning_rate": 0.1}}, "settings has an entry for each member, got {'learning_rate'"),
        ({"settings": [{}, 3]}, "each of settings is a dict of arguments, and entry 1 is 3"),
        ({"seeds": 2.5}, "seeds has an entry for each member, got 2.5"),
        ({"splits": [(1, 2, 3)] * 2}, "each of splits is a pair of arrays of positions, and entry 0 is"),
        ({"settings": [{"learning_rate": 0.1}] * 2}, "member 1 .* is member 0 again"),
        ({"settings": [{"learning_rat": 0.1}, {}]}, "member 0.*'learning_rat'; did you mean 'learning_rate'"),
        ({"settings": [{"threads": 2}, {}]}, "threads is no such argument: it is the same for all"),
        ({"seeds": 2, "callbacks": []}, "callbacks is no such argument: give each member its own"),
        ({"seeds": 2, "workers": object()}, "workers is no such argument: several workers or devices train"),
        ({"seeds": 2, "threads": 0}, "threads is an integer above 0, got 0"),
        ({"seeds": 2, "epoch": 3}, "'epoch'; did you mean 'epochs'"),
        ({"seeds": 2, "splits": [(range(20), [2]), (range(50, 99), [1])]}, "positions beyond the 61 rows"),
        ({"seeds": 2, "splits": [([], [2]), ([0], [1])]}, "two arrays of positions"),
        ({"settings": [{"learning_rate": -1}, {}]}, r"member 0 .*learning_rate lies in \[0"),
    ],
)
def test_bad_input_is_refused_before_any_member_begins(arguments, message):
    class Never(train.Callback):
        def on_train_begin(self, state):
            raise AssertionError

    with pytest.raises(ConfigurationError, match=message):
        train.fit_many(NET, X, Y, **{**COMMON, **arguments})


def test_networks_are_modules():
    with pytest.raises(ConfigurationError, match="networks are modules, got int"):
        train.fit_many([1, 2], X, Y, **COMMON)
