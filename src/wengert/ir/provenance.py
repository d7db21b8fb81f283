"""Where a node comes from: names, source lines, layers, composites, and the rule that made it.

Provenance lives beside a program, never in a node's identity: two computations that are the same are one
node, whoever wrote them.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wengert.ir.node import Node


@dataclass(frozen=True, slots=True)
class Region:
    """One use of a layer or a composite: everything recorded inside it belongs together.

    Attributes
    ----------
    kind : str
        ``"layer"`` or ``"composite"``.
    name : str
        The layer's path (``layers.0``) or the composite's name (``softmax``).
    number : int
        Tells two uses of the same composite apart.
    """

    kind: str
    name: str
    number: int


@dataclass(frozen=True, slots=True)
class SourceLine:
    """A line of the user's code."""

    file: str
    line: int
    function: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}, in {self.function}"


@dataclass(frozen=True, slots=True)
class Provenance:
    """What is known of a node's origin.

    Attributes
    ----------
    name : str or None
        The user's variable that holds the value.
    source : SourceLine or None
        The line that computed it.
    regions : tuple of Region
        Enclosing layers and composites, outermost first.
    adjoint_of : Node or None
        Set on an accumulated adjoint: the node whose derivative this is.
    rule : str or None
        For a node made by a transformation: the rule, for example ``"vjp of tanh"``.
    """

    name: str | None = None
    source: SourceLine | None = None
    regions: tuple[Region, ...] = ()
    adjoint_of: Node | None = None
    rule: str | None = None


UNKNOWN = Provenance()

_regions: ContextVar[tuple[Region, ...]] = ContextVar("wengert_regions", default=())
_numbers = itertools.count()


def current_regions() -> tuple[Region, ...]:
    """Return the layers and composites that are open in this thread, outermost first."""
    return _regions.get()


@contextmanager
def region(kind: str, name: str) -> Iterator[Region]:
    """Open a region: nodes recorded inside it carry it in their provenance."""
    entered = Region(kind, name, next(_numbers))
    token = _regions.set((*_regions.get(), entered))
    try:
        yield entered
    finally:
        _regions.reset(token)
