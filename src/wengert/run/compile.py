"""wg.compile: a function that runs as a compiled program."""

from __future__ import annotations

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
from wengert.trace.static import Static
from wengert.trace.tensor import Tensor
from wengert.trace.tracing import leaf_names, trace
from wengert.trace.tree import (
    argument_names,
    flatten,
    hold_static,
    leaf_type,
    unflatten,
)
from wengert.trace.wrapped import WrappedFunction
from wengert.transform.simplify import simplify

Key = tuple[Any, tuple[Any, ...]]


class CompiledFunction(WrappedFunction):
    """A function that is traced and compiled once for each combination of argument types."""

    def __init__(self, function: Callable[..., Any], executor: Executor) -> None:
        self._function = function
        self._executor = executor
        self._lock = threading.Lock()
        self._known: dict[Key, tuple[Program, Executable]] = {}
        # Of the last call with an argument that may change, which is traced in each call.
        self._latest: tuple[Program, Executable] | None = None
        # Copies and pickles leave out what was compiled: machine code belongs to a process.
        super().__init__(function, compile, (executor,))

    @property
    def programs(self) -> list[Program]:
        """The simplified program of each combination of types met so far."""
        latest = [] if self._latest is None else [self._latest]
        return [program for program, _ in (*self._known.values(), *latest)]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run on arrays; under a trace the function itself is traced."""
        tree, statics = hold_static((args, kwargs))
        leaves, structure = flatten(tree)
        if any(isinstance(leaf, Tensor) for leaf in leaves):
            return self._function(*args, **kwargs)
        program, run = self._for(tree, leaves, structure, statics)
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
        return run.kernels(flatten(hold_static((args, kwargs))[0])[0] if profile else None)

    def _inspectable(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Inspectable:
        tree, statics = hold_static((args, kwargs))
        return inspectable(self._for(tree, *flatten(tree), statics)[1])

    def _for(
        self, tree: Any, leaves: list[Any], structure: Any, statics: list[Static]
    ) -> tuple[Program, Executable]:
        """Return program and executable for such arguments, made now if they are the first of their types."""
        types = self._types(tree, leaves)
        # A Python number promotes otherwise than an array, and may decide an ``if`` while tracing.
        weak = tuple((type(leaf), leaf) if type(leaf) in (bool, int, float) else None for leaf in leaves)
        key = (structure, (*types, *weak))
        with self._lock:
            if not all(held.is_immutable for held in statics):
                return self._retraced(leaves, structure, types)
            known = self._known.get(key)
            if known is None:
                with collector_at_rest():
                    program = self._traced(leaves, structure, types)
                    known = self._known[key] = program, self._executor.compile(program)
        return known

    def _retraced(
        self, leaves: list[Any], structure: Any, types: list[TensorType]
    ) -> tuple[Program, Executable]:
        """Trace with an argument that may have changed since the last call; compile if the program has."""
        program = self._traced(leaves, structure, types)
        if self._latest is None or self._latest[0] != program:
            with collector_at_rest():
                self._latest = program, self._executor.compile(program)
        return program, self._latest[1]

    def _types(self, tree: Any, leaves: list[Any]) -> list[TensorType]:
        try:
            return [leaf_type(leaf, "") for leaf in leaves]
        except DTypeError:
            names = leaf_names(self._function, *tree)
            return [leaf_type(leaf, name) for leaf, name in zip(leaves, names, strict=True)]

    def _traced(self, leaves: list[Any], structure: Any, types: list[TensorType]) -> Program:
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
        return program


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
        number belongs to the type, as a string does or a slice: pass ``np.float64(x)`` where it changes from
        call to call. With an object that may have changed since (a function, a random generator, one of your
        own), each call traces, and compiles where the program has become another.

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
