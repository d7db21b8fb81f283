"""What reductions, contractions, movements and indexing are, as loops over Python numbers.

The loops take arrays of floats, of hyper-dual numbers, or of anything else that adds and multiplies. The case
of a primitive is the shapes and parameters of one test.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Indices:
    """An operand of integers from −extent to extent − 1."""

    shape: Shape
    extent: int

    @property
    def lowest(self) -> int:
        """The smallest of them."""
        return -self.extent


@dataclass(frozen=True)
class Labels(Indices):
    """An operand of integers from 0 to extent − 1."""

    lowest = 0


@dataclass(frozen=True)
class Orders(Indices):
    """An operand of integers from 2 to extent − 1."""

    lowest = 2


@dataclass(frozen=True)
class Matrices:
    """An operand of matrices that are well-conditioned, whose eigenvalues are positive and apart."""

    shape: Shape
    symmetric: bool = False
    scale: float = 1.0

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        noise = rng.uniform(-0.4, 0.4, self.shape)
        if self.symmetric:
            noise = (noise + np.swapaxes(noise, -1, -2)) / 2
        return self.scale * (noise + np.eye(*self.shape[-2:]) * (2 + np.arange(self.shape[-1])))


@dataclass(frozen=True)
class Sorted:
    """An operand of ascending numbers."""

    shape: Shape

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        return np.sort(rng.uniform(-3, 3, self.shape))


@dataclass(frozen=True)
class Apart:
    """An operand of ascending numbers, half a unit apart or more, also when they are made integers."""

    shape: Shape

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        return np.arange(self.shape[-1]) + rng.uniform(0.1, 0.6, self.shape)


@dataclass(frozen=True)
class Fractions:
    """An operand of numbers between 0 and 1."""

    shape: Shape

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        return rng.uniform(0.1, 0.9, self.shape)


@dataclass(frozen=True)
class Positive:
    """An operand of positive numbers."""

    shape: Shape

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        return rng.uniform(1.1, 3, self.shape)


Operand = Shape | Indices | Matrices | Sorted | Apart | Positive | Fractions


def shape_of(operand: Operand) -> Shape:
    return operand if isinstance(operand, tuple) else operand.shape


@dataclass(frozen=True)
class Case:
    operands: tuple[Operand, ...]
    params: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{[shape_of(one) for one in self.operands]}-{self.params}".replace(" ", "")


@dataclass(frozen=True)
class Oracle:
    function: Callable[..., np.ndarray]
    cases: tuple[Case, ...]


def blank(shape: Shape, fill: Any = 0.0) -> np.ndarray:
    result = np.empty(shape, object)
    for index in np.ndindex(shape):
        result[index] = fill
    return result


def filled(shape: Shape, elements: list[Any]) -> np.ndarray:
    result = np.empty(shape, object)
    for index, element in zip(np.ndindex(shape), elements, strict=True):
        result[index] = element
    return result


# Reductions


def folded(function: Callable[[list[Any]], Any]) -> Callable[..., np.ndarray]:
    """Return the reduction that applies `function` to the list of elements of each place of the result."""

    def reduce(x: np.ndarray, axes: Shape, keepdims: bool) -> np.ndarray:
        groups: dict[Shape, list[Any]] = {}
        kept = [axis for axis in range(x.ndim) if axis not in axes]
        for place in np.ndindex(*[x.shape[axis] for axis in kept]):
            groups[place] = []
        for index in np.ndindex(x.shape):
            groups[tuple(index[axis] for axis in kept)].append(x[index])
        shape = tuple(
            1 if axis in axes else extent
            for axis, extent in enumerate(x.shape)
            if keepdims or axis not in axes
        )
        return filled(shape, [function(group) for group in groups.values()])

    return reduce


def first_position(better: Callable[[Any, Any], bool]) -> Callable[[list[Any]], int]:
    def position(group: list[Any]) -> int:
        best = 0
        for place, element in enumerate(group):
            if better(element, group[best]):
                best = place
        return best

    return position


def scanned(combine: Callable[[Any, Any], Any]) -> Callable[..., np.ndarray]:
    """Return the function that combines each element with all before it."""

    def scan(x: np.ndarray, axis: int) -> np.ndarray:
        result = np.empty(x.shape, object)
        for index in np.ndindex(x.shape):
            before = [x[(*index[:axis], place, *index[axis + 1 :])] for place in range(index[axis] + 1)]
            result[index] = functools.reduce(combine, before)
        return result

    return scan


# Contractions


def einsum(*operands: np.ndarray, subscripts: str) -> np.ndarray:
    left, result = subscripts.split("->")
    terms = left.split(",")
    extents: dict[str, int] = {}
    for term, operand in zip(terms, operands, strict=True):
        extents.update(zip(term, operand.shape, strict=True))
    total = blank(tuple(extents[letter] for letter in result))
    letters = list(extents)
    for values in np.ndindex(*extents.values()):
        at = dict(zip(letters, values, strict=True))
        product: Any = 1.0
        for term, operand in zip(terms, operands, strict=True):
            product = product * operand[tuple(at[letter] for letter in term)]
        place = tuple(at[letter] for letter in result)
        total[place] = total[place] + product
    return total


def matmul(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    left = a.reshape(1, -1) if a.ndim == 1 else a
    right = b.reshape(-1, 1) if b.ndim == 1 else b
    batch = np.broadcast_shapes(left.shape[:-2], right.shape[:-2])
    left = np.broadcast_to(left, (*batch, *left.shape[-2:]))
    right = np.broadcast_to(right, (*batch, *right.shape[-2:]))
    result = blank((*batch, left.shape[-2], right.shape[-1]))
    for *lead, row, column in np.ndindex(result.shape):
        for inner in range(left.shape[-1]):
            place = (*lead, row, column)
            result[place] = result[place] + left[(*lead, row, inner)] * right[(*lead, inner, column)]
    shape = list(result.shape)
    if b.ndim == 1:
        del shape[-1]
    if a.ndim == 1:
        del shape[-1 if b.ndim == 1 else -2]
    return result.reshape(shape)


# Movements


def transpose(x: np.ndarray, axes: Shape) -> np.ndarray:
    result = blank(tuple(x.shape[axis] for axis in axes))
    for index in np.ndindex(x.shape):
        result[tuple(index[axis] for axis in axes)] = x[index]
    return result


def broadcast_to(x: np.ndarray, shape: Shape) -> np.ndarray:
    result = blank(shape)
    for index in np.ndindex(shape):
        aligned = index[len(shape) - x.ndim :]
        result[index] = x[tuple(0 if x.shape[axis] == 1 else place for axis, place in enumerate(aligned))]
    return result


def concatenate(*parts: np.ndarray, axis: int) -> np.ndarray:
    shape = list(parts[0].shape)
    shape[axis] = sum(part.shape[axis] for part in parts)
    result = blank(tuple(shape))
    start = 0
    for part in parts:
        for index in np.ndindex(part.shape):
            result[(*index[:axis], index[axis] + start, *index[axis + 1 :])] = part[index]
        start += part.shape[axis]
    return result


def pad(x: np.ndarray, low: Shape, high: Shape, interior: Shape) -> np.ndarray:
    shape = tuple(
        before + after + (n + (n - 1) * between if n else 0)
        for n, before, after, between in zip(x.shape, low, high, interior, strict=True)
    )
    result = blank(shape)
    for index in np.ndindex(x.shape):
        target = tuple(l + i * (1 + between) for l, i, between in zip(low, index, interior, strict=True))
        result[target] = x[index]
    return result


def flip(x: np.ndarray, axes: Shape) -> np.ndarray:
    result = blank(x.shape)
    for index in np.ndindex(x.shape):
        result[tuple(x.shape[a] - 1 - i if a in axes else i for a, i in enumerate(index))] = x[index]
    return result


def slice_(x: np.ndarray, start: Shape, stop: Shape, step: Shape) -> np.ndarray:
    places = [
        range(first, min(last, n), stride)
        for first, last, stride, n in zip(start, stop, step, x.shape, strict=True)
    ]
    result = blank(tuple(map(len, places)))
    for index in np.ndindex(result.shape):
        result[index] = x[tuple(one[i] for one, i in zip(places, index, strict=True))]
    return result


# Indexing


def source_places(shape: Shape, indices: tuple[np.ndarray, ...], axes: Shape) -> dict[Shape, Shape]:
    """For each place of the result of indexing: the place it reads."""
    spread = np.broadcast_arrays(*indices)
    wide = spread[0].ndim
    front = axes[0] if list(axes) == list(range(axes[0], axes[0] + len(axes))) else 0
    others = [axis for axis in range(len(shape)) if axis not in axes]
    result = [shape[axis] for axis in others]
    result[front:front] = spread[0].shape
    found = {}
    for index in np.ndindex(*result):
        inner = index[front : front + wide]
        outer = iter(index[:front] + index[front + wide :])
        source = [0] * len(shape)
        for axis in others:
            source[axis] = next(outer)
        for axis, one in zip(axes, spread, strict=True):
            source[axis] = int(one[inner]) % shape[axis]
        found[index] = tuple(source)
    return found


def gather(x: np.ndarray, *indices: np.ndarray, axes: Shape) -> np.ndarray:
    wide = np.broadcast_shapes(*[one.shape for one in indices])
    front = axes[0] if list(axes) == list(range(axes[0], axes[0] + len(axes))) else 0
    shape = [extent for axis, extent in enumerate(x.shape) if axis not in axes]
    shape[front:front] = wide
    result = blank(tuple(shape))
    for place, source in source_places(x.shape, indices, axes).items():
        result[place] = x[source]
    return result


def scatter_add(updates: np.ndarray, *indices: np.ndarray, axes: Shape, shape: Shape) -> np.ndarray:
    result = blank(shape)
    for place, source in source_places(shape, indices, axes).items():
        result[source] = result[source] + updates[place]
    return result
