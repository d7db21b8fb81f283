"""What the estimators minimise, as scikit-learn's MLP does: the penalty is divided by the rows too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from wengert.nn.arrays import penalised
from wengert.trace.settings import cast, nonzero

# Losses of one example each, shape (rows,), or for a function of the user's own their mean, a scalar.
RowLosses = Callable[[Any, Any], Any]


@dataclass(frozen=True)
class BatchMean:
    """Σ wᵢ ℓᵢ / Σ wᵢ + ½ α Σ w² / Σ wᵢ.

    Attributes
    ----------
    loss : callable
        ``loss(prediction, target)``: one loss a row, or their mean where the batch has no weights.
    alpha : float
        α of scikit-learn.
    loss_scale : float
        The loss that is reported has this factor before its mean over rows; the penalty has not.
    """

    loss: RowLosses
    alpha: float
    loss_scale: float = 1.0

    settings: ClassVar = ("alpha",)

    def describe(self) -> str:
        """Return the objective as text, the same in every process."""
        return repr(self)

    def of_batch(self, net: Any, prediction: Any, target: Any, weights: Any) -> tuple[Any, Any]:
        """Return what is minimised and what is reported; see `wengert.train.steps.step.BatchObjective`.

        A batch whose weights are all zero counts as one of loss zero.
        """
        rows = prediction.shape[0]
        if weights is None:
            total: Any = float(rows)
        else:
            total = np.sum(weights)
            total = np.where(total > 0, total, 1).astype(prediction.dtype)
        losses = self.loss(prediction, target)
        if np.shape(losses) == ():
            loss = losses
        else:
            loss = np.sum(losses if weights is None else weights * losses) / total
        minimised = loss
        if nonzero(self.alpha):
            squares = sum(np.sum(np.square(weight)) for weight in penalised(net).values())
            minimised = loss + 0.5 * cast(self.alpha, prediction.dtype) * squares / total
        if self.loss_scale == 1:
            return minimised, minimised
        return minimised, minimised - (1 - self.loss_scale) * loss
