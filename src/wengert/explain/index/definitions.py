"""From a line of the program to its formula in index notation.

Each structural kind gives its rule once: an elementwise line has the indices of its operands, a reduction and
a contraction are sums, a movement renames indices. No primitive has a rule of its own here; a line without
one (a slice, a running sum, a table look-up) keeps its own name and its NumPy source.
"""

from __future__ import annotations

import fractions
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np

from wengert.explain.engine import Array
from wengert.explain.factors.stacked_parts import factor_of
from wengert.explain.index.construction import (
    add,
    divide,
    is_number,
    multiply,
    negate,
    tidy,
    total,
    without_deltas,
)
from wengert.explain.index.cross_products import cross_product, is_cross_product
from wengert.explain.index.expressions import (
    ONE,
    ZERO,
    Cases,
    Delta,
    Element,
    Expression,
    Inverse,
    Number,
    Reduction,
    Relation,
    Running,
    Slot,
    Sum,
    Symbol,
    Verbatim,
    number,
    rebuild,
    walk,
)
from wengert.explain.index.indices import Index, Position, fresh
from wengert.explain.index.letters import GAPS, Letters, diagonal_of, kept_axes, letters_of, renames_axes
from wengert.explain.index.notation import (
    applied,
    has_derivatives,
    is_arithmetic,
    notation,
    reduction_formula,
)
from wengert.explain.index.softmax import as_softmax_quotient
from wengert.explain.index.substitution import at_places, counted
from wengert.explain.loops.carried import EARLIER
from wengert.explain.loops.earlier import earlier
from wengert.ir.node import Node
from wengert.ir.primitive import Kind, Primitive
from wengert.ir.program import Program

Used = frozenset[Position]
# Bounds below this keep a logarithm from ln 0 and change nothing else, so they are not written.
_TINY = 1e-37
_SOLUTION = "x**-1 @ y"


def uniform_value(node: Node) -> float | None:
    """Return the number that all elements of a constant are, None where they differ or it is no constant."""
    while renames_axes(node):
        node = node.inputs[0]
    value = node.value
    if value is None or value.size == 0 or value.dtype.kind not in "fiub":
        return None
    first = value.reshape(-1)[0]
    return float(first) if bool((value == first).all()) else None


def is_diagonal_mask(node: Node) -> bool:
    """Return whether a constant is δ_ij: the unit matrix, or true on the diagonal only, as in a trace."""
    value = node.value
    if value is None or value.ndim != 2 or value.dtype.kind not in "fb" or len(value) < 2:
        return False
    return np.array_equal(value, np.eye(len(value)))


def counter(node: Node) -> tuple[int, int] | None:
    """Return first number and step of a constant that counts, as a loop does; None of others."""
    value = node.value
    if value is None or value.ndim != 1 or len(value) < 2 or value.dtype.kind not in "iu":
        return None
    first, step = int(value[0]), int(value[1]) - int(value[0])
    return (first, step) if step and np.array_equal(value, first + step * np.arange(len(value))) else None


def guards(program: Program, values: Sequence[Mapping[Node, Array]]) -> set[Node]:
    """Return the lines ``where(x == c, …, y)`` whose condition holds at none of the points.

    They keep 0/0 and the like out of a formula, as in a norm, and on paper stand for y.
    """
    return {
        node
        for node in program.nodes
        if may_guard(node) and not any(np.any(point[node.inputs[0]]) for point in values)
    }


def may_guard(node: Node) -> bool:
    """Return whether a line is ``where(x == c, …, y)``."""
    return (
        node.primitive.selects
        and _compares(node.inputs[0], "=")
        and any(uniform_value(side) is not None for side in node.inputs[0].inputs)
    )


def _compares(node: Node, sign: str) -> bool:
    """Whether a line is a relation with this sign."""
    formula = notation(node.primitive).formula if node.primitive.kind is Kind.ELEMENTWISE else None
    return isinstance(formula, Relation) and formula.sign == sign


