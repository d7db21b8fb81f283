"""The adjoint walk: the list backwards, each contribution added to an adjoint as it happens."""

from __future__ import annotations

from wengert.explain.index.chain_rule import ChainRule
from wengert.explain.index.closing import closing
from wengert.explain.index.construction import multiply, total, without_deltas
from wengert.explain.index.expressions import ONE, Element, Expression, Symbol
from wengert.explain.index.indices import Index
from wengert.explain.problem import Problem
from wengert.explain.steps import Section, Step, Tree
from wengert.explain.views.index_view import given, gradient_names, results


def _forward(problem: Problem) -> Section:
    steps = []
    for symbol in problem.defined:
        element = Element(symbol, symbol.axes)
        formula = problem.definition(symbol, symbol.axes)
        steps.append(Step(element, element, formula, "", "", reference=element, shown=True))
    note = f"{given(problem)}\nOne line for each operation; every line uses earlier lines only."
    return Section("Forward", note, tuple(steps), spaced=False, working=True)


def _contribution(problem: Problem, chain: ChainRule, user: Symbol, operand: Symbol) -> Step:
    """Return the line in which `user` adds its contribution to the adjoint of `operand`."""
    by = problem.element(operand)
    of = problem.element(user, by.positions)
    indices = [at for at in of.positions if isinstance(at, Index)]
    local = chain.local(user, operand)
    direct = problem.direct(of, by)
    outer: Expression = problem.total(of)
    worked = chain.moved(local, of, by)
    after = without_deltas(total(indices, multiply(outer, worked)))
    reference = total(indices, multiply(outer, direct))
    rule = f"from {user.name}"
    subject = problem.total(by)
    return Step(subject, subject, after, rule, "", reference=reference, relation="+=", shown=True)


def _backward(problem: Problem) -> Section:
    chain = ChainRule(problem)
    output = problem.total(Element(problem.output, problem.output.axes))
    steps = [Step(output, output, ONE, "start", "", reference=output)]
    for user in reversed(problem.order):
        steps += [_contribution(problem, chain, user, operand) for operand in problem.uses[user]]
    several = [symbol.name for symbol in problem.order if len(problem.consumers(symbol)) > 1]
    note = (
        "All adjoints start at 0. The lines are visited in reverse; each adds its part to what it was "
        "computed from."
    )
    if several:
        note += f" Several contributions meet at {', '.join(several)}."
    return Section("Backward", note, tuple(steps), spaced=False, working=True)


def adjoint_view(problem: Problem) -> Tree:
    """Return the walk through the program, forwards with values and backwards with adjoints."""
    chain = ChainRule(problem)
    for symbol in reversed(problem.order):
        if symbol is not problem.output:
            chain.adjoint(symbol)
    found = closing(problem, chain)
    walked = [_backward(problem)] if problem.output in problem.order else []
    sections = [_forward(problem), *walked, results(problem, found)]
    return Tree(f"{gradient_names(problem)} by walking the list backwards", tuple(sections), found.letters)
