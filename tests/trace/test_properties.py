"""Random shapes, axes and indices: a program does to them what NumPy does."""

from __future__ import annotations

import string
from typing import Any

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from tests.derivatives import slope
from tests.drawn import random_examples

from wengert.errors import IndexRangeError, WengertError
from wengert.ir.verify import verify
from wengert.trace.tracing import trace

SHAPES = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)


def counted(shape: tuple[int, ...]) -> np.ndarray:
    """Return whole numbers, each one once, so that a misplaced element shows."""
    return np.arange(1.0, np.prod(shape, dtype=int) + 1).reshape(shape)


def compare(function: Any, *arrays: np.ndarray) -> None:
    wanted = function(*arrays)
    got = verify(trace(function, *arrays))(*arrays)
    assert got.shape == wanted.shape
    assert got.dtype == wanted.dtype
    np.testing.assert_allclose(got, wanted, rtol=1e-12)


@st.composite
def indices(draw: st.DrawFn) -> tuple[tuple[int, ...], Any]:
    """Return a shape and an index for it: integers, slices, new axes, an ellipsis, integer arrays, lists."""
    shape = draw(SHAPES)
    wide = draw(hnp.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=3))
    parts: list[Any] = []
    for extent in shape[: draw(st.integers(0, len(shape)))]:
        choices: list[Any] = [
            st.slices(extent) if extent else st.just(slice(None)),
            st.builds(
                slice,
                st.none() | st.integers(-6, 6),
                st.none() | st.integers(-6, 6),
                st.none() | st.sampled_from([-3, -2, -1, 1, 2, 3]),
            ),
        ]
        if extent:
            element = st.integers(-extent, extent - 1)
            choices += [element, element.map(np.int64)]
            shapes = hnp.broadcastable_shapes(wide, max_dims=2, max_side=3).filter(
                lambda one: _fits(one, wide)
            )
            array = hnp.arrays(np.int64, draw(shapes), elements=element)
            choices += [array, array.map(np.ndarray.tolist)]
        parts.append(draw(st.one_of(choices)))
    for extra in draw(st.lists(st.none(), max_size=2)):
        parts.insert(draw(st.integers(0, len(parts))), extra)
    if draw(st.booleans()):
        parts.insert(draw(st.integers(0, len(parts))), Ellipsis)
    return shape, parts[0] if len(parts) == 1 and draw(st.booleans()) else tuple(parts)


def _fits(shape: tuple[int, ...], wide: tuple[int, ...]) -> bool:
    return np.broadcast_shapes(shape, wide) == wide


@settings(max_examples=random_examples(100, explore=4000))
@given(indices())
def test_indexing(case: tuple[tuple[int, ...], Any]) -> None:
    shape, key = case
    x = counted(shape)
    try:
        wanted = x[key]
    except IndexError:  # an ellipsis moved the parts behind it to other axes
        with pytest.raises(IndexRangeError):
            trace(lambda x: x[key], x)
        return
    compare(lambda x: x[key] + 0.0, x)
    # The gradient adds the weights at the places that were read; whole numbers make it exact.
    weights = counted(wanted.shape)
    added = np.zeros(shape)
    np.add.at(added, key, weights)
    np.testing.assert_array_equal(slope(lambda x: weights * x[key], x), added)


@settings(max_examples=random_examples(50, explore=1000))
@given(SHAPES, st.data())
def test_indexing_with_traced_integers(shape: tuple[int, ...], data: st.DataObject) -> None:
    if not shape or 0 in shape:
        shape = (3, *(extent or 1 for extent in shape))
    wide = hnp.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=3)
    places = data.draw(hnp.arrays(np.int64, wide, elements=st.integers(-shape[0], shape[0] - 1)))
    compare(lambda x, i: x[i] + 0.0, counted(shape), places)
    compare(lambda x, i: np.take(x, i, axis=0) + 0.0, counted(shape), places)
    compare(lambda x, i: x[..., i * 0] + 0.0, counted(shape), places)


@given(SHAPES, st.integers(-6, 6))
def test_integers_out_of_range(shape: tuple[int, ...], place: int) -> None:
    x = counted(shape)
    for key in (place, np.array([place])):
        try:
            x[key]
        except IndexError:
            with pytest.raises(IndexRangeError, match=r"outside axis|indices for an array|at most"):
                trace(lambda x, key=key: x[key], x)
        else:
            compare(lambda x, key=key: x[key] + 0.0, x)


@given(SHAPES, st.data(), st.booleans())
def test_reductions(shape: tuple[int, ...], data: st.DataObject, keepdims: bool) -> None:
    axes = data.draw(
        st.none()
        | (st.integers(-len(shape), len(shape) - 1) if shape else st.none())
        | st.lists(st.integers(0, len(shape) - 1), unique=True).map(tuple)
        if shape
        else st.just(())
    )
    x = counted(shape) / 7
    compare(lambda x: np.sum(x, axis=axes, keepdims=keepdims), x)
    compare(lambda x: np.prod(x, axis=axes, keepdims=keepdims), x)
    compare(lambda x: np.any(x > 2, axis=axes, keepdims=keepdims), x)
    compare(lambda x: np.all(x > 2, axis=axes, keepdims=keepdims), x)
    along = range(len(shape)) if axes is None else np.atleast_1d(np.array(axes, int))
    if all(shape[axis] for axis in along):
        compare(lambda x: np.max(x, axis=axes, keepdims=keepdims), x)
        compare(lambda x: np.min(x, axis=axes, keepdims=keepdims), x)
        compare(lambda x: np.mean(x, axis=axes, keepdims=keepdims), x)
        compare(lambda x: np.var(x, axis=axes, keepdims=keepdims), x)
        compare(lambda x: np.std(x, axis=axes, keepdims=keepdims), x)
        if not isinstance(axes, tuple):
            compare(lambda x: np.argmax(x, axis=axes, keepdims=keepdims), x)
            compare(lambda x: np.argmin(x, axis=axes, keepdims=keepdims), x)


