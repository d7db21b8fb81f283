"""Jacobians and Hessians, built column by column or row by row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.autodiff.application import Argnames, Argnums, Call
from wengert.autodiff.gradients import grad
from wengert.errors import GradientError
from wengert.trace.tree import TreeSignature
from wengert.trace.wrapped import DerivedFunction
from wengert.transform.forward import pushforward
from wengert.transform.gradient import pullback
from wengert.transform.simplify import simplify


def jacobian(
    function: Callable[..., Any], argnums: Argnums = None, argnames: Argnames = None
) -> Callable[..., Any]:
    """Return a function that gives the Jacobian of `function`.

    Parameters
    ----------
    function : callable
        Returns a floating array or a tree of them.
    argnums, argnames
        As for `grad`.

    Returns
    -------
    callable
        For an output of shape s and an argument of shape t the result has shape s + t, entry
        ∂output[i]/∂argument[j] at [i, j] (numerator layout). Built like the output, each leaf built like
        the selected arguments.

    Notes
    -----
    One reverse sweep per output element, or one forward sweep per argument element, whichever are fewer.

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
        call = Call(function, args, kwargs, argnums, argnames)
        for node in call.program.outputs:
            if not node.type.is_float:
                raise GradientError(f"the jacobian is of floating outputs; this one is {node.type}")
        blocks = _by_rows(call) if _rows(call) <= _columns(call) else _by_columns(call)
        signature = call.recording.program.signature
        assert isinstance(signature, TreeSignature)
        return signature.unflatten([call.as_selected(row) for row in blocks])

    return DerivedFunction(differentiated, function, jacobian, (argnums, argnames))


def _rows(call: Call) -> int:
    return sum(node.type.size for node in call.program.outputs)


def _columns(call: Call) -> int:
    return sum(call.program.inputs[place].type.size for place in call.wrt)


def _basis(types: list[Any]) -> list[tuple[int, list[np.ndarray[Any, Any]]]]:
    """Return, for each element of each array, the arrays that are 1 there and 0 elsewhere."""
    found = []
    for position, type_ in enumerate(types):
        for element in range(type_.size):
            arrays = [np.zeros(other.shape, other.dtype) for other in types]
            arrays[position].reshape(-1)[element] = 1
            found.append((position, arrays))
    return found


def _by_rows(call: Call) -> list[list[Any]]:
    """Reverse mode: one run gives one row of every block."""
    program = simplify(pullback(call.program, call.wrt))
    outputs = [node.type for node in call.program.outputs]
    inputs = [call.program.inputs[place].type for place in call.wrt]
    rows: list[list[list[Any]]] = [[[] for _ in inputs] for _ in outputs]
    for position, seeds in _basis(outputs):
        for block, row in zip(rows[position], call.run(program, seeds), strict=True):
            block.append(row)
    return [
        [
            _joined(block, out.shape + into.shape, out.dtype, 0)
            for block, into in zip(blocks, inputs, strict=True)
        ]
        for blocks, out in zip(rows, outputs, strict=True)
    ]


def _by_columns(call: Call) -> list[list[Any]]:
    """Forward mode: one run gives one column of every block."""
    program = simplify(pushforward(call.program, call.wrt))
    outputs = [node.type for node in call.program.outputs]
    inputs = [call.program.inputs[place].type for place in call.wrt]
    columns: list[list[list[Any]]] = [[[] for _ in inputs] for _ in outputs]
    for position, directions in _basis(inputs):
        for blocks, column in zip(columns, call.run(program, directions)[len(outputs) :], strict=True):
            blocks[position].append(column)
    return [
        [
            _joined(block, out.shape + into.shape, out.dtype, -1)
            for block, into in zip(blocks, inputs, strict=True)
        ]
        for blocks, out in zip(columns, outputs, strict=True)
    ]


def _joined(parts: list[Any], shape: tuple[int, ...], dtype: Any, axis: int) -> Any:
    if not parts:
        return np.zeros(shape, dtype)
    return np.reshape(np.stack(parts, axis), shape)


def hessian(
    function: Callable[..., Any], argnums: Argnums = None, argnames: Argnames = None
) -> Callable[..., Any]:
    """Return a function that gives the Hessian of a scalar function.

    Parameters
    ----------
    function : callable
        Returns a floating scalar.
    argnums, argnames
        As for `grad`. For several arguments the result holds all blocks, also the mixed ones.

    Returns
    -------
    callable
        The Jacobian of the gradient: for an argument of shape t an array of shape t + t.

    Examples
    --------
    >>> import numpy as np
    >>> import wengert as wg
    >>> wg.hessian(lambda x: x[0] ** 2 * x[1])(np.array([3.0, 5.0]))
    array([[10.,  6.],
           [ 6.,  0.]])
    """
    second = jacobian(grad(function, argnums, argnames), argnums, argnames)
    return DerivedFunction(second, function, hessian, (argnums, argnames))
