"""The state of a run between two steps."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

from wengert.train.callbacks import Stop
from wengert.train.history import Epoch, History
from wengert.train.step import Carry


@dataclass(frozen=True)
class Past:
    """What the epochs that have ended left behind.

    Attributes
    ----------
    history : History
    best : tuple of array or None
        The network's arrays at the end of the best epoch.
    best_loss : float
        The monitored loss of that epoch.
    seconds : float
        Time spent in the runs that this one resumes.
    stop : Stop or None
        The wish of a callback to end the training.
    """

    history: History
    best: Carry | None = None
    best_loss: float = math.inf
    seconds: float = 0.0
    stop: Stop | None = None

    def after(self, epoch: Epoch, network: Carry) -> Past:
        """Return the past after one more epoch, which left these arrays."""
        longer = replace(self, history=self.history.appended(epoch))
        if epoch.monitored < self.best_loss:
            return replace(longer, best=network, best_loss=epoch.monitored)
        return longer


class Moment(NamedTuple):
    """A moment between two steps: enough to go on from, and replaced as a whole.

    Ctrl-C can strike anywhere, and finds either the moment before a step or the one after it.

    Attributes
    ----------
    past : Past
    carry : tuple of array
        Parameters and optimiser's state; see `TrainingStep`.
    batch : int
        How many batches of the current epoch are done.
    loss_sum : float
        Over the rows of these batches, each with its weight.
    first_loss : float or None
        Mean loss of the first batch before the first step.
    """

    past: Past
    carry: Carry
    batch: int = 0
    loss_sum: float = 0.0
    first_loss: float | None = None
