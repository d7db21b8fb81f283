"""A network and a linear model together: how much of each, what is said of unseen rows decides.

On tables of few rows or much noise a linear model is often as good as a network, and errs elsewhere.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from wengert import nn
from wengert.train.bagging.calibration import calibrated
from wengert.train.bagging.linear_model import LinearModel

Array = np.ndarray[Any, Any]

# Parts of the network that are tried where they cannot be computed, beside none and all of it.
_PARTS = np.arange(1, 10) / 10


@dataclass(frozen=True)
class UnseenLosses:
    """What four models lose on rows that they have not seen: log-loss, or half the squared error.

    Numbers are in the units in which the network is trained.

    Attributes
    ----------
    frequencies : float
        Of the same answer for all rows, the frequencies of the classes or the mean.
    straight_line : float
        Of the linear model, which may bend; saved models have it by this name.
    network : float
    result : float
        Of network and linear model together.
    part : float
        Of the network in the result, from 0 (the linear model alone) to 1.
    """

    frequencies: float
    straight_line: float
    network: float
    result: float
    part: float

    def sentence(self, classes: bool) -> str:
        """Return them for people; log-losses where there are classes."""
        made = f"{self.part:.0%} network and {1 - self.part:.0%} line"
        if self.part in (0, 1):
            made = "the network alone" if self.part else "a line alone, which was better than the network"
        what, constant = ("log-loss", "frequencies") if classes else ("half the mean square", "the mean")
        return (
            f"On rows not seen in training, {what}: {self.result:.4g} by {made}; {self.network:.4g} by the "
            f"network, {self.straight_line:.4g} by a line, {self.frequencies:.4g} by {constant}."
        )


def blended_classes(
    net: Any,
    unseen: Array,
    line: LinearModel,
    y: Array,
    weights: Array | None,
    *,
    independent: bool,
) -> tuple[Any, Array, UnseenLosses]:
    """Return network and linear model together, calibrated, what they say of the rows, and what is lost.

    Parameters
    ----------
    net : Sequential
        Gives logits; not calibrated.
    unseen : array, shape (rows, outputs)
        What it says of rows that it has not seen.
    line : LinearModel
        With what it says of the same rows.
    y, weights, independent
        As for `wengert.train.bagging.calibration.calibrated`.
    """

    def attempt(network: Any, logits: Array) -> tuple[Any, float]:
        return calibrated(network, logits, y, weights, independent=independent)

    best, lowest = attempt(net, unseen)
    logits = unseen
    scale = float(np.mean(best.layers[-1].slope))
    nothing = attempt(nn.Sequential(), np.zeros_like(unseen))[1]
    # Twice, since the slope of a linear discriminant is far from 1, which the fit leans towards.
    first = attempt(nn.Sequential(), line.unseen)[0].layers[-1]
    slope, offset = np.asarray(first.slope), np.asarray(first.offset)
    said = line.unseen * slope + offset
    alone, straight = attempt(_together(net, line.layer(slope, offset), (0.0, 1.0)), said)
    network, chosen = lowest, 1.0
    if straight < lowest:
        best, logits, lowest, chosen = alone, said, straight, 0.0
    for part in _PARTS:
        # Each in the scale in which it is right by itself, so that the slope of the whole is about 1.
        share = float(part) * scale, 1 - float(part)
        together = _together(net, line.layer(slope, offset), share)
        mixed = share[0] * unseen + share[1] * said
        found, loss = attempt(together, mixed)
        if loss < lowest:
            best, logits, lowest, chosen = found, mixed, loss, float(part)
    outputs = np.asarray(best.layers[-1](logits))
    return best, outputs, UnseenLosses(nothing, straight, network, lowest, chosen)


def blended_numbers(
    net: Any, unseen: Array, line: LinearModel, y: Array, weights: Array | None
) -> tuple[Any, Array, UnseenLosses]:
    """Return network, linear model and mean together, with the lowest squared error; see `blended_classes`.

    Parameters
    ----------
    y : array, shape (rows, outputs)
    """
    rows = np.ones(len(y)) if weights is None else np.asarray(weights, np.float64)
    mean = np.average(y, axis=0, weights=rows)
    said = [unseen, line.unseen, np.broadcast_to(mean, y.shape)]

    def half_squared_error(outputs: Any) -> float:
        return float(np.average(np.square(outputs - y).sum(axis=1), weights=rows)) / 2

    parts = mixture(said, y, rows)
    together = sum(part * one for part, one in zip(parts, said, strict=True))
    losses = UnseenLosses(
        half_squared_error(mean), half_squared_error(line.unseen), half_squared_error(unseen),
        half_squared_error(together), float(parts[0]),
    )  # fmt: skip
    limits = net.layers[-1]
    outputs = np.asarray(limits(together)) if isinstance(limits, nn.Clip) else together
    if parts[0] == 1:
        return net, outputs, losses
    rest = float(1 - parts[0])
    straight = line.layer(parts[1] / rest, mean * parts[2] / rest)
    return _together(net, straight, (float(parts[0]), rest)), outputs, losses


def mixture(said: Sequence[Array], y: Array, weights: Array) -> Array:
    """Return parts p ≥ 0 with Σ p = 1 for which Σ pₖ saidₖ has the smallest squared error.

    Parameters
    ----------
    said : sequence of arrays, shape (rows, outputs) each
    y : array, shape (rows, outputs)
    weights : array, shape (rows,)
    """
    spread = np.sqrt(weights)[:, np.newaxis]
    errors = np.stack([((one - y) * spread).ravel() for one in said])
    products = errors @ errors.T
    best: Array = np.eye(len(said))[0]
    lowest = float(products[0, 0])
    # The minimum is that of some subset in which no part is 0, where only Σ p = 1 has to be kept.
    for size in range(1, len(said) + 1):
        for subset in map(list, itertools.combinations(range(len(said)), size)):
            inner = products[np.ix_(subset, subset)]
            solution = np.ones(1) if size == 1 else np.linalg.lstsq(inner, np.ones(size), rcond=None)[0]
            total = solution.sum()
            if total <= 0 or (solution < 0).any():
                continue
            parts = np.zeros(len(said))
            parts[subset] = solution / total
            loss = float(parts @ products @ parts)
            if loss < lowest:
                best, lowest = parts, loss
    return best


def _together(net: nn.Sequential, straight: nn.Module, weights: tuple[float, float]) -> nn.Sequential:
    """Return the weighted sum of network and linear model; limits hold for both.

    The network stays also where its weight is 0: models of the preset all have the same layers.
    """
    layers = list(net.layers)
    limits = [layers.pop()] if isinstance(layers[-1], nn.Clip) else []
    return nn.Sequential(nn.Blend((nn.Sequential(*layers), straight), weights), *limits)
