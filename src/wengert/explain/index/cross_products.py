"""The product a × b of vectors of three components, by the permutation symbol: Σ_jk ε_ijk a_j b_k."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from wengert.explain.index.construction import multiply, total
from wengert.explain.index.differentiation import Rules, differentiated
from wengert.explain.index.expressions import ZERO, Element, Expression
from wengert.explain.index.index_values import Evaluation, Named, value_of
from wengert.explain.index.indices import Index, Position, fresh
from wengert.ir.node import Node

if TYPE_CHECKING:
    from wengert.explain.index.definitions import Formulas

_FORMULA = "cross(x, y)"
_SYMBOL = np.linalg.det(np.eye(3)[np.indices((3, 3, 3)).transpose(1, 2, 3, 0)]).round()


@dataclass(frozen=True, slots=True)
class Permutation(Expression):
    """ε_ijk: 1 where ijk is 123, 231 or 312, −1 where it is 321, 213 or 132, and 0 elsewhere."""

    places: tuple[Position, ...]


def is_cross_product(node: Node) -> bool:
    """Return whether a line is a × b."""
    return node.primitive.formula == _FORMULA


def cross_product(
    node: Node, positions: tuple[Position, ...], used: frozenset[Position], formulas: Formulas
) -> Expression:
    """Return the element of a × b at the given positions; `used` are the indices in scope."""
    *stack, place = positions
    indices: list[Index] = []
    for operand in node.inputs:
        letter = formulas.letters.index(operand, operand.type.ndim - 1)
        assert isinstance(letter, Index), "three components have an index"
        indices.append(fresh(letter, used | {place, *indices}))
    factors = []
    for operand, index in zip(node.inputs, indices, strict=True):
        shape = operand.type.shape[:-1]
        over = stack[len(stack) - len(shape) :]
        outer = [0 if extent == 1 else at for extent, at in zip(shape, over, strict=True)]
        factors.append(formulas.express(operand, (*outer, index), used | {*indices}))
    return total(indices, multiply(Permutation((place, *indices)), *factors))


@value_of.register
def _(expression: Permutation, evaluation: Evaluation) -> Named:
    return evaluation.picked(_SYMBOL, expression.places)


@differentiated.register
def _(expression: Permutation, by: Element, rules: Rules) -> Expression:
    return ZERO
