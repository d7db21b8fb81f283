"""wengert itself, through `train.fit`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from wengert import nn, optim, train
from wengert.benchmark.candidate import SEED, Candidate, Training
from wengert.benchmark.configurations import ADAM_RATE, SGD_RATE, Configuration
from wengert.benchmark.turns import clock_of


def loss_and_targets(configuration: Configuration, classes: Any) -> tuple[Any, Any]:
    """Return cross-entropy for one logit or for several, and the classes as it takes them."""
    if configuration.binary:
        return nn.nll_from_logits, classes[:, None].astype(np.float32)
    return nn.nllm_from_logits, classes


class _EpochTimes(train.Callback):
    """Notes when each epoch ends."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.ends: list[float] = []

    def on_epoch_end(self, state: train.TrainingState) -> None:
        """Note the time."""
        self.ends.append(self.clock())


def network(configuration: Configuration) -> Any:
    """Return the network with its initial parameters."""
    layers = list(pairwise(configuration.sizes))
    dense = [
        nn.Dense(inputs, outputs, configuration.activation if place < len(layers) - 1 else "identity")
        for place, (inputs, outputs) in enumerate(layers)
    ]
    net = nn.Sequential(*dense).initialise(seed=0)
    values = [array for layer in configuration.initial() for array in layer]
    return nn.with_parameters(net, dict(zip(nn.parameters(net), values, strict=True)))


def candidates(configuration: Configuration, rule: str, threads: int) -> list[Candidate]:
    """Return `fit` with its defaults."""
    return [Candidate("train.fit, defaults", _fit(configuration, rule, threads, {}))]


def numpy_candidates(configuration: Configuration, rule: str, threads: int) -> list[Candidate]:
    """Return `fit` with the executor that defines what a program means."""
    fit = _fit(configuration, rule, threads, {"executor": "numpy"})
    return [Candidate('train.fit, executor="numpy"', fit)]


def xla_candidate(configuration: Configuration, rule: str) -> Candidate:
    """Return `fit` with the executor for accelerators, by the clock."""
    return Candidate('train.fit, executor="xla"', _fit(configuration, rule, 2, {"executor": "xla"}))


def _fit(configuration: Configuration, rule: str, threads: int, options: dict[str, Any]) -> Any:
    features, classes = configuration.data()
    loss, targets = loss_and_targets(configuration, classes)
    optimizer = optim.Adam(ADAM_RATE) if rule == "Adam" else optim.SGD(SGD_RATE)
    fit = partial(
        train.fit, network(configuration), features, targets, loss=loss, optimizer=optimizer, **options
    )
    return timed_fit(fit, configuration.batch, configuration.steps, threads)


def timed_fit(fit: Callable[..., Any], batch: int, steps: int, threads: int) -> Callable[[int], Training]:
    """Return what trains by `fit`, given all but how long, and times the epochs after the first.

    Parameters
    ----------
    fit : callable
        `train.fit` with its other arguments.
    batch : int
        Rows in a step.
    steps : int
        In an epoch.
    threads : int
    """

    def run(epochs: int) -> Training:
        times = _EpochTimes(clock_of(threads))
        result = fit(epochs=epochs + 1, batch_size=batch, seed=SEED, progress=False, callbacks=[times])
        parameters = list(nn.parameters(result.net).values())
        return Training(times.ends[-1] - times.ends[0], epochs * steps, parameters)

    return run
