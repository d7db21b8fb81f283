"""Index letters: i, j, k for the axes of tensors, one letter for all axes that an operation ties together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

LETTERS = "ijklmpqrstuvwxyzabcdefgh"


@dataclass(frozen=True, slots=True)
class Index:
    """A running index, such as j in w_ij.

    Attributes
    ----------
    letter : str
    extent : int
        It runs over ``0 … extent − 1``.
    primes : int
        Tells a second index over the same axis apart: j and j′.
    last : str
        What the last place is called, T, where the axis is that of the iterations of a loop.
    """

    letter: str
    extent: int = field(compare=False)  # a reader tells indices apart by their letters
    primes: int = 0
    last: str = ""

    def __str__(self) -> str:
        return self.letter + "′" * self.primes


# An axis of extent 1 needs no letter: its only position is 0.
Position = Index | int


def fresh(index: Index, used: Iterable[Position]) -> Index:
    """Return `index` with as many primes as it takes to differ from all `used`."""
    taken = set(used)
    while index in taken:
        index = replace(index, primes=index.primes + 1)
    return index


def distinct(positions: Iterable[Position], used: Iterable[Position] = ()) -> tuple[Position, ...]:
    """Return `positions` with primes added until no index repeats or is in `used`."""
    taken = set(used)
    result: list[Position] = []
    for position in positions:
        if isinstance(position, Index):
            position = fresh(position, taken)
            taken.add(position)
        result.append(position)
    return tuple(result)
