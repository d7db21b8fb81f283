"""Which rows to learn from and which to keep for scoring: at random, with the classes in equal parts."""

from __future__ import annotations

import numpy as np

from wengert.errors import ConfigurationError


def hold_out(
    rows: int, count: int, classes: np.ndarray | None, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Split the rows of a table in two.

    Parameters
    ----------
    rows : int
    count : int
        Of the rows to hold out; one row is kept in any case.
    classes : numpy.ndarray or None
        The class of each row, shape (rows,), any integers: the same part of each class is then held out, as
        exactly as whole rows allow, and each keeps at least one row to learn from. None for regression.
    rng : numpy.random.Generator

    Returns
    -------
    kept, held : numpy.ndarray
        Row numbers, both ascending.
    """
    wanted = min(count, rows - 1)
    held: np.ndarray
    if classes is None:
        held = rng.permutation(rows)[:wanted]
    else:
        held = _draw_from_each_class(classes, wanted, rng)
    chosen = np.zeros(rows, np.bool_)
    chosen[held] = True
    return np.flatnonzero(~chosen), np.flatnonzero(chosen)


def folds(
    rows: int, count: int, classes: np.ndarray | None, rng: np.random.Generator
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return ``count`` splits of the rows, (kept, held) as `hold_out`; every row is held exactly once.

    Raises
    ------
    ConfigurationError
        If there are fewer than two folds or fewer rows than folds.
    """
    if count < 2:
        raise ConfigurationError(f"cross-validation needs at least 2 folds, got {count}.")
    if rows < count:
        raise ConfigurationError(
            f"{count} folds need at least {count} rows, and the table has {rows}. Use fewer folds."
        )
    order = rng.permutation(rows)
    if classes is not None:
        # Dealt out like cards, class after class, so that each fold gets its share of each.
        order = order[np.argsort(classes[order], kind="stable")]
    fold = np.empty(rows, np.int64)
    fold[order] = np.arange(rows) % count
    return [(np.flatnonzero(fold != number), np.flatnonzero(fold == number)) for number in range(count)]


def _draw_from_each_class(classes: np.ndarray, wanted: int, rng: np.random.Generator) -> np.ndarray:
    _, class_of_row, sizes = np.unique(classes, return_inverse=True, return_counts=True)
    exact = sizes * (wanted / classes.size)
    quota = np.minimum(np.floor(exact).astype(np.int64), sizes - 1)
    # What rounding down left over goes where most was cut off.
    for position in np.argsort(quota - exact, kind="stable"):
        if quota.sum() >= wanted:
            break
        quota[position] += quota[position] + 1 < sizes[position]
    drawn = [
        rng.permutation(np.flatnonzero(class_of_row == position))[:number]
        for position, number in enumerate(quota)
    ]
    return np.concatenate(drawn)
