"""Several workers train what one would, bitwise; what they cannot share is refused."""

import importlib.util
import threading
from collections import OrderedDict

import numpy as np
import pytest
from scipy import sparse
from tests.cluster.threads import together

import wengert as wg
from wengert import nn, optim, train
from wengert.cluster.identity import WorkerIdentity
from wengert.cluster.transport import SocketTransport
from wengert.cluster.workers import Workers
from wengert.errors import (
    ConfigurationError,
    DivergenceWarning,
    ModelFileError,
    ShapeError,
    WengertError,
)
from wengert.trace.tree import flatten
from wengert.train.parallel import block_step
from wengert.train.parallel.shared_rows import SharedRows
from wengert.train.steps import reuse

RNG = np.random.default_rng(0)
X = RNG.normal(size=(203, 5))
y = (X[:, 0] * X[:, 1] > 0).astype(int)
WEIGHTS = RNG.uniform(0, 2, 203)
NET = nn.Sequential(nn.Dense(5, 8, "tanh"), nn.Dense(8, 2)).initialise(seed=0, dtype=np.float64)
COMMON = {
    "loss": "nllm_from_logits", "optimizer": optim.Adam(0.05), "batch_size": 16, "epochs": 3,
    "progress": False, "executor": "numpy",
}  # fmt: skip
ALONE = Workers(WorkerIdentity(0, 1, 0, None, "x"), None)


def bits(result):
    arrays = flatten((result.net, result.optimizer_state))[0]
    return b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)


def fitted(size, **options):
    found = together(size, lambda workers: train.fit(NET, X, y, workers=workers, **COMMON | options))
    errors = [one for one in found if isinstance(one, Exception)]
    if errors:
        raise errors[0]
    return found


@pytest.mark.parametrize("executor", ["numpy", "llvm"])
def test_any_number_of_workers_gives_the_same_bits(executor):
    net = nn.Sequential(nn.Dense(5, 8, "relu"), nn.BatchNorm(8), nn.Dropout(0.3), nn.Dense(8, 2))
    options = {
        "clip_norm": 1.0, "ema_decay": 0.9, "penalty": nn.L2(0.01), "sample_weight": WEIGHTS[:192],
        "validation_data": (X[:40], y[:40]), "early_stopping": 2, "executor": executor,
    }  # fmt: skip
    net = net.initialise(seed=1)

    def fit(workers):
        return train.fit(net, X[:192], y[:192], workers=workers, **COMMON | options)

    results = [fit(ALONE)]
    for size in (2, 3) if executor == "numpy" else (2,):
        results += together(size, fit)
    for one in results[1:]:
        assert bits(one) == bits(results[0])
        assert [epoch.loss for epoch in one.history] == [epoch.loss for epoch in results[0].history]


class OneTwice(nn.Module):
    """Whose first weight is used twice, and whose spare and fixed layers have no gradient."""

    first: nn.Dense
    fixed: nn.Dense
    spare: nn.Dense
    last: nn.Dense

    def __call__(self, x):
        hidden = np.tanh(x @ self.first.weight) @ self.first.weight.T
        return self.last(hidden + wg.stop_gradient(self.fixed(x)))


STAGED = {
    "usual": nn.Sequential(nn.Dense(5, 8, "relu"), nn.BatchNorm(8), nn.Dropout(0.3), nn.Dense(8, 2)),
    "one twice": OneTwice(nn.Dense(5, 8), nn.Dense(5, 5), nn.Dense(5, 8), nn.Dense(5, 2)),
    "fixed last": OneTwice(nn.Dense(5, 2), nn.Dense(5, 5), nn.Dense(5, 99), nn.Dense(5, 2)),
}


@pytest.mark.parametrize(
    ("name", "executor"),
    [("usual", "numpy"), ("usual", "llvm"), ("one twice", "numpy"), ("fixed last", "numpy")],
)
def test_gradients_of_the_last_layers_are_sent_first_and_change_no_bit(name, executor, monkeypatch):
    net = STAGED[name].initialise(seed=1)
    options = COMMON | {"executor": executor, "clip_norm": 1.0}

    def fit(workers):
        return train.fit(net, X[:192], y[:192], workers=workers, **options)

    whole = fit(ALONE)
    exchanges = []
    usual = SocketTransport.exchange

    def exchange(self, messages, seconds):
        exchanges.append(threading.current_thread().name)
        return usual(self, messages, seconds)

    monkeypatch.setattr(SocketTransport, "exchange", exchange)
    monkeypatch.setattr(block_step, "_FEW", 1)
    monkeypatch.setattr(reuse, "_known", OrderedDict())  # which has the program of one vector
    results = [fit(ALONE), *together(2, fit)]
    assert {bits(one) for one in results} == {bits(whole)}
    beside = [name for name in exchanges if name.startswith("sums of blocks")]
    assert len(beside) == 2 * 2 * whole.steps  # two vectors of each worker


