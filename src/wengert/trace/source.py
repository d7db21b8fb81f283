"""Where in the user's code an operation stands, and what variable receives it."""

from __future__ import annotations

import dis
import sys
from functools import lru_cache
from types import CodeType, FrameType

from wengert.ir.provenance import SourceLine

_LIBRARIES = {"wengert", "numpy", "optree", "scipy", "functools", "contextlib"}
_STORES = {"STORE_FAST", "STORE_NAME", "STORE_GLOBAL", "STORE_DEREF"}
_RETURNED = "<returned>"

Site = tuple[CodeType, int]


def _is_library(frame: FrameType) -> bool:
    """Frames of wengert, NumPy and what they call through are not the user's."""
    return str(frame.f_globals.get("__name__", "")).partition(".")[0] in _LIBRARIES


@lru_cache(maxsize=4096)
def _stores(code: CodeType) -> dict[int, str]:
    """For each instruction of `code` whose result is stored or returned at once: the name, or a mark."""
    stores = {}
    instructions = list(dis.get_instructions(code))
    for current, following in zip(instructions, instructions[1:], strict=False):
        if following.opname in _STORES:
            stores[current.offset] = str(following.argval)
        elif following.opname in ("STORE_FAST_LOAD_FAST", "STORE_FAST_STORE_FAST"):
            stores[current.offset] = str(following.argval[0])  # Python 3.13 joins two instructions
        elif following.opname == "RETURN_VALUE":
            stores[current.offset] = _RETURNED
    return stores


def user_frame() -> FrameType | None:
    """Return the innermost frame of the user's code."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and _is_library(frame):
        frame = frame.f_back
    return frame


def source_line(frame: FrameType) -> SourceLine:
    """Return the line that `frame` is executing."""
    return SourceLine(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)


def variable(frame: FrameType) -> tuple[str | None, Site]:
    """Return the variable that will hold the result of the call `frame` is in, and the place of the store.

    A result that is returned at once is looked for in the caller, so that ``h = relu(z)`` is called h.
    """
    site = (frame.f_code, frame.f_lasti)
    current: FrameType | None = frame
    while current is not None:
        name = _stores(current.f_code).get(current.f_lasti)
        if name != _RETURNED:
            return name, site
        current = current.f_back
        if current is None or _is_library(current):
            return None, site
    return None, site
