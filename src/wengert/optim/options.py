"""Checks of the options of optimisers and schedules."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert.errors import ConfigurationError


def in_range(
    where: str, name: str, value: Any, low: float, high: float = math.inf, *, low_open: bool = False
) -> None:
    """Refuse what is no number from `low` (excluded where `low_open`) up to but not including `high`."""
    number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    if not number or not (low < value if low_open else low <= value) or not value < high:
        bracket = "(" if low_open else "["
        raise ConfigurationError(f"{where}: {name} lies in {bracket}{low:g}, {high:g}), got {value!r}")


def positive_integer(where: str, name: str, value: Any) -> None:
    """Refuse what is no integer above 0."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise ConfigurationError(f"{where}: {name} is an integer above 0, got {value!r}")
