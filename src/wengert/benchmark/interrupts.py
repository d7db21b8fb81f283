"""Ctrl-C that a library takes for itself: training that ends early and returns as if nothing had happened."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def remembered_interrupts() -> Iterator[Callable[[], None]]:
    """Give a function that raises KeyboardInterrupt if Ctrl-C has come since, whoever has caught it."""
    came = threading.Event()

    def check() -> None:
        if came.is_set():
            raise KeyboardInterrupt

    def remember(*arguments: Any) -> None:
        came.set()
        raise KeyboardInterrupt

    before = signal.getsignal(signal.SIGINT)
    is_usual = before is signal.default_int_handler and threading.current_thread() is threading.main_thread()
    if is_usual:
        signal.signal(signal.SIGINT, remember)
    try:
        yield check
    finally:
        if is_usual:
            signal.signal(signal.SIGINT, before)
