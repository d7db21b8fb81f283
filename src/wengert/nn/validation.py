"""Checks of the options of layers, losses and penalties."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

import numpy as np

from wengert.errors import ConfigurationError


def unknown_name(where: str, what: str, name: Any, known: Iterable[str]) -> ConfigurationError:
    """Return the error for a name that does not exist, with the nearest one that does."""
    names = sorted(known)
    near = difflib.get_close_matches(str(name), names, n=1, cutoff=0.5)
    advice = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(names) or 'none'}"
    return ConfigurationError(f"{where}: unknown {what} {name!r}; {advice}")


def positive_integer(where: str, name: str, value: Any) -> None:
    """Refuse what is no integer above 0."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise ConfigurationError(f"{where}: {name} is an integer above 0, got {value!r}")


def in_range(where: str, name: str, value: Any, low: float, high: float, *, low_open: bool = False) -> None:
    """Refuse what is no number from `low` (excluded where `low_open`) up to but not including `high`."""
    number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    if not number or not (low < value if low_open else low <= value) or not value < high:
        bracket = "(" if low_open else "["
        raise ConfigurationError(f"{where}: {name} lies in {bracket}{low:g}, {high:g}), got {value!r}")
