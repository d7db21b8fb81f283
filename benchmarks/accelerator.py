"""Training on an accelerator: the XLA executor beside JAX written by hand and PyTorch, eager and compiled.

    python -m benchmarks.accelerator [--only ABCDEFL] [--seconds 420] [--json FILE] [--small]

Networks A to F of `wengert bench`, and an LSTM (L) by `wg.scan`, by Adam, float32 with all bits of its
products. JAX runs an epoch as one call, a scan over steps with the carry donated. Candidates take turns; the
time is the clock's, for a step. Runs on the fastest device that JAX finds, and PyTorch on a GPU where it
finds one; without one both use the processor, and the table says so. `--small` tries everything out.
"""

from __future__ import annotations

import os

# Before JAX is imported: it would take most of the memory, and leave PyTorch none.
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")

import argparse
import importlib.util
import math
import statistics
import sys
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.lstm_training import Sequences, with_jax, with_pytorch, with_wengert

from wengert.benchmark.candidate import Candidate, Training
from wengert.benchmark.configurations import CONFIGURATIONS, Configuration
from wengert.benchmark.machine import describe_machine
from wengert.benchmark.tables import Table, microseconds
from wengert.extras import optional_library
from wengert.storage import dump_json, write_file

TURN = 0.2  # seconds of a turn, at least
ROUNDS = 7
SMALL_TURN, SMALL_ROUNDS = 0.005, 3
OURS, BY_HAND, EAGER, COMPILED = "wengert, XLA", "JAX by hand", "PyTorch", "PyTorch compiled"
SMALL = {
    "A": Configuration("A", (2, 4, 1), 1, 50, "sigmoid"),
    "B": Configuration("B", (20, 8, 10), 1, 20),
    "C": Configuration("C", (8, 4, 10), 32, 10),
    "D": Configuration("D", (20, 16, 10), 8, 5),
    "E": Configuration("E", (20, 16, 16, 10), 16, 4),
    "F": Configuration("F", (20, 32, 32, 10), 32, 2),
}
SMALL_SEQUENCES = Sequences(length=5, inputs=12, units=4, outputs=3, batch=8, steps=4)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="ABCDEFL")
    parser.add_argument("--seconds", type=float, default=420.0)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--small", action="store_true")
    options = parser.parse_args()
    document = accelerator(
        options.only, options.seconds, options.small, lambda line: print(line, file=sys.stderr)
    )
    print("\n".join(f"{name}: {value}" for name, value in document["machine"].items()), end="\n\n")
    print(table(document).markdown())
    print("\n".join(document["failures"]))
    if options.json is not None:
        write_file(options.json, dump_json(document, str(options.json)))


def accelerator(
    only: str,
    seconds: float,
    small: bool,
    report: Callable[[str], None],
    without: Collection[str] = (),
) -> dict[str, Any]:
    """Return machine, seconds a step of every turn, and how far the parameters of all lie apart.

    Parameters
    ----------
    only : str
        Letters of the networks.
    seconds : float
        In all. Each network has an equal part of what is left; compiling counts.
    small : bool
    report : callable
        Takes a line for people.
    without : collection of str
        Who is left out.
    """
    optional_library("jax", "the XLA executor is measured beside JAX", "xla")
    end = time.monotonic() + seconds
    machine = {**describe_machine(), **_devices()}
    known = SMALL if small else CONFIGURATIONS
    chosen = [name for name in only if name in known or name == "L"]
    document: dict[str, Any] = {"machine": machine, "networks": [], "failures": []}
    for place, name in enumerate(chosen):
        share = (end - time.monotonic()) / (len(chosen) - place)
        if name == "L":
            sequences = SMALL_SEQUENCES if small else Sequences()
            described, makers = sequences.describe(), _of_sequences(sequences)
        else:
            described, makers = f"{name}: {known[name].describe()}", _of_layers(known[name])
        makers = {one: make for one, make in makers.items() if one not in without}
        report(f"{described}, {max(0, share):.0f} s")
        found = _measured(makers, share, end, small, document["failures"], described)
        document["networks"].append({"name": name, "description": described, **found})
    return document


def _devices() -> dict[str, str]:
    import jax

    first = jax.devices()[0]
    return {
        "device of JAX": first.platform
        if first.platform == first.device_kind
        else f"{first.platform}, {first.device_kind}",
        "device of PyTorch": _torch_device()[1],
    }


