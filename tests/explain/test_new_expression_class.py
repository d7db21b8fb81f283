"""Classes of expressions declared here, with their rules, are known to all that is done to expressions."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from wengert.explain.algebra.simplification import simplified
from wengert.explain.index.construction import add, is_number, multiply, power, tidy, without_deltas
from wengert.explain.index.differentiation import Rules, differentiate, differentiated
from wengert.explain.index.elementwise import computed
from wengert.explain.index.expressions import (
    MINUS_ONE,
    ONE,
    TWO,
    Add,
    Element,
    Expression,
    Product,
    Sum,
    Symbol,
    free_indices,
    number,
)
from wengert.explain.index.index_values import Evaluation, Named, value_of
from wengert.explain.index.indices import Index, Position
from wengert.explain.index.substitution import substitute
from wengert.explain.matrix.conversion import Converter
from wengert.explain.matrix.matrix_values import matrix_value
from wengert.explain.matrix.terms import NoMatrixForm
from wengert.explain.printers.blocks import plain
from wengert.explain.printers.instances import in_numbers, instance
from wengert.explain.printers.latex import math
from wengert.explain.printers.layout import Layout, Text, parenthesised, row
from wengert.explain.printers.style import ATOM, Style, layout_of
from wengert.ir.node import make_input
from wengert.ir.types import tensor_type

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Bell(Expression):
    """1/(1 + x²) of an expression x, element by element."""

    body: Expression


@computed.register
def _(expression: Bell, body: Array) -> Array:
    return np.asarray(1 / (1 + body**2))


@differentiated.register
def _(expression: Bell, by: Element, rules: Rules) -> Expression:
    rules.use("derivative of the bell")
    outer = multiply(MINUS_ONE, TWO, expression.body, power(expression, TWO))
    return multiply(outer, rules.within(expression.body, by))


@tidy.register
def _(expression: Bell) -> Expression:
    return ONE if is_number(expression.body, 0) else expression


@layout_of.register
def _(expression: Bell, style: Style) -> tuple[Layout, int]:
    return row(Text("bell", "function"), parenthesised(style.show(expression.body))), ATOM


@dataclass(frozen=True, slots=True)
class Neighbour(Expression):
    """The element of a matrix that stands after the one at a position of its row; at the end, the first."""

    symbol: Symbol
    place: tuple[Position, ...]


@value_of.register
def _(expression: Neighbour, evaluation: Evaluation) -> Named:
    turned = np.roll(evaluation.point.values[expression.symbol.node], -1, axis=-1)
    return evaluation.picked(turned, expression.place)


@layout_of.register
def _(expression: Neighbour, style: Style) -> tuple[Layout, int]:
    letters = "".join(str(at if isinstance(at, Index) else at + 1) for at in expression.place)
    return row(Text("next", "function"), Text(letters, "indices")), ATOM


I, J, K = Index("i", 2), Index("j", 3), Index("k", 3)
NODE = make_input("A", tensor_type((2, 3), np.dtype(np.float64)))
SYMBOL = Symbol("A", NODE, (2, 3), (I, J))
a_ij = Element(SYMBOL, (I, J))
A = np.array([[0.5, -1.25, 2.0], [-0.25, 0.75, 1.5]])
NEXT = Neighbour(SYMBOL, (I, J))


def evaluated(expression: Expression, *axes: Index, values: Array = A) -> Array:
    point: Any = SimpleNamespace(values={NODE: values})
    return Evaluation(point, {}).run(expression, axes)


def bell(x: Array) -> Array:
    return np.asarray(1 / (1 + x**2))


def test_it_has_its_value_alone_and_inside_others() -> None:
    np.testing.assert_allclose(evaluated(Bell(a_ij), I, J), bell(A))
    np.testing.assert_allclose(evaluated(Sum((J,), Bell(multiply(TWO, a_ij))), I), bell(2 * A).sum(axis=1))
    np.testing.assert_allclose(evaluated(multiply(Bell(a_ij), NEXT), I, J), bell(A) * np.roll(A, -1, axis=1))


def test_its_derivative_is_that_of_central_differences() -> None:
    inside = Sum((J,), Bell(multiply(a_ij, a_ij)))
    rules = Rules()
    derivative = without_deltas(differentiate(inside, Element(SYMBOL, (I, K)), rules))
    assert "derivative of the bell" in rules.names
    step = 1e-6
    for place in np.ndindex(A.shape):
        shift = np.zeros_like(A)
        shift[place] = step
        above, below = (evaluated(inside, I, values=A + sign * shift) for sign in (1, -1))
        found = evaluated(derivative, I, K)[place]
        np.testing.assert_allclose(found, (above - below)[place[0]] / (2 * step), rtol=1e-7, atol=1e-9)


def test_it_is_printed() -> None:
    assert plain(add(Bell(a_ij), NEXT)) == "bell(a_ij) + nextij"
    assert "bell" in math(Style().show(power(Bell(a_ij), TWO)))


def test_it_is_simplified() -> None:
    assert tidy(Bell(number(0))) == ONE
    assert simplified(Add((Bell(a_ij), Bell(a_ij)))) == Product((TWO, Bell(a_ij)))
    assert simplified(Add((NEXT, multiply(MINUS_ONE, NEXT)))) == number(0)


def test_its_indices_are_free_and_can_be_replaced() -> None:
    assert free_indices(Bell(a_ij)) == free_indices(NEXT) == (I, J)
    assert free_indices(Sum((J,), NEXT)) == (I,)
    assert substitute(NEXT, {J: K}) == Neighbour(SYMBOL, (I, K))


def test_one_element_of_it_is_written_with_numbers() -> None:
    point: Any = SimpleNamespace(values={NODE: A})
    placed = instance(Sum((J,), multiply(NEXT, Bell(a_ij))), {I: 1})
    assert plain(placed) == "next21 bell(a_21) + next22 bell(a_22) + next23 bell(a_23)"
    value = in_numbers(placed, point)
    assert value is not None
    assert plain(value) == "next21 bell(−0.25) + next22 bell(0.75) + next23 bell(1.5)"
    np.testing.assert_allclose(evaluated(placed), (np.roll(A, -1, axis=1) * bell(A))[1].sum())


def test_it_stands_among_matrices_or_says_why_not() -> None:
    point: Any = SimpleNamespace(values={NODE: A})
    converter = Converter("columns", numerator=False)
    np.testing.assert_allclose(matrix_value(converter.convert(Bell(a_ij), I, J), point), bell(A))
    with pytest.raises(NoMatrixForm, match="no pattern of matrices fits"):
        converter.convert(NEXT, I, J)


def test_a_rule_that_is_missing_is_asked_for_by_name() -> None:
    @dataclass(frozen=True, slots=True)
    class Bare(Expression):
        body: Expression

    with pytest.raises(NotImplementedError, match=r"no rule for Bare: register one with .*differentiated"):
        differentiate(Bare(a_ij), a_ij, Rules())
    with pytest.raises(NotImplementedError, match=r"no value for Bare: .*value_of"):
        evaluated(Bare(a_ij), I, J)
    with pytest.raises(NotImplementedError, match=r"no layout for Bare: .*layout_of"):
        plain(Bare(a_ij))
