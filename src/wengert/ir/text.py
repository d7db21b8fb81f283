"""The Wengert list as text: one line per operation, with types."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from wengert.ir.node import CONSTANT, Literal, Node
from wengert.ir.program import Program

_ELIDED_ABOVE = 6  # elements of a constant that are shown


def literal(value: np.ndarray[Any, Any]) -> str:
    """Return a constant as it stands in the list: a number, or the start of an array and its type."""
    if value.ndim == 0:
        return repr(value.item())
    shown = ", ".join(repr(element) for element in value.reshape(-1)[:_ELIDED_ABOVE].tolist())
    dots = ", …" if value.size > _ELIDED_ABOVE else ""
    return f"[{shown}{dots}]"


def names(program: Program) -> dict[Node, str]:
    """Return the name of each node: the argument's for inputs, ``v0``, ``v1``, … for the lines."""
    result: dict[Node, str] = {}
    for node in program.inputs:
        result[node] = str(node.param("name"))
    taken = set(result.values())
    numbered = (f"v{number}" for number in itertools.count())
    fresh = (candidate for candidate in numbered if candidate not in taken)
    for node in program.nodes:
        if node.primitive is CONSTANT and node.type.ndim == 0:
            value = node.param("value").array.item()
            result[node] = repr(value) if np.isfinite(value) else str(value)
        elif node not in result:
            result[node] = next(fresh)
    return result


def _param(value: Any) -> str:
    if isinstance(value, Literal):
        return literal(value.array)
    if isinstance(value, np.dtype):
        return value.name
    return repr(value).replace(" ", "")


def _programs(value: Any) -> tuple[Program, ...]:
    """Return the programs that a parameter is: one, or a tuple of them."""
    return tuple(one for one in (value if isinstance(value, tuple) else (value,)) if isinstance(one, Program))


def text(program: Program) -> str:
    """Return the list; the user's own names for values stand after ``#``, bodies of loops below, indented."""
    name = names(program)
    arguments = ", ".join(f"{name[node]}: {node.type}" for node in program.inputs)
    lines = [f"program({arguments})"]
    inline = (node for node in program.nodes if node.primitive is CONSTANT and node.type.ndim == 0)
    hidden = {*program.inputs, *inline}
    body = [node for node in program.nodes if node not in hidden]
    nested: dict[int, list[str]] = {}
    rows: list[tuple[str, str, str]] = []
    for node in body:
        operands = " ".join(name[operand] for operand in node.inputs)
        params = " ".join(f"{key}={_param(value)}" for key, value in node.params if not _programs(value))
        nested[len(rows)] = [
            f"      {key}: {line}" if number == 0 else f"      {line}"
            for key, value in node.params
            for inner in _programs(value)
            for number, line in enumerate(text(inner).split("\n"))
        ]
        right = " ".join(part for part in (node.primitive.name, operands, params) if part)
        known = program.provenance.get(node)
        comment = known.name if known is not None and known.name else ""
        rows.append((f"  {name[node]}: {node.type}", right, comment))
    width = max((len(left) for left, _, _ in rows), default=0)
    middle = max((len(right) for _, right, _ in rows), default=0)
    for number, (left, right, comment) in enumerate(rows):
        line = f"{left:<{width}} = {right:<{middle}}"
        lines.append(f"{line}  # {comment}" if comment else line.rstrip())
        lines += nested[number]
    lines.append("  return " + ", ".join(name[node] for node in program.outputs))
    return "\n".join(lines)
