"""The order of the rows: a function of seed and epoch, so that resuming needs no generator's state."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from wengert.checks import positive_integer
from wengert.errors import WengertWarning
from wengert.train.row_split import hold_out

Array = np.ndarray[Any, Any]

_BATCH_SIZE = 32

# The second word of the key keeps the streams apart.
_ORDER, _HELD_OUT = 0, 1


def _generator(seed: int, stream: int, epoch: int = 0, block: int = 0) -> np.random.Generator:
    # Epoch and block are the highest words of the counter: none draws enough numbers to reach the next.
    key, counter = np.array([seed, stream], np.uint64), np.array([0, 0, block, epoch], np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=counter))


def row_order(seed: int, epoch: int, rows: int, runs: tuple[int, int] | None = None, block: int = 0) -> Array:
    """Return the permutation in which an epoch visits the rows.

    Parameters
    ----------
    seed, epoch, rows : int
    runs : (int, int), optional
        Rows a run, and runs a window: rows in a file are visited window by window, each of this many runs of
        neighbours, drawn from anywhere, and shuffled row by row.
    block : int
        Of the rows that are meant, where each block of a batch has rows of its own.
    """
    rng = _generator(seed, _ORDER, epoch, block)
    return rng.permutation(rows) if runs is None else order_by_windows(rows, runs, rng)


def order_by_windows(rows: int, runs: tuple[int, int], rng: Any) -> Array:
    """Return a permutation of the rows that goes window by window; see `row_order`.

    Parameters
    ----------
    rows : int
    runs : (int, int)
        Rows a run, and runs a window.
    rng : numpy.random.Generator or numpy.random.RandomState
    """
    length, window = runs
    starts = rng.permutation(-(-rows // length)) * length
    order = np.empty(rows, np.int64)
    done = 0
    for first in range(0, len(starts), window):
        places = (starts[first : first + window, np.newaxis] + np.arange(length)).ravel()
        places = rng.permutation(places[places < rows])
        order[done : done + len(places)] = places
        done += len(places)
    return order


def bagged_order(seed: int, epoch: int, folds: tuple[Array, ...]) -> Array:
    """Return a permutation of the rows in which row of fold f is never at a place f modulo the folds.

    In each run of as many rows as there are folds, one of each fold, the rows are moved on by the same number
    of places, drawn anew. `nn.Ensemble` with as many members shows a row to the member of its place, so that
    member f sees no row of fold f.

    Parameters
    ----------
    seed, epoch : int
    folds : tuple of arrays
        Positions of the rows of each fold: every row once, and the last folds may have one row more.
    """
    rng = _generator(seed, _ORDER, epoch)
    count, shortest = len(folds), len(folds[0])
    queues = [rng.permutation(fold) for fold in folds]
    runs = np.stack([queue[:shortest] for queue in queues], axis=1)
    moved = (np.arange(count) + rng.integers(1, count, size=(shortest, 1))) % count
    order = np.empty_like(runs)
    np.put_along_axis(order, moved, runs, axis=1)
    # The remaining rows belong to the last folds and stand at the first places of a run.
    left = [queue[shortest:] for queue in queues]
    return np.concatenate([order.ravel(), *left])


def held_out(seed: int, rows: int, fraction: float) -> tuple[Array, Array]:
    """Return the positions of the rows to train on and of those held out, both ascending; one at least."""
    return hold_out(rows, max(1, round(rows * fraction)), None, _generator(seed, _HELD_OUT))


def batch_bounds(rows: int, batch_size: int) -> list[tuple[int, int]]:
    """Return first and last row (exclusive) of each batch; the last batch may be short."""
    return [(start, min(start + batch_size, rows)) for start in range(0, rows, batch_size)]


def check_batch_size(batch_size: Any) -> None:
    """Refuse a batch size that is no integer above 0.

    Raises
    ------
    ConfigurationError
    """
    positive_integer("", "batch_size", batch_size)


def clipped_batch_size(batch_size: int | None, rows: int, stacklevel: int = 3) -> int:
    """Return how many rows a step takes: 32 by default, and not more than there are.

    A warning that it is clipped names the line `stacklevel` calls above this one.
    """
    if batch_size is None:
        return min(_BATCH_SIZE, rows)
    check_batch_size(batch_size)
    if batch_size > rows:
        warnings.warn(
            f"batch_size={batch_size} is clipped to the {rows} rows there are",
            WengertWarning,
            stacklevel=stacklevel,
        )
    return min(batch_size, rows)
