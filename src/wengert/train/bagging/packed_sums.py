"""Several sums over groups of rows at once: numbers packed into one, whose sums are unpacked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

_DIGITS = 52  # binary, of the 53 that float64 has


@dataclass(frozen=True)
class PackedSums:
    """Numbers of each row as one float64, whole multiples of units, so that sums are exact.

    Attributes
    ----------
    packed : array, shape (groups, rows)
    units : array, shape (count, groups)
    """

    packed: Array
    units: Array

    @staticmethod
    def of(numbers: Array) -> PackedSums:
        """Pack numbers, rounded to units of which all rows together have as many as fit.

        Parameters
        ----------
        numbers : array, shape (groups, count, rows)
            With a count of two a unit is about 2⁻²⁵ of the sum of absolute values, with three 2⁻¹⁶.
        """
        _, count, rows = numbers.shape
        digits = _DIGITS // count
        most = np.abs(numbers).sum(axis=2, dtype=np.float64).T
        units = np.maximum(most, np.finfo(np.float32).tiny) / (2 ** (digits - 1) - rows)
        packed = np.zeros((len(numbers), rows))
        for place in range(count):
            packed += np.rint(numbers[:, place] / units[place][:, np.newaxis]) * 2.0 ** (digits * place)
        return PackedSums(packed, units)

    def unpacked(self, sums: Array) -> list[Array]:
        """Return the sums of each of the numbers, given sums of what is packed, shape (groups, …)."""
        digits, found = _DIGITS // len(self.units), []
        for unit in self.units:
            rest = np.rint(sums * 2.0**-digits)
            found.append((sums - rest * 2.0**digits) * unit.reshape(-1, *[1] * (sums.ndim - 1)))
            sums = rest
        return found
