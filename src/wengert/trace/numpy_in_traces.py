"""While a function is traced, its own code finds the functions of `creation` in place of NumPy's.

NumPy's attributes stay what they are. As long as any thread traces, the class of the module has a
`__getattribute__`, which looks at who asks: the user's code in a thread that traces gets the functions of
`creation`; all other code, in this thread or another, gets what NumPy has under the name. So a method, a
decorated function or a generator is traced as it stands, whatever way leads to it.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np

from wengert.trace import source
from wengert.trace.creation import IN_TRACES
from wengert.trace.recorder import current_trace

_BY_NAME = {name: made for function, made in IN_TRACES.items() for name in (function.__name__,)}
_lock = threading.Lock()
_open = 0


class _NumPy(ModuleType):
    """NumPy, as long as a function is traced."""

    def __getattribute__(self, name: str) -> Any:
        """Return the attribute of the module, or what stands for it in the traced function."""
        made = _BY_NAME.get(name)
        if made is not None:
            trace = current_trace()
            if trace is not None and trace.rule is None and source.is_users(sys._getframe(1)):
                return made
        # Not by super(): another thread may have set the class back meanwhile.
        return ModuleType.__getattribute__(self, name)


@contextmanager
def numpy_in_traces() -> Iterator[None]:
    """Let the user's code that is run meanwhile in this thread find the functions of `creation`."""
    global _open
    with _lock:
        _open += 1
        np.__class__ = _NumPy
    try:
        yield
    finally:
        with _lock:
            _open -= 1
            if not _open:
                np.__class__ = ModuleType
