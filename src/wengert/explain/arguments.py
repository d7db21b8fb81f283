"""What explanations, drawings and grading are asked for, checked before anything is computed."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from wengert.checks import check_callable
from wengert.errors import ConfigurationError, GradientError
from wengert.explain.formula.parser import nearest
from wengert.explain.problem import Problem
from wengert.ir.node import Node
from wengert.trace.tracing import Recording
from wengert.trace.tree import flatten


def is_network(value: Any) -> bool:
    """Return whether a callable is a tree of arrays: a module with parameters."""
    leaves, _ = flatten(value)
    return callable(value) and not (len(leaves) == 1 and leaves[0] is value)


def check_call(
    where: str, function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> None:
    """Refuse anything but a function, and arguments that the function does not take.

    Raises
    ------
    ConfigurationError
        Also for a misspelt option, since an option that `where` does not have is passed on to the function.
    """
    check_callable(where, function)
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # of some functions written in C
        return
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        name = getattr(function, "__name__", type(function).__name__)
        options = f"; options that {where} does not have are passed to the function" if kwargs else ""
        if is_network(function):
            options = (
                "; write the loss inside a function: def loss(net, x, t): return np.sum((net(x) - t) ** 2)"
            )
        raise ConfigurationError(
            f"{where}: {name}({', '.join(signature.parameters)}): {error}{options}"
        ) from None


def checked_names(names: Mapping[str, str] | None) -> dict[str, str]:
    """Return names to show in place of others.

    Raises
    ------
    ConfigurationError
        When they are no mapping of names to names.
    """
    if names is None:
        return {}
    if not isinstance(names, Mapping):
        raise ConfigurationError(f"names={names!r}: a mapping of names to names, such as {{'W1': 'U'}}")
    for old, new in names.items():
        if not isinstance(new, str) or not new.strip() or not new.isprintable():
            raise ConfigurationError(f"names[{old!r}]={new!r}: a name is printable text, and not empty")
    return dict(names)


def check_names(names: Mapping[str, str], problem: Problem) -> None:
    """Refuse names for values that do not exist.

    Raises
    ------
    ConfigurationError
        Suggests the nearest.
    """
    known = {str(node.param("name")) for node in problem.program.inputs}
    known |= {one.name for one in problem.program.provenance.values() if one.name}
    for old, new in names.items():
        if new not in problem.names and old not in known:
            there = known | problem.names
            raise ConfigurationError(
                f"names[{old!r}]: there is no such name{nearest(old, there)} "
                f"(there are: {', '.join(sorted(there))})"
            )


def targets_of(recording: Recording, wrt: str | Sequence[str] | None) -> list[Node]:
    """Return the inputs to differentiate by.

    Raises
    ------
    ConfigurationError
        For what is no name, or none at all; suggests the nearest.
    GradientError
        For what is not floating.
    """
    paths = {str(node.param("name")): node for node in recording.program.inputs}
    floating = {name: node for name, node in paths.items() if node.type.is_float}
    if wrt is None:
        return list(floating.values())
    if not isinstance(wrt, str) and (
        not isinstance(wrt, Sequence) or not all(isinstance(one, str) for one in wrt)
    ):
        raise ConfigurationError(f"wrt={wrt!r}: the name of an argument, or a sequence of names")
    if not wrt:
        raise ConfigurationError(
            f"wrt={wrt!r} names no argument (there are: {', '.join(paths)}); leave it out to mean all"
        )
    chosen: list[Node] = []
    for name in [wrt] if isinstance(wrt, str) else wrt:
        found = [node for path, node in paths.items() if path == name or path.startswith(f"{name}.")]
        found = found or [node for path, node in paths.items() if path.endswith(f".{name}")]
        if not found:
            known = ", ".join(paths)
            raise ConfigurationError(
                f"wrt={name!r}: no such argument (there are: {known}){nearest(name, paths)}"
            )
        chosen += [node for node in found if node.type.is_float]
        if not any(node.type.is_float for node in found):
            raise GradientError(f"wrt={name!r} is {found[0].type}; derivatives need floating numbers")
    return list(dict.fromkeys(chosen))


def is_step_size(value: Any) -> bool:
    """Return whether a value can be the step of a descent."""
    real = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    return real and math.isfinite(value) and value > 0


def as_array(value: Any) -> Any:
    """Return an input of a network as an array where it is a list of numbers."""
    if not isinstance(value, list):
        return value
    try:
        found = np.asarray(value)
    except ValueError:  # ragged
        return value
    return found if found.dtype.kind in "fiub" else value


def check_loops(problem: Problem, view: str, views: Iterable[str]) -> None:
    """Refuse what cannot be said of a loop that carries values.

    Raises
    ------
    GradientError
        For its Jacobian or Hessian.
    ConfigurationError
        For a view that is of layers or examples.
    """
    if not problem.carries:
        return
    of_order = {1: ("Jacobian", "wg.jacobian"), 2: ("Hessian", "wg.hessian")}
    if problem.convention.order == 2 or problem.output.shape:
        what, numbers = of_order[problem.convention.order]
        raise GradientError(
            f"the {what} through a loop is a product of one matrix for each iteration, which has no closed "
            f"formula: explain the gradient of a scalar, such as an element or a sum; {numbers} gives numbers"
        )
    if view in ("delta", "batch"):
        known = ", ".join(one for one in views if one not in ("delta", "batch"))
        raise ConfigurationError(
            f"view={view!r} is of layers or examples; this function has a loop, whose δ-recursion runs over "
            f"its iterations and stands in the other views: {known}"
        )
