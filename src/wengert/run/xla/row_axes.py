"""Which axis of each line of a step runs over the rows of a batch, and which lines add up over it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jax.numpy as jnp
import numpy as np

from wengert.errors import ConfigurationError
from wengert.ir.node import Node
from wengert.ir.primitive import Kind
from wengert.ir.program import Program

# Reductions whose value for a batch follows from those for its blocks, with what combines two of these.
_COMBINED: dict[str, Callable[[Any, Any], Any]] = {
    "sum": jnp.add,
    "mean": jnp.add,
    "prod": jnp.multiply,
    "max": jnp.maximum,
    "min": jnp.minimum,
    "any": jnp.logical_or,
    "all": jnp.logical_and,
}


@dataclass(frozen=True)
class ByBlock:
    """How a line is computed for a block of rows.

    Attributes
    ----------
    axis : int or None
        Of its value, that of the rows; None where the values of all blocks are combined.
    combined : callable or None
        What combines the values of two blocks.
    is_mean : bool
        Whether what all blocks give together is divided by their number.
    slices : dict of int to int
        Operands that all blocks share and that have an entry a row, with the axis of the rows.
    changes : callable
        From parameters and number of rows in a block to the parameters for a block.
    numbers : tuple of int
        Operands that hold numbers of rows, which count from the first row of the block.
    """

    axis: int | None
    combined: Callable[[Any, Any], Any] | None = None
    is_mean: bool = False
    slices: dict[int, int] = field(default_factory=dict)
    changes: Callable[[dict[str, Any], int], dict[str, Any]] = lambda params, rows: params
    numbers: tuple[int, ...] = ()


class _Mixed(Exception):
    """Raised for a line that computes something of several rows other than a sum over all."""


def by_blocks(program: Program, places: tuple[int, ...], rows: int) -> dict[Node, ByBlock]:
    """Return how lines that depend on rows are computed block by block; others are not among them.

    Parameters
    ----------
    program : Program
    places : tuple of int
        Inputs of which the first axis is that of the rows.
    rows : int
        In a batch.

    Raises
    ------
    ConfigurationError
        When a line mixes rows otherwise than by a reduction over all.
    """
    found: dict[Node, ByBlock] = {program.inputs[place]: ByBlock(0) for place in places}
    for node in program.lines:
        if node in found:
            continue
        axes = [found[one].axis if one in found else None for one in node.inputs]
        if all(axis is None for axis in axes):
            continue
        rule = _RULES.get(node.primitive.name) or _OF_KIND.get(node.primitive.kind)
        try:
            if rule is None:
                raise _Mixed
            found[node] = rule(node, axes, rows)
        except _Mixed:
            raise ConfigurationError(
                f"deterministic=True computes a batch block by block, and {node.primitive.name} takes its "
                "rows together; leave deterministic out"
            ) from None
    return found


def _aligned(node: Node, axes: list[int | None], rows: int) -> ByBlock:
    """Operands paired by broadcasting."""
    rank, operands = node.type.ndim, list(zip(node.inputs, axes, strict=True))
    places = {rank - one.type.ndim + axis for one, axis in operands if axis is not None}
    if len(places) > 1:
        raise _Mixed
    (place,) = places
    slices = {}
    for number, (one, axis) in enumerate(operands):
        own = place - rank + one.type.ndim
        if axis is None and own >= 0 and one.type.shape[own] == rows:
            slices[number] = own
    return ByBlock(place, slices=slices)


def _reduction(node: Node, axes: list[int | None], rows: int) -> ByBlock:
    (axis,), params = axes, dict(node.params)
    assert axis is not None
    if axis in params["axes"]:
        if node.primitive.name not in _COMBINED:
            raise _Mixed
        return ByBlock(None, _COMBINED[node.primitive.name], node.primitive.name == "mean")
    return ByBlock(axis if params["keepdims"] else axis - sum(one < axis for one in params["axes"]))


def _along(node: Node, axes: list[int | None], rows: int) -> ByBlock:
    """What goes along one axis."""
    (axis,) = axes
    along = dict(node.params).get("axis", node.type.ndim - 1)
    if along % node.inputs[0].type.ndim == axis:
        raise _Mixed
    return ByBlock(axis)


def _contraction(node: Node, axes: list[int | None], rows: int) -> ByBlock:
    assert node.primitive.letters is not None
    terms, result = node.primitive.letters(*[one.type for one in node.inputs], **dict(node.params))
    letters = {term[axis] for term, axis in zip(terms, axes, strict=True) if axis is not None}
    if len(letters) > 1:
        raise _Mixed
    (letter,) = letters
    slices = {
        number: term.index(letter)
        for number, (term, axis) in enumerate(zip(terms, axes, strict=True))
        if axis is None and letter in term and node.inputs[number].type.shape[term.index(letter)] == rows
    }
    if letter in result:
        return ByBlock(result.index(letter), slices=slices)
    return ByBlock(None, jnp.add, slices=slices)


def _shaped(axis: int) -> Callable[[dict[str, Any], int], dict[str, Any]]:
    """Parameters with as many rows as a block has at an axis of `shape`."""
    return lambda params, rows: {
        **params,
        "shape": (*params["shape"][:axis], rows, *params["shape"][axis + 1 :]),
    }


def _reshape(node: Node, axes: list[int | None], rows: int) -> ByBlock:
    (axis,), before, after = axes, node.inputs[0].type.shape, node.type.shape
    assert axis is not None
    for place, extent in enumerate(after):
        if extent == rows and _size(after[:place]) == _size(before[:axis]):
            return ByBlock(place, changes=_shaped(place))
    raise _Mixed


def _size(shape: tuple[int, ...]) -> int:
    size = 1
    for extent in shape:
        size *= extent
    return size


def _transpose(node: Node, axes: list[int | None], rows: int) -> ByBlock:
    return ByBlock(node.param("axes").index(axes[0]))


def _expand_dims(node: Node, axes: list[int | None], rows: int) -> ByBlock:
    new = node.param("axes")
    kept = [axis for axis in range(node.type.ndim) if axis not in new]
    assert axes[0] is not None
    return ByBlock(kept[axes[0]])


def _squeeze(node: Node, axes: list[int | None], rows: int) -> ByBlock:
    kept = [axis for axis in range(node.inputs[0].type.ndim) if axis not in node.param("axes")]
    if axes[0] not in kept:
        raise _Mixed
    return ByBlock(kept.index(axes[0]))


def _broadcast_to(node: Node, axes: list[int | None], rows: int) -> ByBlock:
    assert axes[0] is not None
    place = node.type.ndim - node.inputs[0].type.ndim + axes[0]
    return ByBlock(place, changes=_shaped(place))


def _flip(node: Node, axes: list[int | None], rows: int) -> ByBlock:
    if axes[0] in node.param("axes"):
        raise _Mixed
    return ByBlock(axes[0])


def _concatenate(node: Node, axes: list[int | None], rows: int) -> ByBlock:
    found = _aligned(node, axes, rows)
    if found.axis == node.param("axis"):
        raise _Mixed
    return found


def _pad(node: Node, axes: list[int | None], rows: int) -> ByBlock:
    assert axes[0] is not None
    if any(node.param(name)[axes[0]] for name in ("low", "high", "interior")):
        raise _Mixed
    return ByBlock(axes[0])


def _slice(node: Node, axes: list[int | None], rows: int) -> ByBlock:
    (axis,) = axes
    assert axis is not None
    if node.type.shape[axis] != rows or node.param("step")[axis] != 1:
        raise _Mixed

    def changes(params: dict[str, Any], block: int) -> dict[str, Any]:
        return {**params, "stop": (*params["stop"][:axis], block, *params["stop"][axis + 1 :])}

    return ByBlock(axis, changes=changes)


def _gather(node: Node, axes: list[int | None], rows: int) -> ByBlock:
    """Entries at indices of each row: of a table that all share, or of the row itself."""
    indices = _Indices(node, axes[1:], rows)
    own = axes[0]
    if own is not None and own not in indices.of_rows:
        raise _Mixed
    return ByBlock(indices.place, slices=indices.slices, numbers=indices.numbers(own))


def _scatter_add(node: Node, axes: list[int | None], rows: int) -> ByBlock:
    """Updates of each row, added to a table that all share, or to the row itself."""
    indices = _Indices(node, axes[1:], rows)
    # Without weights of rows, the updates of a mean are the same constant for each.
    slices = indices.slices if axes[0] is not None else {0: indices.place, **indices.slices}
    if axes[0] not in (None, indices.place):
        raise _Mixed
    for own in indices.of_rows:
        if node.type.shape[own] == rows:
            return ByBlock(own, None, False, slices, _shaped(own), indices.numbers(own))
    return ByBlock(None, jnp.add, slices=slices)


class _Indices:
    """The indices of a line: where their axis of the rows is in what is read, and what they are of it.

    Parameters
    ----------
    node : Node
        A gather or a scatter.
    axes : list of int or None
        Of the indices, that of the rows.
    rows : int

    Attributes
    ----------
    of_rows : dict of int to int
        Axes that are read at the number of the row itself, with the operand that says so.
    place : int
        The axis of the rows in what is read.
    slices : dict of int to int
        See `ByBlock`.
    """

    def __init__(self, node: Node, axes: list[int | None], rows: int) -> None:
        taken, indices = node.param("axes"), node.inputs[1:]
        rank = max(index.type.ndim for index in indices)
        self.of_rows: dict[int, int] = {}
        self.slices: dict[int, int] = {}
        aligned = set()
        for number, (index, axis) in enumerate(zip(indices, axes, strict=True)):
            if axis is not None:
                aligned.add(rank - index.type.ndim + axis)
            elif _is_row_numbers(index, rows):
                own = index.type.shape.index(rows)
                aligned.add(rank - index.type.ndim + own)
                self.of_rows[taken[number]] = number + 1
                self.slices[number + 1] = own
            elif index.type.size != 1:
                raise _Mixed
        if len(aligned) != 1:
            raise _Mixed
        adjacent = taken == tuple(range(taken[0], taken[0] + len(taken)))
        self.place = (taken[0] if adjacent else 0) + aligned.pop()

    def numbers(self, axis: int | None) -> tuple[int, ...]:
        """Return the operands that hold numbers of rows, where an axis is that of the rows."""
        return () if axis is None else (self.of_rows[axis],)


def _is_row_numbers(node: Node, rows: int) -> bool:
    if node.primitive.kind is not Kind.CONSTANT or node.type.size != rows or rows not in node.type.shape:
        return False
    return np.array_equal(np.ravel(np.asarray(node.value)), np.arange(rows))


def _one_hot(node: Node, axes: list[int | None], rows: int) -> ByBlock:
    return ByBlock(axes[0])


Rule = Callable[[Node, list[int | None], int], ByBlock]
_OF_KIND: dict[Kind, Rule] = {
    Kind.ELEMENTWISE: _aligned,
    Kind.REDUCTION: _reduction,
    Kind.SCAN: _along,
    Kind.CONTRACTION: _contraction,
}
_RULES: dict[str, Rule] = {
    "reshape": _reshape,
    "transpose": _transpose,
    "expand_dims": _expand_dims,
    "squeeze": _squeeze,
    "broadcast_to": _broadcast_to,
    "flip": _flip,
    "concatenate": _concatenate,
    "pad": _pad,
    "slice": _slice,
    "gather": _gather,
    "scatter_add": _scatter_add,
    "one_hot": _one_hot,
    "argsort": _along,
    **dict.fromkeys(("fft", "ifft", "rfft", "irfft"), _along),
}
