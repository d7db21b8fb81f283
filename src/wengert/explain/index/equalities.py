"""Chains of equalities: what is claimed of one subject, line by line."""

from __future__ import annotations

from wengert.explain.index.expressions import Expression, free_indices
from wengert.explain.index.substitution import apart
from wengert.explain.steps import Step


def line(subject: Expression, before: Expression, after: Expression, rule: str, why: str = "") -> Step:
    """Return a step whose reference is what the engine computes for its subject."""
    return Step(subject, before, apart(after, free_indices(subject)), rule, why, reference=subject)


class Equalities:
    """A chain of equalities about one subject, each right side made from the one before.

    Parameters
    ----------
    subject : Expression

    Attributes
    ----------
    last : Expression
        The right side so far; the subject itself where there is none.
    steps : list of Step
    """

    def __init__(self, subject: Expression) -> None:
        self.subject = subject
        self.last = subject
        self.steps: list[Step] = []

    def start(self, after: Expression) -> None:
        """Go on from a right side that needs no line of its own."""
        self.last = apart(after, free_indices(self.subject))

    def put(self, after: Expression, rule: str, why: str = "") -> None:
        """Add a line, unless it says the same as the one before."""
        step = line(self.subject, self.last, after, rule, why)
        if step.after != self.last:
            self.steps.append(step)
            self.last = step.after
