"""The table from NumPy's functions to their implementations, and the way into it.

Arguments are bound to the signature of the NumPy function itself, so they may be given by position or by
name, in NumPy's order, and an implementation declares only the parameters that it honours.
"""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from typing import Any

import numpy as np

from wengert.errors import ConcreteValueError, DTypeError, ShapeError, UnsupportedFunctionError
from wengert.ir.primitive import IMPLEMENTATIONS, Primitive
from wengert.trace.tensor import Tensor, here, joined


@dataclass(frozen=True, eq=False)
class _Entry:
    """How one NumPy function is carried out.

    Attributes
    ----------
    function : callable
        NumPy's.
    implementation : callable
        Its parameters have NumPy's names.
    """

    function: Any
    implementation: Callable[..., Any]

    @cached_property
    def _own(self) -> inspect.Signature:
        return inspect.signature(self.implementation)

    @cached_property
    def signature(self) -> inspect.Signature:
        """NumPy's signature."""
        try:
            return inspect.signature(self.function)
        except (TypeError, ValueError):
            # Functions written in C have none before NumPy 2.4; their implementations declare all of it.
            return self._own

    @cached_property
    def honoured(self) -> frozenset[str]:
        """The parameters of the implementation; one for a kind has more than some of its functions."""
        own = frozenset(self._own.parameters)
        return own & frozenset(self.signature.parameters) if self.function in IMPLEMENTATIONS else own


_TABLE: dict[Any, _Entry] = {}


