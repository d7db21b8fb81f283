"""Matrix notation: the same chain rule in products of matrices, transposes and ⊙, with all shapes."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace

from wengert.explain.factors.stacked_parts import factor_of
from wengert.explain.index.chain_rule import INSERTED, ChainRule
from wengert.explain.index.closing import Closing, Result, closing
from wengert.explain.index.definitions import is_gaps
from wengert.explain.index.equalities import line
from wengert.explain.index.expressions import Delta, Element, ElementAt, Expression, Partial, Symbol, walk
from wengert.explain.loops.earlier import Begun
from wengert.explain.matrix.conversion import Converter
from wengert.explain.matrix.matrices import Jacobian
from wengert.explain.matrix.pieces import named_pieces
from wengert.explain.matrix.terms import NoMatrixForm, Place
from wengert.explain.printers.blocks import plain
from wengert.explain.problem import Problem
from wengert.explain.steps import Section, Step, Tree
from wengert.explain.views.index_view import (
    at_the_ends,
    beginnings,
    dimensions,
    given,
    gradient_names,
    iterations,
    recursions,
    result_note,
    shape_note,
)

_LARGEST = 100_000  # entries of a Jacobian that is shown, and for that compared entry by entry
_VECTORS = {
    "rows": "A vector is a row.",
    "columns": "A vector is a column.",
    "mit": "A vector is a column; a layer with m inputs and n outputs is Z = Wᵀx + W₀, W of shape m×n.",
}
_LAYOUTS = {
    ("gradient", "denominator"): "Denominator layout: a gradient has the shape of its variable.",
    ("gradient", "numerator"): "Numerator layout: a gradient has the shape of its variable transposed.",
    ("Jacobian", "denominator"): "Denominator layout: in a Jacobian the variable runs down the rows.",
    ("Jacobian", "numerator"): "Numerator layout: in a Jacobian the result runs down the rows.",
}


class MatrixWriter:
    """Writes steps in matrix notation.

    Parameters
    ----------
    problem : Problem
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.numerator = problem.convention.layout == "numerator"
        self.converter = Converter(problem.convention.vectors, self.numerator)

    def places(self, element: Element | ElementAt, gradient: bool) -> tuple[Place, Place]:
        """Return the index over rows and over columns of a value, or of the gradient by it."""
        stored = self.converter.places(element.symbol, element.positions)
        return stored[::-1] if gradient and self.numerator else stored

    def step(
        self, subject: Element | Partial, formula: Expression, rule: str = "", shown: bool = False
    ) -> Step:
        """Return the step in matrices; the rule names the patterns that led there.

        Raises
        ------
        NoMatrixForm
        """
        gradient = isinstance(subject, Partial)
        element = subject.by if isinstance(subject, Partial) else subject
        axes = self.places(element, gradient)
        left = self.converter.convert(subject, *axes)
        right = self.converter.convert(formula, *axes)
        patterns = rule or ("; ".join(self.converter.patterns) if gradient else "")
        return Step(left, left, right, patterns, "", reference=subject, axes=axes, shown=shown)


def _layout_in_words(problem: Problem) -> str:
    of = "gradient" if problem.output.node.type.shape == () else "Jacobian"
    return _LAYOUTS[of, problem.convention.layout]


def definitions(problem: Problem, writer: MatrixWriter) -> Section:
    """Return the forward pass in matrices."""
    steps = []
    words = []
    begun: set[Symbol] = set()
    for symbol in problem.defined:
        element = Element(symbol, symbol.axes)
        formula = problem.definition(symbol, symbol.axes)
        if factor_of(symbol.node) is not None or is_gaps(symbol.node):
            continue  # `given` says what they are
        for one in beginnings(problem, formula, begun):
            with contextlib.suppress(NoMatrixForm):
                steps.append(_beginning(writer, one))
        try:
            steps.append(writer.step(element, formula))
        except NoMatrixForm as reason:
            words.append(_no_form(symbol.name, symbol, str(reason)))
    note = (
        f"{_VECTORS[problem.convention.notation]} {_layout_in_words(problem)} Functions, powers "
        "and quotients of matrices are taken element by element, as is ⊙."
    )
    said = [given(problem), iterations(problem), note, *words]
    return Section("Definitions", "\n".join(filter(None, said)), tuple(steps), spaced=False)


