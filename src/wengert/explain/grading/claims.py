"""Claimed gradients as they are given, and how they compare with the true ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.errors import DTypeError, FormulaError
from wengert.explain.engine import Array
from wengert.explain.formula.parser import Formula, parse

RTOL = 1e-8  # of formulas, in double precision
TYPED_RTOL = 1e-6  # of numbers that were typed in


def ratio(claimed: Sequence[Array], true: Sequence[Array], rtol: float = RTOL) -> float | None:
    """Return the number by which a claim exceeds the reference at all points, None where there is no such."""
    left = np.concatenate([np.ravel(one) for one in claimed])
    right = np.concatenate([np.ravel(one) for one in true])
    scale = float(right @ right)
    if not (scale > 0 and np.all(np.isfinite(left))):
        return None
    number = float(left @ right) / scale
    tolerance = rtol * max(float(np.max(np.abs(left), initial=0)), abs(number) * float(np.max(np.abs(right))))
    return number if number and np.all(np.abs(left - number * right) <= tolerance) else None


def same(claimed: Array, true: Array, rtol: float = RTOL) -> bool:
    """Whether a claimed gradient has the true value; its shape is another matter."""
    scale = float(np.max(np.abs(true), initial=0))
    return bool(np.allclose(claimed, true, rtol=rtol, atol=rtol * scale + 1e-12))


def rounded(claimed: Array, true: Array) -> int | None:
    """Return to how many decimals the reference was rounded to give the claim; None where it was not."""
    for decimals in range(2, 12):
        if np.array_equal(np.round(claimed, decimals), claimed):
            small = np.any((np.abs(true) < 10.0**-decimals) & (true != 0))
            near = np.max(np.abs(claimed - true), initial=0) <= 0.5001 * 10.0**-decimals
            return decimals if near and not small else None
    return None


def read_claim(claim: Any, name: str) -> Formula | Array:
    """Return a claim as a parsed formula or as numbers.

    Raises
    ------
    FormulaError, DTypeError
    """
    if isinstance(claim, str):
        try:
            return parse(claim)
        except FormulaError as error:
            raise FormulaError(f"claim for {name}: {error}") from None
    try:
        numbers = np.asarray(claim)
    except ValueError:  # ragged
        numbers = np.asarray(None)
    if numbers.dtype.kind not in "fiu":
        raise DTypeError(f"claim for {name}: give a formula as text, or numbers; got {type(claim).__name__}")
    return numbers.astype(np.float64)
