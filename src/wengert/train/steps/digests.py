"""Short texts that differ where arrays do."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np


def digest(*arrays: Any) -> str:
    """Return a short text that differs where shape, dtype or a byte of the arrays differs."""
    hasher = hashlib.blake2b(digest_size=8)
    shapes = ["none" if array is None else f"{array.dtype}{list(array.shape)}" for array in arrays]
    hasher.update(" ".join(shapes).encode())
    for array in arrays:
        if array is not None and array.size:
            hasher.update(np.ascontiguousarray(array).data.cast("B"))
    return f"{', '.join(shapes[:2])} (digest {hasher.hexdigest()})"


def dense_arrays(features: Any) -> tuple[Any, ...]:
    """Return the arrays of features, of a CSR matrix those it is made of."""
    if isinstance(features, np.ndarray):
        return (features,)
    return features.data, features.indices, features.indptr
