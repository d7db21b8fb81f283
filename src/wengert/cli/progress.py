"""How training goes: a bar on a terminal, a few plain lines elsewhere; always on standard error."""

from __future__ import annotations

import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from wengert import train

_SECONDS_WITHOUT_A_LINE = 10.0


def progress(console: Console, label: str) -> train.Callback:
    """Return a callback that shows progress on a console as suits it."""
    return _Bar(console, label) if console.is_terminal else _Lines(console, label)


class _Bar(train.Callback):
    def __init__(self, console: Console, label: str) -> None:
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn("{task.fields[losses]}", markup=False),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )
        self._label = label
        self._task = self._bar.add_task(label, total=None, losses="")

    def on_train_begin(self, state: train.TrainingState) -> None:
        self._bar.update(self._task, total=state.epochs, completed=len(state.history))
        self._bar.start()

    def on_epoch_end(self, state: train.TrainingState) -> None:
        self._bar.update(self._task, completed=len(state.history), losses=_losses(state.history[-1]))

    def on_train_end(self, state: train.TrainingState) -> None:
        self._bar.stop()


class _Lines(train.Callback):
    """Epochs 1, 2, 5, 10, 20, 50, …: enough to follow, too few to flood a log; and signs of life."""

    def __init__(self, console: Console, label: str) -> None:
        self._console = console
        self._label = label
        self._next = 1
        self._last_line = time.monotonic()

    def on_epoch_end(self, state: train.TrainingState) -> None:
        number = len(state.history)
        now = time.monotonic()
        if number < self._next and now - self._last_line < _SECONDS_WITHOUT_A_LINE:
            return
        self._last_line = now
        while self._next <= number:
            self._next = self._next * 5 // 2 if str(self._next).startswith("2") else self._next * 2
        line = f"{self._label}: epoch {number} of {state.epochs}, {_losses(state.history[-1])}"
        self._console.print(Text(line), soft_wrap=True)


def _losses(epoch: train.Epoch) -> str:
    if epoch.validation_loss is None:
        return f"loss {epoch.loss:.4g}"
    return f"loss {epoch.loss:.4g}, validation {epoch.validation_loss:.4g}"
