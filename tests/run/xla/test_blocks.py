"""A step over blocks of its rows gives what NumPy gives for all rows at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert.errors import ConfigurationError
from wengert.run.numpy import NumpyExecutor
from wengert.trace.tracing import trace

pytest.importorskip("jax", reason="JAX, of the extra `xla`, is not installed")

import jax

from wengert.run.xla import XLAExecutor
from wengert.run.xla.blocks import BlockStep, block_count, over_mesh

ROWS = 12


def table_of(X: Any, W: Any) -> Any:
    """Rows of a table that all share, at indices of each row, and what they give back to it."""
    places = np.argmax(X, axis=1) % 3
    return W[places] * X[:, :1], np.add.reduce(W[places, 1:], axis=0)


def slopes(X: Any, W: Any) -> Any:
    """What goes back to entries taken by the indices of each row: the same number for all of them."""
    own, places = np.arange(ROWS), np.argmax(X, axis=1)
    of_rows = wg.grad(lambda z: np.sum(np.exp(z)[own, places]))(X @ np.ones((4, 4)))
    return X.T @ of_rows, wg.grad(lambda table: np.sum(table[places % 3]))(W)


FUNCTIONS: list[Any] = [
    lambda X, W: np.sum(np.tanh(X @ W) ** 2, axis=0),
    lambda X, W: X.T @ np.exp(X @ W),
    lambda X, W: np.mean((X - X.mean(axis=0)) ** 2, axis=0, keepdims=True),
    lambda X, W: (X.max(axis=0), X.min(), np.any(X > 1, axis=0), np.all(X[:, :2] < 3), np.prod(X, axis=0)),
    lambda X, W: np.sum(np.where(X > 0, X, np.linspace(0, 1, ROWS)[:, None]), axis=0),
    lambda X, W: np.linspace(0, 1, ROWS) @ X,
    lambda X, W: np.sum(X.reshape(ROWS, 2, 2).transpose(1, 0, 2)[::-1] * np.arange(2), axis=1),
    lambda X, W: np.sum(np.concatenate([X, np.ones((ROWS, 1))], axis=1)[:, 1:] ** 2, axis=0),
    lambda X, W: np.sum(np.pad(X, ((0, 0), (1, 2))), axis=0),
    lambda X, W: np.sum(np.broadcast_to(X[None], (3, ROWS, 4)), axis=(1, 2)),
    lambda X, W: np.sum(X[np.arange(ROWS), np.argmax(X, axis=1)]),
    lambda X, W: [part.sum(axis=0) for part in table_of(X, W)],
    lambda X, W: (np.sum(np.cumsum(X, axis=1), axis=0), np.sum(np.sort(X, axis=1), axis=0)),
    slopes,
    lambda X, W: (np.exp(X), X.T * 2, X.reshape(1, ROWS, 4).transpose(1, 0, 2) * np.ones((ROWS, 1, 1))),
    lambda X, W: np.sum(np.squeeze(np.expand_dims(X, 0) + X[:, None, :].transpose(1, 0, 2), 0), axis=0),
]
TOGETHER: list[Any] = [
    lambda X, W: np.sum(np.cumsum(X, axis=0) ** 2),
    lambda X, W: np.sum(X[::-1] * X),
    lambda X, W: np.argmax(X, axis=0),
    lambda X, W: np.sum((X[1:] - X[:-1]) ** 2),
    lambda X, W: np.sum(X @ X.T),
    lambda X, W: np.sum(X[np.array([3, 1, 2])]),
    lambda X, W: np.sum(np.sort(X, axis=0)[0]),
    lambda X, W: np.sum(np.linalg.inv(X.T @ X + np.eye(4)) @ X.T, axis=1)[np.argsort(X[:, 0])[:4]],
]


def over_blocks(program: Any, arguments: list[Any]) -> Any:
    executor = XLAExecutor("cpu")
    with executor.settings():
        mesh = executor.devices
        step = BlockStep(program, (0,), ())
        run = over_mesh(step, mesh.mesh, (0,), len(program.inputs), jax.sharding.PartitionSpec())
        outputs, good = jax.jit(run)([np.asarray(one) for one in arguments])
        assert good
        return [np.array(one) for one in outputs]


def test_blocks_give_what_all_rows_give(rng: np.random.Generator) -> None:
    """All functions in one program, which compiles once."""
    arguments = [rng.normal(size=(ROWS, 4)), rng.normal(size=(4, 3))]
    program = trace(lambda X, W: [one(X, W) for one in FUNCTIONS], *arguments)
    wanted = NumpyExecutor().compile(program)(arguments)
    for mine, oracle in zip(over_blocks(program, arguments), wanted, strict=True):
        assert (mine.shape, mine.dtype) == (oracle.shape, oracle.dtype)
        np.testing.assert_allclose(mine, oracle, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("rows", [1, 17])
def test_a_batch_that_is_one_block_may_take_its_rows_together(rows: int, rng: np.random.Generator) -> None:
    X = rng.normal(size=(rows, 4))
    program = trace(lambda X: [np.sum(np.cumsum(X, axis=0)), X[np.arange(rows), np.argmax(X, axis=1)]], X)
    assert block_count(rows) == 1
    for mine, oracle in zip(over_blocks(program, [X]), NumpyExecutor().compile(program)([X]), strict=True):
        np.testing.assert_allclose(mine, oracle, rtol=1e-12)


@pytest.mark.parametrize("function", TOGETHER)
def test_what_takes_rows_together_is_refused(function: Any) -> None:
    program = trace(function, np.zeros((ROWS, 4)), np.zeros((4, 3)))
    with pytest.raises(ConfigurationError, match=r"deterministic=True .* takes its rows together"):
        BlockStep(program, (0,), ())


def test_blocks_suit_every_number_of_devices() -> None:
    for rows in range(1, 200):
        blocks = block_count(rows)
        assert rows % blocks == 0
        assert all(blocks % devices == 0 for devices in range(1, 17) if rows % devices == 0)
