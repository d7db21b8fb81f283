"""Loops whose iterations run natively: many in one call, with results and refusals as one by one."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert.errors import IndexRangeError
from wengert.ir.program import Program, bodies
from wengert.run.llvm import LLVMExecutor
from wengert.run.llvm.repetition.compiled_body import CompiledBody, compiled_body
from wengert.run.llvm.runtime.target import host_target
from wengert.transform.regions.iterations import rows, run_iterations


def body_of(program: Program) -> Program:
    return next(body for node in program.nodes for body in bodies(node))


def several(w: Any, h: Any, k: Any, xs: Any) -> Any:
    """Carries of three dtypes; outputs that are a carry, an entry, a constant, and one of them twice."""

    def step(carry: Any, x: Any) -> Any:
        h, k, seen = carry
        new = np.tanh(w @ h + x)
        return (new, k + 1, seen | (x[0] > 0)), (h, x, w, new, new, k.astype(np.float32))

    return wg.scan(step, (h, k, False), xs)


def arguments(length: int, seed: int = 0) -> tuple[Any, ...]:
    rng = np.random.default_rng(seed)
    return 0.5 * rng.normal(size=(3, 3)), rng.normal(size=3), np.int64(7), rng.normal(size=(length, 3))


@pytest.mark.parametrize("length", [0, 1, 2, 5, 64])
@pytest.mark.parametrize("reverse", [False, True])
def test_many_iterations_are_one_iteration_after_the_other(length: int, reverse: bool) -> None:
    args = arguments(length)
    body = body_of(wg.trace(several, *args))
    native = compiled_body(body, host_target())
    assert isinstance(native, CompiledBody)
    w, h, k, xs = args
    given = ([w], [h, k, np.False_], [xs])
    kept = (0, 2)
    found = []
    # A function alone cannot repeat: one call an iteration.
    for step in (native, lambda one: native(one)):
        outputs = [rows(node.type, length) for node in body.outputs[3:]]
        befores = [rows(body.outputs[place].type, length) for place in kept]
        finals = run_iterations(step, *given, length, reverse, kept, outputs, befores, "a scan")
        found.append([*finals, *outputs, *befores])
    for got, one in zip(*found, strict=True):
        np.testing.assert_array_equal(got, one)
        assert got.dtype == np.asarray(one).dtype


def test_one_body_serves_more_lengths_than_it_remembers() -> None:
    body = body_of(wg.trace(several, *arguments(5)))
    native = compiled_body(body, host_target())
    assert isinstance(native, CompiledBody)

    def finals(length: int, reverse: bool) -> list[Any]:
        w, h, k, xs = arguments(length, seed=length)
        outputs = [rows(node.type, length) for node in body.outputs[3:]]
        given = ([w], [h, k, np.False_], [xs], length, reverse, (), outputs, ())
        return [*run_iterations(native, *given, "a scan"), *outputs]

    ways = [(length, reverse) for length in range(6) for reverse in (False, True)]
    before = [finals(*way) for way in ways]
    for way, known in zip(ways, before, strict=True):
        for got, one in zip(finals(*way), known, strict=True):
            np.testing.assert_array_equal(got, one)
    w, h, k, xs = arguments(5, seed=5)
    np.testing.assert_allclose(before[-2][0], several(w, h, k, xs)[0][0], rtol=1e-14)


def test_operands_are_not_written_to_and_may_lie_anyhow() -> None:
    w, h, k, xs = arguments(6)
    wide = np.zeros((6, 7))
    wide[:, 1:7:2] = xs
    strided, turned = wide[:, 1:7:2], np.asfortranarray(w)
    for array in (strided, turned, h):
        array.flags.writeable = False
    run = wg.compile(several)
    np.testing.assert_array_equal(run(turned, h, k, strided)[1][0], run(w, h, k, xs)[1][0])
    np.testing.assert_allclose(run(turned, h, k, strided)[1][0], several(w, h, k, xs)[1][0], rtol=1e-14)


def test_a_while_loop_takes_as_many_iterations_as_it_needs() -> None:
    def count(limit: Any, x: Any) -> Any:
        return wg.while_loop(lambda v: v[0] < limit, lambda v: (v[0] + 1, v[1] * x + 0.5), (0, x))

    run = wg.compile(count)
    for limit in (0, 1, 15, 16, 17, 100, 70_000):
        iterations, value = run(np.int64(limit), 0.5)
        wanted = 0.5
        for _ in range(min(limit, 200)):
            wanted = wanted * 0.5 + 0.5
        assert iterations == limit
        np.testing.assert_allclose(value, wanted, rtol=1e-14)
    slope = wg.compile(wg.grad(lambda x, limit: count(limit, x)[1]))
    for limit in (0, 15, 16, 17, 100):
        expected = wg.grad(lambda x, limit=limit: count(np.int64(limit), x)[1])(0.5)
        np.testing.assert_allclose(slope(0.5, np.int64(limit)), expected, rtol=1e-13)


def test_an_index_out_of_range_names_the_iteration() -> None:
    def picked(x: Any, indices: Any, reverse: bool = False) -> Any:
        return wg.scan(lambda c, i: (c + x[i], None), 0.0, indices, reverse=reverse)[0]

    run = wg.compile(lambda x, indices: picked(x, indices))
    back = wg.compile(lambda x, indices: picked(x, indices, reverse=True))
    x, indices = np.arange(3.0), np.array([0, 1, 2, 1, 0, 9, 1])
    assert run(x, indices[:5]) == 4
    for one in (run, back):
        with pytest.raises(IndexRangeError, match=r"index 9 .*3 entries, in iteration 5 of a scan of 7"):
            one(x, indices)
    assert run(x, indices[:5]) == 4

    def chased(x: Any) -> Any:
        return wg.while_loop(lambda v: v[0] < 40, lambda v: (v[0] + 1, v[1] + x[v[0]]), (0, 0.0))[1]

    with pytest.raises(IndexRangeError, match=r"index 20 .*20 entries, in iteration 20 of a while_loop"):
        wg.compile(chased)(np.ones(20))


def test_lines_left_to_numpy_run_one_iteration_a_call() -> None:
    def powers(a: Any) -> Any:
        return wg.fori_loop(0, 3, lambda i, x: np.linalg.solve(a, x), np.ones(2))

    a = np.array([[2.0, 0.5], [0.1, 1.5]])
    assert compiled_body(body_of(wg.trace(powers, a)), host_target()) is None
    np.testing.assert_allclose(
        wg.compile(powers)(a), np.linalg.matrix_power(np.linalg.inv(a), 3) @ np.ones(2)
    )
    with pytest.raises(np.linalg.LinAlgError, match="in iteration 0 of a scan of 3"):
        wg.compile(powers)(np.zeros((2, 2)))


def test_many_iterations_take_little_python() -> None:
    def sums(xs: Any) -> Any:
        return wg.scan(lambda c, x: (0.999 * c + x, None), 0.0, xs)[0]

    xs = np.ones(300_000)
    run = wg.compile(sums)
    run(xs)
    start = time.thread_time()
    run(xs)
    # One call an iteration would take some 3 s.
    assert time.thread_time() - start < 0.5


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="signals to a thread are POSIX")
def test_ctrl_c_is_heard_in_a_loop_without_end() -> None:
    run = LLVMExecutor().compile(
        wg.trace(lambda x: wg.while_loop(lambda v: v > -1, lambda v: np.abs(np.sin(v)), x), np.float64(1))
    )
    interrupt = threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT))
    interrupt.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            run([np.float64(1)])
    finally:
        interrupt.join()
