"""Tracing and differentiating: a network of 100 layers, and a chain of operations.

    python -m benchmarks.tracing [--rounds 15] [--operations 20000]

The aim for the network is less than 0.1 s for the gradient as a program. Processor time, since all of it is
Python's on one core.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import wengert as wg
from wengert.benchmark.machine import describe_machine
from wengert.run import NumpyExecutor
from wengert.transform.gradient import gradient

LAYERS, WIDTH, ROWS = 100, 8, 4


def network(x: Any, *weights: Any) -> Any:
    for weight in weights:
        x = np.tanh(x @ weight)
    return np.sum(np.square(x))


def chain(operations: int) -> Callable[[Any, Any], Any]:
    def function(x: Any, y: Any) -> Any:
        for _ in range(operations // 2):
            x = np.sin(x) * y
        return np.sum(x)

    return function


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--operations", type=int, default=20_000)
    options = parser.parse_args()
    print(", ".join(describe_machine().values()))
    # New values each time: nodes are shared, and a program traced before would be found again.
    rng = np.random.default_rng(0)
    show(
        "network of 100 layers, ms",
        options.rounds,
        1e3,
        network,
        lambda: [np.ones((ROWS, WIDTH)), *(rng.normal(size=(WIDTH, WIDTH)) for _ in range(LAYERS))],
    )
    show(
        f"chain of {options.operations} operations, µs an operation",
        max(1, options.rounds // 5),
        1e6 / options.operations,
        chain(options.operations),
        lambda: [rng.normal(size=3), rng.normal(size=3)],
    )


def show(
    title: str, rounds: int, scale: float, function: Callable[..., Any], draw: Callable[[], list[Any]]
) -> None:
    """Print the medians of each stage."""
    stages: dict[str, list[float]] = {}

    def timed(name: str, call: Callable[..., Any], *arguments: Any) -> Any:
        begin = time.process_time()
        result = call(*arguments)
        stages.setdefault(name, []).append(time.process_time() - begin)
        return result

    for _ in range(rounds):
        program = timed("trace", wg.trace, function, *draw())
        derivative = timed("differentiate", gradient, program)
        derivative = timed("simplify", wg.simplify, derivative)
        timed("verify", wg.verify, derivative)
        timed("compile for NumPy", NumpyExecutor().compile, derivative)
    print(f"{title}; {len(derivative.lines)} lines")
    for name, seconds in stages.items():
        print(f"  {name:20s} {statistics.median(seconds) * scale:7.1f}")
    both = [first + second for first, second in zip(stages["trace"], stages["differentiate"], strict=True)]
    print(f"  trace, differentiate {statistics.median(both) * scale:7.1f}")


if __name__ == "__main__":
    main()