def _beginning(writer: MatrixWriter, step: Step) -> Step:
    """Return the line of what a loop begins with in matrices."""
    assert isinstance(step.subject, Begun)
    axis = step.subject.before.param("axis")
    positions = (*step.subject.positions[:axis], 0, *step.subject.positions[axis:])
    axes = writer.converter.places(step.subject.symbol, positions)
    left = writer.converter.convert(step.subject, *axes)
    return replace(
        step, subject=left, before=left, after=writer.converter.convert(step.after, *axes), axes=axes
    )


def _with_pieces(sections: Sequence[Section]) -> tuple[Section, ...]:
    """Say in the first section what the names of rows and columns mean that stand in any."""
    first, *others = sections
    said = named_pieces(
        part for section in sections for step in section.steps for part in (step.after, step.before)
    )
    return replace(first, note="\n".join([first.note, *said])), *others


def _no_form(what: str, symbol: Symbol, reason: str) -> str:
    return f"{what} (shape {dimensions(symbol.shape)}) has no form in matrices: {reason}. See its index form."


def jacobian(writer: MatrixWriter, chain: ChainRule, of_symbol: Symbol, by_symbol: Symbol) -> Step:
    """Return the Jacobian of one vector by another.

    Raises
    ------
    NoMatrixForm
    """
    found = chain.local(of_symbol, by_symbol)
    of, by = found.partial.of.positions, found.partial.by.positions
    axes = tuple(at for at in (*by, *of) if not isinstance(at, int))
    row, column = axes[::-1] if writer.numerator else axes
    right = writer.converter.convert(found.result, row, column)
    left = Jacobian(found.partial)
    rule = "; ".join(writer.converter.patterns)
    return Step(left, left, right, rule, "", reference=found.partial, axes=(row, column))


def jacobians(problem: Problem, writer: MatrixWriter, chain: ChainRule) -> Section:
    """Return the Jacobians of vectors by vectors, and what is said of the larger ones."""
    steps = []
    words = []
    loops = {at for carry in problem.carries for at, _ in problem.ends(carry)}
    for of_symbol in reversed(problem.order):
        for by_symbol in problem.uses[of_symbol]:
            entries = of_symbol.node.type.size * by_symbol.node.type.size
            if {*of_symbol.indices, *by_symbol.indices} & loops:
                continue  # one for each pair of iterations
            if of_symbol.rank == 1 and by_symbol.rank == 1 and entries > _LARGEST:
                words.append(
                    f"∂{of_symbol.name}/∂{by_symbol.name} is of shape {dimensions(of_symbol.shape)}×"
                    f"{dimensions(by_symbol.shape)}: {entries} entries. It is never built."
                )
            elif of_symbol.rank == 1 and by_symbol.rank == 1:
                with contextlib.suppress(NoMatrixForm):
                    steps.append(jacobian(writer, chain, of_symbol, by_symbol))
            elif of_symbol.rank == 1 and by_symbol.rank == 2 and by_symbol in problem.wrt:
                of_shape, by_shape = dimensions(of_symbol.shape), dimensions(by_symbol.shape)
                of_shape = f"({of_shape})" if len(of_symbol.shape) > 1 else of_shape
                zeros = chain.local(of_symbol, by_symbol).result
                if any(isinstance(part, Delta) for part in walk(zeros)):
                    words.append(
                        f"∂{of_symbol.name}/∂{by_symbol.name} is of shape {of_shape}×({by_shape}): {entries} "
                        f"entries, of which δ leaves {by_symbol.node.type.size}. It is never built."
                    )
    if not steps and not words:
        return Section("", "")
    order = (
        "the variable runs over the rows" if not writer.numerator else "the variable runs over the columns"
    )
    note = f"Of vectors by vectors; {order}."
    return Section("Jacobians", "\n".join([note, *words]), tuple(steps), spaced=False)


