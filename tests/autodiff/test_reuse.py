"""Programs that are used again: for the same types, captured values, and ways through the function."""

from __future__ import annotations

import abc
import collections
import functools
import threading
import types
import typing
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert.errors import TraceError, WengertError, WengertWarning
from wengert.trace.captured import Captured
from wengert.trace.tracing import Recording
from wengert.trace.tree import flatten, hold_static, unflatten

FACTORS = np.array([1.0, 2.0])
EXPONENT = 2
X = np.array([3.0, 4.0])


@dataclass
class Model:
    """Captured by functions, and changed."""

    scale: float
    weights: Any

    def loss(self, x: Any) -> Any:
        return self.scale * np.sum(self.weights * x)


def of_globals(x: Any) -> Any:
    return np.sum(FACTORS * x**EXPONENT)


@pytest.fixture(params=["grad", "compile"])
def derivative(request: pytest.FixtureRequest) -> Any:
    def derived(function: Any) -> Any:
        return wg.grad(function) if request.param == "grad" else wg.compile(wg.grad(function))

    return derived


def test_globals_that_change(derivative: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    slope = derivative(of_globals)
    assert slope(X).tolist() == [6.0, 16.0]
    monkeypatch.setitem(globals(), "EXPONENT", 3)
    assert slope(X).tolist() == [27.0, 96.0]
    monkeypatch.setitem(globals(), "FACTORS", np.array([1.0, 0.0]))
    assert slope(X).tolist() == [27.0, 0.0]
    FACTORS[1] = 1.0
    assert slope(X).tolist() == [27.0, 48.0]


def test_objects_that_change(derivative: Any) -> None:
    model = Model(2.0, np.ones(2))
    slope = derivative(model.loss)
    assert slope(X).tolist() == [2.0, 2.0]
    model.scale = 3.0
    assert slope(X).tolist() == [3.0, 3.0]
    model.weights[0] = 5.0
    assert slope(X).tolist() == [15.0, 3.0]


class Slotted:
    """Its attributes stand in no dictionary."""

    __slots__ = ("scale",)


class Subclass(np.ndarray):
    """What it holds is not in its attributes."""


class Shared:
    """A class with an array of its own, which all objects share."""

    _weights = np.ones(2)

    def loss(self, x: Any) -> Any:
        return np.sum(self._weights * x)


def of_slots() -> tuple[Any, Any, Any]:
    held = Slotted()
    held.scale = 1.0
    return held, lambda x: np.sum(held.scale * x), lambda: setattr(held, "scale", 5.0)


def of_items(held: Any, read: Any) -> tuple[Any, Any, Any]:
    return held, lambda x: np.sum(read(held) * x), lambda: held.__setitem__(0, 5)


HELD = {
    "slots": of_slots,
    "subclass of an array": lambda: of_items(np.ones(2).view(Subclass), lambda one: np.asarray(one)[0]),
    "deque": lambda: of_items(collections.deque([1.0]), lambda one: one[0]),
    "bytearray": lambda: of_items(bytearray(b"\x01"), lambda one: one[0]),
    "memory of another array": lambda: of_items(memoryview(np.ones(1)), lambda one: one[0]),
    "private array of a class": lambda: (
        Shared,
        Shared().loss,
        lambda: Shared._weights.__setitem__(slice(None), 5),
    ),
}


@pytest.mark.parametrize("kind", HELD)
def test_whatever_holds_what_changes(kind: str, derivative: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Shared, "_weights", np.ones(2))
    _, function, change = HELD[kind]()
    slope = derivative(function)
    assert slope(X).tolist() == [1.0, 1.0]
    change()
    assert slope(X).tolist() == [5.0, 5.0]


def test_an_iterator_goes_on(derivative: Any) -> None:
    factors = iter([1.0, 2.0, 3.0])
    slope = derivative(lambda x: np.sum(next(factors) * x))
    assert [slope(X)[0] for _ in range(3)] == [1.0, 2.0, 3.0]


def test_closures_defaults_and_containers_that_change(derivative: Any) -> None:
    factor = 1.0
    parts = {"list": [1.0, 2.0]}
    module = types.ModuleType("settings_of_a_user")
    module.offset = 1.0  # type: ignore[attr-defined]

    def function(x: Any, power: Any = (2,)) -> Any:
        return np.sum(factor * parts["list"][0] * module.offset * x ** power[0])

    slope = derivative(function)
    assert slope(X).tolist() == [6.0, 8.0]
    factor = 2.0
    assert slope(X).tolist() == [12.0, 16.0]
    parts["list"][0] = 3.0
    assert slope(X).tolist() == [36.0, 48.0]
    vars(module)["offset"] = 0.5
    assert slope(X).tolist() == [18.0, 24.0]
    function.__defaults__ = ((1,),)
    assert slope(X).tolist() == [3.0, 3.0]


def newton(x: Any) -> Any:
    """The square root, by as many steps as it takes."""
    y = x
    while abs(y * y - x) > 1e-12 * x:
        y = 0.5 * (y + x / y)
    return y


def test_ways_through_a_function(derivative: Any) -> None:
    slope = derivative(newton)
    for value in (2.0, 3.0, 1e4, 2.0, 1e-3, 3.0):
        x = np.asarray(value)
        assert slope(x) == pytest.approx(0.5 / np.sqrt(value), rel=1e-9)


def test_masks_that_change(derivative: Any) -> None:
    slope = derivative(lambda x: np.sum(x[x > 0] ** 2))
    for x in ([1.0, -2.0, 3.0], [1.0, 2.0, -3.0], [-1.0, -1.0, -1.0], [1.0, -2.0, 4.0]):
        assert slope(np.array(x)).tolist() == np.where(np.array(x) > 0, 2 * np.array(x), 0).tolist()


def test_a_way_is_compiled_once() -> None:
    root = wg.compile(newton)
    for value in (2.0, 1e4, 2.5, 1e4):
        root(np.asarray(value))
    assert len(root.programs) == 2


def test_the_number_of_ways_is_bounded() -> None:
    def function(x: Any) -> Any:
        total = x
        for _ in range(x.astype(int)):
            total = total * 1.5
        return total

    compiled = wg.compile(function, executor="numpy")

    def check(iterations: int) -> None:
        assert compiled(np.asarray(iterations + 0.5)) == pytest.approx(
            (iterations + 0.5) * 1.5**iterations, rel=1e-14
        )

    for iterations in range(32):
        check(iterations)
    with pytest.warns(WengertWarning, match=r"more than 32 ways .* np.where"):
        check(32)
    check(33)  # and it is said once
    assert len(compiled.programs) == 32


def test_floats_of_python_share_a_program() -> None:
    compiled = wg.compile(lambda x, a: x * a if a > 0 else x - a, executor="numpy")
    for a in (0.5, 1.5, -2.0, 2.5, -1.0):
        got = compiled(np.ones(2, np.float32), a)
        assert got.dtype == np.float32
        assert got.tolist() == [a if a > 0 else 1 - a] * 2
    assert len(compiled.programs) == 2


def test_what_lapack_refuses_is_asked_again() -> None:
    """The way of a function that caught the error is not that of a matrix which is not refused."""

    def function(x: Any, a: Any) -> Any:
        if x[0, 0] > 0:
            try:
                return np.linalg.cholesky(a * x)[0, 0] + x[1, 1]
            except np.linalg.LinAlgError:
                return 7 * x[0, 0]
        return x[0, 0]

    indefinite, regular = np.array([[1.0, 2.0], [2.0, 1.0]]), 4 * np.eye(2)
    for plain in (function, wg.grad(function, argnums=1)):
        compiled = wg.compile(plain, executor="numpy")
        for x, a in ((indefinite, 1.0), (regular, 1.0), (regular, -1.0), (2 * regular, 1.0), (-regular, 1.0)):
            np.testing.assert_allclose(compiled(x, a), plain(x, a), rtol=1e-14)


def test_an_eager_program_is_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    traced: list[Any] = []

    def recorded(*args: Any) -> Recording:
        traced.append(args)
        return Recording(*args)

    monkeypatch.setattr("wengert.autodiff.application.Recording", recorded)

    def function(x: Any) -> Any:
        return np.sum(x**2)

    for _ in range(3):
        assert wg.grad(function)(X).tolist() == [6.0, 8.0]
    assert len(traced) == 1


def test_functions_with_effects_are_traced_each_time() -> None:
    seen: list[Any] = []

    def function(x: Any) -> Any:
        seen.append(x.shape)
        return np.sum(x)

    slope = wg.grad(function)
    slope(X)
    slope(X)
    assert seen == [(2,), (2,)]


def test_random_draws_are_not_frozen() -> None:
    rng = np.random.default_rng(0)

    def function(x: Any) -> Any:
        return x * rng.normal()

    slope = wg.grad(function)
    assert slope(1.0) != slope(1.0)
    for refused in (wg.compile(function), lambda x: wg.trace(function, x)):
        with pytest.raises(TraceError, match=r"drew random numbers .* wengert.random"):
            refused(1.0)
    with pytest.raises(TraceError, match="drew random numbers"):
        wg.trace(lambda x: x * np.random.normal(), 1.0)  # noqa: NPY002 - what is refused


def test_labels_are_checked_each_time() -> None:
    def loss(scores: Any, labels: Any) -> Any:
        return np.mean(wg.nn.nllm_from_logits(scores, labels))

    slope, scores = wg.grad(loss), np.zeros((2, 3))
    slope(scores, np.array([0, 1]))
    with pytest.raises(WengertError, match="row 1"):
        slope(scores, np.array([0, 7]))


def test_second_derivatives_and_threads_share_programs() -> None:
    curvature = wg.grad(wg.grad(lambda x: x**4))
    results: list[float] = []

    def work() -> None:
        for value in range(20):
            results.append(float(curvature(float(value))) - 12.0 * value**2)

    threads = [threading.Thread(target=work) for _ in range(3)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert results == [0.0] * 60


class Abstract(abc.ABC):
    """Of Python's own making there is more in it than in other classes."""

    @abc.abstractmethod
    def loss(self, x: Any) -> Any:
        """Return a number."""


class Concrete(Abstract):
    """With a value that is computed once."""

    @functools.cached_property
    def weights(self) -> Any:
        return np.ones(2)

    def loss(self, x: Any) -> Any:
        return np.sum(self.weights * x)


class Generic(typing.Generic[typing.TypeVar("T")]):
    """Its base has empty slots."""

    def loss(self, x: Any) -> Any:
        return np.sum(x)


@pytest.mark.parametrize(
    "held", [Concrete(), Generic(), Model(1.0, np.ones(2))], ids=lambda one: type(one).__name__
)
def test_objects_of_classes_written_in_python_can_be_compared(held: Any) -> None:
    wg.grad(held.loss)(X)
    captured = Captured(held.loss)
    assert captured.is_known
    assert captured.holds()


def test_the_structure_of_a_tree_is_compared_by_what_it_holds(derivative: Any) -> None:
    model = Model(2.0, np.ones(2))
    tree, _ = hold_static({"model": model, "x": X})
    _, structure = flatten(tree)

    def function(x: Any) -> Any:
        built = unflatten(structure, [x])
        return built["model"].loss(built["x"])

    slope = derivative(function)
    assert slope(X).tolist() == [2.0, 2.0]
    assert Captured(function).is_known
    model.scale = 3.0
    assert slope(X).tolist() == [3.0, 3.0]
