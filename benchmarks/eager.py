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

Case = tuple[Callable[[], Any], Callable[[], Any], int]


def cases() -> dict[str, Case]:
    """Return for each name what wengert and what autograd does, and how often in a round."""
    ours, theirs = waves(np), waves(anp)
    nets, filters = (network(np), network(anp)), (kalman(np), kalman(anp))
    pair, triple, rates = np.array([3.0, 5.0]), np.array([1.0, 2.0, 3.0]), np.array([0.1, 0.2])

    def square(z: Any) -> Any:
        return z**2

    def cubic(x: Any) -> Any:
        return x[0] ** 2 * x[1]

    every = (0, 1, 2, 3)
    return {
        "grad": (lambda: wg.grad(ours)(0.7), lambda: autograd.grad(theirs)(0.7), 100),
        "grad of grad": (
            lambda: wg.grad(wg.grad(ours))(0.7),
            lambda: autograd.grad(autograd.grad(theirs))(0.7),
            50,
        ),
        "jacobian": (lambda: wg.jacobian(square)(triple), lambda: autograd.jacobian(square)(triple), 50),
        "hessian": (lambda: wg.hessian(cubic)(pair), lambda: autograd.hessian(cubic)(pair), 20),
        "hvp": (
            lambda: wg.hvp(ours, (0.7,), 1.0),
            lambda: autograd.hessian_vector_product(theirs)(0.7, 1.0),
            20,
        ),
        "vjp": (lambda: wg.vjp(ours, 0.7)[1](1.0), lambda: autograd.make_vjp(theirs)(0.7)[0](1.0), 50),
        "jvp": (lambda: wg.jvp(ours, (0.7,), (1.0,)), lambda: autograd.make_jvp(theirs)(0.7)(1.0), 50),
        "network": (
            lambda: wg.grad(nets[0], every)(*WEIGHTS),
            lambda: autograd.grad(nets[1], every)(*WEIGHTS),
            20,
        ),
        "Kalman filter": (
            lambda: wg.grad(filters[0])(rates),
            lambda: autograd.grad(filters[1])(rates),
            5,
        ),
    }


def main() -> None:
    """Print a line for each function."""
    print(f"{'derivative':<15} {'wengert':>9} {'autograd':>9}  ratio   (microseconds a call)")
    for name, (by_wengert, by_autograd, times) in cases().items():
        rounds = [(best(by_wengert, times), best(by_autograd, times)) for _ in range(ROUNDS)]
        ours, theirs = (min(one) for one in zip(*rounds, strict=True))
        print(f"{name:<15} {ours:>9.0f} {theirs:>9.0f}  {ours / theirs:.2f}")


if __name__ == "__main__":
    main()
