"""Comparing each line of a derivation with the engine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from wengert.errors import DerivationError
from wengert.explain.engine import Point
from wengert.explain.index.expressions import ZERO, Expression, Partial, free_indices
from wengert.explain.index.index_values import Evaluation
from wengert.explain.index.indices import Index
from wengert.explain.matrix.matrix_values import matrix_value
from wengert.explain.steps import Step, Tree

RELATIVE_TOLERANCE = 1e-8
_SAMPLED = 3  # positions of each free index at which a line in index notation is compared

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Verification:
    """The outcome of checking a derivation.

    Attributes
    ----------
    lines : int
        Lines compared with the engine.
    points : int
        Points at which each was compared.
    tolerance : float
        Relative to the largest element of the line.
    """

    lines: int
    points: int
    tolerance: float = RELATIVE_TOLERANCE

    def __str__(self) -> str:
        lines = "1 line agrees" if self.lines == 1 else f"{self.lines} lines agree"
        plural = "" if self.points == 1 else "s"
        return f"{lines} with the engine at {self.points} point{plural}, to {self.tolerance:g}"


def sampled_positions(indices: Iterable[Index], rng: np.random.Generator) -> dict[Index, Array]:
    """Choose a few positions of each index; equal axes get equal positions, so that deltas are met."""
    chosen: dict[int, Array] = {}
    for index in indices:
        if index.extent > _SAMPLED and index.extent not in chosen:
            drawn = rng.choice(index.extent, size=_SAMPLED, replace=False)
            chosen[index.extent] = np.sort(drawn)
    return {index: chosen[index.extent] for index in indices if index.extent in chosen}


def _pair(step: Step, point: Point, rng: np.random.Generator, fp_flags: list[str]) -> tuple[Array, Array]:
    """Return what the line says and what the engine says; overflows in the line are noted in `fp_flags`."""
    if step.axes is not None:
        wanted = [axis for axis in step.axes if axis is not None]
        loops = [index for index in free_indices(step.reference) if index not in wanted]
        at = sampled_positions(loops, rng)
        expected = Evaluation(point, at).run(step.reference, [*loops, *wanted])
        shape = (*expected.shape[: len(loops)], *(1 if axis is None else axis.extent for axis in step.axes))
        said = matrix_value(step.after, point.at(at), fp_flags)
        # A zero matrix is written 0, whatever its shape, and what all iterations share once.
        repeated = step.after == ZERO or said.ndim < len(shape)
        return np.broadcast_to(said, shape) if repeated else said, expected.reshape(shape)
    axes = tuple(dict.fromkeys([*free_indices(step.reference), *free_indices(step.after)]))
    positions = sampled_positions(axes, rng)
    said = Evaluation(point, positions, fp_flags).run(step.after, axes)
    return said, Evaluation(point, positions).run(step.reference, axes)


def check_step(step: Step, point: Point, rng: np.random.Generator, where: str) -> bool:
    """Compare one line with the engine at a point; return False where it over- or underflows there.

    Raises
    ------
    DerivationError
        When they disagree; names the line.
    """
    fp_flags: list[str] = []
    said, expected = _pair(step, point, rng, fp_flags)
    if not np.all(np.isfinite(said) | (said == expected)):  # −∞ may be meant
        return False
    finite = np.isfinite(expected)
    scale = max(1.0, float(np.max(np.abs(expected), initial=0, where=finite)))
    fits = said.shape == expected.shape
    if not (fits and np.allclose(said, expected, rtol=0, atol=RELATIVE_TOLERANCE * scale)):
        if fits and fp_flags:  # ln(e^x + e^y) is −∞ in floating point where x and y are −800
            return False
        from wengert.explain.printers.blocks import plain

        raise DerivationError(
            f"{where}: the line {plain(step.subject)} {step.relation} {plain(step.after)} ({step.rule}) "
            f"disagrees with the engine: shape {said.shape} against {expected.shape}, largest difference "
            f"{np.max(np.abs(said - expected)) if said.shape == expected.shape else 'undefined'}"
        )
    return True


def check_tree(tree: Tree, points: Sequence[Point], rng: np.random.Generator) -> Verification:
    """Check every line of a view at every point.

    Raises
    ------
    DerivationError
        When a line disagrees with the engine, or overflows at all points so that nothing could be compared.
    """
    lines = 0
    for section in tree.sections:
        here = section.points or points
        for step in section.steps:
            agreed = [check_step(step, point, rng, section.title) for point in here]
            if not any(agreed):  # the formula overflows where the stable form of the engine does not
                calm = here[0].engine.calm(3, rng) if here else []
                agreed = [check_step(step, point, rng, section.title) for point in calm]
            if not any(agreed):
                raise DerivationError(
                    f"{section.title}: a line ({step.rule}) is finite at none of the points"
                )
            lines += 1
    return Verification(lines, len(points))


def at_fresh_points(tree: Tree, count: int, rng: np.random.Generator) -> Tree:
    """Return the tree with fresh points for the sections that have points of their own."""
    sections = []
    for section in tree.sections:
        fresh = section.points[0].engine.fresh(count, rng) if section.points else ()
        sections.append(replace(section, points=tuple(fresh)))
    return replace(tree, sections=tuple(sections))


def with_values(tree: Tree, point: Point, largest: int = 400_000) -> Tree:
    """Return the tree with shape and value of each line filled in, as the engine has them."""
    sections = []
    for section in tree.sections:
        here = section.points[0] if section.points else point
        steps = tuple(_with_value(step, here, largest) for step in section.steps)
        sections.append(replace(section, steps=steps))
    return replace(tree, sections=tuple(sections))


def _with_value(step: Step, point: Point, largest: int) -> Step:
    axes = [axis for axis in step.axes if axis] if step.axes else list(_axes(step.reference))
    shape = tuple(1 if axis is None else axis.extent for axis in step.axes) if step.axes else ()
    if step.axes:  # of the values in all iterations a row each
        loops = [index for index in _axes(step.reference) if index not in axes]
        shape = tuple(index.extent for index in (*loops, *axes)) if loops else shape
        axes = [*loops, *axes]
    extents = tuple(axis.extent for axis in axes)
    shape = shape if step.axes else extents
    if int(np.prod(extents, dtype=np.int64)) > largest or _needs_jacobian(step.reference, extents):
        return replace(step, shape=shape)
    value = Evaluation(point, {}).run(step.reference, axes).reshape(shape)
    return replace(step, shape=shape, value=value)


def _axes(expression: Expression) -> tuple[Index, ...]:
    return free_indices(expression)


def _needs_jacobian(expression: Expression, extents: tuple[int, ...]) -> bool:
    """A local Jacobian of more than a few hundred entries is never built, as the text says."""
    return isinstance(expression, Partial) and expression.direct and int(np.prod(extents)) > 256
