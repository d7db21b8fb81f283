"""What a training step is, and where a run stands between two of them."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import numpy as np

from wengert.ir.program import Program
from wengert.run import Executor
from wengert.train.inputs import Rows

Carry = tuple[np.ndarray[Any, Any], ...]


class Step(Protocol):
    """A training step.

    Its program turns (carry …, features, targets, weights if there are any, key, number of steps taken) into
    (carry …, loss of the batch).

    Attributes
    ----------
    names : tuple of str
        A name for each array of a carry.
    network_count : int
        How many arrays of a carry belong to the network.
    executor : Executor
    """

    names: tuple[str, ...]
    network_count: int
    executor: Executor

    def program(self, batch: Rows) -> Program:
        """Return the program for batches with as many rows as this one."""
        ...


class Position(NamedTuple):
    """A moment between two steps; replaced as a whole.

    Attributes
    ----------
    carry : tuple of array
    steps : int
        Taken in all.
    loss_sum : float
        Over the rows since the beginning of the epoch.
    first_loss : float or None
        Mean loss of the first batch before the first step.
    """

    carry: Carry
    steps: int = 0
    loss_sum: float = 0.0
    first_loss: float | None = None
