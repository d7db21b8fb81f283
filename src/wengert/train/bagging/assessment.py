"""How good a network is on rows that it has not seen, and which of some epochs was best by that."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from wengert.train.callbacks import Callback, Stop, TrainingState


class Assessment(NamedTuple):
    """How good a network is on rows that it has not seen.

    Attributes
    ----------
    network : Module
        The one that may be the result, such as the network with its calibration.
    loss : float
        Of that; what is compared.
    measured : float
        The loss of training, of the network as it is.
    """

    network: Any
    loss: float
    measured: float


@dataclass
class BestEpoch(Callback):
    """Remember the network of the epoch with the lowest validation loss among some; of several, the last.

    The loss is that of training where there are no validation rows.

    Attributes
    ----------
    among : tuple of int
        Numbers of the epochs that come into question.
    assess : callable, optional
        Gives the `Assessment` of a network, in place of the monitored loss.
    patience : int, optional
        Training stops when this number of assessed epochs in a row are no better than an earlier one.
    network : Module or None
        None until one of them has ended.
    epoch : int or None
        Its number.
    measured : dict
        For each epoch that was compared, by its number, what the assessment measured.
    """

    among: tuple[int, ...]
    assess: Callable[[Any], Assessment] | None = None
    patience: int | None = None
    network: Any = field(default=None, init=False, repr=False)
    epoch: int | None = field(default=None, init=False)
    measured: dict[int, float] = field(default_factory=dict, init=False, repr=False)
    _lowest: float = field(default=math.inf, init=False, repr=False)
    _worse: int = field(default=0, init=False, repr=False)

    def on_epoch_end(self, state: TrainingState) -> Stop | None:
        """Compare the epoch with the best so far."""
        last = state.history[-1]
        if last.epoch in self.among:
            assess = self.assess or (lambda net: Assessment(net, last.monitored, last.monitored))
            found = assess(state.net)
            self.measured[last.epoch] = found.measured
            self._worse = 0 if found.loss <= self._lowest else self._worse + 1
            if not self._worse:
                self.network, self.epoch, self._lowest = found.network, last.epoch, found.loss
            if self._worse == self.patience and last.epoch < self.among[-1]:
                return Stop("early stopping")
        return None
