"""The Jacobian of a vector by a matrix: a tensor, its unfolding, and why neither is ever built."""

from __future__ import annotations

import contextlib
import math

from wengert.explain.index.chain_rule import ChainRule, Local
from wengert.explain.index.construction import multiply, total, without_deltas
from wengert.explain.index.equalities import line
from wengert.explain.index.expressions import Element, Expression, Partial, Symbol
from wengert.explain.index.indices import Index
from wengert.explain.matrix.matrices import Gradient, Jacobian, Table
from wengert.explain.matrix.terms import NoMatrixForm
from wengert.explain.printers.digits import cut
from wengert.explain.problem import Problem
from wengert.explain.steps import Section, Step
from wengert.explain.views.index_view import dimensions
from wengert.explain.views.matrix_view import MatrixWriter

_BYTES = 8  # of a number in double precision
_UNITS = ("bytes", "kB", "MB", "GB", "TB")


def tensor_jacobians(problem: Problem) -> Section:
    """Return the Jacobians of vectors by the matrices that were asked for, unfolded and contracted."""
    chain = ChainRule(problem)
    for symbol in reversed(problem.order):
        if symbol is not problem.output:
            chain.adjoint(symbol)
    steps: list[Step] = []
    words: list[str] = []
    for of in reversed(problem.order):
        for by in problem.uses[of]:
            if by in problem.wrt and by.rank == 2 and of.rank >= 1:
                words.append(_counted(of, by))
                local = chain.local(of, by)
                if of.rank == 1 and not isinstance(local.result, Partial):
                    steps += _unfolded(problem, local)
                    steps += _contracted(problem, chain, of, by)
    if not words:
        words = ["No vector or matrix is computed directly from a matrix that was asked for."]
    return Section("Jacobians as tensors", "\n".join(words), tuple(steps))


def _counted(of: Symbol, by: Symbol) -> str:
    """Say how large the tensor is, and what of it is needed."""
    entries, needed = math.prod(of.shape) * math.prod(by.shape), math.prod(by.shape)
    return (
        f"∂{of.name}/∂{by.name} is of shape {_shapes(of, by)}: {entries:,} "
        f"entries, {_memory(entries)}. The gradient has {needed:,}, {_memory(needed)}, so the tensor is "
        f"never built: the derivative by {of.name} is multiplied in before it would be."
    )


def _shapes(of: Symbol, by: Symbol) -> str:
    first = dimensions(of.shape) if len(of.shape) == 1 else f"({dimensions(of.shape)})"
    return f"{first}×({dimensions(by.shape)})"


def _memory(entries: int) -> str:
    size = float(entries * _BYTES)
    for unit in _UNITS[:-1]:
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} {_UNITS[-1]}"


def _unfolded(problem: Problem, local: Local) -> list[Step]:
    """Return the tensor by its index form, slice by slice, and unfolded."""
    of, by = local.partial.of, local.partial.by
    (index,) = (at for at in of.positions if isinstance(at, Index))
    row, column = (at for at in by.positions if isinstance(at, Index))
    steps = [line(local.partial, local.partial, local.result, "one entry")]
    for place in cut(index.extent, largest=3, edge=1):
        if place is None:
            continue
        first = Element(of.symbol, tuple(place if at == index else at for at in of.positions))
        partial = problem.direct(first, by)
        left = Jacobian(partial)
        entries = Table(local.result, (row,), (column,), ((index, place),))
        steps.append(Step(left, left, entries, "one slice", "", reference=partial))
    left = Jacobian(local.partial)
    flat = Table(local.result, (index,), (row, column))
    rule = f"unfolded: the rows of {by.symbol.name} one after the other"
    return [*steps, Step(left, left, flat, rule, "", reference=local.partial)]


def _contracted(problem: Problem, chain: ChainRule, of: Symbol, by: Symbol) -> list[Step]:
    """Return the product of ∂L/∂u with the tensor: one long row, folded to the shape of the matrix."""
    through = Element(by, by.axes)
    upper = problem.element(of, through.positions)
    if problem.consumers(by) != [of]:
        return []
    row, column = (at for at in through.positions if isinstance(at, Index))
    subject = problem.total(through)
    product = _product(problem, chain, upper, through)
    folded = f"folded to the shape of {by.name}"
    times = f"∂{problem.output.name}/∂{of.name} times the unfolded tensor"
    left: Expression = Gradient(problem.output, by, by.shape if len(by.shape) == 2 else (1, 1), False, False)
    steps = [
        Step(left, left, Table(product, (), (row, column)), times, "", reference=subject),
        Step(left, left, Table(product, (row,), (column,)), folded, "", reference=subject),
    ]
    writer = MatrixWriter(problem)
    with contextlib.suppress(NoMatrixForm):
        steps.append(writer.step(subject, product, "the same without the tensor", shown=True))
    return steps


def _product(problem: Problem, chain: ChainRule, upper: Element, through: Element) -> Expression:
    indices = [at for at in upper.positions if isinstance(at, Index)]
    moved = chain.moved(chain.local(upper.symbol, through.symbol), upper, through)
    return without_deltas(total(indices, multiply(problem.total(upper), moved)))
