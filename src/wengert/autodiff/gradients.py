"""grad and value_and_grad."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wengert.autodiff.application import Argnames, Argnums
from wengert.autodiff.reuse import prepared
from wengert.errors import GradientError
from wengert.ir.program import Program
from wengert.trace.tracing import trace
from wengert.trace.tree import TreeSignature, flatten, unflatten
from wengert.trace.wrapped import DerivedFunction
from wengert.transform.gradient import gradient
from wengert.transform.regions.budget import budget_of, simplified
from wengert.transform.simplify import simplify


def _check_scalar(result: Any, has_aux: bool) -> None:
    if has_aux and not (isinstance(result, tuple) and len(result) == 2):
        raise GradientError("with has_aux=True the function returns a pair (value, auxiliary results)")
    value = result[0] if has_aux else result
    leaves, _ = flatten(value)
    if len(leaves) != 1 or leaves[0] is not value:
        raise GradientError("the gradient is of a function that returns one scalar; use jacobian for more")


def value_and_grad(
    function: Callable[..., Any],
    argnums: Argnums = None,
    argnames: Argnames = None,
    has_aux: bool = False,
    holomorphic: bool = False,
    memory: str | int | None = None,
) -> Callable[..., tuple[Any, Any]]:
    """Return a function that gives the value of `function` and its gradient.

    Parameters
    ----------
    function : callable
        Written in plain NumPy; returns a floating scalar, or a complex one with `holomorphic`.
    argnums : int or sequence of int, optional
        Positions of the arguments to differentiate by; the first by default.
    argnames : str or sequence of str, optional
        Names of arguments to differentiate by, whether passed by keyword or position.
    has_aux : bool
        `function` returns a pair (scalar, auxiliary results); the value is then that pair.
    holomorphic : bool
        `function` is a holomorphic function of complex arguments: the gradient is its complex derivative.
    memory : str or int, optional
        How much loops may keep of their iterations for the sweep back, in bytes or as ``"64 MB"``. Where all
        iterations need more, the loop is cut into segments that are run forwards again; the gradient has the
        same bits for every budget. Arguments, results, and products of matrices before a loop do not count.

    Returns
    -------
    callable
        Takes what `function` takes and returns (value, gradient). The gradient is built like the argument
        it belongs to; for several, a tuple.

    Raises
    ------
    GradientError
        When the result is no scalar, or complex without `holomorphic`, or an argument is neither floating nor
        complex; names the argument.
    ConfigurationError
        When no schedule keeps as little as `memory`; names the least possible budget.

    Notes
    -----
    By a complex argument z = x + iy the gradient of a real function L is ∂L/∂x − i ∂L/∂y, as in JAX and
    autograd. L grows fastest along its conjugate: a step of gradient descent is ``z - rate * np.conj(g)``.

    Examples
    --------
    >>> import numpy as np
    >>> import wengert as wg
    >>> value, slope = wg.value_and_grad(lambda x: np.cos(np.sin(x**2) + 3 * x**2))(0.5)
    >>> round(float(value), 6), round(float(slope), 6)
    (0.5403..., ...)
    """
    budget = budget_of(memory)

    def differentiated(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        call = prepared(function, args, kwargs, argnums, argnames)
        signature = call.recording.program.signature
        assert isinstance(signature, TreeSignature)
        _check_scalar(unflatten(signature.result, list(range(len(call.program.outputs)))), has_aux)
        derived = call.derived(
            ("value and gradient", holomorphic, budget),
            lambda: simplified(gradient(call.program, call.wrt, True, holomorphic), budget),
        )
        results = call.run(derived)
        count = len(call.program.outputs)
        return signature.unflatten(results[:count]), call.as_selected(results[count:])

    options = (argnums, argnames, has_aux, holomorphic, memory)
    return DerivedFunction(differentiated, function, value_and_grad, options)


def grad(
    function: Callable[..., Any],
    argnums: Argnums = None,
    argnames: Argnames = None,
    has_aux: bool = False,
    holomorphic: bool = False,
    memory: str | int | None = None,
) -> Callable[..., Any]:
    """Return a function that gives the gradient of `function`.

    Parameters
    ----------
    function, argnums, argnames, has_aux, holomorphic, memory
        As for `value_and_grad`; with ``has_aux`` the result is (gradient, auxiliary results).

    Returns
    -------
    callable
        Takes what `function` takes. Composable: ``grad(grad(f))`` is the second derivative.

    Raises
    ------
    GradientError, ConfigurationError
        As `value_and_grad`.

    Examples
    --------
    >>> import wengert as wg
    >>> float(wg.grad(lambda x: x**3)(2.0))
    12.0

    The gradient by a complex number, and the derivative of a holomorphic function:

    >>> complex(wg.grad(lambda z: abs(z) ** 2)(3 + 4j))
    (6-8j)
    >>> complex(wg.grad(lambda z: z**3, holomorphic=True)(1 + 1j))
    6j
    """
    both = value_and_grad(function, argnums, argnames, has_aux, holomorphic, memory)

    def differentiated(*args: Any, **kwargs: Any) -> Any:
        value, slope = both(*args, **kwargs)
        return (slope, value[1]) if has_aux else slope

    options = (argnums, argnames, has_aux, holomorphic, memory)
    return DerivedFunction(differentiated, function, grad, options)


def trace_gradient(
    function: Callable[..., Any],
    *args: Any,
    argnums: Argnums = None,
    argnames: Argnames = None,
    **kwargs: Any,
) -> Program:
    """Return the gradient of `function` as a program, ready to print, run, or emit as Python.

    Parameters
    ----------
    function : callable
    *args, **kwargs
        Arguments to trace with: arrays or types.
    argnums, argnames
        As for `grad`.
    """
    return simplify(trace(grad(function, argnums, argnames), *args, **kwargs))
