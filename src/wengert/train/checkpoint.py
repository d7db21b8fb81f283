"""Checkpoints: all that a run needs to go on as if it had never stopped."""

from __future__ import annotations

import contextlib
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from wengert.errors import ConfigurationError, ModelFileError
from wengert.printable import shortened
from wengert.storage import (
    claimed,
    decode_tensors,
    dump_json,
    parse_json,
    read_file,
    refuse_unwritable,
    save_tensors,
)
from wengert.storage.records import Count, Mismatch, Range, from_plain, to_plain
from wengert.train.callbacks import Stop
from wengert.train.history import Epoch, History
from wengert.train.steps.state import Carry, State

_VERSION = 2
_ENTRY = "training"
_ADVICE = "Delete it to start again."


@dataclass(frozen=True)
class _Record:
    """What a checkpoint says besides its arrays; see `State`."""

    version: int
    identity: dict[str, str]
    epochs: tuple[Epoch, ...]
    has_best: bool
    seconds: Annotated[float, Range(0)]
    stop: Stop | None
    batch: Count
    loss_sum: float
    first_loss: float | None
    scores: tuple[float, ...]

    def __post_init__(self) -> None:
        if [epoch.epoch for epoch in self.epochs] != list(range(1, len(self.epochs) + 1)):
            raise ValueError("epochs are not numbered 1, 2, …")


@dataclass(frozen=True)
class Checkpoint:
    """Where a run is kept, and how often.

    Attributes
    ----------
    path : path-like
        A file. Where it exists, `fit` goes on from it.
    seconds : float
        Time between two saves; 0 saves after every step. The end of the run is always saved.
    asynchronous : bool
        Go on training while the file is written. A save is left out where the one before is not done yet.
    """

    path: str | os.PathLike[str]
    seconds: float = 10.0
    asynchronous: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.seconds < math.inf:
            raise ConfigurationError(f"checkpoint: seconds is a number, 0 or more, got {self.seconds!r}")

    def claimed(self) -> contextlib.AbstractContextManager[None]:
        """Return a context in which no other process may write the file.

        Raises
        ------
        ModelFileError
            On entry, when another one has it.
        """
        return claimed(Path(self.path))

    def save(self, state: State, names: tuple[str, ...], identity: dict[str, str]) -> None:
        """Write a state of training; the file is replaced as a whole.

        Raises
        ------
        ModelFileError
            When the system refuses (disk full); the checkpoint before is intact.
        """
        arrays = _expected("now", names, state.carry)
        if state.best is not None:
            arrays |= _expected("best", names, state.best)
        record = _Record(
            version=_VERSION,
            identity=identity,
            epochs=tuple(state.history),
            has_best=state.best is not None,
            seconds=state.seconds,
            stop=state.stop,
            batch=state.batch,
            loss_sum=state.loss_sum,
            first_loss=state.first_loss,
            scores=state.scores,
        )
        plain = to_plain(record)
        save_tensors(self.path, arrays, {_ENTRY: dump_json(plain, str(self.path)).decode()})

    def load(
        self, initial: State, names: tuple[str, ...], identity: dict[str, str], *, network: int, batches: int
    ) -> State | None:
        """Return the state that was saved, or None where there is no file.

        Parameters
        ----------
        initial : State
            Before the first step, with the arrays that a checkpoint must have.
        names : tuple of str
            Of the arrays of a carry.
        identity : dict of str to str
            See `wengert.train.plan.identity`.
        network : int
            How many arrays of a carry belong to the network.
        batches : int
            In an epoch.

        Raises
        ------
        ModelFileError
            When the file is damaged or forged, or belongs to another run: says what differs; and when none
            can be written there, which is better known before the training than after it.
        """
        path, data = Path(self.path), self._contents()
        if data is None:
            return None
        arrays, metadata = decode_tensors(data, str(path))
        if _ENTRY not in metadata:
            raise ModelFileError(f"{path} is a model and no checkpoint of a training run; name another file")
        plain = parse_json(metadata[_ENTRY].encode(), str(path))
        if isinstance(plain, dict) and plain.get("version") != _VERSION:
            raise ModelFileError(
                f"{path} was written by another version of wengert; delete it to start again"
            )
        try:
            record = from_plain(_Record, plain)
        except Mismatch as error:
            raise ModelFileError(f"{path} is no checkpoint that can be resumed: {error}. {_ADVICE}") from None
        self._compare(record.identity, identity)
        if record.batch > batches:
            raise ModelFileError(
                f"{path} stops after batch {record.batch} of an epoch, which has {batches}. {_ADVICE}"
            )
        epochs = len(record.epochs) - len(initial.history)
        if epochs < 0 or len(record.scores) - len(initial.scores) not in (0, epochs):
            raise ModelFileError(
                f"{path} holds {len(record.epochs)} epochs and {len(record.scores)} scores, which do not "
                f"continue the {len(initial.history)} and {len(initial.scores)} of this run. {_ADVICE}"
            )
        names_now = _expected("now", names, initial.carry)
        names_best = _expected("best", names, initial.carry[:network]) if record.has_best else {}
        self._compare_arrays(names_now | names_best, arrays)
        return initial._replace(
            carry=tuple(arrays[name] for name in names_now),
            steps=initial.steps + epochs * batches + record.batch,
            batch=record.batch,
            loss_sum=record.loss_sum,
            first_loss=record.first_loss,
            history=History(record.epochs),
            best=tuple(arrays[name] for name in names_best) if record.has_best else None,
            scores=record.scores,
            seconds=record.seconds,
            stop=record.stop,
        )

    def _contents(self) -> bytes | None:
        """Return the bytes of the file, None where there is none; refuse a place that cannot be written."""
        path = Path(self.path)
        refuse_unwritable(path)
        return read_file(path) if os.path.exists(path) else None

    def _compare_arrays(self, expected: dict[str, Any], arrays: dict[str, Any]) -> None:
        """Refuse arrays that are not those of the run: machine code takes them as what they should be."""
        for name in sorted(expected.keys() | arrays.keys()):
            wanted, found = (_type_of(known.get(name)) for known in (expected, arrays))
            if wanted != found:
                raise ModelFileError(f"{self.path}: {name!r} is {found}, and in this run {wanted}. {_ADVICE}")

    def _compare(self, before: dict[str, str], now: dict[str, str]) -> None:
        differing = [name for name in now if before.get(name) != now[name]]
        if differing:
            there = {name: shortened(str(before.get(name)), 400) for name in differing}
            details = "; ".join(f"{name}: {there[name]} there, {now[name]} here" for name in differing)
            raise ModelFileError(
                f"{self.path} is the checkpoint of another run; what differs: {details}. "
                "Resume with the same data and settings, or name another file"
            )


def _expected(group: str, names: tuple[str, ...], carry: Carry) -> dict[str, Any]:
    """Return the arrays of a carry by their names in the file.

    Best weights are a carry cut short: they have the network's arrays and not the optimiser's.
    """
    return {
        f"{group}/{place}/{name}": leaf for place, (name, leaf) in enumerate(zip(names, carry, strict=False))
    }


def _type_of(array: Any) -> str:
    return "missing" if array is None else f"{array.dtype}{list(array.shape)}"
