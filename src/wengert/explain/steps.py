"""The derivation as a tree: sections of steps, each checked before it is shown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from wengert.explain.engine import Point
from wengert.explain.index.expressions import Expression, Symbol
from wengert.explain.index.indices import Index

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a derivation.

    Attributes
    ----------
    subject : Expression
        What the line is about: its left side.
    before : Expression
        What stood there before the step; the subject itself where a chain of equalities begins.
    after : Expression
        What the step makes of it.
    rule : str
        Name of the rule.
    justification : str
        Why the rule applies here, in a sentence; empty where the rule says it all.
    reference : Expression
        What the engine computes for the subject; `after` is compared with it.
    relation : str
        ``=`` or ``+=``.
    axes : tuple of (Index or None), optional
        For a line in matrix notation: the index over the rows and that over the columns.
    shape : tuple of int
        Shape of the result.
    value : ndarray or None
        The result at the given point.
    shown : bool
        Whether printers put the value after the formula.
    """

    subject: Expression
    before: Expression
    after: Expression
    rule: str
    justification: str
    reference: Expression
    relation: str = "="
    axes: tuple[Index | None, Index | None] | None = None
    shape: tuple[int, ...] = ()
    value: Array | None = None
    shown: bool = False

    def continues(self, previous: Step | None) -> bool:
        """Return whether this line goes on from the one before: = … = …"""
        return previous is not None and previous.subject == self.subject and self.before == previous.after


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a derivation with a heading.

    Attributes
    ----------
    title : str
    note : str
        What the part is for, or what has to be said in words.
    steps : tuple of Step
    spaced : bool
        Whether an empty line stands between one subject and the next.
    working : bool
        Whether its values are on the way to a result: of long ones the first and the last row are shown.
    points : tuple of Point
        Where its lines are checked, if they are about another function than the rest; the first is shown.
    """

    title: str
    note: str = ""
    steps: tuple[Step, ...] = ()
    spaced: bool = True
    working: bool = False
    points: tuple[Point, ...] = ()


@dataclass(frozen=True, slots=True)
class Tree:
    """A view of a derivation: its heading and its sections.

    Attributes
    ----------
    title : str
    sections : tuple of Section
    adjoints : dict of Symbol to str
        Values whose adjoint has a letter of its own: δ.
    """

    title: str
    sections: tuple[Section, ...] = ()
    adjoints: dict[Symbol, str] = field(default_factory=dict)

    @property
    def steps(self) -> Iterator[Step]:
        """All steps in order."""
        for section in self.sections:
            yield from section.steps
