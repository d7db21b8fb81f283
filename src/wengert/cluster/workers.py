"""What workers do together: gather, agree, and add."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from wengert.checks import is_integer, positive_integer
from wengert.cluster.block_sums import Node, blocks_of, covered_nodes, joined_sum, tree_sum
from wengert.cluster.identity import WorkerIdentity
from wengert.cluster.rendezvous import differences
from wengert.cluster.transport import Buffer, Transport
from wengert.errors import ConfigurationError, ShapeError, WorkerLostError

Array = np.ndarray[Any, Any]

# Sums of fewer bytes go to everybody at once: a second round would take longer than the bytes it saves, and
# between two workers it saves none.
_SMALL = 2**15


class Workers:
    """The processes that train a network together, as one of them sees them.

    A batch is divided into a number of blocks that does not depend on that of the workers. Each worker has
    some of the blocks, neighbours, and the rows that belong to them; sums over blocks are taken by a fixed
    tree. So the result is bitwise the same for any number of workers.

    Parameters
    ----------
    me : WorkerIdentity
    transport : Transport or None
        None for a worker that is alone.
    blocks : int
        The most workers there can be.
    timeout : float
        Seconds for which another may keep this one waiting in a step.
    join_timeout : float
        Likewise where they prepare: read, compile.

    Attributes
    ----------
    rank, size : int
        The number of this worker, from 0, and how many there are.
    blocks : int
    mine : range
        The blocks of this worker.
    timeout : float

    Raises
    ------
    ConfigurationError
        When there are more workers than blocks.
    """

    def __init__(
        self,
        me: WorkerIdentity,
        transport: Transport | None,
        *,
        blocks: int = 8,
        timeout: float = 8.0,
        join_timeout: float = 60.0,
    ) -> None:
        positive_integer("", "blocks", blocks)
        if blocks < me.size:
            raise ConfigurationError(
                f"there are {me.size} workers and a batch has {blocks} blocks, at least one for each worker; "
                f"give blocks={me.size} or more"
            )
        self.rank, self.size, self.blocks = me.rank, me.size, blocks
        self.mine = blocks_of(me.rank, me.size, blocks)
        self._transport = transport
        self._loss: WorkerLostError | None = None
        self.timeout, self._join_timeout = timeout, join_timeout

    def __repr__(self) -> str:
        return f"<worker {self.rank} of {self.size}, with blocks {self.mine.start} to {self.mine.stop - 1}>"

    def __reduce__(self) -> Any:
        raise TypeError("workers stand for running processes and cannot be pickled")

    def _exchange(self, messages: Sequence[Buffer], seconds: float) -> list[Buffer]:
        if self._transport is None:
            return list(messages)
        if self._loss is not None:  # the others may be anywhere within the message that was left
            raise self._loss
        try:
            return self._transport.exchange(messages, seconds)
        except WorkerLostError as error:
            self._loss = error
            raise

    def all_gather(self, data: Buffer) -> list[Buffer]:
        """Return what each worker gave, in the order of their numbers.

        Raises
        ------
        WorkerLostError
        """
        return self._exchange([data] * self.size, self._join_timeout)

    def barrier(self, *, prepares: bool) -> None:
        """Wait until all workers are here.

        Parameters
        ----------
        prepares : bool
            Whether one may read or compile first, for which it has longer.

        Raises
        ------
        WorkerLostError
        """
        self._exchange([b""] * self.size, self._join_timeout if prepares else self.timeout)

    def from_first(self, data: Buffer | None) -> Buffer:
        """Return what worker 0 gave; what the others give does not count.

        Raises
        ------
        WorkerLostError
        """
        given = data if self.rank == 0 and data is not None else b""
        return self._exchange([given] * self.size, self._join_timeout)[0]

    def agree(self, what: Mapping[str, str]) -> None:
        """Refuse to go on where workers differ.

        Parameters
        ----------
        what : mapping of str to str
            What they must have in common, by its name.

        Raises
        ------
        ConfigurationError
            On all of them: names who differs from worker 0, and in what.
        """
        everyone = self.all_gather(json.dumps(dict(what)).encode())
        wrong = differences({f"worker {rank}": json.loads(bytes(said)) for rank, said in enumerate(everyone)})
        if wrong:
            raise ConfigurationError(
                f"the workers would not compute the same: {wrong}. Give them all the same data and settings"
            )

    def sum_of_blocks(self, value: Callable[[int], Array]) -> Array:
        """Return the sum over all blocks of all workers, bitwise the same on each, for any number of them.

        Each worker adds a slice of the sum and gives it to the others, so that each sends and receives about
        twice the bytes of the array, however many there are.

        Parameters
        ----------
        value : callable
            Gives a new array, shape (n,), for the number of a block of this worker.

        Raises
        ------
        WorkerLostError
        ShapeError
            When a value has another number of axes.
        """
        return self._joined(self._own_sums(value))

    def sums_of_blocks(self, values: Sequence[Callable[[int], Array]]) -> list[Array]:
        """Return the sums of several values; each is sent while this worker computes the next.

        Parameters
        ----------
        values : sequence of callable
            As for `sum_of_blocks`; called for all blocks of this worker, then the next.

        Raises
        ------
        WorkerLostError, ShapeError
        """
        if self.size == 1 or len(values) == 1:
            return [self.sum_of_blocks(value) for value in values]
        with ThreadPoolExecutor(1, "sums of blocks") as sender:
            joined = [sender.submit(self._joined, self._own_sums(value)) for value in values]
            return [one.result() for one in joined]

    def _own_sums(self, value: Callable[[int], Array]) -> list[Array]:
        """Return the sums over the blocks of this worker, as far as the tree joins them."""
        sums = [tree_sum(node, value) for node in covered_nodes(self.mine, (0, self.blocks))]
        if np.ndim(sums[0]) != 1:
            raise ShapeError(f"the value of a block is an array of one axis, got shape {np.shape(sums[0])}")
        return sums

    def _joined(self, sums: list[Array]) -> Array:
        """Return the sum over the blocks of all workers, each of which gives its own sums."""
        if self.size == 1:
            return sums[0]
        whole = 0, self.blocks
        count, dtype = len(sums[0]), sums[0].dtype
        ends = [rank * count // self.size for rank in range(self.size + 1)]
        at_once = self.size == 2 or sums[0].nbytes <= _SMALL
        slices = [slice(None)] * self.size if at_once else [slice(*pair) for pair in itertools.pairwise(ends)]
        received = self._exchange([_bytes_of([one[part] for one in sums]) for part in slices], self.timeout)
        known: dict[Node, Array] = {}
        for rank, data in enumerate(received):
            theirs = covered_nodes(blocks_of(rank, self.size, self.blocks), whole)
            rows = np.frombuffer(data, dtype).reshape(len(theirs), -1)
            known.update(zip(theirs, rows, strict=True))
        joined = joined_sum(whole, known)
        if at_once:
            return joined
        everyone = self._exchange([_bytes_of([joined])] * self.size, self.timeout)
        return np.concatenate([np.frombuffer(data, dtype) for data in everyone])

    def rows(self, total: int) -> slice:
        """Return which of all rows belong to this worker.

        They are neighbours: the rows of its blocks, each of which has an equal part of them.

        Raises
        ------
        ConfigurationError
            When the total is no whole number, or there are fewer rows than blocks.
        """
        if not is_integer(total, 0):
            raise ConfigurationError(f"rows: the total is a whole number, got {total!r}")
        if total < self.blocks:
            raise ConfigurationError(
                f"{total} rows cannot be divided into {self.blocks} blocks, each of which needs one; train "
                "in one process without workers, or give join(blocks=…) a smaller number"
            )
        first, last = (edge * total // self.blocks for edge in (self.mine.start, self.mine.stop))
        return slice(first, last)

    @property
    def address(self) -> str:
        """At which the others reach this worker; this machine alone for one that has none."""
        return "127.0.0.1" if self._transport is None else self._transport.address

    def close(self) -> None:
        """Leave the others."""
        if self._transport is not None:
            self._transport.close()


def _bytes_of(arrays: list[Array]) -> memoryview:
    joined = arrays[0] if len(arrays) == 1 else np.concatenate(arrays)
    return np.ascontiguousarray(joined).data.cast("B")
