"""Programs drawn at random: what no hand would think of writing."""

from __future__ import annotations

from typing import Any

import numpy as np

import wengert as wg
from wengert.ir.program import Program
from wengert.trace.tracing import Recording

EXTENTS = [0, 1, 1, 2, 3, 5, 7, 8, 13, 17, 31, 37]
UNARY = [np.tanh, np.exp, np.square, np.abs, np.negative, np.sin, wg.sigmoid, wg.softplus, np.sign, np.cos]
BINARY = [np.add, np.subtract, np.multiply, np.maximum, np.minimum]


class Drawn:
    """A random function of random arrays.

    Parameters
    ----------
    seed : int
    lines : int
        How many operations to draw.

    Attributes
    ----------
    arguments : list of ndarray
    program : Program
    """

    def __init__(self, seed: int, lines: int = 12) -> None:
        self._rng = np.random.default_rng(seed)
        self.dtype = self._rng.choice([np.float32, np.float64])
        self.lines = lines
        rank = int(self._rng.integers(0, 4))
        shape = tuple(int(n) for n in self._rng.choice(EXTENTS, rank))
        shapes = [shape, self._broadcastable(shape), self._matrix_for(shape)]
        self.arguments = [self._rng.normal(size=one).astype(self.dtype) for one in shapes]
        # The function draws what it computes while it is traced, which `wg.trace` refuses.
        self.program: Program = Recording(self._function, tuple(self.arguments), {}).program

    def _broadcastable(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        kept = shape[int(self._rng.integers(0, len(shape) + 1)) :]
        return tuple(1 if self._rng.random() < 0.4 else extent for extent in kept)

    def _matrix_for(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (shape[-1] if shape else 3, int(self._rng.choice(EXTENTS)))

    def _function(self, *arguments: Any) -> list[Any]:
        values = list(arguments)
        for _ in range(self.lines):
            made = self._operation(values[int(self._rng.integers(len(values)))], values)
            if made is not None:
                values.append(made)
        return values[len(arguments) :][-4:] or [values[0] + 1]

    def _operation(self, x: Any, values: list[Any]) -> Any:
        """Return one more value made of those there are, None where the draw does not fit."""
        choice = int(self._rng.integers(0, 9))
        if choice <= 1:
            # Bounded, so that repeated squares stay finite and errors comparable.
            return np.tanh(UNARY[int(self._rng.integers(len(UNARY)))](np.clip(x, -3, 3)))
        if choice <= 3:
            y = values[int(self._rng.integers(len(values)))]
            try:
                np.broadcast_shapes(x.shape, y.shape)
            except ValueError:
                return None
            return BINARY[int(self._rng.integers(len(BINARY)))](x, y)
        if choice == 4 and x.ndim:
            axis = int(self._rng.integers(x.ndim))
            return x.mean(axis) if self._rng.random() < 0.5 and x.shape[axis] else x.sum(axis, keepdims=True)
        if choice == 5 and x.ndim and 0 not in x.shape:
            return x.max(int(self._rng.integers(x.ndim)))
        if choice == 6:
            for y in values:
                if x.ndim and y.ndim and x.shape[-1] == (y.shape[-2] if y.ndim > 1 else y.shape[0]):
                    return (
                        np.tanh(x @ y) if max(x.ndim, y.ndim) <= 2 or x.shape[:-2] == y.shape[:-2] else None
                    )
        if choice == 7 and x.ndim >= 2:
            return np.flip(np.swapaxes(x, 0, -1), 0)[::2]
        if choice == 8 and x.ndim:
            return np.concatenate([x, x * 2], axis=-1).reshape(-1)
        return None
