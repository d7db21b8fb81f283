"""Consoles for results (standard output) and for everything else (standard error).

Text that a table brings along, such as names of columns and classes, goes into `Text`, in which rich finds no
markup and a terminal no control characters.
"""

from __future__ import annotations

import sys
from typing import Any

import rich.text
from rich.console import Console

from wengert.printable import printable

_COLOURS = {"error": "bold red", "bug": "bold red", "interrupted": "bold yellow", "warning": "bold yellow"}


class _Results(Console):
    def on_broken_pipe(self) -> None:
        """Leave it to `wengert.cli.entry`, as for what is printed otherwise; rich would exit with 1."""
        raise BrokenPipeError


class _Messages(Console):
    def on_broken_pipe(self) -> None:
        """Go on without a reader: the work is not done for the messages."""
        self.quiet = True


class Text(rich.text.Text):
    """One line of text from anywhere; control characters in it are shown as escapes."""

    def __init__(self, text: str = "", style: str = "", **options: Any) -> None:
        super().__init__(printable(text, lines=False), style, **options)


def result_console() -> Console:
    """Return a console on standard output."""
    return _Results(file=sys.stdout, highlight=False, markup=False, emoji=False)


def error_console() -> Console:
    """Return a console on standard error."""
    return _Messages(file=sys.stderr, highlight=False, markup=False, emoji=False)


def write(text: str, *, verbatim: bool = False) -> None:
    """Write a result to standard output.

    Parameters
    ----------
    text : str
        With the end of its last line.
    verbatim : bool
        For what other programs read (CSV, JSON, SVG): as it is, but where a terminal would get it.
    """
    shown = text if verbatim and not sys.stdout.isatty() else printable(text)
    # Line by line, so that a reader that goes away is noticed soon.
    sys.stdout.writelines(shown.splitlines(keepends=True))


def label_and_text(label: str, message: str) -> rich.text.Text:
    """Return a message with a coloured label before it; without one if the label is empty."""
    parts = [(f"{label}: ", _COLOURS[label])] if label else []
    return rich.text.Text.assemble(*parts, printable(message))
