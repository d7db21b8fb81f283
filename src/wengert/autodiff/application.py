"""From a function and its arguments to a program, and from a program back to a result."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.errors import ConfigurationError, GradientError
from wengert.ir.program import Program
from wengert.run.executor import Executable
from wengert.run.numpy import NumpyExecutor
from wengert.trace.tensor import Tensor, Trace, as_tensor
from wengert.trace.tracing import Recording
from wengert.trace.tree import described, flatten, leaf_paths, unflatten
from wengert.transform.inline import inline
from wengert.transform.rolling import rolled
from wengert.transform.simplify import simplify

Argnums = int | Sequence[int] | None
Argnames = str | Sequence[str] | None


class Call:
    """A function recorded on its arguments, and which of them to differentiate by.

    Attributes
    ----------
    recording : Recording
    program : Program
        Simplified.
    wrt : list of int
        Positions of the selected leaves among the program's inputs.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        argnums: Argnums,
        argnames: Argnames,
    ) -> None:
        self._single = (argnums is None or isinstance(argnums, int)) and (
            argnames is None or (isinstance(argnames, str) and argnums is None)
        )
        self.keys = selected_arguments(function, args, kwargs, argnums, argnames)
        values = [args[key] if isinstance(key, int) else kwargs[key] for key in self.keys]
        for key, value in zip(self.keys, values, strict=True):
            _check_leaves(_name(function, key), value)
        self._structures = [flatten(value)[1] for value in values]
        self.recording = Recording(function, args, kwargs)
        spans = {key: (first, last) for key, first, last in self.recording.positions}
        self.wrt = [place for key in self.keys for place in range(*spans[key])]
        self.program = simplify(rolled(self.recording.program, self.recording.trace.questions))
        self.leaves = self.recording.leaves
        self._derived: dict[Any, Program] = {}
        self._executables: dict[int, tuple[Program, Executable]] = {}

    def on(self, leaves: list[Any]) -> Call:
        """Return the same function on other arguments, for which its programs are the same."""
        call = copy.copy(self)
        call.leaves = leaves
        return call

    def derived(self, key: Any, make: Callable[[], Program]) -> Program:
        """Return a program that is made from this one, now or in an earlier call."""
        found = self._derived.get(key)
        if found is None:
            found = self._derived[key] = make()
        return found

    def as_selected(self, leaves: Sequence[Any]) -> Any:
        """Return leaves, one per selected leaf, as the trees of the selected arguments."""
        remaining = list(leaves)
        trees = []
        for structure in self._structures:
            count = structure.num_leaves
            trees.append(unflatten(structure, remaining[:count]))
            remaining = remaining[count:]
        return trees[0] if self._single else tuple(trees)

    def selected_leaves(self, tree: Any, role: str) -> list[Any]:
        """Return the leaves of a tree built like the selected arguments.

        Raises
        ------
        GradientError
            When it is built otherwise, or a leaf has another shape.
        """
        parts = [tree] if self._single else list(tree)
        if len(parts) != len(self._structures):
            raise GradientError(f"{len(parts)} {role} for {len(self._structures)} arguments")
        leaves: list[Any] = []
        for part, structure in zip(parts, self._structures, strict=True):
            found, built = flatten(part)
            if built != structure:
                raise GradientError(
                    f"{role} of structure {described(built)}; the argument has {described(structure)}"
                )
            leaves += found
        return [
            conform(leaf, self.program.inputs[place].type, role)
            for leaf, place in zip(leaves, self.wrt, strict=True)
        ]

    def keep(self, program: Program) -> None:
        """Copy the recorded arguments that `program` reads: the caller may change them before it runs."""
        read = set(program.nodes)
        self.leaves = [
            np.array(leaf) if node in read and not isinstance(leaf, Tensor) else leaf
            for node, leaf in zip(self.program.inputs, self.leaves, strict=True)
        ]

    def run(self, program: Program, extra: Sequence[Any] = ()) -> list[Any]:
        """Apply a program made from this one to the recorded arguments and further ones.

        Under an enclosing trace the result is recorded there, which makes transformations compose.
        """
        arguments = [*self.leaves, *extra]
        if enclosing_trace(arguments, self.recording.trace) is not None:
            return run_program(program, arguments, self.recording)
        _, run = self._executables.get(id(program)) or (None, None)
        if run is None:
            run = NumpyExecutor().compile(program)
            self._executables[id(program)] = program, run
        return list(run(arguments))

    def forget(self) -> None:
        """Drop the values of the recorded arguments, which the program does not need any more."""
        self.recording.leaves = []
        self.recording.trace.forget()


