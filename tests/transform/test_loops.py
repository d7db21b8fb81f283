"""What is done to loops as programs: what leaves them, with the same results."""

from __future__ import annotations

from typing import Any

import numpy as np
from tests.contract.test_regions import close

import wengert as wg
from wengert.ir.program import bodies
from wengert.run.llvm import LLVMExecutor
from wengert.transform.simplify import simplify


def names_in(body: Any) -> list[str]:
    return [node.primitive.name for node in body.lines]


def test_products_and_their_sums_leave_a_loop() -> None:
    rng = np.random.default_rng(0)
    args = (rng.normal(size=(3, 3)) / 2, rng.normal(size=(3, 2)), rng.normal(size=(7, 2)))

    def folded(w: Any, u: Any, xs: Any) -> Any:
        def turn(h: Any, x: Any) -> Any:
            h = np.tanh(np.exp(w) @ h + u @ x)
            return h, h

        last, hs = wg.scan(turn, np.ones(3), xs)
        return np.sum(last) + np.sum(hs**2)

    def written_out(w: Any, u: Any, xs: Any) -> Any:
        h, total = np.ones(3), 0.0
        for x in xs:
            h = np.tanh(np.exp(w) @ h + u @ x)
            total = total + np.sum(h**2)
        return np.sum(h) + total

    program = wg.verify(simplify(wg.trace(folded, *args)))
    (turn,) = (body for node in program.nodes for body in bodies(node))
    assert names_in(turn) == ["matmul", "add", "tanh"]  # exp(w) once, u @ x as one product before
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
        def turn(total: Any, x: Any) -> Any:
            total = total + np.outer(x, x)
            return total, np.sum(np.sin(total))

        total, ys = wg.scan(turn, np.zeros((3, 3)), xs)
        return np.sum(total**2) + np.sum(ys)

    xs = np.random.default_rng(1).normal(size=(4, 3))
    totals = np.cumsum([np.outer(x, x) for x in xs], axis=0)
    close(simplify(wg.trace(function, xs))(xs), np.sum(totals[-1] ** 2) + np.sum(np.sin(totals)))
    assert wg.check_grad(function, xs)
