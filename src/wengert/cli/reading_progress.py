"""How far the reading of a large table has come, on standard error."""

from __future__ import annotations

import sys
import time

from wengert.cli.console import Text, error_console

_PATIENCE = 2.0
_LONGEST_SILENCE = 60.0


class ReadingProgress:
    """Says now and then what is being done with a file and which part of it is done.

    On a terminal the line is renewed; elsewhere there is a line at growing intervals.

    Parameters
    ----------
    file : str
    quiet : bool
        Whether to say nothing.
    """

    def __init__(self, file: str, *, quiet: bool = False) -> None:
        self._file = file
        self._quiet = quiet
        self._begin = time.perf_counter()
        self._next = _PATIENCE

    def __call__(self, what: str, done: float) -> None:
        """Show that a part of the file from 0 to 1 has been read."""
        elapsed = time.perf_counter() - self._begin
        if self._quiet or elapsed < self._next or sys.stderr is None:
            return
        line = f"{done:4.0%} · {what} {self._file} · {elapsed:.0f} s"
        if sys.stderr.isatty():
            error_console().print(Text(line), end="\n" if done >= 1 else "\r", soft_wrap=True)
            return
        self._next = elapsed + min(max(elapsed, _PATIENCE), _LONGEST_SILENCE)
        error_console().print(Text(line), soft_wrap=True)
