"""Reverse mode as a transformation from programs to programs.

The algorithm of the lectures: visit the list in reverse topological order; each node adds its contribution to
the adjoints of its operands. Un-broadcasting, dtype matching and the accumulation stand here, once, so that
the rules of the primitives need none of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

import numpy as np

from wengert.errors import GradientError
from wengert.ir.node import ITEM, Node, items_of, make_input
from wengert.ir.primitive import Kind, NotDifferentiable
from wengert.ir.program import Program, reading_order
from wengert.ir.provenance import UNKNOWN, Provenance
from wengert.primitives.complex_numbers import real
from wengert.primitives.selection import astype
from wengert.trace.tensor import Tensor, Trace, as_tensor
from wengert.transform.branches import branch_only
from wengert.transform.broadcasting import unbroadcast
from wengert.transform.guard import Guard
from wengert.transform.placement import Part, as_part, assemble, zeros


def dependents(nodes: Iterable[Node], wrt: Sequence[Node]) -> list[Node]:
    """Return those of `nodes`, in topological order, to which a derivative flows from `wrt`.

    They are floating or complex numbers, depend on a node of `wrt`, and no step on the way is declared
    constant.
    """
    active = set(wrt)
    order = []
    for node in nodes:
        if node not in active:
            if isinstance(node.primitive.vjp, NotDifferentiable) or not node.type.is_inexact:
                continue
            if active.isdisjoint(node.inputs):
                continue
            active.add(node)
        order.append(node)
    return order


class _Pullback:
    """The adjoints of one reverse sweep."""

    def __init__(self, trace: Trace, names: dict[Node, Provenance], guarded: set[Node]) -> None:
        self.trace = trace
        self.names = names
        self.guard = Guard(guarded, trace)
        self.adjoints: dict[Node, Tensor] = {}
        # What slices have contributed, which is joined when the adjoint is finished.
        self.parts: dict[Node, list[Part]] = {}
        # Cotangents of the results of a region, by their position.
        self.items: dict[Node, dict[int, Tensor]] = {}

    def add(self, node: Node, contribution: Tensor) -> None:
        """adjoint[node] += contribution."""
        contribution = unbroadcast(contribution, node.type.shape)
        if contribution.dtype != node.type.dtype:
            if contribution.dtype.kind == "c" and not node.type.is_complex:
                contribution = real(contribution)  # the transpose of a real number's conversion
            contribution = astype(contribution, dtype=node.type.dtype)
        part = as_part(contribution)
        if part is not None:
            self.parts.setdefault(node, []).append(part)
            return
        before = self.adjoints.get(node)
        self.adjoints[node] = contribution if before is None else before + contribution

    def close(self, node: Node) -> Tensor | None:
        """Return the finished adjoint of `node` and name it in the side table."""
        parts = self.parts.pop(node, None)
        adjoint = self.adjoints.get(node)
        if parts is not None:
            joined = assemble(parts, node.type.shape)
            adjoint = self.adjoints[node] = joined if adjoint is None else adjoint + joined
        if adjoint is not None and adjoint.node.inputs:
            known = self.trace.provenance.get(adjoint.node, UNKNOWN)
            origin = self.names.get(node, UNKNOWN)
            name = f"d{origin.name}" if origin.name else None
            # One node may be the adjoint of several (of x and of x − t): it is called after the first named.
            if known.adjoint_of is None or (known.name is None and name is not None):
                layers = tuple([entered for entered in origin.regions if entered.kind == "layer"])
                self.trace.provenance[adjoint.node] = Provenance(
                    known.name or name, known.source, layers, adjoint_of=node, rule=known.rule
                )
        return adjoint

    def _cotangents(self, node: Node) -> list[Tensor | None] | None:
        """Return the cotangents of the results of a region, None where there is none at all."""
        found = self.items.pop(node, None)
        return None if found is None else [found.get(place) for place in range(len(items_of(node)))]

    def visit(self, node: Node, active: set[Node]) -> None:
        """Send the adjoint of `node` on to its operands."""
        rule = node.primitive.vjp
        adjoint: Any = self.close(node) if node.primitive.region is None else self._cotangents(node)
        if adjoint is None or not node.inputs or isinstance(rule, NotDifferentiable):
            return
        taken = self.guard.taken(node)
        if node.primitive is ITEM:
            self.items.setdefault(node.inputs[0], {})[node.param("index")] = adjoint
            self.guard.visit(node, taken, active)
            return
        self.trace.rule = f"vjp of {node.primitive.name}"
        # LAPACK may refuse the derivative's matrix, and its error then says where the user wrote it.
        is_routine = node.primitive.kind is Kind.LIBRARY
        self.trace.rule_source = self.names.get(node, UNKNOWN).source if is_routine else None
        operands = self.guard.operands(node, taken)
        params = dict(node.params)
        if node.primitive.region is None:
            out: Any = Tensor(node, self.trace)
        else:
            out = tuple([Tensor(one, self.trace) for one in items_of(node)])
            params["active"] = tuple([operand in active for operand in node.inputs])
        contributions = rule(adjoint, out, *operands, **params)
        for place, (operand, contribution) in enumerate(zip(node.inputs, contributions, strict=True)):
            if contribution is None or operand not in active:
                continue
            if isinstance(contribution, NotDifferentiable):
                self._refuse(node, place, contribution)
            contribution = self.guard.contribution(node, taken, place, contribution)
            self.add(operand, as_tensor(contribution, self.trace))
        self.guard.visit(node, taken, active)

    def _refuse(self, node: Node, place: int, why: NotDifferentiable) -> NoReturn:
        line = self.names.get(node, UNKNOWN).source
        where = f" (at {line})" if line is not None else ""
        raise GradientError(
            f"{node.primitive.name}: no derivative by operand {place + 1} of {len(node.inputs)}, since "
            f"{why.reason}{where}: where it is constant, write wg.stop_gradient(…); where it is not, give a "
            "rule with wg.custom_jvp"
        )


def backpropagate(
    outputs: Sequence[Node],
    cotangents: Sequence[Tensor],
    wrt: Sequence[Node],
    trace: Trace,
    names: dict[Node, Provenance] | None = None,
    guard: bool = True,
    nodes: Sequence[Node] | None = None,
) -> list[Tensor]:
    """Return the adjoints of `wrt`, given those of `outputs`.

    Parameters
    ----------
    outputs, wrt : sequence of Node
    cotangents : sequence of Tensor
        One for each output, of its shape.
    trace : Trace
        Where the new nodes are recorded.
    names : dict of Node to Provenance, optional
        Origin of the nodes differentiated, from which the adjoints get their names.
    guard : bool
        Let what stands in a branch that `where` did not take contribute zero. Forward mode needs no guard:
        there ``where`` drops the tangent of the branch itself.
    nodes : sequence of Node, optional
        All that `outputs` and `wrt` need, and perhaps more, in `reading_order` where that is known already.
    """
    order = dependents(reading_order([*outputs, *wrt]) if nodes is None else nodes, wrt)
    targets = set(wrt)
    active = targets.union(order)
    sweep = _Pullback(trace, names or {}, branch_only(outputs) if guard else set())
    for output, cotangent in zip(outputs, cotangents, strict=True):
        if output in active:
            sweep.add(output, cotangent)
    for node in reversed(order):
        if node not in targets or node.inputs:
            sweep.visit(node, active)
    found = [sweep.close(node) for node in wrt]
    return [zeros(node.type, trace) if one is None else one for node, one in zip(wrt, found, strict=True)]


def check_differentiable(node: Node, role: str) -> None:
    """Refuse to differentiate what is neither a floating nor a complex number.

    Raises
    ------
    GradientError
    """
    if not node.type.is_inexact:
        raise GradientError(f"{role} is {node.type}; derivatives need floating or complex numbers")


def pullback(program: Program, wrt: Sequence[int], guard: bool = True) -> Program:
    """Return the program (inputs, cotangents of the outputs) → Jᵀ·cotangents for the inputs `wrt`.

    Parameters
    ----------
    program : Program
    wrt : sequence of int
        Positions of inputs.
    guard : bool
        See `backpropagate`.
    """
    trace = Trace(rule="seed")
    trace.provenance.update(program.provenance)
    targets = [program.inputs[position] for position in wrt]
    for target in targets:
        check_differentiable(target, f"input {target.param('name')!r}")
    with trace.recording():
        seeds = [make_input(f"cotangent{i}", node.type) for i, node in enumerate(program.outputs)]
        cotangents = [Tensor(seed, trace) for seed in seeds]
        names = dict(program.provenance)
        adjoints = backpropagate(program.outputs, cotangents, targets, trace, names, guard, program.nodes)
    return Program([*program.inputs, *seeds], [one.node for one in adjoints], trace.provenance)


def gradient(
    program: Program, wrt: Sequence[int] | None = None, with_value: bool = False, holomorphic: bool = False
) -> Program:
    """Return the program that computes the derivatives of the first output.

    Parameters
    ----------
    program : Program
        Its first output is a floating scalar; further outputs are passed through by `with_value`.
    wrt : sequence of int, optional
        Positions of inputs; all inputs by default.
    with_value : bool
        Put the outputs of `program` before the derivatives.
    holomorphic : bool
        The output and the inputs `wrt` are complex numbers, and the derivative exists as one complex number.

    Returns
    -------
    Program
        Same inputs.

    Raises
    ------
    GradientError
        When the output is no scalar, or complex without `holomorphic`, or an input is no floating or complex
        array.
    """
    output = program.outputs[0]
    check_differentiable(output, "the output")
    if output.type.is_complex and not holomorphic:
        raise GradientError(
            f"the gradient is of a real number; this output is {output.type}: take np.real, np.imag or "
            "np.abs of it, its jacobian, or with holomorphic=True the derivative of a holomorphic function"
        )
    if holomorphic and not output.type.is_complex:
        raise GradientError(
            f"holomorphic=True: this output is {output.type}, and a holomorphic function gives complex "
            "numbers: leave holomorphic out for the gradient of a real function"
        )
    if output.type.shape != ():
        raise GradientError(
            f"the gradient is of a scalar; this output has shape {output.type.shape}: "
            "sum it, or take the jacobian"
        )
    positions = range(len(program.inputs)) if wrt is None else wrt
    targets = [program.inputs[position] for position in positions]
    for target in targets:
        check_differentiable(target, f"argument {target.param('name')!r}")
        if holomorphic and not target.type.is_complex:
            raise GradientError(
                f"holomorphic=True: argument {target.param('name')!r} is {target.type}, and holomorphic "
                "functions are of complex numbers: convert with .astype(complex)"
            )
    trace = Trace(rule="seed")
    trace.provenance.update(program.provenance)
    with trace.recording():
        one = as_tensor(np.ones((), output.type.dtype), trace)
        names = dict(program.provenance)
        adjoints = backpropagate([output], [one], targets, trace, names, nodes=program.nodes)
    results = [adjoint.node for adjoint in adjoints]
    outputs = [*program.outputs, *results] if with_value else results
    return Program(program.inputs, outputs, trace.provenance)
