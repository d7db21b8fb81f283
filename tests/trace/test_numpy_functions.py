"""NumPy's functions on tensors: the program gives NumPy's result, and a complex step its gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from wengert.ir.verify import verify
from wengert.trace.tracing import trace
from wengert.transform.gradient import gradient

V, M, B = (5,), (3, 4), (2, 3, 4)
Function = Callable[..., Any]

# Analytic functions of their arguments, which NumPy evaluates for complex numbers too.
ANALYTIC: list[tuple[str, Function, tuple[tuple[int, ...], ...]]] = [
    ("operators", lambda x, y: (x + y) * 2 - y / (x + 10) + 1 - (-x) ** 2 + (3 - +y), (M, (4,))),
    ("reflected operators", lambda x: 2 + x * (1 / (x + 5)) - (7 - x) + 2.0 ** (x / 4), (M,)),
    ("powers", lambda x: (x + 5) ** -1 + x**3 + (x + 5) ** 0.5 + (x + 5) ** x, (V,)),
    ("sum", lambda x: np.sum(x, axis=1) + x.sum() + np.add.reduce(x, axis=1), (M,)),
    ("sum keepdims", lambda x: np.sum(x, axis=(0, -1), keepdims=True) * x, (B,)),
    ("mean", lambda x: np.mean(x, axis=0) + x.mean() + x.mean(axis=(0,), keepdims=True), (M,)),
    ("prod", lambda x: np.prod(x, axis=1) + x.prod(axis=-1) + np.multiply.reduce(x, axis=1), (M,)),
    ("cumsum", lambda x: np.cumsum(x * x, axis=1) + x.cumsum(axis=-1) + np.add.accumulate(x, axis=1), (M,)),
    ("cumsum of all", lambda x: np.cumsum(x) ** 2, (M,)),
    ("diff", lambda x: np.diff(x**2, n=2, axis=-1), (M,)),
    ("matmul", lambda x, y: x @ y + np.matmul(x, y) + np.dot(x, y), (M, (4, 2))),
    ("matvec", lambda x, y: x @ y + np.dot(x, y) + x.dot(y), (M, (4,))),
    ("vecmat", lambda x, y: y @ x + [1.0, 2.0, 3.0] @ x, (M, (3,))),
    (
        "options at their defaults",
        lambda x: np.sum(x, where=True) + np.max(x, out=None) * np.sum(x, initial=np._NoValue),
        (V,),
    ),
    ("dot of high rank", lambda x, y: np.dot(x, y), (B, (2, 4, 3))),
    ("dot with a scalar", lambda x, y: np.dot(x, y) + np.inner(y, x), (M, ())),
    ("inner", lambda x, y: np.inner(x, y), (M, (2, 4))),
    ("vdot", lambda x, y: np.sum(x * y) * np.ones(2), (M, M)),
    ("outer", lambda x, y: np.outer(x, y) + np.multiply.outer(x, y).reshape(3, 4), ((3,), (4,))),
    ("outer of matrices", lambda x, y: np.outer(x, y), ((2, 2), (3,))),
    ("tensordot", lambda x, y: np.tensordot(x, y, axes=([1, 2], [0, 1])), (B, (3, 4, 2))),
    ("tensordot by count", lambda x, y: np.tensordot(x, y, 2) + np.tensordot(x, y), (B, (3, 4))),
    ("tensordot of an axis", lambda x, y: np.tensordot(x, y, axes=(-1, 1)), (B, (2, 4))),
    ("trace and diagonal", lambda x: np.trace(x) * np.diagonal(x) + np.diag(x) + x.trace(), ((4, 4),)),
    ("diagonal matrix", lambda x: np.diag(x) @ x, (V,)),
    ("reshape", lambda x: x.reshape(4, 3) @ np.reshape(x, (3, -1)) + x.reshape((4, 3))[0, 0], (M,)),
    ("ravel", lambda x: np.ravel(x) * x.ravel() + x.flatten() + x.reshape(-1), (M,)),
    ("transpose", lambda x: x.T @ x + np.transpose(x) @ x.transpose(0, 1) + x.transpose().mT.T @ x, (M,)),
    (
        "transpose of rank 3",
        lambda x: np.transpose(x, (2, 0, 1)) + x.transpose(2, 0, 1) + np.permute_dims(x, (2, 0, 1)),
        (B,),
    ),
    (
        "moving axes",
        lambda x: (
            np.swapaxes(x, 0, 2) * np.moveaxis(x, 0, -1).swapaxes(0, 1)
            + np.matrix_transpose(x).transpose(1, 2, 0)
        ),
        (B,),
    ),
    ("several moved axes", lambda x: np.moveaxis(x, (0, 1), (-1, 0)) ** 2, (B,)),
    (
        "new axes",
        lambda x: np.expand_dims(x, (0, -1)) * np.expand_dims(x, 1)[..., None] + x[None, :, :, None],
        (M,),
    ),
    ("squeeze", lambda x: np.squeeze(x) + x.squeeze(0) + np.squeeze(x, axis=(0,)), ((1, 5),)),
    ("broadcast_to", lambda x: np.broadcast_to(x, (2, 3, 4)) ** 2, (M,)),
    ("broadcast_arrays", lambda x, y: np.broadcast_arrays(x, y)[1] * x, (M, (4,))),
    ("concatenate", lambda x, y: np.concatenate([x, y, np.ones((1, 4))]) ** 2, (M, (2, 4))),
    ("concatenate flat", lambda x, y: np.concatenate([x, y], axis=None) ** 2, (M, (2,))),
    ("stack", lambda x, y: np.stack([x, y, x], axis=1) * np.stack((y, y, x), axis=-2), (M, M)),
    (
        "other stacks",
        lambda x, y: np.vstack([x, y]) * np.hstack([x, y]).reshape(2, 5) + np.column_stack([x, y]).T,
        (V, V),
    ),
    ("append", lambda x, y: np.append(x, y, axis=0) * np.append(x, y).reshape(5, 4), (M, (2, 4))),
    ("split", lambda x: np.split(x, 2, axis=1)[1] * np.split(x, [1, 3], axis=1)[1], (M,)),
    ("array_split", lambda x: np.array_split(x, 3)[0] * x[:2] + np.array_split(x, 3)[2].sum(), (V,)),
    ("flip", lambda x: np.flip(x) * np.flip(x, 0) + np.flipud(x) * np.fliplr(x) + np.flip(x, (0, 1)), (M,)),
    ("pad", lambda x: np.pad(x, ((1, 0), (0, 2))) ** 2, (M,)),
    ("pad with a value", lambda x: np.pad(x, 1, constant_values=3.0) ** 2, (M,)),
    ("tile", lambda x: np.tile(x, (2, 1, 3)) ** 2, (M,)),
    ("tile by a number", lambda x: np.tile(x, 3) * 2, (M,)),
    ("repeat", lambda x: np.repeat(x, 2, axis=1) * x.repeat(2).reshape(3, 8), (M,)),
    ("roll", lambda x: np.roll(x, 2, axis=1) * np.roll(x, -1) + np.roll(x, 0, axis=0), (M,)),
    ("take", lambda x: np.take(x, [2, 0, 2], axis=0) * x.take([1, 1, 5]).sum(), (M,)),
    ("take_along_axis", lambda x: np.take_along_axis(x, np.array([[3], [0], [1]]), axis=1) ** 2, (M,)),
    ("take_along_axis flat", lambda x: np.take_along_axis(x, np.array([3, 0]), axis=None) ** 2, (M,)),
    ("take_along_axis broadcast", lambda x: np.take_along_axis(x, np.array([[2, 0, 1, 1]]), axis=0), (M,)),
    ("var and std", lambda x: np.var(x, axis=1) + x.var(ddof=1) + np.std(x + 0, axis=1) + x.std(), (M,)),
    ("exponentials", lambda x: np.exp(x) + np.expm1(x) + np.exp2(x) + np.log(x + 5) + np.log1p(x + 3), (V,)),
    (
        "logarithms",
        lambda x: np.log2(x + 5) + np.log10(x + 5) + np.square(x) + np.sqrt(x + 5) + np.reciprocal(x + 5),
        (V,),
    ),
    (
        "circular",
        lambda x: np.sin(x) + np.cos(x) + np.tan(x / 4) + np.arcsin(x / 4) + np.arccos(x / 4) + np.arctan(x),
        (V,),
    ),
    ("hyperbolic", lambda x: np.sinh(x) + np.cosh(x) + np.tanh(x) + np.arcsinh(x) + np.arctanh(x / 4), (V,)),
    ("signs", lambda x: np.negative(x) * np.positive(x), (V,)),
    ("iteration", lambda x: sum(row * float(place) for place, row in enumerate(x)) + len(x), (M,)),
    (
        "creation",
        lambda x: x * np.ones_like(x) + np.zeros_like(x) + np.full_like(x, 2.5) * x + np.empty_like(x) * 0,
        (M,),
    ),
    ("copies", lambda x: np.copy(x) * x.copy() + np.atleast_1d(x) * np.atleast_2d(x), (M,)),
    ("ranks", lambda x: np.atleast_1d(x) * np.atleast_2d(x)[0], ((),)),
    (
        "shapes",
        lambda x: x * np.shape(x)[0] + np.ndim(x) + np.size(x) + np.size(x, 1) + x.ndim + x.size,
        (M,),
    ),
    ("einsum", lambda x, y: np.einsum("ij,jk->ik", x, y) + np.einsum("ij,jk", x, y), (M, (4, 2))),
    ("einsum trace", lambda x: np.einsum("ii", x) * np.einsum("ii->i", x), ((4, 4),)),
    ("einsum of a repeated index twice", lambda x, y: np.einsum("iij,jj->i", x, y), ((3, 3, 2), (2, 2))),
    ("einsum with ellipsis", lambda x, y: np.einsum("...ij,jk->...ik", x, y), (B, (4, 5))),
    ("einsum with two ellipses", lambda x, y: np.einsum("...ij,...jk", x, y), ((1, 3, 4), (2, 4, 5))),
    ("einsum of short ellipsis", lambda x, y: np.einsum("...i,...i->...", x, y), (B, (4,))),
    ("einsum that stretches", lambda x, y: np.einsum("ij,ij->i", x, y), (M, (3, 1))),
    ("einsum of one", lambda x: np.einsum("ij->ji", x) @ x + np.einsum("ij->", x), (M,)),
    ("einsum of three", lambda x, y, z: np.einsum("a,ab,b->", x, y, z), ((3,), M, (4,))),
]


def arguments(shapes: tuple[tuple[int, ...], ...], dtype: Any = np.float64) -> list[np.ndarray]:
    rng = np.random.default_rng(7)
    return [np.asarray(rng.uniform(-2, 2, shape), dtype) for shape in shapes]


@pytest.mark.parametrize(("name", "function", "shapes"), ANALYTIC, ids=[name for name, _, _ in ANALYTIC])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_program_gives_what_numpy_gives(name: str, function: Function, shapes: Any, dtype: Any) -> None:
    given = arguments(shapes, dtype)
    got = verify(trace(function, *given))(*given)
    wanted = np.asarray(function(*given))
    assert got.shape == wanted.shape
    if name not in ("concatenate", "pad with a value", "iteration"):
        assert got.dtype == wanted.dtype
    np.testing.assert_allclose(got, wanted, rtol=200 * np.finfo(dtype).eps, atol=20 * np.finfo(dtype).eps)


@pytest.mark.parametrize(("name", "function", "shapes"), ANALYTIC, ids=[name for name, _, _ in ANALYTIC])
def test_the_gradient_is_that_of_a_complex_step(name: str, function: Function, shapes: Any) -> None:
    given = arguments(shapes)
    rng = np.random.default_rng(8)
    weights = rng.normal(size=np.shape(function(*given)))
    slopes = gradient(trace(lambda *args: (weights * function(*args)).sum(), *given))(*given)
    for place, slope in enumerate(slopes):
        direction = rng.normal(size=shapes[place])
        moved: list[Any] = list(given)
        moved[place] = given[place] + 1e-200j * direction
        if name in ("var and std",):
            wanted = _spread_step(weights, given[0], direction)
        else:
            wanted = np.sum(weights * function(*moved)).imag / 1e-200
        np.testing.assert_allclose(np.sum(slope * direction), wanted, rtol=1e-12, atol=1e-12)


def _spread_step(weights: np.ndarray, x: np.ndarray, direction: np.ndarray) -> float:
    """np.var of complex numbers is not analytic: the formula is written out."""
    z = x + 1e-200j * direction

    def var(z: np.ndarray, ddof: int = 0, **kwargs: Any) -> Any:
        centred = z - z.mean(keepdims=True, **kwargs)
        count = z.size if not kwargs else z.shape[kwargs["axis"]]
        return (centred * centred).sum(**kwargs) / (count - ddof)

    total = var(z, axis=1) + var(z, ddof=1) + np.sqrt(var(z, axis=1)) + np.sqrt(var(z))
    return float(np.sum(weights * total).imag / 1e-200)


# Not analytic, or not of floating numbers: compared with NumPy alone.
OTHER: list[tuple[str, Function, tuple[tuple[int, ...], ...]]] = [
    (
        "max and min",
        lambda x: np.max(x, axis=1) - np.min(x, axis=1) + x.max() - x.min(axis=-1) + np.amax(x) - np.amin(x),
        (M,),
    ),
    ("reduced extremes", lambda x: np.maximum.reduce(x, axis=1) + np.minimum.reduce(x, axis=1), (M,)),
    (
        "argmax and argmin",
        lambda x: np.argmax(x, axis=1) + x.argmin(axis=1) + np.argmax(x) + np.argmin(x),
        (M,),
    ),
    ("argmax keepdims", lambda x: np.argmax(x, axis=0, keepdims=True), (M,)),
    (
        "any and all",
        lambda x: np.any(x > 0, axis=1) & np.all(x > -9, axis=1) | (x > 5).any() & (x < 5).all(),
        (M,),
    ),
    (
        "reduced logic",
        lambda x: np.logical_and.reduce(x > -1, axis=1) ^ np.logical_or.reduce(x > 1, axis=1),
        (M,),
    ),
    ("comparisons", lambda x, y: [x == y, x != y, x < y, x <= y, x > y, x >= y, x > 1, x == 1], (M, (4,))),
    (
        "logic",
        lambda x: [
            ~(x > 0),
            (x > 0) & True,
            True & (x > 0),
            True | (x > 0),
            False ^ (x > 0),
            np.logical_not(x > 0),
        ],
        (M,),
    ),
    ("bits of truth", lambda x: np.bitwise_and(x > 0, x < 1) | np.bitwise_xor(x > 0, x < 1), (M,)),
    ("abs", lambda x: abs(x) + np.abs(x) + np.fabs(x) + np.absolute(x) + np.sign(x), (M,)),
    ("maximum and minimum", lambda x, y: np.maximum(x, y) * np.minimum(x, 0.5), (M, (4,))),
    (
        "clip",
        lambda x: (
            np.clip(x, -1, 1)
            + x.clip(-0.5, 0.5)
            + np.clip(x, None, 1)
            + np.clip(x, -1, None)
            + np.clip(x, None, None)
        ),
        (M,),
    ),
    ("clip by name", lambda x: np.clip(x, min=-1, max=0.5) + x.clip(max=1), (M,)),
    ("where", lambda x, y: np.where(x > y, x, 0) + np.where(x > 0, 1.0, y), (M, (4,))),
    ("heaviside", lambda x: np.heaviside(x, 0.5), (M,)),
    (
        "heaviside of numbers",
        lambda x: [np.heaviside(number, x) for number in (2, 0.0, -1.5, np.nan, np.float32(1), True)],
        (M,),
    ),
    ("other elementwise", lambda x, y: np.logaddexp(x, y) + np.arctan2(x, y) + np.hypot(x, y), (M, (4,))),
    ("tests", lambda x: [np.isnan(x), np.isinf(x), np.isfinite(x / 0.0)], (M,)),
    (
        "norms",
        lambda x: (
            np.linalg.norm(x)
            + np.linalg.norm(x, axis=1)
            + np.linalg.norm(x, axis=(0, 1))
            + np.linalg.norm(x, "fro")
        ),
        (M,),
    ),
    (
        "norms of other orders",
        lambda x: [
            np.linalg.norm(x, order, axis=1, keepdims=True) for order in (0, 1, 2, 3, np.inf, -np.inf)
        ],
        (M,),
    ),
    ("norm of a vector", lambda x: np.linalg.norm(x, 2) + np.linalg.norm(x, 1), (V,)),
    ("angles", lambda x: np.deg2rad(x) + np.rad2deg(x) + np.radians(x) + np.degrees(x), (M,)),
    ("nan_to_num", lambda x: np.nan_to_num(x * np.array([1, np.nan, np.inf, -np.inf]), nan=2.0), (M,)),
    ("nan_to_num by name", lambda x: np.nan_to_num(x * np.inf, posinf=5.0, neginf=-5.0), (M,)),
    (
        "dtypes",
        lambda x: [x.astype(np.float32), x.astype(int), (x > 0).astype(float), np.sum(x, dtype=np.float32)],
        (M,),
    ),
    (
        "more dtypes",
        lambda x: [
            np.mean(x, dtype=np.float32),
            np.cumsum(x, axis=0, dtype=np.float32),
            np.add(x, 1, dtype=np.float32),
        ],
        (M,),
    ),
    ("vdot and vecdot", lambda x, y: [np.vdot(x, y), np.vecdot(x, y)], (M, M)),
    ("splits", lambda x: np.split(x, 3), (M,)),
    ("indexing with int tensors", lambda x: x[np.argmax(x, axis=0), np.arange(4)], (M,)),
    ("result_type", lambda x: np.ones(2, np.result_type(x, np.float32)), (M,)),
    ("iscomplexobj", lambda x: x * (2 if np.iscomplexobj(x) else 3), (M,)),
    ("integer power", lambda x: np.floor_divide(7, 2) * x, (V,)),
    ("scalars", lambda x: [x + np.float32(1), x * np.int8(2), np.float64(3) * x, x + np.array(2)], (V,)),
]


@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
@pytest.mark.parametrize(("name", "function", "shapes"), OTHER, ids=[name for name, _, _ in OTHER])
def test_other_functions_give_what_numpy_gives(name: str, function: Function, shapes: Any) -> None:
    for dtype in (np.float32, np.float64):
        given = arguments(shapes, dtype)
        got, wanted = verify(trace(function, *given))(*given), function(*given)
        if not isinstance(wanted, (list, tuple)):
            got, wanted = [got], [wanted]
        assert len(got) == len(wanted)
        for one, other in zip(got, wanted, strict=True):
            assert one.shape == np.shape(other)
            assert one.dtype == np.asarray(other).dtype
            eps = np.finfo(one.dtype if one.dtype.kind == "f" else dtype).eps
            np.testing.assert_allclose(one, other, rtol=20 * eps, atol=2 * eps)


@pytest.mark.parametrize("function", [np.sum, np.prod, np.max, np.min, np.mean, np.cumsum, np.argmax, np.any])
def test_integers(function: Function) -> None:
    for dtype in (np.int32, np.int64, np.uint8, bool):
        x = np.array([[3, 1, 2], [0, 5, 1]]).astype(dtype)
        got = trace(lambda x: function(x, axis=1), x)(x)
        wanted = function(x, axis=1)
        np.testing.assert_array_equal(got, wanted)
        assert got.dtype == wanted.dtype


def test_clipping_integers_on_one_side() -> None:
    x = np.array([-3, 0, 9], np.int8)
    for low, high in ((None, 4), (-1, None)):
        got = trace(lambda x, low=low, high=high: np.clip(x, low, high), x)(x)
        np.testing.assert_array_equal(got, np.clip(x, low, high))
        assert got.dtype == np.int8


def test_integer_arithmetic_is_exact() -> None:
    x = np.array([2**53 + 1, 7], np.int64)
    got = trace(lambda x: [x + 1, x * 3, -x, x - x[::-1], x.sum()], x)(x)
    for one, wanted in zip(got, [x + 1, x * 3, -x, x - x[::-1], x.sum()], strict=True):
        np.testing.assert_array_equal(one, wanted)


def test_an_array_on_the_left_and_rebinding() -> None:
    rng = np.random.default_rng(0)
    weights, x = rng.normal(size=(3, 4)), rng.normal(size=4)

    def function(x: Any) -> Any:
        y = weights @ x + np.ones(3) * x.sum() - weights.T[0, :3] / (x[:3] + 9)
        y += np.float64(2)
        y *= 3
        y -= x[0]
        y /= 2.0
        y **= 2
        return y

    np.testing.assert_allclose(trace(function, x)(x), function(x.copy()))


def test_in_place_operators_reach_all_names_of_an_array() -> None:
    x = np.ones(3)

    def function(x: Any) -> Any:
        first = x
        x += 1
        return first * x

    np.testing.assert_array_equal(trace(function, x)(x), function(x.copy()))
    np.testing.assert_array_equal(x, 1)
