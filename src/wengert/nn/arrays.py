"""The arrays of a network by name: reading them, putting others in their place, initialising them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np

from wengert.checks import unknown_name
from wengert.errors import ConfigurationError, DTypeError, ShapeError
from wengert.ir.types import TensorType
from wengert.nn.module import Module, absent, holds_module
from wengert.primitives import random
from wengert.trace.tensor import Tensor

N = TypeVar("N", bound=Module)


def parameters(net: Module) -> dict[str, Any]:
    """Return the trained arrays of a network by path, for example ``layers.0.weight``.

    Parameters
    ----------
    net : Module

    Returns
    -------
    dict of str to array or tensor
        In the order of the layers; arrays that are not there yet are left out.
    """
    return _arrays(net, lambda cls: cls.parameter_fields)


def state(net: Module) -> dict[str, Any]:
    """Return the arrays of a network that are not trained (running statistics) by path."""
    return _arrays(
        net, lambda cls: tuple(name for name in cls.array_fields if name not in cls.parameter_fields)
    )


def penalised(net: Module) -> dict[str, Any]:
    """Return the arrays that L1 and L2 penalties count, by path: weights, not biases."""
    return _arrays(net, lambda cls: cls.penalised_fields)


def _arrays(net: Module, names: Callable[[type[Module]], tuple[str, ...]]) -> dict[str, Any]:
    found = {}
    for path, module in net.walk():
        for name in names(type(module)):
            value = getattr(module, name)
            if not absent(value):
                found[_join(path, name)] = value
    return found


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def with_parameters(net: N, values: Mapping[str, Any]) -> N:
    """Return the network with some or all of its trained arrays replaced.

    Parameters
    ----------
    net : Module
    values : mapping of path to array or tensor
        Of the shapes that are there. Lists and whole numbers become arrays of the dtype that is there.

    Raises
    ------
    ConfigurationError
        When a path does not exist.
    ShapeError
        When a shape differs.
    DTypeError
        When a value does not consist of numbers.
    """
    return _with(net, values, parameters(net), "parameter")


def with_state(net: N, values: Mapping[str, Any]) -> N:
    """Return the network with some or all of its untrained arrays replaced; see `with_parameters`."""
    return _with(net, values, state(net), "state array")


def _with(net: N, values: Mapping[str, Any], known: Mapping[str, Any], what: str) -> N:
    arrays = {}
    for path, given in values.items():
        if path not in known:
            raise unknown_name(type(net).__name__, what, path, known)
        value = arrays[path] = _as_array(given, known[path], f"{what} {path!r}")
        if np.shape(value) != np.shape(known[path]):
            raise ShapeError(f"{what} {path!r} has shape {np.shape(known[path])}, got {np.shape(value)}")

    def change(path: str, module: Module) -> dict[str, Any]:
        fields = ((name, _join(path, name)) for name in type(module).array_fields)
        return {name: arrays[full] for name, full in fields if full in arrays}

    return rebuild(net, change)


def _as_array(value: Any, before: Any, what: str) -> Any:
    """Return floating arrays and traced values as they are, other numbers as an array like the one before."""
    # Complex numbers come from derivatives by complex step.
    if isinstance(value, (Tensor, TensorType)) or (
        isinstance(value, np.ndarray) and value.dtype.kind in "fc"
    ):
        return value
    try:
        return np.asarray(value).astype(getattr(before, "dtype", np.float32), casting="same_kind")
    except (TypeError, ValueError):
        raise DTypeError(f"{what} is an array of numbers, got {value!r}") from None


def rebuild(net: N, change: Callable[[str, Module], dict[str, Any]]) -> N:
    """Return the network with the fields that `change(path, module)` gives for each of its modules."""
    rebuilt: N = _rebuild(net, change, "")
    return rebuilt


def _rebuild(value: Any, change: Callable[[str, Module], dict[str, Any]], path: str) -> Any:
    if isinstance(value, (tuple, list)):
        return type(value)(
            _rebuild(one, change, _join(path, str(number))) for number, one in enumerate(value)
        )
    if isinstance(value, dict):
        return {key: _rebuild(one, change, _join(path, str(key))) for key, one in value.items()}
    if not isinstance(value, Module):
        return value
    changes = change(path, value)
    for name in type(value).field_names:
        child = getattr(value, name)
        if name not in changes and holds_module(child):
            changes[name] = _rebuild(child, change, _join(path, name))
    return value.replace(**changes)


def initialised(net: N, seed: int, dtype: Any) -> N:
    """Return the network with all arrays; see `Module.initialise`."""
    kind = np.dtype(dtype)
    if kind not in (np.dtype(np.float32), np.dtype(np.float64)):
        raise DTypeError(f"parameters are float32 or float64, not {kind}")
    seed_key = random.key(seed)
    numbers = {path: number for number, (path, _) in enumerate(net.walk())}

    def change(path: str, module: Module) -> dict[str, Any]:
        key = random.fold_in(seed_key, numbers[path])
        rules = module.array_rules()
        changes = {}
        for place, name in enumerate(type(module).array_fields):
            value = getattr(module, name)
            if value is None:
                if name not in rules:
                    raise ConfigurationError(
                        f"{type(module).__name__}.array_rules gives no rule for {name!r}"
                    )
                shape, initialiser = rules[name]
                value = initialiser(random.fold_in(key, place), shape, kind)
            if value is not False:
                changes[name] = np.asarray(value, kind)
        return changes

    return rebuild(net, change)
