"""The regressor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils import column_or_1d
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_array

from wengert.errors import DataError
from wengert.estimators.architecture import Activation
from wengert.estimators.callbacks import with_callbacks
from wengert.estimators.losses import REGRESSION_LOSSES, RowLoss, row_loss
from wengert.estimators.multilayer_perceptron import MultilayerPerceptron
from wengert.estimators.options import check_options
from wengert.estimators.preset import refuse_incremental
from wengert.estimators.rows import refuse_masked
from wengert.io.preprocess import Target

Array = np.ndarray[Any, Any]


class MLPRegressor(RegressorMixin, MultilayerPerceptron):
    """Multi-layer perceptron that predicts numbers; scikit-learn's interface, compiled training."""

    def __init__(
        self,
        loss: str | Callable[..., Any] = "squared_error",
        hidden_layer_sizes: Any = (100,),
        activation: Activation | Sequence[Activation] = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool | int = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        quantile: float | None = None,
        dropout: float = 0.0,
        weight_decay: float | None = None,
        grad_clip_norm: float | None = None,
        lr_schedule: str | Callable[[Any], Any] | None = None,
        ema_decay: float | None = None,
        time_limit: float | None = None,
        categorical_features: str | None = None,
        preset: str | None = None,
    ) -> None:
        self._keep_arguments(locals())

    _losses = tuple(REGRESSION_LOSSES)

    @available_if(lambda self: self.solver != "lbfgs")
    @with_callbacks
    def partial_fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> Any:
        """Train for one epoch more; parameters as for `fit`."""
        check_options(self)
        refuse_incremental(self)
        if not self._has_stopped():
            first = not hasattr(self, "network_")
            held = (X_val, y_val, sample_weight_val)
            self._fit(X, y, sample_weight, held, None, first, incremental=True)
        return self

    def _check_target(self, y: Any) -> Array:
        refuse_masked(y, "y")
        y = check_array(y, ensure_2d=False, dtype="numeric", input_name="y", accept_sparse=False)
        if y.dtype.kind not in "fiub":
            y = y.astype(np.float64)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if y.ndim not in (1, 2):
            raise DataError(f"y has shape {y.shape}; it has one axis, or two: rows and outputs")
        return y

    def _learn_target(self, y: Array, classes: Any, *, reset: bool) -> None:
        if self.loss == "poisson" and (y < 0).any():
            raise DataError(f"y holds {y.min():g}, and loss='poisson' takes counts of 0 or more")
        if reset:
            self.out_activation_ = "exp" if self.loss == "poisson" else "identity"
        outputs = 1 if y.ndim == 1 else y.shape[1]
        if not reset and outputs != self.n_outputs_:
            raise DataError(f"y has {outputs} columns, and had {self.n_outputs_} before")

    def _encode_target(self, y: Array, dtype: Any) -> Array:
        targets = y if y.ndim == 2 else y[:, np.newaxis]
        return np.ascontiguousarray(targets, dtype)

    def _target(self) -> Target:
        return Target("y", "regression", (), 0.0, 1.0)

    def _take_target(self, target: Target, out_activation: str | None) -> None:
        """Take over what an imported model says: numbers as they come."""
        self.out_activation_ = "identity"

    def _row_loss(self) -> RowLoss:
        if callable(self.loss):
            return row_loss(self.loss)
        options = {"quantile": self.quantile} if self.loss == "quantile" else {}
        return row_loss(REGRESSION_LOSSES[self.loss], **options)

    def _loss_share(self) -> float:
        # scikit-learn tells the squared error as a mean over the outputs, and minimises their sum.
        return 1 / self.n_outputs_ if self.loss == "squared_error" else 1.0

    def _row_weights(self, weights: Array | None, y: Array, dtype: Any) -> Array | None:
        return weights

    def _score_raw(self, raw: Array, targets: Array, weights: Array | None) -> float:
        predicted = np.exp(raw) if self.out_activation_ == "exp" else raw
        return (
            float(r2_score(targets, predicted, sample_weight=weights))
            if np.isfinite(predicted).all()
            else np.nan
        )

    def predict(self, X: Any) -> Array:
        """Return the prediction for each row.

        Parameters
        ----------
        X : {array-like, sparse matrix, data frame}, shape (n_samples, n_features)

        Returns
        -------
        ndarray, shape (n_samples,) or (n_samples, n_outputs)
        """
        predicted = self._activated(X)
        return predicted[:, 0] if predicted.shape[1] == 1 else predicted
