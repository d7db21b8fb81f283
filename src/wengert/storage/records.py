"""What a file holds, declared as frozen dataclasses: written as plain JSON, and checked when read back.

The annotations of the fields are the schema. They may be made of ``str``, ``bool``, ``int``, ``float``,
``None``, ``Any``, further dataclasses, ``tuple[X, ...]``, ``dict[str, X]``, unions of these, and
``Annotated`` with a `Range`, `OneOf` or `Kinds`. Whole numbers fit into 64 bits, signed or not, and floating
ones are finite.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import types
import typing
from collections.abc import Callable
from typing import Annotated, Any, NoReturn, TypeVar

from wengert.printable import shortened

_Record = TypeVar("_Record")
_Reader = Callable[[Any, str], Any]

_MOST_OF_A_REASON = 300  # letters of what a dataclass says of its fields


class Mismatch(ValueError):
    """A value that is not what its schema says; names its place (``rows.training``)."""


@dataclasses.dataclass(frozen=True)
class Range:
    """Numbers from ``low`` to ``high``, or above ``low`` where that is ``open``."""

    low: float = -math.inf
    high: float = math.inf
    open: bool = False

    def __contains__(self, number: float) -> bool:
        return (self.low < number if self.open else self.low <= number) and number <= self.high

    def __str__(self) -> str:
        above = f"{'above' if self.open else 'at least'} {self.low:g}"
        return above if self.high == math.inf else f"{above} and at most {self.high:g}"


@dataclasses.dataclass(frozen=True)
class OneOf:
    """Some texts and no others."""

    texts: tuple[str, ...]

    def __contains__(self, text: str) -> bool:
        return text in self.texts

    def __str__(self) -> str:
        return f"one of {', '.join(self.texts)}"


@dataclasses.dataclass(frozen=True)
class Kinds:
    """One of some dataclasses, which are asked for when a value is read: more may be known then."""

    options: Callable[[], tuple[Any, ...]]


Count = Annotated[int, Range(0)]
Positive = Annotated[float, Range(0, open=True)]


def to_plain(record: Any) -> Any:
    """Return a dataclass, or what its fields hold, as JSON values."""
    if dataclasses.is_dataclass(record):
        return {field.name: to_plain(getattr(record, field.name)) for field in dataclasses.fields(record)}
    if isinstance(record, (tuple, list)):
        return [to_plain(item) for item in record]
    if isinstance(record, dict):
        return {name: to_plain(item) for name, item in record.items()}
    return record


def from_plain(kind: type[_Record], value: Any, where: str = "") -> _Record:
    """Build a dataclass from JSON values, with every field of its type and no other.

    Parameters
    ----------
    kind : type
        The dataclass. A field with a default may be missing.
    value : dict
        JSON as `parse_json` gives it.
    where : str
        The place of the value, for the message.

    Raises
    ------
    Mismatch
        If the fields are not those of the dataclass, or it refuses them itself by a ValueError or TypeError.
    """
    hint: Any = kind
    record: _Record = _reader(hint)(value, where)
    return record


@functools.cache
def _reader(hint: Any) -> _Reader:
    """Return the function that reads values of a type."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return lambda value, path: value
    if dataclasses.is_dataclass(hint):
        return functools.partial(_read_record, hint)
    if origin is Annotated and isinstance(arguments[1], Kinds):
        return lambda value, path: _read_union(arguments[1].options(), value, path)
    if origin is Annotated:
        return functools.partial(_read_limited, _reader(arguments[0]), arguments[1:])
    if origin in (typing.Union, types.UnionType):
        return functools.partial(_read_union, arguments)
    if origin is tuple and arguments[1:] == (...,):
        return functools.partial(_read_items, _reader(arguments[0]))
    if origin is dict and arguments[0] is str:
        return functools.partial(_read_mapping, _reader(arguments[1]))
    return functools.partial(_read_scalar, hint)


