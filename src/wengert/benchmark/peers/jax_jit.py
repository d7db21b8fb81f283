"""JAX: the step under `jit` with the parameters donated, and the whole epoch in one `jit`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from wengert.benchmark.candidate import SEED, Candidate, Training, seconds_of
from wengert.benchmark.configurations import ADAM_RATE, SGD_RATE, Configuration
from wengert.train.steps.batches import row_order

Step = Callable[[Any, Any, Any], Any]


def step_candidates(configuration: Configuration, rule: str, threads: int) -> list[Candidate]:
    """Return training with one call a step."""
    configuration = configuration.shortened()
    step = _step(configuration, rule)

    @partial(jax.jit, donate_argnums=0)
    def one(moving: Any, features: Any, targets: Any, order: Any) -> Any:
        # The position is carried along, so that no number goes from Python to the device in a step.
        carry, first = moving
        places = jax.lax.dynamic_slice_in_dim(order, first, configuration.batch)
        return step(carry, features[places], targets[places]), first + configuration.batch

    def epoch(carry: Any, features: Any, targets: Any, order: Any) -> Any:
        moving = (carry, jnp.zeros((), jnp.int32))
        for _ in range(configuration.steps):
            moving = one(moving, features, targets, order)
        return moving[0]

    return [Candidate("jit of the step, donated", _training(configuration, rule, epoch, threads))]


def loop_candidates(configuration: Configuration, rule: str, threads: int) -> list[Candidate]:
    """Return training with one call an epoch, rows gathered batch by batch or all at once."""
    return [
        Candidate(
            f"jit of the epoch, {gather}, donated",
            _training(configuration, rule, _scanned(configuration, rule, gather == "gather a step"), threads),
        )
        for gather in ("gather a step", "gather an epoch")
    ]


def _scanned(configuration: Configuration, rule: str, by_step: bool) -> Callable[..., Any]:
    return scanned_epoch(_step(configuration, rule), (configuration.steps, configuration.batch), by_step)


def scanned_epoch(step: Step, shape: tuple[int, int], by_step: bool) -> Callable[..., Any]:
    """Return an epoch as one call that takes over the memory of the carry.

    Parameters
    ----------
    step : callable
        (carry, features, targets) → carry.
    shape : (int, int)
        Steps, and rows in each.
    by_step : bool
        Whether each step gathers its rows, or all are gathered before.
    """

    def epoch(carry: Any, features: Any, targets: Any, order: Any) -> Any:
        if by_step:
            return jax.lax.scan(
                lambda now, places: (step(now, features[places], targets[places]), None),
                carry,
                order.reshape(shape),
            )[0]
        batches = features[order].reshape(*shape, -1), targets[order].reshape(*shape, *targets.shape[1:])
        return jax.lax.scan(lambda now, batch: (step(now, *batch), None), carry, batches)[0]

    compiled: Callable[..., Any] = jax.jit(epoch, donate_argnums=0)
    return compiled


def _training(
    configuration: Configuration, rule: str, take: Callable[..., Any], threads: int
) -> Callable[[int], Training]:
    features, classes = configuration.data()
    x = jnp.asarray(features)
    y = (
        jnp.asarray(classes[:, None], jnp.float32)
        if configuration.binary
        else jnp.asarray(classes, jnp.int32)
    )

    def run(epochs: int) -> Training:
        carry = _start(configuration, rule)

        def epoch(number: int) -> None:
            nonlocal carry
            order = jnp.asarray(row_order(SEED, number, configuration.rows).astype(np.int32))
            carry = take(carry, x, y, order)

        seconds = seconds_of(epoch, epochs, threads, wait=lambda: jax.block_until_ready(carry))
        parameters = [np.array(array) for layer in carry[0] for array in layer]
        return Training(seconds, epochs * configuration.steps, parameters)

    return run


def _start(configuration: Configuration, rule: str) -> Any:
    layers = [(jnp.asarray(weight), jnp.asarray(bias)) for weight, bias in configuration.initial()]
    if rule == "SGD":
        return (layers,)
    zeros = [jax.tree.map(jnp.zeros_like, layers) for _ in range(2)]
    return layers, zeros[0], zeros[1], jnp.zeros((), jnp.int32)


def _step(configuration: Configuration, rule: str) -> Step:
    gradient = jax.grad(partial(_loss, configuration))

    def sgd(carry: Any, x: Any, y: Any) -> Any:
        (layers,) = carry
        return (jax.tree.map(lambda w, g: w - SGD_RATE * g, layers, gradient(layers, x, y)),)

    return adam_step(gradient) if rule == "Adam" else sgd


def adam_step(gradient: Callable[..., Any]) -> Step:
    """Return a step by Adam; its carry is parameters, both moments, and the number of steps taken."""

    def adam(carry: Any, x: Any, y: Any) -> Any:
        layers, mean, square, count = carry
        g = gradient(layers, x, y)
        count = count + 1
        mean = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, mean, g)
        square = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, square, g)
        size = ADAM_RATE / (1 - 0.9**count)
        spread = jnp.sqrt(1 - 0.999**count)
        layers = jax.tree.map(
            lambda w, m, v: w - size * m / (jnp.sqrt(v) / spread + 1e-8), layers, mean, square
        )
        return layers, mean, square, count

    return adam


def _loss(configuration: Configuration, layers: Any, x: Any, y: Any) -> Any:
    for weight, bias in layers[:-1]:
        z = x @ weight + bias
        x = jax.nn.sigmoid(z) if configuration.activation == "sigmoid" else jax.nn.relu(z)
    weight, bias = layers[-1]
    z = x @ weight + bias
    if configuration.binary:
        return jnp.mean(jax.nn.softplus(z) - y * z)
    of_class = jnp.take_along_axis(z, y[:, None], axis=1)[:, 0]
    return jnp.mean(jax.nn.logsumexp(z, axis=1) - of_class)
