"""What happened in each epoch, as plain data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from wengert.errors import IndexRangeError


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


class History(Sequence[Epoch]):
    """The epochs of a training run, in order; immutable.

    Parameters
    ----------
    epochs : iterable of Epoch
    """

    __slots__ = ("_epochs", "_length")

    def __init__(self, epochs: Iterable[Epoch] = ()) -> None:
        self._epochs = list(epochs)
        self._length = len(self._epochs)

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, position: Any) -> Any:
        """Return an epoch, or a list of epochs for a slice; the first has position 0."""
        try:
            chosen = range(self._length)[position]
        except IndexError:
            raise IndexRangeError(
                f"the history has {self._length} epochs{'' if self._length else ': no epoch has ended'}, and "
                f"position {position} was asked for"
            ) from None
        return self._epochs[chosen] if isinstance(chosen, int) else [self._epochs[one] for one in chosen]

    def __iter__(self) -> Iterator[Epoch]:
        return iter(self._epochs[: self._length])

    def __repr__(self) -> str:
        return f"<history of {len(self)} epochs{f', the last {self[-1]}' if len(self) else ''}>"

    def appended(self, epoch: Epoch) -> History:
        """Return the history with one more epoch.

        The underlying list is shared, so that a run of many epochs does not copy its past in each of them.
        """
        longer = History()
        longer._epochs = self._epochs if len(self._epochs) == self._length else self._epochs[: self._length]
        longer._epochs.append(epoch)
        longer._length = self._length + 1
        return longer

    def to_dict(self) -> dict[str, list[Any]]:
        """Return a column for each field of `Epoch`, as a table library or a plot takes it."""
        names = [field.name for field in fields(Epoch)]
        return {name: [getattr(epoch, name) for epoch in self] for name in names}

    def to_records(self) -> list[dict[str, Any]]:
        """Return a dictionary for each epoch."""
        return [asdict(epoch) for epoch in self]
