"""The loss as training takes it: of a network, rows and weights, with penalty and accuracy."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from wengert import nn
from wengert.checks import unknown_name
from wengert.errors import ConfigurationError, ShapeError

Loss = Callable[..., Any]
Penalty = Callable[[Any], Any]


def _most_probable(prediction: Any, target: Any) -> Any:
    labels = target if len(np.shape(target)) < len(prediction.shape) else np.argmax(target, axis=-1)
    return np.argmax(prediction, axis=-1) == labels


# For each loss of classification: which rows a prediction gets right, as an array of booleans.
_CORRECT: tuple[tuple[Loss, Callable[[Any, Any], Any]], ...] = (
    (nn.nllm, _most_probable),
    (nn.nllm_from_logits, _most_probable),
    (nn.nll, lambda prediction, target: (prediction > 0.5) == (target > 0.5)),
    (nn.nll_from_logits, lambda prediction, target: (prediction > 0) == (target > 0.5)),
    (nn.hinge, lambda prediction, target: (prediction > 0) == (target > 0)),
)


@dataclass(frozen=True)
class Objective:
    """What is minimised.

    Attributes
    ----------
    loss : callable
        Either with the signature of the losses in `wengert.nn`, or ``loss(prediction, target)`` that returns
        one loss for each row, shape (rows,), or their mean, a scalar.
    penalty : callable, optional
        Of the network; returns a scalar.
    """

    loss: Loss
    penalty: Penalty | None = None

    settings: ClassVar = ("penalty",)

    def mean_loss(self, prediction: Any, target: Any, weights: Any) -> Any:
        """Return Σ wᵢ ℓᵢ / rows, or the mean of ℓ where `weights` is None.

        With weights whose mean over all rows is 1, this estimates the weighted mean over all rows without
        bias, also in a batch whose weights are all zero.
        """
        rows = prediction.shape[0] if prediction.shape else 1
        if _has_reductions(self.loss):
            if weights is None:
                return self.loss(prediction, target)
            return self.loss(prediction, target, weights=weights, reduction="sum") / rows
        losses = self.loss(prediction, target)
        if np.shape(losses) == () and weights is None:
            return losses
        if np.shape(losses) != (rows,):
            scalar = "" if weights is not None else ", or their mean, a scalar"
            raise ShapeError(
                f"the loss function returned shape {np.shape(losses)} for {rows} rows; "
                f"it returns one loss for each row, shape ({rows},){scalar}"
            )
        return np.mean(losses if weights is None else weights * losses)

    def of_batch(self, net: Any, prediction: Any, target: Any, weights: Any) -> tuple[Any, Any]:
        """Return loss and penalty together, which is minimised, and the loss alone, which is reported."""
        loss = self.mean_loss(prediction, target, weights)
        return loss if self.penalty is None else loss + self.penalty(net), loss

    def correct(self, prediction: Any, target: Any) -> Any | None:
        """Return for each row whether it is classified correctly, or None where the loss has no classes."""
        loss = self.loss.func if isinstance(self.loss, functools.partial) else self.loss
        for known, decide in _CORRECT:
            if known is loss:
                return decide(prediction, target)
        return None

    def describe(self) -> str:
        """Return loss and penalty as text, the same in every process."""
        loss = self.loss
        if isinstance(loss, functools.partial):
            text = f"{_name(loss.func)}, {loss.args}, {dict(sorted(loss.keywords.items()))}"
        else:
            text = _name(loss)
        return f"{text}; penalty {'none' if self.penalty is None else _described(self.penalty)}"


def find_loss(loss: str | Loss) -> Loss:
    """Return the loss of a name, or the function itself.

    Raises
    ------
    ConfigurationError
        When there is no loss of that name; suggests the nearest.
    """
    if callable(loss):
        return loss
    if loss not in nn.LOSSES:
        raise unknown_name("fit", "loss", loss, nn.LOSSES)
    return nn.LOSSES[loss]


def _has_reductions(loss: Loss) -> bool:
    try:
        parameters = inspect.signature(loss).parameters
    except (TypeError, ValueError):
        return False
    return "weights" in parameters and "reduction" in parameters


def _name(value: Any) -> str:
    return getattr(value, "__qualname__", None) or type(value).__qualname__


def _described(value: Any) -> str:
    """Return the repr of a dataclass, which shows its settings, and the name of a function."""
    return repr(value) if hasattr(value, "__dataclass_fields__") else _name(value)


def floating_dtype(net: Any) -> np.dtype[Any]:
    """Return the dtype that the parameters of a network have.

    Raises
    ------
    ConfigurationError
        When there are none, or they are of several.
    """
    dtypes: set[np.dtype[Any]] = {np.dtype(value.dtype) for value in nn.parameters(net).values()}
    if not dtypes:
        raise ConfigurationError(
            "the network has no parameters; has it been initialised with net.initialise(seed)?"
        )
    if len(dtypes) > 1:
        raise ConfigurationError(
            f"the parameters are of several dtypes: {', '.join(sorted(map(str, dtypes)))}"
        )
    return dtypes.pop()
