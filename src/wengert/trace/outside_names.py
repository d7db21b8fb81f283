"""Names that a traced function finds outside: NumPy's and SciPy's functions imported by name, and arrays.

`numpy_in_traces` serves what is asked of modules. ``from numpy import zeros``, and an array, are bound to
names themselves, so a function that assigns to arrays is run with the same code and other globals: there,
tracing functions stand for NumPy's, constants for arrays, and functions made in the same way for those that
it names. Attributes of objects and modules are not followed.
"""

from __future__ import annotations

import dis
import functools
import sys
from collections.abc import Callable
from functools import lru_cache
from types import CellType, CodeType, FunctionType, MethodType
from typing import Any

import numpy as np

from wengert.trace import creation, nested_lists, python_math
from wengert.trace.captured import contents
from wengert.trace.memory import read_only
from wengert.trace.scipy import functions as scipy_functions, interpolation, stats as scipy_stats
from wengert.trace.scipy.distributions import is_family
from wengert.trace.source import is_installed
from wengert.trace.tensor import Tensor, fillable


def with_outside_names(function: Callable[..., Any], arrays: bool = False) -> Callable[..., Any]:
    """Return a function that can assign to copies of what it finds outside; itself where nothing is to do.

    With `arrays`, constants stand for arrays even where it does not assign to any.
    """
    standing = _in_traces(function)
    if standing is not None:  # the traced function itself is one of NumPy's or SciPy's
        made_in_trace: Callable[..., Any] = standing
        return made_in_trace
    if isinstance(function, MethodType):
        inner = with_outside_names(function.__func__, arrays)
        return function if inner is function.__func__ else MethodType(inner, function.__self__)
    if isinstance(function, functools.partial):
        inner = with_outside_names(function.func, arrays)
        return (
            function
            if inner is function.func
            else functools.partial(inner, *function.args, **function.keywords)
        )
    if not isinstance(function, FunctionType) or not _is_followed(function):
        return function
    reached: dict[int, FunctionType] = {}
    _reach(function, reached)
    assigns = arrays or any(_facts(one.__code__)[1] for one in reached.values())
    found = [value for one in reached.values() for _, value in _outside(one)]
    if not any(_in_traces(value) is not None for value in found) and not (
        assigns and any(type(value) is np.ndarray for value in found)
    ):
        return function
    made: Callable[..., Any] = _made(function, {}, assigns)
    return made


def _is_followed(value: Any) -> bool:
    """Whether a value is a function of the user's, or one of a library's that may hold some in its cells."""
    return isinstance(value, FunctionType) and (not is_installed(value.__code__) or bool(value.__closure__))


def _in_traces(value: Any) -> Any:
    """Return what stands in traced functions for a function of NumPy's or SciPy's, or None."""
    if interpolation.is_polynomial(value):
        return interpolation.TracedPolynomial(value)
    if isinstance(value, MethodType) and is_family(value.__self__):  # bound before the trace
        return scipy_stats.standing_for(value.__self__, value.__name__, value)
    if not callable(value):
        return None
    module = str(getattr(value, "__module__", ""))
    if module in nested_lists.IN_TRACES:
        return creation.IN_TRACES.get(value) or nested_lists.IN_TRACES[module].get(value)
    parts = module.split(".")
    library, name = ".".join(parts[:2]), str(getattr(value, "__name__", ""))
    made = (
        (python_math.IN_TRACES if library == "math" else scipy_functions.IN_TRACES).get(library, {}).get(name)
    )
    return made if made is not None and getattr(sys.modules.get(library), name, None) is value else None


@lru_cache(maxsize=4096)
def _facts(code: CodeType) -> tuple[tuple[str, ...], bool, bool]:
    """Return the global names in a function, whether it assigns to items or in place, and to globals."""
    names: dict[str, None] = {}
    assigns = writes = False
    for one in dis.get_instructions(code):
        if one.opname.startswith(("LOAD_GLOBAL", "LOAD_NAME")):
            names[str(one.argval)] = None
        assigns |= one.opname == "STORE_SUBSCR" or (one.opname == "BINARY_OP" and one.argrepr.endswith("="))
        writes |= one.opname == "STORE_GLOBAL"
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            inner, inner_assigns, inner_writes = _facts(constant)
            names.update(dict.fromkeys(inner))
            assigns, writes = assigns or inner_assigns, writes or inner_writes
    return tuple(names), assigns, writes


def _outside(function: FunctionType) -> list[tuple[Any, Any]]:
    """Return what a function finds outside, under names of globals and places of cells."""
    names, _, writes = _facts(function.__code__)
    table = function.__globals__
    found: list[tuple[Any, Any]] = [
        (place, contents(cell)) for place, cell in enumerate(function.__closure__ or ())
    ]
    if is_installed(function.__code__):
        return [(place, value) for place, value in found if _is_replaced(value, assigns=False)]
    return found if writes else found + [(name, table[name]) for name in names if name in table]


def _reach(function: FunctionType, reached: dict[int, FunctionType]) -> None:
    pending = [function]
    while pending:
        one = pending.pop()
        if id(one) not in reached:
            reached[id(one)] = one
            pending += [value for _, value in _outside(one) if _is_followed(value)]


def _is_replaced(value: Any, assigns: bool) -> bool:
    return _in_traces(value) is not None or _is_followed(value) or (assigns and type(value) is np.ndarray)


def _made(value: Any, made: dict[int, Any], assigns: bool) -> Any:
    """Return what stands for a value in the traced function."""
    standing = _in_traces(value)
    if standing is not None:
        return standing
    if id(value) in made:
        return made[id(value)]
    if not _is_followed(value):
        constant = fillable(value)
        if isinstance(constant, Tensor):
            read_only(constant)  # the array itself must not change: a copy may
        made[id(value)] = constant
        return constant
    cells = value.__closure__ or ()
    # Cells that keep their content stay the same, so that assignments to them are seen.
    replaced = {place for place, content in _outside(value) if _is_replaced(content, assigns)}
    closure = tuple(CellType() if place in replaced else cell for place, cell in enumerate(cells))
    named = [content for place, content in _outside(value) if isinstance(place, str)]
    table = dict(value.__globals__) if any(_is_replaced(one, assigns) for one in named) else value.__globals__
    new = FunctionType(value.__code__, table, value.__name__, value.__defaults__, closure)
    new.__kwdefaults__ = value.__kwdefaults__
    new.__dict__.update(value.__dict__)
    made[id(value)] = new
    for place, content in _outside(value):
        if not _is_replaced(content, assigns):
            continue
        if isinstance(place, str):
            table[place] = _made(content, made, assigns)
        else:
            closure[place].cell_contents = _made(content, made, assigns)
    return new
