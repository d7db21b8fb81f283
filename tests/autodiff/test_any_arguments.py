"""Arguments that are no arrays reach the function as they are, through every transformation."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert.errors import DTypeError, GradientError, TraceError

X = np.array([0.5, 2.0, 1.0])


class Colour(enum.Enum):
    RED = 3.0


class Settings:
    def __init__(self, factor: float) -> None:
        self.factor = factor


class Odd:
    """Looks like a sequence, and is none."""

    factor = 2.0

    def __len__(self) -> int:
        raise RuntimeError("no length")

    def __getitem__(self, place: int) -> Any:
        raise RuntimeError("no items")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no equality")

    __hash__ = None  # type: ignore[assignment]


def doubled(x: Any) -> Any:
    return 2.0 * x


CASES: list[tuple[str, Any, Callable[[Any, Any], Any]]] = [
    ("string", "cube", lambda x, a: x**3 if a == "cube" else x),
    ("bytes", b"cube", lambda x, a: x**3 if a == b"cube" else x),
    ("function", doubled, lambda x, a: a(x) * x),
    ("lambda", lambda x: x * x, lambda x, a: a(x)),
    ("universal function", np.sin, lambda x, a: a(x)),
    ("NumPy function", np.cumsum, lambda x, a: a(x) * x),
    ("class", float, lambda x, a: x * a(3)),
    ("dtype", np.dtype(np.float64), lambda x, a: x.astype(a)),
    ("slice", slice(1, None, 2), lambda x, a: x[a] ** 2),
    ("range", range(2), lambda x, a: sum(x[i] ** 2 for i in a) * np.ones(1)),
    ("ellipsis", ..., lambda x, a: x[a] ** 2),
    ("object", Settings(3.0), lambda x, a: a.factor * x**2),
    ("odd object", Odd(), lambda x, a: a.factor * x**2),
    ("member of an enumeration", Colour.RED, lambda x, a: a.value * x**2),
    ("set", {1, 2}, lambda x, a: x * len(a)),
    ("complex number", 3 + 4j, lambda x, a: x * abs(a)),
    ("complex array", np.array([3 + 4j, 1j, 2.0]), lambda x, a: x * np.abs(a)),
    ("array of strings", np.array(["a", "b", "a"]), lambda x, a: x[a == "a"] ** 2),
    ("dates", np.array(["2020-01-01", "2020-01-03"], "M8[D]"), lambda x, a: x * np.ptp(a).astype(int)),
    ("array of objects", np.array([2.0, None, 1], object), lambda x, a: x * a[0]),
    ("generator of random numbers", np.random.default_rng, lambda x, a: x * a(0).normal(size=3)),
    ("in a dictionary", {"kind": "cube", "factor": 2.0}, lambda x, a: a["factor"] * x ** len(a["kind"])),
    ("in a list", [2.0, "cube"], lambda x, a: a[0] * x ** len(a[1])),
    ("a large integer", 2**70, lambda x, a: x * (a % 7)),
    ("None", None, lambda x, a: x * x if a is None else x),
    ("mask", np.array([True, False, True]), lambda x, a: x * a),
    ("boolean", True, lambda x, a: x * a + (x > 0) * True),
]


@pytest.mark.parametrize(("given", "function"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_every_transformation_passes_it_on(given: Any, function: Callable[[Any, Any], Any]) -> None:
    wanted = np.asarray(function(X, given))
    v = np.array([0.3, -1.0, 2.0])

    def closed(x: Any) -> Any:
        return function(x, given)

    def scalar(x: Any, a: Any) -> Any:
        return np.sum(function(x, a) * np.arange(1.0, wanted.size + 1))

    def closed_scalar(x: Any) -> Any:
        return scalar(x, given)

    slope = wg.grad(closed_scalar)(X)
    for got, expected in [
        (wg.trace(function, X, given)(X, given), wanted),
        (wg.grad(scalar)(X, given), slope),
        (wg.grad(scalar, argnames="x")(X, a=given), slope),
        (wg.value_and_grad(scalar)(X, given)[1], slope),
        (wg.jacobian(function)(X, given), wg.jacobian(closed)(X)),
        (wg.hessian(scalar)(X, given), wg.hessian(closed_scalar)(X)),
        (wg.jvp(function, (X, given), v, argnums=0)[1], wg.jvp(closed, (X,), (v,))[1]),
        (wg.vjp(function, X, given, argnums=0)[0], wanted),
        (wg.vjp(scalar, X, given, argnums=0)[1](1.0), slope),
        (wg.hvp(scalar, (X, given), v), wg.hvp(closed_scalar, (X,), v)),
    ]:
        np.testing.assert_allclose(got, expected, rtol=1e-12)
    for executor in ("numpy", "llvm"):
        if not isinstance(given, np.ndarray) or given.dtype != bool:  # a mask that is traced has no values
            np.testing.assert_allclose(wg.compile(function, executor)(X, given), wanted, rtol=1e-12)
        np.testing.assert_allclose(wg.compile(wg.grad(scalar), executor)(X, given), slope, rtol=1e-12)
    assert wg.check_grad(function, X, given, argnums=0)


class Foreign:
    """An array of another library: NumPy can read it, and its dtype is none of NumPy's."""

    dtype = "foreign.float64"
    shape = X.shape

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.array(X, dtype)


def test_arrays_of_other_libraries() -> None:
    np.testing.assert_array_equal(wg.grad(lambda x: np.sum(x * x))(Foreign()), 2 * X)
    np.testing.assert_array_equal(wg.grad(lambda x, a: np.sum(x * a))(X, Foreign()), X)
    np.testing.assert_array_equal(wg.grad(lambda x: np.sum(x * Foreign()))(X), X)


