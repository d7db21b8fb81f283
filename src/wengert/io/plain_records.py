"""Frozen dataclasses as plain JSON values and back, every field checked."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any, TypeVar

_Record = TypeVar("_Record")


def to_plain(record: Any) -> dict[str, Any]:
    """Return the fields of a dataclass as JSON values."""
    plain = dataclasses.asdict(record)
    return {name: list(value) if isinstance(value, tuple) else value for name, value in plain.items()}


def from_plain(kind: type[_Record], fields: Any) -> _Record:
    """Build a dataclass from JSON values, with every field of its type and no other.

    Raises
    ------
    ValueError, TypeError
        If the fields are not those of the dataclass.
    """
    readers = {field.name: _READERS[str(field.type)] for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    if not isinstance(fields, dict) or fields.keys() != readers.keys():
        raise ValueError(f"{kind.__name__} needs {', '.join(readers)}")
    return kind(**{name: read(fields[name]) for name, read in readers.items()})


def _read(value: Any, kind: type | tuple[type, ...]) -> Any:
    if not isinstance(value, kind):
        raise TypeError(f"{str(value)[:40]!r} is of the wrong type")
    return value


def _read_float(value: Any) -> float:
    if type(value) not in (int, float) or not math.isfinite(value):
        raise TypeError(f"{str(value)[:40]!r} is not a finite number")
    return float(value)


_READERS: dict[str, Callable[[Any], Any]] = {
    "str": lambda value: _read(value, str),
    "bool": lambda value: _read(value, bool),
    "float": _read_float,
    "tuple[str, ...]": lambda value: tuple(_read(item, str) for item in _read(value, list)),
    "tuple[Class, ...]": lambda value: tuple(
        _read(item, (str, int, float, bool)) for item in _read(value, list)
    ),
}