@given(SHAPES, st.data())
def test_movements(shape: tuple[int, ...], data: st.DataObject) -> None:
    x = counted(shape)
    order = data.draw(st.permutations(range(len(shape))))
    compare(lambda x: np.transpose(x, order) + 0.0, x)
    flat = data.draw(st.permutations(shape))
    compare(lambda x: np.reshape(x, flat) + 0.0, x)
    compare(lambda x: np.ravel(x) + 0.0, x)
    compare(lambda x: np.squeeze(x) + 0.0, x)
    repeats = data.draw(st.lists(st.integers(0, 3), max_size=3))
    compare(lambda x: np.tile(x, repeats) + 0.0, x)
    if shape:
        axis = data.draw(st.integers(-len(shape), len(shape) - 1))
        other = data.draw(st.integers(-len(shape), len(shape) - 1))
        sides = st.tuples(st.integers(0, 2), st.integers(0, 2))
        widths = data.draw(st.lists(sides, min_size=len(shape), max_size=len(shape)))
        shift = data.draw(st.integers(-5, 5))
        compare(lambda x: np.swapaxes(x, axis, other) + 0.0, x)
        compare(lambda x: np.moveaxis(x, axis, other) + 0.0, x)
        compare(lambda x: np.flip(x, axis) + 0.0, x)
        compare(lambda x: np.roll(x, shift, axis) + 0.0, x)
        compare(lambda x: np.repeat(x, 2, axis) + 0.0, x)
        compare(lambda x: np.cumsum(x, axis), x)
        compare(lambda x: np.pad(x, widths) + 0.0, x)
        compare(lambda x: np.concatenate([x, x], axis) + 0.0, x)
        compare(lambda x: np.stack([x, x], axis) + 0.0, x)
        compare(lambda x: np.expand_dims(x, axis) + 0.0, x)
        for part in range(3):
            compare(lambda x, part=part: np.array_split(x, 3, axis)[part] + 0.0, x)


@given(hnp.mutually_broadcastable_shapes(signature="(m?,n),(n,p?)->(m?,p?)", max_dims=2, max_side=3))
def test_matrix_products(case: Any) -> None:
    left, right = (counted(shape) for shape in case.input_shapes)
    compare(np.matmul, left, right)
    weights = counted(case.result_shape)
    got = slope(lambda x: weights * (x @ right), left)
    # The transpose, element by element and exactly: whole numbers.
    for place in list(np.ndindex(left.shape))[:4]:
        unit = np.zeros(left.shape)
        unit[place] = 1
        assert got[place] == np.sum(weights * (unit @ right))


@given(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3))
def test_broadcasting(case: Any) -> None:
    left, right = (counted(shape) for shape in case.input_shapes)
    compare(lambda x, y: x * y - y, left, right)
    np.testing.assert_array_equal(
        slope(lambda x: x * right, left), _summed(np.broadcast_to(right, case.result_shape), left.shape)
    )
    compare(lambda x: np.broadcast_to(x, case.result_shape) + 0.0, left)


def _summed(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    array = array.sum(axis=tuple(range(array.ndim - len(shape))))
    stretched = tuple(axis for axis, extent in enumerate(shape) if extent == 1)
    return array.sum(axis=stretched, keepdims=True)


@st.composite
def subscripts(draw: st.DrawFn) -> tuple[str, list[tuple[int, ...]]]:
    letters = string.ascii_lowercase[:4]
    extents = {letter: draw(st.integers(1, 3)) for letter in letters}
    terms = draw(st.lists(st.text(letters, max_size=3), min_size=1, max_size=3))
    dots = draw(st.booleans())
    lead = [draw(st.sampled_from([(), (1,), (2,), (3, 2), (1, 2)])) if dots else () for _ in terms]
    try:
        np.broadcast_shapes(*lead)
    except ValueError:
        lead = [()] * len(terms)
    shapes = [(*head, *[extents[letter] for letter in term]) for head, term in zip(lead, terms, strict=True)]
    left = ",".join(("..." if dots else "") + term for term in terms)
    if draw(st.booleans()):
        return left, shapes
    used = sorted(set("".join(terms)))
    result = "".join(draw(st.lists(st.sampled_from(used), unique=True))) if used else ""
    return f"{left}->{'...' if dots else ''}{result}", shapes


@settings(max_examples=random_examples(80, explore=2000))
@given(subscripts())
def test_einsum(case: tuple[str, list[tuple[int, ...]]]) -> None:
    text, shapes = case
    arrays = [counted(shape) for shape in shapes]
    compare(lambda *xs: np.einsum(text, *xs) + 0.0, *arrays)
    weights = counted(np.einsum(text, *arrays).shape)
    first = arrays[0]
    got = slope(lambda x: weights * np.einsum(text, x, *arrays[1:]), first)
    for place in list(np.ndindex(first.shape))[:4]:
        unit = np.zeros(first.shape)
        unit[place] = 1
        np.testing.assert_allclose(
            got[place], np.sum(weights * np.einsum(text, unit, *arrays[1:])), rtol=1e-12
        )


@given(SHAPES, st.lists(st.integers(-1, 5), max_size=4))
def test_reshapes_that_do_not_fit_are_refused(shape: tuple[int, ...], target: list[int]) -> None:
    x = counted(shape)
    try:
        wanted = x.reshape(target)
    except ValueError:
        with pytest.raises(WengertError, match="reshape"):
            trace(lambda x: x.reshape(target), x)
    else:
        np.testing.assert_array_equal(trace(lambda x: x.reshape(target), x)(x), wanted)
