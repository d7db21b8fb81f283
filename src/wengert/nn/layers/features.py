"""What layers with something of their own for each feature check of an input."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.errors import ShapeError
from wengert.trace.tensor import here


def check_features(x: Any, features: int) -> None:
    """Refuse an input whose last axis has another number of entries.

    Raises
    ------
    ShapeError
    """
    shape = np.shape(x)
    if not shape or shape[-1] != features:
        raise ShapeError(
            f"the input has shape {shape}, the layer takes {features} features in the last axis{here()}"
        )
