"""wg.compile: a function that runs as a compiled program."""

from __future__ import annotations

import threading
import warnings
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.errors import (
    ConcreteValueError,
    DTypeError,
    IndexRangeError,
    ShapeError,
    TraceError,
    WengertWarning,
)
from wengert.ir.node import Node
from wengert.ir.primitive import NUMBERS
from wengert.ir.program import Program
from wengert.ir.types import TensorType
from wengert.run.collector import collector_at_rest
from wengert.run.default import find_executor
from wengert.run.executor import Executor, Inspectable
from wengert.run.inspection import inspectable
from wengert.trace.captured import Captured, same_values
from wengert.trace.memory import in_c_order
from wengert.trace.static import Static
from wengert.trace.tensor import Tensor, Trace
from wengert.trace.tracing import leaf_names, recorded
from wengert.trace.tree import (
    argument_names,
    flatten,
    hold_static,
    leaf_type,
    number_key,
    unflatten,
)
from wengert.trace.wrapped import WrappedFunction
from wengert.transform.rolling import is_rolling, rolled
from wengert.transform.simplify import simplify

Key = tuple[Any, tuple[Any, ...]]
_PATHS = 32  # programs kept for arguments of the same types, one for each way through the function


class _Path:
    """One way through a function, compiled.

    Parameters
    ----------
    program : Program
    questions : dict of Node to array
        The values that the function asked for, which decided the way, by the nodes that compute them.
    captured : Captured or None
        What the function read besides its arguments; None where that is not looked at again.
    """

    def __init__(
        self,
        program: Program,
        executor: Executor,
        questions: dict[Node, Any],
        captured: Captured | None,
    ) -> None:
        self.program = program
        self.is_current = captured.holds if captured is not None else lambda: True
        self._answers = list(questions.values())
        self.has_questions = bool(questions)
        self._count = len(program.outputs)
        asked = simplify(Program(program.inputs, [*program.outputs, *questions])) if questions else program
        self.executable = executor.compile(asked)

    def outputs(self, leaves: list[Any]) -> list[Any] | None:
        """Return the outputs of the program, or None where these arguments take another way."""
        if not self._answers:
            return self.executable(leaves)
        try:
            outputs = self.executable(leaves)
        # Of what is not reached on the way that is taken now; else tracing raises it again.
        except (ShapeError, IndexRangeError, np.linalg.LinAlgError):
            return None
        asked = zip(outputs[self._count :], self._answers, strict=True)
        return outputs[: self._count] if all(same_values(*pair) for pair in asked) else None


