"""Keeping what a function of an expression returned with the expression, which never changes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from wengert.explain.index.expressions import Expression

Result = TypeVar("Result")


class Memoised:
    """Base of what `memoised` functions are computed of.

    Attributes
    ----------
    results : dict
        What those functions returned for it, by function. It is no part of a copy.
    """

    __slots__ = ("results",)


def memoised(function: Callable[[Expression], Result]) -> Callable[[Expression], Result]:
    """Return a function that computes once for each object; what it returns must not be changed.

    Equal expressions have results of their own, since indices of different extents may be equal.
    """

    @functools.wraps(function)
    def computed_once(expression: Expression) -> Result:
        results = getattr(expression, "results", None)
        if results is None:
            object.__setattr__(expression, "results", results := {})
        if function not in results:
            results[function] = function(expression)
        found: Result = results[function]
        return found

    return computed_once
