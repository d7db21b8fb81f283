"""Derivative programs that are made once and run again: for the same function, types and captured values."""

from __future__ import annotations

import threading
import weakref
from collections import deque
from collections.abc import Callable, Hashable
from typing import Any

import numpy as np

from wengert.autodiff.application import Argnames, Argnums, Call
from wengert.errors import IndexRangeError, ShapeError
from wengert.ir.program import Program
from wengert.run.executor import Executable
from wengert.run.numpy import NumpyExecutor
from wengert.trace.captured import Captured, same_values
from wengert.trace.memory import in_c_order
from wengert.trace.recorder import current_trace
from wengert.trace.tensor import Tensor
from wengert.trace.tree import flatten, hold_static, leaf_type, number_key
from wengert.trace.wrapped import DerivedFunction
from wengert.transform.rolling import is_rolling
from wengert.transform.simplify import simplify

_CALLS = 8  # kept for arguments of the same types: one for each way the function took


class _Kept:
    """A call whose programs may be run again.

    Parameters
    ----------
    call : Call
    captured : Captured
        What the function read besides its arguments.
    """

    def __init__(self, call: Call, captured: Captured) -> None:
        questions = call.recording.trace.answers()
        self._answers = list(questions.values())
        self._ask: Executable | None = None
        if questions:
            self._ask = NumpyExecutor().compile(simplify(Program(call.program.inputs, list(questions))))
        self._captured = captured
        self.call = call.on([])
        call.forget()

    def fits(self, leaves: list[Any]) -> bool:
        """Whether the function takes the same way for these arguments."""
        if not self._captured.holds():
            return False
        try:
            answers = [] if self._ask is None else self._ask(leaves)
        except (ShapeError, IndexRangeError):  # of a way that is not taken now
            return False
        return all(map(same_values, answers, self._answers))


_kept: weakref.WeakKeyDictionary[Callable[..., Any], dict[Hashable, deque[_Kept]]]
_kept = weakref.WeakKeyDictionary()
_lock = threading.Lock()


def prepared(
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    argnums: Argnums,
    argnames: Argnames,
) -> Call:
    """Return the call of a function on these arguments: recorded now, or in an earlier call like it."""
    places: deque[_Kept] | None = None
    leaves: list[Any] = []
    if current_trace() is None:  # else the program becomes a part of another
        tree, statics = hold_static((args, kwargs))
        leaves, structure = flatten(tree)
        if not any(type(leaf) is Tensor for leaf in leaves) and all(one.is_immutable for one in statics):
            places = _places(function, (_hashable(argnums), _hashable(argnames), structure), leaves)
    for kept in list(places or ()):
        if kept.fits(leaves):
            return kept.call.on(leaves)
    captured = None if places is None else Captured(function)
    call = Call(function, args, kwargs, argnums, argnames)
    if places is None or captured is None:
        return call
    trace = call.recording.trace
    # Not where the function changes what it captures, or values were looked at for this call alone.
    lasts = captured.is_known and captured.holds() and not trace.has_looked and not trace.captured
    if lasts:
        places.appendleft(_Kept(call, captured))
    return call


def _hashable(selection: Any) -> Hashable:
    return tuple(selection) if isinstance(selection, list) else selection


def _places(function: Callable[..., Any], key: Hashable, leaves: list[Any]) -> deque[_Kept] | None:
    """Return where calls of a function with arguments of these types are kept."""
    types = [
        leaf_type(leaf, "") if type(leaf) is np.ndarray else number_key(leaf) or leaf_type(leaf, "")
        for leaf in leaves
    ]
    orders = map(in_c_order, leaves)  # decide which of NumPy's results are views
    innermost, made_by = _innermost(function)
    try:
        with _lock:
            of_function = _kept.setdefault(innermost, {})
            return of_function.setdefault((key, made_by, is_rolling(), *types, *orders), deque(maxlen=_CALLS))
    except TypeError:  # a function, or a selection of arguments, that is no key
        return None


def _innermost(function: Callable[..., Any]) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """Return the function that transformations are of, and these: ``grad(f)`` is made anew in each use."""
    made_by: list[Any] = []
    while isinstance(function, DerivedFunction):
        transformation, (function, *options) = function.made_from
        made_by.append((transformation, tuple(options)))
    return function, tuple(made_by)
