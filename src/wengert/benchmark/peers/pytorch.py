"""PyTorch on the CPU: eager, and with `torch.compile`."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import torch

from wengert.benchmark.candidate import SEED, Candidate, Training, seconds_of
from wengert.benchmark.configurations import ADAM_RATE, SGD_RATE, Configuration
from wengert.train.steps.batches import row_order


def candidates(configuration: Configuration, rule: str, threads: int) -> list[Candidate]:
    """Return eager training, by threads and by what does the update."""
    return [
        Candidate(
            f"eager, {'fused' if fused else 'foreach'} {rule}, {_threads(count)}",
            _training(configuration, rule, count, fused, _as_it_is),
        )
        for count in sorted({1, threads})
        for fused in (True, False)
    ]


def compiled_candidates(configuration: Configuration, rule: str, threads: int) -> list[Candidate]:
    """Return training with forward and backward pass compiled, by threads."""
    return [
        Candidate(
            f"torch.compile, fused {rule}, {_threads(count)}",
            _training(configuration, rule, count, True, torch.compile),
        )
        for count in sorted({1, threads})
    ]


def on_device(configuration: Configuration, rule: str, device: str, compiled: bool) -> Candidate:
    """Return training on a device, rows and parameters kept there, by the clock.

    Parameters
    ----------
    configuration, rule
    device : str
        As PyTorch names it.
    compiled : bool
        Whether `torch.compile` compiles forward and backward pass.
    """
    how = torch.compile if compiled else _as_it_is
    threads = max(2, torch.get_num_threads())  # of one, processor time would be measured
    return Candidate(
        f"{'torch.compile' if compiled else 'eager'}, fused {rule}",
        _training(configuration, rule, threads, True, how, device),
    )


def _as_it_is(function: Any) -> Any:
    return function


def _threads(count: int) -> str:
    return f"{count} thread{'s' * (count > 1)}"


def _training(
    configuration: Configuration,
    rule: str,
    threads: int,
    fused: bool,
    compiled: Callable[[Any], Any],
    device: str = "cpu",
) -> Callable[[int], Training]:
    configuration = configuration.shortened()
    features, classes = (torch.from_numpy(array).to(device) for array in configuration.data())
    targets = classes[:, None].float() if configuration.binary else classes
    loss = torch.nn.BCEWithLogitsLoss() if configuration.binary else torch.nn.CrossEntropyLoss()
    net = _network(configuration).to(device)
    loss_of = compiled(lambda x, y: loss(net(x), y))

    def run(epochs: int) -> Training:
        torch.set_num_threads(threads)
        _reset(net, configuration)
        choice: dict[str, Any] = {"fused": True} if fused else {"foreach": True}
        optimizer: Any = (
            torch.optim.Adam(net.parameters(), lr=ADAM_RATE, **choice)
            if rule == "Adam"
            else torch.optim.SGD(net.parameters(), lr=SGD_RATE, **choice)
        )
        epoch = epoch_of(loss_of, optimizer, features, targets, configuration.batch)
        seconds = seconds_of(epoch, epochs, threads, wait=lambda: finish(device))
        arrays = [value.detach().cpu().numpy() for value in net.parameters()]
        return Training(seconds, epochs * configuration.steps, [np.array(array.T) for array in arrays])

    return run


def epoch_of(
    loss_of: Callable[..., Any], optimizer: Any, features: Any, targets: Any, batch: int
) -> Callable[[int], None]:
    """Return what takes an epoch of steps, given its number."""

    def epoch(number: int) -> None:
        order = torch.from_numpy(row_order(SEED, number, len(features))).to(features.device)
        # Shuffled at once and then cut: a view of a batch costs less than an index into all rows.
        batches = zip(features[order].split(batch), targets[order].split(batch), strict=True)
        for x, y in batches:
            optimizer.zero_grad()
            loss_of(x, y).backward()
            optimizer.step()

    return epoch


def finish(device: str) -> None:
    """Wait until a device has done all that it was given."""
    if device != "cpu":
        torch.cuda.synchronize()


def _network(configuration: Configuration) -> Any:
    layers: list[Any] = []
    for inputs, outputs in pairwise(configuration.sizes):
        layers += [torch.nn.Linear(inputs, outputs), _activation(configuration)]
    return torch.nn.Sequential(*layers[:-1])


def _activation(configuration: Configuration) -> Any:
    return torch.nn.Sigmoid() if configuration.activation == "sigmoid" else torch.nn.ReLU()


def _reset(net: Any, configuration: Configuration) -> None:
    linear = [layer for layer in net if isinstance(layer, torch.nn.Linear)]
    with torch.no_grad():
        for layer, (weight, bias) in zip(linear, configuration.initial(), strict=True):
            layer.weight.copy_(torch.from_numpy(weight.T))
            layer.bias.copy_(torch.from_numpy(bias))
