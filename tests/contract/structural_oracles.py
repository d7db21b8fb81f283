"""What reductions, contractions, movements and indexing are, as loops over Python numbers.

The loops take arrays of floats, of hyper-dual numbers, or of anything else that adds and multiplies. The cases
of a primitive are the shapes and parameters it is tested on.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from tests.contract import hyperdual

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Indices:
    """An operand of integers from −extent to extent − 1."""

    shape: Shape
    extent: int


@dataclass(frozen=True)
class Labels(Indices):
    """An operand of integers from 0 to extent − 1."""


@dataclass(frozen=True)
class Case:
    operands: tuple[Shape | Indices, ...]
    params: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        shapes = [one.shape if isinstance(one, Indices) else one for one in self.operands]
        return f"{shapes}-{self.params}".replace(" ", "")


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


def cumsum(x: np.ndarray, axis: int) -> np.ndarray:
    result = blank(x.shape)
    for index in np.ndindex(x.shape):
        for place in range(index[axis] + 1):
            result[index] = result[index] + x[(*index[:axis], place, *index[axis + 1 :])]
    return result


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


# Cases

REDUCED = tuple(
    Case((shape,), {"axes": axes, "keepdims": keepdims})
    for shape, axes in [
        ((), ()), ((1,), (0,)), ((5,), (0,)), ((5,), ()), ((3, 7), (0,)), ((3, 7), (1,)), ((3, 7), (0, 1)),
        ((2, 3, 5), (0, 2)), ((2, 1, 4), (1,)), ((2, 3, 5), (1, 2)),
    ]
    for keepdims in (False, True)
)  # fmt: skip
EMPTY = (
    Case(((0,),), {"axes": (0,), "keepdims": False}),
    Case(((0, 3),), {"axes": (0,), "keepdims": False}),
    Case(((0, 3),), {"axes": (1,), "keepdims": True}),
)
# NumPy has positions over one axis or over all; so has the primitive.
POSITIONS = tuple(case for case in REDUCED if len(case.params["axes"]) in (1, len(case.operands[0])))
PRODUCTS = tuple(
    Case(shapes)
    for shapes in [
        ((3,), (3,)), ((1,), (1,)), ((0,), (0,)), ((3,), (3, 2)), ((2, 3), (3,)), ((2, 3), (3, 5)),
        ((1, 1), (1, 1)), ((2, 0), (0, 3)), ((0, 2), (2, 3)), ((3,), (2, 3, 5)), ((2, 4, 3), (3,)),
        ((2, 4, 3), (3, 5)), ((4, 3), (2, 3, 5)), ((2, 1, 4, 3), (5, 3, 2)), ((1, 4, 3), (2, 3, 5)),
        ((3,), (2, 2, 3, 1)), ((2, 2, 1, 3), (3,)),
    ]
)  # fmt: skip
SUMS_OF_PRODUCTS = tuple(
    Case(shapes, {"subscripts": subscripts})
    for subscripts, shapes in [
        ("ij,jk->ik", ((2, 3), (3, 5))), ("i,i->", ((7,), (7,))), ("ij->ji", ((2, 3),)), ("ij->", ((2, 3),)),
        ("ij->j", ((2, 3),)), ("bij,bjk->bik", ((2, 3, 1), (2, 1, 4))), ("i,j->ij", ((2,), (3,))),
        ("ij,j,jk->ik", ((2, 3), (3,), (3, 2))), ("ij,kl->i", ((2, 3), (1, 2))), ("i,->i", ((3,), ())),
        ("ij,jk->ik", ((0, 3), (3, 2))), ("ij,jk->ik", ((2, 0), (0, 3))),
    ]
)  # fmt: skip

ORACLES: dict[str, Oracle] = {
    "sum": Oracle(folded(lambda group: functools.reduce(operator.add, group, 0.0)), REDUCED + EMPTY),
    "mean": Oracle(folded(lambda group: functools.reduce(operator.add, group) / len(group)), REDUCED),
    "prod": Oracle(folded(lambda group: functools.reduce(operator.mul, group, 1.0)), REDUCED + EMPTY),
    "max": Oracle(folded(lambda group: functools.reduce(lambda a, b: b if b > a else a, group)), REDUCED),
    "min": Oracle(folded(lambda group: functools.reduce(lambda a, b: b if b < a else a, group)), REDUCED),
    "logsumexp": Oracle(
        folded(lambda group: hyperdual.log(functools.reduce(operator.add, map(hyperdual.exp, group)))), REDUCED
    ),
    "argmax": Oracle(folded(first_position(operator.gt)), POSITIONS),
    "argmin": Oracle(folded(first_position(operator.lt)), POSITIONS),
    "any": Oracle(folded(lambda group: True in map(bool, group)), REDUCED + EMPTY),
    "all": Oracle(folded(lambda group: False not in map(bool, group)), REDUCED + EMPTY),
    "cumsum": Oracle(
        cumsum,
        tuple(
            Case((shape,), {"axis": axis})
            for shape, axis in [((1,), 0), ((5,), 0), ((0,), 0), ((3, 7), 0), ((3, 7), 1), ((2, 0, 3), 2), ((2, 3, 5), 1)]
        ),
    ),
    "matmul": Oracle(matmul, PRODUCTS),
    "outer": Oracle(
        functools.partial(einsum, subscripts="i,j->ij"),
        tuple(Case(shapes) for shapes in [((3,), (5,)), ((1,), (7,)), ((0,), (2,)), ((1,), (1,))]),
    ),
    "einsum": Oracle(einsum, SUMS_OF_PRODUCTS),
    "reshape": Oracle(
        lambda x, shape: filled(shape, list(x.flat)),
        tuple(
            Case((before,), {"shape": after})
            for before, after in [((), (1,)), ((6,), (2, 3)), ((2, 3), (3, 2)), ((1,), ()), ((0, 3), (0,)), ((2, 3, 5), (5, 6))]
        ),
    ),
    "transpose": Oracle(
        transpose,
        tuple(
            Case((shape,), {"axes": axes})
            for shape, axes in [((), ()), ((3,), (0,)), ((2, 3), (1, 0)), ((2, 3, 5), (2, 0, 1)), ((2, 3, 5), (1, 2, 0)), ((0, 3), (1, 0))]
        ),
    ),
    "expand_dims": Oracle(
        lambda x, axes: filled(np.expand_dims(x, axes).shape, list(x.flat)),
        tuple(
            Case((shape,), {"axes": axes})
            for shape, axes in [((), (0,)), ((3,), (0,)), ((3,), (1,)), ((2, 3), (0, 2)), ((2, 0), (1,)), ((2, 3), (1, 3))]
        ),
    ),
    "squeeze": Oracle(
        lambda x, axes: filled(tuple(n for a, n in enumerate(x.shape) if a not in axes), list(x.flat)),
        tuple(
            Case((shape,), {"axes": axes})
            for shape, axes in [((1,), (0,)), ((1, 3, 1), (0, 2)), ((1, 3, 1), (2,)), ((1, 0), (0,)), ((1, 1), ())]
        ),
    ),
    "broadcast_to": Oracle(
        broadcast_to,
        tuple(
            Case((before,), {"shape": after})
            for before, after in [((), (3,)), ((), ()), ((1,), (5,)), ((3,), (2, 3)), ((2, 1), (2, 3)), ((1, 3, 1), (2, 3, 5)), ((1,), (0,)), ((0,), (2, 0))]
        ),
    ),
    "concatenate": Oracle(
        concatenate,
        tuple(
            Case(shapes, {"axis": axis})
            for shapes, axis in [
                (((2,), (3,)), 0), (((2, 3), (1, 3), (5, 3)), 0), (((2, 3), (2, 1)), 1), (((0,), (3,)), 0), (((2, 3, 1), (2, 3, 2)), 2),
            ]
        ),
    ),
    "pad": Oracle(
        pad,
        tuple(
            Case((shape,), {"low": low, "high": high, "interior": interior})
            for shape, low, high, interior in [
                ((3,), (1,), (2,), (0,)), ((3,), (0,), (0,), (2,)), ((2, 3), (1, 0), (0, 2), (1, 3)), ((0,), (2,), (1,), (1,)), ((1,), (0,), (1,), (4,)),
            ]
        ),
    ),
    "flip": Oracle(
        flip,
        tuple(Case((shape,), {"axes": axes}) for shape, axes in [((5,), (0,)), ((2, 3), (1,)), ((2, 3, 5), (0, 2)), ((0, 2), (1,))]),
    ),
    "slice": Oracle(
        slice_,
        tuple(
            Case((shape,), {"start": start, "stop": stop, "step": step})
            for shape, start, stop, step in [
                ((7,), (2,), (5,), (1,)), ((7,), (0,), (7,), (2,)), ((7,), (1,), (7,), (3,)), ((7,), (3,), (3,), (1,)),
                ((5, 7), (1, 0), (4, 7), (2, 5)), ((0, 3), (0, 1), (0, 2), (1, 1)), ((1,), (0,), (1,), (1,)),
            ]
        ),
    ),
    "gather": Oracle(
        gather,
        tuple(
            Case((shape, *indices), {"axes": axes})
            for shape, indices, axes in [
                ((5,), (Indices((3,), 5),), (0,)), ((5,), (Indices((), 5),), (0,)), ((5, 3), (Indices((2, 2), 5),), (0,)),
                ((5, 3), (Indices((4,), 3),), (1,)), ((5, 3), (Indices((4,), 5), Indices((4,), 3)), (0, 1)),
                ((2, 3, 5), (Indices((4,), 2), Indices((4,), 5)), (0, 2)), ((2, 3, 5), (Indices((7, 1), 3), Indices((2,), 5)), (1, 2)),
                ((3,), (Indices((0,), 3),), (0,)),
            ]
        ),
    ),
    "scatter_add": Oracle(
        scatter_add,
        tuple(
            Case((updates, *indices), {"axes": axes, "shape": shape})
            for updates, indices, axes, shape in [
                ((7,), (Indices((7,), 3),), (0,), (3,)), ((), (Indices((), 3),), (0,), (3,)), ((2, 2, 3), (Indices((2, 2), 5),), (0,), (5, 3)),
                ((4, 3), (Indices((4,), 2), Indices((4,), 5)), (0, 2), (2, 3, 5)), ((0,), (Indices((0,), 3),), (0,), (3,)),
                ((2, 7), (Indices((7,), 3),), (1,), (2, 3)),
            ]
        ),
    ),
    "one_hot": Oracle(
        lambda indices, count, dtype: filled(
            (*indices.shape, count), [dtype.type(place == one) for one in indices.flat for place in range(count)]
        ),
        tuple(Case((Labels(shape, 3),), {"count": 3, "dtype": np.dtype(dtype)}) for shape, dtype in [((5,), "f8"), ((), "f4"), ((2, 3), "i8"), ((0,), "f8")]),
    ),
    "astype": Oracle(
        lambda x, dtype: filled(x.shape, [dtype.type(one) if not isinstance(one, hyperdual.HyperDual) else one for one in x.flat]),
        tuple(Case((shape,), {"dtype": np.dtype(dtype)}) for shape, dtype in [((3,), "f8"), ((), "f4"), ((2, 0), "f4")]),
    ),
}  # fmt: skip

# ⟨f(x), c⟩ = ⟨x, fᵀ(c)⟩ holds exactly on whole numbers for these.
LINEAR = (
    "sum", "cumsum", "reshape", "transpose", "expand_dims", "squeeze", "broadcast_to", "concatenate", "pad",
    "flip", "slice", "gather", "scatter_add", "astype",
)  # fmt: skip
# Differentiable and not linear, or linear with division (mean).
SMOOTH = ("mean", "prod", "max", "min", "logsumexp", "matmul", "outer", "einsum")
POSITIONAL = ("argmax", "argmin", "any", "all", "one_hot")
assert {*LINEAR, *SMOOTH, *POSITIONAL} == set(ORACLES), "each oracle has one test of derivatives"
