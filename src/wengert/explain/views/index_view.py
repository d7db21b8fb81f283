"""Index notation: definitions, local partial derivatives, the chain rule with its sums and deltas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from wengert.explain.algebra.simplification import neat
from wengert.explain.factors.factor_derivatives import given_by_laws, laws
from wengert.explain.index.chain_rule import INSERTED, ChainRule
from wengert.explain.index.closing import Closing, closing
from wengert.explain.index.cross_products import Permutation
from wengert.explain.index.equalities import line
from wengert.explain.index.expressions import (
    Element,
    Expression,
    Partial,
    Running,
    Symbol,
    Verbatim,
    named_in,
    walk,
)
from wengert.explain.index.indices import Index
from wengert.explain.index.substitution import substitute
from wengert.explain.loops.earlier import Begun, Earlier
from wengert.explain.printers.digits import short
from wengert.explain.problem import Problem
from wengert.explain.steps import Section, Step, Tree
from wengert.ir.node import Node
from wengert.ir.primitive import NotDifferentiable
from wengert.ir.program import reading_order

_FEW = 9  # numbers of a given array that are shown


def shape_note(shape: tuple[int, ...]) -> str:
    """Return what is noted beside a result of this shape."""
    return f"shape {dimensions(shape)}" if shape else dimensions(shape)


def dimensions(shape: tuple[int, ...]) -> str:
    """Return a shape as it is read: 3×2."""
    return "×".join(map(str, shape)) or "a number"


def gradient_names(problem: Problem) -> str:
    """Return what is derived, for the heading."""
    names = [f"∂{problem.output.name}/∂{symbol.name}" for symbol in problem.wrt]
    return ", ".join(names[:-1]) + " and " + names[-1] if len(names) > 1 else names[0]


def definitions(problem: Problem) -> Section:
    """Return what is given and what is computed, with indices and shapes."""
    steps: list[Step] = []
    begun: set[Symbol] = set()
    for symbol in problem.defined:
        element = Element(symbol, symbol.axes)
        formula = problem.definition(symbol, symbol.axes)
        steps += beginnings(problem, formula, begun)
        steps.append(line(element, element, formula, f"{symbol.name}: {dimensions(symbol.shape)}"))
    note = "\n".join(filter(None, [given(problem), iterations(problem)]))
    return Section("Definitions", note, tuple(steps), spaced=False)


def beginnings(problem: Problem, formula: Expression, known: set[Symbol]) -> list[Step]:
    """Return what the loops begin with whose carries stand in a formula, and are not `known` yet."""
    steps = []
    for carry in dict.fromkeys(one.symbol for one in walk(formula) if isinstance(one, Earlier)):
        if carry not in known:
            known.add(carry)
            steps += [_begun(problem, carry, before) for before in problem.befores(carry)]
    return steps


def _begun(problem: Problem, symbol: Symbol, before: Node) -> Step:
    """Return the line of what the first iteration of a loop begins with."""
    axis = before.param("axis")
    positions = (*symbol.axes[:axis], *symbol.axes[axis + 1 :])
    formula = problem.formulas.express(before.inputs[1], positions, frozenset(positions))
    subject = Begun(symbol, positions, before)
    return line(subject, subject, formula, "before the first iteration")


def iterations(problem: Problem) -> str:
    """Say what the indices over iterations run over."""
    found = dict.fromkeys(
        at for symbol in problem.carries for at in symbol.axes if isinstance(at, Index) and at.last
    )
    said = [f"{at} counts the iterations of a loop, 1 to {at.last} = {at.extent}." for at in found]
    return " ".join(said)


def given(problem: Problem) -> str:
    """Say what is given, in numbers where they are few, so that a reader can compute the rest."""
    defined = given_by_laws(problem)
    shown = [_given(problem, symbol) for symbol in problem.inputs if symbol not in defined]
    said = f"Given {'is' if len(shown) == 1 else 'are'} {', '.join(shown)}."
    return "\n".join([said, *laws(problem)])


def _given(problem: Problem, symbol: Symbol) -> str:
    value = problem.points[0].values[symbol.node]
    if value.size > _FEW or value.ndim > 2:
        return f"{symbol.name}: {dimensions(symbol.shape)}"
    rows = [", ".join(short(float(one)) for one in row) for row in np.atleast_2d(value)]
    numbers = "; ".join(rows)
    return f"{symbol.name} = {f'({numbers})' if value.ndim else numbers}"


def local_derivatives(problem: Problem, chain: ChainRule) -> Section:
    """Return the derivative of each definition by each value that stands in it."""
    steps: list[Step] = []
    words = []
    for symbol in reversed(problem.order):
        for operand in problem.uses[symbol]:
            found = chain.local(symbol, operand)
            steps += found.steps
            if isinstance(found.result, Partial) and found.result.direct:
                words.append(
                    f"{symbol.name} = {symbol.node.primitive.name} of {operand.name} has no formula with "
                    f"indices, so its derivative stays ∂{symbol.name}/∂{operand.name}."
                )
    note = "Each definition is differentiated by what stands in it."
    if any("δ" in step.rule for step in steps):
        note += " δ is 1 where its two indices are equal, else 0."
    if any(isinstance(part, Permutation) for step in steps for part in walk(step.after)):
        note += " ε_ijk is 1 for 123, 231, 312, −1 for 321, 213, 132, else 0."
    if any(isinstance(part, Running) for step in steps for part in walk(step.after)):
        note += " Indices count from 1, and [ ] is 1 where what stands in it holds, else 0."
    return Section("Local partial derivatives", "\n".join([note, *words]), tuple(steps))


def chain_rule(problem: Problem, chain: ChainRule) -> Section:
    """Return the chain rule from the output to the arguments."""
    steps: list[Step] = []
    for symbol in reversed(problem.order):
        if symbol is problem.output:
            continue
        found = chain.adjoint(symbol)[1]
        # What is known is put into a gradient that was asked for where it is shown as a result.
        known = symbol in problem.wrt and found[-1:] and found[-1].rule == INSERTED
        steps += found[:-1] if known else found
    note = (
        "From the output to the arguments. A sum over an index appears where every element with that index "
        "depends on the one we differentiate by; where only one does, δ removes the sum."
    )
    return Section("Chain rule", note, tuple(steps))


def recursions(problem: Problem, chain: ChainRule) -> Section:
    """Return how the adjoint of each carry of a loop follows from that after the next iteration."""
    steps: list[Step] = []
    for symbol in reversed(problem.carries):
        found = chain.closed(symbol)
        by, formula = chain.adjoints[symbol]
        subject = problem.total(by)
        steps += found or [line(subject, subject, formula, "as the chain rule has it")]
        steps += at_the_ends(problem, by, formula)
    note = (
        "Back through the iterations: what a carry contributes through the next iteration, and besides. "
        "After the last iteration there is no next one, so the recursion begins there."
    )
    return Section("Recursion", note if steps else "", tuple(steps))


def at_the_ends(problem: Problem, by: Element, formula: Expression) -> list[Step]:
    """Return the lines of a recursion after the last iteration, which is the first where that comes last."""
    steps = []
    for at, reverse in problem.ends(by.symbol):
        place = 0 if reverse else at.extent - 1
        subject = problem.total(
            Element(by.symbol, tuple(place if one == at else one for one in by.positions))
        )
        steps.append(
            line(subject, subject, neat(substitute(formula, {at: place})), "after the last iteration")
        )
    return steps


def results(problem: Problem, found: Closing) -> Section:
    """Return the gradients asked for."""
    steps = [
        replace(line(one.subject, one.subject, one.opened, shape_note(one.symbol.shape)), shown=True)
        for one in (*found.named, *found.results)
    ]
    return Section("Result", result_note(problem, found), tuple(steps), spaced=False)


def result_note(problem: Problem, found: Closing) -> str:
    """Return what is said above the results: letters of adjoints, and which gradients are 0."""
    return "\n".join(filter(None, [found.note, independent(problem)]))


def independent(problem: Problem) -> str:
    """Say which arguments the output does not depend on, and of which its derivative is 0, and why."""
    output = problem.output
    leading = reading_order([output.node])
    said = []
    for symbol in problem.wrt:
        name, zero = symbol.name, f"the gradient by {symbol.name} is 0."
        if symbol.node not in leading:
            said.append(
                f"{output.name} does not depend on {name}: {zero} No line that leads to it uses {name}."
            )
        elif symbol is not output and not problem.consumers(symbol):
            flat = [node for node in dependents_of(leading, symbol.node) if not_differentiable(node)]
            names = " and ".join(dict.fromkeys(node.primitive.name for node in flat))
            said.append(
                f"{output.name} depends on {name} through {names} only, whose derivative is 0 wherever it "
                f"has one: {zero}"
            )
        elif symbol not in _in_formulas(problem):
            said.append(
                f"{name} stands in no formula once these are simplified (0 · x is 0, x⁰ is 1): {output.name} "
                f"does not change with {name}, {zero}"
            )
    return "\n".join(said)


def _in_formulas(problem: Problem) -> set[Symbol]:
    """Return the output, what stands in its formula, what stands in the formulas of that, and so on."""
    found: set[Symbol] = set()
    left = [problem.output]
    while left:
        symbol = left.pop()
        if symbol in found:
            continue
        found.add(symbol)
        if symbol.node.inputs:
            formula = problem.definition(symbol, symbol.axes)
            if isinstance(formula, Verbatim):
                left += problem.uses.get(symbol, [])
            else:
                left += named_in(formula)
    return found


def dependents_of(nodes: Sequence[Node], source: Node) -> list[Node]:
    """Return the nodes that are computed from `source`, whatever their derivatives are."""
    found = {source}
    for node in nodes:
        if any(operand in found for operand in node.inputs):
            found.add(node)
    return [node for node in nodes if node in found]


def not_differentiable(node: Node) -> bool:
    """Whether an operation has no derivative other than 0."""
    return bool(node.inputs) and isinstance(node.primitive.vjp, NotDifferentiable)


def index_view(problem: Problem) -> Tree:
    """Return the derivation in index notation."""
    chain = ChainRule(problem)
    names = gradient_names(problem)
    worked = [local_derivatives(problem, chain), chain_rule(problem, chain), recursions(problem, chain)]
    found = closing(problem, chain)
    sections = [
        definitions(problem),
        *(section for section in worked if section.steps),
        results(problem, found),
    ]
    kept = tuple(section for section in sections if section.steps or section.note)
    return Tree(f"{names} in index notation", kept, found.letters)
