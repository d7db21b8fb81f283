"""The marginal likelihood of a Gaussian process and its gradient, compiled, beside JAX.

    python -m benchmarks.gaussian_process [POINTS]

Needs ``pip install jax``. Both run in this process by turns, on one core each; processor time of the process,
since JAX computes in threads of its own.
"""

from __future__ import annotations

import os

# Before JAX and NumPy are imported.
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import jax.scipy.linalg
import numpy as np
import scipy.linalg

import wengert as wg

TURNS = 200


def surprise(np: Any, solve_triangular: Callable[..., Any], x: Any, y: Any) -> Callable[[Any], Any]:
    """Return the negative logarithm of the likelihood by (log amplitude, log length, log noise)."""

    def function(p: Any) -> Any:
        distance = (x[:, None] - x) ** 2 / np.exp(2 * p[1])
        covariance = np.exp(p[0]) * np.exp(-0.5 * distance) + np.exp(p[2]) * np.eye(len(x))
        factor = np.linalg.cholesky(covariance)
        whitened = solve_triangular(factor, y, lower=True)
        return 0.5 * whitened @ whitened + np.sum(np.log(np.diag(factor))) + len(x) / 2 * np.log(2 * np.pi)

    return function


def main() -> None:
    """Print the times of both, and whether they agree."""
    jax.config.update("jax_enable_x64", True)
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    rng = np.random.default_rng(0)
    x = np.sort(rng.uniform(0, 10, count))
    y = np.sin(x) + 0.2 * rng.normal(size=count)
    p = np.array([0.1, 0.2, -2.0])
    ours = wg.compile(wg.value_and_grad(surprise(np, scipy.linalg.solve_triangular, x, y)))
    theirs = jax.jit(jax.value_and_grad(surprise(jnp, jax.scipy.linalg.solve_triangular, x, y)))
    calls = {"wengert": lambda: ours(p), "JAX": lambda: jax.block_until_ready(theirs(p))}
    for got, wanted in zip(ours(p), theirs(p), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-7)
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(TURNS):
        for name, call in calls.items():
            begun = time.process_time()
            call()
            times[name].append(time.process_time() - begun)
    for name, taken in times.items():
        print(f"{name:<8} {1e3 * min(taken):.2f} ms at best, {1e3 * statistics.median(taken):.2f} ms median")


if __name__ == "__main__":
    main()
