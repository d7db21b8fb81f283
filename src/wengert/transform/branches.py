"""Which values count only if some ``where`` takes the branch they stand in."""

from __future__ import annotations

from collections.abc import Sequence

from wengert.ir.node import Node
from wengert.ir.primitive import Kind, NotDifferentiable
from wengert.ir.program import ancestors

# A condition and whether it must be true, or a value that moves elements and must count itself; what must
# hold together; the alternatives, none of which needs anything where one of them is empty.
Literal = tuple[Node, bool]
Conjunction = frozenset[Literal]
Alternatives = frozenset[Conjunction]

_ALWAYS: Alternatives = frozenset([frozenset()])
_MOST = 16  # conditions or alternatives that are kept apart; beyond, a value is taken to count less often


def branch_only(outputs: Sequence[Node]) -> set[Node]:
    """Return the nodes whose derivative counts only if some ``where`` takes the branch they stand in.

    They may have been computed at points where they have no finite derivative, since somebody else decides
    whether they count. A node that is used outside of a branch as well, or in both branches under one
    condition (as z in the leaky ReLU), always counts and is not among them; that the condition or another
    step of no derivative reads it does not matter.
    """
    nodes = ancestors(outputs)
    if not any(node.primitive.selects for node in nodes):
        return set()
    uses: dict[Node, list[Alternatives]] = {node: [_ALWAYS] for node in outputs}
    found = set()
    for node in reversed(nodes):
        if node not in uses or isinstance(node.primitive.vjp, NotDifferentiable):
            continue
        needs = _either(uses.pop(node))
        if needs != _ALWAYS:
            found.add(node)
        if node.primitive.selects:
            condition, x, y = node.inputs
            uses.setdefault(x, []).append(_both(needs, (condition, True)))
            uses.setdefault(y, []).append(_both(needs, (condition, False)))
        else:
            if needs != _ALWAYS and node.primitive.kind is not Kind.ELEMENTWISE:
                # Its elements stand in other places than those of its operands, so conditions on them do not
                # complement conditions there.
                needs = frozenset([frozenset([(node, True)])])
            for operand in node.inputs:
                uses.setdefault(operand, []).append(needs)
    return found


def _both(needs: Alternatives, literal: Literal) -> Alternatives:
    """Return what is needed if a literal must hold as well; alternatives that contradict it go."""
    condition, value = literal
    possible = [one for one in needs if (condition, not value) not in one]
    # Of very deep nesting only a part is kept. A node whose branch is never taken then still is guarded.
    return frozenset(one | {literal} if len(one) < _MOST else one for one in possible)


def _either(uses: list[Alternatives]) -> Alternatives:
    """Return what is needed for one of several uses to count; under c or else under not c is always.

    Merged alternatives are added to those they come from, so the result does not depend on an order.
    """
    if len(uses) == 1:
        return uses[0]
    alternatives = uses[0].union(*uses[1:])
    before = 0
    while before < len(alternatives) <= _MOST**2:
        before = len(alternatives)
        alternatives = alternatives | {
            one - {(condition, value)}
            for one in alternatives
            for condition, value in one
            if one - {(condition, value)} | {(condition, not value)} in alternatives
        }
    if frozenset() in alternatives:
        return _ALWAYS
    least = frozenset(one for one in alternatives if not any(other < one for other in alternatives))
    # To forget alternatives is to take the value to count less often, which errs on the safe side.
    return least if len(least) <= _MOST else uses[0]
