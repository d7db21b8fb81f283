"""What takes part: something that trains a configuration for some epochs and says how long they took."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from wengert.benchmark.turns import clock_of

Array = np.ndarray[Any, Any]

SEED = 0  # of the order of the rows


@dataclass(frozen=True)
class Training:
    """What a turn gave.

    Attributes
    ----------
    seconds : float
        Of the epochs after the first, by `clock_of` the threads.
    steps : int
        How many steps they had.
    parameters : list of ndarray
        Weight and bias of each layer after them, weights of shape (inputs, outputs).
    """

    seconds: float
    steps: int
    parameters: list[Array]


@dataclass(frozen=True)
class Candidate:
    """One way to train a configuration.

    Attributes
    ----------
    settings : str
        What can be set and how it is, for people.
    train : callable
        ``train(epochs)`` starts from the configuration's initial parameters, takes one epoch to warm up, and
        times as many more.
    """

    settings: str
    train: Callable[[int], Training]


def seconds_of(
    epoch: Callable[[int], object], epochs: int, threads: int, wait: Callable[[], object] | None = None
) -> float:
    """Take one epoch, then time `epochs` more.

    Parameters
    ----------
    epoch : callable
        Takes the number of the epoch, from 0.
    epochs : int
    threads : int
        That may work.
    wait : callable, optional
        Returns when everything begun so far is done.
    """
    epoch(0)
    if wait is not None:
        wait()
    clock = clock_of(threads)
    begin = clock()
    for number in range(1, epochs + 1):
        epoch(number)
    if wait is not None:
        wait()
    return clock() - begin