def _idle_beside(primitive: Primitive, bound: fractions.Fraction | float) -> bool:
    """Whether a second operand is so small that the first, if positive, comes out as it goes in."""
    values = np.array([0.5, 1.0, 2.0])
    return 0 < bound < _TINY and np.array_equal(primitive.numpy(values, float(bound)), values)


def same_index(left: Position, right: Position) -> Expression:
    """Return δ of two positions: a number where it can be worked out."""
    if isinstance(left, Index) and isinstance(right, Index) and left != right:
        return Delta(left, right)
    return ONE if left == right else ZERO


def solves(node: Node) -> bool:
    """Return whether a line is A⁻¹B, of one matrix A and one B."""
    written = node.primitive.kind is Kind.LIBRARY and node.primitive.formula == _SOLUTION
    return written and all(one.type.ndim == 2 for one in node.inputs)


def is_gaps(node: Node) -> bool:
    """Return whether a line is 1/(y_l − y_k) of all pairs of two values, and 0 where they are one."""
    return node.primitive.formula == GAPS and uniform_value(node.inputs[0]) == 1 and node.type.ndim == 2


def spaced(node: Node) -> bool:
    """Return whether a line takes elements at even distances along axes that a reader knows, as x[1:] does.

    What has been laid out anew before, as a matrix whose diagonal is taken, has other axes than the reader's.
    """
    if node.primitive.spacing is None:
        return False
    if diagonal_of(node) is not None:
        return True
    (operand,) = node.inputs
    moved = operand.primitive.kind is Kind.MOVEMENT and not renames_axes(operand)
    return not (moved and operand.inputs[0].type.ndim != operand.type.ndim)


def source_of(node: Node) -> Node:
    """Return what a line that takes elements at even distances takes them from, as a reader has it."""
    return diagonal_of(node) or node.inputs[0]


def taken(symbol: Symbol, node: Node, positions: tuple[Position, ...]) -> Expression:
    """Return the element of the operand, `symbol`, that a line which takes some has at the positions."""
    if diagonal_of(node) is not None:
        return Element(symbol, positions * 2)
    spacing = node.primitive.spacing
    assert spacing is not None, "only lines that take elements at even distances"
    axes = zip(positions, spacing(symbol.node.type, **dict(node.params)), strict=True)
    return at_places(symbol, [counted(at, step, first) for at, (first, step) in axes])


