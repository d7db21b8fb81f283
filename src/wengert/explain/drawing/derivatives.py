"""Local derivatives as the edges of a drawing show them, each checked against the engine."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from wengert.explain.algebra.simplification import factors_of, size
from wengert.explain.drawing.labels import DrawingStyle
from wengert.explain.index.chain_rule import ChainRule, Local
from wengert.explain.index.construction import add, multiply, total, without_deltas
from wengert.explain.index.expressions import (
    ONE,
    Add,
    Expression,
    Number,
    Partial,
    Product,
    Symbol,
    free_indices,
    rebuild,
)
from wengert.explain.index.index_values import Evaluation
from wengert.explain.index.indices import Index
from wengert.explain.matrix.matrices import (
    Gradient,
    Hadamard,
    Matrix,
    MatrixProduct,
    Ones,
    hadamard,
    matrix_product,
)
from wengert.explain.matrix.terms import NoMatrixForm
from wengert.explain.printers.layout import Fraction, Layout, Text, row
from wengert.explain.problem import Problem
from wengert.explain.steps import Step
from wengert.explain.views.matrix_view import MatrixWriter, jacobian

_LONGEST = 24  # parts of an expression that still fits beside an edge


@dataclass(frozen=True)
class LocalDerivative:
    """What an edge shows.

    Attributes
    ----------
    formula : Layout
        The derivative: of numbers and of elementwise functions as it is; of a product of matrices the factor,
        with a dot where the adjoint of the result comes in; ∂u/∂x where it has no short formula.
    number : float or None
        Its value, where both ends are numbers.
    """

    formula: Layout
    number: float | None


class Derivatives:
    """Writes local derivatives.

    Parameters
    ----------
    problem : Problem
    chain : ChainRule
    writer : MatrixWriter
    style : DrawingStyle
    steps : list of Step
        Takes up what has to be compared with the engine.
    """

    def __init__(
        self,
        problem: Problem,
        chain: ChainRule,
        writer: MatrixWriter,
        style: DrawingStyle,
        steps: list[Step],
    ) -> None:
        self.problem = problem
        self.chain = chain
        self.writer = writer
        self.style = style
        self.steps = steps

    def of(self, user: Symbol, operand: Symbol, has_formula: bool) -> LocalDerivative:
        """Return ∂user/∂operand through the definition of `user`."""
        of = self.problem.element(user)
        partial = self.problem.direct(of, self.problem.element(operand, of.positions))
        number = None
        if user.rank == operand.rank == 0:
            number = float(Evaluation(self.problem.points[0], {}).run(partial, []))
        formula = self._formula(user, operand) if has_formula else None
        if formula is None:
            formula = Fraction(
                row(Text("∂"), self.style.name(user.name)), row(Text("∂"), self.style.name(operand.name))
            )
        return LocalDerivative(formula, number)

    def _formula(self, user: Symbol, operand: Symbol) -> Layout | None:
        local = self.chain.local(user, operand)
        if isinstance(local.result, Partial):
            return None
        shown: Expression | None = None
        if user.rank or operand.rank:
            shown = self._in_matrices(local, user, operand)
        if shown is None and user.rank == operand.rank == 1:
            with contextlib.suppress(NoMatrixForm):
                step = jacobian(self.writer, self.chain, user, operand)
                self.steps.append(step)
                shown = step.after
                return self.style.show(shown) if size(shown) <= _LONGEST else None
        if shown is None:
            shown = _common_factors_first(local.result)
            step = Step(local.partial, local.partial, shown, "derivative", "", reference=local.partial)
            self.steps.append(step)
        return self.style.show(shown) if size(shown) <= _LONGEST else None

    def _in_matrices(self, local: Local, user: Symbol, operand: Symbol) -> Expression | None:
        """Return what the adjoint of `user` is multiplied by on its way to `operand`."""
        by = self.problem.element(operand)
        of = self.problem.element(user, by.positions)
        indices = [at for at in of.positions if isinstance(at, Index)]
        last = user is self.problem.output
        outer = ONE if last else self.problem.total(of)
        moved = self.chain.moved(local, of, by)
        if last and self.problem.consumers(operand) == [user]:
            # The adjoint is this derivative, and the chain rule knows that probabilities sum to 1.
            self.chain.adjoint(operand)
            by, moved = self.chain.adjoints[operand]
        contribution = without_deltas(total(indices, multiply(outer, moved)))
        reference = total(indices, multiply(outer, self.problem.direct(of, by)))
        subject = self.problem.total(by)
        try:
            step = self._step(subject, contribution)
        except NoMatrixForm:
            return None
        self.steps.append(_with_reference(step, reference))
        return step.after if last else _factor(step.after, user)

    def _step(self, subject: Partial, contribution: Expression) -> Step:
        """Return the contribution in matrices; equal along an axis, an outer product with 𝟏."""
        row, column = self.writer.places(subject.by, gradient=True)
        free = free_indices(contribution)
        convert = self.writer.converter.convert
        if row in free and isinstance(column, Index) and column not in free:
            right = matrix_product(convert(contribution, row, None), Ones((1, column.extent)))
        elif column in free and isinstance(row, Index) and row not in free:
            right = matrix_product(Ones((row.extent, 1)), convert(contribution, None, column))
        else:
            return self.writer.step(subject, contribution, rule="contribution")
        left = convert(subject, row, column)
        return Step(left, left, right, "contribution", "", reference=subject, axes=(row, column))


def _with_reference(step: Step, reference: Expression) -> Step:
    return Step(step.subject, step.before, step.after, step.rule, "", reference=reference, axes=step.axes)


def _factor(expression: Expression, user: Symbol) -> Expression | None:
    """Take the adjoint of `user` out of its contribution, of which it must be one factor."""
    if _is_adjoint(expression, user):
        return ONE
    if _count(expression, user) != 1:
        return None
    if isinstance(expression, Product | Hadamard):
        factors = []
        for one in expression.factors:
            rest = _factor(one, user) if _count(one, user) else one
            if rest is None:
                return None
            factors += [rest] if rest != ONE else []
        numbers = [one for one in factors if isinstance(one, Number)]
        others = [one for one in factors if not isinstance(one, Number)]
        return multiply(*numbers, *([hadamard(*others)] if others else []))
    return _dotted(expression, user) if isinstance(expression, MatrixProduct) else None


def _common_factors_first(expression: Expression) -> Expression:
    """Write p_k δ_kl − p_k p_l as p_k (δ_kl − p_l)."""
    if not isinstance(expression, Add):
        return expression
    common = [
        factor
        for factor in factors_of(expression.terms[0])
        if all(factor in factors_of(term) for term in expression.terms)
    ]
    rest = []
    for term in expression.terms:
        factors = list(factors_of(term))
        for factor in common:
            factors.remove(factor)
        rest.append(multiply(*factors))
    return multiply(*common, add(*rest))


def _is_adjoint(expression: Expression, user: Symbol) -> bool:
    return isinstance(expression, Gradient) and expression.by is user


def _count(expression: Expression, user: Symbol) -> int:
    found = 0

    def visit(part: Expression) -> Expression:
        nonlocal found
        found += _is_adjoint(part, user)
        return rebuild(part, visit)

    visit(expression)
    return found


def _dotted(expression: Expression, user: Symbol) -> Expression:
    """Put a dot in the place of the adjoint."""
    if isinstance(expression, Gradient) and expression.by is user:
        dot = Symbol("·", user.node, user.shape, user.axes)
        return Matrix(dot, expression.shape, expression.transposed)
    return rebuild(expression, lambda part: _dotted(part, user))
