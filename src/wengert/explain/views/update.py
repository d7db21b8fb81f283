"""The gradient-descent update: what the gradient is for."""

from __future__ import annotations

from wengert.explain.index.construction import add, multiply
from wengert.explain.index.expressions import Element, Expression, number
from wengert.explain.matrix.terms import NoMatrixForm
from wengert.explain.problem import Problem
from wengert.explain.steps import Section, Step
from wengert.explain.views.matrix_view import MatrixWriter


def update(problem: Problem, step_size: float) -> Section:
    """Return the section that takes one step against the gradient: w ← w − η ∂L/∂w."""
    writer = MatrixWriter(problem)
    rate = number(-step_size)
    steps = []
    for symbol in problem.wrt:
        if symbol not in problem.order:
            continue
        by = problem.element(symbol)
        moved = add(by, multiply(rate, problem.total(by)))
        try:
            steps.append(_in_matrices(writer, by, moved, rate))
        except NoMatrixForm:
            steps.append(Step(by, by, moved, "", "", reference=moved, relation="←", shown=True))
    return Section("Update", f"One step of gradient descent, of size {step_size:g}.", tuple(steps))


def _in_matrices(writer: MatrixWriter, by: Element, moved: Expression, rate: Expression) -> Step:
    """Return w ← w − η ∂L/∂w as matrices; in numerator layout the gradient is transposed back."""
    row, column = writer.places(by, gradient=False)
    variable = writer.converter.convert(by, row, column)
    gradient = writer.converter.convert(writer.problem.total(by), row, column)
    after = add(variable, multiply(rate, gradient))
    return Step(
        variable, variable, after, "", "", reference=moved, relation="←", axes=(row, column), shown=True
    )
