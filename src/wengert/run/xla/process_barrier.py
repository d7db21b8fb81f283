"""Where processes wait for each other before they compute together.

A collective of XLA's waits for one that is asleep much longer than training should, and cannot say for whom.
"""

from __future__ import annotations

from collections.abc import Callable

_wait: Callable[[bool], None] | None = None


def wait_by(function: Callable[[bool], None]) -> None:
    """Have processes that share a mesh wait by a function, which takes whether one may compile first."""
    global _wait
    _wait = function


def wait_for_others(compiles: bool) -> None:
    """Return when all processes are here; at once where nobody said how they wait."""
    if _wait is not None:
        _wait(compiles)
