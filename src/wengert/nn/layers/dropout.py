"""Dropout."""

from __future__ import annotations

from typing import Any, Self

from wengert.checks import in_range
from wengert.nn.module import Module
from wengert.primitives import random


class Dropout(Module):
    """In training, set each value to 0 with probability `rate` and divide the others by 1 − rate; else
    identity.

    Parameters
    ----------
    rate : float
        In [0, 1).

    Notes
    -----
    Srivastava, Hinton, Krizhevsky, Sutskever & Salakhutdinov 2014, in the inverted form: the expectation of
    the output is the input, so evaluation needs no scaling.
    """

    rate: float = 0.5

    def __post_init__(self) -> None:
        in_range("Dropout", "rate", self.rate, 0, 1)

    def __call__(self, x: Any) -> Any:
        """Return x."""
        return x

    def forward_training(self, x: Any, key: Any) -> tuple[Any, Self]:
        """Return x with values dropped; the same key drops the same places."""
        kept = 1 - self.rate
        # A product with the mask: a choice between x and 0 would hide a NaN in a dropped unit.
        mask = random.bernoulli(key, kept, x.shape).astype(x.dtype) / kept
        return x * mask, self
