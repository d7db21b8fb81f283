"""The same workers under MPI, and joined for JAX, where these are installed."""

import importlib.util
import os
import shutil
import subprocess
import sys

import pytest

MPI = """
import numpy as np
from wengert import cluster
workers = cluster.join()
values = np.random.default_rng(0).normal(size=(8, 20_000))
total = workers.sum_of_blocks(lambda block: values[block].copy())
first, last = (values[:4], values[4:])
tree = [((part[0] + part[1]) + (part[2] + part[3])) for part in (first, last)]
assert (total == tree[0] + tree[1]).all()
print(f"{workers.rank} of {workers.size}\\n", end="")  # in one piece: two processes print
"""
JAX = """
import numpy as np
from wengert import cluster, nn, train
workers = cluster.join()
cluster.join_jax(workers)
import jax
X = np.random.default_rng(0).normal(size=(64, 2)).astype(np.float32)
net = nn.Dense(2, 1).initialise(seed=0)
train.fit(
    net, X, X[:, :1], loss="half_squared_error", executor="xla", mesh="all", epochs=1, batch_size=32,
    workers=workers, checkpoint=__file__ + ".checkpoint", progress=False,
)
print(jax.process_index(), "of", jax.process_count())
"""
ASLEEP = """
import time
import numpy as np
from wengert import cluster, nn, train
workers = cluster.join()
cluster.join_jax(workers)
class Asleep(train.Callback):
    def on_epoch_begin(self, state):  # once all have compiled the step
        if workers.rank == 0:
            time.sleep(60)
X = np.zeros((64, 2), np.float32)
train.fit(
    nn.Dense(2, 1).initialise(seed=0), X, X[:, :1], loss="half_squared_error", executor="xla", mesh="all",
    epochs=10, batch_size=32, workers=workers, progress=False, callbacks=[Asleep()],
)
"""
DIFFERENT = """
import numpy as np
from wengert import cluster, nn, train
workers = cluster.join()
cluster.join_jax(workers)
X = np.zeros((64, 2), np.float32)
net = nn.Sequential(nn.Dense(2, 3 + workers.rank, "tanh"), nn.Dense(3 + workers.rank, 1)).initialise(seed=0)
train.fit(
    net, X, X[:, :1], loss="half_squared_error", executor="xla", mesh="all", batch_size=32, workers=workers,
    progress=False,
)
"""


def has_mpi():
    return shutil.which("mpirun") is not None and importlib.util.find_spec("mpi4py") is not None


@pytest.mark.skipif(not has_mpi(), reason="mpirun or mpi4py is not installed")
def test_workers_of_mpi_add_as_others_do(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(MPI)
    root = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    run = subprocess.run(
        ["mpirun", "--oversubscribe", "-n", "2", sys.executable, str(script)],
        capture_output=True,
        text=True,
        env=os.environ | root,
        timeout=60,
    )
    assert run.returncode == 0, run.stderr
    assert sorted(run.stdout.split()) == ["0", "1", "2", "2", "of", "of"]


def launched_for_jax(tmp_path, text, *options):
    pytest.importorskip("jax", reason="JAX is not installed")
    if os.environ.get("HYPOTHESIS_PROFILE") != "explore":
        pytest.skip("starts JAX twice, with explore only")
    script = tmp_path / "script.py"
    script.write_text(text)
    command = ["launch", "--workers", "2", "--restarts", "0", *options, str(script)]
    return subprocess.run(
        [sys.executable, "-m", "wengert", *command], capture_output=True, text=True, timeout=120
    )


def test_workers_are_joined_for_jax(tmp_path):
    run = launched_for_jax(tmp_path, JAX)
    assert run.returncode == 0, run.stderr
    assert "[0] 0 of 2" in run.stdout
    assert "[1] 1 of 2" in run.stdout


def test_a_worker_of_jax_that_is_asleep_is_named(tmp_path):
    run = launched_for_jax(tmp_path, ASLEEP, "--timeout", "4")
    assert run.returncode == 75, run.stderr
    assert "worker 0 on localhost did not answer the others; all workers were ended" in run.stderr


def test_workers_of_jax_with_different_networks_are_refused(tmp_path):
    run = launched_for_jax(tmp_path, DIFFERENT)
    assert run.returncode == 1, run.stderr
    assert "the workers would not compute the same: " in run.stderr
