"""Native loops over steps: the numbers of NumPy, the same bits with any number of threads."""

import functools
import itertools
import os
import subprocess
import sys
import threading
import warnings

import numpy as np
import pytest

from wengert import nn, optim, train
from wengert.errors import ConfigurationError, WengertWarning
from wengert.run import default
from wengert.run.llvm import LLVMExecutor
from wengert.run.llvm.runtime import cache
from wengert.run.llvm.runtime.target import object_code
from wengert.run.llvm.schedule import schedule
from wengert.train.steps.native import Pace

ROWS = 43
BATCH = 8


@pytest.fixture(autouse=True)
def processors(monkeypatch):
    """Have as many threads as a test asks for, whatever the machine has."""
    monkeypatch.setattr(default, "usable_processors", lambda: 8)


@pytest.fixture
def rows(rng):
    X = rng.normal(size=(ROWS, 5))
    return X, rng.integers(0, 3, ROWS)


@pytest.fixture
def shared(monkeypatch, loops):
    """Have all threads work on every kernel, however small, in every stretch of steps."""
    monkeypatch.setattr(schedule, "SMALLEST_SHARED", 0.0)
    monkeypatch.setattr(schedule, "BARRIER_COST", 0.0)

    def most(self, seconds):
        return self._candidates[-1], 1000

    monkeypatch.setattr(Pace, "next", most)
    return loops


def deep(dtype=np.float64, middle=()):
    layers = nn.Dense(5, 16, "tanh"), *middle, nn.Dense(16, 7, "relu"), nn.Dense(7, 3)
    return nn.Sequential(*layers).initialise(seed=3, dtype=dtype)


def fit(net, X, y, **options):
    given = {"loss": "nllm_from_logits", "batch_size": BATCH, "epochs": 4, "progress": False} | options
    return train.fit(net, X, y, **given)


def arrays(result):
    return {**nn.parameters(result.net), **nn.state(result.net)}


def assert_same_bits(one, other):
    for path, value in arrays(one).items():
        assert np.array_equal(value, arrays(other)[path]), path
    assert [epoch.loss for epoch in one.history] == [epoch.loss for epoch in other.history]


def assert_close(result, oracle, rtol=1e-11):
    for path, value in arrays(oracle).items():
        np.testing.assert_allclose(arrays(result)[path], value, rtol=rtol, atol=rtol, err_msg=path)
    losses = [[epoch.loss for epoch in one.history] for one in (result, oracle)]
    np.testing.assert_allclose(*losses, rtol=rtol)
    assert result.steps == oracle.steps


