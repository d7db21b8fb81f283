"""Small branches in the bodies of compiled loops are computed, all of them, in place of a choice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tests.contract.test_regions import close

import wengert as wg
from wengert.ir.program import Program, bodies
from wengert.run.llvm.repetition.compiled_body import compiled_body
from wengert.run.llvm.runtime.target import host_target
from wengert.transform.regions.alternatives import without_choice
from wengert.transform.regions.branch import cond

RNG = np.random.default_rng(4)
W, XS = 0.5 * RNG.normal(size=(3, 3)), RNG.normal(size=(20, 3))


def loop(choice: Callable[[Any, Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Return a function of (w, xs) whose state the choice carries on."""

    def function(w: Any, xs: Any) -> Any:
        last, sums = wg.scan(lambda h, x: (choice(h, x, w), np.sum(h)), np.ones(3), xs)
        return np.sum(last**2) + np.sum(sums**2)

    return function


def by_sign(h: Any, x: Any, w: Any) -> Any:
    return wg.cond(x[0] > 0, lambda h: np.sin(w @ h), lambda h: h / x, h)


def by_number(h: Any, x: Any, w: Any) -> Any:
    def last(h: Any) -> Any:
        return wg.cond(h[1] > 0, lambda h: np.tanh(h) - x, np.cos, h)

    branches = [lambda h: np.log(x - 9) * h, lambda h: w @ h, lambda h: h, last]
    return wg.switch(np.floor(2 * np.abs(x[1])).astype(np.int64) + 1, branches, h)


def body_of(function: Any) -> Program:
    program = wg.trace(function, W, XS)
    return next(body for node in program.nodes for body in bodies(node))


def has_choice(program: Program) -> bool:
    return any(node.primitive is cond for node in program.nodes)


@pytest.mark.parametrize("choice", [by_sign, by_number])
def test_small_branches_are_computed(choice: Any) -> None:
    body = body_of(loop(choice))
    assert has_choice(body)
    assert not has_choice(wg.verify(without_choice(body)))
    entries = RNG.normal(size=(6, 3))
    for x in entries:
        given = [
            {"w": W, "x": x}.get(str(node.param("name")), np.ones(node.type.shape)) for node in body.inputs
        ]
        for mine, one in zip(without_choice(body)(*given), body(*given), strict=True):
            np.testing.assert_array_equal(mine, one)  # a NaN of a branch that is not taken is dropped
    slope = wg.value_and_grad(loop(choice), (0, 1))
    value, by = wg.compile(slope)(W, XS)
    close(value, slope(W, XS)[0])
    for mine, one in zip(by, slope(W, XS)[1], strict=True):
        close(mine, one, 1e-9)


@pytest.mark.parametrize(
    "branch",
    [
        lambda h, x, w: np.linalg.solve(w, h),  # may refuse its matrix
        lambda h, x, w: w[np.floor(x).astype(np.int64)[0]],  # may be out of range
        lambda h, x, w: wg.while_loop(lambda v: v[0] > -9, lambda v: v * 2, h),  # may not end
        lambda h, x, w: h + np.sum(np.outer(np.linspace(0, 1, 20_000), x)),  # takes long
    ],
    ids=["routine", "index", "loop", "long"],
)
def test_branches_that_may_fail_or_take_long_are_chosen(branch: Any) -> None:
    body = body_of(loop(lambda h, x, w: wg.cond(x[0] > 9, lambda h: branch(h, x, w), np.tanh, h)))
    assert has_choice(without_choice(body))


def test_a_loop_with_a_small_choice_runs_in_one_call() -> None:
    body = body_of(loop(by_number))
    assert compiled_body(body, host_target()) is not None
