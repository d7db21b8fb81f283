"""Progress: a bar on a terminal, plain lines elsewhere, on standard error."""

from __future__ import annotations

import contextlib
import sys
import time
from typing import Any, Protocol

from wengert.errors import ConfigurationError
from wengert.train.history import History

# A run that is over sooner than this shows nothing, unless it was asked to.
_PATIENCE = 2.0
_REFRESH = 0.1
_LONGEST_SILENCE = 60.0


class Display(Protocol):
    """Shows how far training has come."""

    def show(self, done: float, history: History) -> float:
        """Show the share of the work that is done; return in how many seconds to call again."""
        ...

    def close(self) -> None:
        """Leave the terminal as it was."""
        ...


def choose_display(progress: bool | str | Display, epochs: int | None) -> Display:
    """Return the display for standard error as it is now, or the one that is given.

    Parameters
    ----------
    progress : bool, "auto" or Display
        Show progress, do not, or do where the run takes longer than two seconds.
    epochs : int or None
        None where several runs have different numbers of them.

    Raises
    ------
    ConfigurationError
    """
    if not isinstance(progress, (bool, str)) and hasattr(progress, "show"):
        return progress
    if progress not in (True, False, "auto"):
        raise ConfigurationError(f"progress is True, False or 'auto', got {progress!r}")
    if progress is False:
        return Silent()
    wait = 0.0 if progress is True else _PATIENCE
    terminal = sys.stderr is not None and sys.stderr.isatty()
    return Bar(epochs, wait) if terminal else Lines(epochs, wait)


class Silent:
    """Shows nothing."""

    def show(self, done: float, history: History) -> float:
        """Do nothing, ever."""
        return float("inf")

    def close(self) -> None:
        """Do nothing."""


class Lines:
    """A line now and then, at growing intervals: for logs.

    Parameters
    ----------
    epochs : int or None
    wait : float
        Seconds before the first line.
    """

    def __init__(self, epochs: int | None, wait: float) -> None:
        self._epochs = epochs
        self._begin = time.perf_counter()
        self._next = wait
        self._shown = 0

    def show(self, done: float, history: History) -> float:
        """Print a line if it is time for one."""
        elapsed = time.perf_counter() - self._begin
        if elapsed >= self._next:
            self._print(f"{done:4.0%} · {describe(history, self._epochs)} · {elapsed:.0f} s")
            self._next = elapsed + min(max(elapsed, _PATIENCE), _LONGEST_SILENCE)
            self._shown = len(history)
        return self._next - elapsed

    def close(self) -> None:
        """Do nothing: each line stands for itself."""

    def _print(self, line: str) -> None:
        # Training goes on where nobody reads (any more), or a log has no room.
        with contextlib.suppress(OSError, ValueError):
            if sys.stderr is not None:
                print(line, file=sys.stderr, flush=True)


class Bar:
    """A progress bar with the losses of the last epoch.

    Parameters
    ----------
    epochs : int or None
    wait : float
        Seconds before it appears.
    """

    def __init__(self, epochs: int | None, wait: float) -> None:
        self._epochs = epochs
        self._appears = time.perf_counter() + wait
        self._bar: Any = None
        self._task: Any = None

    def show(self, done: float, history: History) -> float:
        """Draw the bar."""
        waiting = self._appears - time.perf_counter()
        if waiting > 0:
            return waiting
        if self._bar is None:
            self._open(describe(history, self._epochs))
        self._bar.update(self._task, completed=done, description=describe(history, self._epochs))
        self._bar.refresh()
        return _REFRESH

    def close(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.stop()

    def _open(self, description: str) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        # Refreshed by hand: no thread is left that a fork could lose, and two runs do not disturb each other.
        columns = (
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}% · {task.description} ·"),
            TimeRemainingColumn(),
        )
        self._bar = Progress(*columns, console=Console(stderr=True), auto_refresh=False, transient=True)
        self._task = self._bar.add_task(description, total=1.0)
        self._bar.start()


def describe(history: History, epochs: int | None) -> str:
    """Return the last epoch in one line."""
    of_all = "" if epochs is None else f" of {epochs}"
    if not len(history):
        return f"epoch 1{of_all}"
    last = history[-1]
    parts = [f"epoch {last.epoch}{of_all}", f"loss {last.loss:.4g}"]
    if last.validation_loss is not None:
        parts.append(f"validation loss {last.validation_loss:.4g}")
    if last.validation_accuracy is not None:
        parts.append(f"accuracy {last.validation_accuracy:.2%}")
    return ", ".join(parts)
