"""Products of matrices on one core: generated code beside two BLAS and the processor's limit.

python -m benchmarks.products [--rounds 25] [--bits 512] > benchmarks/results/products.md

NumPy's BLAS and, where it is installed, PyTorch's, in turns of some 20 ms, by processor time. With fewer bits
than the registers have, code is made as for a processor with such registers.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from wengert import trace
from wengert.benchmark.machine import describe_machine
from wengert.benchmark.tables import Table
from wengert.benchmark.turns import Spread, interleaved, ratio, repeated
from wengert.run.llvm import LLVMExecutor
from wengert.run.llvm.profile.machine_limits import machine_limits
from wengert.run.llvm.runtime.target import Target, host_target

SHAPES = [
    (64, 784, 128), (128, 784, 512), (128, 512, 512), (784, 128, 512),
    (256, 256, 256), (512, 784, 2048), (784, 512, 2048),
]  # fmt: skip
# As the forward pass, the gradient of the weights and that of the inputs have it.
FORMS: dict[str, Callable[[Any, Any], Any]] = {
    "A·B": lambda a, b: a @ b,
    "Aᵀ·B": lambda a, b: a.T @ b,
    "A·Bᵀ": lambda a, b: a @ b.T,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--bits", type=int, default=8 * host_target().vector_bytes)
    options = parser.parse_args()
    print(", ".join([*describe_machine().values(), f"registers of {options.bits} bits"]))
    target = dataclasses.replace(host_target(), vector_bytes=options.bits // 8)
    with threadpool_limits(1, user_api="blas"):
        print(products(target, options.rounds).markdown())


def products(target: Target, rounds: int) -> Table:
    """Return GFLOP/s of each product, float32."""
    limit = machine_limits(1).flops[4]
    rows = []
    for form, function in FORMS.items():
        for m, k, n in SHAPES:
            found = measured(function, form, (m, k, n), target, rounds)
            flops = 2e-9 * m * k * n
            cells = [cell(Spread.of(seconds), flops) for seconds in found.values()]
            ours = Spread.of(found["wengert"])
            fastest = min((name for name in found if name != "wengert"), key=lambda one: min(found[one]))
            beside = ratio(found[fastest], found["wengert"])
            share = "noise" if beside.is_noise else f"{beside.median:.2f} ± {beside.range / 2:.2f}"
            of_least = f"{min(found[fastest]) / ours.minimum:.2f}"
            rows.append(
                (f"{m}×{k}×{n}", form, *cells, share, of_least, f"{flops / ours.minimum * 1e9 / limit:.0%}")
            )
    headers = ("product", "", *found, "beside the faster", "of the least times", "of the limit")
    title = f"GFLOP/s on one core, median (best) of {rounds} rounds; the limit is {limit / 1e9:.0f}"
    return Table(title, headers, rows)


def cell(spread: Spread, flops: float) -> str:
    """Return the speeds in short."""
    return f"{flops / spread.median:.0f} ({flops / spread.minimum:.0f})"


def measured(
    function: Callable[[Any, Any], Any], form: str, sizes: tuple[int, int, int], target: Target, rounds: int
) -> dict[str, list[float]]:
    """Return the seconds of a product in each round, by library."""
    m, k, n = sizes
    rng = np.random.default_rng(0)
    a = rng.random((k, m) if form.startswith("Aᵀ") else (m, k), np.float32)
    b = rng.random((n, k) if form.endswith("Bᵀ") else (k, n), np.float32)
    run = LLVMExecutor(target, threads=1).compile(trace(function, a, b))
    np.testing.assert_allclose(run([a, b])[0], function(a, b), rtol=1e-4)
    turns = {"wengert": repeated(lambda: run([a, b])), "NumPy's BLAS": repeated(lambda: function(a, b))}
    if importlib.util.find_spec("torch"):
        import torch

        torch.set_num_threads(1)
        x, y = torch.from_numpy(a), torch.from_numpy(b)
        turns["PyTorch"] = repeated(lambda: function(x, y))
    return interleaved(turns, rounds)


if __name__ == "__main__":
    main()
