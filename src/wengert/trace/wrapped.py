"""Functions made of functions: they look like the function they wrap, and can be copied and pickled."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from types import MethodType
from typing import Any

from wengert.checks import check_callable


class WrappedFunction:
    """What a transformation makes of a function: called like it, named like it.

    Parameters
    ----------
    function : callable
        The function that is transformed.
    transformation : callable
        ``transformation(function, *options)`` makes this one, also from a pickle.
    options : tuple

    Raises
    ------
    ConfigurationError
        When `function` is none.
    """

    def __init__(
        self,
        function: Any,
        transformation: Callable[..., Any],
        options: tuple[Any, ...],
    ) -> None:
        check_callable(transformation.__name__, function)
        self.made_from = transformation, (function, *options)
        functools.update_wrapper(self, function, updated=())

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Return what the transformed function gives for such arguments."""
        raise NotImplementedError

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        """Bind to an object as a function does, so that methods can be decorated."""
        return self if instance is None else MethodType(self, instance)

    def __reduce__(self) -> Any:
        """Return the name where this is a decorated function of a module, else how it was made."""
        found: Any = sys.modules.get(str(getattr(self, "__module__", "")))
        name = str(getattr(self, "__qualname__", ""))
        for part in name.split("."):
            found = getattr(found, part, None)
        return name if found is self else self.made_from


class DerivedFunction(WrappedFunction):
    """A transformed function that is computed by another function.

    Parameters
    ----------
    compute : callable
        Takes what `function` takes.
    function, transformation, options
        See `WrappedFunction`.
    """

    def __init__(
        self,
        compute: Callable[..., Any],
        function: Callable[..., Any],
        transformation: Callable[..., Any],
        options: tuple[Any, ...],
    ) -> None:
        super().__init__(function, transformation, options)
        self._compute = compute

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Return what the transformed function gives for such arguments."""
        return self._compute(*args, **kwargs)
