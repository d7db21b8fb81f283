"""Functions of nested loops and branches, drawn at random."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import wengert as wg

# From a state of shape (3,), a captured matrix (3, 3) and a captured vector (3,) to the next state.
Step = Callable[[Any, Any, Any], Any]
LINES: tuple[Step, ...] = (
    lambda x, w, h: np.tanh(w @ x + h),
    lambda x, w, h: np.sin(x) * h[::-1],
    lambda x, w, h: np.maximum(x, h) * w[0] - np.mean(x),
    lambda x, w, h: np.concatenate([x[1:], x[:1]]) / (1 + x**2),
    lambda x, w, h: np.where(x > h, np.cos(x), w[1]),
)


def drawn(seed: int, depth: int = 3) -> Callable[..., Any]:
    """Return a function of (w, h, xs), of shapes (3, 3), (3,) and (n, 3), that gives several arrays."""
    rng = np.random.default_rng(seed)
    first, second = _step(rng, depth), _step(rng, depth - 1)
    reverse = bool(rng.integers(2))

    def function(w: Any, h: Any, xs: Any) -> Any:
        def iteration(carry: Any, x: Any) -> Any:
            state, number = carry
            return (second(state + x, w, h), number + 1), (state[0] * x, number)

        (last, count), (ys, numbers) = wg.scan(iteration, (first(h, w, h), 1), xs, reverse=reverse)
        return last, count, ys, numbers

    return function


def arguments(seed: int) -> tuple[np.ndarray, ...]:
    """Return arguments of `drawn`; some have no rows, or one."""
    rng = np.random.default_rng(seed)
    return 0.5 * rng.normal(size=(3, 3)), rng.normal(size=3), rng.normal(size=(int(rng.choice([0, 1, 5])), 3))


def _step(rng: np.random.Generator, depth: int) -> Step:
    kind = str(rng.choice(["scan", "fori_loop", "while_loop", "cond", "switch", "map"]))
    if depth == 0:
        return LINES[int(rng.integers(len(LINES)))]
    inner = [_step(rng, depth - 1) for _ in range({"cond": 2, "switch": 3}.get(kind, 1))]
    length, reverse = int(rng.choice([0, 1, 3])), bool(rng.integers(2))
    return globals()[f"_{kind}"](inner, length, reverse)


def _scan(inner: list[Step], length: int, reverse: bool) -> Step:
    def step(x: Any, w: Any, h: Any) -> Any:
        last, sums = wg.scan(
            lambda state, row: (inner[0](state * row, w, h), np.sum(state)), x, w[:length], reverse=reverse
        )
        return last + np.sum(sums)

    return step


def _fori_loop(inner: list[Step], length: int, reverse: bool) -> Step:
    return lambda x, w, h: wg.fori_loop(1, 1 + length, lambda i, state: inner[0](state / i, w, h), x)


def _while_loop(inner: list[Step], length: int, reverse: bool) -> Step:
    def goes_on(value: Any) -> Any:
        state, number = value
        return np.logical_and(number < length, np.sum(state) < 2)

    return lambda x, w, h: wg.while_loop(
        goes_on, lambda value: (inner[0](value[0], w, h), value[1] + 1), (x, 0)
    )[0]


def _cond(inner: list[Step], length: int, reverse: bool) -> Step:
    return lambda x, w, h: wg.cond(
        x[0] > h[0], lambda y: inner[0](y, w, h), lambda y: inner[1](y, w, h) + x, x
    )


def _switch(inner: list[Step], length: int, reverse: bool) -> Step:
    branches = [lambda y, w, h, one=one: one(y, w, h) for one in inner]
    return lambda x, w, h: wg.switch(np.floor(2 * x[1]).astype(np.int64), branches, x, w, h)


def _map(inner: list[Step], length: int, reverse: bool) -> Step:
    return lambda x, w, h: np.sum(wg.map(lambda row: inner[0](row * x, w, h), w), axis=0)
