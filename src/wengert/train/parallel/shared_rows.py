"""Rows that workers share: each block of a batch takes rows of its own part of them, in an order of its own.

Part b of n rows and g blocks are the neighbours from b n // g to (b + 1) n // g. So a worker needs the rows
of its own blocks and no others, and other workers that take a block over go on with the same rows in the
same order.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from wengert.cluster.workers import Workers
from wengert.train.inputs import Rows
from wengert.train.rules import FitRules
from wengert.train.steps.batches import row_order
from wengert.train.steps.digests import digest
from wengert.train.steps.mapped import run_and_window

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class SharedRows(Rows):
    """The rows of one worker among those of all.

    Attributes
    ----------
    features, targets, weights
        Of the rows of this worker.
    total : int
        How many rows all workers have: the length.
    workers : Workers
    """

    total: int
    workers: Workers

    def __len__(self) -> int:
        return self.total

    def part_of(self, block: int) -> tuple[int, int]:
        """Return first and last row (exclusive) of a block of this worker, by places among its rows."""
        blocks, offset = self.workers.blocks, self.workers.rows(self.total).start
        return block * self.total // blocks - offset, (block + 1) * self.total // blocks - offset

    def runs(self) -> tuple[int, int] | None:
        """Return rows a run and runs a window of each block, for rows that lie in a file; else None."""
        found = run_and_window(self.features)
        # The windows of all blocks together are as large as the one that a single process has.
        return found and (found[0], max(1, found[1] // self.workers.blocks))

    def order(self, seed: int, epoch: int) -> Array:
        """Return the rows of this worker in the order of an epoch, block after block."""
        orders = []
        for block in self.workers.mine:
            first, last = self.part_of(block)
            orders.append(first + row_order(seed, epoch, last - first, self.runs(), block))
        return np.concatenate(orders)

    def identity(self) -> dict[str, str]:
        """Return texts that differ where the rows of any worker do, whichever it is."""
        parts = [self.part(slice(*self.part_of(block))).identity() for block in self.workers.mine]
        gathered = self.workers.all_gather(json.dumps(parts).encode())
        everyone = [part for data in gathered for part in json.loads(bytes(data))]
        return {
            name: f"{self.total} rows in {len(everyone)} blocks, "
            + digest(np.frombuffer("".join(part[name] for part in everyone).encode(), np.uint8))
            for name in everyone[0]
        }


@dataclass
class SharedRules(FitRules):
    """The rules of `fit` for rows that workers share."""

    def order(self, epoch: int) -> Array:
        """Return the order of the rows of this worker, block after block."""
        rows = self.rows
        assert isinstance(rows, SharedRows)
        if not self.shuffle:
            return np.arange(len(rows.targets))
        return rows.order(self.seed, epoch)

    def identity(self) -> dict[str, str]:
        """Return order and stopping rules."""
        rows = self.rows
        assert isinstance(rows, SharedRows)
        return {**super().identity(), "blocks": str(rows.workers.blocks)}
