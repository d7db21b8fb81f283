"""What only a new process shows: the first call, what an import costs, the memory that training takes.

    python -m benchmarks.fresh_process [--rounds 5] [--only ABCDE]

The first call trains an epoch of two steps, once with an empty cache of machine code and once with the cache
that this left; what it imports, traces and compiles counts. Aims: 0.5 s and 0.1 s for A to E, 0.2 s for
`import wengert`, at most half the memory of PyTorch for D.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from wengert.benchmark.configurations import CONFIGURATIONS
from wengert.benchmark.peers import PEERS
from wengert.benchmark.tables import Table

FIRST_CALLS = ("wengert", "jax-loop", "pytorch")
MEMORY = ("wengert", "pytorch", "jax-loop", "scikit-learn")
HEAVY = ("polars", "rich", "sklearn", "scipy", "cyclopts")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="ABCDE")
    parser.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(*options.child)
        return
    for table in fresh_process(options.only, options.rounds):
        print(table.markdown())


def fresh_process(only: str, rounds: int) -> list[Table]:
    """Return the tables of first calls, memory and imports."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed package has its bytecode
    return [first_calls(only, rounds), memory(), imports(rounds)]


def child(job: str, peer: str, name: str, rule: str) -> None:
    """Measure in this process and print the figure."""
    configuration = CONFIGURATIONS[name]
    if job == "first":
        configuration = dataclasses.replace(configuration, steps=2)
    candidate = PEERS[peer].candidates(configuration, rule, 2)[0]
    begin = time.perf_counter()
    candidate.train(0 if job == "first" else 5)
    if job == "first":
        print(time.perf_counter() - begin)
    else:
        print(peak_kilobytes())


def peak_kilobytes() -> float:
    """Return the largest resident memory of this process.

    Not the one of `resource` where the system tells better: Linux counts in it what the parent had when it
    started this process.
    """
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        return float(next(line.split()[1] for line in lines if line.startswith("VmHWM")))
    except OSError:
        import resource  # not on Windows

        unit = 1024 if sys.platform == "darwin" else 1
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def in_child(job: str, peer: str, name: str, rule: str, cache: str) -> float:
    """Return the figure that a new process prints."""
    command = [sys.executable, __file__, "--child", job, peer, name, rule]
    environment = {**os.environ, "WENGERT_CACHE_DIR": cache}
    found = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return float(found.stdout.splitlines()[-1])


def installed(names: tuple[str, ...]) -> list[str]:
    return [name for name in names if PEERS[name].installed()]


def first_calls(only: str, rounds: int) -> Table:
    """Return the seconds of the first call, cold and from the cache."""
    rows = []
    for name in only:
        for rule in ("SGD", "Adam"):
            cold, warm = [], []
            for _ in range(rounds):
                with tempfile.TemporaryDirectory() as cache:
                    cold.append(in_child("first", "wengert", name, rule, cache))
                    warm.append(in_child("first", "wengert", name, rule, cache))
            others = [
                in_child("first", peer, name, rule, "")
                for peer in installed(FIRST_CALLS)
                if peer != "wengert"
            ]
            found = (statistics.median(cold), statistics.median(warm), *others)
            rows.append((name, rule, *(f"{seconds:.2f}" for seconds in found)))
    titles = [PEERS[peer].title for peer in installed(FIRST_CALLS) if peer != "wengert"]
    headers = ("network", "update", "wengert, cold", "wengert, from the cache", *titles)
    return Table("First call in a new process, seconds", headers, rows)


def memory() -> Table:
    """Return the largest resident memory of processes that train D."""
    rows = []
    for peer in installed(MEMORY):
        with tempfile.TemporaryDirectory() as cache:
            found = [in_child("memory", peer, "D", rule, cache) / 1024 for rule in ("SGD", "Adam")]
        rows.append((PEERS[peer].title, "D", *(f"{megabytes:.0f}" for megabytes in found)))
    return Table("Largest resident memory of training, MB", ("", "network", "SGD", "Adam"), rows)


def imports(rounds: int) -> Table:
    """Return what imports take beyond an empty interpreter, and what heavy packages they bring in."""
    statements = ["pass", "import numpy", "import wengert", "import wengert.train"]
    times: dict[str, list[float]] = {statement: [] for statement in statements}
    for _ in range(3 * rounds):
        for statement in statements:
            begin = time.perf_counter()
            subprocess.run([sys.executable, "-c", statement], check=True)
            times[statement].append(time.perf_counter() - begin)
    empty = statistics.median(times["pass"])
    rows = []
    for statement in statements[1:]:
        check = f"{statement}; import sys; print(*[name for name in {HEAVY} if name in sys.modules])"
        found = subprocess.run([sys.executable, "-c", check], check=True, capture_output=True, text=True)
        brings = found.stdout.strip() or "none"
        rows.append((statement, brings, f"{statistics.median(times[statement]) - empty:.3f}"))
    return Table("Imports", ("", f"brings in, of {', '.join(HEAVY)}", "seconds"), rows)


if __name__ == "__main__":
    main()
