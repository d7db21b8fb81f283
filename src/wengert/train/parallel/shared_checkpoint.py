"""A checkpoint that one process writes and reads for all."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, fields
from typing import Any, Protocol

from wengert.errors import ConfigurationError, ModelFileError
from wengert.run.executor import divides_rows
from wengert.train.checkpoint import Checkpoint
from wengert.train.steps.state import State

_READ, _REFUSED = b"+", b"-"  # what stands before the contents of a file, or the reason why there are none


class Processes(Protocol):
    """Those that take the same steps: `Workers`, or those of a mesh of devices.

    Attributes
    ----------
    rank : int
        The number of this one, from 0.
    """

    @property
    def rank(self) -> int: ...  # noqa: D102

    def from_first(self, data: Any) -> Any:
        """Return the bytes that process 0 gave; what the others give does not count."""
        ...


@dataclass(frozen=True, kw_only=True)
class SharedCheckpoint(Checkpoint):
    """A `Checkpoint` of process 0, whose disk the others need not see.

    Attributes
    ----------
    processes : Processes
    """

    processes: Processes

    def claimed(self) -> contextlib.AbstractContextManager[None]:
        """Return a context in which no other job may write the file."""
        return super().claimed() if self.processes.rank == 0 else contextlib.nullcontext()

    def save(self, state: State, names: tuple[str, ...], identity: dict[str, str]) -> None:
        """Write a state of training, which all processes have, if this is process 0."""
        if self.processes.rank == 0:
            super().save(state, names, identity)

    def _contents(self) -> bytes | None:
        sent = bytes(self.processes.from_first(self._found() if self.processes.rank == 0 else b""))
        kind, contents = sent[:1], sent[1:]
        if kind == _REFUSED:
            raise ModelFileError(contents.decode())
        return contents if kind == _READ else None

    def _found(self) -> bytes:
        """Return what the others are to know of the file: a reason why it cannot be used is theirs too."""
        try:
            found = super()._contents()
        except ModelFileError as error:
            return _REFUSED + str(error).encode()
        return b"" if found is None else _READ + found


def checkpoint_of(
    given: str | Checkpoint | None, workers: Processes | None, executor: Any
) -> Checkpoint | None:
    """Return the checkpoint that `fit` was given, as several processes share it where there are some.

    Parameters
    ----------
    given
        As `fit` has it.
    workers : Workers or None
    executor : Executor
        Which may have the devices of several processes.

    Raises
    ------
    ConfigurationError
        When it is neither a path nor a checkpoint.
    """
    checkpoint = Checkpoint(given) if isinstance(given, (str, os.PathLike)) else given
    if not isinstance(checkpoint, Checkpoint | None):
        raise ConfigurationError(f"checkpoint is a path or a train.Checkpoint, got {given!r}")
    if workers is None and divides_rows(executor) and executor.processes > 1:
        workers = executor
    if checkpoint is None or workers is None:
        return checkpoint
    kept = {field.name: getattr(checkpoint, field.name) for field in fields(checkpoint)}
    return SharedCheckpoint(**kept, processes=workers)
