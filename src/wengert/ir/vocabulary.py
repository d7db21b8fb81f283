"""Where primitives are declared, for a pickled program that is read before any was needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_load: list[Callable[[], Any]] = []


def provide_vocabulary(load: Callable[[], Any]) -> None:
    """Have `load` declare all primitives when it is first needed; `import wengert` does this."""
    _load[:] = [load]


def load_vocabulary() -> None:
    """Declare all primitives."""
    for load in _load:
        load()
