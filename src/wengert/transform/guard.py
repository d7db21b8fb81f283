"""What keeps the slopes of a branch not taken out of a reverse sweep, where they may be infinite or NaN.

Beside the cotangent of a value, which is zero where no ``where`` takes its branch, goes the condition under
which it counts. A cotangent that merely happens to be zero may have a derivative itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from wengert.ir.node import Node
from wengert.ir.primitive import Kind
from wengert.primitives import movement, reductions
from wengert.primitives.arithmetic import div, mul
from wengert.primitives.selection import astype, where
from wengert.trace.tensor import Tensor, Trace, as_tensor
from wengert.transform.broadcasting import unbroadcast


class Guard:
    """Where the values of a program count, found in the order of a reverse sweep.

    Parameters
    ----------
    guarded : set of Node
        Values that count only under conditions; see `branch_only`.
    trace : Trace
        Where the conditions are recorded.
    """

    def __init__(self, guarded: set[Node], trace: Trace) -> None:
        self.guarded = guarded
        self.trace = trace
        self._taken: dict[Node, Tensor] = {}

    def taken(self, node: Node) -> Tensor | None:
        """Return where `node`, whose readers have all been visited, counts; None: everywhere."""
        return self._taken.pop(node, None)

    def visit(self, node: Node, taken: Tensor | None, active: Iterable[Node]) -> None:
        """Note for the operands of `node` that they count where `node` counts and reads them."""
        for place, operand in enumerate(node.inputs):
            if operand in self.guarded and operand in active:
                found = self._reached(node, taken, place)
                if found is None:
                    continue
                reached, known = as_tensor(found, self.trace), self._taken.get(operand)
                if known is None or known.node is not reached.node:
                    both = reached if known is None else known | reached
                    self._taken[operand] = as_tensor(both, self.trace)  # of constants it is an array

    def operands(self, node: Node, taken: Tensor | None) -> list[Tensor]:
        """Return the operands of `node` for its rule: those of a contraction are 0 where they do not count.

        An element of a product of matrices depends on a whole row and column, and its derivative by one
        matrix has all elements of the other in its sums.
        """
        given = [Tensor(operand, self.trace) for operand in node.inputs]
        if taken is None or node.primitive.kind is not Kind.CONTRACTION:
            return given
        return [
            operand if _is_finite(operand.node) else where(self._reached(node, taken, place), operand, 0)
            for place, operand in enumerate(given)
        ]

    def contribution(self, node: Node, taken: Tensor | None, place: int, contribution: Any) -> Any:
        """Return `contribution`, to the operand at `place`, and 0 where `node` does not count: 0, not 0·∞."""
        if taken is None or contribution is None or _has_finite_slope(node, place):
            return contribution
        return where(self._reached(node, taken, place, broadcast=True), contribution, 0)

    def _reached(
        self, node: Node, taken: Tensor | None, place: int, broadcast: bool = False
    ) -> Tensor | None:
        """Return where the operand at `place` counts for `node`, in its shape, or that it is broadcast to."""
        operand = node.inputs[place]
        if node.primitive.selects and place:
            condition = Tensor(node.inputs[0], self.trace)
            chosen = condition if place == 1 else ~condition
            taken = movement.broadcast_to(chosen, shape=node.type.shape) if taken is None else taken & chosen
        if taken is None:
            return None
        kind = node.primitive.kind
        if kind is Kind.ELEMENTWISE:
            return taken if broadcast else _somewhere(taken, operand)
        if kind is Kind.REDUCTION:
            params = dict(node.params)
            axes = () if params["keepdims"] else params["axes"]
            kept = movement.expand_dims(taken, axes=axes) if axes else taken
            spread: Tensor = movement.broadcast_to(kept, shape=operand.type.shape)
            return spread
        if kind is Kind.CONTRACTION:
            return _of_letters(taken, node, place)
        if kind in (Kind.LIBRARY, Kind.REGION, Kind.ITEM):  # reads all elements for each that it gives
            some = reductions.any(taken, axes=tuple(range(taken.ndim)), keepdims=False)
            everywhere: Tensor = movement.broadcast_to(some, shape=operand.type.shape)
            return everywhere
        # What is left only moves or adds up elements, and so do the cotangents that say where.
        params = dict(node.params)
        operands = [Tensor(one, self.trace) for one in node.inputs]
        counts = astype(taken, dtype=node.type.dtype)
        contributions = node.primitive.vjp(counts, Tensor(node, self.trace), *operands, **params)  # type: ignore[operator]
        return _nonzero(contributions[place], operand)


def _somewhere(taken: Tensor, operand: Node) -> Tensor:
    """Return where `taken` holds for some copy of a broadcast operand."""
    if taken.shape == operand.type.shape:
        return taken
    return _nonzero(astype(taken, dtype=operand.type.dtype), operand)


def _nonzero(counts: Tensor, operand: Node) -> Tensor:
    somewhere: Tensor = unbroadcast(counts, operand.type.shape) != 0
    return somewhere


def _is_finite(node: Node) -> bool:
    """Whether a value is a constant of finite numbers."""
    value = node.value
    return value is not None and bool(np.all(np.isfinite(value)))


def _has_finite_slope(node: Node, place: int) -> bool:
    """Whether a cotangent of zero gives zero whatever the operands are."""
    primitive = node.primitive
    # Factors that do not count have been taken out of a contraction.
    if primitive.selects or primitive.linear or primitive.kind is Kind.CONTRACTION:
        return True
    if primitive is mul:
        return _is_finite(node.inputs[1 - place])
    if primitive is div and place == 0:
        divisor = node.inputs[1].value
        return divisor is not None and not np.any((divisor == 0) | np.isnan(divisor))
    return False


def _of_letters(taken: Tensor, node: Node, place: int) -> Tensor:
    """Return which elements of an operand of a contraction are factors of some element in `taken`."""
    operand, letters = node.inputs[place], node.primitive.letters
    if letters is None:  # any element of the operand may be a factor of any that counts
        counts = reductions.any(taken, axes=tuple(range(taken.ndim)), keepdims=False)
        anywhere: Tensor = movement.broadcast_to(counts, shape=operand.type.shape)
        return anywhere
    terms, result = letters(*[one.type for one in node.inputs], **dict(node.params))
    term = terms[place]
    extents = dict(zip(term, operand.type.shape, strict=True))
    gone = tuple(axis for axis, letter in enumerate(result) if extents.get(letter, 1) != taken.shape[axis])
    if gone:
        taken = reductions.any(taken, axes=gone, keepdims=True)
    apart = tuple(axis for axis, letter in enumerate(result) if letter not in term)
    if apart:
        taken = reductions.any(taken, axes=apart, keepdims=False)
    left = [letter for letter in result if letter in term]
    taken = movement.transpose(taken, axes=tuple(left.index(letter) for letter in term if letter in left))
    missing = tuple(axis for axis, letter in enumerate(term) if letter not in left)
    if missing:
        taken = movement.expand_dims(taken, axes=missing)
    whole: Tensor = movement.broadcast_to(taken, shape=operand.type.shape)
    return whole
