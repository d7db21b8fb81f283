"""Training over a mesh of devices: see `mesh_run`, which runs in processes of its own."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from tests.drawn import random_examples
from tests.run.xla import mesh_run

pytest.importorskip("jax", reason="JAX, of the extra `xla`, is not installed")

Report = dict[str, str | None]
HERE = Path(__file__).resolve()


def begun(folder: Path, devices: int, *group: str) -> subprocess.Popen[str]:
    """Start a process with this number of devices."""
    environment = {
        **os.environ,
        "XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}",
        "PYTHONPATH": str(HERE.parents[3]),
        "JAX_PLATFORMS": "cpu",
    }
    command = [sys.executable, "-m", "tests.run.xla.mesh_run", str(folder), *group]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def reports(folder: Path, processes: list[subprocess.Popen[str]]) -> list[Report]:
    outputs = [one.communicate(timeout=300)[0] for one in processes]
    found = sorted(folder.glob("*.json"))
    assert len(found) == len(processes), "\n".join(outputs)
    return [json.loads(one.read_text("utf-8")) for one in found]


@pytest.fixture(scope="module")
def of_one_process(tmp_path_factory: pytest.TempPathFactory) -> Report:
    folder = tmp_path_factory.mktemp("mesh")
    return reports(folder, [begun(folder, 8)])[0]


@pytest.fixture(scope="module")
def of_two_processes(tmp_path_factory: pytest.TempPathFactory) -> list[Report]:
    folder = tmp_path_factory.mktemp("processes")
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
    return reports(folder, [begun(folder, 2, str(rank), "2", address) for rank in range(2)])


@pytest.mark.parametrize("name", mesh_run.CHECKS)
def test_eight_devices(of_one_process: Report, name: str) -> None:
    assert of_one_process[name] is None, of_one_process[name]


@pytest.mark.skipif(random_examples(0, explore=1) == 0, reason="slow; runs under HYPOTHESIS_PROFILE=explore")
@pytest.mark.parametrize("name", mesh_run.OF_PROCESSES)
def test_two_processes_of_two_devices(of_two_processes: list[Report], name: str) -> None:
    assert [one[name] for one in of_two_processes] == [None, None], "\n".join(
        str(one[name]) for one in of_two_processes
    )
