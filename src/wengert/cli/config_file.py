"""Options of `wengert train` from a TOML file, which lie below those of the command line."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from typing import Any

from wengert.checks import nearest_name
from wengert.errors import ConfigurationError

_MAXIMUM = 2**20


def read_config(path: str) -> dict[str, Any]:
    """Read a configuration file.

    Parameters
    ----------
    path : str
        A TOML file whose keys are the long options without their dashes (``batch-size`` or ``batch_size``).

    Returns
    -------
    dict
        The options by name (with underscores); lists are tuples.

    Raises
    ------
    ConfigurationError
        If the file cannot be read or is not TOML, or a key is unknown (the nearest is suggested), stands
        there twice or has a value of the wrong type.
    """
    try:
        with open(path, "rb") as file:  # a pipe as well
            text = file.read(_MAXIMUM + 1)
        if len(text) > _MAXIMUM:
            raise ValueError(f"it has more than {_MAXIMUM:,} bytes")
        document = tomllib.loads(text.decode("utf-8"))
    except RecursionError:
        raise ConfigurationError(f"the configuration file {path} is nested too deeply.") from None
    except (OSError, ValueError) as error:  # TOML and UTF-8 errors are ValueErrors
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigurationError(f"the configuration file {path} cannot be read: {reason}.") from None
    options: dict[str, Any] = {}
    for key, value in document.items():
        name = key.replace("-", "_")
        if name not in _READERS:
            raise ConfigurationError(f"{path}: unknown key {key!r}.{_suggestion(name)}")
        if name in options:
            raise ConfigurationError(f"{path}: {name!r} stands there twice, with a dash and an underscore.")
        described, read = _READERS[name]
        try:
            options[name] = read(value)
        except TypeError:
            raise ConfigurationError(f"{path}: {key!r} must be {described}, got {value!r}.") from None
    return options


def _suggestion(name: str) -> str:
    nearest = nearest_name(name, _READERS)
    return f" Did you mean {nearest!r}?" if nearest else f" Known keys: {', '.join(sorted(_READERS))}."


def _text(value: Any) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise TypeError
    return value


def _whole(value: Any) -> int:
    if type(value) is not int:
        raise TypeError
    return value


def _boolean(value: Any) -> bool:
    if type(value) is not bool:
        raise TypeError
    return value


def _number(value: Any) -> float:
    if type(value) not in (int, float):
        raise TypeError
    return float(value)


def _text_or_texts(value: Any) -> Any:
    return tuple(map(_text, value)) if isinstance(value, list) else _text(value)


def _list_of(read: Callable[[Any], Any]) -> Callable[[Any], tuple[Any, ...]]:
    def read_list(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise TypeError
        return tuple(read(item) for item in value)

    return read_list


_TEXT = ('text in quotes, such as "price"', _text)
_WHOLE = ("a whole number", _whole)
_NUMBER = ("a number", _number)
_READERS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "target": ('text in quotes, such as "price", or a list of such', _text_or_texts),
    "drop": ('a list of column names, such as ["id", "name"]', _list_of(_text)),
    "sep": _TEXT,
    "decimal": _TEXT,
    "encoding": _TEXT,
    "na": ('a list of words, such as ["-999", "unknown"]', _list_of(_text)),
    "out": _TEXT,
    "cv": _WHOLE,
    "test": _TEXT,
    "group": _TEXT,
    "time": _TEXT,
    "weights": _TEXT,
    "class_weight": _TEXT,
    "loss": _TEXT,
    "quantile": _NUMBER,
    "test_fraction": _NUMBER,
    "preset": _TEXT,
    "hidden": ("a list of whole numbers, such as [128, 64]", _list_of(_whole)),
    "activation": _TEXT,
    "epochs": _WHOLE,
    "batch_size": _WHOLE,
    "learning_rate": _NUMBER,
    "optimizer": _TEXT,
    "l2": _NUMBER,
    "dropout": _NUMBER,
    "seed": _WHOLE,
    "seeds": _WHOLE,
    "time_limit": _NUMBER,
    "executor": _TEXT,
    "device": _TEXT,
    "precision": _TEXT,
    "mesh": ('a whole number or "all"', lambda value: _text(value) if value == "all" else _whole(value)),
    "deterministic": ("true or false", _boolean),
}
