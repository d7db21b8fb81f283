"""What a loss wants of its targets: a distribution over classes, 0 or 1, or ±1; read off the program."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from wengert.explain.engine import Array
from wengert.explain.index.definitions import uniform_value
from wengert.explain.index.letters import Letters
from wengert.explain.index.operations import bends, exponents, signs
from wengert.explain.index.softmax import takes_logarithm
from wengert.ir.node import Node
from wengert.ir.primitive import Kind
from wengert.ir.program import Program, ancestors


@dataclass(frozen=True)
class Target:
    """What the values of a target are.

    Attributes
    ----------
    levels : tuple of float
        The two values of a binary target; empty for a distribution.
    axis : int
        That of the classes of a distribution.
    """

    levels: tuple[float, ...] = ()
    axis: int = -1

    def holds(self, array: Array) -> bool:
        """Whether an array has such values."""
        if self.levels:
            return bool(np.all(np.isin(array, self.levels)))
        total = np.sum(array, axis=self.axis)
        return bool(np.all(array >= 0) and np.allclose(total, 1, rtol=0, atol=1e-9))

    def drawn(self, shape: tuple[int, ...], rng: np.random.Generator, smooth: bool = False) -> Array:
        """Draw a target: one class each, or where `smooth` probabilities of two decimals."""
        if self.levels:
            return np.asarray(rng.choice(self.levels, shape))
        classes = shape[self.axis]
        rest = tuple(np.delete(shape, self.axis))
        if smooth:
            probabilities = np.maximum(np.round(0.96 * rng.dirichlet(np.full(classes, 2.0), rest), 2), 0.01)
            largest = probabilities.argmax(axis=-1)[..., None]
            rest_of = 1 - probabilities.sum(axis=-1, keepdims=True)
            np.put_along_axis(
                probabilities, largest, np.take_along_axis(probabilities, largest, -1) + rest_of, -1
            )
        else:
            probabilities = np.eye(classes)[rng.integers(classes, size=rest)]
        return np.asarray(np.moveaxis(probabilities, -1, self.axis))

    def another(self, array: Array, place: int, rng: np.random.Generator) -> Array:
        """Draw another target of the same kind; of two in a row, no element keeps its value in both."""
        if self.levels:
            low, high = self.levels
            changed = np.where(array == low, high, low)
            if place == 0:
                return np.asarray(changed)
            return np.asarray(array) if place == 1 else self.drawn(array.shape, rng)
        if np.all((array == 0) | (array == 1)):
            return np.roll(array, place + 1, axis=self.axis)
        weights = np.asarray(rng.uniform(0.2, 1, array.shape))
        return np.asarray(weights / weights.sum(axis=self.axis, keepdims=True))


def targets(
    program: Program, values: Sequence[Mapping[Node, Array]], excluded: Collection[Node] = ()
) -> dict[Node, Target]:
    """Return the inputs of a loss that are targets, and of which kind.

    Parameters
    ----------
    program : Program
    values : sequence of dict
        Those of the program's nodes, at several random points.
    excluded : collection of Node
        Inputs that are known to be none.
    """
    if not any(bends(node.primitive) or takes_logarithm(node.primitive) for node in program.nodes):
        return {}
    found: dict[Node, Target] = {}
    probabilities = _probabilities(program, values)
    letters = Letters(program)
    for node in program.inputs:
        if node in excluded or not node.type.is_float:
            continue
        target = (
            _distribution(node, probabilities, letters) or _zero_or_one(node, program) or _sign(node, program)
        )
        if target is not None:
            found[node] = target
    return found


def _probabilities(program: Program, values: Sequence[Mapping[Node, Array]]) -> list[tuple[Node, int]]:
    """Return the nodes that are probabilities or their logarithms, and the axis along which they sum to 1."""
    found = []
    for node in program.nodes:
        if not (node.inputs and node.type.is_float and node.type.ndim):
            continue
        for axis in range(node.type.ndim):
            if node.type.shape[axis] > 1 and all(_sums_to_one(one[node], axis) for one in values):
                found.append((node, axis))
    return found


def _sums_to_one(array: Array, axis: int) -> bool:
    with np.errstate(all="ignore"):
        if np.all(array >= 0) and np.allclose(array.sum(axis=axis), 1):
            return True
        return bool(np.all(array <= 0) and np.allclose(np.exp(array).sum(axis=axis), 1))


def _distribution(node: Node, probabilities: Sequence[tuple[Node, int]], letters: Letters) -> Target | None:
    """A target over classes has the axes of predicted probabilities, and they do not depend on it."""
    own = [letters.index(node, axis) for axis in range(node.type.ndim)]
    for predicted, axis in probabilities:
        theirs = [letters.index(predicted, one) for one in range(predicted.type.ndim)]
        same = sorted(map(str, own)) == sorted(map(str, theirs))
        if same and node not in ancestors([predicted]):
            return Target(axis=own.index(theirs[axis]))
    return None


def _zero_or_one(node: Node, program: Program) -> Target | None:
    """Where y, 1 − y and logarithms occur, y says which of two terms counts."""
    complements = [
        one
        for one in program.nodes
        if signs(one.primitive) == (1, -1) and one.inputs[1] is node and uniform_value(one.inputs[0]) == 1
    ]
    logarithms = [one for one in program.nodes if takes_logarithm(one.primitive)]
    if any(one in logarithm.inputs for logarithm in logarithms for one in (node, *complements)):
        return None  # a probability itself
    readers = sum(node in one.inputs for one in program.nodes)
    return Target((0.0, 1.0)) if complements and logarithms and readers > 1 else None


def _sign(node: Node, program: Program) -> Target | None:
    """A label ±1 multiplies a score, and only a function of that margin reaches the output."""
    users: dict[Node, list[Node]] = {}
    for one in program.nodes:
        for operand in dict.fromkeys(one.inputs):
            users.setdefault(operand, []).append(one)
    current: Any = node
    margin = bent = False
    while True:
        following = users.get(current, [])
        if len(following) != 1:
            return Target((-1.0, 1.0)) if bent and not following else None
        (step,) = following
        others = [one for one in step.inputs if one is not current]
        if all(uniform_value(one) is not None for one in others):
            bent = bent or (margin and bends(step.primitive))
            if not (
                bent
                or signs(step.primitive)
                or exponents(step.primitive)
                or step.primitive.kind is Kind.MOVEMENT
            ):
                return None  # fmt: skip
        elif not margin and exponents(step.primitive) == (1, 1) and others[0].inputs:
            margin = True
        else:
            # What is added after the mean over the examples is a penalty, no part of the loss.
            return Target((-1.0, 1.0)) if bent and signs(step.primitive) == (1, 1) else None
        current = step