def _gradients(problem: Problem, writer: MatrixWriter, chain: ChainRule) -> Section:
    """Return each adjoint: its index form, what it becomes in matrices, and with what is known put in."""
    steps: list[Step] = []
    words = []
    for symbol in reversed(problem.order):
        if symbol is problem.output:
            continue
        result, index_steps = chain.adjoint(symbol)
        element = chain.adjoints[symbol][0]
        subject = problem.total(element)
        candidates = [step.after for step in index_steps if not _has_local(step.after)] + [result]
        try:
            short = _first_form(writer, subject, candidates)
            full = writer.step(subject, result)
        except NoMatrixForm as reason:
            words.append(_no_form(f"∂{problem.output.name}/∂{symbol.name}", symbol, str(reason)))
            steps += index_steps[-1:]
            continue
        index_form = plain(candidates[0])
        steps.append(_replaced(short, f"{index_form} → {short.rule}" if short.rule else ""))
        if full.after != short.after and symbol not in problem.wrt:  # else shown as a result
            steps.append(_replaced(full, INSERTED, before=short.after))
    return Section("Gradients", "\n".join(words), tuple(steps))


def recursion_lines(problem: Problem, writer: MatrixWriter, chain: ChainRule) -> Section:
    """Return how the adjoint of each carry of a loop follows from that after the next iteration."""
    found = recursions(problem, chain)
    steps: list[Step] = []
    for carry in reversed(problem.carries):
        by, formula = chain.adjoints[carry]
        lines = [
            line(problem.total(by), problem.total(by), formula, INSERTED),
            *at_the_ends(problem, by, formula),
        ]
        for one in lines:
            assert isinstance(one.subject, Partial)
            with contextlib.suppress(NoMatrixForm):
                one = writer.step(one.subject, one.after, one.rule)
            steps.append(one)
    return replace(found, steps=tuple(steps))


def _first_form(writer: MatrixWriter, subject: Partial, candidates: list[Expression]) -> Step:
    """Return the step for the first of the candidates that has a matrix form."""
    for candidate in candidates[:-1]:
        try:
            return writer.step(subject, candidate)
        except NoMatrixForm:
            continue
    return writer.step(subject, candidates[-1])


def _replaced(step: Step, rule: str, before: Expression | None = None) -> Step:
    return replace(step, rule=rule, before=before or step.before)


def _has_local(expression: Expression) -> bool:
    return any(
        isinstance(part, Delta) or (isinstance(part, Partial) and part.direct) for part in walk(expression)
    )


def _results(problem: Problem, writer: MatrixWriter, found: Closing) -> Section:
    steps = tuple(_result(writer, one) for one in (*found.named, *found.results))
    return Section("Result", result_note(problem, found), steps)


def _result(writer: MatrixWriter, result: Result) -> Step:
    subject = result.subject
    symbol, loops = result.symbol, any(index.last for index in result.symbol.indices)
    shape = symbol.shape[::-1] if writer.numerator and not loops else symbol.shape
    for formula in (result.opened, result.formula):
        with contextlib.suppress(NoMatrixForm):
            return writer.step(subject, formula, rule=shape_note(shape), shown=True)
    return Step(subject, subject, result.opened, "index form", "", reference=subject, shown=True)


def matrix_view(problem: Problem) -> Tree:
    """Return the derivation in matrix notation."""
    chain = ChainRule(problem)
    writer = MatrixWriter(problem)
    # Adjoints are worked out from the output to the inputs; the order of calls matters to the chain rule.
    worked = [
        jacobians(problem, writer, chain),
        _gradients(problem, writer, chain),
        recursion_lines(problem, writer, chain),
    ]
    found = closing(problem, chain)
    sections = [definitions(problem, writer), *worked, _results(problem, writer, found)]
    kept = tuple(section for section in sections if section.steps or section.note)
    return Tree(f"{gradient_names(problem)} in matrix notation", _with_pieces(kept), found.letters)
