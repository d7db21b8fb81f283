"""Giving letters to axes: axes that an operation ties together share one."""

from __future__ import annotations

import itertools
import string
from collections.abc import Collection, Iterable, Sequence

import numpy as np

from wengert.explain.index.indices import LETTERS, Index
from wengert.explain.loops.carried import EARLIER
from wengert.explain.loops.opening import State
from wengert.ir.node import Node
from wengert.ir.primitive import Kind
from wengert.ir.program import Program

Axis = tuple[Node, int]
GAPS = "x / gaps(y)"
"""The formula of 1/(y_l − y_k), which it has for all pairs of two values."""
_ITERATIONS = "tsrqpuvwxyzabcdefghijklmo"


def kept_axes(node: Node) -> list[tuple[int, int]]:
    """Return pairs (axis of the result, axis of the operand) of a reduction, a movement or a scan."""
    (operand, *_) = node.inputs
    rank = operand.type.ndim
    if node.primitive.kind is Kind.REDUCTION:
        axes, keepdims = node.param("axes"), node.param("keepdims")
        left = [axis for axis in range(rank) if keepdims or axis not in axes]
        return [(place, axis) for place, axis in enumerate(left) if axis not in axes]
    if node.primitive.letters is not None:
        (term,), result = letters_of(node)
        return [
            (mine, theirs)
            for mine, letter in enumerate(result)
            for theirs, other in enumerate(term)
            if letter == other
        ]
    if node.type.ndim == rank and node.primitive.kind in (Kind.MOVEMENT, Kind.SCAN):
        return [(axis, axis) for axis in range(rank)]
    return []


def letters_of(node: Node) -> tuple[list[str], str]:
    """Return the index letters of a contraction or movement; nothing of one that declares none."""
    letters = node.primitive.letters
    return ([], "") if letters is None else letters(*[one.type for one in node.inputs], **dict(node.params))


def renames_axes(node: Node) -> bool:
    """Whether a movement leaves each element of its operand at its own indices, and loses none."""
    if node.primitive.kind is not Kind.MOVEMENT or node.primitive.letters is None:
        return False
    (term,), result = letters_of(node)
    extents = node.inputs[0].type.shape
    return all(letter in result for letter, extent in zip(term, extents, strict=True) if extent != 1)


def diagonal_of(node: Node) -> Node | None:
    """Return the square matrix whose diagonal a line takes, out of its rows one after the other."""
    if node.primitive.spacing is None or node.type.ndim != 1:
        return None
    (rows,) = node.inputs
    laid_out = rows.primitive.kind is Kind.MOVEMENT and not renames_axes(rows)
    matrix = rows.inputs[0] if laid_out and rows.type.size == rows.inputs[0].type.size else rows
    count = node.type.shape[0]
    every = list(node.primitive.spacing(rows.type, **dict(node.params)))
    return matrix if matrix.type.shape == (count, count) and every == [(0, count + 1)] else None


def counts_up(node: Node) -> bool:
    """Return whether a constant is 0, 1, 2, …, as the rows are in x[np.arange(n), y]."""
    value = node.value
    return value is not None and value.ndim == 1 and np.array_equal(value, np.arange(len(value)))


def tied_axes(node: Node) -> Iterable[tuple[Axis, Axis]]:
    """Yield the pairs of axes that a line runs over together."""
    kind = node.primitive.kind
    if kind is Kind.ELEMENTWISE:
        for operand in node.inputs:
            shift = node.type.ndim - operand.type.ndim
            for axis in range(operand.type.ndim):
                yield (node, axis + shift), (operand, axis)
    elif kind is Kind.CONTRACTION:
        terms, result = letters_of(node)
        places: dict[str, list[Axis]] = {}
        for owner, letters in [*zip(node.inputs, terms, strict=False), (node, result)]:
            for axis, letter in enumerate(letters):
                places.setdefault(letter, []).append((owner, axis))
        for same in places.values():
            yield from ((same[0], other) for other in same[1:])
    elif node.primitive is EARLIER:
        carries, initial = node.inputs
        without = [axis for axis in range(node.type.ndim) if axis != node.param("axis")]
        yield from (((node, axis), (carries, axis)) for axis in range(node.type.ndim))
        yield from (((node, axis), (initial, place)) for place, axis in enumerate(without))
    elif node.primitive.formula == GAPS:  # both axes are those of the values
        yield from (((node, node.type.ndim - back), (node.inputs[1], node.type.ndim - 2)) for back in (1, 2))
    elif (matrix := diagonal_of(node)) is not None:
        yield (node, 0), (matrix, 0)
    elif node.inputs:
        for mine, theirs in kept_axes(node):
            yield (node, mine), (node.inputs[0], theirs)


class Letters:
    """The index over each axis of each node of a program.

    Parameters
    ----------
    program : Program
    batch : sequence of (Node, int)
        Axes that count examples: they are called n where nothing else is.
    names : collection of str
        Letters that elements of arrays have, which are given to axes only after all others.
    states : sequence of State
        Carries of loops: their axes of iterations are called t, and the last place T.
    """

    def __init__(
        self,
        program: Program,
        batch: Sequence[Axis] = (),
        names: Collection[str] = frozenset(),
        states: Sequence[State] = (),
    ) -> None:
        self._parent: dict[Axis, Axis] = {}
        for node in program.nodes:
            self._tie(tied_axes(node))
        for state in states:
            self._tie(((state.given, axis), (state.computed, axis)) for axis in range(state.given.type.ndim))
        loops = self._iterations(program, states)
        taken = {index.letter for index in loops.values()} | {"n"}
        known = [letter for letter in LETTERS + string.ascii_uppercase if letter not in taken]
        single = sorted(known, key=lambda letter: letter in names)
        spare = itertools.chain(single, map("".join, itertools.product(single, single)))
        self._index: dict[Axis, Index] = loops
        for node, axis in batch:
            self._index.setdefault(self._root((node, axis)), Index("n", node.type.shape[axis]))
        for node in dict.fromkeys([*program.inputs, *program.nodes]):
            for axis, extent in enumerate(node.type.shape):
                root = self._root((node, axis))
                if extent != 1 and root not in self._index:
                    self._index[root] = Index(next(spare), extent)

    def _tie(self, pairs: Iterable[tuple[Axis, Axis]]) -> None:
        for one, other in pairs:
            if one[0].type.shape[one[1]] == other[0].type.shape[other[1]] > 1:
                above, below = self._root(one), self._root(other)
                if above != below:
                    self._parent[below] = above

    def _iterations(self, program: Program, states: Sequence[State]) -> dict[Axis, Index]:
        """Return the index over the iterations of each loop, of an inner one where it is in others."""
        names = {str(node.param("name")).lower() for node in program.inputs}
        names |= {known.name.lower() for known in program.provenance.values() if known.name}
        free = itertools.chain(
            *[[one for one in _ITERATIONS if (one in names) == used] for used in (False, True)]
        )
        found: dict[Axis, Index] = {}
        for state in sorted(states, key=lambda one: one.axis):
            root = self._root((state.given, state.axis))
            if root not in found:
                letter = next(free)
                found[root] = Index(letter, state.given.type.shape[state.axis], last=letter.upper())
        return found

    def _root(self, axis: Axis) -> Axis:
        while axis in self._parent:
            axis = self._parent[axis]
        return axis

    def index(self, node: Node, axis: int) -> Index | int:
        """Return the index over an axis; 0 where the extent is 1."""
        return 0 if node.type.shape[axis] == 1 else self._index[self._root((node, axis))]
