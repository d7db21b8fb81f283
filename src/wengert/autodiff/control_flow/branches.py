"""Branches of functions: cond, switch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from wengert.autodiff.control_flow.bodies import Body, Leaves, applied, closed
from wengert.checks import check_callable
from wengert.errors import ConfigurationError, DTypeError, ShapeError, TraceError
from wengert.ir.node import Node, make_input
from wengert.ir.program import Program
from wengert.ir.types import tensor_type
from wengert.trace.recorder import current_trace, here
from wengert.trace.tensor import Tensor
from wengert.trace.tree import described, unflatten
from wengert.trace.wrapped import DerivedFunction
from wengert.transform.regions.branch import cond as cond_primitive


def cond(pred: Any, true_fun: Callable[..., Any], false_fun: Callable[..., Any], *operands: Any) -> Any:
    """Apply one of two functions, as a boolean says.

    Parameters
    ----------
    pred : bool, or array or tensor of a boolean
    true_fun, false_fun : callable
        Of the operands; their results are of the same tree, shapes and dtypes.
    *operands : trees of arrays

    Returns
    -------
    tree of arrays
        ``true_fun(*operands)`` or ``false_fun(*operands)``. The other is traced, and not computed.

    Raises
    ------
    DTypeError
        When `pred` is no scalar boolean.
    ShapeError, DTypeError, TraceError
        When the results differ in shape, dtype or tree; shows both.

    Notes
    -----
    The derivative is that of the function that is taken. Under `vmap` with a condition for each entry both
    are computed, as with ``np.where``.

    Examples
    --------
    >>> import wengert as wg
    >>> wg.cond(2.0 > 1.0, lambda x: x + 1, lambda x: x - 1, 5.0)
    array(6.)
    """
    value = pred if isinstance(pred, Tensor) else np.asarray(pred)
    if value.shape or value.dtype != np.bool_:
        raise DTypeError(
            f"cond: the condition is one boolean without axes, got {_described(value, pred)}; "
            f"write a comparison, such as x > 0{here()}"
        )
    return _chosen("cond", value, {"false_fun": false_fun, "true_fun": true_fun}, operands)


def switch(index: Any, branches: Sequence[Callable[..., Any]], *operands: Any) -> Any:
    """Apply one of several functions, by number.

    Parameters
    ----------
    index : int, or array or tensor of an integer
        Below 0 it is 0, above the last it is the last.
    branches : sequence of callables
        Of the operands; their results are of the same tree, shapes and dtypes.
    *operands : trees of arrays

    Returns
    -------
    tree of arrays
        ``branches[index](*operands)``.

    Raises
    ------
    DTypeError
        When `index` is no scalar integer.
    ConfigurationError
        When there are no branches.
    ShapeError, DTypeError, TraceError
        When the results differ in shape, dtype or tree; shows both.

    Examples
    --------
    >>> import numpy as np
    >>> import wengert as wg
    >>> wg.switch(1, [np.sin, np.square, np.exp], 3.0)
    array(9.)
    """
    value = index if isinstance(index, Tensor) else np.asarray(index)
    if value.shape or value.dtype.kind not in "iu":
        raise DTypeError(
            f"switch: the index is one integer without axes, got {_described(value, index)}{here()}"
        )
    if not isinstance(branches, Iterable) or isinstance(branches, Mapping):
        raise ConfigurationError(
            f"switch: the branches are a list of functions, got {type(branches).__name__}{here()}"
        )
    functions = {f"branch {number}": function for number, function in enumerate(branches)}
    if not functions:
        raise ConfigurationError("switch: there are no branches")
    return _chosen("switch", value, functions, operands)


def _described(value: Any, given: Any) -> str:
    if value.dtype == np.object_:
        return type(given).__name__
    return f"{value.dtype} of shape {value.shape}"


def checkpoint(fun: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function whose derivative computes it again in place of keeping its values.

    Parameters
    ----------
    fun : callable
        Of trees of arrays. Where it is the body of `scan`, iterations keep only carries and entries.

    Returns
    -------
    callable
        Gives what `fun` gives, with the same derivatives: less memory for the time of one more run.

    Raises
    ------
    ConcreteValueError
        When the function asks for values while it is traced, as in an ``if``.

    Notes
    -----
    A branch without an alternative: the derivative of a branch is that of a program which runs it.

    Examples
    --------
    >>> import numpy as np
    >>> import wengert as wg
    >>> wg.grad(wg.checkpoint(lambda x: np.sin(x) ** 2))(0.0)
    array(0.)
    """

    def computed(*args: Any, **kwargs: Any) -> Any:
        if current_trace() is None:
            return fun(*args, **kwargs)
        own = {"function": partial(fun, **kwargs) if kwargs else fun}
        return _chosen("checkpoint", np.asarray(0), own, args)

    return DerivedFunction(computed, fun, checkpoint, ())


def _chosen(
    what: str, index: Any, functions: dict[str, Callable[..., Any]], operands: tuple[Any, ...]
) -> Any:
    for name, function in functions.items():
        check_callable(f"{what}: {name}", function)
    given = Leaves(operands, "operand")
    bodies, programs, captured = [], [], []
    for function in functions.values():
        mark = make_input("mark", tensor_type((), np.dtype(np.bool_))).serial
        body = Body(function, given.tree(given.types), given.weak)
        program, own = closed(body.program, leaves_loop=False, mark=mark)
        bodies.append(body)
        programs.append(program)
        captured.append(own)
    _check_results(what, list(functions), bodies)
    everything = list(dict.fromkeys(node for own in captured for node in own))
    branches = tuple(
        _over_all(program, len(given.types), own, everything)
        for program, own in zip(programs, captured, strict=True)
    )
    results = applied(
        cond_primitive,
        [index, *given.values, *everything],
        {"branches": branches},
        bodies,
        len(bodies[0].types),
    )
    return unflatten(bodies[0].result, results)


def _over_all(program: Program, count: int, own: list[Node], everything: list[Node]) -> Program:
    """Return a branch that takes what any branch captures."""
    known = dict(zip(own, program.inputs[count:], strict=True))
    captured = [
        known.get(node) or make_input(f"captured{place}", node.type) for place, node in enumerate(everything)
    ]
    return Program([*program.inputs[:count], *captured], program.outputs, program.provenance)


def _check_results(what: str, names: Sequence[str], bodies: Sequence[Body]) -> None:
    first = bodies[0]
    for branch, other in zip(names[1:], bodies[1:], strict=True):
        if other.result != first.result:
            raise TraceError(
                f"{what}: {names[0]} gives {described(first.result)}, {branch} gives "
                f"{described(other.result)}; all give the same tree{here()}"
            )
        for name, mine, one in zip(first.names("result"), first.types, other.types, strict=True):
            if mine is not one:
                error = ShapeError if mine.shape != one.shape else DTypeError
                raise error(f"{what}: {name!r} is {mine} in {names[0]} and {one} in {branch}{here()}")
