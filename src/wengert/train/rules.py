"""What training loops differ in: the order of the rows, the settings of an epoch, which one is best."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from wengert.errors import ConfigurationError
from wengert.train.callbacks import EarlyStopping, Stop
from wengert.train.evaluation import Evaluation
from wengert.train.history import Epoch
from wengert.train.inputs import Rows
from wengert.train.steps.batches import row_order
from wengert.train.steps.mapped import run_and_window
from wengert.train.steps.state import State
from wengert.train.steps.step import StepRule

Array = np.ndarray[Any, Any]


class Rules(Protocol):
    """What a loop asks between epochs. What it remembers must follow from the epochs noted."""

    @property
    def step_rule(self) -> StepRule:
        """The rule of the step, with the settings of the next epoch."""
        ...

    def order(self, epoch: int) -> Array:
        """Return the order in which an epoch, counted from 0, visits the rows."""
        ...

    def learning_rate(self, step: int) -> float | None:
        """Return the learning rate of a step of this epoch, counted from 0."""
        ...

    def note(self, epoch: Epoch, measured: Evaluation | None) -> tuple[bool, Stop | None]:
        """Take in an epoch; return whether it is the best yet, and the wish to stop."""
        ...

    def restores_best(self, reason: str) -> bool:
        """Return whether the result is the best network and not the last, where that ended the training."""
        ...

    def resume(self, state: State) -> None:
        """Take over the epochs of a state, as if they had been noted."""
        ...

    def identity(self) -> dict[str, str]:
        """Return what two runs must have in common for one to go on where the other stopped."""
        ...


@dataclass
class FitRules:
    """The rules of `fit`: orders that follow from seed and epoch; the lowest loss is the best.

    Attributes
    ----------
    step_rule : StepRule
    rows : Rows
    seed : int
    shuffle : bool or callable
        As for `fit`.
    stopping : tuple of EarlyStopping
    validates : bool
        Whether there are validation rows.
    lowest : float
        Monitored loss of the best epoch.
    """

    step_rule: StepRule
    rows: Rows
    seed: int
    shuffle: bool | Callable[[int], Array]
    stopping: tuple[EarlyStopping, ...] = ()
    validates: bool = False
    lowest: float = np.inf

    def order(self, epoch: int) -> Array:
        """Return the order of `row_order`: window by window for rows that lie in a file.

        Raises
        ------
        ConfigurationError
            When a function that gives the order leaves a row out or visits one twice.
        """
        rows = len(self.rows)
        if callable(self.shuffle):
            order = np.asarray(self.shuffle(epoch))
            if not np.array_equal(np.sort(order), np.arange(rows)):
                raise ConfigurationError(
                    f"shuffle: in epoch {epoch} (from 0) the function gave an array of shape {order.shape} "
                    f"that does not hold each of the positions 0 to {rows - 1} once"
                )
            return order.astype(np.int64, copy=False)
        if not self.shuffle:
            return np.arange(rows)
        return row_order(self.seed, epoch, rows, run_and_window(self.rows.features))

    def learning_rate(self, step: int) -> float | None:
        """Return what the schedule gives, or the constant; None for L-BFGS."""
        rate = getattr(self.step_rule.optimizer, "learning_rate", None)
        return None if rate is None else float(rate(np.array(step)) if callable(rate) else rate)

    def note(self, epoch: Epoch, measured: Evaluation | None) -> tuple[bool, Stop | None]:
        """Compare the monitored loss with the lowest one."""
        best = epoch.monitored < self.lowest
        self.lowest = min(self.lowest, epoch.monitored)
        return best, None

    def restores_best(self, reason: str) -> bool:
        """Return True where training was cut short and validation rows tell the best network."""
        return self.validates and reason in ("time limit", "interrupted")

    def resume(self, state: State) -> None:
        """Remember the lowest loss."""
        self.lowest = min((epoch.monitored for epoch in state.history), default=np.inf)

    def identity(self) -> dict[str, str]:
        """Return order and stopping rules."""
        shuffle = self.shuffle if isinstance(self.shuffle, bool) else "by a function"
        return {"shuffle": str(shuffle), "early stopping": repr(list(self.stopping))}
