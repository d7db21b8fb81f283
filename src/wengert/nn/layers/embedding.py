"""Embedding of categories."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.errors import DTypeError, IndexRangeError
from wengert.nn.initialisers import Initialiser, initialiser_function, initialiser_name
from wengert.nn.module import ArrayRules, Module, parameter
from wengert.nn.validation import positive_integer
from wengert.nn.values import first_position, known_value
from wengert.trace.tensor import here


class Embedding(Module):
    """A table with one trained row for each category: the output for category i is row i.

    Parameters
    ----------
    categories, outputs : int
        Numbers of rows and columns of the table.
    initialiser : str or callable
        See `nn.initialisers`; standard normal by default.
    weight : array, shape (categories, outputs), optional

    Notes
    -----
    Input: integers of shape (...) from 0 to categories − 1; output: shape (..., outputs).
    """

    categories: int
    outputs: int
    initialiser: str | Initialiser = "gaussian"
    weight: Any = parameter(penalised=True)

    def __post_init__(self) -> None:
        positive_integer("Embedding", "categories", self.categories)
        positive_integer("Embedding", "outputs", self.outputs)
        object.__setattr__(self, "initialiser", initialiser_name("Embedding", self.initialiser))
        super().__post_init__()

    def array_rules(self) -> ArrayRules:
        """Return shape and initialiser of the table."""
        return {"weight": ((self.categories, self.outputs), initialiser_function(self.initialiser))}

    def __call__(self, x: Any) -> Any:
        """Return the rows of the categories x.

        Raises
        ------
        DTypeError
            When x is not of integers.
        IndexRangeError
            When a category is out of range, and the values of x are known.
        """
        dtype = x.dtype if hasattr(x, "dtype") else np.asarray(x).dtype
        if dtype.kind not in "iu":
            raise DTypeError(f"an embedding takes integer categories, got {dtype}{here()}")
        known = known_value(x)
        if known is not None:
            wrong = (known < 0) | (known >= self.categories)
            if wrong.any():
                where, value = first_position(wrong, known)
                raise IndexRangeError(
                    f"category {value} at {where} is out of range: the embedding has {self.categories} "
                    f"categories, 0 to {self.categories - 1}{here()}"
                )
        return self.weight[x]
