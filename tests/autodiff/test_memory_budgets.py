"""Derivatives of loops within a budget of memory: the same bits, less memory, an error for too little."""

from __future__ import annotations

import re
import tracemalloc
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert.errors import ConfigurationError
from wengert.ir.program import bodies
from wengert.transform.regions.budget import budget_of


def recurrent(reverse: bool) -> Any:
    def loss(w: Any, xs: Any) -> Any:
        def iteration(state: Any, x: Any) -> Any:
            h, count = state
            h = np.tanh(w @ h + x)
            return (h, count + 1), h * count

        (h, count), ys = wg.scan(iteration, (np.ones(3), 0), xs, reverse=reverse)
        return np.sum(h) * count + np.mean(ys**2)

    return loss


def arguments(length: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(length)
    return rng.normal(size=(3, 3)) / 2, rng.normal(size=(length, 3))


def pendulum(start: Any, length: int = 200) -> Any:
    def iteration(state: Any, _: Any) -> Any:
        angle, speed = state
        speed = speed - 0.01 * np.sin(angle)
        return (angle + 0.01 * speed, speed), None

    (angle, speed), _ = wg.scan(iteration, (start, 0.0 * start), length=length)
    return np.sum(angle * speed)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("length", [1, 7, 50])
def test_every_budget_gives_the_same_bits(reverse: bool, length: int) -> None:
    loss, args = recurrent(reverse), arguments(length)
    plain = wg.value_and_grad(loss, (0, 1))(*args)
    programs, results = set(), []
    for budget in ("1 GB", 1300, 600):
        derived = wg.value_and_grad(loss, (0, 1), memory=budget)
        programs.add(wg.verify(wg.trace(derived, *args)))
        results.append(derived(*args))
    for value, slopes in results:
        assert value == results[0][0]
        np.testing.assert_allclose(value, plain[0], rtol=1e-13)
        for mine, first, one in zip(slopes, results[0][1], plain[1], strict=True):
            np.testing.assert_array_equal(mine, first)
            np.testing.assert_allclose(mine, one, rtol=1e-11, atol=1e-13)
    assert len(programs) == {1: 1, 7: 1, 50: 3}[length]


def test_a_budget_is_kept_and_compiled() -> None:
    start = np.linspace(0.5, 1.0, 500)  # 800 kB for one such array of each iteration
    whole = wg.value_and_grad(pendulum)(start)
    peaks = {}
    for budget in (None, "200 kB"):
        derived = wg.value_and_grad(pendulum, memory=budget)
        derived(start)
        tracemalloc.start()
        value, slope = derived(start)
        peaks[budget] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert value == whole[0]
        np.testing.assert_array_equal(slope, whole[1])
    assert peaks[None] > 800_000
    assert peaks["200 kB"] < 300_000
    compiled = [wg.compile(wg.grad(pendulum, memory=memory))(start) for memory in (None, "200 kB")]
    np.testing.assert_array_equal(*compiled)


def test_small_budgets_cut_segments_in_turn() -> None:
    start = np.float64(1.0)
    program = wg.trace(wg.grad(pendulum, memory=700), start)
    inner = [body for node in program.nodes for body in bodies(node)]
    assert any(bodies(node) for one in inner for node in one.nodes)
    assert program(start) == wg.grad(pendulum)(start)
    value, pull = wg.vjp(pendulum, start, memory=700)
    assert value == pendulum(start)
    assert pull(1.0) == (wg.grad(pendulum)(start),)


@pytest.mark.parametrize(
    ("memory", "message"),
    [
        (100, r"memory=100 bytes: .* keep at least \d+ bytes .* give memory='\d+ kB'"),
        ("10 apples", r"memory='10 apples' is no size: give bytes, or a text such as '64 MB'"),
        ("1.2.3 MB", "is no size"),
        (True, "is no size"),
        (-5, "is no size"),
    ],
)
def test_what_is_no_budget_or_too_little_is_refused(memory: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        wg.grad(pendulum, memory=memory)(np.float64(1.0))


def test_budgets_are_read() -> None:
    given = ["3 kB", "1.5 MB", "2GB", 70]
    assert [budget_of(one) for one in given] == [3000, 1_500_000, 2 * 10**9, 70]


def _two_loops(v: Any) -> Any:
    entries = np.sin(np.arange(30.0)).reshape(10, 3)
    for sign in (1, -1):
        v, _ = wg.scan(lambda h, x, sign=sign: (np.tanh(h * h + sign * x) * np.sin(h), None), v, entries)
    return np.sum(v)


def test_loops_after_another_are_all_cut() -> None:
    v = np.array([0.3, -0.7, 0.5])
    for function in (_two_loops, lambda v: np.sum(np.sin(wg.grad(_two_loops)(v)))):
        with pytest.raises(ConfigurationError) as refused:
            wg.grad(function, memory=1)(v)
        least = int(re.findall(r"at least (\d+) bytes", str(refused.value))[0])
        found = [wg.grad(function, memory=memory)(v) for memory in (least, 2 * least, 10**6)]
        np.testing.assert_allclose(found[0], wg.grad(function)(v), rtol=1e-13)
        np.testing.assert_array_equal(found[0], found[1])
        np.testing.assert_array_equal(found[0], found[2])
