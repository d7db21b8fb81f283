"""Loops of functions: scan, fori_loop, map, while_loop."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.autodiff.control_flow.bodies import Body, Leaves, applied, closed, same_carry
from wengert.checks import check_callable
from wengert.errors import ConfigurationError, DTypeError, ShapeError, WengertError
from wengert.ir.program import Program
from wengert.ir.types import tensor_type
from wengert.trace.recorder import here
from wengert.trace.tensor import Tensor
from wengert.trace.tree import described, flatten, unflatten
from wengert.transform.regions.scan import scan as scan_primitive
from wengert.transform.regions.while_loop import while_loop as while_primitive


def scan(
    f: Callable[[Any, Any], tuple[Any, Any]],
    init: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
) -> tuple[Any, Any]:
    """Apply a function to one entry of arrays after the other, carrying values along.

    Parameters
    ----------
    f : callable
        ``f(carry, x)`` gives ``(carry, y)``: the carry for the next iteration, and what this one adds to the
        results. It is traced once, whatever the length.
    init : tree of arrays
        The carry of the first iteration. It stays the same tree, of the same shapes and dtypes.
    xs : tree of arrays, shape (length, ...), optional
        `x` is a tree of their entries along the first axis; None where there are none.
    length : int, optional
        Number of iterations; needed where `xs` has no arrays.
    reverse : bool
        Begin with the last entry. The results stand where their entries stand.

    Returns
    -------
    carry : tree
        After the last iteration.
    ys : tree of arrays, shape (length, ...)

    Raises
    ------
    ShapeError, DTypeError, TraceError
        When the carry changes in shape, dtype or tree (both are shown, with the leaf's name), the arrays of
        `xs` have different lengths, or one has no axis.
    ConfigurationError
        When there is no length.

    Notes
    -----
    In a program this is one line. Its derivative is a scan in the other direction, which reads the carries
    and what else the scan forwards has kept. Names and order of the arguments are those of JAX.

    Examples
    --------
    >>> import numpy as np
    >>> import wengert as wg
    >>> wg.scan(lambda total, x: (total + x, total * x), 0.0, np.array([1.0, 2.0, 3.0]))
    (array(6.), array([0., 2., 9.]))
    """
    check_callable("scan", f)
    carry, streams = Leaves(init, "carry"), Leaves(xs, "xs")
    iterations = _length(streams, length)
    entries = streams.tree([tensor_type(one.shape[1:], one.dtype) for one in streams.types])
    while True:
        body = Body(f, (carry.tree(carry.types), entries), carry.weak, is_loop=True)
        parts = unflatten(body.result, body.types)
        if not isinstance(parts, (tuple, list)) or len(parts) != 2:
            raise ConfigurationError(f"scan: f gives a pair (carry, y), got {described(body.result)}{here()}")
        new, ys = Leaves(parts[0], "carry"), Leaves(parts[1], "y")
        count = len(carry.types)
        if new.structure != carry.structure or not carry.converted(body.types[:count]):
            break
    same_carry(carry, body.types[: len(new.types)], new.structure, "scan")
    program, captured = closed(body.program, leaves_loop=True)
    params = {
        "body": _captured_first(program, len(body.program.inputs)),
        "fixed": len(captured),
        "carried": count,
        "length": iterations,
        "reverse": bool(reverse),
    }
    results = applied(
        scan_primitive, [*captured, *carry.values, *streams.values], params, [body], len(body.types)
    )
    return carry.tree(results[:count]), ys.tree(results[count:])


def _length(streams: Leaves, length: int | None) -> int:
    """Return the number of iterations."""
    lengths = {}
    for name, type_ in zip(streams.names, streams.types, strict=True):
        if not type_.shape:
            raise ShapeError(
                f"scan: {name!r} is a number; it needs a first axis, one entry an iteration{here()}"
            )
        lengths[name] = type_.shape[0]
    if length is not None:
        try:
            lengths["length"] = operator.index(length)
        except TypeError:
            raise DTypeError(f"scan: length={length!r} is no integer{here()}") from None
    if not lengths:
        raise ConfigurationError(
            f"scan: there are no arrays to go over; say how many iterations, length=…{here()}"
        )
    first, iterations = next(iter(lengths.items()))
    for name, other in lengths.items():
        if other != iterations:
            raise ShapeError(f"scan: {first!r} has {iterations} entries and {name!r} has {other}{here()}")
    if iterations < 0:
        raise ConfigurationError(f"scan: length={iterations} is negative{here()}")
    return iterations


def map(f: Callable[[Any], Any], xs: Any) -> Any:
    """Apply a function to one entry of arrays after the other.

    Parameters
    ----------
    f : callable
        Of a tree of entries.
    xs : tree of arrays, shape (n, ...)

    Returns
    -------
    tree of arrays, shape (n, ...)

    Raises
    ------
    ShapeError
        When the arrays have different lengths.
    ConfigurationError
        When there are no arrays.

    Notes
    -----
    `vmap` computes the same at once, and needs the memory for it.

    Examples
    --------
    >>> import numpy as np
    >>> import wengert as wg
    >>> wg.map(lambda x: x @ x, np.eye(2))
    array([1., 1.])
    """
    check_callable("map", f)
    if not flatten(xs)[0]:
        raise ConfigurationError(f"map: there are no arrays to go over, in xs={xs!r}{here()}")
    return scan(lambda carry, x: (carry, f(x)), (), xs)[1]


def fori_loop(lower: Any, upper: Any, body_fun: Callable[[Any, Any], Any], init_val: Any) -> Any:
    """Apply a function for each integer from `lower` to `upper`, which is not reached.

    Parameters
    ----------
    lower, upper : int, or array or tensor of an integer
    body_fun : callable
        ``body_fun(i, value)`` gives the next value, of the same tree, shapes and dtypes.
    init_val : tree of arrays

    Returns
    -------
    tree of arrays
        `init_val` where `upper` is not above `lower`.

    Raises
    ------
    ShapeError, DTypeError, TraceError
        When the value changes in shape, dtype or tree.

    Notes
    -----
    With bounds that are numbers it is a `scan` which carries the counter too, else a `while_loop`. A counter
    that starts as a Python integer takes the dtype of what it meets.

    Examples
    --------
    >>> import wengert as wg
    >>> wg.fori_loop(1, 6, lambda i, product: product * i, 1)
    array(120)
    """
    check_callable("fori_loop", body_fun)
    try:
        iterations = max(operator.index(upper) - operator.index(lower), 0)
    except (TypeError, WengertError):  # a traced bound has no value; what is no integer is refused below
        iterations = None
    if iterations is not None:
        # The counter is carried: an array of all its values would be a constant of the program.
        counting = lower if isinstance(lower, Tensor | np.ndarray | np.generic) else int(lower)
        return scan(
            lambda loop, _: (_counted(body_fun, loop), None),
            {"counter": counting, "value": init_val},
            length=iterations,
        )[0]["value"]
    first, last = (one if isinstance(one, Tensor) else np.asarray(one) for one in (lower, upper))
    for name, bound in (("lower", first), ("upper", last)):
        if bound.dtype.kind not in "iu" or bound.shape:
            raise DTypeError(f"fori_loop: {name!r} is an integer without axes, got {bound!r}{here()}")
    return while_loop(
        lambda loop: loop["counter"] < last,
        lambda loop: _counted(body_fun, loop),
        {"counter": first, "value": init_val},
    )["value"]


def _counted(body: Callable[[Any, Any], Any], loop: dict[str, Any]) -> dict[str, Any]:
    """Return counter and value of a loop after an iteration; the errors of loops show their names."""
    counter = loop["counter"]
    return {"counter": counter + 1, "value": body(counter, loop["value"])}


def while_loop(cond_fun: Callable[[Any], Any], body_fun: Callable[[Any], Any], init_val: Any) -> Any:
    """Apply a function as long as a condition of its value holds.

    Parameters
    ----------
    cond_fun : callable
        Of the value; gives one boolean.
    body_fun : callable
        Of the value; gives the next one, of the same tree, shapes and dtypes.
    init_val : tree of arrays

    Returns
    -------
    tree of arrays
        The first value for which the condition does not hold.

    Raises
    ------
    ShapeError, DTypeError, TraceError
        When the value changes in shape, dtype or tree (both are shown, with the leaf's name), or the
        condition is no scalar boolean.

    Notes
    -----
    The number of iterations counts as constant for a derivative. Reverse mode runs the loop once more and
    keeps the values that the iterations began with.

    Examples
    --------
    >>> import wengert as wg
    >>> wg.while_loop(lambda x: x < 100.0, lambda x: 2 * x, 3.0)
    array(192.)
    """
    check_callable("while_loop", cond_fun)
    check_callable("while_loop", body_fun)
    value = Leaves(init_val, "value")
    while True:
        body = Body(body_fun, (value.tree(value.types),), value.weak, is_loop=True)
        if body.result != value.structure or not value.converted(body.types):
            break
    same_carry(value, body.types, body.result, "while_loop")
    asked = Body(cond_fun, (value.tree(value.types),), value.weak, is_loop=True)
    if not asked.result.is_leaf() or asked.types[0].shape or asked.types[0].dtype != np.bool_:
        given = described(asked.result) if not asked.result.is_leaf() else asked.types[0]
        raise DTypeError(f"while_loop: the condition is one boolean without axes, got {given}{here()}")
    step, of_step = closed(body.program, leaves_loop=True)
    condition, of_condition = closed(asked.program, leaves_loop=True)
    params = {
        "condition": _captured_first(condition, len(value.types)),
        "body": _captured_first(step, len(value.types)),
        "asked": len(of_condition),
        "fixed": len(of_step),
    }
    results = applied(
        while_primitive,
        [*of_condition, *of_step, *value.values],
        params,
        [asked, body],
        len(value.types),
    )
    return value.tree(results)


def _captured_first(program: Program, count: int) -> Program:
    """Return a body of `count` inputs with what it captures before them."""
    return Program([*program.inputs[count:], *program.inputs[:count]], program.outputs, program.provenance)
