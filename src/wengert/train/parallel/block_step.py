"""A training step in two programs: the gradient of a block of a batch, and the update by the sum of all."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert import nn
from wengert.ir.program import Program
from wengert.primitives import random
from wengert.trace.settings import with_settings
from wengert.trace.tracing import abstract, trace
from wengert.train.inputs import Rows
from wengert.train.steps.step import TrainingStep, batch_types, loss_and_gradients
from wengert.transform.simplify import simplify

Array = np.ndarray[Any, Any]


class BlockStep(TrainingStep):
    """A `TrainingStep` that is also divided.

    What the blocks of a batch give is one vector: the loss, the arrays of the network that the pass changes
    (running statistics), and the gradients, each times the share that the block has of the batch.
    """

    def block_program(self, batch: Rows) -> Program:
        """Return (network, settings, rows, key, step number, block, share) → vector.

        The key of the block's randomness follows from step and block.
        """
        return self._block(batch)[0]

    def update_program(self, batch: Rows) -> Program:
        """Return (carry, vector, step number) → (carry, loss), after a sum over blocks like this one."""
        program, moving = self._block(batch)
        (vector,) = program.outputs

        def make() -> Program:
            carry = self._abstract()
            types = abstract(vector.type.shape, vector.type.dtype), abstract((), np.int64)
            return simplify(trace(lambda *inputs: self._update(moving, *inputs), *carry, *types))

        update: Program = self.kept(("update", vector.type), make)
        return update

    def _block(self, batch: Rows) -> tuple[Program, tuple[str, ...]]:
        """Return the program of a block, and the paths of the arrays that a pass changes."""
        types = batch_types(batch)
        moving: list[str] = []

        def function(
            net: Any, numbers: Any, X: Any, y: Any, weights: Any, key: Any, step: Any, block: Any, share: Any
        ) -> Any:
            rule = with_settings(self.rule, numbers)
            key = random.fold_in(random.fold_in(key, step), block)
            _, loss, running, gradients = loss_and_gradients(
                net, rule.objective, X, y, weights, key, rule.memory
            )
            before = nn.state(net)
            moving[:] = [path for path, value in running.items() if value is not before[path]]
            arrays = [loss, *(running[path] for path in moving), *gradients.values()]
            flat = [np.reshape(array, (-1,)).astype(self.dtype) for array in arrays]
            return np.concatenate(flat) * share

        def make() -> tuple[Program, tuple[str, ...]]:
            net, _, numbers, _ = self._abstract()
            scalars = abstract((), np.int64), abstract((), np.int64), abstract((), self.dtype)
            program = simplify(trace(function, net, numbers, *types, abstract((2,), np.uint32), *scalars))
            return program, tuple(moving)

        known: tuple[Program, tuple[str, ...]] = self.kept(("block", *types), make)
        return known

    def _update(
        self,
        moving: tuple[str, ...],
        net: Any,
        optimizer: Any,
        numbers: Any,
        average: Any,
        vector: Any,
        step: Any,
    ) -> Any:
        rule = with_settings(self.rule, numbers)
        state, parameters = nn.state(net), nn.parameters(net)
        taken = 1

        def next_like(array: Any) -> Any:
            nonlocal taken
            first, taken = taken, taken + array.size
            return np.reshape(vector[first:taken], array.shape).astype(array.dtype)

        running = {path: next_like(state[path]) if path in moving else state[path] for path in state}
        gradients = {path: next_like(array) for path, array in parameters.items()}
        net, optimizer, average = self._updated(rule, net, optimizer, average, running, gradients, step)
        return net, optimizer, numbers, average, vector[0]
