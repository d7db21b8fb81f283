"""Taking the steps of an epoch together with other workers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from wengert.train.inputs import Rows
from wengert.train.parallel.block_step import BlockStep
from wengert.train.parallel.shared_rows import SharedRows
from wengert.train.steps.stepper import Stepper

Array = np.ndarray[Any, Any]


class ParallelStepper(Stepper):
    """Takes steps of a `BlockStep` on `SharedRows`: gradients of its own blocks, their sum, the update.

    Every worker makes the same update of the same arrays. What decides whether the run goes on must be the
    same on all of them too: it follows from the carry, the losses and the epoch, never from a clock.
    """

    _step: BlockStep
    _rows: SharedRows

    def compile(self) -> None:
        """Compile the programs for each length of a block, and wait until all workers have.

        A step is no place to wait for a compiler.
        """
        # Rounded up, since a batch of all rows need not be divisible.
        self._size = -(-self._bounds[0][1] // self._rows.workers.blocks)
        runs = self._rows.runs()
        self._window = len(self._bounds) if runs is None else max(1, runs[0] * runs[1] // self._size)
        for batch in {0, len(self._bounds) - 1}:
            for block in self._rows.workers.mine:
                rows = self._block_rows(batch, block)
                if len(rows):
                    self._executable(rows)
        example = self._block_rows(0, self._rows.workers.mine.start)
        program = self._step.update_program(example)
        count = len(program.inputs) - len(self.state.carry) - 1
        self._vector_types = [one.type for one in program.inputs[-1 - count : -1]]
        self._update = self._step.executor.compile(program)
        self._rows.workers.all_gather(b"")

    def _executable(self, rows: Rows) -> Any:
        """Return what runs the stages of a block, one after the other: each call gives the next vector."""
        known: Any = self._compiled.get(len(rows))
        if known is None:
            programs = self._step.block_programs(rows)
            known = [self._step.executor.compile(program) for program in programs]
            self._compiled[len(rows)] = known
        return known

    def rows_of(self, batch: int) -> Rows:
        """Return the rows of a batch that this worker has."""
        places = np.concatenate([self._places(batch, block) for block in self._rows.workers.mine])
        own = self._rows.take(places)
        first, last = self._bounds[batch]
        return SharedRows(own.features, own.targets, own.weights, last - first, self._rows.workers)

    def _block_rows(self, batch: int, block: int) -> Rows:
        return self._rows.take(self._places(batch, block))

    def _places(self, batch: int, block: int) -> Array:
        first, last = self._rows.part_of(block)
        begin = first + batch * self._size
        return self._order[begin : min(begin + self._size, last)]

    def _outputs(self, batch: int) -> list[Array]:
        state, step = self.state, np.array(self.state.steps)
        first, last = self._bounds[batch]
        inputs = [*state.carry[: self._step.network_count], *self._step.settings_of(state.carry)]
        dtype = self._vector_types[0].dtype

        def stages(block: int) -> Iterator[Array]:
            rows = self._block_rows(batch, block)
            if not len(rows):
                yield from [np.zeros(one.shape, dtype) for one in self._vector_types]
                return
            weights = [] if rows.weights is None else [rows.weights]
            share = np.array(len(rows) / (last - first), dtype)
            given = [*inputs, rows.features, rows.targets, *weights, self._key, step, np.array(block), share]
            kept: list[Array] = []
            for run in self._executable(rows):
                vector, *kept = run([*given, *kept])
                yield vector

        blocks = {block: stages(block) for block in self._rows.workers.mine}
        vectors = self._rows.workers.sums_of_blocks(
            [lambda block: next(blocks[block])] * len(self._vector_types)
        )
        outputs: list[Array] = self._update([*state.carry, *vectors, step])
        return outputs
