"""Functions with loops and branches, and the same written out in plain Python, one or more a primitive."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import wengert as wg

_DRAW = np.random.default_rng(9)
W, H, XS = 0.5 * _DRAW.normal(size=(3, 3)), _DRAW.normal(size=3), _DRAW.normal(size=(5, 3))


@dataclass(frozen=True)
class RegionExample:
    """A function of arrays that returns one number, and the same in plain Python.

    Attributes
    ----------
    primitive : str
        The region that the function's program has.
    """

    primitive: str
    function: Callable[..., Any]
    plain: Callable[..., Any]
    args: tuple[Any, ...]
    label: str

    def __str__(self) -> str:
        return f"{self.primitive}-{self.label}"


def recurrent(reverse: bool = False) -> Callable[..., Any]:
    """A recurrent layer: several leaves, one of them an integer, and a captured matrix."""

    def function(w: Any, h: Any, xs: Any) -> Any:
        def step(carry: Any, x: Any) -> Any:
            state, iteration = carry["h"], carry["iteration"]
            state = np.tanh(w @ state + x * (1 + iteration))
            return {"h": state, "iteration": iteration + 1}, (state[0] * x, iteration)

        last, (ys, iterations) = wg.scan(step, {"h": h, "iteration": 0}, xs, reverse=reverse)
        return np.sum(last["h"]) + np.sum(ys**2 * (1 + iterations[:, None]))

    return function


def plain_recurrent(reverse: bool = False) -> Callable[..., Any]:
    """The same as a loop."""

    def function(w: Any, h: Any, xs: Any) -> Any:
        total: Any = 0.0
        for iteration in range(len(xs)):
            x = xs[len(xs) - 1 - iteration if reverse else iteration]
            h = np.tanh(w @ h + x * (1 + iteration))
            total = total + np.sum((h[0] * x) ** 2 * (1 + iteration))
        return np.sum(h) + total

    return function


def nested(w: Any, h: Any, xs: Any) -> Any:
    """A scan in a scan, which captures values of both levels outside it."""

    def outer(carry: Any, x: Any) -> Any:
        shifted = w @ x

        def inner(state: Any, number: Any) -> Any:
            return np.sin(state + shifted * number + h), None

        state, _ = wg.scan(inner, carry, x)
        return state, np.sum(state)

    state, sums = wg.scan(outer, h, xs)
    return np.sum(state) + np.sum(sums**2)


def plain_nested(w: Any, h: Any, xs: Any) -> Any:
    """The same as two loops."""
    state, total = h, 0.0
    for x in xs:
        for place in range(3):
            state = np.sin(state + (w @ x) * x[place] + h)
        total = total + np.sum(state) ** 2
    return np.sum(state) + total


def root(a: Any) -> Any:
    """Square roots by Newton's method; each number takes its own number of iterations."""

    def of(one: Any) -> Any:
        return wg.while_loop(lambda x: np.abs(x * x - one) > 1e-13 * one, lambda x: (x + one / x) / 2, one)

    return np.sum(wg.vmap(of)(a) ** 3)


def plain_root(a: Any) -> Any:
    """The same with a fixed number of iterations, which is enough."""
    x = a
    for _ in range(12):
        x = (x + a / x) / 2
    return np.sum(x**3)


def doubled(w: Any, h: Any) -> Any:
    """A while_loop with a captured matrix and two values."""
    last, _ = wg.while_loop(
        lambda value: value[1] < 4, lambda value: (np.tanh(w @ value[0]) + h, value[1] + 1), (h, 0)
    )
    return np.sum(last**2)


def plain_doubled(w: Any, h: Any) -> Any:
    """The same as a loop."""
    x = h
    for _ in range(4):
        x = np.tanh(w @ x) + h
    return np.sum(x**2)


def chosen(w: Any, h: Any) -> Any:
    """Branches, chosen by a value and by an index, with captured values."""
    first = wg.cond(h[0] > 0, lambda x: np.sin(w @ x), lambda x: x * w[0], h)
    second = wg.switch(7, [np.cos, lambda x: x * h, lambda x: np.exp(w[1] * x)], first)
    return np.sum(first * second)


def plain_chosen(w: Any, h: Any) -> Any:
    """The same without branches."""
    first = np.where(h[0] > 0, np.sin(w @ h), h * w[0])
    return np.sum(first * np.exp(w[1] * first))


def counted(w: Any, h: Any) -> Any:
    """A loop that counts, around a map."""
    value = wg.fori_loop(1, 4, lambda i, x: np.tanh(w @ x) / i, h)
    return np.sum(wg.map(lambda x: x**3, value))


def plain_counted(w: Any, h: Any) -> Any:
    """The same as a loop."""
    for i in (1, 2, 3):
        h = np.tanh(w @ h) / i
    return np.sum(h**3)


def turned(z: Any, xs: Any) -> Any:
    """Complex carries, in a scan and in a while_loop."""
    last, sizes = wg.scan(lambda c, x: (np.exp(1j * c * x) * c * 0.5, np.abs(c)), z * (1 + 1j), xs)
    last, _ = wg.while_loop(lambda v: v[1] < 2, lambda v: (np.exp(1j * v[0] * z) * v[0], v[1] + 1), (last, 0))
    return np.sum(np.abs(last) ** 2) + np.sum(sizes)


def plain_turned(z: Any, xs: Any) -> Any:
    """The same as two loops."""
    c, total = z * (1 + 1j), 0.0
    for x in xs:
        total = total + np.sum(np.abs(c))
        c = np.exp(1j * c * x) * c * 0.5
    for _ in range(2):
        c = np.exp(1j * c * z) * c
    return np.sum(np.abs(c) ** 2) + total


def slope_of(function: Callable[..., Any]) -> Callable[..., Any]:
    """The sum of squares of the gradient, for what is made by a derivative alone."""
    return lambda *args: np.sum(wg.grad(function)(*args) ** 2)


EXAMPLES = [
    RegionExample("scan", turned, plain_turned, (H, XS), "complex"),
    RegionExample("scan", recurrent(), plain_recurrent(), (W, H, XS), "recurrent"),
    RegionExample("scan", recurrent(reverse=True), plain_recurrent(reverse=True), (W, H, XS), "reversed"),
    RegionExample("scan", recurrent(), plain_recurrent(), (W, H, XS[:0]), "of no iterations"),
    RegionExample("scan", recurrent(), plain_recurrent(), (W, H, XS[:1]), "of one iteration"),
    RegionExample("scan", nested, plain_nested, (W, H, XS), "nested"),
    RegionExample("scan", counted, plain_counted, (W, H), "counted"),
    RegionExample("while_loop", root, plain_root, (np.array([0.5, 2.0, 90.0]),), "over a batch"),
    RegionExample("while_loop", doubled, plain_doubled, (W, H), "with a captured matrix"),
    RegionExample("while_pullback", slope_of(doubled), slope_of(plain_doubled), (W, H), "of a matrix"),
    RegionExample("cond", chosen, plain_chosen, (W, np.abs(H)), "first"),
    RegionExample("cond", chosen, plain_chosen, (W, -np.abs(H)), "second"),
]
