"""Runs over a mesh, in a process of its own: JAX must be told how many devices there are before it starts.

With ``folder [rank processes address]`` as arguments the checks below are run, or those of several processes,
and what went wrong is written, by the name of the check, to a file in the folder.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest

from wengert import nn, optim, train
from wengert.errors import ConfigurationError, ModelFileError

CHECKS: dict[str, Callable[[], None]] = {}
OF_PROCESSES: dict[str, Callable[[], None]] = {}

ROWS = 406  # of which batches of 16 leave 6 over, which 8 devices cannot divide
SETTINGS: dict[str, Any] = {
    "loss": "nllm_from_logits",
    "batch_size": 16,
    "epochs": 2,
    "seed": 3,
    "executor": "xla",
    "progress": False,
    "optimizer": optim.Adam(0.01),
}


def check(function: Callable[[], None]) -> Callable[[], None]:
    CHECKS[function.__name__] = function
    return function


def check_of_processes(function: Callable[[], None]) -> Callable[[], None]:
    OF_PROCESSES[function.__name__] = function
    return function


@cache
def rows() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(7)
    X = rng.normal(size=(ROWS, 5)).astype(np.float32)
    return X, (X[:, 0] > 0) + (X[:, 1] * X[:, 2] > 0).astype(int), np.linspace(0.5, 2, ROWS)


@cache
def network() -> Any:
    layers = nn.Dense(5, 16, "tanh"), nn.BatchNorm(16), nn.Dropout(0.2), nn.Dense(16, 3)
    return nn.Sequential(*layers).initialise(seed=1)


@cache
def network_that_divides() -> Any:
    """A network in whose steps XLA would rewrite quotients, on one device otherwise than on several."""
    layers = nn.Dense(5, 8, "tanh"), nn.BatchNorm(8), nn.Dropout(0.2), nn.LayerNorm(8), nn.Dense(8, 3)
    return nn.Sequential(*layers).initialise(seed=1)


def arrays(net: Any) -> dict[Any, Any]:
    return {**nn.parameters(net), **nn.state(net)}


def fitted(net: Any = None, **options: Any) -> Any:
    X, y, weights = rows()
    return train.fit(net or network(), X, y, **{**SETTINGS, "sample_weight": weights, **options})


@cache
def on_one_device(epochs: int = 2) -> Any:
    return fitted(epochs=epochs)


def assert_close(found: Any, wanted: Any, rounding: float = 1e-6) -> None:
    for name, oracle in arrays(wanted.net).items():
        np.testing.assert_allclose(
            arrays(found.net)[name], oracle, rtol=rounding, atol=rounding, err_msg=str(name)
        )


@check
def the_result_is_that_of_one_device() -> None:
    found, wanted = fitted(mesh=8, epochs=8), on_one_device(epochs=8)
    assert found.steps == wanted.steps > 200
    np.testing.assert_allclose(found.history[-1].loss, wanted.history[-1].loss, rtol=1e-6)
    assert_close(found, wanted)


class _Interrupt(train.Callback):
    """Ctrl-C at the end of the first epoch."""

    def on_epoch_end(self, state: train.TrainingState) -> None:
        raise KeyboardInterrupt


@check
def a_run_goes_on_with_another_number_of_devices_that_divide_large_parameters(limit: int = 64) -> None:
    import jax

    from wengert.run.xla import device_loop, mesh

    run = device_loop.XLALoop.run
    seen: list[Any] = []

    def looked_at(self: Any, *args: Any) -> None:
        run(self, *args)
        seen[:] = [one.sharding for one in self._progress.elements if one.size >= limit]

    with TemporaryDirectory() as folder:
        # Without the short batch, of which two loops more would be compiled.
        options = {"checkpoint": train.Checkpoint(f"{folder}/run", seconds=0), "epochs": 2, "drop_last": True}
        with pytest.warns(UserWarning, match="interrupted"):
            begun = fitted(mesh=8, callbacks=[_Interrupt()], **options)
        assert len(begun.history) == 1
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(mesh, "_WIDE", limit)
            patch.setattr(device_loop.XLALoop, "run", looked_at)
            found = fitted(mesh=2, shard="auto", **options)
    assert len(found.history) == 2
    assert_close(found, fitted(drop_last=True))
    assert len(seen) == 3  # the first layer's weights, and Adam's two means of them
    assert all(isinstance(one, jax.sharding.NamedSharding) and not one.is_fully_replicated for one in seen)


@check
def the_bits_do_not_depend_on_the_number_of_devices() -> None:
    options: dict[str, Any] = {"net": network_that_divides(), "sample_weight": None}
    options["optimizer"] = optim.SGD(0.1)
    fits = [fitted(**options, mesh=devices, deterministic=True) for devices in (1, 8)]
    assert_close(fits[0], fitted(**options, executor="numpy"), 1e-5)  # the mean of a batch is one of means
    assert fits[1].history[-1].loss == fits[0].history[-1].loss
    for name, oracle in arrays(fits[0].net).items():
        np.testing.assert_array_equal(arrays(fits[1].net)[name], oracle, err_msg=str(name))


def in_order(scores: Any, labels: Any) -> Any:
    """A loss of rows that depends on their order."""
    return np.sum(np.cumsum(scores, axis=0) ** 2, axis=1)


@check
def rows_are_divided_and_held_once() -> None:
    from wengert.run import xla_executor

    executor: Any = xla_executor(mesh=8)
    with executor.settings():
        placed = executor.devices.put_rows(rows()[0])
    assert placed.shape == (408, 5)
    assert {shard.data.shape for shard in placed.addressable_shards} == {(51, 5)}


@check
def what_is_taken_keeps_its_bits() -> None:
    import jax

    from wengert.run import xla_executor

    values = np.array([[-0.0, 1e-44], [np.nan, np.inf], [-1.5, 0.0], [2.0, -np.inf]], np.float32)
    order = np.array([2, 0, 3, 1, 0, 0, 1, 1])
    executor: Any = xla_executor(mesh=4)
    with executor.settings():
        mesh = executor.devices
        (found,) = jax.jit(mesh.taker(4))([mesh.put_rows(values)], mesh.put_order(order, 8), np.int64(2))
    np.testing.assert_array_equal(np.array(found).view(np.uint32), values[order[2:6]].view(np.uint32))


@check
def the_environment_says_how_many() -> None:
    from wengert.run import find_executor, mesh_of

    os.environ["WENGERT_MESH"] = "4"
    try:
        assert mesh_of("xla", None) == 4
        assert mesh_of("xla", 2) == 2
        assert mesh_of("llvm", None) is None
        executor: Any = find_executor("xla", mesh=mesh_of("xla", None))
        assert executor.parts == 4
        os.environ["WENGERT_MESH"] = "many"
        with pytest.raises(ConfigurationError, match="WENGERT_MESH is a number of devices or 'all'"):
            mesh_of("xla", None)
    finally:
        del os.environ["WENGERT_MESH"]


@check
def predictions_and_losses_are_those_of_one_device() -> None:
    X, y, weights = rows()
    net = on_one_device().net
    found = train.predict(net, X, executor="xla", mesh="all", batch_size=200)
    np.testing.assert_allclose(found, train.predict(net, X, executor="numpy"), rtol=1e-5, atol=1e-6)
    mine, oracle = (
        train.evaluate(net, X[:400], y[:400], loss="nllm_from_logits", sample_weight=weights[:400], **one)
        for one in ({"executor": "xla", "mesh": 8}, {"executor": "numpy"})
    )
    np.testing.assert_allclose(mine.loss, oracle.loss, rtol=1e-6)
    np.testing.assert_allclose(mine.accuracy, oracle.accuracy, rtol=1e-12)


@check
def lbfgs_over_a_mesh() -> None:
    options = {"optimizer": optim.LBFGS(), "epochs": 5, "batch_size": None}
    found, wanted = (fitted(**options, **one) for one in ({"mesh": 8}, {"executor": "numpy"}))
    np.testing.assert_allclose(found.history[-1].loss, wanted.history[-1].loss, rtol=1e-4)


def solved(scores: Any, labels: Any) -> Any:
    """A loss with a system of equations, which XLA leaves to NumPy."""
    return np.sum(np.linalg.solve(np.eye(3, dtype=np.float32) + 1, scores.T) ** 2, axis=0)


@check
def what_a_mesh_cannot_serve_is_refused_before_any_work() -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({"mesh": 8, "batch_size": 20}, "a batch of 20 rows .* the 8 devices .* such as batch_size=16"),
        ({"mesh": 9}, "a mesh of 9 devices is larger than what there is: 8 of 'cpu'.*device_count=9"),
        ({"mesh": 0}, "mesh is a number of devices or 'all', got 0"),
        ({"mesh": 2, "device": "cpu:1"}, "'cpu:1' is one device; a mesh has several"),
        ({"device": "cpu:8"}, "no device 'cpu:8'; there is 'cpu:0', 'cpu:1', "),
        ({"shard": "auto"}, "shard and own_rows are for a mesh"),
        ({"mesh": 2, "deterministic": True, "loss": in_order}, "and cumsum takes its rows together"),
        ({"mesh": 2, "deterministic": True, "shard": "auto"}, "parameters on each device: leave shard out"),
        ({"mesh": 8, "shard": "all"}, "shard is 'auto' or None, got 'all'"),
        ({"mesh": 8, "executor": "llvm"}, "mesh is for executor='xla'"),
        ({"mesh": 8, "loss": solved}, "cannot take steps with lines for NumPy: solve has no code for XLA"),
    ]
    for options, message in cases:
        with pytest.raises(ConfigurationError, match=message):
            fitted(**options)


@check_of_processes
def each_process_holds_all_rows() -> None:
    assert_close(fitted(mesh="all"), on_one_device())


@check_of_processes
def each_process_holds_its_own() -> None:
    """Against one device that sees the rows in the order in which the processes give them."""
    import jax

    from wengert.run import xla_executor

    X, y, weights = rows()
    parts = [np.arange(0, 203), np.arange(202, ROWS)]  # of different lengths: an epoch takes 203 of each
    mine = parts[jax.process_index()]
    executor = xla_executor(mesh="all", own_rows=True)
    options = {**SETTINGS, "shuffle": False, "validation_data": (X[:50], y[:50])}
    own = {**options, "executor": executor, "sample_weight": weights[mine]}
    found = train.fit(network(), X[mine], y[mine], **own)
    order = np.concatenate([one[first : min(first + 8, 203)] for first in range(0, 203, 8) for one in parts])
    # The mean of the weights is over all rows, also the one that an epoch leaves out.
    scaled = weights[order] / np.mean(np.concatenate([weights[one] for one in parts]))
    wanted = train.fit(network(), X[order], y[order], **{**options, "sample_weight": scaled})
    assert found.steps == wanted.steps == 52
    assert_close(found, wanted)
    with pytest.raises(ConfigurationError, match="validation_fraction needs all rows"):
        train.fit(network(), X, y, **{**SETTINGS, "executor": executor, "validation_fraction": 0.1})
    with pytest.raises(ConfigurationError, match="time_limit is of one clock, and 2 processes"):
        train.fit(network(), X, y, **{**SETTINGS, "executor": executor, "time_limit": 1})


@check_of_processes
def one_process_keeps_the_checkpoint_of_all() -> None:
    import jax

    from wengert.run import xla_executor

    X, y, _ = rows()
    rank, size = jax.process_index(), jax.process_count()
    own = {"executor": xla_executor(mesh="all", own_rows=True), "sample_weight": None}
    for given, data in (({"mesh": "all"}, (X, y)), (own, (X[rank::size], y[rank::size]))):

        def fit(epochs: int, **options: Any) -> Any:
            return train.fit(network(), *data, **{**SETTINGS, **given, "epochs": epochs, **options})  # noqa: B023

        with TemporaryDirectory() as folder:  # another one in each process, as on other machines
            fit(1, checkpoint=f"{folder}/run")
            assert (Path(folder) / "run").exists() == (rank == 0)
            found = fit(2, checkpoint=f"{folder}/run")
            assert_close(found, fit(2), 0)
            if rank == 0:
                Path(folder, "run").write_bytes(b"torn")
            with pytest.raises(ModelFileError, match=r"run is damaged .* delete it and train again"):
                fit(3, checkpoint=f"{folder}/run")


def run(checks: dict[str, Callable[[], None]]) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for name, function in checks.items():
        try:
            function()
            found[name] = None
        except BaseException:
            found[name] = traceback.format_exc()
    return found


if __name__ == "__main__":
    folder, *group = sys.argv[1:]
    import jax

    jax.config.update("jax_disable_most_optimizations", True)
    if group:
        rank, processes, address = group
        jax.config.update("jax_cpu_collectives_implementation", "gloo")
        jax.distributed.initialize(address, int(processes), int(rank))
    report = run(OF_PROCESSES if group else CHECKS)
    Path(folder, f"{group[0] if group else 'one'}.json").write_text(json.dumps(report), "utf-8")
