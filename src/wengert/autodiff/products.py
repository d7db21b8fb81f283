"""Products with Jacobians and Hessians, without ever building them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from wengert.autodiff.application import Argnames, Argnums, Call, conform
from wengert.autodiff.reuse import prepared
from wengert.errors import GradientError
from wengert.trace.tree import TreeSignature, described, flatten
from wengert.transform.forward import pushforward
from wengert.transform.gradient import gradient, pullback
from wengert.transform.regions.budget import budget_of, simplified
from wengert.transform.simplify import simplify


def _signature(call: Call) -> TreeSignature:
    signature = call.recording.program.signature
    assert isinstance(signature, TreeSignature)
    return signature


def _all_positions(args: Sequence[Any], argnums: Argnums, argnames: Argnames) -> Argnums:
    """Every positional argument where nothing was selected."""
    return tuple(range(len(args))) if argnums is None and argnames is None else argnums


def vjp(
    function: Callable[..., Any],
    *args: Any,
    argnums: Argnums = None,
    argnames: Argnames = None,
    memory: str | int | None = None,
    **kwargs: Any,
) -> tuple[Any, Callable[[Any], Any]]:
    """Return the value of `function` and its pullback: cotangent ↦ Jᵀ·cotangent.

    Parameters
    ----------
    function : callable
        Returns an array or a tree of arrays.
    *args, **kwargs
        Where to differentiate.
    argnums, argnames
        As for `grad`; all positional arguments by default.
    memory : str or int, optional
        As for `value_and_grad`.

    Returns
    -------
    value
    pullback : callable
        Takes a cotangent built like the value; returns one result per selected argument (a tuple unless one
        was selected by a single number or name). What it reads of the arguments is copied, so they may be
        written to before it is called.

    Raises
    ------
    GradientError
        When the cotangent is not built like the value.
    """
    budget = budget_of(memory)
    call = prepared(function, args, kwargs, _all_positions(args, argnums, argnames), argnames)
    signature = _signature(call)
    value = signature.unflatten(call.run(call.program))
    pulled = call.derived(("pullback", budget), lambda: simplified(pullback(call.program, call.wrt), budget))
    call.keep(pulled)

    def pull(cotangent: Any) -> Any:
        leaves, structure = flatten(cotangent)
        if structure != signature.result:
            raise GradientError(
                f"cotangent of structure {described(structure)}; the value has {described(signature.result)}"
            )
        seeds = [
            conform(leaf, node.type, "cotangent")
            for leaf, node in zip(leaves, call.program.outputs, strict=True)
        ]
        return call.as_selected(call.run(pulled, seeds))

    return value, pull


def jvp(
    function: Callable[..., Any],
    args: Sequence[Any],
    tangents: Any,
    argnums: Argnums = None,
    argnames: Argnames = None,
    kwargs: dict[str, Any] | None = None,
) -> tuple[Any, Any]:
    """Return the value of `function` and the directional derivative J·tangents (forward mode).

    Parameters
    ----------
    function : callable
    args : sequence
        Positional arguments.
    tangents : tree
        Built like the selected arguments: a sequence with one for each, or one alone where a single number
        or name selected it.
    argnums, argnames
        As for `grad`; all positional arguments by default.
    kwargs : dict, optional
        Keyword arguments of `function`.

    Raises
    ------
    GradientError
        When a tangent is not built like its argument.
    """
    call = prepared(function, tuple(args), kwargs or {}, _all_positions(args, argnums, argnames), argnames)
    directions = call.selected_leaves(tangents, "tangents")
    pushed = call.derived("pushforward", lambda: simplify(pushforward(call.program, call.wrt)))
    results = call.run(pushed, directions)
    signature = _signature(call)
    count = len(call.program.outputs)
    return signature.unflatten(results[:count]), signature.unflatten(results[count:])


def hvp(
    function: Callable[..., Any],
    args: Sequence[Any],
    vectors: Any,
    argnums: Argnums = None,
    argnames: Argnames = None,
    kwargs: dict[str, Any] | None = None,
) -> Any:
    """Return the product of the Hessian of a scalar function with vectors, forward over reverse.

    Parameters
    ----------
    function : callable
        Returns a floating scalar.
    args : sequence
        Positional arguments.
    vectors : tree
        Built like the selected arguments; see `jvp`.
    argnums, argnames
        As for `grad`: the first argument by default.
    kwargs : dict, optional
        Keyword arguments of `function`.

    Returns
    -------
    tree
        Built like `vectors`. The cost is a small multiple of that of the gradient.

    Raises
    ------
    GradientError
        When the function is not scalar or a vector is not built like its argument.
    """
    call = prepared(function, tuple(args), kwargs or {}, argnums, argnames)
    directions = call.selected_leaves(vectors, "vectors")
    curvature = call.derived(
        "hvp", lambda: simplify(pushforward(simplify(gradient(call.program, call.wrt)), call.wrt))
    )
    results = call.run(curvature, directions)
    return call.as_selected(results[len(call.wrt) :])
