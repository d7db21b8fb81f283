"""Ranks: on which line each box stands, so that arrows point downwards and are short in all."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from wengert.errors import DerivationError
from wengert.explain.drawing.layered.graph import Arrow
from wengert.extras import optional_library


def ranks(boxes: int, arrows: Sequence[Arrow]) -> list[int]:
    """Return the rank of each box: heads at least one below tails, the sum of the lengths least.

    Notes
    -----
    The linear program of Gansner, Koutsofios, North & Vo 1993, section 2. Its matrix is totally unimodular,
    so that the vertex the simplex method ends at is whole.
    """
    if not arrows:
        return [0] * boxes
    optimize, sparse = (
        optional_library(f"scipy.{name}", "drawings are laid out with SciPy", "draw")
        for name in ("optimize", "sparse")
    )
    tails = np.array([arrow.tail for arrow in arrows])
    heads = np.array([arrow.head for arrow in arrows])
    rows = np.arange(len(arrows))
    ones = np.ones(len(arrows))
    differences = sparse.csr_array(
        (np.r_[ones, -ones], (np.r_[rows, rows], np.r_[tails, heads])), shape=(len(arrows), boxes)
    )
    cost = np.bincount(heads, minlength=boxes) - np.bincount(tails, minlength=boxes)
    found = optimize.linprog(cost, A_ub=differences, b_ub=-ones, bounds=(0, None), method="highs-ds")
    if found.x is None:
        raise DerivationError(f"the graph to draw has no ranks: {found.message}")
    whole = np.round(found.x).astype(int)
    return [int(one) for one in whole - whole.min()]
