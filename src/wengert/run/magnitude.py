"""How large numbers have become."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np


def largest_magnitude(arrays: Iterable[np.ndarray[Any, Any]]) -> float:
    """Return the largest magnitude of the floating elements of arrays, 0 of none; NaN where one is NaN.

    Of complex elements it is that of their parts.
    """
    largest = 0.0
    for values in arrays:
        if values.dtype.kind not in "fc" or not values.size:
            continue
        parts = values.ravel().view(values.real.dtype)
        # Neither needs memory for the magnitudes, which may be as many as the parameters.
        for bound in (np.maximum.reduce(parts), -np.minimum.reduce(parts)):
            if not bound <= largest:
                largest = float(bound)
                if math.isnan(largest):
                    return largest
    return largest
