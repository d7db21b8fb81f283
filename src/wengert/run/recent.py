"""What was compiled lately, so that the same program is not planned and compiled again in a process."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

from wengert.run.collector import collector_at_rest

# A network takes two or three programs for training, validation and prediction.
_MOST = 64

# No lock: each operation is one step of the interpreter, and compiling twice is no error.
_known: OrderedDict[Hashable, Any] = OrderedDict()


def recent(key: Hashable, make: Callable[[], Any]) -> Any:
    """Return what `make` gave for this key before, or gives now.

    Programs are equal whatever their inputs are called; where messages name them, the names go into the key.
    """
    found = _known.pop(key, _known)
    if found is _known:
        with collector_at_rest():
            found = make()
    _known[key] = found
    while len(_known) > _MOST:
        _known.popitem(last=False)
    return found
