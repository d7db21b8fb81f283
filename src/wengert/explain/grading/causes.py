"""Why a claimed gradient is wrong: hypotheses tested one after the other, at all random points."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, islice

import numpy as np

from wengert.explain.engine import Array
from wengert.explain.formula.parser import function_name
from wengert.explain.grading.claims import RTOL, ratio, same
from wengert.explain.grading.common_mistakes import comparison, double_edits, only_symmetric, single_edits
from wengert.explain.grading.constant_factors import Constants
from wengert.explain.grading.conventions import Reading
from wengert.explain.grading.edits import Edit, Vocabulary, everywhere, shown
from wengert.explain.grading.hypotheses import Hypotheses, Hypothesis

_MOST_PAIRS = 2000
_FLOPS = 5 * 10**9  # operations of all edits together; one takes about as many as the function
_FEWEST = 100  # edits that are tried however much work each is
_OMISSIONS = ("the derivative of", "the factor", "a sum", "the term")


@dataclass(frozen=True)
class Diagnosis:
    """What was wrong.

    Attributes
    ----------
    mistake : str
    corrected : str or None
        The claim put right, as NumPy code; not yet held against the gradient.
    """

    mistake: str
    corrected: str | None = None


class Diagnostician:
    """Finds what is wrong with a claim.

    Parameters
    ----------
    ways : sequence of Reading
        NumPy's first.
    true : sequence of ndarray
        The gradient at each point, the given one first.
    vocabulary : Vocabulary
    constants : Constants
    hypotheses : Hypotheses
    accepted : callable
        Whether code has the value of the gradient at all points, the given one too.
    flops : int
        Of one evaluation of the function.
    """

    def __init__(
        self,
        ways: Sequence[Reading],
        true: Sequence[Array],
        vocabulary: Vocabulary,
        constants: Constants,
        hypotheses: Hypotheses,
        accepted: Callable[[str], bool],
        flops: int,
    ) -> None:
        self._ways = ways
        self._true = true
        self._places = range(1, len(true)) or range(1)
        self._vocabulary = vocabulary
        self._constants = constants
        self._hypotheses = hypotheses
        self._accepted = accepted
        self._most = max(_FEWEST, _FLOPS // max(1, flops))

    def diagnose(self, root: ast.expr) -> Diagnosis | None:
        """Return the first hypothesis under which the claim becomes the gradient at all random points."""
        return self._multiple_of_gradient(root) or self._of_another(root) or self._structural(root)

    def at_a_kink(self, root: ast.expr) -> str | None:
        """Return the claim with a comparison that counts equality otherwise, where that is all it takes."""
        for node, _ in everywhere(root, comparison):
            if self._accepted(shown(node)):
                return shown(node)
        return None

    def _structural(self, root: ast.expr) -> Diagnosis | None:
        h, words = self._hypotheses, self._vocabulary
        claimed = self._claimed(root)
        return (
            self._edited(everywhere(root, lambda one: only_symmetric(one, words)))
            or self._as_supposed(root, chain(h.terms(), h.paths(), h.neighbours(), h.jacobians()), claimed)
            or self._edited(single_edits(root, words))
            or self._as_supposed(root, h.derivatives(), claimed)
            or self._scaled_term(root, claimed)
            or self._edited(single_edits(root, words, terms=False), plain=False)
            or self._edited(islice(double_edits(root, words), min(_MOST_PAIRS, self._most)))
        )

    def _claimed(self, root: ast.expr) -> list[Array] | None:
        """Return the value of the claim at each random point, None where it has none."""
        found = [self._ways[0].at(root, place) for place in self._places]
        known = [one for one in found if one is not None and np.all(np.isfinite(one))]
        return known if len(known) == len(found) else None

    def _multiple_of_gradient(self, root: ast.expr) -> Diagnosis | None:
        for reading in self._ways:
            code = reading.numpy(root)
            number = None if code is None else self._multiple(reading, code)
            if code is not None and number is not None and abs(number - 1) > RTOL:
                return Diagnosis(self._constants.wrong(number, _divides(root)), scaled(code, number))
        return None

    def _of_another(self, root: ast.expr) -> Diagnosis | None:
        claimed = self._claimed(root)
        if claimed is None:
            return None
        for other in self._hypotheses.others():
            if self._equals(claimed, other.values):
                further = self._structural(root)
                if further is None or not further.mistake.startswith(_OMISSIONS):
                    return Diagnosis(other.mistake)
                return Diagnosis(f"{other.mistake}: {further.mistake}", further.corrected)
        return None

    def _as_supposed(
        self, root: ast.expr, hypotheses: Iterable[Hypothesis], claimed: Sequence[Array] | None
    ) -> Diagnosis | None:
        """Return the first wrong step that leads to the claim."""
        if claimed is None:
            return None
        for one in hypotheses:
            if self._equals(claimed, one.values) and any(np.any(value) for value in one.values):
                return Diagnosis(one.mistake, one.left_out and f"{shown(root)} + {one.left_out}")
        return None

    def _scaled_term(self, root: ast.expr, claimed: Sequence[Array] | None) -> Diagnosis | None:
        """Return what is wrong where one term of the output counts with another factor."""
        true = [self._true[place] for place in self._places]
        if claimed is None or any(one.shape != other.shape for one, other in zip(claimed, true, strict=True)):
            return None
        for one in self._hypotheses.terms():
            part = [whole - one.values[place] for whole, place in zip(true, self._places, strict=True)]
            lacking = [whole - claim for whole, claim in zip(true, claimed, strict=True)]
            number = ratio(lacking, part)
            if number is not None and abs(number - 1) > 1e-6 and one.left_out:
                there = 1 - number
                if not self._constants.plain(there):
                    continue
                text = self._constants.wrong(there).replace("the gradient", "its gradient")
                return Diagnosis(f"the gradient of one term is {one.left_out}, and in it {text}")
        return None

    def _equals(self, claimed: Sequence[Array], supposed: Sequence[Array]) -> bool:
        return all(
            value.shape == supposed[place].shape and same(value, supposed[place])
            for value, place in zip(claimed, self._places, strict=True)
        )

    def _edited(self, edits: Iterable[Edit], plain: bool = True) -> Diagnosis | None:
        """Return the first edit that gives the gradient, or with `plain` false a multiple of it."""
        for node, mistake in islice(edits, self._most):
            for reading in self._ways:
                code = reading.numpy(node)
                number = None if code is None else self._multiple(reading, code)
                if code is None or number is None:
                    continue
                if abs(number - 1) <= RTOL:
                    return Diagnosis(mistake, shown(code))
                if not plain and self._constants.plain(number):
                    return Diagnosis(f"{mistake}; {self._constants.wrong(number)}", scaled(code, number))
        return None

    def _multiple(self, reading: Reading, code: ast.expr) -> float | None:
        """Return how many times the gradient a candidate is; most are given up at the first point."""
        values: list[Array] = []
        for place in self._places:
            value = reading.at(code, place)
            if value is None or value.shape != self._true[place].shape:
                return None
            values.append(value)
            so_far = [self._true[one] for one in self._places[: len(values)]]
            if any(np.any(one) for one in so_far) and ratio(values, so_far) is None:
                return None
        return ratio(values, [self._true[place] for place in self._places])


def scaled(node: ast.expr, number: float) -> str:
    """Return an expression divided by a number, as code."""
    if number < 0:
        return f"-({shown(node)})" if abs(number + 1) < 1e-6 else f"-{scaled(node, -number)}"
    if abs(number - 1) < 1e-6:
        return shown(node)
    inverse = 1 / number
    whole = abs(inverse - round(inverse)) < 1e-9 * inverse
    return f"{round(inverse)} * ({shown(node)})" if whole else f"({shown(node)}) / {_number(number)}"


def _number(number: float) -> str:
    near = round(number)
    return str(near) if near and abs(number - near) < 1e-9 * abs(number) else f"{number:.12g}"


def _divides(node: ast.expr) -> bool:
    """Whether a claim divides by something or takes a mean."""
    return any(
        isinstance(one, ast.Div) or (isinstance(one, ast.Call) and function_name(one) == "mean")
        for one in ast.walk(node)
    )
