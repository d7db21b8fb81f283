"""Derivatives of general programs: the objectives of ADBench in wengert, JAX, PyTorch and autograd.

    python -m benchmarks.general_programs [--rounds 5] [--sizes small,medium] [--only GMM,LSTM]

Time of the derivative, its ratio to the time of the function in the same library (at most 3 is the aim for a
gradient; the Jacobian of BA takes two sweeps), and wengert's time as a part of each other's.
"""

from __future__ import annotations

import argparse
import importlib.util
import statistics
import sys
from collections.abc import Callable
from typing import Any

from benchmarks.adbench.peers import MODULES, PEERS

from wengert.benchmark.tables import Table, microseconds
from wengert.benchmark.turns import interleaved, repeated
from wengert.run.threads import physical_cores


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sizes", default="small,medium,large")
    parser.add_argument("--only", default="GMM,BA,LSTM")
    options = parser.parse_args()
    names, sizes = options.only.split(","), options.sizes.split(",")
    for table in general_programs(names, sizes, options.rounds, lambda line: print(line, file=sys.stderr)):
        print(table.markdown())


def general_programs(
    names: list[str], sizes: list[str], rounds: int, report: Callable[[str], None]
) -> list[Table]:
    """Return the tables of times and ratios."""
    present = [peer for peer, (_, package) in PEERS.items() if importlib.util.find_spec(package)]
    times, ratios = [], []
    for name in names:
        for size in sizes:
            report(f"{name}, {size}")
            medians = measure(name, size, present, rounds)
            label = f"{name}, {size}"
            ours = medians["wengert", "derivative"]
            for what in ("function", "derivative"):
                cells = (microseconds(medians.get((peer, what))) for peer in present)
                times.append((label, what, *cells))
            for peer in present:
                if (peer, "derivative") in medians:
                    slope = medians[peer, "derivative"]
                    ratio = slope / medians[peer, "function"]
                    ratios.append((label, peer, f"{ratio:.1f}", f"{ours / slope:.2f}"))
    return [
        Table("General programs, µs a call, float64", ("program", "", *present), times),
        Table(
            "Derivative beside function, and wengert's time as a part of each",
            ("program", "library", "derivative / function", "wengert / this"),
            ratios,
        ),
    ]


def measure(name: str, size: str, peers: list[str], rounds: int) -> dict[tuple[str, str], float]:
    """Return the median seconds of function and derivative by peer; NumPy has no derivative."""
    data: list[Any] = list(MODULES[name].data(size).values())
    turns, threads = {}, physical_cores()
    for peer in peers:
        function, derivative = PEERS[peer][0](name, data)
        turns[peer, "function"] = repeated(function, threads)
        if peer != "NumPy":
            turns[peer, "derivative"] = repeated(derivative, threads)
    return {key: statistics.median(found) for key, found in interleaved(turns, rounds, threads).items()}


if __name__ == "__main__":
    main()
