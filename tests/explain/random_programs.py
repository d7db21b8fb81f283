"""Random scalar functions over elementwise, reduction, contraction and movement primitives."""

import copy
import functools
from collections.abc import Callable
from typing import Any

import numpy as np

import wengert as wg

Array = np.ndarray[Any, Any]

SMOOTH: tuple[Callable[[Any], Any], ...] = (
    np.tanh, np.sin, np.cos, wg.sigmoid, wg.softplus, np.square, np.arctan, wg.erf,
    lambda x: np.exp(0.3 * x), lambda x: np.log(1.5 + x * x), lambda x: np.sqrt(1 + x * x),
    lambda x: 1 / (2 + np.sin(x)), lambda x: x**3, lambda x: -x, lambda x: 0.5 * x - 1,
    lambda x: np.maximum(0, x), np.abs, lambda x: np.clip(x, -1, 1), lambda x: np.where(x > 0, x, 0.1 * x),
    lambda x: np.sinh(0.3 * x), lambda x: np.cosh(0.3 * x), lambda x: np.expm1(0.3 * x),
    lambda x: np.log1p(x * x), lambda x: np.reciprocal(3 + np.cos(x)), lambda x: np.tan(0.2 * np.tanh(x)),
    lambda x: np.arcsin(0.5 * np.tanh(x)), lambda x: np.arccos(0.5 * np.tanh(x)),
)  # fmt: skip
PAIRS: tuple[Callable[[Any, Any], Any], ...] = (
    np.add, np.subtract, np.multiply, lambda x, y: x / (2 + y * y), np.maximum, np.minimum,
    np.logaddexp, lambda x, y: np.arctan2(x, 2 + y * y), lambda x, y: np.hypot(x, 1 + y * y),
)  # fmt: skip


class Choices:
    """Numbers that are drawn before a function is traced: the same ones each time that it is called."""

    def __init__(self, seed: int) -> None:
        self._drawn = np.random.default_rng(seed).integers(0, 2**30, 400).tolist()

    def integers(self, below: int) -> int:
        """Return the next whole number from 0 up to `below`, without it."""
        return int(self._drawn.pop()) % below


def _unary(value: Any, rng: Choices) -> Any:
    return SMOOTH[rng.integers(len(SMOOTH))](value)


def _pair(pool: list[Any], value: Any, rng: Choices) -> Any:
    partners = [
        other
        for other in pool
        if other.shape == value.shape or other.shape == () or other.shape == value.shape[-1:]
    ]
    return PAIRS[rng.integers(len(PAIRS))](value, partners[rng.integers(len(partners))])


def _product(pool: list[Any], value: Any, rng: Choices) -> Any:
    if value.ndim == 0:
        return value
    fits = [other for other in pool if 1 <= other.ndim <= 2 and other.shape[0] == value.shape[-1]]
    if not fits or value.ndim > 2:
        return np.einsum("...i->...", value)
    other = fits[rng.integers(len(fits))]
    if value.ndim == other.ndim == 1 and rng.integers(2):
        return np.outer(value, other)
    return value @ other


def _reduced(value: Any, rng: Choices) -> Any:
    if value.ndim == 0:
        return value
    axis = int(rng.integers(value.ndim))
    choice = int(rng.integers(7))
    if choice == 5:
        return wg.softmax(value, axis=axis)
    if choice == 6:
        return value - np.mean(value, axis=axis, keepdims=True)
    functions = (np.sum, np.mean, np.max, np.min, wg.logsumexp)
    return functions[choice](value, axis=axis, keepdims=bool(rng.integers(2)))


def _moved(value: Any, rng: Choices) -> Any:
    choice = int(rng.integers(7))
    if value.ndim == 0 or choice == 0:
        return np.expand_dims(value, 0) if value.ndim < 3 else value
    if choice == 1:
        return value.T
    if choice == 2:
        return np.reshape(value, -1)
    if choice == 3:
        return np.flip(value, axis=0)
    if choice == 4:
        return value[: max(1, value.shape[0] - 1)]
    if choice == 5:
        return np.concatenate([value, 2 * value], axis=0)
    return np.cumsum(value, axis=0)


def random_function(seed: int) -> tuple[Callable[..., Any], list[Array]]:
    """Return a function of three arrays that returns a scalar, and arguments for it."""
    rng = np.random.default_rng(seed)
    shapes = [(3,), (3, 2), (2,), (2, 2), (4, 3), (), (1, 3)]
    arguments = [rng.normal(size=shapes[rng.integers(len(shapes))]) for _ in range(3)]
    moves = rng.integers(0, 8, size=int(rng.integers(2, 7)))

    drawn = Choices(seed + 1)

    def function(x: Any, y: Any, z: Any) -> Any:
        own = copy.deepcopy(drawn)
        pool = [x, y, z]
        value = pool[own.integers(3)]
        for move in moves:
            if move <= 1:
                value = _unary(value, own)
            elif move == 2:
                value = _pair(pool, value, own) if any(p.shape in (value.shape, ()) for p in pool) else value
            elif move <= 4:
                value = _product(pool, value, own)
            elif move == 5:
                value = _reduced(value, own)
            elif move == 6:
                value = _moved(value, own)
            else:
                value = pool[own.integers(len(pool))] if own.integers(3) == 0 else value
            pool.append(value)
        result = np.sum(_unary(value, own))
        return result + 0.5 * np.sum(pool[own.integers(len(pool))] ** 2)

    return function, arguments


@functools.lru_cache(maxsize=100)
def index_derivation(seed: int) -> wg.Derivation:
    """Return the derivation of a random function, at which several tests look."""
    function, arguments = random_function(seed)
    return wg.explain(function, *arguments)
