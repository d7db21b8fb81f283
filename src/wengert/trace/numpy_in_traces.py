"""While a function is traced, its own code finds tracing functions in place of some of NumPy's and SciPy's.

These are those of `creation`, `scipy_functions` and `python_math`, which take no part in NumPy's protocols.
The modules' attributes stay what they are. As long as any thread traces, the class of the module has a
`__getattribute__`, which looks at who asks: the user's code in a thread that traces gets the tracing
functions; all other code, in this thread or another, gets what the module has under the name. So a method, a
decorated function or a generator is traced as it stands, whatever way leads to it.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from wengert.trace import creation, nested_lists, python_math, source
from wengert.trace.recorder import current_trace
from wengert.trace.scipy import functions as scipy_functions, stats as scipy_stats

_lock = threading.Lock()
_open = 0


def _traced_module(in_traces: dict[str, Any]) -> type[ModuleType]:
    """Return the class that a module has as long as a function is traced."""

    class TracedModule(ModuleType):
        def __getattribute__(self, name: str) -> Any:
            """Return the attribute of the module, or what stands for it in the traced function."""
            made = in_traces.get(name)
            if made is not None:
                trace = current_trace()
                if trace is not None and trace.rule is None and source.is_loading(sys._getframe(1), name):
                    return made
            # Not by super(): another thread may have set the class back meanwhile.
            return ModuleType.__getattribute__(self, name)

    return TracedModule


def _by_name(made: dict[Any, Any]) -> dict[str, Any]:
    return {function.__name__: one for function, one in made.items()}


_CLASSES = {
    "numpy": _traced_module(
        _by_name(nested_lists.IN_TRACES["numpy"]) | creation.JOINERS | _by_name(creation.IN_TRACES)
    ),
    "numpy.linalg": _traced_module(_by_name(nested_lists.IN_TRACES["numpy.linalg"])),
    **{
        name: _traced_module(made)
        for name, made in (scipy_functions.IN_TRACES | python_math.IN_TRACES).items()
    },
}


@contextmanager
def numpy_in_traces() -> Iterator[None]:
    """Let the user's code that is run meanwhile in this thread find the tracing functions."""
    global _open
    with _lock:
        _open += 1
        for name, traced in _CLASSES.items():
            if name in sys.modules:  # a module that is imported only now is found the next time
                sys.modules[name].__class__ = traced
        scipy_stats.watch()
    try:
        yield
    finally:
        with _lock:
            _open -= 1
            if not _open:
                for name in _CLASSES.keys() & sys.modules.keys():
                    sys.modules[name].__class__ = ModuleType
                scipy_stats.leave()
