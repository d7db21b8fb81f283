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
# Each leaves at most some two thirds of what is wrong. Some permutations of few rows cannot be mended.
_MENDINGS = 64


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
    """Return a permutation of the rows in which no row of fold f is at a place f modulo the folds.

    `nn.Ensemble` with as many members shows a row to the member of its place, so that member f sees no row of
    fold f.

    Parameters
    ----------
    seed, epoch : int
    folds : tuple of arrays
        Positions of the rows of each fold, every row once. They may differ in length, and some may be empty,
        as long as none has more than half of the rows; where all are about as long, a longer one comes later.

    Notes
    -----
    Drawn from all permutations, then mended: rows at forbidden places change places among themselves, and
    what is still wrong with rows drawn at random where both are allowed in the other's place.
    """
    rng = _generator(seed, _ORDER, epoch)
    count, fold = len(folds), np.empty(sum(map(len, folds)), np.int64)
    for number, rows in enumerate(folds):
        fold[rows] = number
    member = np.arange(len(fold)) % count
    while True:
        order = rng.permutation(len(fold))
        wrong = np.flatnonzero(fold[order] == member)
        for _ in range(_MENDINGS):
            if not wrong.size:
                return order
            order[wrong] = order[rng.permutation(wrong)]
            wrong = wrong[fold[order[wrong]] == member[wrong]]
            other = rng.integers(0, len(fold), wrong.size)
            held, given = fold[order[wrong]], fold[order[other]]
            fits = (given != member[wrong]) & (held != member[other]) & (given != member[other])
            other, first = np.unique(other[fits], return_index=True)
            place = wrong[fits][first]
            order[place], order[other] = order[other], order[place]
            wrong = wrong[fold[order[wrong]] == member[wrong]]


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
