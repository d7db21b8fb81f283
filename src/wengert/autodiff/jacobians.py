"""Jacobians and Hessians, by one sweep over the batch of all rows or of all columns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.autodiff.application import Argnames, Argnums, Call
from wengert.autodiff.gradients import grad
from wengert.autodiff.reuse import prepared
from wengert.autodiff.sparse_jacobians import sparse_jacobian
from wengert.errors import GradientError
from wengert.ir.program import Program
from wengert.ir.types import TensorType
from wengert.trace.tree import TreeSignature
from wengert.trace.wrapped import DerivedFunction
from wengert.transform.batching import batch
from wengert.transform.forward import pushforward
from wengert.transform.gradient import pullback
from wengert.transform.simplify import simplify


def jacobian(
    function: Callable[..., Any],
    argnums: Argnums = None,
    argnames: Argnames = None,
    holomorphic: bool = False,
    sparsity: Any = None,
) -> Callable[..., Any]:
    """Return a function that gives the Jacobian of `function`.

    Parameters
    ----------
    function : callable
        Returns a floating or complex array or a tree of them.
    argnums, argnames, holomorphic
        As for `grad`.
    sparsity : True, or sparse matrix or array of bool, optional
        Where the entries are that may differ from zero, of shape (elements of the output, elements of the
        argument); True to find that from the program. The result is then a matrix of SciPy.

    Returns
    -------
    callable
        For an output of shape s and an argument of shape t the result has shape s + t, entry
        ∂output[i]/∂argument[j] at [i, j] (numerator layout). Built like the output, each leaf built like
        the selected arguments.

    Raises
    ------
    GradientError
        When an output is neither floating nor complex, or both outputs and arguments are complex without
        `holomorphic`: the derivative then takes four real numbers for each entry. With `sparsity`, when
        there are several outputs or arguments, or the pattern that was given lacks entries.
    UnsupportedFunctionError
        With ``sparsity=True``, when a line depends on too many elements; names the line.

    Notes
    -----
    One reverse sweep over a batch of all output elements, or one forward sweep over all argument elements,
    whichever are fewer. Where the batch would need much memory it is cut into several of equal size.
    With `sparsity` columns that have no row in common share one product, or rows without a common column.

    Examples
    --------
    >>> import numpy as np
    >>> import wengert as wg
    >>> wg.jacobian(lambda z: z**2)(np.array([1.0, 2.0, 3.0]))
    array([[2., 0., 0.],
           [0., 4., 0.],
           [0., 0., 6.]])
    """

    def differentiated(*args: Any, **kwargs: Any) -> Any:
        call = prepared(function, args, kwargs, argnums, argnames)
        for node in call.program.outputs:
            if not node.type.is_inexact:
                raise GradientError(f"the jacobian is of floating outputs; this one is {node.type}")
        if sparsity is not None and sparsity is not False:
            return sparse_jacobian(call, sparsity)
        blocks = _by_rows(call) if _is_by_rows(call, holomorphic) else _by_columns(call)
        signature = call.recording.program.signature
        assert isinstance(signature, TreeSignature)
        return signature.unflatten([call.as_selected(row) for row in blocks])

    options = (argnums, argnames, holomorphic, sparsity)
    return DerivedFunction(differentiated, function, jacobian, options)


def _is_by_rows(call: Call, holomorphic: bool) -> bool:
    """Whether each row, of one output element, is found by itself; else each column.

    The row of a real output by a complex argument is a complex number for each entry, and so is the column of
    a complex output by a real argument. The other way one real number would be lost.
    """
    from_complex = any(call.program.inputs[place].type.is_complex for place in call.wrt)
    to_complex = any(node.type.is_complex for node in call.program.outputs)
    if holomorphic or not (from_complex or to_complex):
        return _rows(call) <= _columns(call)
    if from_complex and to_complex:
        raise GradientError(
            "the jacobian of complex outputs by complex arguments is no array of complex numbers, unless the "
            "function is holomorphic: say holomorphic=True, or take np.real and np.imag of the outputs"
        )
    return from_complex


def _rows(call: Call) -> int:
    return sum(node.type.size for node in call.program.outputs)


def _columns(call: Call) -> int:
    return sum(call.program.inputs[place].type.size for place in call.wrt)


def _by_rows(call: Call) -> list[list[Any]]:
    """Reverse mode: each entry of the batch gives one row of every block."""
    outputs = [node.type for node in call.program.outputs]
    pulled = call.derived("pullback", lambda: simplify(pullback(call.program, call.wrt)))
    swept = _swept(call, "rows", pulled, outputs)
    inputs = [call.program.inputs[place].type for place in call.wrt]
    blocks: list[list[Any]] = []
    start = 0
    for out in outputs:
        rows = [found[start : start + out.size] for found in swept]
        blocks.append(
            [np.reshape(row, out.shape + into.shape) for row, into in zip(rows, inputs, strict=True)]
        )
        start += out.size
    return blocks


def _by_columns(call: Call) -> list[list[Any]]:
    """Forward mode: each entry of the batch gives one column of every block."""
    inputs = [call.program.inputs[place].type for place in call.wrt]
    outputs = [node.type for node in call.program.outputs]

    def tangents() -> Program:
        pushed = pushforward(call.program, call.wrt)
        return simplify(Program(pushed.inputs, pushed.outputs[len(outputs) :], pushed.provenance))

    pushed = call.derived("tangents", tangents)
    blocks: list[list[Any]] = []
    for found, out in zip(_swept(call, "columns", pushed, inputs), outputs, strict=True):
        row, start = [], 0
        for into in inputs:
            columns = np.moveaxis(found[start : start + into.size], 0, -1)
            row.append(np.reshape(columns, out.shape + into.shape))
            start += into.size
        blocks.append(row)
    return blocks


_ELEMENTS = 2**23  # of the largest array of a batch: 64 MB in float64


def _swept(call: Call, key: str, program: Program, seeded: list[TensorType]) -> list[Any]:
    """Run a program that is linear in its last inputs on each of their unit vectors.

    Returns
    -------
    list
        For each output the results for all unit vectors, stacked.
    """
    count = sum(type_.size for type_ in seeded)
    if not count:
        return [np.zeros((0, *node.type.shape), node.type.dtype) for node in program.outputs]
    largest = max(node.type.size for node in program.nodes)
    batches = max(1, min(count, -(-count * largest // _ELEMENTS)))
    size = -(-count // batches)
    known = len(program.inputs) - len(seeded)
    batched = call.derived(
        (key, size), lambda: simplify(batch(program, range(known, len(program.inputs)), size))
    )
    parts = [call.run(batched, _unit_vectors(seeded, start, size)) for start in range(0, count, size)]
    if len(parts) == 1:
        return parts[0]
    return [np.concatenate(part)[:count] for part in zip(*parts, strict=True)]


def _unit_vectors(types: list[TensorType], start: int, size: int) -> list[np.ndarray[Any, Any]]:
    """Return the unit vectors from number `start` on, zeros after the last, cut into arrays of `types`."""
    found = []
    first = 0
    for type_ in types:
        units = np.eye(size, type_.size, start - first, dtype=type_.dtype)
        found.append(units.reshape((size, *type_.shape)))
        first += type_.size
    return found


def hessian(
    function: Callable[..., Any],
    argnums: Argnums = None,
    argnames: Argnames = None,
    holomorphic: bool = False,
    sparsity: Any = None,
) -> Callable[..., Any]:
    """Return a function that gives the Hessian of a scalar function.

    Parameters
    ----------
    function : callable
        Returns a floating scalar, or a complex one with `holomorphic`.
    argnums, argnames, holomorphic
        As for `grad`. For several arguments the result holds all blocks, also the mixed ones.
    sparsity : True, or sparse matrix or array of bool, optional
        As for `jacobian`: the result is a matrix of SciPy.

    Returns
    -------
    callable
        The Jacobian of the gradient: for an argument of shape t an array of shape t + t.

    Raises
    ------
    GradientError
        When an argument of a real function is complex: its second derivatives are no array of complex
        numbers, but `hvp` gives their product with a direction.

    Examples
    --------
    >>> import numpy as np
    >>> import wengert as wg
    >>> wg.hessian(lambda x: x[0] ** 2 * x[1])(np.array([3.0, 5.0]))
    array([[10.,  6.],
           [ 6.,  0.]])
    """
    slope = grad(function, argnums, argnames, holomorphic=holomorphic)
    by_arguments = jacobian(slope, argnums, argnames, holomorphic, sparsity)

    def second(*args: Any, **kwargs: Any) -> Any:
        if not holomorphic:
            call = prepared(function, args, kwargs, argnums, argnames)
            for place in call.wrt:
                if call.program.inputs[place].type.is_complex:
                    raise GradientError(
                        "the second derivatives of a real function by complex numbers are no array of "
                        "complex numbers: take wg.hvp along a direction, or the hessian by the real and the "
                        "imaginary parts; of a holomorphic function, the hessian with holomorphic=True"
                    )
        return by_arguments(*args, **kwargs)

    return DerivedFunction(second, function, hessian, (argnums, argnames, holomorphic, sparsity))
