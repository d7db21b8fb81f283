"""wg.compile: a function that runs as a compiled program."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any

from wengert.errors import DTypeError, TraceError
from wengert.ir.program import Program
from wengert.ir.types import TensorType
from wengert.run.collector import collector_at_rest
from wengert.run.default import find_executor
from wengert.run.executor import Executable, Executor, Inspectable
from wengert.run.inspection import inspectable
from wengert.trace.tensor import Tensor
from wengert.trace.tracing import leaf_names, trace
from wengert.trace.tree import argument_names, flatten, leaf_type, unflatten
from wengert.transform.simplify import simplify

Key = tuple[Any, tuple[Any, ...]]


class CompiledFunction:
    """A function that is traced and compiled once for each combination of argument types."""

    def __init__(self, function: Callable[..., Any], executor: Executor) -> None:
        self._function = function
        self._executor = executor
        self._lock = threading.Lock()
        self._known: dict[Key, tuple[Program, Executable]] = {}
        functools.update_wrapper(self, function, updated=())

    @property
    def programs(self) -> list[Program]:
        """The simplified program of each combination of types met so far."""
        return [program for program, _ in self._known.values()]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run on arrays; under a trace the function itself is traced."""
        leaves, structure = flatten((args, kwargs))
        if any(isinstance(leaf, Tensor) for leaf in leaves):
            return self._function(*args, **kwargs)
        program, run = self._for(leaves, structure)
        assert program.signature is not None
        return program.signature.unflatten(run(leaves))

    def llvm(self, *args: Any, **kwargs: Any) -> str:
        """Return the code that is generated for such arguments, before LLVM's own optimisation.

        Raises
        ------
        ConfigurationError
            When the function runs with NumPy.
        """
        return self._inspectable(args, kwargs).llvm()

    def kernels(self, *args: Any, profile: bool = False, **kwargs: Any) -> list[Any]:
        """Return the kernels that compute the function for such arguments; see `Program.kernels`.

        With `profile` they are run on these arguments.
        """
        run = self._inspectable(args, kwargs)
        return run.kernels(flatten((args, kwargs))[0] if profile else None)

    def _inspectable(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Inspectable:
        return inspectable(self._for(*flatten((args, kwargs)))[1])

    def _for(self, leaves: list[Any], structure: Any) -> tuple[Program, Executable]:
        """Return program and executable for such arguments, made now if they are the first of their types."""
        types = self._types(leaves, structure)
        # A Python number promotes otherwise than an array, and may decide an ``if`` while tracing.
        weak = tuple((type(leaf), leaf) if type(leaf) in (bool, int, float) else None for leaf in leaves)
        key = (structure, (*types, *weak))
        with self._lock:
            known = self._known.get(key)
            if known is None:
                with collector_at_rest():
                    known = self._known[key] = self._compiled(leaves, structure, types)
        return known

    def _types(self, leaves: list[Any], structure: Any) -> list[TensorType]:
        try:
            return [leaf_type(leaf, "") for leaf in leaves]
        except DTypeError:
            given, named = unflatten(structure, leaves)
            names = leaf_names(self._function, given, named)
            return [leaf_type(leaf, name) for leaf, name in zip(leaves, names, strict=True)]

    def _compiled(
        self, leaves: list[Any], structure: Any, types: list[TensorType]
    ) -> tuple[Program, Executable]:
        # Traced from types, not values: a branch on a value would hold for these arguments only.
        abstracted = [
            leaf if type(leaf) in (bool, int, float) else type_
            for leaf, type_ in zip(leaves, types, strict=True)
        ]
        given, named = unflatten(structure, abstracted)
        program = simplify(trace(self._function, *given, **named))
        if program.free:
            names = ", ".join(argument_names(self._function, len(given), named))
            raise TraceError(f"the compiled function reads tensors beside its arguments ({names})")
        return program, self._executor.compile(program)


def compile(function: Callable[..., Any], executor: str | Executor = "llvm") -> CompiledFunction:
    """Return a function that gives the same results, run as machine code.

    Parameters
    ----------
    function : callable
        Written in plain NumPy; takes and returns arrays, numbers, or trees of them.
    executor : Executor, "numpy" or "llvm"
        What runs it: "llvm" as machine code, "numpy" line by line.

    Returns
    -------
    CompiledFunction
        Traces and compiles on the first call with arguments of new types, which takes a moment. A Python
        number belongs to the type: pass ``np.float64(x)`` where it changes from call to call.

    Raises
    ------
    TraceError
        When the function does what a program cannot hold, or asks for a value in an ``if``.
    ConfigurationError
        When there is no such executor.

    Examples
    --------
    >>> import numpy as np
    >>> import wengert as wg
    >>> slope = wg.compile(wg.grad(lambda w: (w**2).sum()))
    >>> slope(np.array([1.0, 2.0]))
    array([2., 4.])
    """
    return CompiledFunction(function, find_executor(executor))
