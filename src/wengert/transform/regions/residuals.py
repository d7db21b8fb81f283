"""What a loop keeps of its turns for the sweep back: values, so that they need not be computed again."""

from __future__ import annotations

from collections.abc import Sequence

from wengert.ir.node import CONSTANT, INPUT, Node, make_input, with_operands
from wengert.ir.primitive import Kind
from wengert.ir.program import Program
from wengert.transform.regions.bodies import reached


def residuals(back: Program, seeds: Sequence[Node]) -> list[Node]:
    """Return the values of a body that its pullback reads, and that cost more than to read them.

    Parameters
    ----------
    back : Program
        The pullback.
    seeds : sequence of Node
        Its inputs that are cotangents. What does not depend on them is known going forward.
    """
    late = reached(back.nodes, seeds)
    reads = [one for node in back.nodes if node in late for one in node.inputs]
    pending = list(dict.fromkeys([*reads, *back.outputs]))
    found: dict[Node, None] = {}
    seen: set[Node] = set()
    while pending:
        node = pending.pop()
        if node in late or node in seen or node.primitive in (INPUT, CONSTANT):
            continue
        seen.add(node)
        computed = {one for one in node.inputs if one.primitive not in (INPUT, CONSTANT)}
        if _is_cheap(node) and len(computed) <= 1:
            pending += computed
        else:
            found[node] = None
    return list(found)


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
