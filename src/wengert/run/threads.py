"""How many threads to use, and running some together."""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

# Seconds between two looks whether Ctrl-C has come.
_LOOK = 0.05

_lock = threading.Lock()
_working = 0


def default_threads() -> int:
    """Return how many threads to use: the physical cores open to this process, fewer by ``OMP_NUM_THREADS``.

    Threads that wait for each other several times in a step must not wait for a core as well.
    Joblib sets that variable in its workers, so that together they use each core once. The workers of
    `multiprocessing.Pool`, which joblib can use too, know no such number, and each takes one thread.
    """
    first = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    if first.isdecimal() and int(first) > 0:
        return min(int(first), physical_cores())
    return 1 if _in_a_pool() else physical_cores()


def _in_a_pool() -> bool:
    processes = sys.modules.get("multiprocessing.process")
    return processes is not None and bool(processes.current_process().daemon)


@lru_cache(maxsize=1)
def physical_cores() -> int:
    """Return how many physical cores this process may use; logical ones where the system does not tell."""
    if hasattr(os, "sched_getaffinity"):
        cores = _one_of_each_core(frozenset(os.sched_getaffinity(0)))
        return max(1, min(len(cores), _quota()))
    return usable_processors()


@lru_cache(maxsize=1)
def _one_of_each_core(usable: frozenset[int]) -> list[int]:
    """Return one of the processors of each core, ascending."""
    return sorted({_siblings(number): number for number in sorted(usable, reverse=True)}.values())


@lru_cache(maxsize=1)
def usable_processors() -> int:
    """Return how many logical processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, min(len(os.sched_getaffinity(0)), _quota()))
    return os.cpu_count() or 1


@lru_cache
def _siblings(processor: int) -> str:
    """Return a text that is the same for the processors of one core."""
    path = Path(f"/sys/devices/system/cpu/cpu{processor}/topology/thread_siblings_list")
    try:
        return path.read_text().strip()
    except OSError:
        return str(processor)


def _places(count: int) -> list[int | None]:
    """Return a processor for each of `count` threads that work together, this one and those that it starts.

    A system may put a new thread beside the one that starts it, and move it to an idle core only at the next
    tick of its clock, milliseconds later: longer than many steps take. None where the system decides.
    """
    nowhere: list[int | None] = [None] * count
    if sys.platform != "linux" or count == 1:
        return nowhere
    cores = _one_of_each_core(frozenset(os.sched_getaffinity(0)))
    if len(cores) < count:
        return nowhere
    here = _siblings(ctypes.CDLL(None).sched_getcpu())
    own = next((place for place, processor in enumerate(cores) if _siblings(processor) == here), 0)
    return [cores[(own + number) % len(cores)] for number in range(count)]


def _move_to(processor: int | None) -> None:
    """Have this thread go on at a processor; later it may be moved, as any other."""
    if processor is None:
        return
    usable = os.sched_getaffinity(0)
    # A sandbox may forbid it. The thread works where it is then: others wait for it.
    with suppress(OSError):
        os.sched_setaffinity(0, {processor})
        os.sched_setaffinity(0, usable)


def _quota() -> int:
    """Return how many processors' time a container gives, rounded up."""
    try:
        limit, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return -(-int(limit) // int(period))
    except (OSError, ValueError):  # no such file, or no limit
        return sys.maxsize


class FairShare:
    """As a context manager, a fair share of `threads` while several computations run in this process.

    Parameters
    ----------
    threads : int
    """

    __slots__ = ("_threads",)

    def __init__(self, threads: int) -> None:
        self._threads = threads

    def __enter__(self) -> int:
        """Return the share, at least one."""
        global _working
        with _lock:
            _working += 1
            return max(1, self._threads // _working)

    def __exit__(self, *_: object) -> None:
        global _working
        with _lock:
            _working -= 1


def _after_fork() -> None:
    global _lock, _working
    _lock = threading.Lock()
    _working = 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def run_on_threads(
    call: Callable[[int], None], count: int, finish: Callable[[], None], abandon: Callable[[], None]
) -> None:
    """Run ``call(0)`` to ``call(count - 1)`` at the same time, each on a thread of its own.

    The threads live as long as the call, so that nothing is left that a fork could lose. The calls must not
    need this thread, which waits and hears of Ctrl-C.

    Parameters
    ----------
    call : callable
    count : int
    finish : callable
        Has the calls return soon; called when this thread is interrupted, which then waits for them.
    abandon : callable
        Has calls return that wait for others; called when not all threads could be started.

    Raises
    ------
    RuntimeError
        When the system gives no more threads.
    """
    crew = _Crew(call, count, abandon)
    try:
        crew.start()
        # Not every system ends a wait for a signal, or gives the signal to the thread that waits.
        while crew.is_alive():
            crew.join(_LOOK)
    except BaseException:
        finish()
        crew.end()
        raise
    if crew.error is not None:
        raise crew.error


class _Crew(threading.Thread):
    """The thread that makes the first call, and starts those of the others."""

    def __init__(self, call: Callable[[int], None], count: int, abandon: Callable[[], None]) -> None:
        super().__init__(name="wengert-0", daemon=True)
        self._call = call
        self._count = count
        self._abandon = abandon
        self._gate = threading.Lock()
        self._begun = self._cancelled = False
        self._done = threading.Event()
        self.error: Exception | None = None

    def run(self) -> None:
        with self._gate:
            if self._cancelled:
                return
            self._begun = True
        others: list[threading.Thread] = []
        try:
            places = _places(self._count)
            for number in range(1, self._count):
                other = threading.Thread(
                    target=self._work, args=(number, places[number]), name=f"wengert-{number}", daemon=True
                )
                other.start()
                others.append(other)
            self._work(0, places[0])
        except Exception as error:
            self.error = error
            self._abandon()
        finally:
            for other in others:
                other.join()
            self._done.set()

    def _work(self, number: int, place: int | None) -> None:
        _move_to(place)
        self._call(number)

    def end(self) -> None:
        """Wait until no call runs, or will ever run; a second Ctrl-C does not cut this short."""
        while True:
            try:
                with self._gate:
                    self._cancelled = True
                    begun = self._begun
                if begun:
                    self._done.wait()
                return
            except KeyboardInterrupt:
                continue
