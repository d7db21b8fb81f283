"""What comes back from a loop at once: its numbers, and the small arrays of its carry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from wengert.ir.types import TensorType

Array = np.ndarray[Any, Any]

# Elements. To fetch an array by itself takes as long as to copy some of this size; a larger one would be
# copied twice.
_SMALL = 2**14
_NUMBER = np.dtype(np.float64)


class SmallArrays:
    """Joins small arrays on the devices, one of each dtype, and takes them apart where they have arrived.

    Parameters
    ----------
    types : sequence of TensorType
        Of all arrays of the carry.
    numbers : int
        How many numbers, float64, there are beside them.
    """

    def __init__(self, types: Sequence[TensorType], numbers: int) -> None:
        self._types = types
        self._numbers = numbers
        self._places: dict[Any, list[int]] = {_NUMBER: []}
        for place, one in enumerate(types):
            if one.size <= _SMALL:
                self._places.setdefault(one.dtype, []).append(place)

    def joined(self, numbers: Sequence[Any], carry: Sequence[Any]) -> list[Any]:
        """Return numbers and small arrays as JAX arrays, of shape (n,), one for each dtype."""
        parts = {dtype: [carry[place].ravel() for place in places] for dtype, places in self._places.items()}
        parts[_NUMBER] = [jnp.stack([one.astype(_NUMBER) for one in numbers]), *parts[_NUMBER]]
        return [jnp.concatenate(some) for some in parts.values()]

    def apart(self, joined: Sequence[Any]) -> tuple[list[float], dict[int, Array], list[Array]]:
        """Return the numbers, the arrays by their places, and what these are views of; all are copies."""
        arrays: dict[int, Array] = {}
        # All at the same time, as `jax.device_get` has it, which takes much longer on a processor.
        for one in joined:
            one.copy_to_host_async()
        fetched = [np.array(one) for one in joined]
        numbers, fetched[0] = fetched[0][: self._numbers].tolist(), fetched[0][self._numbers :]
        for flat, places in zip(fetched, self._places.values(), strict=True):
            end = 0
            for place in places:
                begin, end = end, end + self._types[place].size
                arrays[place] = flat[begin:end].reshape(self._types[place].shape)
        return numbers, arrays, fetched
