"""Products of matrices on one core: generated code beside NumPy's BLAS and the processor's limit.

python -m benchmarks.products [--rounds 15]
"""

from __future__ import annotations

import argparse
import statistics

import numpy as np
from threadpoolctl import threadpool_limits

from wengert import trace
from wengert.benchmark.machine import describe_machine
from wengert.benchmark.tables import Table
from wengert.benchmark.turns import interleaved, repeated
from wengert.run.llvm import LLVMExecutor
from wengert.run.llvm.profile.machine_limits import machine_limits

SHAPES = [(32, 64, 32), (64, 784, 128), (128, 784, 512), (256, 256, 256), (512, 2048, 2048)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    print(", ".join(describe_machine().values()))
    with threadpool_limits(1, user_api="blas"):
        print(products(options.rounds).markdown())


def products(rounds: int) -> Table:
    """Return GFLOP/s of each product, float32."""
    limit = machine_limits(1).flops[4]
    rng = np.random.default_rng(0)
    rows = []
    for m, k, n in SHAPES:
        x, w = rng.random((m, k), np.float32), rng.random((k, n), np.float32)
        run = LLVMExecutor().compile(trace(lambda x, w: x @ w, x, w))
        found = interleaved(
            {
                "wengert": repeated(lambda x=x, w=w, run=run: run([x, w])),
                "BLAS": repeated(lambda x=x, w=w: x @ w),
            },
            rounds,
        )
        speeds = [2 * m * k * n / statistics.median(found[name]) for name in ("wengert", "BLAS")]
        cells = (*(f"{speed / 1e9:.0f}" for speed in speeds), f"{speeds[0] / limit:.0%}")
        rows.append((f"{m}×{k} · {k}×{n}", "float32", *cells))
    headers = ("product", "", "wengert", "BLAS", "of the limit")
    return Table(f"GFLOP/s on one core, whose limit is {limit / 1e9:.0f}", headers, rows)


if __name__ == "__main__":
    main()
