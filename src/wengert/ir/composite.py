"""Composites: functions of primitives that explanation shows folded or open."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from wengert.ir.provenance import region

P = ParamSpec("P")
R = TypeVar("R")

COMPOSITES: dict[str, Callable[..., Any]] = {}


def composite(function: Callable[P, R]) -> Callable[P, R]:
    """Mark a function written in plain NumPy as a named region of the programs it takes part in.

    The nodes recorded by a call carry a `Region` of kind ``"composite"`` with the function's name.
    """

    @functools.wraps(function)
    def recorded(*args: P.args, **kwargs: P.kwargs) -> R:
        with region("composite", function.__name__):
            return function(*args, **kwargs)

    COMPOSITES[function.__name__] = recorded
    return recorded
