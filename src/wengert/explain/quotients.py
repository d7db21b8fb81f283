"""Softmax and the sigmoid written out by hand: lines inside such a quotient need no names of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from wengert.explain.index.definitions import uniform_value
from wengert.explain.index.notation import adds_up
from wengert.explain.index.operations import exponents, signs
from wengert.explain.index.softmax import is_exponential
from wengert.ir.node import Node
from wengert.ir.primitive import Kind
from wengert.ir.program import Program


def inside_quotients(program: Program, consumers: Mapping[Node, Sequence[Node]]) -> set[Node]:
    """Return the lines that stand in e^z / Σ e^z, e^z / (1 + e^z) or 1 / (1 + e^z), and nowhere else."""
    found: set[Node] = set()
    for node in program.nodes:
        if exponents(node.primitive) == (1, -1):
            inside = set(_parts(*node.inputs))
            if all(user in inside or user is node for one in inside for user in consumers[one]):
                found |= inside
    return found


def _parts(above: Node, below: Node) -> Iterator[Node]:
    """Yield the lines between the exponent and the quotient; none where it is another quotient."""
    moved = [below]
    while moved[-1].primitive.kind is Kind.MOVEMENT:
        moved.append(moved[-1].inputs[0])
    last = moved[-1]
    if adds_up(last.primitive) and last.inputs[0] is above and is_exponential(above):
        yield from (above, *moved)
    elif signs(last.primitive) == (1, 1) and 1.0 in (sides := [uniform_value(one) for one in last.inputs]):
        power = last.inputs[1 - sides.index(1.0)]
        if is_exponential(power) and (above is power or uniform_value(above) == 1):
            yield from (power, *moved)
