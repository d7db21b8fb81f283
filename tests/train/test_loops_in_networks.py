"""Networks that compute with loops and branches are trained and exported as others are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert import nn, optim, train
from wengert.errors import ConfigurationError, DTypeError, ModelFileError
from wengert.io import (
    PortableModel,
    export_model,
    from_safetensors,
    model_from_onnx,
    to_onnx,
    to_python,
)
from wengert.nn.initialisers import ones
from wengert.nn.module import parameter
from wengert.run.numpy import NumpyExecutor


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


@pytest.mark.parametrize("enabled", [True, False])
def test_a_loop_of_python_is_rolled_where_a_network_learns_and_predicts(
    enabled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(3)
    X, y = rng.normal(size=(256, 200)), rng.normal(size=(256, 1))
    given = {"loss": "squared_error", "epochs": 2, "batch_size": 128, "progress": False}
    ran = []
    compiled = NumpyExecutor.compile
    monkeypatch.setattr(NumpyExecutor, "compile", lambda self, one: ran.append(one) or compiled(self, one))

    def fitted(kind: Any) -> Any:
        return train.fit(
            network(kind), X, y, validation_data=(X, y), optimizer=optim.SGD(1e-4), executor="numpy", **given
        )

    with wg.rolling(enabled):
        found = fitted(Unrolled)
        predicted = train.predict(found.net, X, executor="numpy")
    whole = [one for one in ran if "X" in {node.param("name") for node in one.inputs}]
    assert len(whole) == 3  # a step, an evaluation, a prediction
    for one in whole:
        assert ("scan" in {node.primitive.name for node in one.nodes}) == enabled
        assert (len(one.nodes) < 100) == enabled
    wanted = fitted(Recurrent)
    for mine, one in zip(found.history.to_records(), wanted.history.to_records(), strict=True):
        np.testing.assert_allclose(mine["loss"], one["loss"], rtol=1e-10)
        np.testing.assert_allclose(mine["validation_loss"], one["validation_loss"], rtol=1e-10)
    np.testing.assert_allclose(predicted, wanted.net(X), rtol=1e-9)


class OverRows(Recurrent):
    """A loop over the rows, from the last to the first."""

    def __call__(self, rows: Any) -> Any:
        """Return one number a row."""
        _, states = wg.scan(
            lambda h, x: (np.tanh(h @ self.recurrent + x[:2] @ self.inputs), h),
            np.zeros(6),
            rows,
            reverse=True,
        )
        return states @ self.outputs


class Rooted(Recurrent):
    """A loop that ends by itself for all rows, a branch, and a counted loop."""

    def __call__(self, rows: Any) -> Any:
        """Return one number a row."""
        a = np.abs(rows[:, :1]) + 1
        root, _ = wg.while_loop(
            lambda pair: np.any(np.abs(pair[0] - pair[1]) > 1e-6),
            lambda pair: ((pair[0] + a / pair[0]) / 2, pair[0]),
            (a, a + 1),
        )
        chosen = wg.cond(self.outputs[0, 0] > 0, lambda r: r * rows[:, :1], lambda r: r - a, root)
        return wg.fori_loop(0, 3, lambda i, r: r / 2 + i, chosen)


class InEachOther(Recurrent):
    """A loop over the rows in another loop, and a value with the name that the source gives the rows."""

    def __call__(self, X: Any) -> Any:
        """Return one number a row."""
        rows = np.tanh(X[:, :2] @ self.inputs)

        def iteration(states: Any, row: Any) -> Any:
            _, sums = wg.scan(lambda total, h: (total + h, total * row), 0 * row, states)
            return np.tanh(sums), None

        return wg.scan(iteration, rows, self.recurrent)[0] @ self.outputs


KINDS = [Recurrent, OverRows, Rooted, InEachOther]


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_of_numpy_source_is_for_any_number_of_rows(kind: Any) -> None:
    net, found = network(kind), {}
    exec(to_python(PortableModel.of_network(net, 8)), found)
    for rows in (1, 5, 7):
        X = np.random.default_rng(rows).normal(size=(rows, 8))
        np.testing.assert_allclose(found["predict"](X), net(X), rtol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_an_onnx_file_is_for_any_number_of_rows(kind: Any) -> None:
    onnxruntime = pytest.importorskip("onnxruntime", reason="running ONNX needs onnxruntime")
    pytest.importorskip("onnx", reason="writing ONNX needs the package onnx")
    net = network(kind)
    data = to_onnx(PortableModel.of_network(net, 8))
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    for rows in (1, 5, 7):
        X = np.random.default_rng(rows).normal(size=(rows, 8)).astype(np.float32)
        np.testing.assert_allclose(session.run(None, {"X": X})[0], net(X), rtol=1e-5, atol=1e-5)
    if kind in (OverRows, InEachOther):  # the others compute a maximum, or a shape from the number
        assert session.run(None, {"X": X[:0]})[0].shape == (0, 1)


def test_a_loop_of_python_is_rolled_in_files_too() -> None:
    net, found, X = network(Unrolled), {}, np.random.default_rng(0).normal(size=(5, 400))
    with wg.rolling(False):
        written = to_python(PortableModel.of_network(net, 400))
    rolled = to_python(PortableModel.of_network(net, 400))
    assert written.count("np.tanh") >= 200
    assert rolled.count("np.tanh") < 10  # some iterations stay beside the loop
    exec(rolled, found)
    np.testing.assert_allclose(found["predict"](X), net(X), rtol=1e-12)


class Ruled(Recurrent):
    """The recurrent layer with shapes of its arrays, so that files of it are read back."""

    def array_rules(self) -> Any:
        """Return shapes and initialisers."""
        return {"recurrent": ((6, 6), ones), "inputs": ((2, 6), ones), "outputs": ((6, 1), ones)}


def test_files_of_networks_with_loops_are_read_back(tmp_path: Path) -> None:
    net = network(Ruled)
    X = np.random.default_rng(0).normal(size=(5, 8))
    export_model(PortableModel.of_network(net, 8), tmp_path / "net.safetensors")
    np.testing.assert_array_equal(from_safetensors(tmp_path / "net.safetensors").network(X), net(X))
    with pytest.raises(ConfigurationError, match=r"Recurrent.array_rules gives no rule for 'recurrent'"):
        export_model(PortableModel.of_network(network(Recurrent), 8), tmp_path / "other.safetensors")
    pytest.importorskip("onnx", reason="writing ONNX needs the package onnx")
    export_model(PortableModel.of_network(net, 8), tmp_path / "net.onnx")
    read = model_from_onnx(tmp_path / "net.onnx").network
    np.testing.assert_allclose(read(X.astype(np.float32)), net(X), rtol=1e-5)
    export_model(PortableModel.of_network(network(Rooted), 8), tmp_path / "other.onnx")
    # Without a description it is read by its graph.
    with pytest.raises(ModelFileError, match=r"the operator (If|Loop) "):
        model_from_onnx(tmp_path / "other.onnx")


def test_a_loop_that_takes_one_dtype_alone_is_named_with_it() -> None:
    class Double(Recurrent):
        def __call__(self, rows: Any) -> Any:
            return wg.fori_loop(0, 3, lambda i, h: np.tanh(h + np.ones(1)), rows[:, :1] @ self.outputs[:1])

    pytest.importorskip("onnx", reason="writing ONNX needs the package onnx")
    with pytest.raises(DTypeError, match=r"f32\[10007,1\] before an iteration and f64"):
        to_onnx(PortableModel.of_network(network(Double), 8))


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
