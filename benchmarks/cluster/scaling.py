"""Weak scaling over two hosts: two network namespaces of this machine with a link of 1 Gbit/s between them.

    python -m benchmarks.cluster.scaling [--rows 2048 8192] [--rounds 3]

For two networks, the time of a step of one worker on its rows, that of two workers on twice the rows, and
what the model of docs/clusters.md says for up to 1,024 workers from the measured times: the least of several
rounds in turns. Needs root (for `ip netns` and `tc`) and two cores at rest; two minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WORKER = """
import json, sys, time
import numpy as np
from wengert import cluster, nn, optim, train
from wengert.run import find_executor
from wengert.train.inputs import Rows
from wengert.train.parallel.block_step import BlockStep
from wengert.train.steps.objective import Objective
from wengert.train.steps.step import StepRule
from wengert.primitives import random

widths, rows, steps, epochs = json.loads(sys.argv[1])
workers = cluster.join(blocks=int(sys.argv[2]))
batch = rows * workers.size
rng = np.random.default_rng(0)
X = rng.standard_normal((batch * steps, widths[0]), dtype=np.float32)
y = X[:, :1] * X[:, 1:2]
layers = [nn.Dense(a, b, "relu") for a, b in zip(widths, widths[1:])]
net = nn.Sequential(*layers[:-1], nn.Dense(*widths[-2:])).initialise(seed=0)

class Clock(train.Callback):
    times = [time.perf_counter()]
    used = [time.process_time()]
    def on_epoch_end(self, state):
        self.times.append(time.perf_counter())
        self.used.append(time.process_time())

options = {"loss": "half_squared_error", "optimizer": optim.Adam(0.001), "progress": False}
train.fit(net, X, y, **options, batch_size=batch, epochs=epochs, workers=workers, callbacks=[Clock()])
found = {
    "step": min(np.diff(Clock.times)[1:]) / steps, "median": np.median(np.diff(Clock.times)[1:]) / steps,
    "processor": np.median(np.diff(Clock.used)[1:]) / steps,
}
if workers.size == 1:
    rule = StepRule(Objective(nn.half_squared_error), optim.Adam(0.001))
    step = BlockStep(net, rule, find_executor("llvm"))
    block = Rows(X[: batch // workers.blocks], y[: batch // workers.blocks], None)
    network = step.initial[: step.network_count]
    given = [*network, *step.settings_of(step.initial), block.features, block.targets, random.key(0)]
    given += [np.array(0), np.array(0), np.array(1, np.float32)]
    kept, found["stages"], found["values"] = [], [], []
    for program in step.block_programs(block):
        run = step.executor.compile(program)
        times = []
        for _ in range(20):
            begin = time.perf_counter()
            vector, *after = run([*given, *kept])
            times.append(time.perf_counter() - begin)
        kept = after
        found["stages"].append(min(times) * workers.blocks)
        found["values"].append(vector.size)
print(json.dumps(found))
"""
NETWORKS = ([50, 128, 64, 1], [50, 512, 256, 1])
BLOCKS = 8  # of each worker
HOSTS = ("wengert0", "wengert1")
BYTES_A_SECOND = 125e6
# Seconds of processor time for a message to one other worker, and the shortest round: see docs/clusters.md.
MESSAGE, ROUND = 27e-6, 30e-6


@dataclass(frozen=True)
class Measured:
    """What was measured of one worker, which need not talk."""

    step: float
    stages: Sequence[float]
    values: Sequence[int]

    def predicted(self, workers: int) -> float:
        """Return the seconds of a step of each of several workers."""

        def sent(values: int) -> float:
            rounds = 1 if workers == 2 else 2
            return (
                rounds * ((workers - 1) * MESSAGE + ROUND)
                + 2 * (1 - 1 / workers) * 4 * values / BYTES_A_SECOND
            )

        if workers == 1:
            return self.step
        *beside, last = map(sent, self.values)
        pairs = zip(beside, self.stages[1:], strict=True)
        waited = sum(max(0.0, seconds - stage) for seconds, stage in pairs)
        return self.step + waited + last


def shell(line: str) -> None:
    subprocess.run(line.split(), check=True)


def connect() -> None:
    """Make two hosts with a link."""
    for host in HOSTS:
        shell(f"ip netns add {host}")
    shell(f"ip link add end0 netns {HOSTS[0]} type veth peer name end1 netns {HOSTS[1]}")
    for number, host in enumerate(HOSTS):
        inside = f"ip netns exec {host}"
        shell(f"{inside} ip addr add 10.9.0.{number + 1}/24 dev end{number}")
        shell(f"{inside} ip link set end{number} up")
        shell(f"{inside} ip link set lo up")
        shell(f"{inside} tc qdisc add dev end{number} root tbf rate 1gbit burst 70kb latency 50ms")


def disconnect() -> None:
    for host in HOSTS:
        subprocess.run(["ip", "netns", "del", host], check=False, capture_output=True)


def run(script: Path, size: int, task: str) -> dict[str, Any]:
    """Return what a worker of some measured, each on a host and a core of its own.

    Two run in any case: of one worker there are two jobs that know nothing of each other, since cores of one
    machine share its memory, and hosts do not.
    """
    environment = {
        **os.environ, "OMP_NUM_THREADS": "1", "WENGERT_SECRET": secrets.token_hex(16),
        "WENGERT_SIZE": str(size), "WENGERT_COORDINATOR": "10.9.0.1:29511",
    }  # fmt: skip
    processes = [
        subprocess.Popen(
            [*f"ip netns exec {host} taskset -c {number} {sys.executable} {script}".split(), task,
             str(BLOCKS * size)],
            env={**environment, "WENGERT_RANK": str(number % size)}, stdout=subprocess.PIPE, text=True,
        )
        for number, host in enumerate(HOSTS)
    ]  # fmt: skip
    outputs = [process.communicate()[0] for process in processes]
    found: dict[str, Any] = json.loads(outputs[0].splitlines()[-1])
    return found


def report(widths: list[int], rows: int, one: dict[str, Any], two: dict[str, Any]) -> None:
    alone = Measured(one["step"], one["stages"], one["values"])
    model = (f"{size}: {alone.step / alone.predicted(size):.2f}" for size in (2, 16, 128, 1024))
    figures = [
        f"{name} {1e3 * found['step']:.1f} (median {1e3 * found['median']:.1f}, processor "
        f"{1e3 * found['processor']:.1f})"
        for name, found in (("alone", one), ("two", two))
    ]
    stages = " + ".join(f"{1e3 * seconds:.1f}" for seconds in alone.stages)
    print(
        f"{'-'.join(map(str, widths))}, {rows} rows each, ms a step: {', '.join(figures)}; stages {stages}; "
        f"{one['step'] / two['step']:.2f}; model {', '.join(model)}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[2048, 8192])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--epochs", type=int, default=8)
    given = parser.parse_args()
    disconnect()
    try:
        connect()
        with tempfile.TemporaryDirectory() as directory:
            script = Path(directory, "worker.py")
            script.write_text(WORKER)
            for widths in NETWORKS:
                for rows in given.rows:
                    task = json.dumps([widths, rows, given.steps, given.epochs])
                    turns = [[run(script, size, task) for size in (1, 2)] for _ in range(given.rounds)]
                    one, two = (min(found, key=lambda one: one["step"]) for found in zip(*turns, strict=True))
                    report(widths, rows, one, two)
    finally:
        disconnect()


if __name__ == "__main__":
    main()
