"""Validation rows of an estimator: given by the user, or held out of the training rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.model_selection import train_test_split

from wengert.errors import ConfigurationError, DataError
from wengert.estimators.fitting.forward import raw_outputs
from wengert.estimators.fitting.losses import RowLoss
from wengert.estimators.rows import checked_features, checked_weights, same_length
from wengert.train.evaluation import Evaluation
from wengert.train.inputs import Rows
from wengert.train.steps.step import Carry, TrainingStep

Array = np.ndarray[Any, Any]


def given_rows(estimator: Any, given: tuple[Any, Any, Any], dtype: Any) -> Rows | None:
    """Return the validation rows that the user gave, encoded, or None.

    Raises
    ------
    ConfigurationError
        When one of X_val and y_val is missing.
    DataError, DTypeError, ShapeError
        When they are not of the form of the training rows, or hold a class that training does not have.
    """
    X, y, weights = given
    if X is None and y is None:
        if weights is not None:
            raise ConfigurationError("sample_weight_val is given without X_val and y_val")
        return None
    if X is None or y is None:
        there, missing = ("X_val", "y_val") if y is None else ("y_val", "X_val")
        raise ConfigurationError(f"{there} is given without {missing}; give both or neither")
    try:
        features = checked_features(estimator, X, reset=False)
    except ValueError as error:
        raise DataError(f"X_val: {error}") from None
    try:
        known = estimator._check_target(y)
        targets = estimator._encode_target(known, dtype)
    except ValueError as error:
        raise DataError(f"y_val: {error}") from None
    if targets.shape[1] != estimator.n_outputs_:
        raise DataError(f"y_val has {targets.shape[1]} columns, and y has {estimator.n_outputs_}")
    same_length(features, targets, "_val")
    checked = checked_weights(weights, len(targets), dtype, "sample_weight_val")
    return Rows(features.astype(dtype, copy=False), targets, checked)


def split(rows: Rows, fraction: float, stratified: bool, random_state: Any) -> tuple[Rows, Rows]:
    """Return the rows to learn from and those held out, the same that scikit-learn's MLP takes.

    Rows of weight 0 are not held out, since they say nothing of the network.

    Raises
    ------
    DataError
        When there are too few rows of some weight, of all classes or of one.
    """
    counting = rows.counting()
    stratify = rows.targets[counting, 0] if stratified and rows.targets.shape[1] == 1 else None
    if stratify is not None and (rarest := np.unique(stratify, return_counts=True)[1].min()) < 2:
        raise DataError(
            f"rows to validate on are held out of each class, and one class of y has {rarest} row. Give the "
            "rows of X_val and y_val yourself, or more rows of that class"
        )
    try:
        kept, held = train_test_split(
            counting, random_state=random_state, test_size=fraction, stratify=stratify
        )
    except ValueError as error:
        some = "rows" if len(counting) == len(rows) else f"rows of a weight above 0, of {len(rows)}"
        raise DataError(
            f"early_stopping cannot hold out {fraction:g} of {len(counting)} {some}: {error} Increase "
            "'validation_fraction', or give X_val and y_val"
        ) from None
    if len(held) < 2:
        raise DataError(
            "The validation set is too small. Increase 'validation_fraction' or the size of your dataset."
        )
    idle = np.setdiff1d(np.arange(len(rows)), counting)
    return rows.part(np.concatenate([kept, idle])), rows.part(held)


@dataclass(frozen=True)
class ForwardEvaluator:
    """Loss and score of a network on rows, by a forward pass in NumPy.

    Attributes
    ----------
    step : TrainingStep
    loss : RowLoss
    loss_scale : float
        Factor of the loss, as in `BatchMean`.
    score : callable
        Of raw outputs, targets and weights.
    classifies : bool
        Whether the score is an accuracy.
    """

    step: TrainingStep
    loss: RowLoss
    loss_scale: float
    score: Callable[[Array, Array, Array | None], float]
    classifies: bool

    def __call__(self, network: Carry, rows: Rows) -> Evaluation:
        """Evaluate the network with these arrays; what is not finite is NaN."""
        with np.errstate(all="ignore"):
            raw = raw_outputs(self.step.net(network), rows.features)
            if not np.isfinite(raw).all():
                return Evaluation(np.nan, None, np.nan)
            losses = np.asarray(self.loss(raw, rows.targets))
            mean = losses if losses.ndim == 0 else np.average(losses, weights=rows.weights)
            value = self.score(raw, rows.targets, rows.weights)
            return Evaluation(float(mean) * self.loss_scale, value if self.classifies else None, value)
