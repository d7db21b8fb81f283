"""Derivatives of elementwise definitions: what stands beside ⊙ in a gradient, and what it is called."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from wengert.errors import FormulaError
from wengert.explain.engine import Array
from wengert.explain.formula.evaluator import evaluate
from wengert.explain.formula.parser import parse
from wengert.explain.grading.backward import code_of, sent_back, values_of
from wengert.explain.grading.right_gradients import ReferenceGradients
from wengert.explain.index.expressions import Symbol
from wengert.ir.node import Node
from wengert.ir.primitive import Kind
from wengert.ir.program import ancestors
from wengert.transform.gradient import dependents


@dataclass(frozen=True)
class _Known:
    """A function that is known by its values, however it is written out.

    Attributes
    ----------
    title : str
    function : callable
    derivative : str
        By the result c or the argument b.
    """

    title: str
    function: Callable[[Array], Array]
    derivative: str


_KNOWN = (
    _Known("ReLU", lambda b: np.maximum(b, 0), "({b} > 0)"),
    _Known("tanh", np.tanh, "(1 - {c}**2)"),
    _Known("sigmoid", lambda b: 0.5 * (1 + np.tanh(b / 2)), "({c} * (1 - {c}))"),
    _Known("softplus", lambda b: np.logaddexp(b, 0), "sigmoid({b})"),
    _Known("exp", np.exp, "{c}"),
    _Known("log", np.log, "(1 / {b})"),
)


@dataclass(frozen=True)
class Factor:
    """The derivative of an elementwise definition.

    Attributes
    ----------
    of, by : Node
    alone : bool
        Whether the definition reads nothing but `by`.
    code : str or None
        As NumPy code over the reader's names; None where there is no short one.
    origin : str
        ``c = tanh(b)``.
    values : tuple of ndarray
        At each point.
    """

    of: Node
    by: Node
    alone: bool
    code: str | None
    origin: str
    values: tuple[Array, ...]


def factors(reference: ReferenceGradients) -> list[Factor]:
    """Return the derivatives of all elementwise definitions that are not constant."""
    found = []
    for symbol in reference.problem.order:
        operands = _operands(reference, symbol.node)
        below = set(ancestors([one for operand in operands for one in operand.inputs]))
        for by in operands:
            if by.type.shape != symbol.shape or by in below:
                continue
            (values,) = values_of(
                [sent_back(symbol.node, by)], reference.problem.program, reference.arguments()
            )
            if np.ptp(np.concatenate([np.ravel(value) for value in values])) > 1e-9:
                found.append(_factor(reference, symbol, by, len(operands) == 1, tuple(values)))
    return found


def _operands(reference: ReferenceGradients, of: Node) -> list[Node]:
    """Return what an elementwise definition reads, down to the reader's names; else nothing."""
    active = set(dependents(reference.problem.program.nodes, reference.problem.engine.wrt))
    found: dict[Node, None] = {}
    stack = [of]
    while stack:
        node = stack.pop()
        if node is not of and (node in reference.reader_names or not _runs_elementwise(node)):
            if node in active or node in reference.reader_names:
                found.setdefault(node)
            elif node.inputs:
                return []
        elif not _runs_elementwise(node):
            return []
        else:
            stack += reversed(node.inputs)
    return [node for node in found if node in active]


def _runs_elementwise(node: Node) -> bool:
    return bool(node.inputs) and node.primitive.kind in (Kind.ELEMENTWISE, Kind.MOVEMENT)


def _factor(
    reference: ReferenceGradients, symbol: Symbol, by: Node, alone: bool, values: tuple[Array, ...]
) -> Factor:
    names = reference.reader_names
    argument = code_of(by, names) or symbol.name
    name = names.get(symbol.node, symbol.name)
    unnamed = {node: one for node, one in names.items() if node is not symbol.node}
    definition = code_of(symbol.node, unnamed)
    for known in _KNOWN if alone else ():
        if _is(known.function, reference, symbol.node, by):
            result = name if symbol.node in names else definition
            code = _right(known.derivative.format(c=result, b=argument), reference, values)
            return Factor(symbol.node, by, alone, code, f"{name} = {known.title}({argument})", values)
    code = code_of(sent_back(symbol.node, by), names)
    right = _right(f"({code})", reference, values) if code else None
    origin = f"{name} = {definition}" if definition else name
    return Factor(symbol.node, by, alone, right, origin, values)


def _is(function: Callable[[Array], Array], reference: ReferenceGradients, of: Node, by: Node) -> bool:
    with np.errstate(all="ignore"):
        pairs = [(point.values[of], function(point.values[by])) for point in reference.points]
        return all(np.allclose(one, other, rtol=1e-10, atol=1e-14) for one, other in pairs)


def _right(code: str, reference: ReferenceGradients, values: Sequence[Array]) -> str | None:
    """Return code that has the values of a derivative, None where it does not."""
    try:
        formula = parse(code)
        for point, expected in zip(reference.points, values, strict=True):
            known: dict[str, Any] = {
                name: point.values[node] for node, name in reference.reader_names.items()
            }
            if not np.allclose(evaluate(formula, known), expected, rtol=1e-8):
                return None
    except (FormulaError, TypeError):
        return None
    return code
