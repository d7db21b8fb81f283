"""Native loops over steps drawn at random: whatever reads and writes what, the values are those of NumPy."""

import threading
from collections import OrderedDict

import numpy as np
import pytest

import wengert as wg
from wengert.run import recent, threads as run_threads
from wengert.run.llvm import LLVMExecutor
from wengert.run.llvm.schedule import schedule
from wengert.run.loop import Roles
from wengert.run.numpy import NumpyExecutor
from wengert.run.threads import FairShare, default_threads, run_on_threads
from wengert.trace.tracing import Recording

SIZE, BATCH, STEPS = 5, 4, 7


@pytest.fixture
def everything_shared(monkeypatch):
    """Have all threads work on every kernel."""
    monkeypatch.setattr(schedule, "SMALLEST_SHARED", 0.0)
    monkeypatch.setattr(schedule, "BARRIER_COST", 0.0)
    monkeypatch.setattr(recent, "_known", OrderedDict())


def drawn_step(seed):
    """Return a random function (A, B, c, X, key, step) → (A, B, c, loss), bounded."""
    draw = np.random.default_rng(seed)

    def step(A, B, c, X, key, step):
        matrices, vectors = [A, B, A + 0], [c]
        rows = [X]
        for _ in range(8):
            kind = int(draw.integers(0, 8))
            one, other = (matrices[int(draw.integers(len(matrices)))] for _ in range(2))
            vector, batch = (values[int(draw.integers(len(values)))] for values in (vectors, rows))
            if kind == 0:
                matrices.append(np.tanh(one @ other))
            elif kind == 1:
                matrices.append(one.T * 0.5 + other)
            elif kind == 2:
                matrices.append(np.tanh(one - vector))
            elif kind == 3:
                vectors.append(np.tanh(one.sum(axis=int(draw.integers(2)))))
            elif kind == 4:
                rows.append(np.tanh(batch @ one + vector))
            elif kind == 5:
                matrices.append(np.tanh(batch.T @ rows[-1]))
            elif kind == 6:
                vectors.append(np.flip(vector) * 0.9)
            else:
                mask = wg.random.uniform(wg.random.fold_in(key, step), (BATCH, SIZE), A.dtype) < 0.5
                rows.append(np.where(mask, batch, 0))
        picks = [matrices[-1 - int(draw.integers(3))] for _ in range(2)]
        return np.tanh(picks[0]), picks[1], vectors[-1], np.mean(np.square(rows[-1] - vectors[-1]))

    return step


@pytest.mark.parametrize("seed", range(60))
def test_random_steps(seed, everything_shared):
    rng = np.random.default_rng(seed)
    dtype = np.float64
    carry = [rng.normal(size=shape).astype(dtype) for shape in ((SIZE, SIZE), (SIZE, SIZE), (SIZE,))]
    X = rng.normal(size=(BATCH * STEPS, SIZE)).astype(dtype)
    key = np.array([1, 2], np.uint32)
    # A function that draws is refused by `trace`, since its program holds what was drawn: here it should.
    arguments = (*carry, X[:BATCH], key, np.int64(0))
    program = wg.simplify(Recording(drawn_step(seed), arguments, {}).program)
    places = rng.permutation(len(X))

    run, wanted, total = NumpyExecutor().compile(program), list(carry), 0.0
    for step in range(STEPS):
        batch = X[places[step * BATCH : (step + 1) * BATCH]]
        *wanted, loss = run([*wanted, batch, key, np.array(step)])
        total += float(loss) * BATCH

    executor = LLVMExecutor(threads=3)
    results = []
    for threads in (1, 2, 3):
        progress = executor.new_progress(carry, 0, 0.0)
        loop = executor.loop(program, Roles(3, (3,), 5), progress, [X, key, np.array(0)])
        assert loop is not None
        loop.run(places, 0, 3, threads)
        loop.run(places, 3 * BATCH, STEPS - 3, threads)
        assert progress.steps == STEPS
        assert not progress.stopped
        for mine, oracle in zip(progress.carry, wanted, strict=True):
            np.testing.assert_allclose(mine, oracle, rtol=1e-9, atol=1e-12)
        assert progress.loss_sum == pytest.approx(total, rel=1e-9)
        results.append([array.tobytes() for array in progress.carry])
    assert results[0] == results[1] == results[2]


