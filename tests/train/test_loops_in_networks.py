"""Networks that compute with loops: they are trained, and exports refuse them by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert import nn, train
from wengert.errors import ConfigurationError, UnsupportedFunctionError
from wengert.io.formats.row_program import RowProgram
from wengert.nn.module import parameter


class Recurrent(nn.Module):
    """A recurrent layer over pairs of columns, and a linear one after it."""

    recurrent: Any = parameter()
    inputs: Any = parameter()
    outputs: Any = parameter()

    def __call__(self, rows: Any) -> Any:
        """Return one number a row."""
        steps = np.swapaxes(rows.reshape(rows.shape[0], -1, 2), 0, 1)
        state = rows[:, :1] * np.zeros(6)
        last, _ = wg.scan(lambda h, x: (np.tanh(h @ self.recurrent + x @ self.inputs), None), state, steps)
        return last @ self.outputs


class Unrolled(Recurrent):
    """The same as a loop of Python."""

    def __call__(self, rows: Any) -> Any:
        """Return one number a row."""
        state = rows[:, :1] * np.zeros(6)
        for place in range(0, rows.shape[1], 2):
            state = np.tanh(state @ self.recurrent + rows[:, place : place + 2] @ self.inputs)
        return state @ self.outputs


def network(kind: Any) -> Any:
    rng = np.random.default_rng(0)
    return kind(
        recurrent=0.4 * rng.normal(size=(6, 6)),
        inputs=rng.normal(size=(2, 6)),
        outputs=rng.normal(size=(6, 1)),
    )


def test_a_recurrent_network_is_trained_as_if_it_were_written_out() -> None:
    rng = np.random.default_rng(1)
    X = rng.normal(size=(50, 8))
    y = np.sum(X[:, ::2], axis=1, keepdims=True)

    def losses(kind: Any, executor: str) -> list[float]:
        found = train.fit(
            network(kind),
            X,
            y,
            loss="squared_error",
            epochs=4,
            batch_size=16,
            executor=executor,
            progress=False,
        )
        return [record["loss"] for record in found.history.to_records()]

    wanted = losses(Unrolled, "numpy")
    assert wanted[-1] < wanted[0]
    for executor in ("numpy", "llvm"):
        np.testing.assert_allclose(losses(Recurrent, executor), wanted, rtol=1e-10)


def test_files_for_any_number_of_rows_refuse_a_loop_by_name() -> None:
    net = network(Recurrent)
    with pytest.raises(UnsupportedFunctionError, match=r"computes scan, and files .* hold no loops"):
        RowProgram(lambda x: net(x), {}, {"x": ((8,), np.dtype(np.float64))})


def test_a_budget_of_memory_cuts_the_loop_of_a_network() -> None:
    rng = np.random.default_rng(2)
    X, y = rng.normal(size=(20, 40)), rng.normal(size=(20, 1))

    def trained(memory: Any) -> Any:
        given = {"loss": "squared_error", "epochs": 2, "batch_size": 10, "progress": False}
        return train.fit(network(Recurrent), X, y, memory=memory, executor="numpy", **given)

    whole, cut = trained("1 MB"), trained("10 kB")
    assert whole.history.to_records()[-1]["loss"] == cut.history.to_records()[-1]["loss"]
    np.testing.assert_array_equal(whole.net.recurrent, cut.net.recurrent)
    np.testing.assert_allclose(whole.net.recurrent, trained(None).net.recurrent, rtol=1e-12)
    with pytest.raises(ConfigurationError, match=r"memory=100 bytes: .* keep at least \d+ bytes"):
        trained(100)
