"""Why a claimed gradient is wrong: hypotheses tested one after the other, at all random points."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from wengert.explain.claims import READINGS, Reading, in_shape, ratio
from wengert.explain.engine import Array
from wengert.explain.formula import Formula
from wengert.explain.slips import Edit, Vocabulary, double_edits, shown, single_edits

_MOST_PAIRS = 4000
_LARGE = 20_000  # elements from which on pairs of edits are not tried


@dataclass(frozen=True)
class Diagnosis:
    """What was wrong.

    Attributes
    ----------
    slip : str
    corrected : str or None
        The claim put right, as code.
    """

    slip: str
    corrected: str | None = None


def diagnose(
    formula: Formula,
    ways: Sequence[Reading],
    true: Sequence[Array],
    vocabulary: Vocabulary,
    extents: Mapping[int, str],
) -> Diagnosis | None:
    """Return the first hypothesis under which the claim becomes the gradient at all random points.

    Parameters
    ----------
    formula : Formula
        What is claimed.
    ways : sequence of Reading
    true : sequence of ndarray
        The gradient at each point, the given one first.
    vocabulary : Vocabulary
    extents : mapping of int to str
        Sizes that a mean may divide by, and where they are from.
    """
    places = range(1, len(true)) or range(1)
    search = _Search(true, places, extents)
    root = _inlined(formula)
    for reading in ways:
        strict = reading.kind == READINGS[0]
        values = [in_shape(reading.at(formula, place), true[place].shape, strict) for place in places]
        found = search.constant(values)
        if found is not None:
            return Diagnosis(found[0], _scaled(root, found[1]))
    # A slip of structure alone goes before one together with a constant factor.
    for edits, most, plain in (
        (single_edits, None, True), (single_edits, None, False), (double_edits, _MOST_PAIRS, True),
    ):  # fmt: skip
        if most is not None and max(one.size for one in true) > _LARGE:
            continue
        for reading in ways:
            found_edit = search.edit(islice(edits(root, vocabulary), most), reading, plain)
            if found_edit is not None:
                return found_edit
    return None


def _inlined(formula: Formula) -> ast.expr:
    """Return the formula as one expression, its own assignments written out."""
    known: dict[str, ast.expr] = {}

    class Insert(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.AST:
            return known.get(node.id, node)

    for name, value in formula.assignments:
        known[name] = Insert().visit(ast.parse(shown(value), mode="eval").body)
    result: ast.expr = Insert().visit(ast.parse(shown(formula.result), mode="eval").body)
    return result


def _scaled(node: ast.expr, number: float) -> str:
    """Return an expression divided by a number, as code."""
    if number < 0:
        return f"-({shown(node)})" if abs(number + 1) < 1e-6 else f"-{_scaled(node, -number)}"
    inverse = 1 / number
    whole = abs(inverse - round(inverse)) < 1e-9
    return f"{round(inverse)} * ({shown(node)})" if whole else f"({shown(node)}) / {number:.6g}"


class _Search:
    """Holds candidates against the true gradient.

    Parameters
    ----------
    true : sequence of ndarray
    places : sequence of int
        The points that count.
    extents : mapping of int to str
    """

    def __init__(self, true: Sequence[Array], places: Sequence[int], extents: Mapping[int, str]) -> None:
        self._true = true
        self._places = places
        self._extents = extents

    def constant(self, values: Sequence[Array | None]) -> tuple[str, float] | None:
        """Return what is wrong, and the number, where a claim is a constant times the gradient."""
        known = [value for value in values if value is not None]
        if len(known) < len(values):
            return None
        number = ratio(known, [self._true[place] for place in self._places])
        if number is None or abs(number - 1) < 1e-6:
            return None
        return wrong_factor(number, self._extents), number

    def edit(self, edits: Iterable[Edit], reading: Reading, plain: bool) -> Diagnosis | None:
        """Return the first edit that gives the gradient, or with `plain` false a multiple of it."""
        strict = reading.kind == READINGS[0]
        for node, slip in edits:
            number = self._multiple(lambda place, node=node: reading.of(node, place), strict)  # type: ignore[misc]
            if number is None:
                continue
            if abs(number - 1) < 1e-6:
                return Diagnosis(slip, shown(node))
            if not plain and plain_number(number, self._extents):
                return Diagnosis(f"{slip}; {wrong_factor(number, self._extents)}", _scaled(node, number))
        return None

    def _multiple(self, value_at: Callable[[int], Array | None], strict: bool) -> float | None:
        """Return how many times the gradient a candidate is; most are given up at the first point."""
        values: list[Array] = []
        for place in self._places:
            value = in_shape(value_at(place), self._true[place].shape, strict)
            if value is None:
                return None
            values.append(value)
            if ratio(values, [self._true[one] for one in self._places[: len(values)]]) is None:
                return None
        return ratio(values, [self._true[place] for place in self._places])


def plain_number(number: float, extents: Mapping[int, str]) -> bool:
    """Whether a number is one that slips bring about: ±1, 2, ½, N, 1/N."""
    size = abs(number)
    usual = [1.0, 2.0, 0.5, *extents, *(2.0 * one for one in extents), *(one / 2 for one in extents)]
    return any(np.isclose(size, one, rtol=1e-6) or np.isclose(size, 1 / one, rtol=1e-6) for one in usual)


def wrong_factor(number: float, extents: Mapping[int, str]) -> str:
    """Say what is wrong with a claim that is a number times the gradient."""
    parts = ["the sign is wrong"] if number < 0 else []
    size = abs(number)

    def near(value: float) -> bool:
        return bool(np.isclose(size, value, rtol=1e-6))

    if near(2):
        mean = f", or the 1/N of a mean (N = 2, {extents[2]})" if 2 in extents else ""
        parts.append(f"a factor ½ is missing{mean}: it is twice the gradient")
    elif near(0.5):
        parts.append("a factor 2 is missing: it is half the gradient")
    elif not near(1) and not plain_number(size, extents):
        parts.append(f"it is {size:.6g} times the gradient, everywhere")
    for extent, where in extents.items():
        if near(2) or near(0.5) or near(1):
            break
        origin = f"N = {extent}, {where}"
        if near(extent):
            parts.append(f"the factor 1/N of a mean is missing ({origin})")
        elif near(1 / extent):
            parts.append(f"a factor 1/N too many: it is a sum, not a mean ({origin})")
        elif near(2 * extent):
            parts.append(f"the factors ½ and 1/N are missing ({origin})")
        elif near(2 / extent):
            parts.append(f"a factor ½ is missing and 1/N is too many ({origin})")
        elif near(extent / 2):
            parts.append(f"a factor 2 and the factor 1/N are missing ({origin})")
        else:
            continue
        break
    return ", and ".join(parts)
