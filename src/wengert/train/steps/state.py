"""Where a run stands, and what a training step is to it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from wengert.ir.program import Program
from wengert.run import Executor
from wengert.train.callbacks import Stop
from wengert.train.history import History
from wengert.train.inputs import Rows

Carry = Sequence[np.ndarray[Any, Any]]


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


class State(NamedTuple):
    """A run between two steps: enough to go on from, and replaced as a whole, several times in an epoch.

    Ctrl-C can strike anywhere, and finds either the state before a step or the one after it.

    Attributes
    ----------
    carry : sequence of array
        Network, optimiser's state, settings and averages; see `TrainingStep`.
    steps : int
        Taken in all.
    batch : int
        How many batches of the current epoch are done.
    loss_sum : float
        Over the rows of these batches, each with its weight.
    first_loss : float or None
        Mean loss of the first batch before the first step.
    history : History
        Of the epochs that have ended.
    best : sequence of array or None
        The arrays of the network that predicted best at the end of an epoch.
    scores : tuple of float
        Validation scores of the epochs, where they are measured.
    seconds : float
        Time spent in the runs that this one resumes.
    stop : Stop or None
        The wish of a callback or a stopping rule to end the training.
    """

    carry: Carry
    steps: int = 0
    batch: int = 0
    loss_sum: float = 0.0
    first_loss: float | None = None
    history: History = History()
    best: Carry | None = None
    scores: tuple[float, ...] = ()
    seconds: float = 0.0
    stop: Stop | None = None

    def last_loss(self) -> float:
        """Return the loss of the last epoch; NaN where none has ended."""
        return float(self.history[-1].loss) if len(self.history) else math.nan