def _torch_device() -> tuple[str, str]:
    """Return the name by which PyTorch knows its device, and that for people."""
    if importlib.util.find_spec("torch") is None:
        return "", "not installed"
    import torch

    return ("cuda", torch.cuda.get_device_name()) if torch.cuda.is_available() else ("cpu", "cpu")


def _of_layers(configuration: Configuration) -> dict[str, Callable[[], Candidate]]:
    """Return how each candidate is made, imports of its library included."""

    def wengert() -> Candidate:
        from wengert.benchmark.peers.wengert_fit import xla_candidate

        return xla_candidate(configuration, "Adam")

    def jax() -> Candidate:
        from wengert.benchmark.peers.jax_jit import loop_candidates

        return loop_candidates(configuration, "Adam", 2)[0]

    def torch(compiled: bool) -> Candidate:
        from wengert.benchmark.peers.pytorch import on_device

        return on_device(configuration, "Adam", _torch_device()[0], compiled)

    return _with_torch({OURS: wengert, BY_HAND: jax}, torch)


def _of_sequences(sequences: Sequences) -> dict[str, Callable[[], Candidate]]:
    return _with_torch(
        {OURS: lambda: with_wengert(sequences), BY_HAND: lambda: with_jax(sequences)},
        lambda compiled: with_pytorch(sequences, _torch_device()[0], compiled),
    )


def _with_torch(
    makers: dict[str, Callable[[], Candidate]], torch: Callable[[bool], Candidate]
) -> dict[str, Callable[[], Candidate]]:
    if importlib.util.find_spec("torch") is None:
        return makers
    return {**makers, EAGER: lambda: torch(False), COMPILED: lambda: torch(True)}


def _measured(
    makers: dict[str, Callable[[], Candidate]],
    seconds: float,
    last: float,
    small: bool,
    failures: list[str],
    described: str,
) -> dict[str, Any]:
    """Return the seconds a step of each candidate's turns, and how far its parameters are from ours.

    Further turns are taken for some `seconds`, after which PyTorch is not begun either: where a step of its
    takes a thousand times as long, the networks that follow are to have their turns. Nothing is begun after
    the time `last`.
    """
    import jax

    end = min(last, time.monotonic() + seconds)
    least, rounds = (SMALL_TURN, SMALL_ROUNDS) if small else (TURN, ROUNDS)
    ready: dict[str, tuple[Candidate, int]] = {}
    times: dict[str, list[float]] = {}
    apart: dict[str, float] = {}
    first: Training | None = None
    # All multiply float32 with all bits, as PyTorch does by default and the XLA executor in any case.
    with jax.default_matmul_precision("highest"):
        for name, make in makers.items():
            if time.monotonic() > (last if name in (OURS, BY_HAND) else end):
                failures.append(f"{described}: no time was left for {name}")
                continue
            try:
                candidate = make()
                trained = candidate.train(1)
            except Exception as error:  # a library that fails here leaves the others to be measured
                failures.append(f"{described}: {name} failed: {type(error).__name__}: {str(error)[:200]}")
                continue
            first = trained if first is None else first
            if trained.steps == first.steps:
                pairs = zip(trained.parameters, first.parameters, strict=True)
                apart[name] = max(float(np.abs(one - ours).max()) for one, ours in pairs)
            ready[name] = candidate, max(1, math.ceil(least / max(trained.seconds, 1e-6)))
            times[name] = [trained.seconds / trained.steps]
        for name in list(ready) * rounds:
            if time.monotonic() > end:
                break
            candidate, epochs = ready[name]
            turn = candidate.train(epochs)
            times[name].append(turn.seconds / turn.steps)
    return {"seconds": times, "apart": apart}


def table(document: dict[str, Any]) -> Table:
    """Return medians in µs a step, and our part of the others' time."""
    names = (OURS, BY_HAND, EAGER, COMPILED)
    rows = []
    for network in document["networks"]:
        medians = {name: statistics.median(times) for name, times in network["seconds"].items()}
        cells = [microseconds(medians.get(name)) for name in names]
        ratios = [
            f"{medians[OURS] / medians[name]:.2f}" if {OURS, name} <= medians.keys() else "—"
            for name in names[1:]
        ]
        rows.append((network["description"], *cells, *ratios))
    device = document["machine"]["device of JAX"]
    return Table(
        f"Training by Adam on {device}, µs a step, and wengert's part of each",
        ("network", *names, *(f"/ {name}" for name in names[1:])),
        rows,
    )


if __name__ == "__main__":
    main()
