"""What the conversion to matrices works on: factors over the same indices, and products that link them."""

from __future__ import annotations

from dataclasses import dataclass

from wengert.explain.index.expressions import Expression
from wengert.explain.index.indices import Index

Place = Index | None


class NoMatrixForm(Exception):
    """What is to be shown has no form in matrices; the message says why. Users read it in a note."""


def extent_of(place: Place) -> int:
    """Return how many rows or columns an index gives: one where there is none."""
    return 1 if place is None else place.extent


@dataclass(frozen=True)
class Term:
    """Some factors over at most two indices, waiting to be asked for as rows × columns.

    Attributes
    ----------
    indices : tuple of Index
    parts : tuple of Expression or Linked
        Combined with ⊙.
    """

    indices: tuple[Index, ...]
    parts: tuple[Expression | Linked, ...]


@dataclass(frozen=True)
class Linked:
    """A sum over one index that links two terms: a product of matrices.

    Attributes
    ----------
    over : Index
    left, right : Term or None
        None is a vector of ones.
    scaling : Term or None
        A vector over the same index, between them.
    """

    over: Index
    left: Term | None
    right: Term | None
    scaling: Term | None
