"""Scores of numbers by the loss that a model was trained to lower, and by the part of it that it explains."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

# Loss of one predicted number, or of one for each row: mean over the rows.
MeanLoss = Callable[[np.ndarray, np.ndarray | float], float]

TWEEDIE_POWER = 1.5  # that of `nn.tweedie`
_SMALLEST = 1e-30  # of predicted means: logarithms of 0 are not finite
_HALVINGS = 100


def loss_scores(
    actual: np.ndarray, predicted: np.ndarray, loss: str, quantile: float | None, delta: float
) -> dict[str, float | None]:
    """Score predictions by their own loss.

    Parameters
    ----------
    actual, predicted : numpy.ndarray
        Shape (rows,), float64.
    loss : str
        One of `REGRESSION_LOSSES`.
    quantile : float or None
        Of the loss of this name.
    delta : float
        Of the Huber loss, in the units of the target.

    Returns
    -------
    dict
        The mean loss, ``pinball_loss``, ``huber_loss``, ``poisson_deviance`` or ``tweedie_deviance``, where
        ``mae`` or ``rmse`` does not say it; and ``d2``, but for the squared error, of which it is R²: 1 for
        perfect predictions, 0 for the constant with the smallest loss on these rows, None where its
        loss is 0, as for a constant target.

    Notes
    -----
    D²: Hastie, Tibshirani & Wainwright 2015, equation 3.11. Deviances: Jørgensen 1987.
    """
    if loss == "squared_error":
        return {}
    name, mean_loss, constant = _judged(actual, loss, quantile, delta)
    # Of a constant target the loss is 0 but for rounding and for the floor of logarithms.
    least = mean_loss(actual, constant) if actual.min() < actual.max() else 0.0
    found = mean_loss(actual, predicted)
    named: dict[str, float | None] = {} if name is None else {name: found}
    return {**named, "d2": 1 - found / least if least > 0 else None}


def _judged(
    actual: np.ndarray, loss: str, quantile: float | None, delta: float
) -> tuple[str | None, MeanLoss, float]:
    """Return name and function of a loss, and the constant for which it is smallest."""
    if loss == "absolute_error":
        return None, partial(_pinball, quantile=0.5), float(np.median(actual))
    if loss == "quantile":
        level = 0.5 if quantile is None else quantile
        return (
            "pinball_loss",
            partial(_pinball, quantile=level),
            float(np.quantile(actual, level, method="inverted_cdf")),
        )
    if loss == "huber":
        return "huber_loss", partial(_huber, delta=delta), _huber_location(actual, delta)
    if loss == "poisson":
        return "poisson_deviance", _poisson_deviance, float(actual.mean())
    return "tweedie_deviance", _tweedie_deviance, float(actual.mean())


def _pinball(actual: np.ndarray, predicted: np.ndarray | float, quantile: float) -> float:
    above = actual - predicted
    return float(np.mean(np.maximum(quantile * above, (quantile - 1) * above)))


def _huber(actual: np.ndarray, predicted: np.ndarray | float, delta: float) -> float:
    residual = actual - predicted
    clipped = np.clip(residual, -delta, delta)
    return float(np.mean(clipped * (residual - clipped / 2)))


def _huber_location(actual: np.ndarray, delta: float) -> float:
    """Return the constant with the smallest Huber loss, by bisection on its derivative."""
    low, high = float(actual.min()), float(actual.max())
    for _ in range(_HALVINGS):
        middle = low + (high - low) / 2
        if np.clip(actual - middle, -delta, delta).sum() > 0:
            low = middle
        else:
            high = middle
    return low + (high - low) / 2


def _poisson_deviance(actual: np.ndarray, predicted: np.ndarray | float) -> float:
    mean = np.maximum(predicted, _SMALLEST)
    logarithms = np.log(np.where(actual > 0, actual, 1)) - np.log(mean)
    return float(2 * np.mean(actual * logarithms - actual + mean))


def _tweedie_deviance(actual: np.ndarray, predicted: np.ndarray | float) -> float:
    p, mean = TWEEDIE_POWER, np.maximum(predicted, _SMALLEST)
    own = actual ** (2 - p) / ((1 - p) * (2 - p))
    return float(2 * np.mean(own - actual * mean ** (1 - p) / (1 - p) + mean ** (2 - p) / (2 - p)))
