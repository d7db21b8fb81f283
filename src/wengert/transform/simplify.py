"""Simplification: fewer lines, and the stable form of formulas that overflow.

Dead code needs no pass: a program is what its outputs need.
"""

from __future__ import annotations

from dataclasses import replace

from wengert.errors import VerificationError
from wengert.ir.node import Node, with_operands
from wengert.ir.program import Program
from wengert.ir.provenance import UNKNOWN, Provenance
from wengert.transform.pruning import lightened, pruned
from wengert.transform.rules import OF_COMPLEX, RULES

# Every rule shrinks or sorts (see rules/table.py), so a node of the program causes a handful of rewrites. The
# bound is far above that; it turns a rule that undoes another into an error instead of a hang.
_REWRITES_A_LINE = 200
_REWRITES_AT_LEAST = 10_000


def simplify(program: Program, keep_sums: bool = False) -> Program:
    """Return a program with the same values and fewer, better conditioned lines.

    Folds constants, removes what multiplies by one or adds zero, composes movements, and rewrites
    log(softmax z), log(sigmoid z), log(1 + exp z), log Σ exp z and the naive softmax and sigmoid into their
    stable forms, which are right where the naive ones overflow. Simplifying twice changes nothing.

    Parameters
    ----------
    program : Program
    keep_sums : bool
        Leave sums of products in the loops that add them up; their factors then need not be kept.

    Notes
    -----
    In exact arithmetic nothing changes. In floating point the result may differ by rounding, and it is finite
    where the naive formula gave NaN or ∞. A NaN or ∞ of a value that is still computed is never dropped:
    0·x stays.
    """
    rewriting = _Rewriting(program)
    outputs = rewriting.run(program.outputs)
    rewritten = pruned(Program(program.inputs, outputs, rewriting.origins(), program.signature))
    lighter = lightened(rewritten, keep_sums)
    return rewritten if lighter is rewritten else simplify(lighter, keep_sums)


class _Rewriting:
    """One bottom-up walk: each node is rewritten, operands first, until no rule applies.

    What a rule returns is walked like the rest, so that a node is looked at again only when it has changed,
    and a program to which no rule applies is the same program again.
    """

    def __init__(self, program: Program) -> None:
        self.provenance = dict(program.provenance)
        self.final: dict[Node, Node] = {node: node for node in program.inputs}
        self.budget = _REWRITES_AT_LEAST + _REWRITES_A_LINE * len(program.nodes)

    def run(self, outputs: tuple[Node, ...]) -> list[Node]:
        """Return the final forms of `outputs`."""
        for node in outputs:
            self._walk(node)
        return [self.final[node] for node in outputs]

    def _walk(self, root: Node) -> None:
        changed: dict[Node, Node] = {}
        stack = [root]
        while stack:
            node = stack[-1]
            if node in self.final:
                stack.pop()
                continue
            successor = changed.get(node)
            if successor is None:
                waiting = [operand for operand in node.inputs if operand not in self.final]
                if waiting:
                    stack.extend(reversed(waiting))
                    continue
                successor = self._successor(node)
                if successor is not node and successor not in self.final:
                    changed[node] = successor
                    stack.append(successor)
                    continue
            if successor is not node and successor not in self.final:
                # Back at a node whose form is being looked for: what it turned into has led to itself.
                raise VerificationError(f"simplification does not come to an end: {node!r}")
            self._settle(node, self.final.get(successor, node))
            stack.pop()

    def _successor(self, node: Node) -> Node:
        """Return what `node` turns into next: its operands in final form, then what a rule makes of it."""
        operands = tuple([self.final[operand] for operand in node.inputs])
        if operands != node.inputs:
            return with_operands(node, *operands)
        is_complex = node.type.is_complex
        for rule in RULES.get(node.primitive.name, ()):
            if is_complex and rule not in OF_COMPLEX:
                continue
            result = rule(node)
            if result is None or result is node:
                continue
            if result.type is not node.type:
                raise VerificationError(f"rule {rule.__name__} turns {node.type} into {result.type}")
            self.budget -= 1
            if self.budget < 0:
                raise VerificationError(
                    f"simplification does not come to an end: {rule.__name__} at {node!r}"
                )
            self._describe(result, node)
            return result
        return node

    def _describe(self, result: Node, replaced: Node) -> None:
        """Say where the nodes that a rule has made come from: from the place of what they replace."""
        origin = self.provenance.get(replaced, UNKNOWN)
        made = Provenance(source=origin.source, regions=origin.regions, rule="simplify")
        stack = [result]
        while stack:
            node = stack.pop()
            if node.inputs and node not in self.final and node not in self.provenance:
                self.provenance[node] = made
                stack.extend(node.inputs)

    def _settle(self, node: Node, final: Node) -> None:
        """Note the final form of a node, which takes over what was known of it: both stand for one value."""
        self.final[node] = final
        if final is node or not final.inputs:
            return
        origin = self.provenance.get(node)
        known = self.provenance.get(final)
        if origin is None:
            return
        if known is None or (known.rule == "simplify"):
            self.provenance[final] = origin
        elif known.name is None and origin.name is not None:
            self.provenance[final] = replace(known, name=origin.name)

    def origins(self) -> dict[Node, Provenance]:
        """Return the side table of the result; an adjoint belongs to the final form of its node."""
        table = dict(self.provenance)
        for node, origin in table.items():
            if origin.adjoint_of is not None:
                final = self.final.get(origin.adjoint_of, origin.adjoint_of)
                if final is not origin.adjoint_of:
                    table[node] = replace(origin, adjoint_of=final)
        return table
