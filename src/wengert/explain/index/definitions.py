"""From a line of the program to its formula in index notation.

Each structural kind gives its rule once: an elementwise line has the indices of its operands, a reduction and
a contraction are sums, a movement renames indices. No primitive has a rule of its own here; a line without
one (a slice, a running sum, a table look-up) keeps its own name and its NumPy source.
"""

from __future__ import annotations

import fractions
import math
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from wengert.explain.engine import Array
from wengert.explain.index.construction import divide, is_number, multiply, total, without_deltas
from wengert.explain.index.expressions import (
    ONE,
    ZERO,
    Apply,
    Cases,
    Delta,
    Element,
    Expression,
    Extreme,
    Number,
    Symbol,
    Verbatim,
    number,
    walk,
)
from wengert.explain.index.indices import Index, Position, fresh
from wengert.explain.index.letters import Letters, kept_axes, product_axes
from wengert.explain.index.notation import applied, has_derivatives, is_arithmetic
from wengert.ir.node import Node
from wengert.ir.primitive import Kind
from wengert.ir.program import Program
from wengert.primitives import comparison, exponential, selection

Used = frozenset[Position]
# Bounds below this keep a logarithm from ln 0 and change nothing else, so they are not written.
_TINY = 1e-37


def uniform_value(node: Node) -> float | None:
    """Return the number that all elements of a constant are, None where they differ or it is no constant."""
    if node.primitive.name == "broadcast_to":
        return uniform_value(node.inputs[0])
    value = node.value
    if value is None or value.size == 0 or value.dtype.kind not in "fiub":
        return None
    first = value.reshape(-1)[0]
    return float(first) if bool((value == first).all()) else None


def is_diagonal_mask(node: Node) -> bool:
    """Return whether a constant is true on the diagonal of a square matrix only, as in a trace: δ_ij."""
    value = node.value
    if value is None or value.ndim != 2 or value.dtype != np.bool_ or len(value) < 2:
        return False
    return np.array_equal(value, np.eye(len(value), dtype=bool))


def guards(program: Program, values: Sequence[Mapping[Node, Array]]) -> set[Node]:
    """Return the lines ``where(x == c, …, y)`` whose condition holds at none of the points.

    They keep 0/0 and the like out of a formula, as in a norm, and on paper stand for y.
    """
    return {
        node
        for node in program.nodes
        if node.primitive is selection.where
        and node.inputs[0].primitive is comparison.eq
        and any(uniform_value(side) is not None for side in node.inputs[0].inputs)
        and not any(np.any(point[node.inputs[0]]) for point in values)
    }


def same_index(left: Position, right: Position) -> Expression:
    """Return δ of two positions: a number where it can be worked out."""
    if isinstance(left, Index) and isinstance(right, Index) and left != right:
        return Delta(left, right)
    return ONE if left == right else ZERO


def has_formula(node: Node) -> bool:
    """Return whether a line can be written in index notation."""
    name = node.primitive.name
    kind = node.primitive.kind
    if not node.inputs or node.type.size == 0 or any(operand.type.size == 0 for operand in node.inputs):
        return False
    if kind is Kind.ELEMENTWISE:
        return is_arithmetic(node.primitive) or (not node.params and has_derivatives(node.primitive))
    if kind is Kind.CONTRACTION:
        terms, _ = product_axes(node)
        return bool(terms) and all(len(set(term)) == len(term) for term in terms)
    if kind is Kind.REDUCTION:
        return name in ("sum", "mean", "max", "min", "logsumexp")
    if name in ("expand_dims", "squeeze", "reshape"):
        return len(kept_axes(node)) == sum(extent != 1 for extent in node.type.shape)
    return name in ("transpose", "broadcast_to")


