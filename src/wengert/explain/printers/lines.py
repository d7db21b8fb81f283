"""The lines of a section as every printer writes them: left side, right sides, remark."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from wengert.explain.matrix.matrices import Table
from wengert.explain.printers.blocks import block
from wengert.explain.printers.digits import short, shown_value
from wengert.explain.printers.instances import in_numbers, instance, largest_element
from wengert.explain.printers.layout import Layout, Term, Text
from wengert.explain.printers.typesetting import Style
from wengert.explain.steps import Section, Step

_ENDS = {"largest": 5, "edge": 1}  # of a value on the way to a result
_WIDEST = 90  # characters of a formula with numbers in it; a longer one is left as it stands


@dataclass(frozen=True)
class Line:
    """One line on the page.

    Attributes
    ----------
    subject : Layout
        The left side.
    continued : bool
        Whether it goes on from the line before, so that the left side is not repeated.
    relation : str
        ``=``, ``+=`` or ``←``, before the first of the right sides.
    right : tuple of Layout
        Joined by equality signs.
    rule, why : str
        What stands beside and below it.
    """

    subject: Layout
    continued: bool
    relation: str
    right: tuple[Layout, ...]
    rule: str = ""
    why: str = ""

    @property
    def about(self) -> str:
        """The name of the term that the line is about."""
        return self.subject.name if isinstance(self.subject, Term) else ""


def lines(section: Section, style: Style) -> Iterator[Line]:
    """Yield the lines of a section; with numbers, an element worked out below each chain of equalities."""
    if style.numbers is not None and section.points:
        style = replace(style, numbers=section.points[0])
    plain = style.without_shapes()
    for place, step in enumerate(section.steps):
        continued = step.continues(section.steps[place - 1] if place else None)
        following = section.steps[place + 1] if place + 1 < len(section.steps) else None
        subject = plain.show(step.subject)
        yield Line(
            subject,
            continued,
            step.relation,
            _right_sides(step, style, continued, section.working),
            step.rule,
            step.justification,
        )
        repeated = following is not None and (following.continues(step) or _in_matrices(following, step))
        if style.numbers is not None and not repeated:
            yield from _worked_out(step, style)


def _in_matrices(following: Step, step: Step) -> bool:
    """Whether the next line says the same in matrices, where all elements are in numbers."""
    return following.axes is not None and following.reference == step.reference


def _right_sides(step: Step, style: Style, continued: bool, working: bool) -> tuple[Layout, ...]:
    """Return the formula, the formula with numbers in it where they are wanted, and the value.

    Of a chain of equalities the first line has the numbers: the factors of the others stand above it.
    """
    sides = [(style.without_shapes() if style.numbers is not None else style).show(step.after)]
    whole = step.axes is not None or isinstance(step.after, Table)
    in_place = style.numbers is not None and whole and not continued
    if in_place:
        inserted = style.show(step.after)
        sides += [inserted] if block(inserted).width <= _WIDEST else []
    if step.value is not None and (step.shown or (in_place and step.axes is not None)):
        sides.append(shown_value(step.value, **_ENDS if working else {}))
    if len(sides) > 1 and step.after == step.subject:
        del sides[0]  # what is given: its value alone
    return tuple(side for place, side in enumerate(sides) if not place or side != sides[place - 1])


def _worked_out(step: Step, style: Style) -> Iterator[Line]:
    """Yield the line that puts the numbers into one element of a line in index notation."""
    places = largest_element(step)
    if places is None or style.numbers is None or isinstance(step.after, Table):
        return
    plain = style.without_shapes()
    numbers = in_numbers(instance(step.after, places), style.numbers)
    if numbers is None:
        return
    sides = [plain.show(numbers)]
    if step.value is not None:
        at = tuple(places.values())
        sides.append(Text(short(float(np.asarray(step.value).reshape(step.shape)[at])), "number"))
    shown = tuple(side for place, side in enumerate(sides) if not place or side != sides[0])
    if len(shown) > 1 or not step.shown:
        yield Line(plain.show(instance(step.subject, places)), False, step.relation, shown, "in numbers")