def run_program(program: Program, arguments: Sequence[Any], recording: Recording) -> list[Any]:
    """Apply a program made from what was recorded; see `Call.run`."""
    trace = recording.trace
    enclosing = enclosing_trace(arguments, trace)
    if enclosing is None:
        return list(NumpyExecutor().compile(program)(arguments))
    tensors = [
        as_tensor(_typed(argument, node.type.dtype), enclosing)
        for argument, node in zip(arguments, program.inputs, strict=True)
    ]
    enclosing.captured |= {other for other in trace.captured if other is not enclosing}
    enclosing.adopt(trace)
    # What the function was asked inside is asked of the enclosing one too.
    asked = Program(recording.program.inputs, list(trace.questions))
    answers = inline(asked, tensors[: len(asked.inputs)], enclosing)
    enclosing.questions.update((one.node, None) for one in answers)
    return inline(program, tensors, enclosing)


def _typed(argument: Any, dtype: np.dtype[Any]) -> Any:
    return argument if isinstance(argument, Tensor) else np.asarray(argument, dtype)


def enclosing_trace(arguments: Sequence[Any], trace: Trace) -> Trace | None:
    """Return the deepest open trace that the arguments or the recorded function come from."""
    found = {argument.recorder for argument in arguments if isinstance(argument, Tensor)}
    found |= {captured for captured in trace.captured if captured.open}
    return max(found, key=lambda candidate: candidate.level, default=None)


def conform(value: Any, type_: Any, role: str) -> Any:
    """Return `value` as an array or tensor of a type.

    Raises
    ------
    GradientError
        When its shape is another, or it is complex where real numbers are needed.
    """
    shape = value.shape if isinstance(value, Tensor) else np.shape(value)
    if shape != type_.shape:
        raise GradientError(f"{role} of shape {shape} where {type_.shape} is needed")
    dtype = value.dtype if isinstance(value, Tensor) else np.asarray(value).dtype
    if dtype.kind == "c" and not type_.is_complex:
        raise GradientError(f"{role} of complex numbers where {type_.dtype} is needed: take np.real of it")
    if isinstance(value, Tensor):
        return value if value.dtype == type_.dtype else value.astype(type_.dtype)
    return np.asarray(value, type_.dtype)


def _check_leaves(name: str, value: Any) -> None:
    """Refuse to differentiate by integers and booleans, naming the argument."""
    leaves, _ = flatten(value)
    for path, leaf in zip(leaf_paths(value, name), leaves, strict=True):
        dtype = getattr(leaf, "dtype", None)
        if not isinstance(dtype, np.dtype):  # a number, or an array with dtypes of another library
            dtype = np.asarray(leaf).dtype
        if dtype.kind not in "fc":
            advice = f"; pass {float(leaf)!r}" if isinstance(leaf, int) and not isinstance(leaf, bool) else ""
            raise GradientError(
                f"argument {path!r} is {dtype}; derivatives need floating or complex numbers{advice}"
            )


def _name(function: Callable[..., Any], key: int | str) -> str:
    if isinstance(key, str):
        return key
    names = _parameters(function)
    return names[key] if key < len(names) else f"argument{key}"


def _parameters(function: Callable[..., Any]) -> list[str]:
    try:
        return list(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return []


def selected_arguments(
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    argnums: Argnums,
    argnames: Argnames,
) -> list[int | str]:
    """Return the positions and keyword names to differentiate by; the first argument by default."""
    if argnums is None and argnames is None:
        argnums = 0
    numbers = [] if argnums is None else [argnums] if isinstance(argnums, int) else list(argnums)
    names = [] if argnames is None else [argnames] if isinstance(argnames, str) else list(argnames)
    keys: list[int | str] = []
    for number in numbers:
        if not -len(args) <= number < len(args):
            raise ConfigurationError(
                f"argnums={number}: the function was called with {len(args)} positional arguments"
            )
        keys.append(number % len(args))
    parameters = _parameters(function)
    for name in names:
        if name in kwargs:
            keys.append(name)
        elif name in parameters and parameters.index(name) < len(args):
            keys.append(parameters.index(name))
        else:
            known = ", ".join([*parameters[: len(args)], *kwargs]) or "none"
            raise ConfigurationError(f"argnames={name!r}: no such argument in this call (there are: {known})")
    if len(set(keys)) != len(keys):
        raise ConfigurationError("an argument is selected twice in argnums and argnames")
    return keys
