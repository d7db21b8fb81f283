"""Values of arrays and of tensors whose values are known, for checks that name the row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.trace.tensor import Tensor


def as_array(value: Any) -> Any:
    """Return tensors and arrays as they are, and lists and numbers as arrays."""
    return value if hasattr(value, "dtype") else np.asarray(value)


def check_values(value: Any, look: Callable[[Any], object]) -> None:
    """Have a check look at the array of values, but for a tensor that was traced from its type alone.

    Parameters
    ----------
    value : array or Tensor
    look : callable
        Raises what is wrong with an array. It may be called again, with the values of another run.
    """
    if isinstance(value, Tensor):
        value.recorder.check(value.node, look)
    else:
        look(np.asarray(value))


def first_position(wrong: Any, values: Any) -> tuple[str, Any]:
    """Return where the first wrong value stands (``row 3``, ``row 3, column 1``), and the value."""
    place = tuple(int(i) for i in np.argwhere(wrong)[0])
    names = ["row", "column", *(f"axis {axis}, index" for axis in range(2, len(place)))]
    text = ", ".join(f"{name} {i}" for name, i in zip(names, place, strict=False))
    return text or "the only entry", values[place].item()
