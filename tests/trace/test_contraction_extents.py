"""Extents of 1 and 0 in contractions and diagonals: NumPy's value, or an error where NumPy has one."""

from __future__ import annotations

import string
from collections.abc import Callable
from typing import Any

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import assume, given, settings, strategies as st
from tests.derivatives import slope
from tests.drawn import random_examples

from wengert.errors import WengertError
from wengert.ir.verify import verify
from wengert.run.compile import compile
from wengert.trace.tracing import trace

EXTENTS = st.sampled_from([0, 1, 1, 2, 2, 3])
SHAPES = st.lists(EXTENTS, max_size=4).map(tuple)


def counted(shape: tuple[int, ...]) -> np.ndarray:
    """Return whole numbers, each one once, so that a misplaced element shows."""
    return np.arange(1.0, np.prod(shape, dtype=int) + 1).reshape(shape)


def as_numpy(function: Callable[..., Any], *arrays: np.ndarray) -> None:
    """Hold value, shape, dtype and slope by each array to NumPy's, or both refuse."""
    try:
        wanted = function(*arrays)
    except (ValueError, TypeError, IndexError):
        with pytest.raises(WengertError):
            trace(function, *arrays)
        return
    got = verify(trace(function, *arrays))(*arrays)
    assert got.shape == wanted.shape
    assert got.dtype == wanted.dtype
    np.testing.assert_array_equal(got, wanted)
    weights = counted(wanted.shape)
    for position, array in enumerate(arrays):
        if array.dtype.kind != "f":
            continue

        def weighted(x: Any, position: int = position) -> Any:
            return weights * function(*arrays[:position], x, *arrays[position + 1 :])

        slopes = slope(weighted, array)
        for place in list(np.ndindex(array.shape))[:4]:
            unit = np.zeros(array.shape)
            unit[place] = 1
            assert slopes[place] == np.sum(weighted(unit))  # linear in each array, and whole numbers


@st.composite
def specifications(draw: st.DrawFn) -> tuple[str, list[tuple[int, ...]]]:
    """Return subscripts with repeats and ellipses, and shapes that fit them or nearly do."""
    letters = "abcd"
    extents = {letter: draw(EXTENTS) for letter in letters}
    terms, shapes = [], []
    for _ in range(draw(st.integers(1, 3))):
        term = draw(st.text(letters, max_size=4))
        # An axis may have extent 1, and now and then one that does not fit.
        shape = [draw(st.sampled_from([extents[letter]] * 5 + [1, 1, 2])) for letter in term]
        if draw(st.integers(0, 3)) == 0:
            place = draw(st.integers(0, len(term)))
            lead = draw(st.sampled_from([(), (1,), (2,), (3, 2), (1, 2), (0,)]))
            term, shape = term[:place] + "..." + term[place:], [*shape[:place], *lead, *shape[place:]]
        terms.append(term)
        shapes.append(tuple(shape))
    text = ",".join(terms)
    if draw(st.booleans()):
        used = sorted(set("".join(terms)) & set(letters))
        result = "".join(draw(st.lists(st.sampled_from(used), unique=True))) if used else ""
        dots = "..." if draw(st.integers(0, 9)) and "..." in text else ""
        text += "->" + dots + result
    return text, shapes


@settings(max_examples=random_examples(120, explore=4000))
@given(specifications())
def test_einsum(case: tuple[str, list[tuple[int, ...]]]) -> None:
    text, shapes = case
    as_numpy(lambda *xs: np.einsum(text, *xs) + 0.0, *map(counted, shapes))


@given(specifications(), st.booleans())
def test_einsum_by_lists_of_integers(case: tuple[str, list[tuple[int, ...]]], reverse: bool) -> None:
    text, shapes = case
    order = string.ascii_letters[3::-1] if reverse else string.ascii_letters
    left, arrow, right = text.partition("->")

    def places(term: str) -> list[Any]:
        return [Ellipsis if one == "." else order.index(one) for one in term.replace("...", ".")]

    listed = [places(term) for term in left.split(",")]
    last = [places(right)] if arrow else []

    def function(*xs: Any) -> Any:
        pairs = [part for pair in zip(xs, listed, strict=True) for part in pair]
        return np.einsum(*pairs, *last) + 0.0

    as_numpy(function, *map(counted, shapes))


@given(SHAPES, SHAPES, st.data())
def test_products(left: tuple[int, ...], right: tuple[int, ...], data: st.DataObject) -> None:
    x, y = counted(left), counted(right)
    for function in (np.dot, np.inner, np.matmul, np.vdot, np.outer, np.vecdot):
        as_numpy(lambda x, y, f=function: f(x, y) + 0.0, x, y)
    count = data.draw(st.integers(0, 3))
    as_numpy(lambda x, y: np.tensordot(x, y, count) + 0.0, x, y)
    axes = st.lists(st.integers(-2, 3), max_size=2)
    pairs = data.draw(st.tuples(axes, axes))
    as_numpy(lambda x, y: np.tensordot(x, y, pairs) + 0.0, x, y)


@given(SHAPES, st.integers(-3, 3), st.integers(-3, 2), st.integers(-3, 2))
def test_diagonals(shape: tuple[int, ...], offset: int, axis1: int, axis2: int) -> None:
    x = counted(shape)
    as_numpy(lambda x: np.diagonal(x, offset, axis1, axis2) + 0.0, x)
    as_numpy(lambda x: np.trace(x, offset, axis1, axis2) + 0.0, x)
    as_numpy(lambda x: np.diag(x, offset) + 0.0, x)
    for dtype in (np.int8, np.bool_, np.float32):
        narrow = x.astype(dtype)
        as_numpy(lambda x: np.trace(x, offset, axis1, axis2) + 0, narrow)


@given(hnp.arrays(np.float64, st.tuples(EXTENTS, EXTENTS)), st.integers(-2, 2))
def test_what_stands_beside_a_diagonal_has_no_part_in_it(x: np.ndarray, offset: int) -> None:
    """An identity matrix in its place would make NaN of 0·∞."""
    for function in (
        lambda x: np.diagonal(x, offset),
        lambda x: np.trace(x, offset),
        lambda x: np.diag(x, offset),
        lambda x: np.diag(x[0] if len(x) else x, offset),
        lambda x: np.einsum("ii->i", x[: min(x.shape), : min(x.shape)]),
    ):
        with np.errstate(all="ignore"):
            wanted = function(x)
        np.testing.assert_array_equal(trace(function, x)(x), wanted)


@given(SHAPES, st.integers(-4, 4), st.data())
def test_taking_along_an_axis(shape: tuple[int, ...], axis: int, data: st.DataObject) -> None:
    x = counted(shape)
    extents = [data.draw(st.sampled_from([extent, extent, 1, 2])) for extent in shape]
    assume(0 not in shape)  # NumPy does not look at indices that read nothing
    bound = min(shape, default=1)
    indices = data.draw(hnp.arrays(np.int64, tuple(extents), elements=st.integers(-bound, bound - 1)))

    def function(x: Any) -> Any:
        return np.take_along_axis(x, indices, axis) + 0.0

    try:
        function(x)
    except (ValueError, IndexError):
        with pytest.raises((WengertError, IndexError)):
            trace(function, x)
        return
    as_numpy(function, x)
    for executor in ("numpy", "llvm"):
        np.testing.assert_array_equal(compile(function, executor)(x), function(x))
