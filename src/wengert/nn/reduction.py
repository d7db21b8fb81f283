"""What all losses share: shapes and targets checked, examples weighted and reduced."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.checks import unknown_name
from wengert.errors import DataError, DTypeError, IndexRangeError, ShapeError
from wengert.nn.values import as_array, check_values, first_position
from wengert.trace.tensor import here

REDUCTIONS = ("mean", "sum", "none")


def like(prediction: Any) -> Any:
    """Return a prediction as an array or tensor of floating dtype.

    Raises
    ------
    DTypeError
        For a dtype that is not a real number.
    """
    prediction = as_array(prediction)
    if prediction.dtype.kind in "iub":
        prediction = prediction.astype(np.float64)
    if prediction.dtype.kind != "f":
        raise DTypeError(f"a prediction is of floating dtype, not {prediction.dtype}{here()}")
    return prediction


def matching(name: str, prediction: Any, target: Any) -> tuple[Any, Any]:
    """Return prediction and target as arrays or tensors of one shape; integer targets in the prediction's
    dtype.

    Raises
    ------
    ShapeError
        With both shapes. There is no broadcasting here: (3, 1) against (3,) would give (3, 3).
    """
    prediction, target = like(prediction), as_array(target)
    if np.shape(prediction) != np.shape(target):
        raise ShapeError(
            f"{name}: the prediction has shape {np.shape(prediction)} and the target {np.shape(target)}; "
            f"reshape one of them{here()}"
        )
    if target.dtype.kind != "f":
        target = target.astype(prediction.dtype)
    return prediction, target


def require_targets(name: str, target: Any, wrong: Callable[[Any], Any], rule: str) -> None:
    """Refuse targets for which `wrong` holds, where their values are known.

    Raises
    ------
    IndexRangeError
        Naming the first row and its value.
    """

    def look(known: Any) -> None:
        mask = wrong(known)
        if np.any(mask):
            where, value = first_position(mask, known)
            raise IndexRangeError(f"{name}: {rule}, got {value:g} at {where}{here()}")

    check_values(target, look)


def probabilities_of_classes(name: str, prediction: Any, target: Any) -> tuple[Any, Any]:
    """Return (labels, None) for integer targets with one axis fewer, (None, probabilities) for equal shapes.

    Raises
    ------
    ShapeError
        With both shapes.
    IndexRangeError
        For a label outside 0 … K−1 whose value is known, naming the row.
    """
    target = as_array(target)
    shape, target_shape = np.shape(prediction), np.shape(target)
    if shape and target.dtype.kind in "iu" and target_shape == shape[:-1]:
        classes = shape[-1]
        text = f"labels are 0 to {classes - 1} for {classes} classes"
        require_targets(name, target, lambda known: (known < 0) | (known >= classes), text)
        return target, None
    if not shape or target_shape != shape:
        raise ShapeError(
            f"{name}: the prediction has shape {shape} (..., classes) and the target {target_shape}; it "
            f"takes integer labels of shape {shape[:-1]} or probabilities of shape {shape}{here()}"
        )
    return None, target if target.dtype.kind == "f" else target.astype(prediction.dtype)


def reduce_examples(losses: Any, weights: Any, reduction: str) -> Any:
    """Sum the losses of each example over its outputs, weight the examples, and reduce.

    Parameters
    ----------
    losses : array or tensor, shape (N,) or (N, ...)
    weights : array or tensor, shape (N,), or None
    reduction : {"mean", "sum", "none"}

    Raises
    ------
    ConfigurationError, ShapeError, DataError
    """
    if reduction not in REDUCTIONS:
        raise unknown_name("loss", "reduction", reduction, REDUCTIONS)
    if weights is None and reduction == "sum":
        return np.sum(losses)
    if len(losses.shape) > 1:
        losses = np.sum(losses, axis=tuple(range(1, len(losses.shape))))
    if weights is None:
        return losses if reduction == "none" else np.mean(losses)
    weights = _checked_weights(weights, losses)
    weighted = weights * losses
    if reduction == "none":
        return weighted
    total = np.sum(weighted)
    return total if reduction == "sum" else total / np.sum(weights)


def _checked_weights(weights: Any, losses: Any) -> Any:
    weights = as_array(weights)
    if np.shape(weights) != np.shape(losses):
        raise ShapeError(
            f"loss: weights of shape {np.shape(weights)} for {np.shape(losses)} examples; "
            f"one weight for each{here()}"
        )
    check_values(weights, _look_at_weights)
    return weights if weights.dtype == losses.dtype else weights.astype(losses.dtype)


def _look_at_weights(known: Any) -> None:
    negative = ~(known >= 0)
    if negative.any():
        where, value = first_position(negative, known)
        raise DataError(f"loss: weights are 0 or more, got {value:g} at {where}{here()}")
    if known.size and not known.any():
        raise DataError(f"loss: all weights are zero, so no example counts{here()}")