def implements(*functions: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Enter an implementation under NumPy functions; its parameters are the options it honours.

    Under a `Kind`, it is how primitives of that kind, its first argument, are called for the NumPy functions
    that they implement; those may have entries of their own.
    """

    def enter(implementation: Callable[..., Any]) -> Callable[..., Any]:
        for function in functions:
            _TABLE[function] = _Entry(function, implementation)
        return implementation

    return enter


def _name(function: Any) -> str:
    module = getattr(function, "__module__", "numpy").removeprefix("numpy").strip(".")
    public = module and not module.startswith("_") and "._" not in module
    return f"{module}.{function.__name__}" if public else str(function.__name__)


def call_function(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Record ``function(*args, **kwargs)``.

    Raises
    ------
    UnsupportedFunctionError
        Naming the function, or the option that cannot be honoured.
    """
    entry = entry_of(function)
    if entry is None:
        raise UnsupportedFunctionError(f"np.{_name(function)} has no rule{here()}")
    try:
        listed, places = _bound(entry, len(args), tuple(kwargs))
    except TypeError as error:
        raise UnsupportedFunctionError(f"np.{_name(function)}: {error}{here()}") from None
    given: dict[str, Any] = {}
    for name, place, required, honoured in places:
        value = args[place] if isinstance(place, int) else kwargs[place]
        if not required and _is_default(entry.signature, name, value):
            continue
        if not honoured:
            raise UnsupportedFunctionError(f"np.{_name(function)}: the option {name}= has no rule{here()}")
        given[name] = value
    return entry.implementation(*[args[place] for place in listed], **given)


@lru_cache(maxsize=4096)
def _bound(
    entry: _Entry, count: int, names: tuple[str, ...]
) -> tuple[tuple[int, ...], list[tuple[str, int | str, bool, bool]]]:
    """Return which of `count` arguments a function takes as a list, and which argument each parameter is.

    With each parameter, whether it has no default, and whether the implementation honours it. Binding is
    slow, and depends on how many arguments there are and on the names given alone.
    """
    bound = entry.signature.bind(*range(count), **dict(zip(names, names, strict=True)))
    listed: tuple[int, ...] = ()
    places: dict[str, int | str] = {}
    for name, place in bound.arguments.items():
        parameter = entry.signature.parameters[name]
        if parameter.kind is parameter.VAR_POSITIONAL:
            listed = place
        elif parameter.kind is parameter.VAR_KEYWORD:
            places.update(place)
        else:
            places[name] = place
    parameters = entry.signature.parameters
    return listed, [
        (
            name,
            place,
            name in parameters and parameters[name].default is inspect.Parameter.empty,
            name in entry.honoured and name != "out",
        )
        for name, place in places.items()
    ]


def entry_of(function: Any) -> _Entry | None:
    """Return how a NumPy function is carried out: by its own entry, or by that of its primitive's kind."""
    primitive = IMPLEMENTATIONS.get(function)
    if function in _TABLE or primitive is None or primitive.kind not in _TABLE:
        return _TABLE.get(function)
    return _kept(function, of_kind(primitive))


@lru_cache(maxsize=1024)
def of_kind(primitive: Primitive) -> Callable[..., Any]:
    """Return what carries out a NumPy function that a reduction or a scan implements."""
    return partial(_TABLE[primitive.kind].implementation, primitive)


@lru_cache(maxsize=1024)
def _kept(function: Any, implementation: Callable[..., Any]) -> _Entry:
    return _Entry(function, implementation)


def functions() -> list[Any]:
    """Return the NumPy functions that tensors take, beside universal functions and their methods."""
    reduced = [one for one, primitive in IMPLEMENTATIONS.items() if primitive.kind in _TABLE]
    known = [one for one in (*_TABLE, *reduced) if callable(one) and not inspect.isbuiltin(one)]
    return list(dict.fromkeys(known))


def _is_default(signature: inspect.Signature, name: str, value: Any) -> bool:
    """Whether an option says what NumPy does without it; a parameter without default never does."""
    parameter = signature.parameters.get(name)
    if parameter is None:  # one of **kwargs
        return value is None or value is np._NoValue or (name == "where" and value is True)
    if parameter.default is parameter.empty:
        return False
    if value is parameter.default or value is np._NoValue or (name == "where" and value is True):
        return True
    return isinstance(value, (str, bool, int, float)) and bool(value == parameter.default)


def array(value: Any) -> Any:
    """Return a tensor as it is, lists that hold tensors as one, anything else as an array."""
    value = joined(value)
    return value if isinstance(value, Tensor) else np.asarray(value)


def known(value: Any, name: str) -> Any:
    """Return the value of an argument that decides the shape of the result of the function `name`.

    Raises
    ------
    ConcreteValueError
        When it was traced from a type alone.
    """
    if not isinstance(value, Tensor):
        return np.asarray(value)
    try:
        return value.recorder.value(value.node)
    except ConcreteValueError:
        raise ConcreteValueError(
            f"{name}: the shape of the result depends on values that are not known; trace from arrays, which "
            f"specialises the program{here()}"
        ) from None


def whole(value: Any, what: str) -> int:
    """Return `value` as an integer.

    Raises
    ------
    DTypeError
        When it is none; `what` says what it was given for.
    ConcreteValueError
        When it is traced and has no value.
    """
    try:
        return operator.index(value)
    except ConcreteValueError:
        raise
    except TypeError:
        raise DTypeError(f"{what} {value!r} is no integer{here()}") from None


def refuse_booleans(name: str, value: Any) -> None:
    """Raise a `DTypeError` where NumPy has no numbers for the function `name` either."""
    if value.dtype.kind == "b":
        raise DTypeError(f"np.{name} has no meaning for bool: convert with .astype(float){here()}")


def listed(value: Any) -> list[Any]:
    """Return the items of a tuple, list, range or array of one axis; anything else is one item."""
    return list(value) if np.iterable(value) and not isinstance(value, str) else [value]


def normalise_axis(axis: Any, ndim: int) -> int:
    """Return `axis` counted from the front.

    Raises
    ------
    ShapeError
        When there is no such axis.
    DTypeError
        When it is no integer.
    """
    if isinstance(axis, (bool, np.bool_)):
        raise DTypeError(f"axis {axis!r} is no integer{here()}")
    number = whole(axis, "axis")
    if not -ndim <= number < ndim:
        raise ShapeError(f"there is no axis {number} in an array of {ndim} axes{here()}")
    return number % ndim


def normalise_axes(axis: Any, ndim: int) -> tuple[int, ...]:
    """Return axes counted from the front and sorted; None means all of them.

    Raises
    ------
    ShapeError
        When one does not exist or is named twice.
    """
    if axis is None:
        return tuple(range(ndim))
    axes = sorted(normalise_axis(one, ndim) for one in listed(axis))
    if len(set(axes)) != len(axes):
        raise ShapeError(f"axis {axis} names an axis twice{here()}")
    return tuple(axes)


def reduced_axes(axis: Any, ndim: int) -> tuple[int, ...]:
    """Return axes as `normalise_axes` does; a scalar has the axes 0 and −1 here, as in NumPy's reductions."""
    if ndim == 0 and not np.iterable(axis) and axis in (0, -1):
        return ()
    return normalise_axes(axis, ndim)
