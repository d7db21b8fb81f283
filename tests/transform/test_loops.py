"""What is done to loops as programs: what leaves them, with the same results."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest
from tests.contract.test_regions import close

import wengert as wg
from wengert.ir.node import Node
from wengert.ir.program import Program, bodies
from wengert.run.llvm import LLVMExecutor
from wengert.transform.gradient import pullback
from wengert.transform.regions.bodies import reached
from wengert.transform.regions.residuals import reading, residuals
from wengert.transform.simplify import simplify


def names_in(body: Any) -> list[str]:
    return [node.primitive.name for node in body.lines]


def test_products_and_their_sums_leave_a_loop() -> None:
    rng = np.random.default_rng(0)
    args = (rng.normal(size=(3, 3)) / 2, rng.normal(size=(3, 2)), rng.normal(size=(7, 2)))

    def folded(w: Any, u: Any, xs: Any) -> Any:
        def iteration(h: Any, x: Any) -> Any:
            h = np.tanh(np.exp(w) @ h + u @ x)
            return h, h

        last, hs = wg.scan(iteration, np.ones(3), xs)
        return np.sum(last) + np.sum(hs**2)

    def written_out(w: Any, u: Any, xs: Any) -> Any:
        h, total = np.ones(3), 0.0
        for x in xs:
            h = np.tanh(np.exp(w) @ h + u @ x)
            total = total + np.sum(h**2)
        return np.sum(h) + total

    program = wg.verify(simplify(wg.trace(folded, *args)))
    (iteration,) = (body for node in program.nodes for body in bodies(node))
    assert names_in(iteration) == ["matmul", "add", "tanh"]  # exp(w) once, u @ x as one product before
    derived = wg.verify(simplify(wg.trace(wg.grad(folded, (0, 1, 2)), *args)))
    assert simplify(derived) == derived
    loops = [body for node in derived.nodes for body in bodies(node)]
    assert len(loops) == 2
    assert all(names_in(one).count("matmul") == 1 and "outer" not in names_in(one) for one in loops)
    wanted = wg.grad(written_out, (0, 1, 2))(*args)
    for run in (derived, LLVMExecutor().compile(derived)):
        got = run(*args) if run is derived else run(list(args))
        for mine, one in zip(got, wanted, strict=True):
            close(mine, one)


def test_a_sum_that_is_read_on_its_way_stays_in_the_loop() -> None:
    def function(xs: Any) -> Any:
        def iteration(total: Any, x: Any) -> Any:
            total = total + np.outer(x, x)
            return total, np.sum(np.sin(total))

        total, ys = wg.scan(iteration, np.zeros((3, 3)), xs)
        return np.sum(total**2) + np.sum(ys)

    xs = np.random.default_rng(1).normal(size=(4, 3))
    totals = np.cumsum([np.outer(x, x) for x in xs], axis=0)
    close(simplify(wg.trace(function, xs))(xs), np.sum(totals[-1] ** 2) + np.sum(np.sin(totals)))
    assert wg.check_grad(function, xs)


def random_iteration(seed: int) -> Any:
    def iteration(x: Any, y: Any) -> Any:
        rng = np.random.default_rng(seed)
        pool = [x, y]
        for _ in range(5):
            one, other = (pool[place] for place in rng.integers(len(pool), size=2))
            pool.append([np.tanh(one), one * other, one + other, one[:1] * other][rng.integers(4)])
        return pool[-1] * pool[-2]

    return iteration


@pytest.mark.parametrize("seed", range(20))
def test_no_smaller_choice_of_kept_values_suffices(seed: int) -> None:
    iteration = random_iteration(seed)
    args = np.array([0.3, -0.8]), np.array([1.1, 0.4])
    program = simplify(wg.trace(iteration, *args))
    back = simplify(pullback(program, [0, 1]))
    seeds = back.inputs[2:]
    kept = residuals(back, seeds)
    late = reached(back.nodes, seeds)
    read = {one for node in back.nodes if node in late for one in node.inputs} | set(back.outputs)
    known = [node for node in back.nodes if node not in late and node.inputs]

    def suffices(chosen: set[Node]) -> bool:
        there = set(chosen)
        for node in known:
            cheap = node.primitive.name not in ("tanh",)
            if cheap and all(one in there or not one.inputs for one in node.inputs):
                there.add(node)
        return all(node in there for node in known if node in read)

    def size(chosen: Any) -> int:
        return sum(node.type.size for node in chosen)

    assert suffices(set(kept))
    choices = (some for count in range(len(known) + 1) for some in combinations(known, count))
    assert size(kept) == min(size(some) for some in choices if suffices(set(some)))
    ones = np.ones_like(iteration(*args))
    whole = back(*args, ones)
    again = reading(back, kept)
    inner = simplify(Program(back.inputs, kept))(*args, ones)
    for mine, one in zip(again(*args, ones, *inner), whole, strict=True):
        close(mine, one)
