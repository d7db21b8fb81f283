"""Claimed gradients that are numbers: compared at the given point alone."""

from __future__ import annotations

from itertools import chain

import numpy as np

from wengert.explain.engine import Array
from wengert.explain.grading.claims import TYPED_RTOL, ratio, rounded, same
from wengert.explain.grading.constant_factors import constants
from wengert.explain.grading.hypotheses import Hypotheses
from wengert.explain.grading.right_gradients import ReferenceGradients
from wengert.explain.grading.slopes import factors
from wengert.explain.grading.work_report import RIGHT, WRONG, ClaimReport
from wengert.explain.index.expressions import Symbol


def check_numbers(reference: ReferenceGradients, symbol: Symbol, claim: Array) -> ClaimReport:
    """Return what is to be said of numbers that are claimed to be a gradient."""
    true = reference.gradients(symbol)[0]
    fits = claim.shape == symbol.shape
    exact = fits and same(claim, true, TYPED_RTOL)
    decimals = rounded(claim, true) if fits and not exact else None
    right = exact or decimals is not None
    mistake = None if right else _mistake(reference, symbol, claim, true)
    notes = () if decimals is None else (f"rounded to {decimals} decimals",)
    return ClaimReport(
        reference.shown_name(symbol), f"∂{reference.output.name}/∂{symbol.name}",
        np.array2string(claim, threshold=20, separator=", "), RIGHT if right else WRONG, claim.shape,
        symbol.shape, 1, int(right), mistake=mistake, notes=notes,
    )  # fmt: skip


def _mistake(reference: ReferenceGradients, symbol: Symbol, claim: Array, true: Array) -> str | None:
    """Return what is wrong with numbers; a formula says more."""
    known = constants(reference.problem.program)
    for value, mistake in ((claim, ""), (claim.T, "it is the transpose of the gradient")):
        if value.shape != true.shape:
            continue
        number = ratio([value], [true], TYPED_RTOL)
        if number is None:
            continue
        if abs(number - 1) < TYPED_RTOL:
            return mistake
        if true.size > 1 or known.plain(number):
            return "; ".join(part for part in (mistake, known.wrong(number)) if part)
    if claim.size > 1 and np.any(claim):  # a single number may be anything
        wrong_steps = Hypotheses(reference, symbol, factors(reference))
        for one in chain(
            wrong_steps.others(), wrong_steps.terms(), wrong_steps.paths(), wrong_steps.neighbours(),
            wrong_steps.jacobians(), wrong_steps.derivatives(),
        ):  # fmt: skip
            supposed = one.values[0]
            if supposed.shape == claim.shape and same(claim, supposed, TYPED_RTOL):
                return one.mistake
    return _entries(claim, true)


def _entries(claim: Array, true: Array) -> str | None:
    """Say which entries are wrong."""
    if claim.shape != true.shape or not np.any(claim):
        return None
    wrong = ~np.isclose(claim, true, rtol=TYPED_RTOL)
    signs = np.isclose(np.abs(claim), np.abs(true), rtol=TYPED_RTOL)
    if np.all(signs):
        return f"the sign of {int(wrong.sum())} of {true.size} entries is wrong"
    place = [int(one) for one in np.argwhere(wrong)[0]]
    if np.all(wrong):
        return None
    return f"{int(wrong.sum())} of {true.size} entries are wrong, the first at {place}"
