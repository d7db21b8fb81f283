"""Every class of expressions is written, and has a value, in the notation that it belongs to."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from wengert.explain.index.cross_products import Permutation
from wengert.explain.index.elementwise import computed, is_elementwise
from wengert.explain.index.expressions import (
    ONE,
    TWO,
    Add,
    Apply,
    Cases,
    Delta,
    Differential,
    Element,
    ElementAt,
    Expression,
    Extreme,
    Inverse,
    Last,
    Number,
    Omitted,
    Partial,
    Power,
    Product,
    Quotient,
    Reduction,
    Relation,
    Running,
    Second,
    Slot,
    Softmax,
    Sum,
    Symbol,
    Value,
    Verbatim,
    free_indices,
    number,
)
from wengert.explain.index.index_values import Evaluation
from wengert.explain.index.indices import Index
from wengert.explain.index.substitution import counted
from wengert.explain.loops.carried import EARLIER
from wengert.explain.loops.earlier import Begun, Earlier
from wengert.explain.matrix.matrices import (
    Column,
    Cross,
    Diagonal,
    DiagonalOf,
    Gradient,
    Hadamard,
    Identity,
    Jacobian,
    Matrix,
    MatrixInverse,
    MatrixProduct,
    MatrixSoftmax,
    MatrixSum,
    Norm,
    Ones,
    Slice,
    Table,
    Trace,
    Unit,
)
from wengert.explain.matrix.matrix_values import matrix_value
from wengert.explain.memoisation import memoised
from wengert.explain.places.affine_places import Digit
from wengert.explain.places.related_places import Residue
from wengert.explain.printers.blocks import plain
from wengert.explain.views.examples import Example
from wengert.ir.node import make_input, make_node
from wengert.ir.types import tensor_type
from wengert.primitives.trigonometric import tanh

Array = np.ndarray[Any, Any]
AXIS = {"axis": 0, "reverse": False}
I, J = Index("i", 3), Index("j", 3)
NODE = make_input("A", tensor_type((3, 3), np.dtype(np.float64)))
SYMBOL = Symbol("A", NODE, (3, 3), (I, J))
A = np.array([[2.0, -1.0, 0.5], [0.25, 3.0, 1.0], [-0.5, 0.75, 1.5]])
ADJOINT = np.arange(9.0).reshape(3, 3)
a_ij = Element(SYMBOL, (I, J))
M = Matrix(SYMBOL, (3, 3), False)


T = Index("t", 3, last="T")
CARRY = Symbol("h", NODE, (3, 3), (T, J))
BEFORE = make_node(EARLIER, [NODE, make_input("h0", tensor_type((3,), np.dtype(np.float64)))], AXIS)


def point(iterations: dict[Index, Array]) -> Any:
    values = {NODE: A, BEFORE: np.vstack([np.full(3, 7.0), A[:-1]])}
    return SimpleNamespace(
        values=values, adjoint={NODE: ADJOINT}.__getitem__, iterations=iterations, at=point
    )


POINT = point({})


def softmax(array: Array, axis: int) -> Array:
    powers = np.exp(array)
    return np.asarray(powers / powers.sum(axis=axis, keepdims=True))


# An expression of each class with its value over (i, j), or over the free indices that it has.
IN_INDICES: dict[type[Expression], tuple[Expression, Any]] = {
    Number: (number(0.5), 0.5),
    Element: (a_ij, A),
    ElementAt: (ElementAt(SYMBOL, (counted(Index("k", 2), 1, 1), counted(J, -1, 2))), A[1:, ::-1]),
    Earlier: (
        Earlier(CARRY, (counted(T, 1, -1), Running(J)), 0, -1, number(7)),
        np.vstack([np.full(3, 7.0), A[:-1]]),
    ),
    Begun: (Begun(CARRY, (J,), BEFORE), np.full(3, 7.0)),
    Last: (Last(Fraction(3), "T", 1), 3.0),
    Delta: (Delta(I, J), np.eye(3)),
    Permutation: (Permutation((I, 2, J)), [[0, -1, 0], [1, 0, 0], [0, 0, 0]]),
    Running: (Running(I), [1, 2, 3]),
    Digit: (Digit(Running(Index("q", 7)), 2, 2), [1, 1, 2, 2, 1, 1, 2]),
    Residue: (Residue(Running(I), 2, 0), [0, 1, 0]),
    Sum: (Sum((J,), a_ij), A.sum(axis=1)),
    Extreme: (Extreme((J,), a_ij, "max"), A.max(axis=1)),
    Add: (Add((a_ij, ONE)), A + 1),
    Product: (Product((TWO, a_ij)), 2 * A),
    Quotient: (Quotient(ONE, a_ij), 1 / A),
    Power: (Power(a_ij, TWO), A**2),
    Relation: (Relation(">", a_ij, ONE), (A > 1) * 1.0),
    Cases: (Cases(Relation(">", a_ij, ONE), a_ij, TWO), np.where(A > 1, A, 2)),
    Apply: (Apply(tanh, (a_ij,)), np.tanh(A)),
    Softmax: (Softmax(a_ij, 1), softmax(A, 1)),
    Inverse: (Inverse(a_ij), np.linalg.inv(A)),
    Differential: (Differential(Element(SYMBOL, (I, J)), Power(a_ij, TWO)), 2 * A),
    Verbatim: (Verbatim("np.flip(A)", SYMBOL, (I, J)), A),
    Table: (Table(a_ij, (I,), (J,)), A),
}
IN_MATRICES: dict[type[Expression], tuple[Expression, Any]] = {
    Matrix: (Matrix(SYMBOL, (3, 3), True), A.T),
    Slice: (Slice(Element(CARRY, (2, J)), (None, J), True), A[2:].T),
    MatrixSum: (MatrixSum(T, Slice(Element(CARRY, (T, J)), (None, J), False)), A.sum(axis=0, keepdims=True)),
    Gradient: (Gradient(SYMBOL, SYMBOL, (3, 3), False, False), ADJOINT),
    Ones: (Ones((3, 1)), np.ones((3, 1))),
    MatrixProduct: (MatrixProduct((M, M)), A @ A),
    Hadamard: (Hadamard((M, M)), A * A),
    MatrixSoftmax: (MatrixSoftmax(M, 0), softmax(A, 0)),
    MatrixInverse: (MatrixInverse(SYMBOL, 3, True), np.linalg.inv(A).T),
    Diagonal: (Diagonal(MatrixProduct((Ones((1, 3)), M))), np.diag(A.sum(axis=0))),
    Identity: (Identity(3), np.eye(3)),
    Norm: (Norm(M, True), np.linalg.norm(A)),
    Unit: (Unit(3, 1, True), [[0, 1, 0]]),
    Column: (Column(SYMBOL, 2, False), A[:, [2]]),
    DiagonalOf: (DiagonalOf(SYMBOL, False), np.diag(A)[:, None]),
    Cross: (Cross(Column(SYMBOL, 0, False), Column(SYMBOL, 1, False)), np.cross(A[:, 0], A[:, 1])[:, None]),
    Trace: (Trace(SYMBOL), np.trace(A)),
}
# Their values need an engine, and are compared in every derivation that shows them.
DERIVATIVES = {Partial, Second, Jacobian, Example}
# Written in place of what has a value, or never written.
WITHOUT_A_VALUE = {Value: Value(0.5), Omitted: Omitted(), Slot: None}


def classes(base: type[Expression] = Expression) -> Iterator[type[Expression]]:
    for one in base.__subclasses__():
        if one.__module__.startswith("wengert."):
            yield one
        yield from classes(one)


def test_each_class_is_tested_here() -> None:
    # A class made with slots leaves the one without them behind, until that is collected.
    found = {one.__name__ for one in classes()} - {Reduction.__name__}  # a base
    known = {*IN_INDICES, *IN_MATRICES, *DERIVATIVES, *WITHOUT_A_VALUE}
    assert found == {one.__name__ for one in known}


@pytest.mark.parametrize("kind", IN_INDICES, ids=lambda kind: kind.__name__)
def test_an_expression_in_indices_has_its_value(kind: type[Expression]) -> None:
    expression, expected = IN_INDICES[kind]
    axes = (I, J) if isinstance(expression, (Table, Differential)) else free_indices(expression)
    value = Evaluation(POINT, {}).run(expression, axes)
    np.testing.assert_allclose(value, expected, rtol=1e-12)
    assert plain(expression)


@pytest.mark.parametrize("kind", IN_MATRICES, ids=lambda kind: kind.__name__)
def test_an_expression_in_matrices_has_its_value(kind: type[Expression]) -> None:
    expression, expected = IN_MATRICES[kind]
    np.testing.assert_allclose(matrix_value(expression, POINT), expected, rtol=1e-12)
    assert plain(expression)


ELEMENTWISE: dict[type[Expression], tuple[Expression, Array]] = {
    Add: (Add((M, M)), 2 * A),
    Product: (Product((TWO, M)), 2 * A),
    Hadamard: IN_MATRICES[Hadamard],
    Quotient: (Quotient(TWO, M), 2 / A),
    Power: (Power(M, TWO), A**2),
    Relation: (Relation(">", M, ONE), (A > 1) * 1.0),
    Cases: (Cases(Relation(">", M, ONE), M, TWO), np.where(A > 1, A, 2)),
    Apply: (Apply(tanh, (M,)), np.tanh(A)),
}


def test_what_is_elementwise_is_what_has_a_rule_for_it() -> None:
    assert set(ELEMENTWISE) == {kind for kind in computed.registry if kind.__module__.startswith("wengert.")}
    known = IN_INDICES | IN_MATRICES
    assert {kind for kind, (one, _) in known.items() if is_elementwise(one)} == set(ELEMENTWISE)


@pytest.mark.parametrize("kind", ELEMENTWISE, ids=lambda kind: kind.__name__)
def test_what_is_elementwise_has_its_value_among_matrices_too(kind: type[Expression]) -> None:
    expression, expected = ELEMENTWISE[kind]
    np.testing.assert_allclose(matrix_value(expression, POINT), expected, rtol=1e-12)


def test_what_is_computed_of_an_expression_stays_with_it() -> None:
    computed_of: list[Expression] = []

    @memoised
    def extents(expression: Expression) -> list[int]:
        computed_of.append(expression)
        return [index.extent for index in free_indices(expression)]

    short, long = (Running(Index("i", extent)) for extent in (2, 3))
    assert short == long, "indices are told apart by their letters"
    assert [extents(short), extents(long), extents(short)] == [[2], [3], [2]]
    assert [one is other for one, other in zip(computed_of, (short, long), strict=True)] == [True, True]


@dataclass(frozen=True)
class WithoutSlots(Expression):
    body: Expression


@pytest.mark.parametrize("expression", [WithoutSlots(ONE), Running(Index("i", 2))])
def test_a_copy_is_equal_and_without_results(expression: Expression) -> None:
    free_indices(expression)
    assert expression.results
    for copied in (copy.copy(expression), copy.deepcopy(expression), pickle.loads(pickle.dumps(expression))):
        assert copied == expression
        assert not hasattr(copied, "results")
