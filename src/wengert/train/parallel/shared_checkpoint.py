"""A checkpoint that one worker writes and reads for all."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, fields

from wengert.cluster.workers import Workers
from wengert.errors import ConfigurationError
from wengert.train.checkpoint import Checkpoint
from wengert.train.steps.state import State


@dataclass(frozen=True, kw_only=True)
class SharedCheckpoint(Checkpoint):
    """A `Checkpoint` of worker 0, whose disk the others need not see.

    Attributes
    ----------
    workers : Workers
    """

    workers: Workers

    def claimed(self) -> contextlib.AbstractContextManager[None]:
        """Return a context in which no other job may write the file."""
        return super().claimed() if self.workers.rank == 0 else contextlib.nullcontext()

    def save(self, state: State, names: tuple[str, ...], identity: dict[str, str]) -> None:
        """Write a state of training, which all workers have, if this is worker 0."""
        if self.workers.rank == 0:
            super().save(state, names, identity)

    def _contents(self) -> bytes | None:
        found = super()._contents() if self.workers.rank == 0 else None
        # A leading byte distinguishes a file that exists, even an empty one, from none.
        sent = self.workers.from_first(None if found is None else b"+" + found)
        return bytes(memoryview(sent)[1:]) if len(sent) else None


def checkpoint_of(given: str | Checkpoint | None, workers: Workers | None) -> Checkpoint | None:
    """Return the checkpoint that `fit` was given, as workers share it where there are some.

    Raises
    ------
    ConfigurationError
        When it is neither a path nor a checkpoint.
    """
    checkpoint = Checkpoint(given) if isinstance(given, (str, os.PathLike)) else given
    if not isinstance(checkpoint, Checkpoint | None):
        raise ConfigurationError(f"checkpoint is a path or a train.Checkpoint, got {given!r}")
    if checkpoint is None or workers is None:
        return checkpoint
    return SharedCheckpoint(
        **{field.name: getattr(checkpoint, field.name) for field in fields(checkpoint)}, workers=workers
    )
