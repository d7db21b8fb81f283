"""Progress of a long computation on standard error: one line that changes on a terminal, lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar

T = TypeVar("T")
_PATIENCE = 2.0  # seconds in which nothing is shown
_ON_TERMINAL, _ELSEWHERE = 0.2, 10.0  # seconds between two messages


class _Counted(Iterable[T], Sized):
    """Something to go through whose length is known."""


def shown(work: _Counted[T] | list[T], what: str) -> Iterator[T]:
    """Yield what there is to do, and tell how far it is once that takes more than two seconds."""
    began = last = time.monotonic()
    terminal = sys.stderr is not None and sys.stderr.isatty()
    shown = False
    for done, one in enumerate(work):
        now = time.monotonic()
        if now - began > _PATIENCE and (not shown or now - last > (_ON_TERMINAL if terminal else _ELSEWHERE)):
            _tell(f"{what}: {100 * done // len(work)} %", terminal)
            shown, last = True, now
        yield one
    if shown:
        _tell(f"{what}: 100 %", terminal, end="\n")


def _tell(line: str, terminal: bool, end: str = "") -> None:
    if sys.stderr is not None:
        print(f"\r{line}" if terminal else line, end=end if terminal else "\n", file=sys.stderr, flush=True)