def looped(function, *carry):
    """Return what two steps of a function of the carry give natively; None where it is no loop."""
    X, key = np.ones((4, 1)), np.zeros(2, np.uint32)

    def step(*arguments):
        *before, X, _, _ = arguments
        return (*function(*before), X.sum())

    program = wg.trace(step, *carry, X[:2], key, np.int64(0))
    executor = LLVMExecutor(threads=2)
    progress = executor.new_progress(carry, 0, 0.0)
    loop = executor.loop(
        program, Roles(len(carry), (len(carry),), len(carry) + 2), progress, [X, key, np.array(0)]
    )
    if loop is None:
        return None
    loop.run(np.arange(4), 0, 2, 2)
    return progress.carry


A, B = np.arange(9.0).reshape(3, 3), np.ones((3, 3))


def test_a_value_is_written_after_its_last_reader():
    a, b = looped(lambda a, b: (a * 2, b + a @ a), A, B)
    np.testing.assert_array_equal(a, 4 * A)
    np.testing.assert_array_equal(b, B + A @ A + (2 * A) @ (2 * A))


def test_values_that_stay():
    a, b = looped(lambda a, b: (a, b + a), A, B)
    np.testing.assert_array_equal(a, A)
    np.testing.assert_array_equal(b, B + 2 * A)


@pytest.mark.parametrize(
    "function",
    [
        lambda a, b: (b, a),  # exchanged
        lambda a, b: (a.T, b),  # each element is needed after it is written over
        lambda a, b: (a @ a, b),
        lambda a, b: (a @ b, b @ a),
        lambda a, b: (a + b, a - b),
        lambda a, b: (a + b, a + b),
        lambda a, b: (a.T, a.T),
        lambda a, b: (b, b),
    ],
)
def test_values_that_need_a_second_place(function):
    for mine, wanted in zip(looped(function, A, B), function(*function(A, B)), strict=True):
        np.testing.assert_array_equal(mine, wanted)


def test_a_step_that_numpy_has_to_run_a_line_of_is_no_loop():
    assert looped(lambda a, b: (np.cumsum(a, axis=0), b), A, B) is None


def test_the_number_of_threads(monkeypatch):
    monkeypatch.setattr(run_threads, "physical_cores", lambda: 4)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert default_threads() == 3
    assert LLVMExecutor().threads == 3
    for given in ("2,1", " 2 "):
        monkeypatch.setenv("OMP_NUM_THREADS", given)
        assert default_threads() == 2
    for given in ("64", "0", "-2", "many", ""):
        monkeypatch.setenv("OMP_NUM_THREADS", given)
        assert default_threads() == 4
    monkeypatch.undo()
    assert run_threads.physical_cores() >= 1


def test_threads_are_shared_fairly():
    with FairShare(4) as first:
        with FairShare(4) as second, FairShare(4) as third:
            assert (first, second, third) == (4, 2, 1)
        with FairShare(1) as alone:
            assert alone == 1
    with FairShare(4) as again:
        assert again == 4


def test_calls_run_together():
    meeting = threading.Barrier(3)
    seen = []

    def call(number):
        meeting.wait(timeout=60)  # all three are there, or nobody gets on
        seen.append(number)

    run_on_threads(call, 3, meeting.abort, meeting.abort)
    assert sorted(seen) == [0, 1, 2]


def test_a_thread_that_cannot_be_started_leaves_nobody_waiting(monkeypatch):
    meeting = threading.Barrier(3)
    start = threading.Thread.start

    def refused(self):
        if self.name == "wengert-2":
            raise RuntimeError("can't start new thread")
        start(self)

    def call(number):
        try:
            meeting.wait(timeout=60)
        except threading.BrokenBarrierError:
            return

    monkeypatch.setattr(threading.Thread, "start", refused)
    with pytest.raises(RuntimeError, match="can't start"):
        run_on_threads(call, 3, meeting.abort, meeting.abort)


def test_nothing_is_left_running(everything_shared):
    looped(lambda a, b: (a + b, a - b), A, B)
    assert not [one for one in threading.enumerate() if one.name.startswith("wengert")]
