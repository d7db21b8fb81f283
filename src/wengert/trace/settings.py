"""Settings: the numbers of an object that a traced program takes as inputs and does not hold as constants.

A class names those of its attributes in `settings`. Two objects that differ in nothing else have the same
program, so changing a setting compiles nothing.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
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
    if isinstance(value, (int, float, np.number)) and not isinstance(value, bool):
        return {path: float(value)} if nonzero(value) else {}
    found: dict[str, float] = {}
    for name, member in _members(value).items():
        found |= settings(member, f"{path}.{name}".lstrip("."))
    return found


def with_settings(value: Any, numbers: Mapping[str, Any], path: str = "") -> Any:
    """Return an object with the numbers, arrays or tensors of `numbers` as its settings; see `settings`.

    They are not checked: the object was when it was made.
    """
    if path in numbers:
        return numbers[path]
    members = {
        name: with_settings(member, numbers, f"{path}.{name}".lstrip("."))
        for name, member in _members(value).items()
    }
    if not members:
        return value
    if isinstance(value, dict):
        return members
    if isinstance(value, tuple):
        return tuple(members.values())
    changed = copy.copy(value)
    for name, member in members.items():
        object.__setattr__(changed, name, member)
    return changed


def cast(number: Any, dtype: Any) -> Any:
    """Return a scalar in the dtype of the array it will meet, which it must not widen."""
    if isinstance(number, (int, float)) and not isinstance(number, np.generic):
        return number
    return number.astype(dtype)


def nonzero(number: Any) -> bool:
    """Return whether a number is other than 0, as a setting or a schedule always is."""
    return not isinstance(number, (int, float, np.number)) or number != 0


def _members(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    if isinstance(value, tuple):
        return {str(place): member for place, member in enumerate(value)}
    names = getattr(type(value), "settings", ())
    return {name: getattr(value, name) for name in names}
