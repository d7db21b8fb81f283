"""An LSTM as one loop: the time until its gradient can be run, and what a run takes.

    python -m benchmarks.loops [--lengths 20,400,100000] [--rounds 10]

ADBench's LSTM with `wg.scan`, as a Python ``for`` that is rolled or stays written out (up to 400 characters),
and with JAX's `lax.scan` where JAX is installed, in float64. The peers take turns of some 20 ms, each begun
by a call that does not count, and the best of the rounds counts, by the processor time of the process, since
JAX computes in threads of its own. Then a pendulum of 10⁶ steps within budgets of memory.
"""

from __future__ import annotations

import argparse
import functools
import importlib.util
import time
from collections.abc import Callable
from typing import Any

import numpy
from benchmarks.adbench import lstm

import wengert as wg
from wengert.benchmark.turns import interleaved, repeated

LONGEST_WRITTEN_OUT = 400
STEPS = 1_000_000
BUDGETS = (None, "10 MB", "1 MB", "200 kB", "50 kB")


def folded(cells: Any, outer: Any, state: Any, text: Any, np: Any = numpy, scan: Any = None) -> Any:
    """Return what `lstm.objective` gives, with one loop over the characters."""
    layers = range(len(state))

    def step(hidden: Any, x: Any) -> Any:
        after = tuple(lstm.advance(cells, list(hidden), x, np))
        return after, after[-1][0]

    hidden = tuple((state[layer, 0], state[layer, 1]) for layer in layers)
    _, outputs = (scan or wg.scan)(step, hidden, text[:-1] * outer[0])
    return lstm.loss(outputs, outer, text, np)


def data(length: int) -> list[Any]:
    """Return parameters, first state and a text of this length."""
    given = lstm.data("tiny")
    rng = numpy.random.default_rng(1)
    given["text"] = numpy.eye(lstm.ALPHABET)[rng.integers(0, lstm.ALPHABET, length)]
    return list(given.values())


def peers(length: int) -> dict[str, tuple[Callable[..., Any], Callable[..., Any]]]:
    """Return the function, and its value and gradient, of each peer."""
    found = {
        "wg.scan": (wg.compile(folded), wg.compile(wg.value_and_grad(folded, (0, 1)))),
    }
    if length <= LONGEST_WRITTEN_OUT:
        gradient = wg.value_and_grad(lstm.objective, (0, 1))
        found["for, rolled"] = (wg.compile(lstm.objective), wg.compile(gradient))
        found["written out"] = (_unrolled(wg.compile(lstm.objective)), _unrolled(wg.compile(gradient)))
    if importlib.util.find_spec("jax"):
        import jax

        jax.config.update("jax_enable_x64", True)
        theirs = functools.partial(folded, np=jax.numpy, scan=jax.lax.scan)
        found["jax"] = (_waiting(jax.jit(theirs)), _waiting(jax.jit(jax.value_and_grad(theirs, (0, 1)))))
    return found


def _unrolled(function: Callable[..., Any]) -> Callable[..., Any]:
    def called(*args: Any) -> Any:
        with wg.rolling(False):
            return function(*args)

    return called


def _waiting(function: Callable[..., Any]) -> Callable[..., Any]:
    import jax

    return lambda *args: jax.block_until_ready(function(*args))


def measured(function: Callable[..., Any], args: list[Any]) -> tuple[float, Any]:
    """Return the seconds that a call takes, and its result."""
    start = time.perf_counter()
    result = function(*args)
    return time.perf_counter() - start, result


def pendulum(start: Any) -> Any:
    """Return a number of the last state of a pendulum, by Euler's symplectic method."""

    def step(state: Any, _: Any) -> Any:
        angle, speed = state
        speed = speed - 1e-3 * numpy.sin(angle)
        return (angle + 1e-3 * speed, speed), None

    (angle, speed), _ = wg.scan(step, (start[0], start[1]), length=STEPS)
    return angle**2 + speed


def within_budgets(rounds: int) -> None:
    """Print how long value and gradient of the pendulum take within each budget; all have the same bits."""
    start = numpy.array([1.0, 0.1])
    compiled = {one: wg.compile(wg.value_and_grad(pendulum, memory=one)) for one in BUDGETS}
    found = {one: numpy.hstack(function(start)) for one, function in compiled.items()}
    least = dict.fromkeys(BUDGETS, numpy.inf)
    for _ in range(rounds):
        for one, function in compiled.items():
            begin = time.thread_time()
            function(start)
            least[one] = min(least[one], time.thread_time() - begin)
    print(f"\na pendulum of {STEPS:,} steps: budget | value and gradient ms | in relation to no budget")
    for one in BUDGETS:
        assert numpy.array_equal(found[one], found[None])
        print(f"{one or 'none':12} {1e3 * least[one]:10.1f} {least[one] / least[None]:8.2f}")


def main() -> None:
    """Print a table for each length."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--lengths", default="20,400,100000")
    parser.add_argument("--rounds", type=int, default=10)
    options = parser.parse_args()
    for length in map(int, options.lengths.split(",")):
        args, first, values = data(length), {}, {}
        found = peers(length)
        for name, (_, gradient) in found.items():
            first[name], values[name] = measured(gradient, args)
        turns = {
            (name, place): repeated(functools.partial(one, *args))
            for name, pair in found.items()
            for place, one in enumerate(pair)
        }
        times = {key: min(seconds) for key, seconds in interleaved(turns, options.rounds).items()}
        print(f"\n{length} characters: first gradient s | value ms | value and gradient ms | their ratio")
        for name in found:
            value, both = times[name, 0], times[name, 1]
            print(f"{name:12} {first[name]:8.2f} {1e3 * value:10.3f} {1e3 * both:10.3f} {both / value:8.2f}")
            numpy.testing.assert_allclose(values[name][0], values["wg.scan"][0], rtol=1e-12)
    within_budgets(options.rounds)


if __name__ == "__main__":
    main()
