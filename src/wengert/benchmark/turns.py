"""Fair timing: candidates take turns, so that whatever else the machine does hits all alike.

Time is the clock's and not the processor's, since several threads may take part.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Hashable
from typing import TypeVar

Name = TypeVar("Name", bound=Hashable)

TURN = 0.1  # seconds that a turn lasts at least
# Threads of OpenBLAS and OpenMP spin for tens of milliseconds before they sleep, and would disturb the next.
PAUSE = 0.1


def interleaved(turns: dict[Name, Callable[[], float]], rounds: int) -> dict[Name, list[float]]:
    """Return what each candidate's turns gave, one in each round.

    Parameters
    ----------
    turns : dict of name to callable
        Each takes a turn and returns its figure, such as the seconds of a step.
    rounds : int
    """
    figures: dict[Name, list[float]] = {name: [] for name in turns}
    names = list(turns)
    for number in range(rounds):
        # Nobody always comes after the same neighbour.
        start = number % max(1, len(names))
        for name in names[start:] + names[:start]:
            time.sleep(PAUSE)
            figures[name].append(turns[name]())
    return figures


def repeated(function: Callable[[], object], least: float = TURN) -> Callable[[], float]:
    """Return a turn: as many calls as last `least` seconds; its figure is the seconds of a call."""
    function()
    begin = time.perf_counter()
    function()
    calls = max(1, math.ceil(least / max(time.perf_counter() - begin, 1e-7)))

    def turn() -> float:
        if calls > 1:  # a long call has time to warm up itself
            function()
        begin = time.perf_counter()
        for _ in range(calls):
            function()
        return (time.perf_counter() - begin) / calls

    return turn
