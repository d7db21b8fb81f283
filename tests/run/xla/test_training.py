"""Training on the XLA executor, its epoch on the device, against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from wengert import nn, optim, train
from wengert.errors import (
    ConfigurationError,
    DivergenceWarning,
    IndexRangeError,
    InterruptionWarning,
    LimitError,
    ModelFileError,
    WorkerLostError,
)
from wengert.run import recent

pytest.importorskip("jax", reason="JAX, of the extra `xla`, is not installed")

from wengert.run.xla import XLAExecutor, device_errors, device_loop

SETTINGS: dict[str, Any] = {"loss": "nllm_from_logits", "progress": False, "seed": 3, "batch_size": 16}


def network() -> Any:
    layers = nn.Dense(4, 9, "relu"), nn.BatchNorm(9), nn.Dropout(0.2), nn.Dense(9, 3)
    return nn.Sequential(*layers).initialise(seed=1)


@pytest.fixture
def rows(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    X = rng.normal(size=(70, 4)).astype(np.float32)
    return X, (X[:, 0] > 0) + (X[:, 1] * X[:, 2] > 0).astype(int)


def arrays(net: Any) -> dict[Any, Any]:
    return {**nn.parameters(net), **nn.state(net)}


def test_fit_evaluate_and_predict_agree_with_numpy(rows: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """With dropout, batch norm, a short last batch, weights of rows and rows kept for validation."""
    counts: list[int] = []
    run = device_loop.XLALoop.run

    def counted(self: Any, order: Any, row: int, count: int, threads: int) -> None:
        counts.append(count)
        run(self, order, row, count, threads)

    monkeypatch.setattr(device_loop.XLALoop, "run", counted)
    X, y = rows
    options = {**SETTINGS, "epochs": 4, "optimizer": optim.Adam(0.02), "validation_fraction": 0.2}
    weights = np.linspace(0.5, 2, len(X))
    found, wanted = (
        train.fit(network(), X, y, sample_weight=weights, executor=one, **options) for one in ("xla", "numpy")
    )
    assert sum(counts) >= 4 * 4  # the steps were taken on the device
    assert max(counts) > 1  # and several of them in one call
    for mine, oracle in zip(found.history, wanted.history, strict=True):
        np.testing.assert_allclose(mine.loss, oracle.loss, rtol=1e-5)
        np.testing.assert_allclose(mine.validation_loss, oracle.validation_loss, rtol=1e-5)
    for name, oracle in arrays(wanted.net).items():
        np.testing.assert_allclose(arrays(found.net)[name], oracle, rtol=1e-4, atol=1e-5, err_msg=str(name))
    net = wanted.net
    np.testing.assert_allclose(
        train.predict(net, X, executor="xla"), train.predict(net, X, executor="numpy"), rtol=1e-5, atol=1e-6
    )
    mine, oracle = (
        train.evaluate(net, X, y, loss="nllm_from_logits", executor=one) for one in ("xla", "numpy")
    )
    np.testing.assert_allclose(mine.loss, oracle.loss, rtol=1e-6)
    assert mine.accuracy == oracle.accuracy


def test_nothing_is_compiled_twice(rows: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []
    compiled = device_loop.compiled_loop
    monkeypatch.setattr(recent, "_known", type(recent._known)())
    monkeypatch.setattr(
        "wengert.run.xla.executor.compiled_loop", lambda *args: made.append(compiled(*args)) or made[-1]
    )
    net = nn.Dense(4, 3).initialise(seed=1)
    for _ in range(2):
        train.fit(net, *rows, executor="xla", epochs=3, **SETTINGS)
    assert len(made) == 2  # for whole batches, and for the short one
    assert [one._cache_size() for one in made] == [1, 1]


def test_a_run_goes_on_where_it_was_left(rows: Any, tmp_path: Any) -> None:
    options = {**SETTINGS, "executor": "xla", "optimizer": optim.Adam(0.02)}
    net = nn.Sequential(nn.Dense(4, 9, "relu"), nn.Dropout(0.2), nn.Dense(9, 3)).initialise(seed=1)
    X, y = rows[0][:64], rows[1][:64]
    whole = train.fit(net, X, y, epochs=4, **options)
    path = tmp_path / "run"
    train.fit(net, X, y, epochs=2, checkpoint=path, **options)
    resumed = train.fit(net, X, y, epochs=4, checkpoint=path, **options)
    for name, oracle in arrays(whole.net).items():
        np.testing.assert_array_equal(arrays(resumed.net)[name], oracle)


def test_a_checkpoint_belongs_to_a_way_of_rounding(rows: Any, tmp_path: Any) -> None:
    options = {**SETTINGS, "executor": "xla", "epochs": 1, "checkpoint": tmp_path / "run"}
    net = nn.Dense(4, 3).initialise(seed=1)
    train.fit(net, *rows, **options)
    for other, name in (({"precision": "fast"}, "rounds them"), ({"deterministic": True}, "deterministic")):
        with pytest.raises(ModelFileError, match=f"executor: XLAExecutor there, XLAExecutor, .*{name} here"):
            train.fit(net, *rows, **options, **other)


def test_a_run_that_diverges_is_stopped(rows: Any) -> None:
    with pytest.warns(DivergenceWarning, match=r"diverged at step \d+ \(epoch 1\).*layers"):
        train.fit(network(), *rows, executor="xla", epochs=2, **SETTINGS, optimizer=optim.SGD(1e12))


def picked(scores: Any, labels: Any) -> Any:
    return -scores[np.arange(len(scores)), labels]


def test_an_index_out_of_range_is_named(rows: Any) -> None:
    net = nn.Dense(4, 3).initialise(seed=1)
    X, y = rows
    y[50] = 3
    with pytest.raises(IndexRangeError, match=r"index 3 at .* is outside axis 1, which has 3 entries"):
        train.fit(net, X, y, executor="xla", epochs=1, **{**SETTINGS, "loss": picked})


def solved(scores: Any, labels: Any) -> Any:
    """A loss with a system of equations, which XLA leaves to NumPy."""
    return picked(np.linalg.solve(np.eye(3, dtype=np.float32) + 1, scores.T).T, labels)


def test_a_step_with_a_line_for_numpy_is_taken_by_itself(rows: Any) -> None:
    net = nn.Dense(4, 3).initialise(seed=1)
    options = {**SETTINGS, "loss": solved, "epochs": 1}
    found, wanted = (train.fit(net, *rows, executor=one, **options) for one in ("xla", "numpy"))
    np.testing.assert_allclose(found.history[-1].loss, wanted.history[-1].loss, rtol=1e-5)


def test_there_is_no_machine_code_to_show(rows: Any) -> None:
    progress = XLAExecutor().new_progress([], 0, 0.0)
    shown = device_loop.XLALoop(lambda: None, progress, [], [], 1)
    with pytest.raises(ConfigurationError, match="no LLVM code"):
        shown.llvm()
    with pytest.raises(ConfigurationError, match="JAX's profiler"):
        shown.kernels(profile=False)


def test_a_full_device_says_what_was_asked_and_what_would_fit(
    rows: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a loop that fails as a GPU's does: a processor is seldom full."""
    import jax

    said = "RESOURCE_EXHAUSTED: Out of memory allocating 4096000 bytes."

    class Full:
        def __init__(self, loop: Any) -> None:
            self.lower = loop.lower

        def __call__(self, *arguments: Any) -> Any:
            raise jax.errors.JaxRuntimeError(said)

    compiled = device_loop.compiled_loop
    monkeypatch.setattr(recent, "_known", type(recent._known)())
    monkeypatch.setattr("wengert.run.xla.executor.compiled_loop", lambda *args: Full(compiled(*args)))
    net = nn.Dense(4, 3).initialise(seed=1)
    wanted = r"not enough memory for a step of 16 rows \(4096000 bytes were asked for\); "
    smaller = r"it needs [\d,]+ bytes beside rows and parameters, so that a batch of about 8 rows would fit"
    for limit, advice in ((None, smaller), (2**30, smaller), (8, "rows and parameters alone fill it")):
        monkeypatch.setattr(device_errors, "_limit", lambda device, limit=limit: limit)
        with pytest.raises(LimitError, match=wanted + advice):
            train.fit(net, *rows, executor="xla", **SETTINGS)
    said = "INTERNAL: YNNPACK operation failed: error"  # by a processor, for a product of matrices
    monkeypatch.setattr(device_errors, "_limit", lambda device: None)
    with pytest.raises(LimitError, match="not enough memory for a step of 16 rows; " + smaller):
        train.fit(net, *rows, executor="xla", **SETTINGS)


def test_a_process_that_is_gone_is_an_error_of_ours() -> None:
    import jax

    said = "UNKNOWN: Gloo all-reduce failed: Connection reset by peer\n and a trace"
    wanted = "another process was lost in a step; JAX says: UNKNOWN: Gloo all-reduce failed: .* by peer$"
    with pytest.raises(WorkerLostError, match=wanted), device_errors.errors_of("a step"):
        raise jax.errors.JaxRuntimeError(said)


def test_what_is_learnt_until_ctrl_c_is_kept(rows: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    run, seen = device_loop.XLALoop.run, []

    def interrupted(self: Any, *args: Any) -> None:
        run(self, *args)
        seen.append(args)
        if len(seen) == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr(device_loop.XLALoop, "run", interrupted)
    net = nn.Dense(4, 3).initialise(seed=1)
    with pytest.warns(InterruptionWarning, match="the result is usable"):
        result = train.fit(net, *rows, executor="xla", epochs=100, **SETTINGS)
    assert result.stopped == "interrupted"
    assert result.steps > 0
    assert np.abs(result.net.weight - net.weight).max() > 0
