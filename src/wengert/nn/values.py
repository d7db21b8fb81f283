"""Values of arrays and of tensors whose values are known, for checks that name the row."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.errors import ConcreteValueError
from wengert.trace.tensor import Tensor


def as_array(value: Any) -> Any:
    """Return tensors and arrays as they are, and lists and numbers as arrays."""
    return value if hasattr(value, "dtype") else np.asarray(value)


def known_value(value: Any) -> Any:
    """Return the array of values, or None for a tensor that was traced from its type alone."""
    if not isinstance(value, Tensor):
        return np.asarray(value)
    try:
        return value.recorder.peek(value.node)
    except ConcreteValueError:
        return None


def first_position(wrong: Any, values: Any) -> tuple[str, Any]:
    """Return where the first wrong value stands (``row 3``, ``row 3, column 1``), and the value."""
    place = tuple(int(i) for i in np.argwhere(wrong)[0])
    names = ["row", "column", *(f"axis {axis}, index" for axis in range(2, len(place)))]
    text = ", ".join(f"{name} {i}" for name, i in zip(names, place, strict=False))
    return text or "the only entry", values[place].item()
