"""Where in the user's code an operation stands, and what variable receives it.

Looked up once for each recorded operation, so everything that depends on the place alone is kept: a loop pays
for its first iteration.
"""

from __future__ import annotations

import dis
import itertools
import os
import re
import sys
from collections import Counter
from functools import lru_cache
from itertools import pairwise
from types import CodeType, FrameType, FunctionType

import numpy as np

from wengert.ir.provenance import Provenance, Region, SourceLine

_LIBRARIES = {"wengert", "numpy", "optree", "scipy", "sklearn", "joblib", "functools", "contextlib"}
_STORES = {"STORE_FAST", "STORE_NAME", "STORE_GLOBAL", "STORE_DEREF"}
# Python 3.13 joins a store with the instruction after it; the first name is the one stored to first.
_JOINED_STORES = {"STORE_FAST_LOAD_FAST", "STORE_FAST_STORE_FAST"}
_LOADS = {"LOAD_ATTR", "LOAD_METHOD", "IMPORT_FROM"}
_RETURNED = "<returned>"
# Where Python's own modules are, the packages that are installed, and this one.
_INSTALLED = (
    os.path.dirname(os.__file__),
    os.path.dirname(os.path.dirname(np.__file__)),
    os.path.dirname(os.path.dirname(__file__)),
)
_KEPT = 65536  # places kept at most, so that a process that makes code for ever does not grow for ever


class Site:
    """One instruction of the user's code.

    Attributes
    ----------
    code : CodeType
        Held, so that its identity stays its own.
    name : str or None
        The variable that is assigned the result, or a mark that it is returned at once.
    line : SourceLine
    """

    __slots__ = ("_latest", "code", "line", "name")

    def __init__(self, frame: FrameType) -> None:
        self.code = frame.f_code
        self.name = _stores(frame.f_code).get(frame.f_lasti)
        self.line = source_line(frame)
        self._latest: Provenance | None = None

    def provenance(self, name: str | None, regions: tuple[Region, ...]) -> Provenance:
        """Return the origin of an operation at this place; one object as long as nothing changes."""
        latest = self._latest
        if latest is None or latest.name != name or latest.regions is not regions:
            latest = self._latest = Provenance(name, self.line, regions)
        return latest


_sites: dict[tuple[int, int], Site] = {}
_library: dict[int, tuple[CodeType, bool]] = {}
_users: dict[int, tuple[CodeType, bool]] = {}
_stored: dict[int, tuple[CodeType, dict[int, str]]] = {}
_loaded: dict[int, tuple[CodeType, dict[int, str]]] = {}


def _is_library(frame: FrameType) -> bool:
    """Frames of wengert, NumPy and what they call through are not the user's."""
    code = frame.f_code
    # By identity, since the hash of a code object reads all of it; the entry keeps the code and so its id.
    known = _library.get(id(code))
    if known is None:
        package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        if len(_library) >= _KEPT:
            _library.clear()
        known = _library[id(code)] = (code, package in _LIBRARIES)
    return known[1]


def is_installed(code: CodeType | str) -> bool:
    """Whether code, or a file, is Python's own or an installed package's."""
    file = code if isinstance(code, str) else code.co_filename
    return file.startswith(_INSTALLED)


def is_users(frame: FrameType) -> bool:
    """Whether a frame runs the user's own code: no library's, installed or of Python itself."""
    code = frame.f_code
    known = _users.get(id(code))
    if known is None:
        if len(_users) >= _KEPT:
            _users.clear()
        users = not _is_library(frame) and not is_installed(code)
        known = _users[id(code)] = (code, users)
    return known[1]


def _loads(code: CodeType) -> dict[int, str]:
    """Return the attributes that code loads, by the places of the instructions."""
    known = _loaded.get(id(code))
    if known is None:
        if len(_loaded) >= _KEPT:
            _loaded.clear()
        instructions = list(dis.get_instructions(code))
        found = {}
        for current, following in pairwise(instructions):
            if current.opname in _LOADS:
                # Python 3.12 leaves the place in the cache of the instruction; see `_found_stores`.
                found.update(dict.fromkeys(range(current.offset, following.offset, 2), current.argval))
        known = _loaded[id(code)] = (code, found)
    return known[1]


def _stores(code: CodeType) -> dict[int, str]:
    """For each instruction of `code` whose result is stored or returned at once: the name, or a mark.

    Found once for all places of the code, so that a long function costs what its length is.
    """
    known = _stored.get(id(code))
    if known is None:
        if len(_stored) >= _KEPT:
            _stored.clear()
        known = _stored[id(code)] = (code, _found_stores(code))
    return known[1]


def _found_stores(code: CodeType) -> dict[int, str]:
    stores: dict[int, str] = {}
    instructions = [one for one in dis.get_instructions(code) if one.opname != "EXTENDED_ARG"]
    for place, current in enumerate(instructions[:-1]):
        if current.opname.startswith("UNPACK"):
            continue  # each of its results has another name
        following = instructions[place + 1]
        # Up to Python 3.12 a frame that calls a Python function points after the call, into its cache.
        offsets = range(current.offset, following.offset, 2)
        if following.opname == "COPY":  # a = b = …, and (a := …)
            following = instructions[place + 2]
        if following.opname in _STORES:
            stores.update(dict.fromkeys(offsets, str(following.argval)))
        elif following.opname in _JOINED_STORES:
            stores.update(dict.fromkeys(offsets, str(following.argval[0])))
        elif following.opname == "RETURN_VALUE":
            stores.update(dict.fromkeys(offsets, _RETURNED))
    return stores


