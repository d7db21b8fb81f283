"""From a Python function to a program."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from typing import Any

import numpy as np

from wengert.checks import check_callable
from wengert.errors import ConcreteValueError, ShapeError, TraceError, UnsupportedFunctionError, WengertError
from wengert.ir.node import Node, make_input
from wengert.ir.primitive import NUMBERS
from wengert.ir.program import Program
from wengert.ir.provenance import Provenance
from wengert.ir.types import TensorType
from wengert.trace.captured import Captured, random_states
from wengert.trace.entry import trace as trace
from wengert.trace.memory import in_c_order
from wengert.trace.numpy_in_traces import numpy_in_traces
from wengert.trace.outside_names import with_outside_names
from wengert.trace.recorder import as_dtype, here
from wengert.trace.scipy import objects as scipy_objects
from wengert.trace.source import is_installed
from wengert.trace.tensor import Tensor, Trace, as_tensor, joined
from wengert.trace.tree import (
    TreeSignature,
    argument_names,
    flatten,
    hold_static,
    leaf_paths,
    leaf_type,
    unflatten,
)


class Recording:
    """A function traced on given arguments: its program, and the trace it was recorded in.

    Attributes
    ----------
    program : Program
    trace : Trace
    leaves : list
        The arguments' leaves, in the order of the program's inputs.
    positions : list of (argument, first, last)
        Which leaves belong to which argument; arguments are numbered, keywords named.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        is_body: bool = False,
    ) -> None:
        (args, kwargs), _ = hold_static((args, kwargs))
        self.leaves, structure = flatten((args, kwargs))
        self.trace = Trace(is_body=is_body)
        by_argument = _names_by_argument(function, args, kwargs)
        self.positions = _positions(by_argument, len(args), kwargs)
        names = list(chain.from_iterable(by_argument))
        with self.trace.recording():
            nodes = [self._input(name, leaf) for name, leaf in zip(names, self.leaves, strict=True)]
            tensors = [
                _leaf_tensor(node, self.trace, leaf) for node, leaf in zip(nodes, self.leaves, strict=True)
            ]
            traced_args, traced_kwargs = unflatten(structure, tensors)
            with numpy_in_traces():
                result = _called(with_outside_names(function), traced_args, traced_kwargs)
            outputs, result_structure = flatten(result)
            results = [_output(value, self.trace) for value in outputs]
        signature = TreeSignature(structure, result_structure)
        self.program = Program(nodes, [result.node for result in results], self.trace.provenance, signature)

    def _input(self, name: str, leaf: Any) -> Node:
        type_ = leaf_type(leaf, name)
        node = make_input(name, type_)
        self.trace.provenance[node] = Provenance(name=name)
        if not isinstance(leaf, TensorType):
            self.trace.arguments[node] = leaf
            if isinstance(leaf, Tensor):
                self.trace.captured.add(leaf.recorder)
        return node


def _leaf_tensor(node: Node, trace: Trace, leaf: Any) -> Tensor:
    if isinstance(leaf, Tensor):
        return Tensor(node, trace, leaf.weak, leaf.c_order)
    return Tensor(node, trace, type(leaf) if type(leaf) in NUMBERS else None, in_c_order(leaf))


def _called(function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    try:
        return function(*args, **kwargs)
    except WengertError:
        raise
    except Exception as error:
        # A library that asks a traced value for numbers may put an error of its own in place of ours.
        ours = error.__cause__ or error.__context__
        if isinstance(ours, WengertError) and _is_of_library(error):
            raise ours from None
        if type(error).__module__ == "_minpack":  # it has printed ours, and lost it
            raise UnsupportedFunctionError(
                f"scipy.optimize met a traced value: {scipy_objects.ADVICE['scipy.optimize']}"
            ) from None
        raise


def _is_of_library(error: Exception) -> bool:
    """Whether the error was raised by a library's code, or by code in C that the function called."""
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    if traceback is None or is_installed(traceback.tb_frame.f_code):
        return True
    return type(error) is ValueError and "setting" in str(error)


def _output(value: Any, trace: Trace) -> Tensor:
    try:
        return as_tensor(joined(value), trace)
    except ConcreteValueError:
        raise
    except (TypeError, ValueError) as error:
        kind = f"{type(value).__name__} of {value.dtype}" if hasattr(value, "dtype") else type(value).__name__
        reason = f" ({error})" if isinstance(error, WengertError) else ""
        raise TraceError(
            f"a traced function returns numbers, arrays, or trees of them; it returned {kind}{reason}"
        ) from None


def _positions(
    names: list[list[str]], count: int, kwargs: dict[str, Any]
) -> list[tuple[int | str, int, int]]:
    positions: list[tuple[int | str, int, int]] = []
    start = 0
    for key, leaves in zip([*range(count), *sorted(kwargs)], names, strict=True):
        positions.append((key, start, start + len(leaves)))
        start += len(leaves)
    return positions


def _names_by_argument(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> list[list[str]]:
    keywords = {name: kwargs[name] for name in sorted(kwargs)}  # optree orders dictionaries by key
    roots = argument_names(function, len(args), keywords)
    return [leaf_paths(value, root) for root, value in zip(roots, [*args, *keywords.values()], strict=True)]


def leaf_names(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[str]:
    """Return a name for each leaf of the arguments of a call of `function`, such as ``net.weight``."""
    return list(chain.from_iterable(_names_by_argument(function, args, kwargs)))


def recorded(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Recording:
    """Return the recording of a function for a program that is to last; see `wengert.trace`."""
    check_callable("trace", function)
    with no_draws(
        function,
        "the function drew random numbers while it was traced, and its program would hold them for good: "
        "draw them outside and pass them as an argument, or draw with wengert.random and a key",
    ):
        return Recording(function, args, kwargs)


@contextmanager
def no_draws(function: Callable[..., Any], message: str) -> Iterator[None]:
    """Raise a `TraceError` where random numbers were drawn from a generator that `function` reaches."""
    captured = Captured(function)
    before = random_states(captured)
    yield
    if random_states(captured) != before:
        raise TraceError(message + here())


def abstract(shape: tuple[int, ...] | int = (), dtype: Any = np.float64) -> TensorType:
    """Return a type to trace with where there is no array yet.

    Parameters
    ----------
    shape : tuple of int or int
    dtype : dtype_like

    Raises
    ------
    ShapeError
        When an extent is negative or no integer.
    DTypeError
        When a program cannot hold values of the dtype.
    """
    from wengert.ir.types import tensor_type

    try:
        extents = tuple(operator.index(extent) for extent in (shape if np.iterable(shape) else (shape,)))
    except TypeError:
        raise ShapeError(f"the extents of a shape are integers, got {shape!r}") from None
    if min(extents, default=0) < 0:
        raise ShapeError(f"the extents of a shape cannot be negative, got {shape!r}")
    return tensor_type(extents, as_dtype(dtype))
