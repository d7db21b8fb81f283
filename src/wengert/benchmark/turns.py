"""Fair timing: candidates take turns, so that whatever else the machine does hits all alike.

Where one thread works, time is the processor's, which does not count the neighbours' work. Where several
do, it is the clock's, and `share_of_cores` says whether the neighbours were quiet.
"""

from __future__ import annotations

import hashlib
import math
import statistics
import threading
import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import TypeVar

Name = TypeVar("Name", bound=Hashable)

TURN = 0.02  # seconds that a turn lasts at least: short, so that a disturbance hits few turns of one only
# Threads of OpenBLAS and OpenMP spin for tens of milliseconds before they sleep, and would disturb the next.
PAUSE = 0.1
QUIET = 0.9  # the least share of each core that measuring by the clock needs
_WORK = 4000  # turns of a hash: a few milliseconds


def clock_of(threads: int) -> Callable[[], float]:
    """Return the clock that measures the seconds of a computation on this number of threads.

    Of one, the processor time of the process, since some libraries compute in a thread of their own.
    """
    return time.process_time if threads == 1 else time.perf_counter


@dataclass(frozen=True)
class Spread:
    """Figures of the rounds in short.

    Attributes
    ----------
    minimum, median : float
    range : float
        Between the quartiles: half of the rounds lie in it.
    """

    minimum: float
    median: float
    range: float

    @staticmethod
    def of(figures: Sequence[float]) -> Spread:
        """Return the spread of the figures of some rounds; with fewer than three, their whole range."""
        if len(figures) < 3:
            return Spread(min(figures), statistics.median(figures), max(figures) - min(figures))
        low, middle, high = statistics.quantiles(figures, n=4, method="inclusive")
        return Spread(min(figures), middle, high - low)

    @property
    def is_noise(self) -> bool:
        """Whether the range is larger than the median itself, so that the median says nothing."""
        return self.range > self.median


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> Spread:
    """Return the spread of the ratios of figures of the same rounds."""
    return Spread.of([one / other for one, other in zip(ours, theirs, strict=True)])


def interleaved(
    turns: dict[Name, Callable[[], float]],
    rounds: int,
    threads: int = 1,
    before_round: Callable[[], object] = lambda: None,
) -> dict[Name, list[float]]:
    """Return what each candidate's turns gave, one in each round.

    Parameters
    ----------
    turns : dict of name to callable
        Each takes a turn and returns its figure, such as the seconds of a step.
    rounds : int
    threads : int
        That may work in a turn.
    before_round : callable
    """
    figures: dict[Name, list[float]] = {name: [] for name in turns}
    names = list(turns)
    for number in range(rounds):
        before_round()
        # Nobody always comes after the same neighbour.
        start = number % max(1, len(names))
        for name in names[start:] + names[:start]:
            if threads > 1:
                time.sleep(PAUSE)
            figures[name].append(turns[name]())
    return figures


def repeated(function: Callable[[], object], threads: int = 1, least: float = TURN) -> Callable[[], float]:
    """Return a turn: as many calls as last `least` seconds; its figure is the seconds of a call."""
    clock = clock_of(threads)
    function()
    begin = clock()
    function()
    calls = max(1, math.ceil(least / max(clock() - begin, 1e-7)))

    def turn() -> float:
        if calls > 1:  # a long call has time to warm up itself
            function()
        begin = clock()
        for _ in range(calls):
            function()
        return (clock() - begin) / calls

    return turn


def share_of_cores(threads: int) -> float:
    """Return the share of a core that the worst off of this number of threads gets, from 0 to 1.

    Below `QUIET` others work on these cores, and times by the clock are partly theirs.
    """
    barrier = threading.Barrier(threads)
    shares = [0.0] * threads

    def work(place: int) -> None:
        barrier.wait()
        wall, processor = time.perf_counter(), time.thread_time()
        hashlib.pbkdf2_hmac("sha256", b"", b"", _WORK)  # lets the others go on meanwhile
        processor, wall = time.thread_time() - processor, time.perf_counter() - wall
        shares[place] = min(1.0, processor / wall)

    workers = [threading.Thread(target=work, args=(place,)) for place in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return min(shares)
