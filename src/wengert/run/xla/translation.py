"""A program as a function of JAX arrays, which JAX compiles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from wengert.ir.node import Node
from wengert.ir.primitive import Kind
from wengert.ir.program import Program, bodies
from wengert.run.xla.host import computed_on_host
from wengert.run.xla.operations import in_range, operation_of
from wengert.run.xla.regions import REGIONS, Lowered
from wengert.trace.tensor import Trace
from wengert.transform.decomposition import declared, decompose

_GIVEN = (Kind.INPUT, Kind.CONSTANT, Kind.ITEM)


def left_to_numpy(node: Node) -> str | None:
    """Return why NumPy computes a line, in a call from the device; None where XLA has code for it."""
    primitive = node.primitive
    if primitive.kind in _GIVEN:
        return None
    if primitive.kind is Kind.REGION:
        if primitive.name in REGIONS:
            return None
        return f"{primitive.name} keeps values of a number of iterations that nobody knows before"
    return None if operation_of(primitive) is not None else f"{primitive.name} has no code for XLA"


def written_out(program: Program) -> Program:
    """Return a program with the same values, of lines that XLA has code for as far as possible."""
    return decompose(program, _replacement)


def _replacement(node: Node, trace: Trace) -> Any:
    return None if left_to_numpy(node) is None else declared(node, trace)


def lines_for_numpy(program: Program) -> dict[Node, str]:
    """Return the lines that NumPy computes, with the reason of each, also those in loops and branches."""
    found: dict[Node, str] = {}
    waiting = [written_out(program)]
    while waiting:
        for node in waiting.pop().lines:
            reason = left_to_numpy(node)
            if reason is not None:
                found[node] = reason
            elif node.primitive.kind is Kind.REGION:
                waiting += [written_out(body) for body in bodies(node)]
    return found


def lowered(program: Program) -> Lowered:
    """Return the function from the inputs of a program to its outputs, and whether all went well.

    It is false where an index was out of range, or NumPy raised an error on the host.
    """
    expanded = written_out(program)

    def run(arguments: Sequence[Any]) -> tuple[list[Any], Any]:
        values: dict[Node, Any] = dict(zip(expanded.inputs, arguments, strict=True))
        good = jnp.array(True)
        for node in expanded.nodes:
            if node in values:
                continue
            values[node], fine = line_value(node, [values[operand] for operand in node.inputs])
            if fine is not None:
                good &= fine
        return [values[node] for node in expanded.outputs], good

    return run


def line_value(node: Node, operands: list[Any]) -> tuple[Any, Any]:
    """Return the value of a line, and whether all went well: None where nothing can go wrong."""
    primitive, params = node.primitive, dict(node.params)
    if primitive.kind is Kind.CONSTANT:
        return jnp.asarray(node.value), None
    if primitive.kind is Kind.ITEM:
        return operands[0][params["index"]], None
    if left_to_numpy(node) is not None:
        return computed_on_host(node, operands)
    if primitive.kind is Kind.REGION:
        return REGIONS[primitive.name](lowered, operands, **params)
    operation = operation_of(primitive)
    assert operation is not None
    value = operation(*operands, **params)
    assert (value.shape, value.dtype) == (node.type.shape, node.type.dtype), (node, value)
    return value, in_range(*operands, **params) if primitive.kind is Kind.INDEXING else None