OPTIMISERS = [
    optim.SGD(0.1),
    optim.SGD(0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
    optim.SGD(lambda t: 0.1 / (1 + t)),
    optim.Adam(0.01, weight_decay=0.01),
    optim.AdamW(0.01),
    optim.RMSProp(0.01, momentum=0.5),
]


@pytest.mark.parametrize("optimizer", OPTIMISERS, ids=lambda one: type(one).__name__)
def test_every_optimiser_gives_the_numbers_of_numpy(rows, loops, optimizer):
    result = fit(deep(), *rows, optimizer=optimizer)
    assert loops
    assert None not in loops
    assert_close(result, fit(deep(), *rows, optimizer=optimizer, executor="numpy"))


@pytest.mark.parametrize(
    "options",
    [
        {"sample_weight": np.linspace(0, 2, ROWS)},
        {"clip_norm": 0.1},
        {"penalty": nn.L2(0.1)},
        {"penalty": nn.L1(0.01), "shuffle": False},
        {"batch_size": 1},
        {"batch_size": ROWS},
        {"batch_size": ROWS - 1},
        {"validation_fraction": 0.3},
        {"loss": functools.partial(nn.nllm_from_logits)},
    ],
    ids=lambda options: ", ".join(options),
)
def test_every_option_gives_the_numbers_of_numpy(rows, loops, options):
    net = deep()
    result = fit(net, *rows, **options)
    assert None not in loops
    assert_close(result, fit(net, *rows, executor="numpy", **options))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dropout_and_running_statistics(rows, loops, dtype):
    """The same stream of random numbers, and moments of the batch that are carried along."""
    net = deep(dtype, (nn.Dropout(0.4), nn.BatchNorm(16)))
    result = fit(net, *rows)
    assert None not in loops
    assert_close(result, fit(net, *rows, executor="numpy"), 1e-11 if dtype == np.float64 else 1e-4)


def test_an_order_may_be_shuffled_in_place(monkeypatch, rows, loops):
    """As `numpy.random.Generator.shuffle` does it."""
    same = np.arange(ROWS)

    def in_place(seed, epoch, count, *rest):
        np.random.default_rng(epoch).shuffle(same)
        return same

    monkeypatch.setattr(train.rules, "row_order", in_place)
    result = fit(deep(), *rows)
    same[:] = np.arange(ROWS)
    assert_close(result, fit(deep(), *rows, executor="numpy"))


def test_integer_features_are_gathered(rng, loops):
    X = rng.integers(0, 6, size=ROWS)
    net = nn.Sequential(nn.Embedding(6, 4), nn.Dense(4, 3)).initialise(seed=0, dtype=np.float64)
    y = rng.integers(0, 3, ROWS)
    result = fit(net, X, y)
    assert None not in loops
    assert_close(result, fit(net, X, y, executor="numpy"))


def test_rows_in_a_file_are_read_there(rows, loops, tmp_path):
    X = np.lib.format.open_memmap(tmp_path / "X.npy", "w+", np.float64, rows[0].shape)
    X[...] = rows[0]
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    assert_same_bits(fit(deep(), mapped, rows[1]), fit(deep(), *rows))


# Each two of the three choices meet once.
@pytest.mark.parametrize(
    ("dtype", "optimizer", "middle"),
    [
        (np.float32, optim.SGD(0.1, momentum=0.9), ()),
        (np.float32, optim.Adam(0.01), (nn.Dropout(0.4), nn.BatchNorm(16))),
        (np.float64, optim.SGD(0.1, momentum=0.9), (nn.Dropout(0.4), nn.BatchNorm(16))),
        (np.float64, optim.Adam(0.01), ()),
    ],
)
def test_the_number_of_threads_changes_no_bit(rows, shared, dtype, optimizer, middle):
    options = {"optimizer": optimizer, "clip_norm": 1.0, "epochs": 6}
    net = deep(dtype, middle)
    alone = fit(net, *rows, threads=1, **options)
    for threads in (2, 3):
        assert_same_bits(fit(net, *rows, threads=threads, **options), alone)
    assert all(loop.compiled.layout.can_share for loop in shared)


def test_a_larger_step_is_shared_and_changes_no_bit(rng, loops):
    X, y = rng.normal(size=(512, 100)).astype(np.float32), rng.integers(0, 10, 512)
    net = nn.Sequential(nn.Dense(100, 200, "relu"), nn.Dense(200, 10)).initialise(seed=0)
    one, two = (fit(net, X, y, batch_size=64, threads=threads, epochs=10) for threads in (1, 2))
    assert_same_bits(one, two)
    assert all(loop.compiled.layout.schedule.shared for loop in loops)


def test_several_models_train_at_once(rows, shared):
    """As many threads of Python, each with threads of its own."""
    nets = [deep(np.float32, (nn.Dropout(0.1 * number),)) for number in range(3)]
    alone = [fit(net, *rows, epochs=30) for net in nets]
    together = [None] * len(nets)

    def task(number):
        together[number] = fit(nets[number], *rows, epochs=30, threads=2)

    workers = [threading.Thread(target=task, args=(number,)) for number in range(len(nets))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for one, other in zip(alone, together, strict=True):
        assert_same_bits(one, other)


def test_a_second_fit_of_the_same_shapes_compiles_nothing(rows, loops, monkeypatch):
    compiled = []

    def counted(text, target):
        compiled.append(text)
        return object_code(text, target)

    monkeypatch.setattr(cache, "object_code", counted)
    X, y = rows
    fit(deep(), X, y, validation_data=(X, y))
    first = len(compiled)
    assert first == 3  # full batch, short batch, validation
    fit(deep(middle=()), X[::-1], y, validation_data=(X, y), seed=5, epochs=2)
    assert len(compiled) == first


def test_the_loss_of_an_epoch_does_not_lose_its_small_terms(loops):
    """The sum over many steps is kept in float64."""
    steps = 20_000
    X = np.full((steps, 1), 0.1, np.float32)
    net = nn.Dense(1, 1, bias=False).initialise(seed=0)
    net = nn.with_parameters(net, {"weight": np.zeros((1, 1), np.float32)})
    result = fit(net, X, X, loss="squared_error", batch_size=1, epochs=1, optimizer=optim.SGD(0.0))
    assert result.history[0].loss == pytest.approx(float(np.float32(0.1) * np.float32(0.1)), rel=1e-7)


def test_subnormal_numbers_are_kept_whatever_another_library_has_set(loops):
    torch = pytest.importorskip("torch", reason="it is used to set the processor's mode")
    X = np.full((4, 1), 1e-30, np.float32)
    y = np.zeros((4, 1), np.float32)
    net = nn.Dense(1, 1, bias=False).initialise(seed=0)
    net = nn.with_parameters(net, {"weight": np.full((1, 1), 1e-9, np.float32)})
    options = {"loss": "absolute_error", "optimizer": optim.SGD(1e-10), "batch_size": 4, "epochs": 3}
    plain = fit(net, X, y, **options)
    if not torch.set_flush_denormal(True):
        pytest.skip("this processor has no such mode")
    try:
        flushed = fit(net, X, y, **options)
    finally:
        torch.set_flush_denormal(False)
    assert 0 < plain.history[0].loss < np.finfo(np.float32).smallest_normal
    assert plain.history[0].loss == flushed.history[0].loss
    assert_same_bits(plain, flushed)


INTERRUPTED = """
import os, signal, threading, time, warnings
import numpy as np
from wengert import nn, train
from wengert.train.steps.native import Pace

signal.signal(signal.SIGINT, signal.default_int_handler)
rng = np.random.default_rng(0)
X = rng.random((800_000, 64), np.float32)
y = rng.integers(0, 10, len(X))
net = nn.Sequential(nn.Dense(64, 256, "relu"), nn.Dense(256, 10)).initialise(seed=0)
options = {"loss": "nllm_from_logits", "batch_size": 64, "progress": False, "threads": THREADS}
train.fit(net, X[:64], y[:64], epochs=1, **options)

noted = threading.Semaphore(0)
note = Pace.note

def told(self, *arguments):
    note(self, *arguments)
    noted.release()

def interrupt():
    for _ in range(4):
        noted.acquire()
    time.sleep(0.05)
    os.kill(os.getpid(), signal.SIGINT)

Pace.note = told
threading.Thread(target=interrupt).start()
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    result = train.fit(net, X, y, epochs=1000, **options)
    again = train.fit(net, X[:6400], y[:6400], epochs=1, **options)
print(result.stopped, len(result.history), 0 < result.steps < 12500, again.stopped, threading.active_count())
"""


@pytest.mark.parametrize("threads", [1, 2])
def test_ctrl_c_ends_an_epoch_between_two_steps(threads):
    """All steps of an epoch are one native loop in pieces; what it has learned is there."""
    code = INTERRUPTED.replace("THREADS", str(threads))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout.split() == ["interrupted", "0", "True", "epochs", "1"], done.stderr


def divergence(net, X, y, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = fit(net, X, y, **options)
    assert result.stopped == "diverged"
    found = result.divergence
    return found.step, found.epoch, found.layer, found.operation, result.steps


@pytest.mark.parametrize("worse_at", [3, 7, 20])
@pytest.mark.parametrize("rate", [1e4, 1e15, 1e300])
def test_a_divergence_is_found_at_the_step_where_numpy_finds_it(rows, loops, worse_at, rate):
    X, y = rows
    schedule = optim.SGD(lambda t: np.where(t < worse_at, 0.01, rate))
    net = nn.Sequential(nn.Dense(5, 8, "relu"), nn.Dense(8, 1)).initialise(seed=1, dtype=np.float64)
    options = {"loss": "half_squared_error", "optimizer": schedule, "epochs": 20}
    native = divergence(net, X, y[:, None], **options)
    assert None not in loops
    assert native == divergence(net, X, y[:, None], executor="numpy", **options)
    assert native[0] > worse_at


JOBLIB = """
import os, sys
import numpy as np
from joblib import Parallel, delayed
from wengert import nn, train
from wengert.run.threads import default_threads

def work(seed):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(256, 20)).astype(np.float32), rng.integers(0, 3, 256)
    net = nn.Sequential(nn.Dense(20, 64, "relu"), nn.Dense(64, 3)).initialise(seed=seed)
    result = train.fit(net, X, y, loss="nllm_from_logits", epochs=3, progress=False)
    return default_threads(), result.net.layers[0].weight

cores = os.cpu_count()
results = Parallel(n_jobs=2, backend=BACKEND)(delayed(work)(seed) for seed in range(4))
same = [np.array_equal(weight, work(seed)[1]) for seed, (_, weight) in enumerate(results)]
print(all(same), max(threads for threads, _ in results) <= max(cores // 2, 1))
"""


@pytest.mark.parametrize("backend", ["loky", "multiprocessing"])
def test_workers_of_a_pool_do_not_use_more_cores_than_there_are(backend):
    pytest.importorskip("joblib", reason="it makes the pool")
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    done = subprocess.run(
        [sys.executable, "-c", JOBLIB.replace("BACKEND", repr(backend))],
        capture_output=True,
        text=True,
        timeout=120,
        env=environment,
    )
    assert done.stdout.split() == ["True", "True"], done.stderr


def test_threads_are_checked():
    X, y = np.zeros((8, 5)), np.zeros(8, int)
    for wrong in (0, -1, 1.5, True):
        with pytest.raises(ConfigurationError, match="threads is an integer above 0"):
            fit(deep(), X, y, threads=wrong)
    with pytest.raises(ConfigurationError, match="threads is for executor='llvm'"):
        fit(deep(), X, y, threads=2, executor="numpy")


def test_no_more_threads_than_processors_are_used(rows, loops):
    message = "threads=64 is lowered to 8, as many as there are processors for this process"
    with pytest.warns(WengertWarning, match=message) as told:
        train.fit(deep(), *rows, loss="nllm_from_logits", epochs=1, progress=False, threads=64)
    assert told[0].filename == __file__
    assert LLVMExecutor(threads=64).threads == 64  # who makes an executor decides


def paced(pace, step_seconds, stretches, seconds=0.1, left=10**9):
    """Return threads and count of each stretch, where a step takes so long by the number of threads."""
    taken = []
    for _ in range(stretches):
        threads, count = pace.next(seconds)
        count = min(count, left)
        taken.append((threads, count))
        pace.note(threads, count, count * step_seconds[threads])
    return taken


def test_one_disturbed_stretch_changes_no_number_of_threads():
    pace = Pace(2)
    paced(pace, {1: 1e-4, 2: 6e-5}, 6)
    assert paced(pace, {1: 1e-4, 2: 5e-4}, 2)[1][0] == 2
    assert paced(pace, {1: 1e-4, 2: 5e-4}, 2)[1][0] == 1  # the second in turn


def test_the_faster_number_of_threads_is_found():
    taken = paced(Pace(2), {1: 1e-4, 2: 6e-5}, 12)
    assert taken[0] == (1, 1)
    assert taken[-1] == (2, pytest.approx(0.1 / 6e-5, rel=0.01))
    taken = paced(Pace(2), {1: 1e-5, 2: 9e-5}, 12)
    assert [threads for threads, _ in taken].count(2) == 1
    assert taken[-1] == (1, pytest.approx(0.1 / 1e-5, rel=0.01))


def test_a_stretch_grows_step_by_step_and_never_takes_long():
    taken = paced(Pace(1), {1: 1e-6}, 12)
    counts = [count for _, count in taken]
    assert all(after <= 8 * before for before, after in itertools.pairwise(counts))
    assert max(counts) == pytest.approx(0.1 / 1e-6, rel=0.01)
    assert paced(Pace(1), {1: 0.5}, 5) == [(1, 1)] * 5
    assert paced(Pace(1), {1: 1e-3}, 5, seconds=0.0) == [(1, 1)] * 5


def test_epochs_that_are_over_at_once_are_not_shared():
    assert {threads for threads, _ in paced(Pace(2), {1: 1e-5, 2: 1e-6}, 50, left=20)} == {1}


def test_without_llvmlite_numpy_trains_and_it_is_said_once(rows, monkeypatch):
    wanted = fit(deep(), *rows, executor="numpy")
    monkeypatch.setitem(sys.modules, "llvmlite", None)
    default._llvm_executor.cache_clear()
    try:
        with pytest.warns(WengertWarning, match="llvmlite cannot be loaded"):
            result = fit(deep(), *rows)
        assert_same_bits(result, wanted)
        assert_same_bits(fit(deep(), *rows), wanted)  # a second warning would be an error
    finally:
        default._llvm_executor.cache_clear()


@pytest.mark.parametrize("optimizer", [optim.SGD(0.1, momentum=0.9), optim.Adam(0.01)])
@pytest.mark.parametrize("batch_size", [1, 2, 4])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_tiny_step_is_one_function_that_keeps_its_carry_in_registers(
    loops, monkeypatch, dtype, batch_size, optimizer
):
    X, y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype), np.array([[0], [1], [1], [0]], dtype)
    net = nn.Sequential(nn.Dense(2, 3, "tanh"), nn.Dense(3, 1)).initialise(seed=1, dtype=dtype)
    options = {
        "loss": "nll_from_logits", "optimizer": optimizer, "batch_size": batch_size, "epochs": 30,
    }  # fmt: skip
    result = fit(net, X, y, **options)
    assert any(loop.compiled.layout.is_inlined for loop in loops)
    assert_close(result, fit(net, X, y, executor="numpy", **options), 1e-11 if dtype == np.float64 else 1e-4)
    monkeypatch.setattr(Pace, "next", lambda self, seconds: (1, 1))
    assert_same_bits(fit(net, X, y, **options), result)
