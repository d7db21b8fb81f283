"""What is to be said of claimed gradients, and how it is printed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from wengert.explain.formula.evaluator import shape_text
from wengert.explain.printers.text import prose

RIGHT, ON_PAPER, WRONG = "right", "right on paper, not in NumPy", "wrong"
_MARKS = {RIGHT: "✓", ON_PAPER: "≈", WRONG: "✗"}


@dataclass(frozen=True)
class ClaimReport:
    """What is to be said of one claimed gradient; true when it is right as NumPy code.

    Attributes
    ----------
    name : str
        The value that was differentiated by.
    title : str
        ``∂L/∂W``.
    claim : str
        As given; numbers are abbreviated.
    verdict : str
        ``right``, ``right on paper, not in NumPy`` or ``wrong``. On paper, vectors are rows or columns, which
        changes what ``@``, ``.T`` and outer products mean and nothing else.
    claimed_shape : tuple of int or None
        None where the shapes within the claim do not fit.
    true_shape : tuple of int
    points, points_right : int
        How many points it was compared at, and at how many it agreed, as NumPy code.
    error : str or None
        Why the claim has no value.
    mistake : str or None
        What went wrong, where that was found.
    corrected : str or None
        The claim put right: NumPy code over the function's names, which `check_work` accepts.
    notes : tuple of str
    """

    name: str
    title: str
    claim: str
    verdict: str
    claimed_shape: tuple[int, ...] | None
    true_shape: tuple[int, ...]
    points: int
    points_right: int
    error: str | None = None
    mistake: str | None = None
    corrected: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def right(self) -> bool:
        """Whether it is right as NumPy code."""
        return self.verdict == RIGHT

    @property
    def shape_right(self) -> bool:
        """Whether it has the shape of the gradient."""
        return self.claimed_shape == self.true_shape

    @property
    def value_right(self) -> bool:
        """Whether it agreed at every point."""
        return self.points_right == self.points

    def __bool__(self) -> bool:
        return self.right

    def __str__(self) -> str:
        lines = [f"{_MARKS[self.verdict]} {self.title} = {self.claim}"]
        expected = shape_text(self.true_shape)
        if self.claimed_shape is None:
            lines.append(f"  shape: wrong; it must be {expected}, and the claim has none:")
            lines += [f"    {line}" for line in (self.error or "").splitlines()]
        elif self.shape_right:
            lines.append(f"  shape: right, {expected}")
        else:
            claimed = shape_text(self.claimed_shape)
            lines.append(f"  shape: wrong; it is {claimed} and must be {expected}, as {self.name} is")
        if self.claimed_shape is not None:
            lines.append(f"  value: {self._value()}")
        if self.mistake:
            label = "verdict" if self.verdict == ON_PAPER else "what went wrong"
            lines += prose(f"{label}: {self.mistake}")
        elif not self.right:
            lines.append("  what went wrong: none of the usual mistakes alone")
        if self.corrected:
            lines.append(f"  put right: {self.corrected}")
        return "\n".join([*lines, *(line for note in self.notes for line in prose(f"note: {note}"))])

    def _value(self) -> str:
        if self.points == 1:
            return f"{'right' if self.value_right else 'wrong'} at the given point"
        if self.value_right:
            return f"right at all {self.points} points"
        return f"wrong at {self.points - self.points_right} of {self.points} points"


@dataclass(frozen=True)
class WorkReport:
    """What is to be said of all claims; true when every one is right.

    Attributes
    ----------
    claims : tuple of ClaimReport
    """

    claims: tuple[ClaimReport, ...]

    def __bool__(self) -> bool:
        return all(self.claims)

    def __iter__(self) -> Iterator[ClaimReport]:
        return iter(self.claims)

    def __len__(self) -> int:
        return len(self.claims)

    def __getitem__(self, name: str) -> ClaimReport:
        for claim in self.claims:
            if claim.name == name:
                return claim
        raise KeyError(name)

    def __str__(self) -> str:
        return "\n\n".join(map(str, self.claims))

    def __repr__(self) -> str:
        right = sum(map(bool, self.claims))
        return f"<work: {right} of {len(self.claims)} claims right>"
