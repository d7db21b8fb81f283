"""Consoles for results (standard output) and for everything else (standard error).

Names of columns and classes are printed as they are, so nothing here interprets markup: text that a table
brings along goes into `rich.text.Text`.
"""

from __future__ import annotations

import sys

from rich.console import Console
from rich.text import Text

_COLOURS = {"error": "bold red", "bug": "bold red", "interrupted": "bold yellow", "warning": "bold yellow"}


class _Results(Console):
    def on_broken_pipe(self) -> None:
        """Leave it to `wengert.cli.entry`, as for what is printed otherwise; rich would exit with 1."""
        raise BrokenPipeError


class _Messages(Console):
    def on_broken_pipe(self) -> None:
        """Go on without a reader: the work is not done for the messages."""
        self.quiet = True


def result_console() -> Console:
    """Return a console on standard output."""
    return _Results(file=sys.stdout, highlight=False, markup=False, emoji=False)


def error_console() -> Console:
    """Return a console on standard error."""
    return _Messages(file=sys.stderr, highlight=False, markup=False, emoji=False)


def label_and_text(label: str, message: str) -> Text:
    """Return a message with a coloured label before it; without one if the label is empty."""
    if not label:
        return Text(message)
    return Text.assemble((f"{label}: ", _COLOURS[label]), message)
