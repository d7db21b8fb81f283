"""How far a native loop has come: the arrays that its steps carry, and its counters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.run.llvm.codegen import loop_function
from wengert.run.llvm.codegen.cancellation import CANCEL, WRONG_INDEX
from wengert.run.llvm.matmul.weight_layout import from_panels, in_panels
from wengert.run.llvm.runtime.array_address import address
from wengert.run.llvm.runtime.array_memory import Joined, block
from wengert.run.llvm.runtime.panelled_arrays import PanelledArray, PanelledArrays

Array = np.ndarray[Any, Any]

# The words that a run begins without.
_CANCEL, _WRONG_INDEX = loop_function.FLAGS + CANCEL, loop_function.FLAGS + WRONG_INDEX
_OF_A_RUN = loop_function.STOPPED, loop_function.ABANDONED, loop_function.IN_PIECES, _CANCEL, _WRONG_INDEX


class NativeProgress:
    """The state of a loop; see `wengert.run.loop.Progress`.

    Parameters
    ----------
    carry : sequence of ndarray
    steps : int
    loss_sum : float
    threads : int
        How many may run the loop.
    """

    def __init__(self, carry: Sequence[Array], steps: int, loss_sum: float, threads: int) -> None:
        self._shapes = [array.shape for array in carry]
        self._panels = [0] * len(carry)
        self._joined = Joined(carry)
        self.elements = [array.reshape(-1) for array in self._joined.arrays]
        self._given = self._order = np.zeros(0, np.int64)
        self.words = block(8 * loop_function.state_words(threads)).view(np.int64)
        self.words[:] = 0
        self._numbers = self.words.view(np.float64)
        self.words[loop_function.STEPS] = steps
        self._numbers[loop_function.LOSS_SUM] = loss_sum
        self.largest_loss = -math.inf

    @property
    def carry(self) -> list[Array]:
        """The arrays as they are now; those that lie in panels are copied."""
        return [
            from_panels(elements, shape, width)
            for elements, shape, width in zip(self.elements, self._shapes, self._panels, strict=True)
        ]

    @carry.setter
    def carry(self, arrays: Sequence[Array]) -> None:
        for elements, array, width in zip(self.elements, arrays, self._panels, strict=True):
            elements[...] = in_panels(array, width)

    def arrange(self, panels: list[int]) -> None:
        """Lay each array in panels of the given numbers of columns; 0: in its own order."""
        if panels == self._panels:
            return
        for place, (before, after) in enumerate(zip(self._panels, panels, strict=True)):
            if before != after:
                elements = self.elements[place]
                elements[...] = in_panels(from_panels(elements, self._shapes[place], before), after)
        self._panels = panels

    @property
    def steps(self) -> int:
        """Steps taken in all."""
        return int(self.words[loop_function.STEPS])

    @steps.setter
    def steps(self, value: int) -> None:
        self.words[loop_function.STEPS] = value

    @property
    def loss_sum(self) -> float:
        """Over the rows of the steps since the beginning of the epoch."""
        return float(self._numbers[loop_function.LOSS_SUM])

    @loss_sum.setter
    def loss_sum(self, value: float) -> None:
        self._numbers[loop_function.LOSS_SUM] = value

    @property
    def last_loss(self) -> float:
        """The loss of the last step."""
        return float(self._numbers[loop_function.LAST_LOSS])

    @property
    def largest_loss(self) -> float:
        """The largest loss since this was last set."""
        return float(self._numbers[loop_function.LARGEST_LOSS])

    @largest_loss.setter
    def largest_loss(self, value: float) -> None:
        self._numbers[loop_function.LARGEST_LOSS] = value

    @property
    def stopped(self) -> bool:
        """Whether a loss was not finite or an index out of range."""
        return bool(self.words[loop_function.STOPPED] & loop_function.FAILURE)

    def copy(self) -> Sequence[Array]:
        """Return the carry as it is now; what lies in panels is put in order when somebody looks."""
        copies = self._joined.copy()
        if not any(self._panels):
            return copies
        return PanelledArrays(list(map(PanelledArray, copies, self._panels)))

    def largest(self) -> float:
        """Return the largest magnitude of the floating elements of the carry; NaN where one is NaN."""
        return self._joined.largest()

    def visit(self, order: Array, row: int, padding: int) -> int:
        """Return where the order of an epoch's rows stands, followed by `padding` zeros, until the next one.

        The caller's array may be another epoch's when the next one begins, with row 0.
        """
        if row == 0 or order is not self._given or len(self._order) < len(order) + padding:
            assert order.dtype == np.int64
            self._given = order
            self._order = np.zeros(len(order) + padding, np.int64)
            self._order[: len(order)] = order
        return address(self._order)

    @property
    def is_whole(self) -> bool:
        """Whether no step was given up after it had begun to write over the carry."""
        return not self.words[loop_function.IN_PIECES]

    def begin(self) -> None:
        """Get ready for a run."""
        for word in _OF_A_RUN:
            self.words[word] = 0
        self.words[loop_function.COUNTS :] = 0

    def finish(self) -> None:
        """Have a run end after the step that it is in, or within one that takes long."""
        self.words[_CANCEL] = loop_function.CANCELLED

    def abandon(self) -> None:
        """Let no thread wait any more for one that will not come."""
        self.words[loop_function.ABANDONED] = 1
