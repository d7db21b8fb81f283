"""What happened in each epoch, as plain data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class Epoch:
    """The record of one pass over the rows.

    Attributes
    ----------
    epoch : int
        Number, from 1.
    loss : float
        Mean loss over the rows, each with its weight, while the parameters were changing; without penalty.
    validation_loss : float or None
        Mean loss over the validation rows at the end of the epoch.
    validation_accuracy : float or None
        Share of validation rows classified correctly, each with its weight, where the loss is one of
        classification.
    learning_rate : float or None
        That of the epoch's last step; None where the optimiser searches for its step length.
    seconds : float
        Time since training began, over all runs that were resumed.
    """

    epoch: int
    loss: float
    validation_loss: float | None
    validation_accuracy: float | None
    learning_rate: float | None
    seconds: float

    @property
    def monitored(self) -> float:
        """The loss that tells which epoch is best: on the validation rows where there are any."""
        return self.loss if self.validation_loss is None else self.validation_loss


@dataclass(frozen=True, slots=True)
class History:
    """The epochs of a training run, in order.

    Attributes
    ----------
    epochs : tuple of Epoch
    """

    epochs: tuple[Epoch, ...] = ()

    def __len__(self) -> int:
        return len(self.epochs)

    def __iter__(self) -> Iterator[Epoch]:
        return iter(self.epochs)

    def __getitem__(self, position: int) -> Epoch:
        return self.epochs[position]

    def appended(self, epoch: Epoch) -> History:
        """Return the history with one more epoch."""
        return History((*self.epochs, epoch))

    def to_dict(self) -> dict[str, list[Any]]:
        """Return a column for each field of `Epoch`, as a table library or a plot takes it."""
        names = [field.name for field in fields(Epoch)]
        return {name: [getattr(epoch, name) for epoch in self.epochs] for name in names}

    def to_records(self) -> list[dict[str, Any]]:
        """Return a dictionary for each epoch."""
        return [asdict(epoch) for epoch in self.epochs]
