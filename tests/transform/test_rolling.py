"""Loops that were written out become scans, with the same values and derivatives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from tests.contract.test_regions import close

import wengert as wg
from wengert.ir.evaluate import evaluate
from wengert.ir.program import Program, bodies
from wengert.transform.gradient import gradient
from wengert.transform.rolling import rolled
from wengert.transform.simplify import simplify

LOOPS = 200 if settings().max_examples > 100 else 30
UNARY = [np.tanh, np.sin, lambda x: x[::-1], lambda x: x - np.mean(x), lambda x: np.exp(-(x**2))]
BINARY = [np.add, np.multiply, lambda x, y: x - 0.5 * y, np.maximum]


def scans(program: Program) -> list[int]:
    return [node.param("length") for node in program.nodes if node.primitive.name == "scan"]


def random_loop(seed: int) -> Any:
    """Return a function (w, xs) with a loop whose iterations differ in entries and in numbers alone."""

    def function(w: Any, xs: Any) -> Any:
        draw = np.random.default_rng(seed)
        iterations, count = int(draw.integers(9, 12)), int(draw.integers(1, 4))
        step, shift = draw.choice([-1, 1, 2]), float(draw.normal())
        late = bool(draw.integers(2))
        values = [np.cos(w * (1 + place)) for place in range(count)]
        before, total, seen = values[0], 0.0, []
        for iteration in range(iterations):
            rng = np.random.default_rng(seed + 1)  # the same operations in every iteration
            entry = xs[iteration * step if step > 0 else iterations - iteration]
            pool = [*values, entry, w, 0.3 * entry + shift * iteration, before if late else values[-1]]
            before = values[0]
            for _ in range(int(rng.integers(2, 6))):
                one, other = rng.integers(len(pool), size=2)
                pool.append(UNARY[rng.integers(len(UNARY))](pool[one]) * 0.7)
                pool.append(BINARY[rng.integers(len(BINARY))](pool[-1], pool[other]) * 0.7)
            values = [np.sin(pool[-1 - place] + 0.1 * values[place]) for place in range(count)]
            total = total + np.sum(pool[-1] * values[0])
            seen.append(pool[-2])
        return total + np.sum(np.stack(seen) ** 2) + np.sum(values[-1]) + np.sum(seen[3])

    return function


def test_random_loops_give_the_same() -> None:
    rng = np.random.default_rng(0)
    args = rng.normal(size=3), rng.normal(size=(30, 3))
    found = 0
    for seed in range(LOOPS):
        program = wg.trace(random_loop(seed), *args)
        shorter = rolled(program, (), 30, 5)
        close(shorter(*args), random_loop(seed)(*args), 1e-12)
        found += bool(scans(shorter))
        if seed % 20 == 0:
            wg.verify(shorter)
            wanted = gradient(simplify(program), with_value=True)(*args)
            for mine, one in zip(gradient(simplify(shorter), with_value=True)(*args), wanted, strict=True):
                close(mine, one, 1e-10)
    assert found > 0.9 * LOOPS


def recurrent(w: Any, xs: Any) -> Any:
    h, outputs = np.zeros(3), []
    for x in xs:
        h = np.tanh(w @ h + x)
        outputs.append(h)
    return np.mean(np.stack(outputs) ** 2)


def test_a_recurrent_network_is_one_loop_over_its_entries() -> None:
    rng = np.random.default_rng(0)
    args = rng.normal(size=(3, 3)), rng.normal(size=(40, 3))
    program = simplify(rolled(wg.trace(recurrent, *args), (), 100, 16))
    assert len(scans(program)) == 1
    (loop,) = (node for node in program.nodes if bodies(node))
    (body,) = bodies(loop)
    names = [node.primitive.name for node in body.lines]
    assert sorted(set(names) - {"squeeze"}) == ["add", "matmul", "tanh"]
    assert len(program.nodes) < 40  # entries and outputs are arrays, not one line an iteration
    close(program(*args), recurrent(*args))


def test_loops_in_loops_are_rolled_from_the_inside() -> None:
    def function(x: Any) -> Any:
        for outer in range(6):
            y = x * (0.1 + outer)
            for _ in range(6):
                y = np.sin(y) * 0.9
            x = x + y
        return np.sum(x)

    x = np.ones(3)
    program = rolled(wg.trace(function, x), (), 20, 5)
    assert scans(program)
    close(program(x), function(x))
    close(gradient(simplify(program))(x)[0], wg.grad(function)(x))


def late(w: Any, x: Any) -> Any:
    """A recurrence that reaches seven iterations back."""
    values = [x[place] for place in range(7)]
    for _ in range(60):
        values.append(np.tanh(w[0] * values[-1] + w[1] * values[-5] * values[-7]))
    return np.sum(np.stack(values) ** 2)


def assigned(w: Any, x: Any) -> Any:
    """The same, as assignments to elements of an array."""
    values = np.zeros(67)
    values[:7] = x
    for t in range(7, 67):
        values[t] = np.tanh(w[0] * values[t - 1] + w[1] * values[t - 5] * values[t - 7])
    return np.sum(values**2)


@pytest.mark.parametrize("function", [late, assigned])
def test_an_iteration_reads_what_was_computed_many_iterations_before(function: Any) -> None:
    args = np.array([0.7, -0.4]), np.linspace(-1.0, 1.0, 7)
    program = wg.trace(function, *args)
    shorter = simplify(rolled(program, (), 100, 16))
    (length,) = scans(shorter)
    assert 49 <= length <= 53  # the first seven at least read what was there before
    assert len(shorter.nodes) < 0.4 * len(program.nodes)
    close(shorter(*args), late(*args))
    for mine, one in zip(gradient(shorter)(*args), gradient(simplify(program))(*args), strict=True):
        close(mine, one)


@pytest.mark.parametrize(
    "places",
    [range(0, 60, 3), range(57, -1, -3), range(0, 40, 2), [3 * (7 * t % 20) for t in range(20)]],
    ids=["one after the other", "backwards", "overlapping", "anywhere"],
)
def test_blocks_of_columns_are_entries(places: Sequence[int]) -> None:
    def function(w: Any, x: Any) -> Any:
        h = x[:, :3]
        for place in places:
            h = np.tanh(h @ w + x[:, place : place + 3])
        return np.sum(h)

    args = np.eye(3) * 0.3, np.linspace(-1.0, 1.0, 120).reshape(2, 60)
    shorter = simplify(rolled(wg.trace(function, *args), (), 50, 16))
    (length,) = scans(shorter)
    assert length >= len(places) - 2
    assert len(shorter.nodes) < 30
    close(shorter(*args), function(*args))


def test_a_loop_of_few_lines_is_rolled_where_it_does_much() -> None:
    def function(w: Any, x: Any) -> Any:
        for _ in range(100):
            x = np.tanh(w @ x) + 0.1
        return np.sum(x)

    for extent, lengths in ((4, []), (100, [99])):
        args = np.eye(extent), np.ones(extent)
        program = wg.trace(function, *args)
        assert scans(rolled(program)) == lengths
        close(rolled(program)(*args), program(*args))


def test_what_is_no_loop_stays_what_it_is() -> None:
    def reads_all(x: Any) -> Any:  # every iteration reads what all iterations before have given
        values = [x]
        for _ in range(10):
            values.append(np.tanh(np.max(np.stack(values), axis=0)))
        return np.sum(values[-1])

    def independent(x: Any) -> Any:
        return sum(np.sin(x * k) for k in range(20))

    x = np.ones(2)
    for function in (reads_all, independent):
        program = wg.trace(function, x)
        close(rolled(program, (), 10, 4)(x), function(x))
    assert rolled(wg.trace(reads_all, x), (), 10, 4) == wg.trace(reads_all, x)


@pytest.mark.parametrize("enabled", [True, False])
def test_rolling_has_a_switch(enabled: bool) -> None:
    def long(x: Any) -> Any:
        for _ in range(700):
            x = np.sin(x) * 0.999 + 0.001
        return x

    with wg.rolling(enabled):
        compiled = wg.compile(long, "numpy")
        got = compiled(0.5)
    assert bool(scans(compiled.programs[0])) == enabled
    close(got, long(0.5))
    assert not scans(wg.trace(long, 0.5))  # a trace shows what was written


def test_the_gradient_of_a_rolled_loop() -> None:
    def long(x: Any) -> Any:
        for _ in range(700):
            x = np.sin(x) * 0.999 + 0.001
        return x

    slope, x = 1.0, 0.5
    for _ in range(700):
        slope, x = slope * np.cos(x) * 0.999, np.sin(x) * 0.999 + 0.001
    close(wg.grad(long)(0.5), slope)


def test_a_loop_whose_end_is_asked_for_stays_written_out() -> None:
    def long(x: Any) -> Any:
        iterations = 0
        while x > 0.01 and iterations < 120:
            for _ in range(6):
                x = np.sin(x) * 0.999 + 0.001
            iterations += 1
        return x

    compiled = wg.compile(long, "numpy")
    close(compiled(2.0), long(2.0))
    assert not scans(compiled.programs[0])


def test_matrices_that_take_iterations_are_not_copied_for_each() -> None:
    def sinkhorn(kernel: Any) -> Any:
        u = np.ones(4)
        for _ in range(30):
            v = 0.25 / (kernel.T @ u)
            u = 0.25 / (kernel @ v)
        return np.sum(u[:, None] * kernel**2 * v)

    kernel = np.exp(-np.abs(np.subtract.outer(np.arange(4.0), np.arange(4.0) ** 2)))
    program = wg.trace(sinkhorn, kernel)
    shorter = rolled(program, (), 40, 8)
    assert scans(shorter) == [29]
    close(evaluate(shorter, [kernel])[0], sinkhorn(kernel))
