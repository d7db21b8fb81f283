"""Jacobians of functions that return arrays, and Hessians, in indices and in matrices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from wengert.explain.index.chain_rule import ChainRule
from wengert.explain.index.closing import closing
from wengert.explain.index.expressions import ZERO, Expression, Partial, Second, Symbol
from wengert.explain.index.indices import Index
from wengert.explain.index.totals import Totals
from wengert.explain.matrix.matrices import Jacobian
from wengert.explain.matrix.terms import NoMatrixForm, Place
from wengert.explain.problem import Problem
from wengert.explain.steps import Section, Step, Tree
from wengert.explain.views import index_view, matrix_view
from wengert.explain.views.index_view import dimensions, gradient_names, independent
from wengert.explain.views.matrix_view import MatrixWriter

_IN_TURN = "The gradient is differentiated in turn."
_FORWARDS = "From the argument to the result: what a value is computed from comes before it."


def in_indices(problem: Problem) -> Tree:
    """Return the Jacobians by each argument in index notation."""
    chain = ChainRule(problem)
    local = index_view.local_derivatives(problem, chain)
    lines, results = _jacobians(problem, chain)
    sections = [index_view.definitions(problem), local, Section("Chain rule", _FORWARDS, tuple(lines))]
    return _tree(problem, "index", sections, results)


def in_matrices(problem: Problem) -> Tree:
    """Return the Jacobians by each argument in matrix notation."""
    chain = ChainRule(problem)
    writer = MatrixWriter(problem)
    local = matrix_view.jacobians(problem, writer, chain)
    lines, results = _jacobians(problem, chain)
    worked = _in_matrices(writer, lines)
    sections = [
        matrix_view.definitions(problem, writer),
        local,
        Section("Chain rule", _FORWARDS, tuple(worked)),
    ]
    return _tree(problem, "matrix", sections, [*_in_matrices(writer, results, keep=True)])


def second_in_indices(problem: Problem) -> Tree:
    """Return the gradient and the Hessian in index notation."""
    chain = ChainRule(problem)
    worked = [index_view.local_derivatives(problem, chain), index_view.chain_rule(problem, chain)]
    gradient = replace(index_view.results(problem, closing(problem, chain)), title="Gradient")
    lines, results = _hessians(problem, chain)
    sections = [
        index_view.definitions(problem),
        *worked,
        gradient,
        Section("Second derivatives", _IN_TURN, tuple(lines)),
    ]
    return _tree(problem, "index", sections, results, closing(problem, chain).letters)


def second_in_matrices(problem: Problem) -> Tree:
    """Return the gradient and the Hessian in matrix notation."""
    tree = matrix_view.matrix_view(problem)
    first = [replace(one, title="Gradient") if one.title == "Result" else one for one in tree.sections]
    chain = ChainRule(problem)
    index_view.chain_rule(problem, chain)
    writer = MatrixWriter(problem)
    lines, results = _hessians(problem, chain)
    worked = _in_matrices(writer, lines)
    sections = [*first, Section("Second derivatives", _IN_TURN, tuple(worked))]
    found = [*_in_matrices(writer, results, keep=True)]
    return _tree(problem, "matrix", sections, found, tree.adjoints)


Views = dict[str, Callable[[Problem], Tree]]
JACOBIAN_VIEWS: Views = {"index": in_indices, "matrix": in_matrices}
HESSIAN_VIEWS: Views = {"index": second_in_indices, "matrix": second_in_matrices}


def _tree(
    problem: Problem,
    notation: str,
    sections: list[Section],
    results: list[Step],
    letters: dict[Symbol, str] | None = None,
) -> Tree:
    note = independent(problem)
    result = Section("Result", note, tuple(results), spaced=False)
    kept = tuple(one for one in (*sections, result) if one.steps or (one.note and one.title == "Definitions"))
    asked = second_names(problem) if problem.convention.order == 2 else gradient_names(problem)
    return Tree(f"{asked} in {notation} notation", kept, letters or {})


def second_names(problem: Problem) -> str:
    """Return which second derivatives are derived, for the heading."""
    output = problem.output.name
    names = [
        f"∂²{output}/∂{one.name}²" if one is other else f"∂²{output}/∂{one.name}∂{other.name}"
        for place, one in enumerate(problem.wrt)
        for other in problem.wrt[place:]
    ]
    return ", ".join(names[:-1]) + " and " + names[-1] if len(names) > 1 else names[0]


def _jacobians(problem: Problem, chain: ChainRule) -> tuple[list[Step], list[Step]]:
    """Return the lines that lead to the Jacobians, and the results."""
    lines: list[Step] = []
    results: list[Step] = []
    for by in problem.wrt:
        totals = Totals(chain, by)
        lines += totals.steps(problem.order)
        if problem.output in totals.known:
            subject, formula = totals.known[problem.output]
        else:
            of = problem.element(problem.output)
            subject, formula = Partial(of, problem.element(by, of.positions), direct=False), ZERO
        results.append(_result(subject, formula, problem.output.shape, by.shape))
    return lines, results


def _hessians(problem: Problem, chain: ChainRule) -> tuple[list[Step], list[Step]]:
    lines: list[Step] = []
    results: list[Step] = []
    for place, other in enumerate(problem.wrt):
        totals = Totals(chain, other)
        for first in problem.wrt[: place + 1]:
            if first in chain.adjoints:
                found = totals.second(first)
                lines += found
                results.append(_result(found[-1].subject, found[-1].after, first.shape, other.shape))
    return lines, results


def _result(subject: Expression, formula: Expression, of: tuple[int, ...], by: tuple[int, ...]) -> Step:
    both = [f"({dimensions(one)})" if len(one) > 1 else dimensions(one) for one in (of, by) if one]
    return Step(
        subject, subject, formula, f"shape {'×'.join(both)}" if both else "a number", "", subject, shown=True
    )


def _in_matrices(writer: MatrixWriter, steps: list[Step], keep: bool = False) -> list[Step]:
    """Return the lines that have a form in matrices, and with `keep` the others as they are."""
    found: list[Step] = []
    last: Step | None = None  # the line before it of the same chain of equalities
    writer.converter.jacobians = True
    for step in steps:
        same = last is not None and last.reference == step.reference
        try:
            one = _matrix_step(writer, step)
        except NoMatrixForm:
            found += [step] if keep else []
            continue
        if same and last is not None:
            if one.after == last.after:
                continue
            one = replace(one, before=last.after)
        found.append(one)
        last = one
    writer.converter.jacobians = False
    return found


def _matrix_step(writer: MatrixWriter, step: Step) -> Step:
    subject = step.subject
    assert isinstance(subject, Partial | Second)
    first, second = (subject.of, subject.by) if isinstance(subject, Partial) else (subject.by, subject.other)
    sides: list[Place] = []
    for element in (first, second):
        indices = [at for at in element.positions if isinstance(at, Index)]
        if len(indices) > 1:
            raise NoMatrixForm(f"{element.symbol.name} is no vector")
        sides.append(indices[0] if indices else None)
    swapped = isinstance(subject, Partial) and not writer.numerator
    row, column = sides[::-1] if swapped else sides
    after = writer.converter.convert(step.after, row, column)
    left = Jacobian(subject)
    return replace(step, subject=left, before=left, after=after, axes=(row, column))
