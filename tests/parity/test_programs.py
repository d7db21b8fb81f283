"""Whole programs on the LLVM executor, against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.drawn import random_examples
from tests.parity.random_programs import Drawn

import wengert as wg
from wengert.ir.program import Program
from wengert.run.llvm import LLVMExecutor
from wengert.run.numpy import NumpyExecutor

COUNT = random_examples(100, explore=20_000)
GROUP = 25


def assert_same(program: Program, arguments: list[Any]) -> None:
    """Compare with NumPy: sums and products of a few dozen terms, in another order."""
    got = LLVMExecutor().compile(program)(arguments)
    wanted = NumpyExecutor().compile(program)(arguments)
    for mine, oracle in zip(got, wanted, strict=True):
        assert (mine.dtype, mine.shape) == (oracle.dtype, oracle.shape)
        eps = float(np.finfo(oracle.dtype).eps)
        scale = float(np.max(np.abs(oracle), initial=1.0, where=np.isfinite(oracle)))
        np.testing.assert_allclose(mine, oracle, rtol=64 * eps, atol=64 * eps * scale)


@pytest.mark.parametrize("first", range(0, COUNT, GROUP))
def test_random_examples(first: int) -> None:
    for seed in range(first, first + GROUP):
        drawn = Drawn(seed)
        try:
            assert_same(drawn.program, drawn.arguments)
        except Exception as error:
            error.add_note(f"seed {seed}\n{drawn.program}")
            raise


@pytest.mark.parametrize("rows", [1, 2, 33])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gradient_of_a_network(rows: int, dtype: Any, rng: np.random.Generator) -> None:
    shapes = [(19, 37), (37,), (37, 10), (10,)]
    weights = [rng.normal(size=shape).astype(dtype) / 4 for shape in shapes]
    X, labels = rng.normal(size=(rows, 19)).astype(dtype), rng.integers(0, 10, rows)

    def loss(weights: list[Any], X: Any, labels: Any) -> Any:
        hidden = np.maximum(0, X @ weights[0] + weights[1])
        scores = wg.log_softmax(hidden @ weights[2] + weights[3])
        return -scores[np.arange(rows), labels].mean()

    program = wg.simplify(wg.trace(wg.value_and_grad(loss), weights, X, labels))
    assert_same(program, [*weights, X, labels])


@pytest.mark.parametrize(
    "sizes", [(1, 1, 1), (7, 13, 5), (64, 70, 33), (3, 300, 129), (129, 65, 257), (1, 65, 8)]
)
@pytest.mark.parametrize("turned", ["neither", "left", "right", "both"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_products(sizes: tuple[int, int, int], turned: str, dtype: Any, rng: np.random.Generator) -> None:
    rows, terms, columns = sizes
    left = rng.normal(size=(terms, rows) if turned in ("left", "both") else (rows, terms)).astype(dtype)
    right = rng.normal(size=(columns, terms) if turned in ("right", "both") else (terms, columns)).astype(
        dtype
    )

    def product(left: Any, right: Any) -> Any:
        x = left.T if turned in ("left", "both") else left
        return np.tanh((x @ (right.T if turned in ("right", "both") else right)) / terms) + 1

    assert_same(wg.trace(product, left, right), [left, right])


@pytest.mark.parametrize("sizes", [(7, 13, 5), (64, 70, 33), (1, 65, 8), (25, 3, 100)])
def test_long_lines_behind_a_product(sizes: tuple[int, int, int], rng: np.random.Generator) -> None:
    rows, terms, columns = sizes
    arguments = [rng.normal(size=s) for s in ((rows, terms), (terms, columns), (columns,), (rows, columns))]

    def update(x: Any, w: Any, bias: Any, before: Any) -> Any:
        slope = (x @ w + bias) / terms
        mean = 0.9 * before + 0.1 * slope
        return before - 0.1 * mean / (np.sqrt(np.square(slope) + 0.5) + 1e-8), mean

    assert_same(wg.trace(update, *arguments), arguments)


def test_sum_of_many_float32_is_right_along_every_axis() -> None:
    x = np.full((2**13, 2**12), np.float32(0.1))  # 2^25 numbers
    program = wg.trace(lambda x: (x.sum(), x.sum(0), x.sum(1), x.mean(), x.reshape(-1).sum()), x)
    *totals, mean, flat = LLVMExecutor().compile(program)([x])
    for got in (*totals, flat):
        wanted = float(np.float32(0.1)) * x.size / got.size
        np.testing.assert_allclose(got, wanted, rtol=1e-7)
    np.testing.assert_allclose(mean, np.float32(0.1), rtol=1e-7)
