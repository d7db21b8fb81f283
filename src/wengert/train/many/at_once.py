"""Several trainings at a time, each on a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TypeVar

from wengert.run.numpy.blas_threads import one_blas_thread
from wengert.train.many.shared_display import SharedDisplay
from wengert.train.progress import Display

T = TypeVar("T")

# Seconds between two looks of the main thread for Ctrl-C.
_LOOK = 0.05


def at_once(jobs: Sequence[Callable[[Display], T]], shown: SharedDisplay, at_a_time: int) -> list[T]:
    """Return what the trainings give, in their order.

    Each computes with one thread: several that share the steps of one training wait for each other.

    Parameters
    ----------
    jobs : sequence of callable
        Each trains with the display that it is given, which raises KeyboardInterrupt after Ctrl-C. One that
        has not begun then is called all the same; `SharedDisplay.interrupted` tells it.
    shown : SharedDisplay
        One display for each of them.
    at_a_time : int
        How many run at the same time.

    Raises
    ------
    Exception
        The first that a training raises; the others end as after Ctrl-C.
    """
    begin = threading.Event()

    def run(number: int) -> T:
        begin.wait()
        try:
            return jobs[number](shown.of(number))
        except BaseException:
            shown.interrupted.set()
            raise

    with one_blas_thread(), ThreadPoolExecutor(at_a_time, thread_name_prefix="wengert-member") as pool:
        try:
            futures = [pool.submit(run, number) for number in range(len(jobs))]
            begin.set()  # from here on there is something to keep
            _wait(futures, shown)
        except BaseException:
            shown.interrupted.set()  # or leaving the pool would wait for members that do not know
            raise
        finally:
            begin.set()
    return [future.result() for future in futures]


def _wait(futures: list[Future[T]], shown: SharedDisplay) -> None:
    """Wait for the trainings; Ctrl-C has them end."""
    while True:
        try:
            # Not every system ends a wait for a signal.
            while wait(futures, timeout=_LOOK).not_done:
                pass
            return
        except KeyboardInterrupt:
            shown.interrupted.set()
