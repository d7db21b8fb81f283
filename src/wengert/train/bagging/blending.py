"""A network, a linear model and trees together: how much of each, what is said of unseen rows decides.

On tables of few rows or much noise a linear model is often as good as a network, where thresholds decide
trees are, and each errs elsewhere.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from wengert import nn
from wengert.train.bagging.boosted_trees import BoostedTrees
from wengert.train.bagging.calibration import calibrated, with_calibration
from wengert.train.bagging.linear_model import LinearModel

Array = np.ndarray[Any, Any]

# Parts of what there is that are tried where they cannot be computed; of equals the first.
_PARTS = np.arange(10, -1, -1) / 10


@dataclass(frozen=True)
class UnseenLosses:
    """What models lose on rows that they have not seen: log-loss, or half the squared error.

    Numbers are in the units in which the network is trained.

    Attributes
    ----------
    frequencies : float
        Of the same answer for all rows, the frequencies of the classes or the mean.
    straight_line : float
        Of the linear model, which may bend; saved models have it by this name.
    network : float
    result : float
        Of all together.
    part : float
        Of the network in the result, from 0 to 1.
    trees : float or None
        Of the boosted trees, where there are any.
    trees_part : float
        Of them in the result. The linear model has the rest.
    """

    frequencies: float
    straight_line: float
    network: float
    result: float
    part: float
    trees: float | None = None  # earlier versions had none
    trees_part: float = 0.0

    @staticmethod
    def of(constant: float, alone: Sequence[float], result: float, parts: Sequence[float]) -> UnseenLosses:
        """Return the losses, given those of the network, the linear model and, it may be, the trees."""
        network, line, *trees = alone
        others = (trees[0], float(parts[2])) if trees else ()
        return UnseenLosses(constant, line, network, result, float(parts[0]), *others)

    def sentence(self, classes: bool) -> str:
        """Return them for people; log-losses where there are classes."""
        what, constant = ("log-loss", "frequencies") if classes else ("half the mean square", "the mean")
        trees = "" if self.trees is None else f"{self.trees:.4g} by trees, "
        return (
            f"On rows not seen in training, {what}: {self.result:.4g} by {self._made()}; "
            f"{self.network:.4g} by the network, {self.straight_line:.4g} by a line, {trees}"
            f"{self.frequencies:.4g} by {constant}."
        )

    def _made(self) -> str:
        line = 1 - self.part - self.trees_part
        shares = (("network", self.part), ("line", line), ("trees", self.trees_part))
        named = [(name, f"{share:.0%} {name}") for name, share in shares if share > 1e-9]
        if len(named) > 1:
            *first, last = (share for _, share in named)
            return f"{', '.join(first)} and {last}"
        alone = {
            "network": "the network alone",
            "line": "a line alone, which was better than the network",
            "trees": "trees alone, which were better than the network",
        }
        return alone[named[0][0]]


def blended_classes(
    net: Any,
    unseen: Array,
    line: LinearModel,
    trees: BoostedTrees | None,
    y: Array,
    weights: Array | None,
    *,
    independent: bool,
) -> tuple[Any, Array, UnseenLosses]:
    """Return the models together, calibrated, what they say of the rows, and what is lost.

    The line is added to the network, and the trees to both: each time in tenths, as many as lose least.

    Parameters
    ----------
    net : Sequential
        Gives logits; not calibrated.
    unseen : array, shape (rows, outputs)
        What it says of rows that it has not seen.
    line : LinearModel
        With what it says of the same rows.
    trees : BoostedTrees or None
        Likewise.
    y, weights, independent
        As for `wengert.train.bagging.calibration.calibrated`.
    """

    def fitted(logits: Array) -> tuple[Any, float]:
        found, loss = calibrated(nn.Sequential(), logits, y, weights, independent=independent)
        return found.layers[-1], loss

    nothing = fitted(np.zeros_like(unseen))[1]
    # Each in the scale in which it is right by itself, so that the slope of the whole is about 1; and fitted
    # again in that, since the slope of a linear discriminant is far from 1, which the fit leans towards.
    scale = float(np.mean(fitted(unseen)[0].slope))
    mixed, parts = scale * unseen, np.ones(1)
    alone, layers = [fitted(mixed)[1]], []
    models: list[LinearModel | BoostedTrees] = [line] if trees is None else [line, trees]
    for model in models:
        first = fitted(model.unseen)[0]
        slope, offset = np.asarray(first.slope), np.asarray(first.offset)
        said = model.unseen * slope + offset
        tried = [fitted(part * mixed + (1 - part) * said)[1] for part in _PARTS]
        part = float(_PARTS[int(np.argmin(tried))])
        mixed, parts = part * mixed + (1 - part) * said, np.append(part * parts, 1 - part)
        alone.append(tried[-1])
        layers.append(model.layer(slope, offset))
    if parts[0] == 1:
        mixed = unseen
    else:
        net = _together(net, layers, [scale * parts[0], *parts[1:]])
    calibration, lowest = fitted(mixed)
    losses = UnseenLosses.of(nothing, alone, lowest, parts.tolist())
    return with_calibration(net, calibration), np.asarray(calibration(mixed)), losses


def blended_numbers(
    net: Any,
    unseen: Array,
    line: LinearModel,
    trees: BoostedTrees | None,
    y: Array,
    weights: Array | None,
) -> tuple[Any, Array, UnseenLosses]:
    """Return the models and the mean together, with the lowest squared error; see `blended_classes`.

    Parameters
    ----------
    y : array, shape (rows, outputs)
    """
    rows = np.ones(len(y)) if weights is None else np.asarray(weights, np.float64)
    mean = np.average(y, axis=0, weights=rows)
    said = [unseen, line.unseen, *([] if trees is None else [trees.unseen])]

    def half_squared_error(outputs: Any) -> float:
        return float(np.average(np.square(outputs - y).sum(axis=1), weights=rows)) / 2

    *parts, rest = mixture([*said, np.broadcast_to(mean, y.shape)], y, rows)
    together = rest * mean + sum(part * one for part, one in zip(parts, said, strict=True))
    # The mean is a line without a slope.
    lines = float(parts[1] + rest)
    parts[1], slope, offset = lines, parts[1] / (lines or 1), mean * rest / (lines or 1)
    losses = UnseenLosses.of(
        half_squared_error(mean), list(map(half_squared_error, said)), half_squared_error(together), parts
    )
    limits = net.layers[-1]
    outputs = np.asarray(limits(together)) if isinstance(limits, nn.Clip) else together
    if parts[0] == 1:
        return net, outputs, losses
    layers = [line.layer(slope, offset), *([] if trees is None else [trees.layer(1.0, 0.0)])]
    return _together(net, layers, parts), outputs, losses


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


def _together(net: nn.Sequential, others: Sequence[nn.Module], weights: Sequence[float]) -> nn.Sequential:
    """Return the weighted sum of the network and others, as far as they have a weight; limits hold for all.

    The network stays also where its weight is 0: it is what is trained further.
    """
    layers = list(net.layers)
    limits = [layers.pop()] if isinstance(layers[-1], nn.Clip) else []
    kept = [(one, float(weight)) for one, weight in zip(others, weights[1:], strict=True) if weight]
    models, shares = zip((nn.Sequential(*layers), float(weights[0])), *kept, strict=True)
    return nn.Sequential(nn.Blend(models, shares), *limits)