def has_formula(node: Node) -> bool:
    """Return whether a line can be written in index notation."""
    kind = node.primitive.kind
    if not node.inputs or node.type.size == 0 or any(operand.type.size == 0 for operand in node.inputs):
        return False
    if factor_of(node) is not None:
        return False
    if kind is Kind.ELEMENTWISE:
        return is_arithmetic(node.primitive) or (not node.params and has_derivatives(node.primitive))
    if kind is Kind.CONTRACTION:
        terms, _ = letters_of(node)
        return bool(terms) and all(len(set(term)) == len(term) for term in terms)
    if kind is Kind.REDUCTION:
        return bool(node.primitive.formula)
    if kind is Kind.LIBRARY:
        return solves(node) or is_gaps(node) or is_cross_product(node)
    return renames_axes(node) or spaced(node) or node.primitive is EARLIER


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
        if value is not None:
            return number(value)
        counting = counter(node)
        if counting is not None:
            first, step = counting
            return counted(positions[0], step, first - 1)
        return self._write(node, positions, used)

    def _write(self, node: Node, positions: tuple[Position, ...], used: Used) -> Expression:
        match node.primitive.kind:
            case Kind.ELEMENTWISE:
                return self._elementwise(node, positions, used)
            case Kind.CONTRACTION:
                return self._contraction(node, positions, used)
            case Kind.REDUCTION:
                return self._reduction(node, positions, used)
            case Kind.LIBRARY if is_gaps(node):
                return self._gaps(node, positions, used)
            case Kind.LIBRARY if is_cross_product(node):
                return cross_product(node, positions, used, self)
            case Kind.LIBRARY:
                return self._solution(node, positions, used)
        return self._movement(node, positions, used)

    def _source(self, node: Node) -> str:
        factor = factor_of(node)
        if factor is not None:
            written = factor.part.written.format(self.symbols[factor.matrix].name)
            return f"{written}.T" if factor.flipped else written
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
        match operands:
            case [value, Number(bound)] if _idle_beside(node.primitive, bound):
                return value
        found = as_softmax_quotient(applied(node.primitive, operands))
        match found:
            case Cases(Delta() as diagonal, value, otherwise) if is_number(otherwise, 0):
                return multiply(diagonal, value)
        return found

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
        template = reduction_formula(node.primitive)
        assert template is not None, "a reduction without a formula keeps its name"
        return self._reduced(template, node, positions, used, None)

    def _reduced(
        self,
        template: Expression,
        node: Node,
        positions: tuple[Position, ...],
        used: Used,
        element: Expression | None,
    ) -> Expression:
        """Write the formula of a reduction; `element` is that of the operand under the innermost sum."""
        match template:
            case Slot("n"):
                return number(node.inputs[0].type.size // node.type.size)
            case Slot():
                assert element is not None, "the operand of a reduction stands under its sums"
                return element
            case Reduction(_, inside):
                inner, indices = self._inner_positions(node, positions, used)
                scope = used | set(indices)
                below = self.express(node.inputs[0], inner, scope)
                body = self._reduced(inside, node, positions, scope, below)
                if isinstance(template, Sum):
                    return _contracted(total(indices, body))
                return replace(template, indices=tuple(indices), body=body) if indices else body
        return tidy(rebuild(template, lambda part: self._reduced(part, node, positions, used, element)))

    def _contraction(self, node: Node, positions: tuple[Position, ...], used: Used) -> Expression:
        terms, result = letters_of(node)
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

    def _solution(self, node: Node, positions: tuple[Position, ...], used: Used) -> Expression:
        matrix, right = node.inputs
        across = self.letters.index(matrix, 1)
        across = fresh(across, used) if isinstance(across, Index) else across
        element = self.express(matrix, (positions[0], across), used)
        assert isinstance(element, Element), "what is inverted has a name"
        scope = used | {across}
        product = multiply(Inverse(element), self.express(right, (across, positions[1]), scope))
        return _contracted(total([across] if isinstance(across, Index) else [], product))

    def _gaps(self, node: Node, positions: tuple[Position, ...], used: Used) -> Expression:
        first, second = (self.express(node.inputs[1], (at,), used) for at in positions)
        one, other = (Running(at) for at in positions if isinstance(at, Index))
        return Cases(Relation("=", one, other), ZERO, divide(ONE, add(second, negate(first))))

    def _movement(self, node: Node, positions: tuple[Position, ...], used: Used) -> Expression:
        if node.primitive is EARLIER:
            return self._earlier(node, positions, used)
        if spaced(node) and source_of(node) in self.symbols:  # else it is inside what is drawn folded
            return taken(self.symbols[source_of(node)], node, positions)
        operand = node.inputs[0]
        inner: list[Position] = [0] * operand.type.ndim
        for mine, theirs in kept_axes(node):
            inner[theirs] = 0 if operand.type.shape[theirs] == 1 else positions[mine]
        return self.express(operand, tuple(inner), used)

    def _earlier(self, node: Node, positions: tuple[Position, ...], used: Used) -> Expression:
        carries, initial = node.inputs
        axis = node.param("axis")
        begun = self.express(initial, (*positions[:axis], *positions[axis + 1 :]), used)
        return earlier(Element(self.symbols[carries], positions), axis, node.param("reverse"), begun)


def _contracted(expression: Expression) -> Expression:
    """Eliminate the δ of a diagonal: Σ_ij δ_ij z_ij is Σ_i z_ii."""
    return (
        without_deltas(expression) if any(isinstance(one, Delta) for one in walk(expression)) else expression
    )
