"""A step computed over fixed blocks of its batch, so that its bits do not depend on the number of devices.

A block is computed by the same code whichever device has it, one after the other on each, and what blocks
add up to is gathered and combined in a fixed tree. A barrier stands before each line: how XLA rewrites lines
together, a quotient as a product with an inverse say, is different on one device and on several.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from wengert.ir.node import Node
from wengert.ir.primitive import Kind
from wengert.ir.program import Program
from wengert.run.xla.mesh import MOST_DEVICES
from wengert.run.xla.operations import in_range, operation_of
from wengert.run.xla.row_axes import ByBlock, by_blocks
from wengert.run.xla.translation import line_value, written_out


def block_count(rows: int) -> int:
    """Return into how many blocks a batch is divided: a multiple of each number of devices."""
    return math.lcm(*[one for one in range(1, MOST_DEVICES + 1) if rows % one == 0])


class BlockStep:
    """A program whose outputs all devices share, computed over blocks of the rows of some inputs.

    Parameters
    ----------
    program : Program
    places : tuple of int
        Inputs with one entry a row.
    axes : tuple of str
        Of the mesh, along which the rows are divided.

    Raises
    ------
    ConfigurationError
        When a line takes rows together.
    """

    def __init__(self, program: Program, places: tuple[int, ...], axes: tuple[str, ...]) -> None:
        self._program = written_out(program)
        self._places, self._axes = places, axes
        self._rows = program.inputs[places[0]].type.shape[0]
        self._blocks = block_count(self._rows)
        # A batch that is one block, of one row or of 17, is on each device as a whole.
        self._found = by_blocks(self._program, places, self._rows) if self._blocks > 1 else {}
        self._stages = self._divided()

    def _divided(self) -> list[tuple[list[Node], list[Node]]]:
        """Return the lines in the order of the sums between them: those all share, then those of blocks."""
        level: dict[Node, int] = {}
        shared: dict[int, list[Node]] = {}
        of_blocks: dict[int, list[Node]] = {}
        for node in self._program.nodes:
            rule = self._found.get(node)
            own = max((level[one] for one in node.inputs), default=0)
            level[node] = own + 1 if rule is not None and rule.axis is None else own
            if node.primitive.kind is Kind.INPUT:
                continue
            (shared if rule is None else of_blocks).setdefault(own, []).append(node)
        count = 1 + max((*shared, *of_blocks), default=0)
        return [(shared.get(one, []), of_blocks.get(one, [])) for one in range(count)]

    def __call__(self, arguments: Sequence[Any]) -> tuple[list[Any], Any]:
        """Return the outputs, and whether all went well, of the rows of one device; inside `shard_map`."""
        devices = math.prod(lax.axis_size(axis) for axis in self._axes)
        self._own = self._blocks // devices
        first = lax.axis_index(self._axes) * self._own if self._axes else 0
        values: dict[Node, Any] = dict(zip(self._program.inputs, arguments, strict=True))
        for place in self._places if self._found else ():
            whole = values[self._program.inputs[place]]
            values[self._program.inputs[place]] = whole.reshape(self._own, -1, *whole.shape[1:])
        good = jnp.array(True)
        for shared, of_blocks in self._stages:
            for node in shared:
                values[node], fine = line_value(node, _apart([values[one] for one in node.inputs]))
                good = good if fine is None else good & fine
            if of_blocks:
                good &= self._over_blocks(of_blocks, values, first)
        return _apart([self._whole(node, values[node]) for node in self._program.outputs]), good

    def _whole(self, node: Node, value: Any) -> Any:
        """Return an output of all blocks: the weights of members that have one row each are one a row."""
        rule = self._found.get(node)
        if rule is None or rule.axis is None:
            return value
        if self._axes:
            value = lax.all_gather(value, self._axes, tiled=True)
        return jnp.moveaxis(value, 0, rule.axis).reshape(node.type.shape)

    def _over_blocks(self, nodes: list[Node], values: dict[Node, Any], first: Any) -> Any:
        """Compute lines of all blocks of this device, and what these add up to."""
        given = {
            one: values[one]
            for node in nodes
            for one in node.inputs
            if one in values and (rule := self._found.get(one)) is not None and rule.axis is not None
        }
        size = self._rows // self._blocks

        def of_block(inputs: tuple[Any, list[Any]]) -> Any:
            number, entries = _apart(inputs)
            known = dict(zip(given, entries, strict=True))
            good = jnp.array(True)
            for node in nodes:
                operands = [known[one] if one in known else values[one] for one in node.inputs]
                known[node], fine = _of_block(node, self._found[node], operands, number * size, size)
                good = good if fine is None else good & fine
            return _apart(([known[node] for node in nodes], good))

        numbers = first + jnp.arange(self._own)
        results, good = lax.map(of_block, (numbers, list(given.values())))
        for node, result in zip(nodes, results, strict=True):
            rule = self._found[node]
            if rule.combined is not None:
                result = self._combined(result, rule.combined)
            values[node] = result / jnp.asarray(self._blocks, result.dtype) if rule.is_mean else result
        return self._combined(good, jnp.logical_and)

    def _combined(self, parts: Any, combine: Callable[[Any, Any], Any]) -> Any:
        """Return what the parts of all blocks give together, added up in a tree that is always the same."""
        if self._axes:
            parts = lax.all_gather(parts, self._axes, tiled=True)
        parts = _apart(parts)
        while len(parts) > 1:
            half = len(parts) // 2
            pairs = combine(parts[:half], parts[half : 2 * half])
            parts = jnp.concatenate([pairs, parts[2 * half :]])
        return _apart(parts[0])


def _apart(values: Any) -> Any:
    """Return the values, which XLA does not look through."""
    return lax.optimization_barrier(values)


def _of_block(node: Node, rule: ByBlock, operands: list[Any], first: Any, size: int) -> tuple[Any, Any]:
    """Return the value of a line for a block, and whether all went well: None where nothing can go wrong."""
    for place, axis in rule.slices.items():
        operands[place] = lax.dynamic_slice_in_dim(operands[place], first, size, axis)
    for place in rule.numbers:
        operands[place] = operands[place] - first
    params = rule.changes(dict(node.params), size)
    operation = operation_of(node.primitive)
    assert operation is not None
    operands = _apart(operands)
    value = operation(*operands, **params)
    return value, in_range(*operands, **params) if node.primitive.kind is Kind.INDEXING else None


def over_mesh(
    step: BlockStep, mesh: Any, places: tuple[int, ...], count: int, axes: Any
) -> Callable[..., Any]:
    """Return the step as a function of the arrays of all devices."""
    specs = [axes if place in places else jax.sharding.PartitionSpec() for place in range(count)]
    whole = jax.sharding.PartitionSpec()
    mapped: Callable[..., Any] = jax.shard_map(
        step, mesh=mesh, in_specs=(specs,), out_specs=(whole, whole), check_vma=False
    )
    return mapped
