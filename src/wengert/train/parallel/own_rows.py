"""Rows of which each of several processes holds its own: what they must agree about before they begin."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from wengert.errors import ConfigurationError, DataError
from wengert.run import Executor
from wengert.run.executor import RowsExecutor, divides_rows
from wengert.train.inputs import Rows


@dataclass(frozen=True)
class OwnRows(Rows):
    """The rows of one process among several, each of which holds its own.

    Attributes
    ----------
    features, targets, weights
    executor : RowsExecutor
        Of these processes.
    """

    executor: RowsExecutor

    def identity(self) -> dict[str, str]:
        """Return texts that differ where the rows of any process do."""
        mine = super().identity()
        sums = np.array([zlib.crc32(text.encode()) for text in mine.values()])
        everyone = self.executor.gathered(sums).T
        return {name: f"of each process {each.tolist()}" for name, each in zip(mine, everyone, strict=True)}


@dataclass(frozen=True)
class Share:
    """What a process gives to each epoch.

    Attributes
    ----------
    rows : Rows
        Its own, with weights of mean 1 over the rows of all.
    count : int
        How many of them an epoch takes, as many of each process.
    holders : int
        How many processes there are that hold rows of their own; 1 where each holds all.
    """

    rows: Rows
    count: int
    holders: int

    @property
    def total(self) -> int:
        """How many rows an epoch takes of all processes."""
        return self.count * self.holders

    def of_batch(self, size: int) -> int:
        """Return how many rows this process gives to a batch of `size`.

        Raises
        ------
        ConfigurationError
        """
        if size % self.holders:
            raise ConfigurationError(
                f"batch_size={size} cannot be divided among {self.holders} processes; "
                f"take a multiple of {self.holders}"
            )
        return size // self.holders


def share_of(
    executor: Executor,
    rows: Rows,
    sample_weight: Any,
    validation_fraction: float | None,
    time_limit: float | None,
) -> Share:
    """Return what this process gives; without rows of its own it is all rows.

    Parameters
    ----------
    executor : Executor
    rows : Rows
    sample_weight : array_like or None
        As it was given: `rows` has it divided by the mean over these rows alone.
    validation_fraction : float or None
        Which rows of all are held out, processes with rows of their own cannot agree about.
    time_limit : float or None
        Nor processes with clocks of their own, when it is over.

    Raises
    ------
    ConfigurationError
    DataError
        When the rows of one process are not like those of another; says of which, and what there is.
    """
    if not divides_rows(executor) or executor.processes == 1:
        return Share(rows, len(rows), 1)
    if time_limit is not None:
        raise ConfigurationError(
            f"time_limit is of one clock, and {executor.processes} processes share the devices: leave it out"
        )
    if executor.holders == 1:
        return Share(rows, len(rows), 1)
    if validation_fraction is not None:
        raise ConfigurationError(
            "validation_fraction needs all rows, and each process holds its own: give validation_data, "
            "the same in each process"
        )
    arrays = rows.features, rows.targets, rows.weights
    kind = ", ".join("no weights" if one is None else f"{one.dtype}{list(one.shape[1:])}" for one in arrays)
    mean = 1.0 if rows.weights is None else float(np.mean(np.asarray(sample_weight, np.float64)))
    seen = executor.gathered(np.array([len(rows), zlib.crc32(kind.encode()), mean], np.float64))
    other = np.flatnonzero(seen[:, 1] != seen[0, 1])
    if len(other):
        raise DataError(
            f"the rows of process {other[0]} are not like those of process 0; here a row is {kind} "
            "(features, target, weight)"
        )
    weights = rows.weights
    if weights is not None:
        of_all = float(np.average(seen[:, 2], weights=seen[:, 0]))
        weights = weights * weights.dtype.type(mean / of_all)
    own = OwnRows(rows.features, rows.targets, weights, executor)
    return Share(own, int(seen[:, 0].min()), executor.holders)
