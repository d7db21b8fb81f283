"""Values one cheap line away from others in memory are computed where they are read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert.run.llvm import LLVMExecutor


def stored(function: Any, *arguments: Any) -> list[str]:
    """Compile, compare with NumPy bit by bit but for sums, and return what the kernels write to memory."""
    program = wg.simplify(wg.trace(function, *arguments))
    run = LLVMExecutor().compile(program)
    for mine, known in zip(run(arguments), program(*arguments), strict=True):
        np.testing.assert_allclose(mine, known, rtol=1e-12, atol=1e-12)
    return [node.primitive.name for kernel in run.plan.kernels for node in kernel.stored]


def test_the_square_of_a_product_is_not_kept(rng: np.random.Generator) -> None:
    x, weight = rng.normal(size=(40, 8)), rng.normal(size=(8, 16))

    def function(x: Any, weight: Any) -> Any:
        product = x @ weight
        return product, np.sum(product**2, axis=1), np.max(-3 * product, axis=1)

    names = stored(function, x, weight)
    assert sorted(names) == ["matmul", "max", "sum"]


@pytest.mark.parametrize(
    "function",
    [
        # It is a result itself; read turned; read with a broadcast; by a product; not cheap; two values.
        lambda x: (x @ x, -(x @ x), np.sum(-(x @ x), axis=0)),
        lambda x: (x @ x, np.sum((x @ x).T ** 2 * x, axis=0)),
        lambda x: (x @ x, np.sum((x @ x)[:, None] ** 2 + x, axis=2)),
        lambda x: (x @ x, (-(x @ x)) @ x),
        lambda x: (x @ x, np.sum(np.exp(x @ x), axis=1), np.max(np.exp(x @ x), axis=0)),
        lambda x: (x @ x, np.sum(x * (x @ x), axis=1)),
        lambda x: (x @ x, np.sum(-((x @ x) ** 2), axis=1), np.sum((x @ x) ** 2, axis=0)),
        # As it is and turned, in one kernel.
        lambda x: (x @ x, (x @ x) ** 2 + ((x @ x) ** 2).T),
        # Two cheap lines away, each of them read, the further one first.
        lambda x: (x @ x, np.max((x @ x) ** 2 - 3.0, axis=1), np.max((x @ x) ** 2, axis=0)),
        lambda x: (x @ x, np.max(np.abs((x @ x) - 3.0), axis=1), np.min((x @ x) - 3.0, axis=0)),
    ],
)
def test_where_readers_need_more_it_is_kept_right(function: Any, rng: np.random.Generator) -> None:
    stored(function, rng.normal(size=(12, 12)))


def test_a_reader_of_two_values_in_turn_computes_each_once() -> None:
    """Newton's method for a cube root: what y² is computed from is read beside it, and computed again too."""

    def root(x: Any) -> Any:
        y = x / 2
        for _ in range(6):
            y = y - (y**3 - x) / (3 * y**2)
        return y

    np.testing.assert_allclose(wg.compile(wg.grad(root))(3.0), 3 ** (-2 / 3) / 3, rtol=1e-6)
