"""`wengert.trace`, in a module that costs nothing to import: what it needs is loaded at the first call."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from wengert.errors import TraceError

if TYPE_CHECKING:
    from wengert.ir.program import Program


def trace(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Program:
    """Record a function written in plain NumPy as a program.

    Parameters
    ----------
    function : callable
        Takes and returns arrays, numbers, or trees of them (tuples, lists, dictionaries, modules).
    *args, **kwargs
        The arguments to trace with. Where one is an array, its values are known while tracing, and a
        Python ``if`` or ``while`` that asks for them, or a boolean mask made of them, specialises the
        program. Where one is a `TensorType`, only shape and dtype are known, and such a question is an
        error. What is no array (a string, a function, a slice, an object) reaches the function as
        it is, and the program is for this one.

    Returns
    -------
    Program
        Its inputs have the names of the arguments. Called with arrays, it computes what `function` does.

    Raises
    ------
    TraceError
        When the function does what a program cannot hold; says what to write instead, and where.

    Examples
    --------
    >>> import numpy as np
    >>> import wengert as wg
    >>> print(wg.trace(lambda W, x: np.tanh(x @ W).sum(), np.ones((3, 2)), np.ones(3)))
    program(W: f64[3,2], x: f64[3])
      v0: f64[2] = matmul x W
      v1: f64[2] = tanh v0
      v2: f64[]  = sum v1 axes=(0,) keepdims=False
      return v2
    """
    from wengert.trace.tracing import recorded

    program = recorded(function, *args, **kwargs).program
    if program.free:
        raise TraceError("a program cannot read tensors of an enclosing trace; pass them as arguments")
    return program