def test_the_result_is_that_of_fit_in_the_same_order():
    """The blocks of a batch are rows of it, so `fit` visits the same batches when it is given their order."""
    rows = SharedRows(X, y, None, len(y), ALONE)

    def order(epoch):
        own, places = rows.order(7, epoch), []
        for batch in range(13):
            for block in range(8):
                first, last = rows.part_of(block)
                places += list(own[first:last][2 * batch : 2 * batch + 2])
        return np.array(places)

    options = COMMON | {"seed": 7, "clip_norm": 0.5, "sample_weight": WEIGHTS, "penalty": nn.L2(0.1)}
    usual = train.fit(NET, X, y, shuffle=order, **options)
    shared = train.fit(NET, X, y, workers=ALONE, **options)
    for one, other in zip(flatten(usual.net)[0], flatten(shared.net)[0], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(usual.history[-1].loss, shared.history[-1].loss, rtol=1e-12)


def test_a_batch_of_all_rows_need_not_be_divisible():
    options = COMMON | {"batch_size": 203, "shuffle": False, "sample_weight": WEIGHTS}
    usual = train.fit(NET, X, y, **options)
    shared = fitted(1, **options)[0]
    for one, other in zip(flatten(usual.net)[0], flatten(shared.net)[0], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-14)
    assert {bits(one) for one in fitted(3, **options)} == {bits(shared)}
    with pytest.raises(ConfigurationError, match="7 rows cannot be divided into 8 blocks"):
        train.fit(NET, X[:7], y[:7], workers=ALONE, **COMMON | {"batch_size": 7})


def test_each_worker_needs_its_own_rows_alone(tmp_path):
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "y.npy", y)

    def fit(workers):
        x, targets = (np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in "xy")
        mine = workers.rows(len(y))
        given = train.fit(NET, x[mine], targets[mine], workers=workers, total_rows=len(y), **COMMON)
        whole = train.fit(NET, x, targets, workers=workers, **COMMON)
        assert bits(given) == bits(whole)
        return bits(given)

    assert len({*together(2, fit), *together(1, fit)}) == 1


def test_a_run_goes_on_with_another_number_of_workers(tmp_path):
    whole = bits(fitted(1, epochs=4)[0])
    path = tmp_path / "checkpoint"
    fitted(3, epochs=1, checkpoint=train.Checkpoint(path, seconds=0))
    assert {bits(one) for one in fitted(2, epochs=4, checkpoint=str(path))} == {whole}
    torn = tmp_path / "torn"
    for part in (b"", path.read_bytes()[:-100]):
        torn.write_bytes(part)
        with pytest.raises(ModelFileError, match="torn is damaged or is not a safetensors file"):
            fitted(2, checkpoint=torn)
        assert torn.read_bytes() == part
    with pytest.raises(ModelFileError, match="checkpoint of another run; what differs: data"):
        train.fit(NET, X[::-1], y, workers=ALONE, **COMMON | {"checkpoint": path})


def test_divergence_ends_all_with_the_same_network():
    with pytest.warns(DivergenceWarning):
        results = fitted(2, optimizer=optim.SGD(1e200), penalty=nn.L2(1e100))
    first, second = results
    assert first.stopped == second.stopped == "diverged"
    assert first.divergence.step == second.divergence.step
    assert bits(first) == bits(second)


def test_workers_with_other_rows_or_settings_are_refused():
    def other(workers):
        changed = X + (workers.rank == 1)
        return train.fit(NET, changed, y, workers=workers, **COMMON)

    def seeds(workers):
        return train.fit(NET, X, y, workers=workers, seed=workers.rank, **COMMON)

    for work, what in ((other, "worker 1 has X"), (seeds, "worker 1 has seed 1, and worker 0 has 0")):
        for error in together(2, work):
            assert isinstance(error, ConfigurationError)
            assert what in str(error)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"batch_size": 20},
            "a batch of 20 rows is not divisible into 8 blocks of workers; give batch_size=16",
        ),
        ({"time_limit": 1.0}, "time_limit is not for workers"),
        ({"validation_fraction": 0.1}, "validation_fraction is not for workers"),
        (
            {"optimizer": optim.LBFGS(), "batch_size": None},
            "L-BFGS takes all rows at once.*leave workers out",
        ),
        ({"shuffle": np.arange}, "shuffle is True or False"),
        ({"total_rows": 0}, "total_rows"),
        ({"workers": 4}, r"workers is what cluster.join\(\) returns, got int"),
        ({"workers": None, "total_rows": 203}, "give workers=cluster.join"),
        ({"checkpoint": 4}, "checkpoint is a path or a train.Checkpoint, got 4"),
        ({"total_rows": 203, "sample_weight": WEIGHTS}, "give all rows"),
        ({"total_rows": 203, "executor": "xla"}, "total_rows is for machine code.*own_rows=True"),
    ],
)
def test_what_workers_cannot_share_is_refused(options, message):
    with pytest.raises(ConfigurationError, match=message):
        train.fit(NET, X, y, **{"workers": ALONE} | COMMON | options)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_workers_take_the_tables_that_one_process_takes(library):
    frame = pytest.importorskip(library).DataFrame(X)
    found = together(2, lambda workers: train.fit(NET, frame, y, workers=workers, **COMMON))
    assert {bits(one) for one in found} == {bits(fitted(1)[0])}


@pytest.mark.parametrize("given", [None, {"a": 1}, 3.0, [[1, 2], [3]], sparse.coo_array(X), X[:0], X * 1j])
def test_what_is_no_table_is_refused_as_it_is_without_workers(given):
    messages = []
    for workers in (None, ALONE):
        with pytest.raises(WengertError) as refused:
            train.fit(NET, given, y, workers=workers, **COMMON)
        messages.append(str(refused.value))
    assert messages[0] == messages[1]


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed")
def test_workers_that_were_not_joined_for_jax_are_refused():
    options = COMMON | {"executor": "xla"}
    for error in together(2, lambda workers: train.fit(NET, X, y, workers=workers, **options)):
        assert isinstance(error, ConfigurationError)
        assert "each of the 2 workers would train on all rows by itself" in str(error)


def test_rows_that_do_not_fit_together_are_refused():
    with pytest.raises(ShapeError, match="X has 203 rows and y has 202"):
        train.fit(NET, X, y[1:], workers=ALONE, **COMMON)
    with pytest.raises(
        ShapeError, match=r"y has 203 rows; of 300 rows, worker 0 of 1 gives those from 0 to 299"
    ):
        train.fit(NET, X, y, workers=ALONE, total_rows=300, **COMMON)
