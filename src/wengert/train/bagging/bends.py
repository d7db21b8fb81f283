"""Numbers cut at their quartiles: with them a linear model follows a curve, of each number by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from wengert import nn

Array = np.ndarray[Any, Any]

_SEGMENTS = 4
_FEWEST_VALUES = 4  # of a number that is cut
# A segment is this part of the range of its number, or wider: float32 knows a place in it to five digits.
_NARROWEST = 0.01
# The quartiles of this number of rows are exact enough.
_MOST_ROWS = 20_000
# The operations of the fit grow with the cube of columns and segments together.
_MOST_COLUMNS = 400


@dataclass(frozen=True)
class Bends:
    """For each segment [lower, upper] of a number, how far the number is through it, from 0 to 1.

    Attributes
    ----------
    columns : array of int64, shape (segments,)
        The number that each segment is of.
    lower, upper : array, shape (segments,)

    Notes
    -----
    The piecewise linear encoding of Gorishniy, Rubachev & Babenko, "On embeddings for numerical features in
    tabular deep learning", 2022. A linear model of these is an additive model (Hastie & Tibshirani 1986),
    piecewise linear in each number and constant beyond its least and its greatest value.
    """

    columns: Array
    lower: Array
    upper: Array

    @staticmethod
    def at_quartiles(X: Array) -> Bends:
        """Cut the columns of X, shape (rows, columns), at their quartiles.

        At the quartiles of the different values where most rows have the same one. A column of three
        different values or fewer is not cut; nor is any, where columns and segments together would be more
        than 400.
        """
        few = np.asarray(X[:: -(-len(X) // _MOST_ROWS)], np.float64)
        knots = [_knots(column) for column in few.T]
        counts = [len(one) - 1 for one in knots]
        if len(counts) + sum(counts) > _MOST_COLUMNS:
            knots, counts = [], []
        nothing = np.zeros(0)
        lower = np.concatenate([nothing, *(one[:-1] for one in knots)])
        upper = np.concatenate([nothing, *(one[1:] for one in knots)])
        return Bends(np.repeat(np.arange(len(counts)), counts), lower, upper)

    @property
    def count(self) -> int:
        """How many segments there are."""
        return len(self.columns)

    def __call__(self, X: Array) -> Array:
        """Return how far rows of X are through the segments, shape (rows, segments)."""
        through: Array = (X[:, self.columns] - self.lower) / (self.upper - self.lower)
        return through.clip(0, 1)

    def layer(self, inputs: int, weight: Array) -> nn.Sequential:
        """Return the layers that give ``self(x) @ weight`` for x of this number of features.

        Parameters
        ----------
        inputs : int
        weight : array, shape (segments, outputs)
        """
        # min(max(z, 0), 1) = max(z, 0) − max(z − 1, 0)
        slopes = np.zeros((inputs, self.count))
        slopes[self.columns, np.arange(self.count)] = 1 / (self.upper - self.lower)
        begin = -self.lower / (self.upper - self.lower)
        slopes, begin = np.hstack([slopes, slopes]), np.concatenate([begin, begin - 1])
        both, outputs = 2 * self.count, weight.shape[1]
        weight = np.vstack([weight, -weight]).astype(np.float32)
        return nn.Sequential(
            nn.Dense(inputs, both, "relu", weight=slopes.astype(np.float32), bias=begin.astype(np.float32)),
            nn.Dense(both, outputs, weight=weight, bias=False),
        )


def _knots(values: Array) -> Array:
    """Return where a number is cut, with its least and greatest value; one place where it is not."""
    different = np.unique(values)
    if len(different) < _FEWEST_VALUES:
        return different[:1]
    parts = np.linspace(0, 1, _SEGMENTS + 1)
    knots = np.unique(np.quantile(values, parts))
    if len(knots) < 3:
        knots = np.quantile(different, parts)
    wide = _NARROWEST * (different[-1] - different[0])
    kept = [knots[0]]
    for knot in knots[1:]:
        if knot - kept[-1] >= wide:
            kept.append(knot)
    kept[-1] = knots[-1]
    return np.array(kept)
