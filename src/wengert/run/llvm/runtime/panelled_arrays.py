"""Copies of arrays that lie in panels, put in order only where somebody looks at them.

After each epoch a loop keeps its parameters and the optimiser's state. Most of these copies are dropped for
the next one unseen, and putting them in order takes several times as long as copying them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, overload

import numpy as np

from wengert.run.llvm.matmul.weight_layout import from_panels

Array = np.ndarray[Any, Any]


class PanelledArray:
    """An array whose elements may lie in panels.

    Parameters
    ----------
    elements : ndarray
        Of the array's shape.
    width : int
        The columns of a panel; 0 where the elements lie in their own order.
    """

    def __init__(self, elements: Array, width: int) -> None:
        self._held = elements, width

    def array(self) -> Array:
        """Return the array with its elements in their own order."""
        elements, width = self._held
        if width:
            elements = from_panels(elements.reshape(-1), elements.shape, width)
            self._held = elements, 0
        return elements


class PanelledArrays(Sequence[Array]):
    """A sequence of arrays, each put in order when it is first looked at; a slice is another such sequence.

    Parameters
    ----------
    members : list of PanelledArray
    """

    def __init__(self, members: list[PanelledArray]) -> None:
        self._members = members

    def __len__(self) -> int:
        return len(self._members)

    @overload
    def __getitem__(self, place: int) -> Array: ...

    @overload
    def __getitem__(self, place: slice) -> PanelledArrays: ...

    def __getitem__(self, place: int | slice) -> Array | PanelledArrays:
        """Return an array, or some of them."""
        if isinstance(place, slice):
            return PanelledArrays(self._members[place])
        return self._members[place].array()
