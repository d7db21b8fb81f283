"""Members that XLA trains as one computation end as each would alone, whatever becomes of the others."""

from collections import OrderedDict

import numpy as np
import pytest

from wengert import nn, optim, train
from wengert.errors import DivergenceWarning, LimitError
from wengert.run import recent
from wengert.trace.tree import flatten

pytest.importorskip("jax", reason="the XLA executor compiles with JAX")

import jax  # needs JAX, as what follows

from wengert.run.xla import joint_loop

RNG = np.random.default_rng(0)
X = RNG.normal(size=(45, 3))
Y = (X.sum(axis=1) > 0).astype(np.int64)
NET = nn.Sequential(nn.Dense(3, 5, "tanh"), nn.Dropout(0.2), nn.Dense(5, 2))
COMMON = {"loss": "nllm_from_logits", "batch_size": 16, "progress": False, "executor": "xla"}


@pytest.fixture
def groups(monkeypatch):
    """How many members took steps together, and how many steps, call by call."""
    seen = []
    taken = joint_loop._taken

    def noted(compiled, batch, stretches):
        before = stretches[0].progress.steps
        taken(compiled, batch, stretches)
        seen.append((len(stretches), stretches[0].progress.steps - before))

    monkeypatch.setattr(joint_loop, "_taken", noted)
    return seen


def close(joined, alone):
    # In float64: products of all members are summed in another order than those of one.
    for mine, yours in zip(flatten(joined.net)[0], flatten(alone.net)[0], strict=True):
        np.testing.assert_allclose(mine, yours, rtol=1e-9, atol=1e-12)
    assert (joined.stopped, joined.steps) == (alone.stopped, alone.steps)
    for one, other in zip(joined.history, alone.history, strict=True):
        np.testing.assert_allclose(
            [one.loss, one.validation_loss or 0], [other.loss, other.validation_loss or 0], rtol=1e-9
        )


def test_members_have_their_own_seed_rate_rows_and_end(groups):
    nets = [NET.initialise(seed, dtype=np.float64) for seed in range(3)]
    own = [{"learning_rate": 0.1}, {"learning_rate": 0.2, "epochs": 2}, {"learning_rate": 1e300}]
    seeds = [3, 1, 4]
    places = np.arange(45)
    splits = [(places[13:], places[:13]), (places[:32], places[32:]), (places[13:], places[:13])]
    with pytest.warns(DivergenceWarning, match=r"1 of 3 members diverged.*\nmember 2 "):
        results = train.fit_many(
            nets, X, Y, seeds=seeds, settings=own, splits=splits, threads=3, **COMMON, epochs=4
        )
    assert groups[0] == (3, 1)
    assert groups[-1][0] == 1  # the last one goes on alone
    for number, (rate, epochs) in enumerate([(0.1, 4), (0.2, 2)]):
        kept, held = splits[number]
        options = {"optimizer": optim.Adam(rate), "epochs": epochs, "seed": seeds[number]}
        validation = X[held], Y[held]
        alone = train.fit(nets[number], X[kept], Y[kept], validation_data=validation, **options, **COMMON)
        close(results[number], alone)
    assert results[2].stopped == "diverged"
    assert all(np.isfinite(leaf).all() for leaf in flatten(results[2].net)[0])


def test_rates_on_the_same_rows_in_the_same_order(groups):
    net = NET.initialise(0, dtype=np.float64)
    rates = [{"learning_rate": rate} for rate in (0.1, 0.01)]
    results = train.fit_many(net, X[:35], Y[:35], settings=rates, epochs=3, threads=2, **COMMON)
    assert {members for members, _ in groups} == {2}
    for rate, result in zip((0.1, 0.01), results, strict=True):
        close(result, train.fit(net, X[:35], Y[:35], optimizer=optim.Adam(rate), epochs=3, **COMMON))


def test_a_processor_trains_one_at_a_time_unless_told(groups):
    train.fit_many(NET, X[:32], Y[:32], seeds=2, epochs=1, **COMMON)
    assert not groups


def test_a_full_device_says_what_helps(monkeypatch):
    def full(*arguments):
        raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 4096000 bytes.")

    monkeypatch.setattr("wengert.run.xla.executor.joint_steps", lambda program, roles: full)
    monkeypatch.setattr(recent, "_known", OrderedDict())
    with pytest.raises(LimitError, match=r"for 2 networks with steps of 16 rows .4096000.*train fewer"):
        train.fit_many(NET, X, Y, seeds=2, epochs=1, threads=2, **COMMON)
