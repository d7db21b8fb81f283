"""Whatever a function reads besides its arguments: once it has changed, the function is traced again."""

from __future__ import annotations

import collections
import types
from typing import Any, ClassVar

import numpy as np
import optree
import pytest

import wengert as wg
from wengert.trace.tree import NAMESPACE, flatten, unflatten

X = np.array([3.0, 4.0])


class Shared:
    """A class with an array that all objects share."""

    weights = np.ones(2)

    def loss(self, x: Any) -> Any:
        return np.sum(self.weights * x)


class Words(list[float]):
    """A list that has an attribute."""

    scale = 1.0


class Scaled:
    """A node that is not built without a value, by a function that reads a list."""

    scales: ClassVar[list[float]] = [1.0]

    def __init__(self, value: Any) -> None:
        self.value = value


optree.register_pytree_node(
    Scaled,
    lambda one: ((one.value,), None),
    lambda _, values: Scaled(values[0] * Scaled.scales[0]),
    namespace=NAMESPACE,
)


def of_order() -> Any:
    held = collections.OrderedDict(first=1.0, second=5.0)
    return lambda x: np.sum(next(iter(held.values())) * x), lambda: held.move_to_end("first")


def of_function() -> Any:
    def held(x: Any) -> Any:
        return np.sum(vars(held)["scale"] * x)

    vars(held)["scale"] = 1.0
    return held, lambda: vars(held).update(scale=5.0)


def of_class() -> Any:
    held: Any = type("Heir", (Shared,), {})
    return held().loss, lambda: setattr(held, "weights", np.full(2, 5.0))


def of_class_of_class() -> Any:
    held: Any = type("Scales", (type,), {"scale": 1.0})
    one = held("One", (), {})
    return lambda x: np.sum(one.scale * x), lambda: setattr(held, "scale", 5.0)


def of_subclass() -> Any:
    held = Words([2.0])
    return lambda x: np.sum(held.scale * x), lambda: setattr(held, "scale", 5.0)


def of_module(text: str) -> Any:
    held = types.ModuleType("settings_of_a_user")
    vars(held)["scale"] = 1.0
    function = eval(f"lambda x: np.sum({text} * x)", {"np": np, "held": held})
    return function, lambda: setattr(held, "scale", 5.0)


def of_structure() -> Any:
    _, structure = flatten(Scaled(np.ones(2)))
    return (
        lambda x: np.sum(unflatten(structure, [x]).value),
        lambda: Scaled.scales.__setitem__(0, 5.0),
    )


HELD = {
    "order of a dictionary": of_order,
    "attribute of a function": of_function,
    "attribute that a class gets": of_class,
    "attribute of a class's class": of_class_of_class,
    "attribute of a list": of_subclass,
    "name in a module": lambda: of_module("getattr(held, 'scale')"),
    "module's dictionary": lambda: of_module("held.__dict__['scale']"),
    "what builds the nodes of a tree": of_structure,
}


@pytest.mark.parametrize("kind", HELD)
def test_what_has_changed_is_seen(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Scaled, "scales", [1.0])
    function, change = HELD[kind]()
    slopes = wg.grad(function), wg.compile(wg.grad(function), executor="numpy")
    assert [slope(X).tolist() for slope in slopes] == [[1.0, 1.0]] * 2
    change()
    assert [slope(X).tolist() for slope in slopes] == [[5.0, 5.0]] * 2


SCALE = 1.0


@pytest.mark.parametrize("text", ["globals()['SCALE']", "eval('SCALE')"])
def test_a_global_that_is_read_by_its_name(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    slope = wg.grad(eval(f"lambda x: np.sum({text} * x)", globals()))
    assert slope(X).tolist() == [1.0, 1.0]
    monkeypatch.setitem(globals(), "SCALE", 5.0)
    assert slope(X).tolist() == [5.0, 5.0]
