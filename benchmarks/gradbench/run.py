"""The twelve problems of GradBench: right by a second method, and the time of the derivative beside others'.

    python -m benchmarks.gradbench.run [--rounds 5] [--only ode,ht]

The second method is the complex step along a random direction; the formula on paper for kmeans, whose
minimum complex numbers do not have, and a difference for the particle, whose loop ends by a comparison. The
times are of the processor, all threads of the process together, the libraries in turns, each used as its
manual advises: JAX under ``jit``, PyTorch and autograd eager. A dash: the library cannot, as for a gradient
through a loop without bound.
"""

from __future__ import annotations

import argparse
import importlib.util
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy
from benchmarks.adbench import bundle_adjustment, gmm, lstm, peers
from benchmarks.gradbench import hand, problems

import wengert as wg

Call = Callable[[], Any]

SMALL = ("hello", "lse", "llsq", "det", "kmeans", "ode", "particle", "saddle")
FROM_ADBENCH = {"ba": bundle_adjustment, "gmm": gmm, "lstm": lstm}
ALL = ("ba", "det", "gmm", "hello", "ht", "kmeans", "llsq", "lse", "lstm", "ode", "particle", "saddle")
ONE_ONLY = {"particle": "wg.while_loop has no counterpart that is differentiated in reverse"}


def problem(name: str) -> tuple[Callable[..., Any], list[Any]]:
    """Return the objective and its arguments; the derivative is by the first."""
    if name in SMALL:
        return getattr(problems, name), getattr(problems, f"{name}_data")()
    if name == "ht":
        return hand.objective, hand.data()
    module = FROM_ADBENCH[name]
    data = list(module.data("small").values())
    if name == "ba":
        return _residuals, data
    return module.objective, data


def _residuals(cameras: Any, points: Any, weights: Any, seen: Any, np: Any = numpy) -> Any:
    """½ Σ of the squared residuals of ba."""
    u, v = bundle_adjustment.objective(cameras, points, weights, seen, np)
    return 0.5 * (np.sum(u * u) + np.sum(v * v))


def is_vector(name: str) -> bool:
    """Whether the derivative is a Jacobian, with fewer columns than rows."""
    return name == "ht"


def check(name: str) -> float:
    """Return how far the derivative along a direction is from that of a second method, relative to it."""
    function, (x, *rest) = problem(name)
    along = numpy.random.default_rng(1).normal(size=numpy.shape(x))
    derivative = (wg.jacobian if is_vector(name) else wg.grad)(function)(x, *rest)
    got = derivative @ along if is_vector(name) else numpy.sum(derivative * along)
    if name == "kmeans":
        wanted = numpy.sum(_by_centres(x, *rest) * along)
    elif name == "particle":
        wanted = _difference(function, x, along)
    else:
        wanted = numpy.imag(function(x + 1e-30j * along, *rest)) / 1e-30
    return float(numpy.max(abs(got - wanted)) / numpy.max(abs(wanted)))


def _by_centres(centres: Any, points: Any) -> Any:
    """Return 2 Σ (c − x) over the points x that are nearest to each centre c."""
    apart = centres[None, :, :] - points[:, None, :]
    nearest = numpy.argmin(numpy.sum(apart**2, axis=2), axis=1)
    rows = numpy.arange(len(points))
    found = numpy.zeros_like(centres)
    numpy.add.at(found, nearest, 2 * apart[rows, nearest])
    return found


def _difference(function: Callable[..., Any], x: Any, along: Any, step: float = 1e-5) -> Any:
    """Return a difference of the sixth order, so close that the number of turns is the same."""
    terms = [
        weight * (function(x + k * step * along) - function(x - k * step * along))
        for k, weight in ((1, 45), (2, -9), (3, 1))
    ]
    return sum(terms) / (60 * step)


def calls(name: str) -> dict[str, Call]:
    """Return the derivative as a call of each library that can."""
    function, data = problem(name)
    found: dict[str, Call] = {}
    ours = wg.compile((wg.jacobian if is_vector(name) else wg.grad)(function))
    found["wengert"] = lambda: ours(*data)
    if name in ONE_ONLY:
        return found
    if importlib.util.find_spec("jax"):
        found["JAX"] = _jax(name, function, data)
    if importlib.util.find_spec("torch"):
        found["PyTorch"] = _torch(name, function, data)
    if importlib.util.find_spec("autograd"):
        import autograd
        import autograd.numpy as anp

        slope = (autograd.jacobian if is_vector(name) else autograd.grad)(partial(function, np=anp))
        found["autograd"] = lambda: slope(*data)
    return found


def _jax(name: str, function: Callable[..., Any], data: list[Any]) -> Call:
    import jax

    jax.config.update("jax_enable_x64", True)
    arrays = [jax.numpy.asarray(one) for one in data]
    theirs = peers._scanned if name == "lstm" else partial(function, np=jax.numpy)
    slope = jax.jit((jax.jacfwd if is_vector(name) else jax.grad)(theirs))
    return lambda: jax.block_until_ready(slope(*arrays))


def _torch(name: str, function: Callable[..., Any], data: list[Any]) -> Call:
    import torch

    tensors = [torch.from_numpy(numpy.asarray(one)) for one in data]
    theirs = partial(function, np=torch)

    def slope() -> Any:
        if is_vector(name):
            return torch.func.jacfwd(theirs)(*tensors)
        x = tensors[0].clone().requires_grad_()
        return torch.autograd.grad(theirs(x, *tensors[1:]), x)[0]

    return slope


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default=",".join(ALL))
    options = parser.parse_args()
    libraries = ("wengert", "JAX", "PyTorch", "autograd")
    print("| problem | error | " + " | ".join(f"{one} ms" for one in libraries) + " |")
    print("|---|---|" + "---|" * len(libraries))
    for name in options.only.split(","):
        error, found = check(name), {}
        for library, call in calls(name).items():
            try:
                call()
                found[library] = call
            except (TypeError, AttributeError, NotImplementedError, ValueError, RuntimeError):
                continue  # a dash: the library lacks a function or an argument of it
        times = measured(found, options.rounds)
        cells = [f"{1e3 * times[one]:.3f}" if one in times else "–" for one in libraries]
        print(f"| {name} | {error:.0e} | {' | '.join(cells)} |", flush=True)


def measured(found: dict[str, Call], rounds: int) -> dict[str, float]:
    """Return the median processor seconds of a call of each, in turns."""
    times: dict[str, list[float]] = {library: [] for library in found}
    for _ in range(rounds):
        for library, call in found.items():
            begin, count = time.process_time(), 0
            while time.process_time() - begin < 0.05:
                call()
                count += 1
            times[library].append((time.process_time() - begin) / count)
    return {library: statistics.median(some) for library, some in times.items()}


if __name__ == "__main__":
    main()
