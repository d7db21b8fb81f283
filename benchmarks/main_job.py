"""The main job: `wengert train` on the table of handwritten digits, as a user runs it.

    python -m benchmarks.main_job [--rounds 3]

The aims are 20 s on two cores, and a held-out accuracy of at least 0.97.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from wengert.benchmark.machine import describe_machine

TABLE = Path(__file__).parent.parent / "examples" / "digits.csv"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    seconds = []
    for seed in range(options.rounds):
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "wengert", "train", str(TABLE), "--target", "digit"]
            command += ["--seed", str(seed), "--out", str(Path(folder) / "model"), "--json"]
            begin = time.perf_counter()
            output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            seconds.append(time.perf_counter() - begin)
        print(f"  seed {seed}: {seconds[-1]:.1f} s, accuracy {json.loads(output)['scores']['accuracy']:.4f}")
    print(", ".join(describe_machine().values()))
    print(f"  median {statistics.median(seconds):.1f} s")


if __name__ == "__main__":
    main()
