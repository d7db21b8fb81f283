"""How much a network needs its features: the loss when their values are dealt out anew among the rows.

L. Breiman, "Random forests", Machine Learning 45, 2001; for any model, and its interpretation where features
depend on each other: A. Fisher, C. Rudin & F. Dominici, JMLR 20, 2019.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

_NORMAL = 1.959963984540054  # the 97.5 % quantile of the standard normal distribution


def permutation_importance(
    losses: Callable[[Array], Array],
    features: Array,
    groups: Sequence[Sequence[int]],
    repeats: int,
    rng: np.random.Generator,
) -> tuple[Array, Array]:
    """Return by how much the mean loss grows when features are permuted among the rows.

    Parameters
    ----------
    losses : callable
        Gives for features, shape (rows, features), the loss of each row, shape (rows,).
    features : ndarray, shape (rows, features)
    groups : sequence of sequence of int
        Features that are permuted together, such as those of one column.
    repeats : int
        Permutations of each group.
    rng : numpy.random.Generator

    Returns
    -------
    growth : ndarray, shape (groups, repeats)
    intervals : ndarray, shape (groups, 2)
        95 % intervals of the mean growth, 1.96 standard errors to both sides. That other rows are drawn is
        what they tell of, and not that another network is trained.

    Notes
    -----
    The growth is a mean over pairs of rows, one whose loss is taken and one whose values are put in, so a row
    counts twice: the standard error is that of the mean over the rows of the sum of both (Hoeffding 1948).
    """
    rows = len(features)
    before = np.asarray(losses(features), np.float64)
    growth = np.zeros((len(groups), repeats))
    intervals = np.zeros((len(groups), 2))
    for place, group in enumerate(groups):
        if not len(group):
            continue
        of_rows = np.zeros(rows)  # as the one whose loss is taken, and as the one whose values are put in
        for repeat in range(repeats):
            permuted, given = features.copy(), rng.permutation(rows)
            permuted[:, group] = features[given][:, group]
            grown = np.asarray(losses(permuted), np.float64) - before
            growth[place, repeat] = grown.mean()
            of_rows += grown / repeats
            of_rows[given] += grown / repeats
        error = _NORMAL * of_rows.std(ddof=min(1, rows - 1)) / np.sqrt(rows)
        intervals[place] = growth[place].mean() + error * np.array([-1, 1])
    return growth, intervals
