"""The objectives and their derivatives in each library: function and derivative as calls without arguments.

Each library computes in float64 with the same functions, and is used as its own manual advises: JAX compiles,
and loops over the text with `scan`; the Jacobian of the residuals, which is block-diagonal, is taken by two
reverse sweeps, one for each coordinate.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy
from benchmarks.adbench import bundle_adjustment, gmm, lstm

MODULES = {"GMM": gmm, "BA": bundle_adjustment, "LSTM": lstm}
VARIABLES = {"GMM": 3, "BA": 3, "LSTM": 2}  # so many arguments, the first, are differentiated by

Calls = tuple[Callable[[], Any], Callable[[], Any]]


def with_wengert(name: str, data: list[Any]) -> Calls:
    """Return function and derivative, compiled by `wg.compile`."""
    import wengert as wg

    function = partial(MODULES[name].objective)
    variables = tuple(range(VARIABLES[name]))
    if name == "BA":
        derivative = _two_sweeps(lambda one: wg.grad(one, argnums=variables), function, numpy)
    else:
        derivative = wg.grad(function, argnums=variables)
    run, slope = wg.compile(function), wg.compile(derivative)
    return lambda: run(*data), lambda: slope(*data)


def with_numpy(name: str, data: list[Any]) -> Calls:
    """Return the function alone."""
    return lambda: MODULES[name].objective(*data), lambda: None


def with_autograd(name: str, data: list[Any]) -> Calls:
    """Return function and derivative by autograd."""
    import autograd
    import autograd.numpy as anp

    function = partial(MODULES[name].objective, np=anp)
    variables = tuple(range(VARIABLES[name]))
    if name == "BA":
        derivative = _two_sweeps(lambda one: autograd.grad(one, variables), function, anp)
    else:
        derivative = autograd.grad(function, variables)
    return lambda: function(*data), lambda: derivative(*data)


def with_jax(name: str, data: list[Any]) -> Calls:
    """Return function and derivative under `jit`."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    arrays = [jnp.asarray(array) for array in data]
    variables = tuple(range(VARIABLES[name]))
    function = _scanned if name == "LSTM" else partial(MODULES[name].objective, np=jnp)
    if name == "BA":
        derivative = _two_sweeps(lambda one: jax.grad(one, variables), function, jnp)
    else:
        derivative = jax.grad(function, variables)
    run, slope = jax.jit(function), jax.jit(derivative)
    return (
        lambda: jax.block_until_ready(run(*arrays)),
        lambda: jax.block_until_ready(slope(*arrays)),
    )


def with_pytorch(name: str, data: list[Any]) -> Calls:
    """Return function and derivative, eager, with one thread or as many as there are cores."""
    import torch

    counts = (1, torch.get_num_threads())

    tensors = [torch.from_numpy(numpy.asarray(array)) for array in data]
    variables = [tensor.clone().requires_grad_() for tensor in tensors[: VARIABLES[name]]]
    rest = tensors[VARIABLES[name] :]
    function = partial(MODULES[name].objective, np=torch)

    def run() -> Any:
        with torch.no_grad():
            return function(*tensors)

    def slope() -> Any:
        outputs = function(*variables, *rest)
        if name != "BA":
            return torch.autograd.grad(outputs, variables)
        u, v = outputs
        return (
            *torch.autograd.grad(u.sum(), variables, retain_graph=True),
            *torch.autograd.grad(v.sum(), variables),
        )

    def with_best_threads(call: Callable[[], Any]) -> Callable[[], Any]:
        seconds = {}
        for count in counts:
            torch.set_num_threads(count)
            call()
            begin = time.perf_counter()
            call()
            seconds[count] = time.perf_counter() - begin
        best = min(seconds, key=seconds.__getitem__)

        def limited() -> Any:
            torch.set_num_threads(best)
            return call()

        return limited

    return with_best_threads(run), with_best_threads(slope)


PEERS = {
    "wengert": (with_wengert, "wengert"),
    "JAX": (with_jax, "jax"),
    "PyTorch": (with_pytorch, "torch"),
    "autograd": (with_autograd, "autograd"),
    "NumPy": (with_numpy, "numpy"),
}


def _two_sweeps(grad: Callable[[Any], Any], function: Callable[..., Any], np: Any) -> Callable[..., Any]:
    """Return the blocks of the Jacobian: the derivatives of the sum of each coordinate over all residuals."""

    def blocks(*arguments: Any) -> tuple[Any, ...]:
        first = grad(lambda *given: np.sum(function(*given)[0]))(*arguments)
        second = grad(lambda *given: np.sum(function(*given)[1]))(*arguments)
        return (*first, *second)

    return blocks


def _scanned(cells: Any, outer: Any, state: Any, text: Any) -> Any:
    """The LSTM with its loop over the text as a `scan`."""
    import jax
    import jax.numpy as jnp

    def step(hidden: Any, x: Any) -> Any:
        after = lstm.advance(cells, hidden, x, jnp)
        return after, after[-1][0]

    hidden = [(state[layer, 0], state[layer, 1]) for layer in range(len(state))]
    _, outputs = jax.lax.scan(step, hidden, text[:-1] * outer[0])
    return lstm.loss(outputs, outer, text, jnp)
