"""Calibration: probabilities that hold on rows that a network was not trained on.

Training may smooth labels or fit too well; either way the logits are off in scale. What corrects them has
few parameters and is fitted on held-out rows: one slope for several classes (temperature scaling), and for a
yes or no a quadratic of the logit.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert import nn

Array = np.ndarray[Any, Any]

_STEPS = 50
_PRECISION = 1e-12  # of the logarithm of a slope
# Parts of a step: they are tried in turn, and the first that helps is taken.
_PARTS = 0.5 ** np.arange(20)
_LARGEST_SLOPE = 2.0**10
_LIMIT = 1e6
# Of the squared curvature, and of the squared distance of the slope from 1, in a penalty that stands against
# the sum of the losses of all rows: a few rows of a rare class do not say much about either.
_STIFFNESS, _SLOPE_STIFFNESS = 10.0, 0.3


def calibrated(net: Any, logits: Any, y: Any, weights: Any = None, *, independent: bool) -> tuple[Any, float]:
    """Return a network with its calibration as the last layer, and its mean log-loss on the rows.

    Parameters
    ----------
    net : Module
        Gives one logit a class, or one for each yes or no.
    logits : array, shape (rows, outputs)
        What it gives for rows that it was not trained on.
    y : array
        Numbers of their classes, shape (rows,), or 0 and 1 (or probabilities) for each class or label, shape
        (rows, outputs).
    weights : array, shape (rows,), optional
        How much each row counts beside the others: their scale makes no difference.
    independent : bool
        Whether each output is a yes or no of its own.

    Notes
    -----
    Temperature scaling: Guo, Pleiss, Sun & Weinberger 2017. To choose the epoch by the loss that is left
    after it: Berta, Holzmüller, Jordan & Bach, "Rethinking early stopping: refine, then calibrate", 2025.
    With n rows, a share 1 / (n + 1) of the result are the frequencies of the classes.
    """
    logits = np.asarray(logits, np.float64)
    rows, outputs = logits.shape
    known = np.eye(outputs)[y] if np.ndim(y) == 1 else np.asarray(y, np.float64)
    weights = np.ones(rows) if weights is None else np.asarray(weights, np.float64)
    count = int(np.count_nonzero(weights))
    weights = weights * (count / weights.sum())
    share = 1 / (count + 1)
    # One more row in each class: none is taken to be impossible.
    choices = 2 if independent else outputs
    frequency = (np.average(known, axis=0, weights=weights) * count + 1) / (count + choices)
    # What the fit aims at: no row is certain, so that no slope is infinite.
    aims = (1 - share) * known + share * frequency
    offset, curvature, limit = np.zeros(outputs), np.zeros(outputs), _LIMIT
    if independent:
        fits = [_quadratic(logits[:, one], aims[:, one], weights) for one in range(outputs)]
        offset, slope, curvature = np.array(fits).T
        limit = _limit(slope, curvature)
    elif outputs == 2:
        # Less their mean the two logits are −d/2 and d/2, for which the quadratic of d is shared out.
        a, b, c = _quadratic(logits[:, 1] - logits[:, 0], aims[:, 1], weights)
        sides = np.array([-1, 1])
        offset, slope, curvature = sides * a / 2, np.full(2, b), sides * 2 * c
        limit = _limit(slope, curvature)
    else:
        slope = np.full(outputs, _slope(logits, aims, weights))
    arrays = {"offset": offset, "slope": slope, "curvature": curvature, "frequency": frequency}
    layer = nn.Calibration(
        outputs,
        share,
        limit,
        independent,
        **{name: array.astype(np.float32) for name, array in arrays.items()},
    )
    loss = nn.nll_from_logits if independent else nn.nllm_from_logits
    losses = np.asarray(loss(layer(logits), known, reduction="none")).reshape(rows, -1).sum(axis=1)
    return with_calibration(net, layer), float(np.average(losses, weights=weights))


def with_calibration(net: Any, layer: nn.Calibration) -> nn.Sequential:
    """Return a network with a calibration as its last layer."""
    layers = net.layers if isinstance(net, nn.Sequential) else (net,)
    return nn.Sequential(*layers, layer)


def without_calibration(net: Any) -> Any:
    """Return the network as it was trained, without a calibration at its end."""
    if isinstance(net, nn.Sequential) and isinstance(net.layers[-1], nn.Calibration):
        return nn.Sequential(*net.layers[:-1])
    return net


def _slope(logits: Array, aims: Array, weights: Array) -> float:
    """Return β of softmax(β z) with the smallest mean loss, by Newton's method for log β.

    The loss is convex in β: its derivative Σ wᵢ (pᵢ − yᵢ) · zᵢ grows. A step out of the interval that is
    known to hold its zero goes to the middle of that instead.
    """
    low, high = -np.log(_LARGEST_SLOPE), np.log(_LARGEST_SLOPE)
    centred = logits - logits.max(axis=1, keepdims=True)
    aimed = float(weights @ (aims * centred).sum(axis=1))
    place = 0.0
    for _ in range(_STEPS):
        slope = np.exp(place)
        probabilities = np.exp(slope * centred)
        probabilities /= probabilities.sum(axis=1, keepdims=True)
        mean = (probabilities * centred).sum(axis=1)
        derivative = weights @ mean - aimed + _SLOPE_STIFFNESS * (slope - 1)
        low, high = (low, place) if derivative > 0 else (place, high)
        variance = (probabilities * np.square(centred)).sum(axis=1) - np.square(mean)
        step = derivative / (slope * (weights @ variance + _SLOPE_STIFFNESS))
        before, place = place, place - step if low <= place - step <= high else (low + high) / 2
        if abs(place - before) < _PRECISION:
            break
    return float(np.exp(place))


def _quadratic(logits: Array, aims: Array, weights: Array) -> tuple[float, float, float]:
    """Return a, b, c of sigmoid(a + b z + c z²) with the smallest loss, by Newton's method.

    Without curvature where the parabola would turn among the rows.
    """
    scale = float(np.sqrt(np.average(np.square(logits), weights=weights))) or 1.0
    z = logits / scale
    for degree in (2, 1):
        powers = np.stack([z**power for power in range(degree + 1)], axis=1)
        stiffness = np.array([0.0, _SLOPE_STIFFNESS / scale**2, _STIFFNESS])[: degree + 1]
        best = _logistic(powers, aims, weights, np.array([0.0, scale, 0.0])[: degree + 1], stiffness)
        a, b, c = np.append(best, np.zeros(2 - degree))
        if b > 2 * abs(c) * np.abs(z).max():
            return a, b / scale, c / scale**2
    return a, max(b, 0.0) / scale, 0.0  # logits that say the opposite are of no use


def _logistic(powers: Array, aims: Array, weights: Array, expected: Array, stiffness: Array) -> Array:
    """Return the coefficients of a logistic regression with a penalty ½ Σ sₖ (cₖ − eₖ)²."""

    def loss(coefficients: Array) -> float:
        q = powers @ coefficients
        penalty = stiffness @ np.square(coefficients - expected) / 2
        return float(weights @ (np.logaddexp(0, q) - aims * q) + penalty)

    coefficients = expected
    lowest = loss(coefficients)
    for _ in range(_STEPS):
        p = 1 / (1 + np.exp(-np.clip(powers @ coefficients, -500, 500)))
        gradient = powers.T @ (weights * (p - aims)) + stiffness * (coefficients - expected)
        curvature = powers.T @ (powers * (weights * p * (1 - p))[:, np.newaxis]) + np.diag(stiffness)
        step = np.linalg.lstsq(curvature + 1e-9 * np.eye(len(curvature)), gradient, rcond=None)[0]
        enough = lowest - 1e-12 * abs(lowest)
        for factor in _PARTS:
            tried = loss(coefficients - factor * step)
            if tried < enough:
                coefficients, lowest = coefficients - factor * step, tried
                break
        else:
            return coefficients
    return coefficients


def _limit(slope: Array, curvature: Array) -> float:
    """Return how far logits may go so that the parabolas still rise there."""
    turns = slope[curvature != 0] / (2 * np.abs(curvature[curvature != 0]))
    return min([_LIMIT, *map(float, turns)])
