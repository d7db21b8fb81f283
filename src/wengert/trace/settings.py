"""Settings: the numbers of an object that a traced program takes as inputs and does not hold as constants.

A class names those of its attributes in `settings`. Two objects that differ in nothing else have the same
program, so changing a setting compiles nothing.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np


def settings(value: Any, path: str = "") -> dict[str, float]:
    """Return the settings of an object, by the path of attributes, keys and positions that leads to each.

    Zero is no setting: it switches a term off, which is another program.

    Parameters
    ----------
    value : object
        A number, a tuple or dict, or an object whose class has `settings`; anything else has none.
    path : str
        Of the object itself.
    """
    found: dict[str, float] = {}
    _collect(value, path, found)
    return found


def _collect(value: Any, path: str, found: dict[str, float]) -> None:
    if not isinstance(value, (int, float, np.number)):
        for name, member in _members(value):
            _collect(member, f"{path}.{name}" if path else name, found)
    elif value and not isinstance(value, bool):
        found[path] = float(value)


def with_settings(value: Any, numbers: Mapping[str, Any], path: str = "") -> Any:
    """Return an object with the numbers, arrays or tensors of `numbers` as its settings; see `settings`.

    They are not checked: the object was when it was made.
    """
    if path in numbers:
        return numbers[path]
    members = {}
    for name, member in _members(value):
        changed = with_settings(member, numbers, f"{path}.{name}" if path else name)
        if changed is not member:
            members[name] = changed
    if not members:
        return value
    if isinstance(value, dict):
        return value | members
    if isinstance(value, tuple):
        return tuple([members.get(str(place), member) for place, member in enumerate(value)])
    copied = copy.copy(value)
    for name, member in members.items():
        object.__setattr__(copied, name, member)
    return copied


def cast(number: Any, dtype: Any) -> Any:
    """Return a scalar in the dtype of the array it will meet, which it must not widen."""
    if isinstance(number, (int, float)) and not isinstance(number, np.generic):
        return number
    return number.astype(dtype)


def nonzero(number: Any) -> bool:
    """Return whether a number is other than 0, as a setting or a schedule always is."""
    return not isinstance(number, (int, float, np.number)) or number != 0


def _members(value: Any) -> Iterable[tuple[str, Any]]:
    names = getattr(type(value), "settings", None)
    if names is not None:
        return [(name, getattr(value, name)) for name in names]
    if isinstance(value, dict):
        return value.items()
    return [(str(place), member) for place, member in enumerate(value)] if isinstance(value, tuple) else ()