class CompiledFunction(WrappedFunction):
    """A function that is traced and compiled once for each combination of argument types.

    Where it asks for a value, as in an ``if``, there is a program for each way through it: the values that
    were asked for are computed in each call, and where they differ the other way is traced.
    """

    def __init__(self, function: Callable[..., Any], executor: Executor) -> None:
        self._function = function
        self._executor = executor
        self._lock = threading.Lock()
        self._known: dict[Key, deque[_Path]] = {}
        # Of the last call with something that may have changed and cannot be compared; each is traced.
        self._latest: _Path | None = None
        self._has_warned = False
        # Copies and pickles leave out what was compiled: machine code belongs to a process.
        super().__init__(function, compile, (executor,))

    @property
    def programs(self) -> list[Program]:
        """The simplified program of each combination of types, and way through the function, met so far."""
        latest = [] if self._latest is None else [self._latest]
        return [path.program for paths in (*self._known.values(), latest) for path in paths]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run on arrays; under a trace the function itself is traced."""
        tree, statics = hold_static((args, kwargs))
        leaves, structure = flatten(tree)
        if any(isinstance(leaf, Tensor) for leaf in leaves):
            return self._function(*args, **kwargs)
        try:
            path, outputs = self._run(tree, leaves, structure, statics)
        except np.linalg.LinAlgError as error:
            path, outputs = self._caught(leaves, structure, error)
        assert path.program.signature is not None
        return path.program.signature.unflatten(outputs)

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
        return inspectable(self._run(tree, *flatten(tree), statics)[0].executable)

    def _run(
        self, tree: Any, leaves: list[Any], structure: Any, statics: list[Static]
    ) -> tuple[_Path, list[Any]]:
        """Return the way that such arguments take, compiled now if it is new, and its outputs."""
        types = self._types(tree, leaves)
        key = (structure, (*types, *map(number_key, leaves), *map(in_c_order, leaves), is_rolling()))
        with self._lock:
            if not all(held.is_immutable for held in statics):
                path = self._retraced(leaves, structure, types)
                return path, path.executable(leaves)[: len(path.program.outputs)]
            paths = self._known.setdefault(key, deque())
            known = [path for path in paths if path.is_current()]
        found = _taken(known, leaves)
        if found is not None:
            return found
        with self._lock, collector_at_rest():
            for path in [path for path in paths if not path.is_current()]:
                paths.remove(path)
            # Another thread may have compiled it meanwhile.
            found = _taken([path for path in paths if path not in known], leaves)
            if found is not None:
                return found
            captured = Captured(self._function)
            if captured.is_known:
                path, lasts = self._traced(captured, leaves, structure, types)
                if lasts:
                    self._add(paths, path)
            else:
                path = self._retraced(leaves, structure, types)
        try:
            return path, path.executable(leaves)[: len(path.program.outputs)]
        except np.linalg.LinAlgError:
            with self._lock:  # `outputs` passes over it, so that it would be there once for each such call
                if path.has_questions and path in paths:
                    paths.remove(path)
            raise

    def _caught(
        self, leaves: list[Any], structure: Any, error: np.linalg.LinAlgError
    ) -> tuple[_Path, list[Any]]:
        """Return the way of a function that catches what LAPACK says of these arguments' matrices."""
        given, named = unflatten(structure, leaves)
        recording = recorded(self._function, *given, **named)
        if not recording.trace.has_looked:
            raise error
        path = _Path(simplify(recording.program), self._executor, {}, None)
        return path, path.executable(leaves)

    def _add(self, paths: deque[_Path], path: _Path) -> None:
        paths.appendleft(path)
        if len(paths) > _PATHS:
            paths.pop()
            if self._has_warned:
                return
            self._has_warned = True
            name = getattr(self._function, "__name__", "the function")
            warnings.warn(
                f"{name} has taken more than {_PATHS} ways for arguments of these types, and is compiled for "
                "each: choose between values with np.where, write a loop of unknown length as wg.while_loop, "
                "or take a fixed number of iterations",
                WengertWarning,
                stacklevel=4,
            )

    def _retraced(self, leaves: list[Any], structure: Any, types: list[TensorType]) -> _Path:
        """Trace where an argument or a captured object may have changed; compile if the program has."""
        program, trace = self._program(leaves, structure, types)
        if self._latest is None or self._latest.program != program:
            with collector_at_rest():
                self._latest = _Path(program, self._executor, trace.answers(), None)
        return self._latest

    def _types(self, tree: Any, leaves: list[Any]) -> list[TensorType]:
        try:
            return [leaf_type(leaf, "") for leaf in leaves]
        except DTypeError:
            names = leaf_names(self._function, *tree)
            return [leaf_type(leaf, name) for leaf, name in zip(leaves, names, strict=True)]

    def _traced(
        self, captured: Captured, leaves: list[Any], structure: Any, types: list[TensorType]
    ) -> tuple[_Path, bool]:
        """Return the way that is taken now, and whether it may be taken again."""
        program, trace = self._program(leaves, structure, types)
        # What the function itself changes while it is traced is taken as it was.
        compared = captured if captured.holds() else None
        path = _Path(program, self._executor, trace.answers(), compared)
        # Where LAPACK refused a matrix and the function went on, the next matrix may be a regular one.
        return path, not trace.was_refused

    def _program(self, leaves: list[Any], structure: Any, types: list[TensorType]) -> tuple[Program, Trace]:
        """Return the program for such arguments, and its trace, with the values that decided which it is."""
        # Traced from types where that will do: a branch on a value holds for some arguments only. A type
        # says nothing of an array's order in memory, so C order is taken for it.
        abstracted = [
            leaf if type(leaf) in NUMBERS or not in_c_order(leaf) else type_
            for leaf, type_ in zip(leaves, types, strict=True)
        ]
        for arguments in (abstracted, leaves):
            given, named = unflatten(structure, arguments)
            try:
                recording = recorded(self._function, *given, **named)
                break
            except ConcreteValueError:
                if arguments is leaves:
                    raise
        program = simplify(rolled(recording.program, recording.trace.questions))
        if program.free:
            names = ", ".join(argument_names(self._function, len(given), named))
            raise TraceError(f"the compiled function reads tensors beside its arguments ({names})")
        return program, recording.trace


def _taken(paths: list[_Path], leaves: list[Any]) -> tuple[_Path, list[Any]] | None:
    """Return the one of the paths that these arguments take, and its outputs."""
    for path in paths:
        outputs = path.outputs(leaves)
        if outputs is not None:
            return path, outputs
    return None


def compile(
    function: Callable[..., Any], executor: str | Executor = "llvm", *, device: str | None = None
) -> CompiledFunction:
    """Return a function that gives the same results, run as machine code.

    Parameters
    ----------
    function : callable
        Written in plain NumPy; takes and returns arrays, numbers, or trees of them.
    executor : Executor, "numpy", "llvm" or "xla"
        What runs it: "llvm" as machine code, "numpy" line by line, "xla" by JAX.
    device : str, optional
        For "xla": "cpu", "gpu" or "tpu", or one of several such as "gpu:1"; by default the fastest that JAX
        finds.

    Returns
    -------
    CompiledFunction
        Traces and compiles on the first call with arguments of new types, which takes a moment, and again
        where an ``if`` or ``while`` on values takes another way. A Python
        integer belongs to the type, as a string does or a slice: pass ``np.int64(n)`` where it changes from
        call to call. With an argument that may have changed since (a function, a random generator, an object
        of yours), each call traces, and compiles where the program has become another; so it does where the
        function captures something whose content cannot be compared: an iterator, an object with slots, a
        subclass of an array, a tensor of another library.

    Raises
    ------
    TraceError
        When the function does what a program cannot hold, or draws random numbers.
    ConfigurationError
        When there is no such executor or device.

    Examples
    --------
    >>> import numpy as np
    >>> import wengert as wg
    >>> slope = wg.compile(wg.grad(lambda w: (w**2).sum()))
    >>> slope(np.array([1.0, 2.0]))
    array([2., 4.])
    """
    return CompiledFunction(function, find_executor(executor, device=device))
