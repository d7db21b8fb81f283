"""A training step in parts: the gradients of a block of a batch, and the update by their sums over all."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
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
from wengert.transform.stages import two_stages

Array = np.ndarray[Any, Any]


# Gradients of fewer values are sent at once: dividing the pass would take longer than is waited for them.
_FEW = 2**16


class BlockStep(TrainingStep):
    """A `TrainingStep` that is also divided.

    What the blocks of a batch give is a vector: the loss, the arrays of the network that the pass changes
    (running statistics), and the gradients, each times the share that the block has of the batch. Of many
    values there are two: the gradients of the last layers, which a pass backwards has first, are in the
    first, and are added up over the workers while the pass goes on to the second.
    """

    def block_programs(self, batch: Rows) -> tuple[Program, ...]:
        """Return (network, settings, rows, key, step number, block, share) → vector, in one stage or two.

        The key of the block's randomness follows from step and block. The first of two stages gives, after
        its vector, what the second takes after these inputs.
        """
        program = self._block(batch)[0]
        if len(program.outputs) == 1:
            return (program,)
        stages: tuple[Program, ...] = self.kept(("stages", program), lambda: two_stages(program, 1))
        return stages

    def update_program(self, batch: Rows) -> Program:
        """Return (carry, vectors, step number) → (carry, loss), after sums over blocks like this one."""
        program, moving = self._block(batch)
        vectors = [one.type for one in program.outputs]

        def make() -> Program:
            types = [abstract(one.shape, one.dtype) for one in vectors]
            carry = self._abstract()
            return simplify(
                trace(lambda *inputs: self._update(moving, *inputs), *carry, types, abstract((), np.int64))
            )

        update: Program = self.kept(("update", *vectors), make)
        return update

    def _order(self, parameters: dict[str, Any]) -> tuple[list[str], list[str]]:
        """Return the paths of the gradients in the first vector, at least half of all, and in the second."""
        first, rest = list(parameters), []
        left = total = sum(array.size for array in parameters.values())
        while total >= _FEW and left - parameters[first[0]].size >= total / 2:
            rest.append(first.pop(0))
            left -= parameters[rest[-1]].size
        return first, rest

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
            first, rest = self._order(gradients)
            arrays = [loss, *(running[path] for path in moving), *(gradients[path] for path in first)]
            others = [gradients[path] for path in rest]
            return [vector(part) * share for part in (arrays, others) if part]

        def vector(arrays: list[Any]) -> Any:
            return np.concatenate([np.reshape(array, (-1,)).astype(self.dtype) for array in arrays])

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
        vectors: Any,
        step: Any,
    ) -> Any:
        rule = with_settings(self.rule, numbers)
        state, parameters = nn.state(net), nn.parameters(net)
        first, rest = self._order(parameters)
        before = np.zeros(()), *(state[path] for path in moving), *(parameters[path] for path in first)
        (loss, *arrays), *others = map(_parted, vectors, [before, [parameters[path] for path in rest]])
        found = dict(zip((*moving, *first, *rest), itertools.chain(arrays, *others), strict=True))
        running = state | {path: found[path] for path in moving}
        gradients = {path: found[path] for path in parameters}
        net, optimizer, average = self._updated(rule, net, optimizer, average, running, gradients, step)
        return net, optimizer, numbers, average, loss


def _parted(vector: Any, like: Sequence[Any]) -> list[Any]:
    """Return the arrays that are one after the other in a vector, in the shapes and dtypes of others."""
    ends = np.cumsum([0, *(array.size for array in like)]).tolist()
    return [
        np.reshape(vector[first:last], array.shape).astype(array.dtype)
        for array, first, last in zip(like, ends[:-1], ends[1:], strict=True)
    ]
