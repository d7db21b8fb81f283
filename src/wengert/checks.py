"""Checks of options, and the nearest name for one that does not exist: the same words everywhere."""

from __future__ import annotations

import difflib
import math
import numbers
import sys
from collections.abc import Iterable
from typing import Any

import numpy as np

from wengert.errors import ConfigurationError


def is_integer(value: Any, low: float = -math.inf) -> bool:
    """Return whether a value is a whole number, Python's or NumPy's and no boolean, of at least `low`."""
    return not isinstance(value, bool) and isinstance(value, numbers.Integral) and int(value) >= low


def is_number(value: Any) -> bool:
    """Return whether a value is a real number, Python's or NumPy's, and no boolean."""
    return not isinstance(value, bool) and isinstance(value, numbers.Real)


def boolean(where: str, name: str, value: Any) -> None:
    """Refuse what is neither True nor False, Python's or NumPy's.

    Raises
    ------
    ConfigurationError
    """
    if not isinstance(value, (bool, np.bool_)):
        raise ConfigurationError(f"{_prefix(where)}{name} is True or False, got {value!r}")


def check_callable(where: str, function: Any) -> None:
    """Refuse what cannot be called.

    Raises
    ------
    ConfigurationError
    """
    if not callable(function):
        raise ConfigurationError(f"{where} takes a function, got {type(function).__name__}: {function!r}")


def positive_integer(where: str, name: str, value: Any) -> None:
    """Refuse what is no integer above 0.

    Raises
    ------
    ConfigurationError
    """
    if not is_integer(value, 1):
        raise ConfigurationError(f"{_prefix(where)}{name} is an integer above 0, got {value!r}")


def positive_number(where: str, name: str, value: Any) -> None:
    """Refuse what is no finite number above 0.

    Raises
    ------
    ConfigurationError
    """
    if not is_number(value) or not 0 < value < math.inf:
        raise ConfigurationError(f"{_prefix(where)}{name} is a number above 0, got {value!r}")


def in_range(
    where: str, name: str, value: Any, low: float, high: float = math.inf, *, low_open: bool = False
) -> None:
    """Refuse what is no number from `low` (excluded where `low_open`) up to but not including `high`.

    Raises
    ------
    ConfigurationError
    """
    if not is_number(value) or not (low < value if low_open else low <= value) or not value < high:
        bracket = "(" if low_open else "["
        raise ConfigurationError(f"{_prefix(where)}{name} lies in {bracket}{low:g}, {high:g}), got {value!r}")


def nearest_name(name: Any, known: Iterable[str], *, cutoff: float = 0.5) -> str | None:
    """Return the known name that is most like one that does not exist, whatever the case; None if none is."""
    by_folded = {one.casefold().strip(): one for one in known}
    near = difflib.get_close_matches(str(name).casefold().strip(), by_folded, n=1, cutoff=cutoff)
    return by_folded[near[0]] if near else None


def unknown_name(where: str, what: str, name: Any, known: Iterable[str]) -> ConfigurationError:
    """Return the error for a name that does not exist, with the nearest one that does."""
    names = sorted(known)
    near = nearest_name(name, names)
    advice = f"did you mean {near!r}?" if near else f"known: {', '.join(names) or 'none'}"
    return ConfigurationError(f"{_prefix(where)}unknown {what} {name!r}; {advice}")


def _prefix(where: str) -> str:
    return f"{where}: " if where else ""


def is_masked(value: Any) -> bool:
    """Whether a value is a masked array; asks without loading `numpy.ma`, which takes time."""
    masked = sys.modules.get("numpy.ma")
    return masked is not None and isinstance(value, masked.MaskedArray)
