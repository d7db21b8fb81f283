"""Residuals of a loop: the values that it keeps for the backward pass in place of computing them again."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from wengert.ir.node import Node, make_input, with_operands
from wengert.ir.primitive import Kind
from wengert.ir.program import Program
from wengert.transform.regions.bodies import reached


def residuals(back: Program, seeds: Sequence[Node]) -> list[Node]:
    """Return the values of a body to keep for its pullback: of those that suffice, the fewest bytes.

    Parameters
    ----------
    back : Program
        The pullback.
    seeds : sequence of Node
        Its inputs that are cotangents. What does not depend on them is known going forward.

    Notes
    -----
    What the pullback reads is kept, or computed again where that takes as long as reading it and what it is
    made of is there. The smallest choice is a minimum cut between lines that are costly and those that are
    read.
    """
    late = reached(back.nodes, seeds)
    reads = {one for node in back.nodes if node in late for one in node.inputs}
    reads.update(back.outputs)
    known = [node for node in back.nodes if node not in late and node.inputs]
    cut = _Cut()
    for node in known:
        before, after = (node, False), (node, True)
        cut.connect(before, after, node.type.size * node.type.dtype.itemsize)
        if node in reads:
            cut.connect(after, _END, _ENDLESS)
        operands = [one for one in node.inputs if one.inputs] if _is_cheap(node) else []
        for one in operands:
            cut.connect((one, True), before, _ENDLESS)
        if not _is_cheap(node):
            cut.connect(_BEGIN, before, _ENDLESS)
    beyond = cut.side_of_end()
    return [node for node in known if (node, True) in beyond and (node, False) not in beyond]


_ENDLESS = 1 << 60
_BEGIN, _END = "begin", "end"


class _Cut:
    """A minimum cut between two places of a network, by augmenting paths (Ford & Fulkerson 1956)."""

    def __init__(self) -> None:
        self.left: dict[Any, dict[Any, int]] = {_BEGIN: {}, _END: {}}

    def connect(self, one: Any, other: Any, capacity: int) -> None:
        """Add an edge with this capacity."""
        self.left.setdefault(one, {})[other] = capacity
        self.left.setdefault(other, {}).setdefault(one, 0)

    def side_of_end(self) -> set[Any]:
        """Return the places that still reach the end at the maximum flow: one side of the minimum cut."""
        while (path := self._path()) is not None:
            amount = min(self.left[one][other] for one, other in pairwise(path))
            for one, other in pairwise(path):
                self.left[one][other] -= amount
                self.left[other][one] += amount
        into: dict[Any, list[Any]] = {}
        for one, others in self.left.items():
            for other, capacity in others.items():
                if capacity:
                    into.setdefault(other, []).append(one)
        found, pending = {_END}, [_END]
        while pending:
            for one in into.get(pending.pop(), ()):
                if one not in found:
                    found.add(one)
                    pending.append(one)
        return found

    def _path(self) -> list[Any] | None:
        """Return a shortest augmenting path."""
        came: dict[Any, Any] = {_BEGIN: None}
        pending = deque([_BEGIN])
        while pending and _END not in came:
            one = pending.popleft()
            for other, capacity in self.left[one].items():
                if capacity and other not in came:
                    came[other] = one
                    pending.append(other)
        if _END not in came:
            return None
        path = [_END]
        while path[-1] != _BEGIN:
            path.append(came[path[-1]])
        return path[::-1]


def _is_cheap(node: Node) -> bool:
    """Whether a line takes as long as reading its value: a movement, or one operation an element."""
    if node.primitive.kind not in (Kind.ELEMENTWISE, Kind.MOVEMENT):
        return False
    return node.flops <= node.type.size


def reading(back: Program, kept: Sequence[Node]) -> Program:
    """Return a pullback that takes kept values as further inputs, and computes them no more."""
    inputs = [make_input(f"kept{place}", node.type) for place, node in enumerate(kept)]
    new: dict[Node, Node] = dict(zip(kept, inputs, strict=True))
    for node in back.nodes:
        if node not in new:
            new[node] = with_operands(node, *[new[one] for one in node.inputs]) if node.inputs else node
    origins = {new[node]: origin for node, origin in back.provenance.items() if node in new}
    return Program([*back.inputs, *inputs], [new[node] for node in back.outputs], origins)
