"""Losses of the estimators: one a row, of the network's raw outputs."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from wengert import nn
from wengert.primitives.functions import xlogy


@dataclass(frozen=True)
class RowLoss:
    """A loss with its options, equal to another of the same; what programs are kept by.

    Attributes
    ----------
    function : callable
    options : tuple of (name, value)
        Keyword arguments.
    positional : tuple
        Arguments before prediction and target.
    """

    function: Callable[..., Any]
    options: tuple[tuple[str, Any], ...] = ()
    positional: tuple[Any, ...] = ()

    def __call__(self, prediction: Any, target: Any) -> Any:
        """Return one loss a row, shape (rows,); a function of the user's own may return their mean."""
        return self.function(*self.positional, prediction, target, **dict(self.options))


def mean_of(loss: RowLoss) -> Callable[..., Any]:
    """Return a loss as the mean over rows, in the form in which it can be derived on paper."""
    options = dict(loss.options)
    if options.pop("reduction", None) is not None:
        return functools.partial(loss.function, *loss.positional, **options) if options else loss.function
    if loss.function is poisson_deviance:
        return nn.poisson
    return lambda prediction, target: np.mean(loss(prediction, target))


def row_loss(loss: Callable[..., Any], **options: Any) -> RowLoss:
    """Return a loss of the signature of `wengert.nn`, or ``loss(prediction, target)``, as one a row."""
    positional: tuple[Any, ...] = ()
    function = loss
    if isinstance(loss, functools.partial):
        function, positional, options = loss.func, loss.args, {**loss.keywords, **options}
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        parameters = {}  # type: ignore[assignment]
    if "reduction" in parameters and "weights" in parameters:
        options = {**options, "reduction": "none"}
    return RowLoss(function, tuple(sorted(options.items())), positional)


def poisson_deviance(prediction: Any, target: Any) -> Any:
    """Σ t ln t − t z − t + eᶻ, half the deviance of counts t under the expected counts eᶻ; ∂/∂z = eᶻ − t.

    scikit-learn's value: `nn.poisson` and a term that does not depend on the prediction.
    """
    constant = np.sum(xlogy(target, target) - target, axis=-1)
    return nn.poisson(prediction, target, reduction="none") + constant


REGRESSION_LOSSES: dict[str, Callable[..., Any]] = {
    "squared_error": nn.half_squared_error,
    "absolute_error": nn.absolute_error,
    "huber": nn.huber,
    "poisson": poisson_deviance,
    "quantile": nn.quantile,
}
