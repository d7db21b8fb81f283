"""Where the elements of an array lie."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

# NumPy's C interface: what every Python object has is followed by the pointer to the elements.
_POINTER_OFFSET = object.__basicsize__


def address(array: np.ndarray[Any, Any]) -> int:
    """Return the address of an array's first element.

    This runs for every array of every call, and asking the array for its ``ctypes`` takes ten times as long.
    """
    return ctypes.c_void_p.from_address(id(array) + _POINTER_OFFSET).value or 0


def _asked(array: np.ndarray[Any, Any]) -> int:
    return array.ctypes.data


def _is_found() -> bool:
    probe = np.empty(3)
    return all(address(one) == _asked(one) for one in (probe, probe[1:]))


if not _is_found():  # another interpreter
    address = _asked
