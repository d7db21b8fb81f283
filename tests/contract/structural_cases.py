"""The structural primitives: the loops that say what each is, and the cases it is tested on."""

from __future__ import annotations

import functools
import math
import operator
from typing import Any

import numpy as np
from tests.contract import fourier_oracles, hyperdual, library_oracles, structural_oracles as loops
from tests.contract.structural_oracles import Case, Indices, Labels, Operand, Oracle, Sorted, filled, folded


def one(shape: Operand, /, **params: Any) -> Case:
    """Return the case of one operand."""
    return Case((shape,), params)


def several(*operands: Operand, **params: Any) -> Case:
    """Return the case of several operands."""
    return Case(operands, params)


def places(*shape: int, below: int) -> Indices:
    return Indices(shape, below)


def larger(a: Any, b: Any) -> Any:
    return b if b > a else a


def smaller(a: Any, b: Any) -> Any:
    return b if b < a else a


def total(group: list[Any]) -> Any:
    return functools.reduce(operator.add, group)


def converted(x: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray:
    numbers = [each if isinstance(each, hyperdual.HyperDual) else dtype.type(each) for each in x.flat]
    return filled(x.shape, numbers)


def one_hot(indices: np.ndarray, count: int, dtype: np.dtype[Any]) -> np.ndarray:
    numbers = [dtype.type(place == index) for index in indices.flat for place in range(count)]
    return filled((*indices.shape, count), numbers)


# fmt: off
REDUCED = tuple(
    one(shape, axes=axes, keepdims=keepdims)
    for shape, axes in [
        ((), ()), ((1,), (0,)), ((5,), (0,)), ((5,), ()), ((3, 7), (0,)), ((3, 7), (1,)), ((3, 7), (0, 1)),
        ((2, 3, 5), (0, 2)), ((2, 1, 4), (1,)), ((2, 3, 5), (1, 2)),
    ]
    for keepdims in (False, True)
)
EMPTY = (
    one((0,), axes=(0,), keepdims=False), one((0, 3), axes=(0,), keepdims=False),
    one((0, 3), axes=(1,), keepdims=True),
)
# NumPy has positions over one axis or over all; so has the primitive.
POSITIONS = tuple(case for case in REDUCED if len(case.params["axes"]) in (1, len(case.operands[0])))

SCANNED = (
    one((1,), axis=0), one((5,), axis=0), one((0,), axis=0), one((3, 7), axis=0), one((3, 7), axis=1),
    one((2, 0, 3), axis=2), one((2, 3, 5), axis=1),
)

CASES: dict[str, tuple[Case, ...]] = {
    **dict.fromkeys(("mean", "max", "min", "logsumexp"), REDUCED),
    **dict.fromkeys(("sum", "prod", "any", "all"), REDUCED + EMPTY),
    **dict.fromkeys(("argmax", "argmin", "nanargmax", "nanargmin"), POSITIONS),
    **dict.fromkeys(("cumsum", "cumprod"), SCANNED),
    "matmul": (
        several((3,), (3,)), several((1,), (1,)), several((0,), (0,)), several((3,), (3, 2)),
        several((2, 3), (3,)), several((2, 3), (3, 5)), several((1, 1), (1, 1)), several((2, 0), (0, 3)),
        several((0, 2), (2, 3)), several((3,), (2, 3, 5)), several((2, 4, 3), (3,)),
        several((2, 4, 3), (3, 5)), several((4, 3), (2, 3, 5)), several((2, 1, 4, 3), (5, 3, 2)),
        several((1, 4, 3), (2, 3, 5)), several((3,), (2, 2, 3, 1)), several((2, 2, 1, 3), (3,)),
    ),
    "outer": (several((3,), (5,)), several((1,), (7,)), several((0,), (2,)), several((1,), (1,))),
    "einsum": (
        several((2, 3), (3, 5), subscripts="ij,jk->ik"), several((7,), (7,), subscripts="i,i->"),
        one((2, 3), subscripts="ij->ji"), one((2, 3), subscripts="ij->"), one((2, 3), subscripts="ij->j"),
        several((2, 3, 1), (2, 1, 4), subscripts="bij,bjk->bik"), several((2,), (3,), subscripts="i,j->ij"),
        several((2, 3), (3,), (3, 2), subscripts="ij,j,jk->ik"),
        several((2, 3), (1, 2), subscripts="ij,kl->i"),
        several((3,), (), subscripts="i,->i"), several((0, 3), (3, 2), subscripts="ij,jk->ik"),
        several((2, 0), (0, 3), subscripts="ij,jk->ik"),
    ),
    "reshape": (
        one((), shape=(1,)), one((6,), shape=(2, 3)), one((2, 3), shape=(3, 2)), one((1,), shape=()),
        one((0, 3), shape=(0,)), one((2, 3, 5), shape=(5, 6)),
    ),
    "transpose": (
        one((), axes=()), one((3,), axes=(0,)), one((2, 3), axes=(1, 0)), one((2, 3, 5), axes=(2, 0, 1)),
        one((2, 3, 5), axes=(1, 2, 0)), one((0, 3), axes=(1, 0)),
    ),
    "expand_dims": (
        one((), axes=(0,)), one((3,), axes=(0,)), one((3,), axes=(1,)), one((2, 3), axes=(0, 2)),
        one((2, 0), axes=(1,)), one((2, 3), axes=(1, 3)),
    ),
    "squeeze": (
        one((1,), axes=(0,)), one((1, 3, 1), axes=(0, 2)), one((1, 3, 1), axes=(2,)), one((1, 0), axes=(0,)),
        one((1, 1), axes=()),
    ),
    "broadcast_to": (
        one((), shape=(3,)), one((), shape=()), one((1,), shape=(5,)), one((3,), shape=(2, 3)),
        one((2, 1), shape=(2, 3)), one((1, 3, 1), shape=(2, 3, 5)), one((1,), shape=(0,)),
        one((0,), shape=(2, 0)),
    ),
    "concatenate": (
        several((2,), (3,), axis=0), several((2, 3), (1, 3), (5, 3), axis=0), several((2, 3), (2, 1), axis=1),
        several((0,), (3,), axis=0), several((2, 3, 1), (2, 3, 2), axis=2),
    ),
    "pad": (
        one((3,), low=(1,), high=(2,), interior=(0,)), one((3,), low=(0,), high=(0,), interior=(2,)),
        one((2, 3), low=(1, 0), high=(0, 2), interior=(1, 3)), one((0,), low=(2,), high=(1,), interior=(1,)),
        one((1,), low=(0,), high=(1,), interior=(4,)),
    ),
    "flip": (
        one((5,), axes=(0,)), one((2, 3), axes=(1,)), one((2, 3, 5), axes=(0, 2)), one((0, 2), axes=(1,)),
    ),
    "slice": (
        one((7,), start=(2,), stop=(5,), step=(1,)), one((7,), start=(0,), stop=(7,), step=(2,)),
        one((7,), start=(1,), stop=(7,), step=(3,)), one((7,), start=(3,), stop=(3,), step=(1,)),
        one((5, 7), start=(1, 0), stop=(4, 7), step=(2, 5)),
        one((0, 3), start=(0, 1), stop=(0, 2), step=(1, 1)),
        one((1,), start=(0,), stop=(1,), step=(1,)),
    ),
    "gather": (
        several((5,), places(3, below=5), axes=(0,)), several((5,), places(below=5), axes=(0,)),
        several((5, 3), places(2, 2, below=5), axes=(0,)), several((5, 3), places(4, below=3), axes=(1,)),
        several((5, 3), places(4, below=5), places(4, below=3), axes=(0, 1)),
        several((2, 3, 5), places(4, below=2), places(4, below=5), axes=(0, 2)),
        several((2, 3, 5), places(7, 1, below=3), places(2, below=5), axes=(1, 2)),
        several((3,), places(0, below=3), axes=(0,)),
    ),
    "scatter_add": (
        several((7,), places(7, below=3), axes=(0,), shape=(3,)),
        several((), places(below=3), axes=(0,), shape=(3,)),
        several((2, 2, 3), places(2, 2, below=5), axes=(0,), shape=(5, 3)),
        several((4, 3), places(4, below=2), places(4, below=5), axes=(0, 2), shape=(2, 3, 5)),
        several((0,), places(0, below=3), axes=(0,), shape=(3,)),
        several((2, 7), places(7, below=3), axes=(1,), shape=(2, 3)),
    ),
    "one_hot": tuple(
        one(Labels(shape, 3), count=3, dtype=np.dtype(dtype))
        for shape, dtype in [((5,), "f8"), ((), "f4"), ((2, 3), "i8"), ((0,), "f8")]
    ),
    "argsort": (one((5,)), one((1,)), one((0,)), one((2, 3, 5))),
    "argpartition": (one((3, 2), kth=0), one((3, 2), kth=1), one((1,), kth=0)),
    "searchsorted": tuple(
        several(Sorted((6,)), shape, side=side) for shape in [(4,), (), (2, 0)] for side in ("left", "right")
    ),
    **dict.fromkeys(
        ("bitwise_and", "bitwise_or", "bitwise_xor", "left_shift", "right_shift"),
        (several(Labels((), 9), Labels((0,), 9)), several(Labels((2, 3), 9), Labels((3,), 9))),
    ),
    "invert": (one(Indices((2, 3), 9)),),
    "astype": tuple(
        one(shape, dtype=np.dtype(dtype)) for shape, dtype in [((3,), "f8"), ((), "f4"), ((2, 0), "f4")]
    ),
}
# fmt: on


def order_of(x: np.ndarray, kth: Any = None) -> np.ndarray:
    """Selection sort of places; with two elements, a partial order is an order."""
    rows = x.reshape(math.prod(x.shape[:-1]), x.shape[-1])
    places = [sorted(range(x.shape[-1]), key=row.__getitem__) for row in rows]
    return np.array(places, int).reshape(x.shape)


def searchsorted(a: np.ndarray, v: np.ndarray, side: str) -> np.ndarray:
    before = operator.lt if side == "left" else operator.le
    return filled(v.shape, [sum(before(one, each) for one in a) for each in v.flat])


def on_each(function: Any) -> Any:
    return lambda *operands: (
        np.vectorize(function, otypes=[object])(*operands) if operands[-1].size else operands[-1]
    )


LOOPS: dict[str, Any] = {
    "argsort": order_of,
    "argpartition": order_of,
    "searchsorted": searchsorted,
    "bitwise_and": on_each(operator.and_),
    "bitwise_or": on_each(operator.or_),
    "bitwise_xor": on_each(operator.xor),
    "invert": on_each(operator.invert),
    "left_shift": on_each(operator.lshift),
    "right_shift": on_each(operator.rshift),
    "sum": folded(lambda group: functools.reduce(operator.add, group, 0.0)),
    "mean": folded(lambda group: total(group) / len(group)),
    "prod": folded(lambda group: functools.reduce(operator.mul, group, 1.0)),
    "max": folded(lambda group: functools.reduce(larger, group)),
    "min": folded(lambda group: functools.reduce(smaller, group)),
    "logsumexp": folded(lambda group: hyperdual.log(total([hyperdual.exp(each) for each in group]))),
    "argmax": folded(loops.first_position(operator.gt)),
    "argmin": folded(loops.first_position(operator.lt)),
    "nanargmax": folded(loops.first_position(operator.gt)),
    "nanargmin": folded(loops.first_position(operator.lt)),
    "any": folded(lambda group: True in map(bool, group)),
    "all": folded(lambda group: False not in map(bool, group)),
    "cumsum": loops.scanned(operator.add),
    "cumprod": loops.scanned(operator.mul),
    "matmul": loops.matmul,
    "outer": functools.partial(loops.einsum, subscripts="i,j->ij"),
    "einsum": loops.einsum,
    "reshape": lambda x, shape: filled(shape, list(x.flat)),
    "transpose": loops.transpose,
    "expand_dims": lambda x, axes: filled(np.expand_dims(x, axes).shape, list(x.flat)),
    "squeeze": lambda x, axes: filled(np.squeeze(x, axes).shape, list(x.flat)),
    "broadcast_to": loops.broadcast_to,
    "concatenate": loops.concatenate,
    "pad": loops.pad,
    "flip": loops.flip,
    "slice": loops.slice_,
    "gather": loops.gather,
    "scatter_add": loops.scatter_add,
    "one_hot": one_hot,
    "astype": converted,
}

ORACLES = {name: Oracle(LOOPS[name], cases) for name, cases in CASES.items()} | library_oracles.ORACLES
ORACLES |= fourier_oracles.ORACLES

# ⟨f(x), c⟩ = ⟨x, fᵀ(c)⟩ holds exactly on whole numbers for these.
LINEAR = (
    *(
        "sum",
        "cumsum",
        "reshape",
        "transpose",
        "expand_dims",
        "squeeze",
        "broadcast_to",
        "concatenate",
        "pad",
    ),
    *("flip", "slice", "gather", "scatter_add", "astype"),
)
# Differentiable and not linear, or linear with division (mean).
SMOOTH = (
    "mean",
    "prod",
    "max",
    "min",
    "logsumexp",
    "cumprod",
    "matmul",
    "outer",
    "einsum",
    *library_oracles.SMOOTH,
    *fourier_oracles.ORACLES,
)
POSITIONAL = (
    *("argmax", "argmin", "nanargmax", "nanargmin", "any", "all"),
    *("one_hot", "argsort", "argpartition", "searchsorted"),
    *("bitwise_and", "bitwise_or", "bitwise_xor", "invert", "left_shift", "right_shift"),
)
assert {*LINEAR, *SMOOTH, *POSITIONAL} == set(ORACLES), "each oracle has one test of derivatives"