class Formulas:
    """Writes lines of a program as formulas over the named tensors.

    Parameters
    ----------
    symbols : mapping of Node to Symbol
        The named tensors; every other line is written out where it is used.
    letters : Letters
    guards : collection of Node
        Lines ``where(x == 0, …, y)`` that are y wherever they are explained: they are written so.
    """

    def __init__(
        self, symbols: Mapping[Node, Symbol], letters: Letters, guards: Collection[Node] = ()
    ) -> None:
        self.symbols = symbols
        self.letters = letters
        self.guards = guards

    def definition(
        self, symbol: Symbol, positions: tuple[Position, ...], others: tuple[Position, ...] = ()
    ) -> Expression:
        """Return the formula of an element of a named tensor; its sums keep clear of the indices `others`."""
        used = frozenset({*positions, *others})
        if not has_formula(symbol.node):
            return Verbatim(self._source(symbol.node), symbol, positions)
        return self._write(symbol.node, positions, used)

    def express(self, node: Node, positions: tuple[Position, ...], used: Used) -> Expression:
        """Return the element of a line at the given positions; `used` are the indices in scope."""
        symbol = self.symbols.get(node)
        if symbol is not None:
            return Element(symbol, positions)
        if is_diagonal_mask(node):
            return same_index(*positions)
        value = uniform_value(node)
        return self._write(node, positions, used) if value is None else number(value)

    def _write(self, node: Node, positions: tuple[Position, ...], used: Used) -> Expression:
        match node.primitive.kind:
            case Kind.ELEMENTWISE:
                return self._elementwise(node, positions, used)
            case Kind.CONTRACTION:
                return self._contraction(node, positions, used)
            case Kind.REDUCTION:
                return self._reduction(node, positions, used)
        return self._movement(node, positions, used)

    def _source(self, node: Node) -> str:
        python = node.primitive.python
        types = [operand.type for operand in node.inputs]
        template = python if isinstance(python, str) else python(*types, **dict(node.params))
        names = [self.symbols[one].name if one in self.symbols else "constant" for one in node.inputs]
        return template.format(*names)

    def _elementwise(self, node: Node, positions: tuple[Position, ...], used: Used) -> Expression:
        operands = []
        for operand in node.inputs:
            shift = node.type.ndim - operand.type.ndim
            places = tuple(
                0 if extent == 1 else positions[axis + shift]
                for axis, extent in enumerate(operand.type.shape)
            )
            operands.append(self.express(operand, places, used))
        if node in self.guards:
            return operands[2]
        if node.primitive is exponential.exp_difference:
            share = self._softmax(node, positions, operands[0], used)
            if share is not None:
                return share
        if node.primitive is selection.maximum:
            match operands:
                case [value, Number(bound)] if 0 < bound < _TINY:
                    return value
        found = applied(node.primitive, operands)
        match found:
            case Cases(Delta() as diagonal, value, otherwise) if is_number(otherwise, 0):
                return multiply(diagonal, value)
        return found

    def _softmax(
        self, node: Node, positions: tuple[Position, ...], above: Expression, used: Used
    ) -> Expression | None:
        """exp(z − logsumexp z) is the quotient e^z / Σ e^z: the same value, and what is taught."""
        values, below = node.inputs
        if below.primitive.name != "logsumexp" or below.inputs[0] is not values or below in self.symbols:
            return None
        normaliser = self._sum_of_exponentials(below, _kept(below, positions), used)
        return divide(Apply(exponential.exp, (above,)), normaliser)

    def _sum_of_exponentials(self, node: Node, positions: tuple[Position, ...], used: Used) -> Expression:
        inner, indices = self._inner_positions(node, positions, used)
        body = self.express(node.inputs[0], inner, used | set(indices))
        return total(indices, Apply(exponential.exp, (body,)))

    def _inner_positions(
        self, node: Node, positions: tuple[Position, ...], used: Used
    ) -> tuple[tuple[Position, ...], list[Index]]:
        """Return the operand's positions in a reduction, and the indices summed over."""
        operand = node.inputs[0]
        back = {theirs: mine for mine, theirs in kept_axes(node)}
        inner: list[Position] = []
        indices: list[Index] = []
        for axis in range(operand.type.ndim):
            if axis in back:
                inner.append(positions[back[axis]])
                continue
            letter = self.letters.index(operand, axis)
            if isinstance(letter, Index):
                letter = fresh(letter, used | set(indices))
                indices.append(letter)
            inner.append(letter)
        return tuple(inner), indices

    def _reduction(self, node: Node, positions: tuple[Position, ...], used: Used) -> Expression:
        name = node.primitive.name
        if name == "logsumexp":
            return Apply(exponential.log, (self._sum_of_exponentials(node, positions, used),))
        inner, indices = self._inner_positions(node, positions, used)
        body = self.express(node.inputs[0], inner, used | set(indices))
        if name in ("max", "min"):
            return Extreme(name, tuple(indices), body) if indices else body
        if name == "mean":
            count = math.prod(index.extent for index in indices)
            return multiply(Number(fractions.Fraction(1, count)), total(indices, body))
        return _contracted(total(indices, body))

    def _contraction(self, node: Node, positions: tuple[Position, ...], used: Used) -> Expression:
        terms, result = product_axes(node)
        at: dict[str, Position] = dict(zip(result, positions, strict=True))
        indices: list[Index] = []
        for operand, term in zip(node.inputs, terms, strict=True):
            for axis, letter in enumerate(term):
                if letter not in at:
                    index = self.letters.index(operand, axis)
                    if isinstance(index, Index):
                        index = fresh(index, used | set(indices))
                        indices.append(index)
                    at[letter] = index
        factors = []
        for operand, term in zip(node.inputs, terms, strict=True):
            shape = operand.type.shape
            places = tuple(0 if shape[axis] == 1 else at[letter] for axis, letter in enumerate(term))
            factors.append(self.express(operand, places, used | set(indices)))
        return _contracted(total(indices, multiply(*factors)))

    def _movement(self, node: Node, positions: tuple[Position, ...], used: Used) -> Expression:
        operand = node.inputs[0]
        inner: list[Position] = [0] * operand.type.ndim
        for mine, theirs in kept_axes(node):
            inner[theirs] = 0 if operand.type.shape[theirs] == 1 else positions[mine]
        return self.express(operand, tuple(inner), used)


def _contracted(expression: Expression) -> Expression:
    """Eliminate the δ of a diagonal: Σ_ij δ_ij z_ij is Σ_i z_ii."""
    return (
        without_deltas(expression) if any(isinstance(one, Delta) for one in walk(expression)) else expression
    )


def _kept(node: Node, positions: tuple[Position, ...]) -> tuple[Position, ...]:
    """Return the positions in a reduced tensor whose reduced axes were kept with extent 1."""
    return tuple(0 if extent == 1 else at for extent, at in zip(node.type.shape, positions, strict=True))
