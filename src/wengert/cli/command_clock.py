"""When the command began: a time limit covers all that a user waits for."""

from __future__ import annotations

import time

_began = time.perf_counter()


def begin() -> None:
    """Begin a command, in a process that may have run others before."""
    global _began
    _began = time.perf_counter()


def began() -> float:
    """Return when the command began, by `time.perf_counter`."""
    return _began
