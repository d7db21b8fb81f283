"""Numbers for the reader: few digits, and large arrays elided in the middle."""

from __future__ import annotations

import fractions
import math
import re
from typing import Any

import numpy as np

from wengert.explain.printers.layout import Grid, Layout, Text

_LARGEST = 7  # rows or columns that are shown whole
_EDGE = 3
_WRITTEN = 8  # characters of a decimal number that stands as it was written
Array = np.ndarray[Any, Any]


def number_text(value: fractions.Fraction | float) -> str:
    """Return a number as it is read: 2, 0.5, 1/3, 1.25e-07."""
    if isinstance(value, fractions.Fraction):
        if value.denominator == 1:
            return str(value.numerator)
        decimal = float(value)
        if (
            value.denominator <= 100
            and re.fullmatch(r"-?\d+\.\d{1,3}", repr(decimal))
            and value.denominator % 2 == 0
        ):
            return repr(decimal) if value.denominator not in (2, 4) or abs(value) > 1 else str(value)
        written = value.denominator > 100 and abs(value.numerator) > 1  # as 1.702, and no share of a whole
        return repr(decimal) if written and len(repr(decimal)) <= _WRITTEN else str(value)
    return f"{value:.6g}" if math.isfinite(value) else short(value)


def short(value: float) -> str:
    """Return a number with at most four significant digits; what is cut off is rounded."""
    if value == 0:
        return "0"
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "∞" if value > 0 else "−∞"
    text = f"{value:.4g}"
    return text.replace("-", "−")


def cut(extent: int, largest: int = _LARGEST, edge: int = _EDGE) -> list[int | None]:
    """Return the positions to show; None stands for those left out."""
    if extent <= largest:
        return list(range(extent))
    return [*range(edge), None, *range(extent - edge, extent)]


def shown_value(value: Array, largest: int = _LARGEST, edge: int = _EDGE) -> Layout:
    """Return an array as it is shown: a number, or a matrix; one with more axes by its shape only.

    Parameters
    ----------
    value : ndarray
    largest, edge : int
        The most rows or columns that are shown whole, and how many on each side of longer ones.
    """
    array = np.asarray(value)
    if array.size == 1:
        return Text(short(float(array.reshape(()))), "number")
    if array.ndim > 2:
        return Text("an array of shape " + "×".join(map(str, array.shape)), "words")
    table = array.reshape(1, -1) if array.ndim == 1 else array
    rows = []
    for i in cut(table.shape[0], largest, edge):
        cells = []
        for j in cut(table.shape[1], largest, edge):
            if i is None or j is None:
                cells.append("⋱" if i is None and j is None else "⋮" if i is None else "…")
            else:
                cells.append(short(float(table[i, j])))
        rows.append(tuple(Text(cell, "number") for cell in cells))
    return Grid(tuple(rows))
