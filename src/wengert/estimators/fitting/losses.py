"""Losses of the estimators: one a row, of the network's raw outputs."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from wengert import nn
from wengert.autodiff.gradients import grad
from wengert.errors import ConfigurationError, GradientError, WengertError
from wengert.primitives.functions import xlogy
from wengert.trace.tracing import abstract, trace

# As many rows as a loss is tried with; a number that no user's network is likely to have of outputs.
_ROWS = 7


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


# Of our own losses: looking at a signature takes longer than a step.
known_row_loss = functools.lru_cache(maxsize=64)(row_loss)


def check_own_loss(loss: RowLoss, outputs: int, dtype: Any, *, weighted: bool) -> None:
    """Refuse a function of the user's own that cannot be minimised, before any work.

    Raises
    ------
    ConfigurationError
        Naming the function: when it cannot be traced, gives neither one loss a row nor their mean, gives the
        mean although the rows have weights, or cannot be differentiated by the prediction.
    """
    name = getattr(loss.function, "__name__", repr(loss.function))
    types = [abstract((_ROWS, outputs), dtype)] * 2
    try:
        results = trace(loss, *types).outputs
    except WengertError as error:
        raise ConfigurationError(f"loss {name!r} cannot be traced: {error}") from None
    except Exception as error:  # a function of the user's own may raise anything
        kind = type(error).__name__
        raise ConfigurationError(f"loss {name!r} cannot be traced: {kind}: {error}") from error
    returned = " and ".join(str(one.type) for one in results) or "nothing"
    result = results[0] if len(results) == 1 else None
    if result is None or result.type.shape not in ((), (_ROWS,)) or not result.type.is_float:
        raise ConfigurationError(
            f"loss {name!r} returned {returned} for {_ROWS} rows of {outputs} outputs; it returns one "
            f"floating number a row, shape ({_ROWS},), or their mean, a scalar"
        )
    if weighted and result.type.shape == ():
        raise ConfigurationError(
            f"loss {name!r} returns a mean, which cannot be weighted by sample_weight or class_weight; "
            "return one loss a row"
        )
    rng = np.random.default_rng(0)
    prediction, target = (rng.uniform(0.1, 2.0, (_ROWS, outputs)).astype(dtype) for _ in range(2))
    try:
        slope = grad(lambda z: np.sum(loss(z, target)))(prediction)
    except GradientError as error:
        raise ConfigurationError(f"loss {name!r} is not differentiable: {error}") from None
    if not np.any(slope):
        raise ConfigurationError(
            f"loss {name!r} is not differentiable by the prediction: its derivative is 0 everywhere, so "
            "nothing can be learnt from it"
        )


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
    "tweedie": nn.tweedie,
}
