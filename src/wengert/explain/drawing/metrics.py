"""How wide text is in the fonts that drawings bring along."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files

ASCENT, DESCENT = 0.70, 0.22  # of most letters, in font sizes
_UNKNOWN = 1000  # a character that the fonts lack comes from another one: taken to be as wide as high


def font(name: str) -> bytes:
    """Return a file of the folder ``fonts``."""
    return (files(__package__) / "fonts" / name).read_bytes()


@cache
def _advances() -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = json.loads(font("advances.json"))
    return found


def text_width(text: str, size: float, italic: bool = False) -> float:
    """Return the width of a text in pixels.

    Parameters
    ----------
    text : str
    size : float
        Font size in pixels.
    italic : bool
    """
    advances = _advances()["italic" if italic else "upright"]
    return size * sum(advances.get(character, _UNKNOWN) for character in text) / 1000
