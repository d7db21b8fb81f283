"""What an eager derivative costs, `wg.grad(f)(x)` in a loop, against HIPS/autograd's.

    python benchmarks/eager.py

Needs ``pip install autograd``. Both run in this process by turns; times are processor time of the thread, the
best of some rounds, in microseconds a call.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import autograd
import autograd.numpy as anp
import numpy as np

import wengert as wg

ROUNDS = 7
rng = np.random.default_rng(0)
OBSERVED = np.cumsum(rng.normal(size=40)) + rng.normal(size=40)
ROWS, TARGETS = rng.normal(size=(16, 4)), np.eye(3)[rng.integers(0, 3, 16)]


def waves(np: Any) -> Callable[..., Any]:
    """The README's function of one number."""
    return lambda x: np.cos(np.sin(x**2) + 3 * x**2)


def network(np: Any) -> Callable[..., Any]:
    """The README's loss of a network with one hidden layer."""

    def loss(W1: Any, b1: Any, W2: Any, b2: Any) -> Any:
        hidden = np.tanh(np.dot(ROWS, W1) + b1)
        scores = np.exp(np.dot(hidden, W2) + b2)
        return -np.mean(np.sum(TARGETS * np.log(scores / np.sum(scores, axis=1, keepdims=True)), axis=1))

    return loss


def kalman(np: Any) -> Callable[..., Any]:
    """The log-likelihood of a scalar Kalman filter over 40 observations."""

    def log_likelihood(p: Any) -> Any:
        process, noise = np.exp(p[0]), np.exp(p[1])
        mean, variance, total = 0.0, 10.0, 0.0
        for y in OBSERVED:
            variance = variance + process
            spread = variance + noise
            gain = variance / spread
            surprise = y - mean
            mean = mean + gain * surprise
            variance = (1 - gain) * variance
            total = total - 0.5 * (np.log(2 * np.pi * spread) + surprise * surprise / spread)
        return total

    return log_likelihood


def best(call: Callable[[], Any], times: int) -> float:
    """Return the microseconds of one call, in one round."""
    begun = time.thread_time()
    for _ in range(times):
        call()
    return (time.thread_time() - begun) / times * 1e6


WEIGHTS = (rng.normal(size=(4, 8)), np.zeros(8), rng.normal(size=(8, 3)), np.zeros(3))
CASES: dict[str, tuple[Callable[..., Any], tuple[Any, ...], Any, int]] = {
    "README, one number": (waves, (0.7,), 0, 100),
    "README, network": (network, WEIGHTS, (0, 1, 2, 3), 50),
    "Kalman filter": (kalman, (np.array([0.1, 0.2]),), 0, 5),
}


def main() -> None:
    """Print a line for each function."""
    print(f"{'function':<20} {'wengert':>9} {'autograd':>9}  ratio   (microseconds a call)")
    for name, (maker, arguments, argnums, times) in CASES.items():
        mine, theirs = maker(np), maker(anp)
        by_wengert = lambda: wg.grad(mine, argnums)(*arguments)  # noqa: B023, E731 - called in this turn
        by_autograd = lambda: autograd.grad(theirs, argnums)(*arguments)  # noqa: B023, E731
        rounds = [(best(by_wengert, times), best(by_autograd, times)) for _ in range(ROUNDS)]
        ours, other = (min(one) for one in zip(*rounds, strict=True))
        print(f"{name:<20} {ours:>9.0f} {other:>9.0f}  {ours / other:.2f}")


if __name__ == "__main__":
    main()
