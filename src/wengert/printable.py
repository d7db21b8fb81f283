"""Text from files and users, made safe to print: what would act on a terminal is shown instead."""

from __future__ import annotations

import re

# Controls (C0 but for the tab and the end of a line, DEL, C1); those that turn the direction of text or end a
# line; what no encoding of text has: halves of surrogate pairs, non-characters; invisible tags.
_ACTIVE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff"
    "\U000e0000-\U000e007f\ud800-\udfff]"
)
_ACTIVE_OR_END = re.compile(rf"\n|{_ACTIVE.pattern}")


def printable(text: str, *, lines: bool = True) -> str:
    r"""Return text in which each character that acts on a terminal is its escape, such as ``\x1b``.

    A terminal obeys such characters: they clear the screen, set its title, write over what was printed, or
    turn the order of letters round (CWE-150; Boucher & Anderson 2023 for the last).

    Parameters
    ----------
    text : str
    lines : bool
        Whether ends of lines (``\n``) stay. Without, the text is one line.
    """
    return (_ACTIVE if lines else _ACTIVE_OR_END).sub(_escape, text)


def shortened(text: str, most: int = 60) -> str:
    """Return a text cut off after a number of letters, with a mark that says so."""
    return text if len(text) <= most else f"{text[:most]}…"


def _escape(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")
