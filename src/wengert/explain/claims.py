"""Claimed gradients: formulas or numbers, and their values at each point in a reading of vectors."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from wengert.errors import DTypeError, FormulaError, LimitError
from wengert.explain.engine import Array
from wengert.explain.expressions import Symbol
from wengert.explain.formula import Formula, parse
from wengert.explain.formula_evaluation import evaluate, evaluate_node
from wengert.explain.truth import Factor, Truth

READINGS = ("as NumPy has them", "rows", "columns")
RTOL = 1e-6


@dataclass(frozen=True)
class Reading:
    """What the names of a claim stand for at each point, vectors as NumPy has them, as rows or as columns.

    Attributes
    ----------
    kind : str
        One of `READINGS`.
    values : tuple of dict
        At each point, the given one first.
    """

    kind: str
    values: tuple[dict[str, Array], ...]

    def at(self, formula: Formula, place: int) -> Array | None:
        """Return the value of a formula at a point, None where shapes do not fit."""
        try:
            return np.asarray(evaluate(formula, self.values[place]), np.float64)
        except (FormulaError, TypeError):
            return None

    def of(self, node: ast.expr, place: int) -> Array | None:
        """Return the value of an edited expression at a point, None where shapes do not fit."""
        try:
            return np.asarray(evaluate_node(node, self.values[place], ""), np.float64)
        except (FormulaError, LimitError, TypeError):
            return None


def readings(truth: Truth, claimed: Symbol, formula: Formula, factors: Sequence[Factor]) -> list[Reading]:
    """Return the readings of a claim's names; rows and columns only where it has vectors with one axis."""
    found = []
    environments = []
    for place, point in enumerate(truth.points):
        environment = truth.environment(point, claimed)
        environment |= {one.formula: one.values[place] for one in factors if "∂" in one.formula}
        environments.append(environment)
    vectors = [name for name in formula.names if np.ndim(environments[0].get(name, 0)) == 1]
    for kind in READINGS if vectors else READINGS[:1]:
        found.append(Reading(kind, tuple(_read(one, kind) for one in environments)))
    return found


def _read(environment: dict[str, Array], kind: str) -> dict[str, Array]:
    if kind == READINGS[0]:
        return environment
    return {
        name: (value[None, :] if kind == "rows" else value[:, None]) if value.ndim == 1 else value
        for name, value in environment.items()
    }


def in_shape(value: Array | None, shape: tuple[int, ...], strict: bool) -> Array | None:
    """Return a value in the shape of a gradient, None where it has another.

    Parameters
    ----------
    strict : bool
        Otherwise axes of extent 1 do not count: a row stands for a vector.
    """
    if value is None or value.shape == shape:
        return value
    plain = tuple(extent for extent in value.shape if extent != 1)
    if not strict and plain == tuple(extent for extent in shape if extent != 1):
        return value.reshape(shape)
    return None


def ratio(claimed: Sequence[Array], true: Sequence[Array]) -> float | None:
    """Return the number by which a claim exceeds the truth at all points, None where there is no such."""
    left = np.concatenate([np.ravel(one) for one in claimed])
    right = np.concatenate([np.ravel(one) for one in true])
    scale = float(right @ right)
    if not (scale > 0 and np.all(np.isfinite(left))):
        return None
    number = float(left @ right) / scale
    tolerance = RTOL * max(float(np.max(np.abs(left), initial=0)), abs(number) * float(np.max(np.abs(right))))
    return number if number and np.all(np.abs(left - number * right) <= tolerance) else None


def same(claimed: Array | None, true: Array) -> bool:
    """Whether a claimed gradient has the true value."""
    scale = float(np.max(np.abs(true), initial=0))
    return claimed is not None and bool(np.allclose(claimed, true, rtol=RTOL, atol=RTOL * scale + 1e-12))


def rounded(claimed: Array, true: Array) -> int | None:
    """Return to how many decimals the truth was rounded to give the claim; None where it was not."""
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
        return np.asarray(claim, np.float64)
    except (TypeError, ValueError):
        raise DTypeError(
            f"claim for {name}: give a formula as text, or numbers; got {type(claim).__name__}"
        ) from None
