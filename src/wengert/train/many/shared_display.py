"""One display for several runs at a time, through which they also hear of Ctrl-C."""

from __future__ import annotations

import math
import threading

from wengert.train.history import History
from wengert.train.progress import Display

# Seconds after which a run looks whether it is to end.
_LOOK = 0.1


class SharedDisplay:
    """How far several runs have come together.

    Parameters
    ----------
    display : Display
        Shows their mean, and the epoch of the one that spoke last.
    members : int

    Attributes
    ----------
    interrupted : threading.Event
        Set where all are to end. Ctrl-C reaches the main thread alone; the others raise it for themselves.
    """

    def __init__(self, display: Display, members: int) -> None:
        self.interrupted = threading.Event()
        self._display = display
        self._done = [0.0] * members
        self._lock = threading.Lock()

    def of(self, number: int) -> Display:
        """Return the display of a run."""
        return _OfMember(self, number)

    def note(self, number: int, done: float, history: History | None = None) -> None:
        """Take in how far a run has come.

        Raises
        ------
        KeyboardInterrupt
            Where it is to end.
        """
        if history is not None and self.interrupted.is_set():
            raise KeyboardInterrupt
        with self._lock:
            self._done[number] = done
            if history is not None:
                self._display.show(math.fsum(self._done) / len(self._done), history)


class _OfMember:
    def __init__(self, shared: SharedDisplay, number: int) -> None:
        self._shared = shared
        self._number = number

    def show(self, done: float, history: History) -> float:
        """Take in the share of the work that is done; return in how many seconds to call again."""
        self._shared.note(self._number, done, history)
        return _LOOK

    def close(self) -> None:
        """Take in that the run has ended."""
        self._shared.note(self._number, 1.0)
