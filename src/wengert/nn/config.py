"""The architecture of a network as a JSON-able dictionary, without its arrays."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from wengert.checks import unknown_name
from wengert.errors import ConfigurationError
from wengert.nn.initialisers import Gaussian
from wengert.nn.layers.sequential import Sequential
from wengert.nn.module import MODULES, Module

_TYPE = "type"
_MOST_LEVELS = 100  # of nesting: deeper than any network, and above it the file is an attack on the stack


def to_config(net: Module) -> dict[str, Any]:
    """Return the architecture of a network: settings and sub-modules, no arrays.

    Returns
    -------
    dict
        Of numbers, strings, lists and dictionaries: ``{"type": "Dense", "inputs": 4, …}``. An array that the
        layer does without (``bias=False``) is there as false.

    Raises
    ------
    ConfigurationError
        For a setting that has no name, such as an activation of the user's own.
    """
    config: dict[str, Any] = _encode(net, type(net).__name__)
    return config


def _encode(value: Any, path: str) -> Any:
    if isinstance(value, np.number):
        return value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (tuple, list)):
        return [_encode(one, f"{path}.{number}") for number, one in enumerate(value)]
    if isinstance(value, Gaussian):
        return {_TYPE: "Gaussian", **dataclasses.asdict(value)}
    if isinstance(value, dict) and all(isinstance(key, str) and key != _TYPE for key in value):
        return {key: _encode(one, f"{path}.{key}") for key, one in value.items()}
    if not isinstance(value, Module):
        raise ConfigurationError(
            f"{path} is {value!r}, which a configuration cannot hold; use one of wengert's own by its name"
        )
    cls = type(value)
    if MODULES.get(cls.__name__) is not cls:
        raise ConfigurationError(f"{path}: another module class is called {cls.__name__!r} too; rename one")
    config: dict[str, Any] = {_TYPE: cls.__name__}
    for name in cls.field_names:
        field = getattr(value, name)
        if name not in cls.array_fields:
            config[name] = _encode(field, f"{path}.{name}")
        elif field is False:
            config[name] = False
    return config


def from_config(config: Any) -> Module:
    """Return the network that `to_config` described, not initialised.

    Parameters
    ----------
    config : dict
        A class of the user's own must have been defined (imported) before.

    Raises
    ------
    ConfigurationError
        For anything that `to_config` would not have written: an unknown type or setting (with the nearest
        known name), a missing one, a value out of range.
    """
    net = _decode(config, "network", 0)
    if not isinstance(net, Module):
        raise ConfigurationError(
            f"a network's configuration is a dictionary with a {_TYPE!r}, got {config!r}"
        )
    return net


def _decode(value: Any, path: str, level: int) -> Any:
    if level > _MOST_LEVELS:
        raise ConfigurationError(f"a configuration nested more than {_MOST_LEVELS} deep describes no network")
    if isinstance(value, list):
        return tuple(_decode(one, f"{path}.{number}", level + 1) for number, one in enumerate(value))
    if not isinstance(value, dict):
        return value
    settings = {
        name: _decode(one, f"{path}.{name}", level + 1) for name, one in value.items() if name != _TYPE
    }
    if _TYPE not in value:
        return settings
    kind = value[_TYPE]
    if kind == "Gaussian":
        return _construct(
            Gaussian, tuple(field.name for field in dataclasses.fields(Gaussian)), settings, path
        )
    if not isinstance(kind, str) or kind not in MODULES:
        raise unknown_name(path, "type", kind, MODULES)
    cls = MODULES[kind]
    given = [name for name in settings if name in cls.array_fields and settings[name] is not False]
    if given:
        raise ConfigurationError(f"{path}: {given[0]} is an array; in a configuration it can only be false")
    positional = settings.pop("layers", ()) if cls is Sequential else ()
    if not isinstance(positional, tuple):
        raise ConfigurationError(f"{path}: layers is a list, got {positional!r}")
    return _construct(cls, cls.field_names, settings, path, positional)


def _construct(
    cls: type[Any],
    names: tuple[str, ...],
    settings: dict[str, Any],
    path: str,
    positional: tuple[Any, ...] = (),
) -> Any:
    for name in settings:
        if name not in names:
            raise unknown_name(f"{path} ({cls.__name__})", "setting", name, names)
    try:
        return cls(*positional, **settings)
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}") from None
    except TypeError as error:  # a missing argument
        raise ConfigurationError(f"{path} ({cls.__name__}): {error}") from None
