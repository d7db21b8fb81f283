"""Derivative programs that are made once and run again: for the same function, types and captured values."""

from __future__ import annotations

import threading
import weakref
from collections import deque
from collections.abc import Callable, Hashable
from typing import Any

import numpy as np

from wengert.autodiff.application import Call
from wengert.errors import IndexRangeError, ShapeError
from wengert.ir.program import Program
from wengert.run.executor import Executable
from wengert.run.numpy import NumpyExecutor
from wengert.trace.captured import Captured, same_values
from wengert.trace.recorder import current_trace
from wengert.trace.tensor import Tensor
from wengert.trace.tree import flatten, hold_static, leaf_type
from wengert.trace.wrapped import DerivedFunction
from wengert.transform.simplify import simplify

_PATHS = 8  # programs kept for arguments of the same types: one for each way the function took
Answers = list[np.ndarray[Any, Any]]


class Prepared:
    """A program that was made from a function, what it depends on, and what to make of its results.

    Parameters
    ----------
    program : Program
        Of the derivative; its inputs are the leaves of the arguments.
    finish : callable
        Makes the result out of the program's outputs.
    call : Call
        Whose recording asked for values.
    captured : Captured
    """

    def __init__(
        self, program: Program, finish: Callable[[list[Any]], Any], call: Call, captured: Captured
    ) -> None:
        self._finish = finish
        self._captured = captured
        self._count = len(program.outputs)
        questions = call.recording.trace.answers()
        asked = simplify(Program(program.inputs, [*program.outputs, *questions])) if questions else program
        self._run: Executable = NumpyExecutor().compile(asked)
        self._answers = list(questions.values())

    def result(self, leaves: list[Any]) -> tuple[bool, Any]:
        """Return whether the function takes the same way for these arguments, and the result if it does."""
        if not self._captured.holds():
            return False, None
        try:
            outputs = self._run(leaves)
        except (ShapeError, IndexRangeError):  # of a way that is not taken now
            return False, None
        asked = outputs[self._count :]
        if not all(map(same_values, asked, self._answers)):
            return False, None
        return True, self._finish(outputs[: self._count])


_kept: weakref.WeakKeyDictionary[Callable[..., Any], dict[Hashable, deque[Prepared]]]
_kept = weakref.WeakKeyDictionary()
_lock = threading.Lock()


class Reuse:
    """The programs of one call of a transformed function: found, or kept when they are made.

    Parameters
    ----------
    function : callable
    args, kwargs
        The arguments of the call.
    transformation : tuple
        What is made of the function, for the key.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        transformation: Hashable,
    ) -> None:
        self.function = function
        self._prepared: deque[Prepared] | None = None
        self.leaves: list[Any] = []
        if current_trace() is not None:
            return  # the program becomes a part of another
        tree, statics = hold_static((args, kwargs))
        self.leaves, structure = flatten(tree)
        if any(type(leaf) is Tensor for leaf in self.leaves) or not all(one.is_immutable for one in statics):
            return
        types = [leaf_type(leaf, "") if type(leaf) is np.ndarray else _weak(leaf) for leaf in self.leaves]
        innermost, made_by = _innermost(function)
        key = (transformation, made_by, structure, tuple(types))
        try:
            with _lock:
                programs = _kept.setdefault(innermost, {})
                self._prepared = programs.setdefault(key, deque(maxlen=_PATHS))
        except TypeError:  # a function, or a selection of arguments, that is no key
            return

    def result(self) -> tuple[bool, Any]:
        """Return whether a program is there that gives the result, and the result."""
        for prepared in list(self._prepared or ()):
            found, result = prepared.result(self.leaves)
            if found:
                return True, result
        return False, None

    def captured(self) -> Captured | None:
        """Return what the function captures before it is traced; None where its program is not kept."""
        if self._prepared is None:
            return None
        captured = Captured(self.function)
        return captured if captured.is_known else None

    def keep(
        self, captured: Captured | None, call: Call, program: Program, finish: Callable[[list[Any]], Any]
    ) -> None:
        """Keep a program, unless the function changed what it captures, or looked at values for a check."""
        trace = call.recording.trace
        if captured is None or self._prepared is None or trace.was_peeked or trace.captured:
            return
        if captured.holds():
            self._prepared.appendleft(Prepared(program, finish, call, captured))
            call.forget()


def _innermost(function: Callable[..., Any]) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """Return the function that transformations are of, and these: ``grad(f)`` is made anew in each use."""
    made_by: list[Any] = []
    while isinstance(function, DerivedFunction):
        transformation, (function, *options) = function.made_from
        made_by.append((transformation, tuple(options)))
    return function, tuple(made_by)


def _weak(leaf: Any) -> Any:
    # A Python number may decide the shape of something, so another is another program.
    if type(leaf) is float:
        return float
    return (type(leaf), leaf) if type(leaf) in (bool, int) else leaf_type(leaf, "")