def other_names(code: CodeType) -> dict[str, str]:
    """Return the variables that only rename one before, as in ``e = d`` and ``d = e = …``, with that one.

    No operation is recorded for them. Names that are assigned to twice are left out, since they stand for
    different values.
    """
    found: dict[str, str] = {}
    stores = Counter(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount])
    top, copied = "", False  # the variable whose value is on top of the stack, and whether it is there twice
    for one in dis.get_instructions(code):
        # Python 3.13 joins instructions: LOAD_FAST_LOAD_FAST, STORE_FAST_STORE_FAST, STORE_FAST_LOAD_FAST.
        actions = re.findall(r"(LOAD|STORE)_(?:FAST|NAME|GLOBAL|DEREF)", one.opname)
        if one.opname in ("COPY", "DUP_TOP"):
            copied = True
        elif not actions and one.opname != "EXTENDED_ARG":
            top, copied = "", False
        names = one.argval if len(actions) > 1 else [one.argval] * len(actions)
        for action, name in zip(actions, names, strict=True):
            if action == "LOAD":
                top, copied = name, False
                continue
            stores[name] += 1
            if top:
                found[name] = found.get(top, top)
            top, copied = (top or name) if copied else "", False
    return {name: first for name, first in found.items() if stores[name] == stores[first] == 1}


def user_frame() -> FrameType | None:
    """Return the innermost frame of the user's code."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and _is_library(frame):
        frame = frame.f_back
    return frame


def _is_public(function: FunctionType) -> bool:
    """Whether a library's function has a name by which the user can have called it."""
    public = itertools.takewhile(lambda part: not part.startswith("_"), function.__module__.split("."))
    return hasattr(sys.modules.get(".".join(public)), function.__name__)


def scipy_call() -> str:
    """Return the public name of SciPy's function that the user's code is calling, or an empty string."""
    name = ""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and _is_library(frame):
        called = [(frame.f_globals.get("__name__"), frame.f_code.co_name)]
        if "<locals>" in frame.f_code.co_qualname:  # of a decorator, which holds the function it decorates
            held = [one for one in frame.f_locals.values() if isinstance(one, FunctionType)]
            called = [(one.__module__, one.__name__) for one in held if _is_public(one)]
        for module, function in called:
            parts = str(module).split(".")
            if parts[0] == "scipy" and parts[1:2] != ["_lib"]:  # the outermost is what the user wrote
                public = ".".join(itertools.takewhile(lambda part: not part.startswith("_"), parts))
                owner = getattr(frame.f_locals.get("self"), "name", None)  # of a method of a distribution
                public = f"{public}.{owner}" if isinstance(owner, str) else public
                name = public if function.startswith("_") else f"{public}.{function}"
        frame = frame.f_back
    return name


def is_assigning_item() -> bool:
    """Whether the user's code is at ``array[i] = …``, which asks a scalar for its value."""
    frame = user_frame()
    return frame is not None and frame.f_code.co_code[frame.f_lasti] == dis.opmap["STORE_SUBSCR"]


def is_loading(frame: FrameType, name: str) -> bool:
    """Whether a frame of the user's loads an attribute of this name at this moment.

    Code written in C has no frame: what it asks for while it is called, or while an attribute of one of its
    objects is computed, is asked in the user's frame too, but not under the name that stands there.
    """
    code = frame.f_code
    # NumPy calls __array__ for an array of its own.
    return is_users(frame) and code.co_name != "__array__" and _loads(code).get(frame.f_lasti) == name


def is_catching() -> bool:
    """Whether code of the traced function, on the way to the operation, has an ``except``."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_globals.get("__name__") != "wengert.trace.tracing":
        if is_users(frame) and _has_handler(frame.f_code):
            return True
        frame = frame.f_back
    return False


@lru_cache(maxsize=4096)
def _has_handler(code: CodeType) -> bool:
    return any(one.opname == "CHECK_EXC_MATCH" for one in dis.get_instructions(code))


def user_call() -> tuple[FrameType | None, FrameType]:
    """Return the innermost frame of the user's code, and the frame of the call that it is making."""
    call = sys._getframe(1)
    frame = call.f_back
    while frame is not None:
        known = _library.get(id(frame.f_code))  # the plain case first: this runs for every operation
        if not (known[1] if known is not None else _is_library(frame)):
            break
        call = frame
        frame = frame.f_back
    return frame, call


def source_line(frame: FrameType) -> SourceLine:
    """Return the line that `frame` is executing."""
    return SourceLine(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)


def _site(frame: FrameType) -> Site:
    key = (id(frame.f_code), frame.f_lasti)
    site = _sites.get(key)
    if site is None:
        if len(_sites) >= _KEPT:
            _sites.clear()
        site = _sites[key] = Site(frame)
    return site


def origin(frame: FrameType, regions: tuple[Region, ...]) -> Provenance:
    """Return the origin of what `frame` is computing: its line, and the variable that receives it.

    A result that is returned at once is looked for in the caller, so that ``h = relu(z)`` is called h.
    """
    site = _site(frame)
    name = site.name
    current: FrameType | None = frame
    while name == _RETURNED:
        current = current.f_back if current is not None else None
        name = None if current is None or _is_library(current) else _site(current).name
    return site.provenance(name, regions)
