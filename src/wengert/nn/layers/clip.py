"""Limits of a prediction."""

from __future__ import annotations

import math
from typing import Any, Self

import numpy as np

from wengert.checks import is_number
from wengert.errors import ConfigurationError
from wengert.nn.module import Module


class Clip(Module):
    """Keep predictions within limits, such as those of the targets in training: min(max(x, lowest), highest).

    In training it is the identity, since an output beyond a limit would have no gradient to bring it back.

    Parameters
    ----------
    lowest, highest : float

    Notes
    -----
    Holzmüller, Grinsztajn & Steinwart 2024 clip the predictions of a regression so.
    """

    lowest: float
    highest: float

    def __post_init__(self) -> None:
        for name in ("lowest", "highest"):
            value = getattr(self, name)
            if not is_number(value) or not math.isfinite(value):
                raise ConfigurationError(f"Clip: {name} is a finite number, got {value!r}")
        if not self.lowest <= self.highest:
            raise ConfigurationError(f"Clip: lowest ({self.lowest}) lies above highest ({self.highest})")

    def __call__(self, x: Any) -> Any:
        """Return x within the limits."""
        return np.clip(x, self.lowest, self.highest)

    def forward_training(self, x: Any, key: Any) -> tuple[Any, Self]:
        """Return x as it is."""
        return x, self
