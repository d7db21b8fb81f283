"""What `import wengert` costs, and that it does not bring in what only some uses need.

    python benchmarks/import_time.py [--rounds 15]

Each measurement is a new interpreter. The aim is less than 0.2 s.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

from measurement import machine

HEAVY = ("polars", "rich", "sklearn", "scipy", "cyclopts")


def seconds(statement: str) -> float:
    """Return how long a new interpreter takes with a statement."""
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True)
    return time.perf_counter() - begin


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    statements = ["pass", "import numpy", "import wengert", "import wengert.train"]
    times: dict[str, list[float]] = {statement: [] for statement in statements}
    for _ in range(options.rounds):
        for statement in statements:
            times[statement].append(seconds(statement))
    print(machine())
    empty = statistics.median(times["pass"])
    for statement in statements[1:]:
        print(f"  {statement:24s} {statistics.median(times[statement]) - empty:.3f} s")
    for statement in statements[2:]:
        check = f"{statement}; import sys; print(*[name for name in {HEAVY} if name in sys.modules])"
        found = subprocess.run(
            [sys.executable, "-c", check], check=True, capture_output=True, text=True
        ).stdout
        print(f"  {statement} brings in: {found.strip() or 'none'} of {', '.join(HEAVY)}")


if __name__ == "__main__":
    main()
