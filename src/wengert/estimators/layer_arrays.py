"""Weights and biases of the layers, as scikit-learn's MLP has them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


class LayerArrays(list[Array]):
    """The arrays of the dense layers in order; one that is put in goes into the network.

    Parameters
    ----------
    arrays : iterable of ndarray
    replace : callable
        Puts a list of arrays in the place of these; raises where they do not fit.
    """

    def __init__(self, arrays: Iterable[Array], replace: Callable[[list[Array]], None]) -> None:
        super().__init__(arrays)
        self._replace = replace

    def __setitem__(self, place: Any, array: Any) -> None:
        changed = list(self)
        changed[place] = array
        self._replace(changed)
        super().__setitem__(place, array)

    def __reduce__(self) -> tuple[Any, ...]:
        # A copy is a list of its own; it does not bring the estimator along.
        return list, (list(self),)
