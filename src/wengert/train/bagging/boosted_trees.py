"""Boosted trees for what networks are slow to learn, thresholds: one ensemble for each fold, blind to it.

They are grown in NumPy, all folds at once, and become a layer (`nn.ObliviousTrees`).
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from wengert import nn
from wengert.train.bagging.packed_sums import PackedSums

Array = np.ndarray[Any, Any]

_ROUNDS = 60
# Growing ends when the loss on unseen rows has not fallen for this number of rounds; the best one is kept.
_PATIENCE = 15
_LEVELS = 4
_RATE = 0.3
# Rows of average curvature that a leaf has beside its own: what few rows say is taken with care.
_STIFFNESS = 3.0
_MOST_BINS = 24  # of a number
# Of a number, by which it may differ in another program that computes it.
_ROUNDING = 1e-5
# Of the columns, those that are looked at for a level: others for each tree, so that trees differ.
_PART, _FEWEST_COLUMNS, _MOST_COLUMNS = 0.3, 4, 40
# A tree is grown on this number of rows at most, other ones in each round; so are the cuts found.
_MOST_ROWS = 2048
# Of several outputs, splits are found by this number of random sums of their gradients.
_SKETCHES = 2
_LOSSES = {"classes": nn.nllm_from_logits, "labels": nn.nll_from_logits, "numbers": nn.half_squared_error}
# Separates what is drawn here from what else is drawn by the same seed.
_TREES = 4


@dataclass(frozen=True)
class BoostedTrees:
    """The mean of several ensembles of trees.

    Attributes
    ----------
    inputs : int
    columns, thresholds : array, shape (levels, trees)
    values : array, shape (trees · 2^levels, outputs)
    bias : array, shape (outputs,)
    unseen : array, shape (rows, outputs)
        For each row learnt from, fold after fold, what the ensemble says that is blind to its fold.
    """

    inputs: int
    columns: Array
    thresholds: Array
    values: Array
    bias: Array
    unseen: Array

    def layer(self, slope: Any, offset: Any) -> nn.ObliviousTrees:
        """Return the layer whose outputs are slope times these, plus an offset."""
        return nn.ObliviousTrees(
            self.inputs,
            len(self.bias),
            tuple(map(tuple, self.columns.tolist())),
            thresholds=self.thresholds.astype(np.float32),
            values=(self.values * slope).astype(np.float32),
            bias=(self.bias * slope + offset).astype(np.float32),
        )


def boosted_trees(
    X: Array,
    targets: Array,
    weights: Array | None,
    folds: tuple[Array, ...],
    columns: int,
    loss: str,
    *,
    seed: int = 0,
    seconds: float = math.inf,
) -> BoostedTrees | None:
    """Grow as many ensembles as there are folds, each on the rows of the others.

    Parameters
    ----------
    X : array, shape (rows, features)
    targets : array, shape (rows, outputs)
        Numbers, or from 0 to 1.
    weights : array, shape (rows,), optional
    folds : tuple of arrays
        Positions of the rows of each fold; other rows are not looked at.
    columns : int
        How many of the features are numbers; no tree looks at others.
    loss : {"classes", "labels", "numbers"}
        Cross-entropy of classes of which one excludes the others, of labels, or half the squared error.
    seed : int
        Of the columns that each tree looks at.
    seconds : float
        No round begins later, but for the first.

    Returns
    -------
    BoostedTrees or None
        None where all columns are constant.

    Notes
    -----
    Friedman, "Greedy function approximation", 2001, with steps by Newton's method (Chen & Guestrin,
    "XGBoost", 2016) and oblivious trees (Prokhorenkova et al., "CatBoost", 2018). Random sums of gradients:
    Iosipoi & Vakhrushev, "SketchBoost", 2022.
    """
    end = time.perf_counter() + seconds
    rows = np.concatenate(folds)
    some = rows[:: -(-len(rows) // _MOST_ROWS)]
    targets = np.asarray(targets)
    cuts = [_cuts(column) for column in X[some, :columns].T]
    cut = np.array([column for column, places in enumerate(cuts) if len(places)], np.int64)
    if not len(cut):
        return None
    bins = np.stack([np.searchsorted(cuts[one], X[rows, one]) for one in cut]).astype(np.uint8)
    blind = np.repeat(np.arange(len(folds)), [len(fold) for fold in folds])
    counts = np.ones(len(rows)) if weights is None else np.asarray(weights, np.float64)[rows]
    counts = counts * (np.count_nonzero(counts) / counts.sum())
    seen = np.where(blind == np.arange(len(folds))[:, np.newaxis], 0, counts)
    forest = _Forest(bins, np.array([len(cuts[one]) for one in cut]), targets[rows], seen, loss)
    generator = np.random.default_rng([seed, _TREES])
    grown: list[tuple[Array, Array, Array]] = []
    rounds, lowest, unseen = 0, math.inf, np.zeros(0)
    while len(grown) < min(_ROUNDS, rounds + _PATIENCE) and (not grown or time.perf_counter() < end):
        grown.append(forest.grow(generator))
        said = forest.outputs[blind, :, np.arange(len(rows))].astype(np.float64)
        reached = float(_LOSSES[loss](said, targets[rows], weights=counts))
        if not rounds or reached < lowest:
            rounds, lowest, unseen = len(grown), reached, said
    # One tree a fold and round, in this order; their ensembles count alike.
    among, places, values = (np.stack(one) for one in zip(*grown[:rounds], strict=True))
    among, places = (one.transpose(1, 0, 2).reshape(_LEVELS, -1) for one in (among, places))
    padded = np.full((len(cut), _MOST_BINS), np.inf, np.float32)
    for place, one in enumerate(cut):
        padded[place, : len(cuts[one])] = cuts[one]
    return BoostedTrees(
        X.shape[1],
        cut[among],
        padded[among, places],
        values.reshape(-1, targets.shape[1]) / len(folds),
        forest.start.mean(axis=0),
        unseen,
    )


class _Forest:
    """What the ensembles say of the rows so far, and how it grows by a tree each.

    Rows are the last axis of all arrays, since all sums go over them.
    """

    def __init__(self, bins: Array, cuts: Array, targets: Array, seen: Array, loss: str) -> None:
        self.bins, self.cuts, self.loss = bins, cuts, loss
        self.targets, self.seen = targets.T.astype(np.float32), seen[:, np.newaxis].astype(np.float32)
        total = seen.sum(axis=1, keepdims=True)
        known = seen @ targets
        outputs = targets.shape[1]
        if loss == "numbers":
            self.start = known / np.maximum(total, np.finfo(float).tiny)
        else:  # One more row in each class: none is taken to be impossible.
            share = (known + 1) / (total + (2 if loss == "labels" else outputs))
            self.start = np.log(share / (1 - share) if loss == "labels" else share)
        few = min(len(bins), _MOST_COLUMNS, max(_FEWEST_COLUMNS, math.ceil(_PART * len(bins))))
        looked_at = (len(seen), few, min(bins.shape[1], _MOST_ROWS))
        # Made once: the system hands out large arrays page by page.
        self.into, self.repeated = np.empty(looked_at, np.intp), np.empty(looked_at)
        self.outputs = np.repeat(self.start[:, :, np.newaxis].astype(np.float32), bins.shape[1], axis=2)

    def grow(self, generator: np.random.Generator) -> tuple[Array, Array, Array]:
        """Add a tree to each ensemble, and return columns and places of its cuts and its leaves.

        Returns
        -------
        columns, places : array, shape (levels, ensembles)
        values : array, shape (ensembles, 2^levels, outputs)
        """
        ensembles, outputs, count = self.outputs.shape
        rows = generator.permutation(count)[:_MOST_ROWS] if count > _MOST_ROWS else slice(None)
        gradient, curvature = self._derivatives(rows)
        bins, mean = self.bins[:, rows], curvature.mean(axis=1, keepdims=True)
        # Of two classes, the gradients are opposite.
        pair = self.loss == "classes" and outputs == 2
        sketch = gradient[:, 1:] if pair else _sketch(gradient, generator)
        sums = PackedSums.of(np.concatenate([mean, sketch], axis=1))
        everywhere = np.zeros((ensembles, count), np.uint8)
        columns, places = [], []
        for level in range(_LEVELS):
            column, place = self._split(bins, everywhere[:, rows], level, sums, generator)
            everywhere |= (self.bins[column] > place[:, np.newaxis]).view(np.uint8) << np.uint8(level)
            columns.append(column)
            places.append(place)
        leaf = (np.arange(ensembles)[:, np.newaxis] << _LEVELS) + everywhere
        into, size = leaf[:, rows].ravel(), ensembles << _LEVELS
        values = np.empty((outputs, size))
        for output in range(outputs):
            steep = np.bincount(into, gradient[:, output].ravel(), size)
            curved = np.bincount(into, curvature[:, output].ravel(), size)
            values[output] = _RATE * steep / (curved + _STIFFNESS)
            self.outputs[:, output] += values[output].astype(np.float32).take(leaf)
        return np.stack(columns), np.stack(places), values.T.reshape(ensembles, -1, outputs)

    def _derivatives(self, rows: Array | slice) -> tuple[Array, Array]:
        """Return how fast the losses fall by the outputs, and their curvature, (ensembles, outputs, rows)."""
        z, targets, counts = self.outputs[:, :, rows], self.targets[:, rows], self.seen[:, :, rows]
        if self.loss == "numbers":
            return (targets - z) * counts, np.broadcast_to(counts, z.shape)
        if self.loss == "labels":
            p = 1 / (1 + np.exp(-np.clip(z, -80, 80)))
            return (targets - p) * counts, p * (1 - p) * counts
        p = np.exp(z - z.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        # The outputs move together: with two, each goes half of the way (Friedman 2001, (K − 1) / K).
        share = (p.shape[1] - 1) / p.shape[1]
        return (targets - p) * (counts * np.float32(share)), p * (1 - p) * counts

    def _split(
        self, bins: Array, leaf: Array, level: int, sums: PackedSums, generator: np.random.Generator
    ) -> tuple[Array, Array]:
        """Return for each ensemble the column and the place of the cut that gain most in all leaves together.

        Parameters
        ----------
        bins : array, shape (columns, rows)
        leaf : array, shape (ensembles, rows)
        sums : PackedSums
            Of curvature and sketches of the gradient.
        """
        ensembles, few, _ = self.into.shape
        drawn = np.stack([generator.permutation(len(bins))[:few] for _ in range(ensembles)])
        wide = int(self.cuts.max()) + 1
        shape = (ensembles, 1 << level, few, wide)
        each = (np.arange(ensembles)[:, np.newaxis] << level) + leaf
        self.into[:] = bins[drawn]
        self.into += (each * (few * wide))[:, np.newaxis]
        self.into += wide * np.arange(few)[:, np.newaxis]
        self.repeated[:] = sums.packed[:, np.newaxis]
        found = np.bincount(self.into.ravel(), self.repeated.ravel(), math.prod(shape)).reshape(shape)
        # Over the rows at most at each place, for each leaf and column.
        curved, *steep = sums.unpacked(found.cumsum(axis=3))
        low, high = 1 / (curved + _STIFFNESS), 1 / (curved[..., -1:] - curved + _STIFFNESS)
        gain = np.zeros(shape)
        for left in steep:
            gain += left**2 * low + (left[..., -1:] - left) ** 2 * high
        total = np.where(np.arange(wide) < self.cuts[drawn][..., np.newaxis], gain.sum(axis=1), -np.inf)
        best = total.reshape(ensembles, -1).argmax(axis=1)
        return drawn[np.arange(ensembles), best // wide], (best % wide).astype(np.uint8)


def _sketch(gradient: Array, generator: np.random.Generator) -> Array:
    """Return random sums over the outputs, or the gradient itself where it has as few."""
    outputs = gradient.shape[1]
    if outputs <= _SKETCHES:
        return gradient
    factors = generator.normal(0, 1 / math.sqrt(_SKETCHES), (outputs, _SKETCHES))
    return factors.T.astype(np.float32) @ gradient


def _cuts(values: Array) -> Array:
    """Return where a number is cut: between different values, about as many rows in each part.

    Values closer than rounding are not parted: an exported model computes them a little differently.
    """
    different = np.unique(values.astype(np.float32))
    magnitudes = np.abs(different)
    apart = np.diff(different) > _ROUNDING * np.maximum(magnitudes, np.median(magnitudes))[1:]
    lower, upper = different[:-1][apart], different[1:][apart]
    if len(lower) >= _MOST_BINS:
        quantiles = np.quantile(values, np.arange(1, _MOST_BINS) / _MOST_BINS, method="inverted_cdf")
        places = np.unique(np.searchsorted(lower, quantiles.astype(np.float32)))
        places = places[places < len(lower)]
        lower, upper = lower[places], upper[places]
    middle = lower / 2 + upper / 2
    cuts: Array = np.where((lower <= middle) & (middle < upper), middle, lower)
    return cuts