def _read_scalar(kind: Any, value: Any, path: str) -> Any:
    if kind is float and type(value) is int:
        value = _converted(value, path)
    if type(value) is not kind and not (kind is types.NoneType and value is None):
        _refuse(path, _NAMES[kind], value)
    if kind is int and not -(2**63) <= value < 2**64:
        _refuse(path, "a whole number of 64 bits", value)
    if kind is float and not math.isfinite(value):
        _refuse(path, "a finite number", value)
    return value


def _converted(value: int, path: str) -> float:
    try:
        return float(value)
    except OverflowError:
        _refuse(path, "a finite number", value)


def _read_limited(read: _Reader, limits: tuple[Any, ...], value: Any, path: str) -> Any:
    found = read(value, path)
    for limit in limits:
        if found not in limit:
            _refuse(path, str(limit), value)
    return found


def _read_items(read: _Reader, value: Any, path: str) -> tuple[Any, ...]:
    if not isinstance(value, list):
        _refuse(path, "a list", value)
    return tuple(read(item, f"{path}[{place}]") for place, item in enumerate(value))


def _read_mapping(read: _Reader, value: Any, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        _refuse(path, "an object", value)
    return {name: read(item, f"{path}.{shortened(name)}".lstrip(".")) for name, item in value.items()}


def _read_union(options: tuple[Any, ...], value: Any, path: str) -> Any:
    """Read by the one option that has the type of the value, or for an object its fields."""
    fitting = [option for option in options if _looks_like(option, value)]
    # 1 is a whole number before it is a floating one.
    exact: list[Any] = [option for option in fitting if option is type(value)] or fitting
    if not exact:
        _refuse(path, " or ".join(_described(option) for option in options), value)
    found: Any = _reader(exact[0])(value, path)
    return found


def _looks_like(option: Any, value: Any) -> bool:
    origin = typing.get_origin(option)
    if origin is Annotated:
        return _looks_like(typing.get_args(option)[0], value)
    if dataclasses.is_dataclass(option):
        names = {field.name for field in dataclasses.fields(option)}
        return isinstance(value, dict) and _required(option) <= value.keys() <= names
    if origin is tuple:
        return isinstance(value, list)
    if origin is dict:
        return isinstance(value, dict)
    return type(value) is option or (option is float and type(value) is int)


def _read_record(kind: Any, value: Any, path: str) -> Any:
    if not isinstance(value, dict):
        _refuse(path, "an object", value)
    readers = _fields(kind)
    missing = sorted(_required(kind) - value.keys())
    unknown = sorted(value.keys() - readers.keys())
    if missing or unknown:
        what = f"lacks {missing[0]!r}" if missing else f"has {shortened(unknown[0])!r}, which is not known"
        raise Mismatch(f"{path or 'it'} {what}")
    found = {name: readers[name](item, f"{path}.{name}".lstrip(".")) for name, item in value.items()}
    try:
        return kind(**found)
    except (ValueError, TypeError) as error:
        reason = shortened(str(error), _MOST_OF_A_REASON).rstrip(".")
        raise Mismatch(f"{path}: {reason}".lstrip(": ")) from None


@functools.cache
def _fields(kind: Any) -> dict[str, _Reader]:
    hints: dict[str, Any] = typing.get_type_hints(kind, include_extras=True)
    return {field.name: _reader(hints[field.name]) for field in dataclasses.fields(kind) if field.init}


def _required(kind: Any) -> set[str]:
    empty = dataclasses.MISSING
    return {
        field.name
        for field in dataclasses.fields(kind)
        if field.init and field.default is empty and field.default_factory is empty
    }


_NAMES: dict[Any, str] = {
    str: "text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    types.NoneType: "null",
}
_NESTED: dict[Any, str] = {list: "a list", dict: "an object"}


def _described(option: Any) -> str:
    if typing.get_origin(option) is Annotated:
        return _described(typing.get_args(option)[0])
    return _NAMES.get(option, "a list" if typing.get_origin(option) is tuple else "an object of known fields")


def _refuse(path: str, wanted: str, value: Any) -> NoReturn:
    # A nested value may be too deep to be written.
    shown = _NESTED.get(type(value)) or shortened(repr(value))
    raise Mismatch(f"{path or 'it'} must be {wanted}, and is {shown}")
