"""Loops that the machine code around them calls: results, refusals and interruptions as without that."""

from __future__ import annotations

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert.errors import IndexRangeError
from wengert.ir.evaluate import evaluate
from wengert.run.llvm import LLVMExecutor, executor
from wengert.run.llvm.compiled_program import CompiledProgram


def compiled(function: Any, *args: Any, threads: int = 1) -> CompiledProgram:
    made = LLVMExecutor(threads=threads).compile(wg.trace(function, *args))
    assert isinstance(made, CompiledProgram)
    return made


def forms(made: CompiledProgram) -> set[str]:
    return {kernel.form for kernel in made.kernels()} & {"scan", "numpy"}


def several(w: Any, h: Any, k: Any, xs: Any, reverse: bool = False) -> Any:
    """Carries of three dtypes, one unread; outputs that are a carry, an entry and a constant."""

    def step(carry: Any, x: Any) -> Any:
        h, k, seen = carry
        new = np.tanh(w @ h + x)
        return (new, k + 1, seen | (x[0] > 0)), (h, x, w, k.astype(np.float32))

    (h, k, _), outputs = wg.scan(step, (h, k, False), xs, reverse=reverse)
    return h, k, outputs


def slopes(w: Any, h: Any, k: Any, xs: Any, reverse: bool = False) -> Any:
    def loss(w: Any, h: Any, xs: Any) -> Any:
        last, _, (before, *_) = several(w, h, k, xs, reverse)
        return last.sum() + (before**2).sum()

    return wg.value_and_grad(loss, (0, 1, 2))(w, h, xs)


def arguments(length: int, seed: int = 0) -> tuple[Any, ...]:
    rng = np.random.default_rng(seed)
    return 0.5 * rng.normal(size=(3, 3)), rng.normal(size=3), np.int64(7), rng.normal(size=(length, 3))


@pytest.mark.parametrize("length", [0, 1, 2, 5])
@pytest.mark.parametrize("reverse", [False, True])
def test_a_call_gives_the_bits_of_the_loop_by_itself(
    length: int, reverse: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    args = arguments(length)
    found = []
    for function in (several, slopes):

        def directed(*given: Any, function: Any = function) -> Any:
            return function(*given, reverse=reverse)

        called = compiled(directed, *args)
        with monkeypatch.context() as patch:
            patch.setattr(executor, "called_loops", lambda *_: {})
            apart = compiled(directed, *args, threads=2)  # what is compiled is kept by the threads
        assert (forms(called), forms(apart)) == ({"scan"}, {"numpy"})
        found += list(zip(called(args), apart(args), strict=True))
    for one, other in found:
        np.testing.assert_array_equal(one, other)
        assert one.dtype == other.dtype


def nested(x: Any, xs: Any) -> Any:
    """A loop in a loop in a loop."""

    def middle(i: Any, v: Any) -> Any:
        return wg.fori_loop(0, 3, lambda j, u: 0.9 * np.sin(u) + x / (1.0 + j), v)

    def outer(c: Any, row: Any) -> Any:
        c = wg.fori_loop(0, 2, middle, c + row)
        return c, c.sum()

    return wg.scan(outer, x, xs)[1].sum()


def plain(x: Any, xs: Any) -> Any:
    c, total = x, 0.0
    for row in xs:
        c = c + row
        for _ in range(2):
            for j in range(3):
                c = 0.9 * np.sin(c) + x / (1.0 + j)
        total = total + c.sum()
    return total


def test_loops_in_loops_are_one_call() -> None:
    rng = np.random.default_rng(0)
    x, xs = rng.normal(size=4), rng.normal(size=(5, 4))
    gradient = wg.value_and_grad(nested, (0, 1))
    made = compiled(gradient, x, xs)
    assert forms(made) == {"scan"}
    assert len(made.layout.segments) == 1
    value, (by_x, by_xs) = wg.compile(gradient)(x, xs)
    with wg.rolling(False):
        expected, (of_x, of_xs) = wg.value_and_grad(plain, (0, 1))(x, xs)
    np.testing.assert_allclose(value, expected, rtol=1e-14)
    np.testing.assert_allclose(by_x, of_x, rtol=1e-12)
    np.testing.assert_allclose(by_xs, of_xs, rtol=1e-12, atol=1e-15)


def test_threads_may_call_at_once() -> None:
    rng = np.random.default_rng(0)
    xs, run = rng.normal(size=(40, 300, 4)), wg.compile(nested)
    expected = [run(one[0], one) for one in xs]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda one: run(one[0], one), xs)) == expected


def test_operands_may_be_views() -> None:
    """A transposed and a repeated array; what stays of one type in another's place."""

    def summed(w: Any, x: Any, xs: Any) -> Any:
        start = np.broadcast_to(x, (3,))
        return wg.scan(lambda c, row: (0.5 * (w.T @ c) + row[::-1], c), start, xs.T[1:])

    w, h, _, xs = arguments(3)
    run = compiled(summed, w, h[0], xs)
    assert forms(run) == {"scan"}
    for got, expected in zip(run([w, h[0], xs]), summed(w, h[0], xs), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-14)


def test_machine_code_is_kept_apart_by_what_it_calls() -> None:
    """The programs around these loops are equal, the tables of their bodies are not."""

    def first(xs: Any) -> Any:
        return wg.scan(lambda c, x: (np.sin(c) + x, c.sum()), xs[0], xs)[1].sum()

    def second(xs: Any) -> Any:
        def step(c: Any, x: Any) -> Any:
            return np.where(x[0] > 0, 0.9 * np.sin(c) + x, 0.25 * c - 7.0), c.sum()

        return wg.scan(step, xs[0], xs)[1].sum()

    xs = arguments(9)[-1]
    for function in (first, second):
        np.testing.assert_allclose(compiled(function, xs)([xs])[0], function(xs), rtol=1e-14)


def test_an_index_out_of_range_names_the_iterations_of_all_loops() -> None:
    def picked(x: Any, indices: Any) -> Any:
        return wg.scan(lambda c, row: (wg.scan(lambda d, i: (d + x[i], None), c, row)[0], c), 0.0, indices)

    x, indices = np.arange(3.0), np.array([[0, 1], [2, 1], [0, 2]])
    run = compiled(picked, x, indices)
    assert forms(run) == {"scan"}
    assert run([x, indices])[0] == 6
    indices[1, 1] = 9
    message = r"index 9 .*3 entries.*, in iteration 1 of a scan of 2, in iteration 1 of a scan of 3"
    for call in (run, partial(evaluate, run.program)):
        with pytest.raises(IndexRangeError, match=message):
            call([x, indices])


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="signals to a thread are POSIX")
def test_ctrl_c_is_heard_between_calls() -> None:
    """A long loop is run by Python, in which it is heard; the short one in it is called."""

    def endless(x: Any) -> Any:
        def step(i: Any, v: Any) -> Any:
            return wg.fori_loop(0, 1000, lambda j, u: np.sin(u) + x, v)

        return wg.fori_loop(0, 10_000_000, step, x)

    run = compiled(endless, 1.0)
    assert forms(run) == {"numpy"}
    interrupt = threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT))
    interrupt.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            run([1.0])
    finally:
        interrupt.join()
