"""Weights that lie in panels while a loop runs: the values are those of NumPy, and nobody outside notices."""

from collections import OrderedDict

import numpy as np
import pytest

import wengert as wg
from wengert.run import recent
from wengert.run.llvm import LLVMExecutor
from wengert.run.llvm.matmul.weight_layout import from_panels, in_panels
from wengert.run.llvm.runtime.target import AVX2, SSE, host_target
from wengert.run.llvm.schedule import schedule
from wengert.run.loop import Roles
from wengert.run.numpy import NumpyExecutor

INPUTS, HIDDEN, OUTPUTS, BATCH, STEPS = 20, 96, 192, 24, 4


@pytest.fixture(autouse=True)
def everything_shared(monkeypatch):
    """Have all threads work on every kernel."""
    monkeypatch.setattr(schedule, "SMALLEST_SHARED", 0.0)
    monkeypatch.setattr(schedule, "BARRIER_COST", 0.0)
    monkeypatch.setattr(recent, "_known", OrderedDict())


def momentum_step(W, V, velocity, X, key, step):
    """Return a step of two layers with momentum for the second: products with a matrix and its transposed."""
    H = np.maximum(X @ W, 0)
    D = np.tanh(H @ V) - 0.1
    E = np.where(H > 0, D @ V.T, 0)
    faster = 0.9 * velocity - 0.01 * (H.T @ D)
    return W - 0.01 * (X.T @ E), V + faster, faster, np.mean(np.square(D))


def arrays(dtype):
    rng = np.random.default_rng(0)
    shapes = (INPUTS, HIDDEN), (HIDDEN, OUTPUTS), (HIDDEN, OUTPUTS), (BATCH * STEPS, INPUTS)
    return [(rng.normal(size=shape) * 0.3).astype(dtype) for shape in shapes]


def program_of(function, carry, X):
    return wg.simplify(wg.trace(function, *carry, X, np.zeros(2, np.uint32), np.int64(0)))


def taken_by_numpy(program, carry, X, steps, batch):
    run, key = NumpyExecutor().compile(program), np.zeros(2, np.uint32)
    for step in range(steps):
        *carry, _ = run([*carry, X[step * batch : (step + 1) * batch], key, np.array(step)])
    return carry


def loop_of(executor, program, progress, X):
    count = len(progress.carry)
    data = [X, np.zeros(2, np.uint32), np.array(0)]
    return executor.loop(program, Roles(count, (count,), count + 2), progress, data)


@pytest.mark.parametrize("target", [host_target(), AVX2, SSE], ids=["host", "AVX2", "SSE"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_steps_on_panels(dtype, target):
    *carry, X = arrays(dtype)
    program = program_of(momentum_step, carry, X[:BATCH])
    wanted = taken_by_numpy(program, carry, X, STEPS, BATCH)
    executor, results = LLVMExecutor(target, threads=3), []
    for threads in (1, 2, 3):
        progress = executor.new_progress(carry, 0, 0.0)
        loop = loop_of(executor, program, progress, X)
        loop.run(np.arange(len(X)), 0, STEPS, threads)
        assert all(loop.compiled.panels)
        for mine, oracle in zip(progress.carry, wanted, strict=True):
            # Elements are sums of others near 1 in size, so the rounding of each is that of 1.
            np.testing.assert_allclose(mine, oracle, rtol=0, atol=64 * np.finfo(dtype).eps)
        results.append([array.tobytes() for array in progress.carry])
    assert results[0] == results[1] == results[2]


def test_a_loop_in_panels_and_one_in_rows_take_turns():
    *carry, X = arrays(np.float64)
    full, short = (program_of(momentum_step, carry, X[:rows]) for rows in (BATCH, 2))
    wanted = taken_by_numpy(
        full, taken_by_numpy(short, taken_by_numpy(full, carry, X, 1, BATCH), X, 3, 2), X, 2, BATCH
    )
    executor = LLVMExecutor(threads=2)
    progress = executor.new_progress(carry, 0, 0.0)
    loops = [loop_of(executor, program, progress, X) for program in (full, short)]
    assert loops[0].compiled.panels != loops[1].compiled.panels
    places = np.arange(len(X))
    loops[0].run(places, 0, 1, 2)
    loops[1].run(places, 0, 3, 2)
    loops[0].run(places, 0, 2, 2)
    for mine, oracle in zip(progress.carry, wanted, strict=True):
        np.testing.assert_allclose(mine, oracle, rtol=0, atol=1e-14)


def test_the_carry_is_set_where_it_lies_in_panels():
    *carry, X = arrays(np.float64)
    program = program_of(momentum_step, carry, X[:BATCH])
    executor = LLVMExecutor(threads=1)
    progress = executor.new_progress(carry, 0, 0.0)
    loop = loop_of(executor, program, progress, X)
    loop.run(np.arange(len(X)), 0, STEPS, 1)
    first = progress.carry
    progress.carry = carry
    progress.steps = 0
    for mine, given in zip(progress.carry, carry, strict=True):
        np.testing.assert_array_equal(mine, given)
    loop.run(np.arange(len(X)), 0, STEPS, 1)
    for mine, before in zip(progress.carry, first, strict=True):
        np.testing.assert_array_equal(mine, before)


@pytest.mark.parametrize(
    "function",
    [
        lambda W, V, H: (W - 0.1 * (H.T @ (H @ W)), V - np.sum(np.square(W))),
        lambda W, V, H: (W - 0.1 * (H.T @ (H @ W[:, ::-1])), V),
        lambda W, V, H: (W - 0.1 * (H.T @ (H @ W)), V + (W @ V.T) @ V),
    ],
    ids=["read by a sum", "read backwards", "a left operand"],
)
def test_what_other_kernels_read_stays_in_rows(function):
    rng = np.random.default_rng(1)
    W, V, X = (rng.normal(size=shape) * 0.1 for shape in ((8, 96), (8, 96), (BATCH, 8)))

    def step(W, V, X, key, step):
        return (*function(W, V, X), np.mean(X))

    program = program_of(step, [W, V], X)
    executor = LLVMExecutor(threads=2)
    progress = executor.new_progress([W, V], 0, 0.0)
    loop = loop_of(executor, program, progress, X)
    loop.run(np.arange(BATCH), 0, 1, 2)
    assert not loop.compiled.panels[0]
    for mine, oracle in zip(progress.carry, taken_by_numpy(program, [W, V], X, 1, BATCH), strict=True):
        np.testing.assert_allclose(mine, oracle, rtol=0, atol=1e-14)


@pytest.mark.parametrize("width", [0, 2, 3, 6])
def test_there_and_back(width):
    matrix = np.arange(24).reshape(4, 6)
    elements = in_panels(matrix, width)
    np.testing.assert_array_equal(from_panels(elements, (4, 6), width), matrix)
    if width:
        np.testing.assert_array_equal(elements[: 4 * width].reshape(4, width), matrix[:, :width])
