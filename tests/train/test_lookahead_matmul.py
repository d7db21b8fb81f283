"""With one row in a step, the update of a large matrix computes the next step's product with it."""

import numpy as np
import pytest

from wengert import nn, optim, train
from wengert.run.llvm import LLVMExecutor
from wengert.run.llvm.fusion.kernels import Form
from wengert.run.llvm.runtime.target import AVX2, SSE
from wengert.run.llvm.schedule import schedule
from wengert.train.steps.native import Pace

ROWS, INPUTS = 23, 160
OPTIMISERS = {
    "sgd": optim.SGD(0.05),
    "momentum": optim.SGD(0.05, momentum=0.9, nesterov=True, weight_decay=0.01),
    "adam": optim.Adam(0.01),
    "schedule": optim.AdamW(lambda t: 0.01 / (1 + t)),
}


def forms(loop):
    return [kernel.form for kernel in loop.compiled.layout.schedule.plan.kernels]


def network(units=128, dtype=np.float32):
    net = nn.Sequential(nn.Dense(INPUTS, units, "relu"), nn.Dense(units, 3))
    return net.initialise(seed=3, dtype=dtype)


def fit(net, zeros=0.0, **options):
    rng = np.random.default_rng(0)
    X, y = rng.random((ROWS, INPUTS)), rng.integers(0, 3, ROWS)
    X[rng.random(X.shape) < zeros] = 0
    given = {"loss": "nllm_from_logits", "batch_size": 1, "epochs": 3, "progress": False} | options
    return train.fit(net, X, y, **given)


def assert_close(result, oracle, dtype):
    tolerance = 1e-11 if dtype == np.float64 else 2e-4
    for path, value in nn.parameters(oracle.net).items():
        np.testing.assert_allclose(
            nn.parameters(result.net)[path], value, rtol=tolerance, atol=tolerance, err_msg=path
        )
    losses = [[epoch.loss for epoch in one.history] for one in (result, oracle)]
    np.testing.assert_allclose(*losses, rtol=tolerance)


@pytest.mark.parametrize("name", OPTIMISERS)
@pytest.mark.parametrize("units", [128, 131])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_numbers_are_those_of_numpy(loops, name, units, dtype):
    net, options = network(units, dtype), {"optimizer": OPTIMISERS[name]}
    result = fit(net, **options)
    assert all(forms(loop).count(Form.LOOKAHEAD) == 1 for loop in loops)
    assert_close(result, fit(net, executor="numpy", **options), dtype)


@pytest.mark.parametrize("name", OPTIMISERS)
@pytest.mark.parametrize("zeros", [0.8, 1.0])
def test_features_that_are_zero(loops, name, zeros):
    options = {"optimizer": OPTIMISERS[name], "zeros": zeros}
    result = fit(network(), **options)
    assert Form.LOOKAHEAD in forms(loops[0])
    assert_close(result, fit(network(), executor="numpy", **options), np.float32)


@pytest.mark.filterwarnings("ignore::wengert.errors.DivergenceWarning")
@pytest.mark.parametrize("zeros", [0.0, 0.8])
def test_a_divergence_is_found_where_numpy_finds_it(loops, zeros):
    options = {"optimizer": optim.SGD(1e25), "zeros": zeros}
    one, other = fit(network(), **options), fit(network(), executor="numpy", **options)
    assert one.stopped == other.stopped == "diverged"
    assert one.divergence.step == other.divergence.step


@pytest.mark.parametrize("target", [AVX2, SSE], ids=lambda target: target.cpu)
def test_on_narrower_processors(loops, target):
    result = fit(network(), optimizer=optim.Adam(0.01), executor=LLVMExecutor(target))
    assert Form.LOOKAHEAD in forms(loops[0])
    assert_close(result, fit(network(), optimizer=optim.Adam(0.01), executor="numpy"), np.float32)


@pytest.mark.parametrize("options", [{"penalty": nn.L2(0.1)}, {"clip_norm": 0.5}, {"penalty": nn.L1(0.01)}])
def test_other_readers_of_the_matrix_see_it_before_the_update(loops, options):
    assert_close(fit(network(), **options), fit(network(), executor="numpy", **options), np.float32)
    assert None not in loops


@pytest.mark.parametrize("name", ["sgd", "momentum"])
def test_the_bits_depend_neither_on_threads_nor_on_where_a_run_begins(monkeypatch, loops, name):
    monkeypatch.setattr(schedule, "SMALLEST_SHARED", 0.0)
    monkeypatch.setattr(schedule, "BARRIER_COST", 0.0)
    results = []
    for threads, steps in ((1, 1), (1, 3), (1, 1000), (2, 5), (3, 1000)):
        monkeypatch.setattr(Pace, "next", lambda self, seconds, given=(threads, steps): given)
        executor = LLVMExecutor(threads=threads)
        results.append(fit(network(), 0.5, executor=executor, optimizer=OPTIMISERS[name]))
    for result in results[1:]:
        for path, value in nn.parameters(results[0].net).items():
            assert np.array_equal(nn.parameters(result.net)[path], value), path
        assert [epoch.loss for epoch in result.history] == [epoch.loss for epoch in results[0].history]
    assert all(loop.compiled.layout.can_share for loop in loops)
