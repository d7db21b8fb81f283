"""Workers are killed, stopped or put to sleep at random moments: the weights come out as without the fault.

    python -m benchmarks.cluster.faults [--workers 2] [--moments 20] [--seed 0] [--xla]

For each kind of fault and each moment, `wengert launch` trains a network, one worker (worker 0 in every
second run) gets a signal, and the weights of all are compared bitwise with those of a run without a fault.
Printed are the seconds until the supervisor has noticed, and until all workers train again, from a checkpoint
that is half a second old at most. Takes ten to twenty seconds for each moment of each kind.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

SCRIPT = """
import hashlib, os, signal, sys, time
import numpy as np
from wengert import cluster, nn, optim, train
from wengert.trace.tree import flatten

signal.signal(signal.SIGUSR1, lambda *_: time.sleep(600))
workers = cluster.join()
on_devices = {}
if sys.argv[3:] == ["xla"]:
    cluster.join_jax(workers)
    on_devices = {"executor": "xla", "mesh": "all"}
rng = np.random.default_rng(0)
X = rng.normal(size=(20_000, 20)).astype(np.float32)
y = (X[:, :1] * X[:, 1:2]).astype(np.float32)
net = nn.Sequential(nn.Dense(20, 64, "relu"), nn.Dropout(0.1), nn.Dense(64, 1)).initialise(seed=0)

class Begin(train.Callback):
    said = False
    def on_epoch_begin(self, state):
        if not self.said:
            print("training", os.getpid())
            self.said = True

result = train.fit(
    net, X, y, loss="half_squared_error", optimizer=optim.Adam(0.001), epochs=int(sys.argv[2]),
    batch_size=256, workers=workers, checkpoint=train.Checkpoint(sys.argv[1], seconds=0.5), progress=False,
    callbacks=[Begin()], **on_devices,
)
arrays = flatten((result.net, result.optimizer_state))[0]
digest = hashlib.sha256(b"".join(np.ascontiguousarray(array).tobytes() for array in arrays))
print("weights", digest.hexdigest())
"""
KINDS = {"killed": signal.SIGKILL, "stopped": signal.SIGSTOP, "asleep": signal.SIGUSR1}


@dataclass
class Run:
    """What came of a run.

    Attributes
    ----------
    weights : set of str
        Digests of all workers' weights.
    seconds : float
        Of training.
    noticed, again : float or None
        Seconds from the fault until the supervisor noticed it, and until all workers trained again; None for
        a run that was over before.
    """

    weights: set[str]
    seconds: float = 0.0
    noticed: float | None = None
    again: float | None = None


def run(
    directory: Path,
    workers: int,
    epochs: int,
    executor: str,
    fault: tuple[int, signal.Signals, float] | None,
) -> Run:
    """Train, with a fault of one worker: its rank, the signal and the seconds after which it is sent."""
    checkpoint = directory / "checkpoint"
    checkpoint.unlink(missing_ok=True)
    script = directory / "train.py"
    script.write_text(SCRIPT)
    command = ["launch", "--workers", str(workers), str(script), str(checkpoint), str(epochs), executor]
    process = subprocess.Popen(
        [sys.executable, "-m", "wengert", *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    training: dict[int, int] = {}
    result = Run(set())
    begin = sent = 0.0
    for line in process.stdout:
        found = re.match(r"\[(\d+)\] (training|weights) (\w+)", line)
        if found and found[2] == "weights":
            result.weights.add(found[3])
        elif found:
            training[int(found[1])] = int(found[3])
            if len(training) < workers:
                continue
            if sent:
                result.again = time.monotonic() - sent
                continue
            begin = time.monotonic()
            if fault is not None:
                rank, number, moment = fault
                time.sleep(moment)
                with contextlib.suppress(ProcessLookupError):  # the run was over before
                    os.kill(training[rank], number)
                    sent = time.monotonic()
                training.clear()
        elif "all were ended" in line:
            result.noticed = time.monotonic() - sent
        else:
            sys.stderr.write(line)
    if process.wait():
        raise SystemExit(f"the run failed with exit code {process.returncode}")
    result.seconds = time.monotonic() - begin
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--moments", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--xla", action="store_true", help="over a mesh of JAX's devices")
    given = parser.parse_args()
    executor = "xla" if given.xla else "llvm"
    rng = random.Random(given.seed)
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        run(place, given.workers, 1, executor, None)  # what is compiled stays in the cache
        usual = run(place, given.workers, given.epochs, executor, None)
        print(f"without a fault: {usual.seconds:.1f} s, {len(usual.weights)} set of weights")
        for kind, number in KINDS.items():
            wrong, noticed, again = 0, [], []
            while len(noticed) < given.moments:
                rank = 0 if len(noticed) % 2 == 0 else rng.randrange(1, given.workers)
                fault = rank, number, rng.uniform(0.05, 0.5) * usual.seconds
                found = run(place, given.workers, given.epochs, executor, fault)
                if found.noticed is None or found.again is None:
                    continue
                wrong += found.weights != usual.weights
                noticed.append(found.noticed)
                again.append(found.again)
            print(
                f"{kind}: {given.moments - wrong} of {given.moments} bitwise right; noticed after "
                f"{statistics.median(noticed):.1f} s (at most {max(noticed):.1f}), trained "
                f"again after {statistics.median(again):.1f} s (at most {max(again):.1f})",
                flush=True,
            )


if __name__ == "__main__":
    main()
