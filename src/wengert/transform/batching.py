"""Batching: a program for one example becomes a program for a batch of them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

from wengert.ir.node import ITEM, Node, make_input, with_operands
from wengert.ir.program import Program
from wengert.ir.types import tensor_type
from wengert.primitives.batching import repeated
from wengert.trace.tensor import Tensor, Trace, as_tensor


def batch(program: Program, mapped: Collection[int], size: int, shared: Collection[int] = ()) -> Program:
    """Return the program that computes `program` for each entry of a batch.

    Each line runs once, over the whole batch, by the rule of its primitive's kind; a line that depends on no
    mapped input is computed once for all entries.

    Parameters
    ----------
    program : Program
    mapped : collection of int
        Positions of the inputs that have the axis of the batch, in front; all entries share the others.
    size : int
        Number of entries.
    shared : collection of int
        Positions of outputs that depend on no mapped input and stay what they are.

    Returns
    -------
    Program
        The axis of the batch stands first in each other output, also in one that depends on no mapped input.
    """
    trace = Trace(rule="batch")
    new: dict[Node, Node] = {}
    inputs = []
    for position, node in enumerate(program.inputs):
        shape = (size, *node.type.shape) if position in mapped else node.type.shape
        grown = make_input(node.param("name"), tensor_type(shape, node.type.dtype))
        inputs.append(grown)
        new[node] = grown
        _keep_origin(program, node, grown, trace)
    batches = {program.inputs[position] for position in mapped}
    results: dict[Node, Any] = {}  # of regions over a batch, a tuple each
    with trace.recording():
        for node in program.nodes:
            if node in new:
                continue
            if batches.isdisjoint(node.inputs):
                operands = [new[operand] for operand in node.inputs]
                new[node] = with_operands(node, *operands) if operands else node
            else:
                if node.primitive is ITEM:
                    found = results[node.inputs[0]][node.param("index")]
                else:
                    found = _batched(node, new, batches, size, trace)
                batches.add(node)
                if node.primitive.region is not None:
                    results[node] = found
                    continue
                new[node] = as_tensor(found, trace).node
            _keep_origin(program, node, new[node], trace)
        outputs = [
            new[node]
            if node in batches or position in shared
            else as_tensor(repeated(Tensor(new[node], trace), size), trace).node
            for position, node in enumerate(program.outputs)
        ]
    return Program(inputs, outputs, trace.provenance)


def _keep_origin(program: Program, node: Node, new: Node, trace: Trace) -> None:
    if node in program.provenance:
        trace.provenance[new] = program.provenance[node]


def _batched(node: Node, new: dict[Node, Node], batches: set[Node], size: int, trace: Trace) -> Any:
    operands = [Tensor(new[operand], trace) for operand in node.inputs]
    mapped = tuple(operand in batches for operand in node.inputs)
    params = dict(node.params)
    primitive = node.primitive
    if primitive.batch is not None:
        return primitive.batch(primitive, mapped, size, *operands, **params)
    if not size:
        return np.zeros((0, *node.type.shape), node.type.dtype)
    # Nothing better is known: one entry after the other.
    entries: list[Any] = [
        primitive(*[one[entry] if has else one for one, has in zip(operands, mapped, strict=True)], **params)
        for entry in range(size)
    ]
    return np.stack(entries)
