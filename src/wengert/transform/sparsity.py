"""Which elements of the outputs of a program depend on which elements of its inputs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.errors import UnsupportedFunctionError
from wengert.extras import optional_library
from wengert.ir.node import Node
from wengert.ir.primitive import Kind
from wengert.ir.program import Program
from wengert.ir.provenance import UNKNOWN
from wengert.primitives.indexing import gather
from wengert.transform.gradient import dependents

# Entries of a pattern, or of what a line says of its operands: 400 MB while it is found.
_MOST = 5 * 10**7


def sparsity(program: Program, wrt: Sequence[int]) -> Any:
    """Return the pattern of the Jacobian, without computing a value.

    Parameters
    ----------
    program : Program
    wrt : sequence of int
        Positions of inputs.

    Returns
    -------
    scipy.sparse.csr_array of bool, shape (elements of all outputs, elements of the inputs)
        Entries that are not in it are zero for all arguments; those in it may be.

    Raises
    ------
    UnsupportedFunctionError
        When a line depends on too many elements for the pattern to be sparse; names the line.
    """
    scipy = optional_library("scipy.sparse", "sparse Jacobians are matrices of SciPy", "scipy")
    targets = [program.inputs[place] for place in wrt]
    count = sum(node.type.size for node in targets)
    found: dict[Node, Any] = {}
    start = 0
    for node in targets:
        rows = np.arange(node.type.size)
        found[node] = _matrix(rows, rows + start, (node.type.size, count))
        start += node.type.size
    for node in dependents(program.nodes, targets):
        if node not in found:
            found[node] = _pattern(node, found, program, count)
    nothing = [scipy.csr_array((node.type.size, count), dtype=np.bool_) for node in program.outputs]
    parts = [found.get(node, zero) for node, zero in zip(program.outputs, nothing, strict=True)]
    return scipy.vstack(parts, format="csr")


def _matrix(rows: Any, columns: Any, shape: tuple[int, int]) -> Any:
    import scipy.sparse

    entries = np.ones(np.size(rows), np.bool_)
    return scipy.sparse.csr_array((entries, (np.ravel(rows), np.ravel(columns))), shape)


def _pattern(node: Node, found: dict[Node, Any], program: Program, count: int) -> Any:
    """Return the pattern of a line from those of its operands."""
    total = None
    for place, operand in enumerate(node.inputs):
        if operand in found:
            own = _through(node, place, found[operand])
            if own is None:
                raise _refused(node, program)
            total = own if total is None else total + own
    return total


def _refused(node: Node, program: Program) -> UnsupportedFunctionError:
    line = program.provenance.get(node, UNKNOWN).source
    where = f" (at {line})" if line is not None else ""
    return UnsupportedFunctionError(
        f"sparsity: the elements of {node.primitive.name}, {node.type}{where}, may depend on too many of the "
        "arguments for a sparse pattern: give the pattern, sparsity=…, or leave sparsity out"
    )


def _through(node: Node, place: int, own: Any) -> Any:
    """Return the pattern of a line as far as one of its operands goes; None where it is too large."""
    operand, kind = node.inputs[place].type, node.primitive.kind
    shape = (node.type.size, operand.size)
    if kind is Kind.ELEMENTWISE:
        if operand.shape == node.type.shape:
            return own
        return (
            _matrix(
                _numbers(node.type.shape), np.broadcast_to(_numbers(operand.shape), node.type.shape), shape
            )
            @ own
        )
    if kind is Kind.MOVEMENT:
        return _matrix(*_moved(node, place), shape) @ own
    if kind is Kind.INDEXING and place == 0 and all(one.value is not None for one in node.inputs[1:]):
        return _matrix(*_indexed(node), shape) @ own
    if kind in (Kind.REDUCTION, Kind.SCAN):
        params = dict(node.params)
        axes = params["axes"] if "axes" in params else (params["axis"],)
        return _along(axes, kind is Kind.SCAN, operand.shape, own)
    links = _contracted(node, place) if kind is Kind.CONTRACTION else None
    if links is not None:
        return _matrix(*links, shape) @ own
    reached = np.unique(own.indices)
    if node.type.size * len(reached) > _MOST:
        return None
    rows = np.broadcast_to(np.arange(node.type.size)[:, None], (node.type.size, len(reached)))
    return _matrix(rows, np.broadcast_to(reached, rows.shape), (node.type.size, own.shape[1]))


def _numbers(shape: tuple[int, ...]) -> Any:
    return np.arange(math.prod(shape)).reshape(shape)


def _moved(node: Node, place: int) -> tuple[Any, Any]:
    """Move the numbers of the elements, from 1 on: what is filled up has 0."""
    numbers = [
        _numbers(one.type.shape) + 1 if number == place else np.zeros(one.type.shape, np.int64)
        for number, one in enumerate(node.inputs)
    ]
    moved = np.ravel(node.primitive.numpy(*numbers, **dict(node.params)))
    rows = np.flatnonzero(moved)
    return rows, moved[rows] - 1


def _indexed(node: Node) -> tuple[Any, Any]:
    """Read the numbers of the elements at the places that are known, or see where they are added."""
    indices = [one.value for one in node.inputs[1:]]
    of_operand, of_line = _numbers(node.inputs[0].type.shape), _numbers(node.type.shape)
    if "shape" not in dict(node.params):
        return of_line, node.primitive.numpy(of_operand, *indices, **dict(node.params))
    return gather.numpy(of_line, *indices, axes=node.param("axes")), of_operand


def _along(axes: Sequence[int], is_running: bool, shape: tuple[int, ...], own: Any) -> Any:
    """All elements along the axes of a reduction belong together, and of a running one to each of them."""
    kept = tuple([1 if axis in axes else extent for axis, extent in enumerate(shape)])
    groups = np.broadcast_to(_numbers(kept), shape)
    together = _matrix(groups, _numbers(shape), (math.prod(kept), math.prod(shape)))
    found = together @ own
    return together.T @ found if is_running else found


def _contracted(node: Node, place: int) -> tuple[Any, Any] | None:
    """Return the pairs of elements that have the same indices where both have them."""
    rule = node.primitive.letters
    if rule is None:
        return None
    terms, result = rule(*[one.type for one in node.inputs], **dict(node.params))
    extents = dict(zip(terms[place], node.inputs[place].type.shape, strict=True))
    extents |= dict(zip(result, node.type.shape, strict=True))
    if math.prod(extents.values()) > _MOST:
        return None
    grids = dict(zip(extents, np.indices(tuple(extents.values()), sparse=True), strict=True))

    def numbers(letters: str, shape: tuple[int, ...]) -> Any:
        places = tuple([grids[letter] for letter in letters])
        own = _numbers(shape)[places] if places else np.zeros((), np.int64)
        return np.broadcast_to(own, tuple(extents.values()))

    return numbers(result, node.type.shape), numbers(terms[place], node.inputs[place].type.shape)