def test_it_cannot_be_differentiated_by() -> None:
    with pytest.raises(GradientError, match=r"argument 'kind' is <U2; derivatives need floating or complex"):
        wg.grad(lambda x, kind: x, argnames="kind")(1.0, "l2")
    with pytest.raises(GradientError, match=r"argument 'o.name' is <U5"):
        wg.grad(lambda o: o["x"])({"x": 1.0, "name": "ridge"})


def test_a_program_is_for_the_argument_that_it_was_traced_with() -> None:
    program = wg.trace(lambda x, kind: x**2 if kind == "l2" else x, 2.0, "l2")
    assert program(3.0, "l2") == 9.0
    with pytest.raises(TraceError, match=r"'l1'.*was traced with.*'l2'"):
        program(3.0, "l1")


def test_compiled_once_for_each_value() -> None:
    compiled = wg.compile(lambda x, kind: x**2 if kind == "l2" else x)
    for _ in range(3):
        assert compiled(np.float64(3.0), "l2") == 9.0
        assert compiled(np.float64(3.0), "l1") == 3.0
    assert len(compiled.programs) == 2


def test_an_object_that_changes_is_seen() -> None:
    settings = Settings(2.0)
    compiled = wg.compile(lambda x, s: s.factor * x)
    assert compiled(np.float64(3.0), settings) == 6.0
    settings.factor = 5.0
    assert compiled(np.float64(3.0), settings) == 15.0
    drawn = wg.compile(lambda x, rng: x * rng.normal())
    rng, same = np.random.default_rng(0), np.random.default_rng(0)
    for _ in range(3):
        assert drawn(np.float64(1.0), rng) == same.normal()
    bound = wg.compile(lambda x, draw: x * draw())
    rng, same = np.random.default_rng(0), np.random.default_rng(0)
    for _ in range(3):
        assert bound(np.float64(1.0), rng.normal) == same.normal()


def test_objects_do_not_pile_up() -> None:
    compiled = wg.compile(lambda x, f: f(x))
    for _ in range(5):
        assert compiled(np.float64(3.0), lambda t: t * t) == 9.0
    assert len(compiled.programs) == 1
    assert compiled(np.float64(3.0), lambda t: t + t) == 6.0


def test_complex_constants_that_differ_in_a_sign_are_not_one() -> None:
    compiled = wg.compile(lambda x, z: x * np.angle(z))
    assert compiled(np.float64(1.0), complex(-1.0, 0.0)) == np.pi
    assert compiled(np.float64(1.0), complex(-1.0, -0.0)) == -np.pi


def test_masked_arrays_are_refused() -> None:
    with pytest.raises(DTypeError, match="masked arrays are refused"):
        wg.grad(lambda x, m: x)(1.0, np.ma.masked_array([1.0], [True]))


class Counter:
    scale = 2.0

    @wg.compile
    def scaled(self, x: Any) -> Any:
        return self.scale * np.sum(x)

    @wg.grad
    def slope(self: Any, x: Any) -> Any:
        return x


def test_methods_can_be_decorated() -> None:
    counter = Counter()
    assert counter.scaled(np.ones(3)) == 6.0
    counter.scale = 5.0
    assert counter.scaled(np.ones(3)) == 15.0
    with pytest.raises(GradientError, match="argument 'self'"):
        counter.slope(1.0)


@pytest.mark.parametrize("executor", ["numpy", "llvm"])
def test_masks_that_are_known_select(executor: str) -> None:
    x = np.arange(24.0).reshape(2, 3, 4)
    for key in (
        np.s_[:, [True, False, True]],
        np.s_[x % 3 == 0],
        np.s_[0, np.array([True, False, True])],
        np.s_[..., np.array([True, False, True, True])],
        np.s_[:, np.array([[True, False, True, True]] * 3)],
        np.s_[np.array([True, False]), :, 1],
        np.s_[None, np.array([True, False]), ::-1],
        np.s_[np.array([True, True]), np.array([0, 1])],
        np.s_[np.array([False, False])],
        np.s_[..., x[0] > 3],
    ):
        wanted = x[key]
        got = wg.compile(lambda x, key=key: x[key], executor)(x)
        assert got.shape == wanted.shape
        np.testing.assert_array_equal(got, wanted)
        slope = np.zeros_like(x)
        slope[key] = 2 * wanted
        np.testing.assert_array_equal(wg.grad(lambda x, key=key: np.sum(x[key] ** 2))(x), slope)


def test_masks_of_known_values_select_as_an_if_does() -> None:
    x = np.array([1.0, -2.0, 3.0])
    np.testing.assert_array_equal(wg.grad(lambda x: np.sum(x[x > 0] ** 2))(x), [2.0, 0.0, 6.0])
    np.testing.assert_array_equal(wg.hessian(lambda x: np.sum(x[x > 0] ** 2))(x), np.diag([2.0, 0.0, 2.0]))
    np.testing.assert_array_equal(wg.grad(lambda x, m: np.sum(x[m]))(x, x < 0), [0.0, 1.0, 0.0])


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32, np.uint8, bool])
def test_python_booleans_stand_beside_arrays(dtype: Any) -> None:
    x = np.array([0, 1, 1], dtype)
    for function in (
        lambda x: x * True,
        lambda x: False + x,
        lambda x: np.maximum(x, True),
        lambda x: np.where(x > 0, x, True),
        lambda x: x == True,  # noqa: E712
        lambda x: np.stack([x, x * False]),
        lambda x: np.logical_or(x, False),
    ):
        wanted = function(x)
        for executor in ("numpy", "llvm"):
            got = wg.compile(function, executor)(x)
            assert got.dtype == wanted.dtype
            np.testing.assert_array_equal(got, wanted)
