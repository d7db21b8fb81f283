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
from wengert.estimators.arguments import AUTO
from wengert.estimators.callbacks import with_callbacks
from wengert.estimators.fitting.losses import REGRESSION_LOSSES, RowLoss, known_row_loss, row_loss
from wengert.estimators.multilayer_perceptron import MultilayerPerceptron
from wengert.estimators.options import check_options
from wengert.estimators.preset import refuse_incremental
from wengert.estimators.rows import refuse_masked, refuse_not_finite
from wengert.tabular.preprocess import Target

Array = np.ndarray[Any, Any]


class MLPRegressor(RegressorMixin, MultilayerPerceptron):
    """Multi-layer perceptron that predicts numbers; scikit-learn's interface, compiled training.

    Parameters
    ----------
    loss : {"squared_error", "absolute_error", "huber", "quantile", "poisson", "tweedie"} or callable
        A function of raw outputs and targets, both of shape (rows, outputs), that returns one loss a row or
        their mean.
    hidden_layer_sizes : int or sequence of int, default (100,)
    activation : str, callable, or a sequence of one for each hidden layer, default "relu"
        A name of `nn.ACTIVATIONS`, ``"logistic"``, or any traced function.
    solver : str, default "adam"
        A key of `wengert.optim.OPTIMISERS`: ``"adam"``, ``"sgd"``, ``"lbfgs"``, ``"adamw"``, …
    alpha : float, default 0.0001
        L2 penalty: ½ α Σ w² / Σ sample weights is added to the loss of a batch.
    batch_size : int or "auto"
        ``"auto"`` is 200, or all rows where there are fewer.
    learning_rate : {"constant", "invscaling", "adaptive"}, default "constant"
        How the rate of ``sgd`` falls.
    learning_rate_init : float, default 0.001
    power_t : float, default 0.5
        Exponent of ``invscaling``.
    max_iter : int, default 200
        Epochs, or iterations of L-BFGS.
    shuffle : bool
        Visit the rows in a new order in each epoch.
    random_state : int, RandomState or None
        Of weights, held-out rows, order and dropout.
    tol : float, default 0.0001
        By how much the loss or the score must improve.
    verbose : bool or int
        Show the progress; from 2 on a line for each epoch.
    warm_start : bool
        Let `fit` go on with the network there is.
    momentum, nesterovs_momentum : float, bool, default 0.9, True
        Of ``sgd`` and ``muon``.
    early_stopping : bool, default False
        Stop when the score on rows held out no longer rises, and restore the best weights.
    validation_fraction : float, default 0.1
        Share of the rows that is held out.
    beta_1, beta_2, epsilon : float, default 0.9, 0.999, 1e-8
        Of ``adam`` and ``adamw``; ``beta_2`` is the decay of ``rmsprop``.
    n_iter_no_change : int or inf, default 10
        Epochs without improvement after which to stop.
    max_fun : int, default 15000
        Evaluations of L-BFGS.
    quantile : float, optional
        In (0, 1), for the loss of this name.
    dropout : float, default 0
        Share of the hidden units that is dropped in training.
    weight_decay : float, optional
        λ of w ← w − η λ w, apart from the gradient, on weights; 0.01 for ``adamw``, else 0.
    grad_clip_norm : float, optional
        The norm to which the gradient of a step is scaled down.
    lr_schedule : str or callable, optional
        A key of `wengert.optim.SCHEDULES`, over all epochs, or η(t) of the number of steps taken.
    ema_decay : float, optional
        Predict with a moving average of the weights.
    time_limit : float, optional
        Seconds.
    checkpoint : path or `wengert.train.Checkpoint`, optional
        From which `fit` goes on, to bitwise the same result; `partial_fit` does not use it.
    executor : str or Executor, default "llvm"
        What runs the steps, as for `train.fit`; ``"xla"`` for accelerators, and
        ``wengert.run.xla_executor(device=…, mesh=…)`` to say which. It also predicts 1,024 rows and more.
    categorical_features : {"from_dtype"}, optional
        Take tables with words, categories, dates and gaps; numbers are standardised.
    preset : {"tabular"}, optional
        Strong defaults for tables, see docs/tables.md.

    Attributes
    ----------
    coefs_, intercepts_ : list of ndarray, shape (inputs, outputs) and (outputs,) each
    network_ : nn.Module
        Its outputs are those before `out_activation_`.
    loss_, best_loss_ : float
        Of the last epoch and the lowest one; ``best_loss_`` is None with early stopping.
    loss_curve_, validation_loss_curve_ : list of float
        For each epoch; the second for those after which rows not learnt from were asked.
    validation_scores_, best_validation_score_ : list of float, float, or None
    history_ : train.History
    stopped_ : str
        Why training ended.
    n_iter_, t_, n_layers_, n_outputs_, n_features_in_ : int
    feature_names_in_ : ndarray of str
        Where X had names.
    out_activation_ : str
    preprocessor_ : io.TablePreprocessor
        With ``categorical_features``.

    Notes
    -----
    Arguments with a default above are ``"auto"`` where they are not given: their default without a preset,
    and the value of the preset with one.

    The same data and `random_state` give the network of scikit-learn's MLPRegressor.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from wengert import MLPRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> bool(MLPRegressor(max_iter=2000, random_state=0).fit(X, y).score(X, y) > 0.4)
    True
    """

    def __init__(
        self,
        loss: str | Callable[..., Any] = "squared_error",
        hidden_layer_sizes: Any = AUTO,
        activation: Activation | Sequence[Activation] = AUTO,
        *,
        solver: str = AUTO,
        alpha: float | str = AUTO,
        batch_size: int | str = AUTO,
        learning_rate: str = AUTO,
        learning_rate_init: float | str = AUTO,
        power_t: float | str = AUTO,
        max_iter: int | str = AUTO,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float | str = AUTO,
        verbose: bool | int = False,
        warm_start: bool = False,
        momentum: float | str = AUTO,
        nesterovs_momentum: bool | str = AUTO,
        early_stopping: bool | str = AUTO,
        validation_fraction: float | str = AUTO,
        beta_1: float | str = AUTO,
        beta_2: float | str = AUTO,
        epsilon: float | str = AUTO,
        n_iter_no_change: float | str = AUTO,
        max_fun: int | str = AUTO,
        quantile: float | None = None,
        dropout: float | str = AUTO,
        weight_decay: float | None = None,
        grad_clip_norm: float | None = None,
        lr_schedule: str | Callable[[Any], Any] | None = None,
        ema_decay: float | None = None,
        time_limit: float | None = None,
        checkpoint: Any = None,
        executor: Any = "llvm",
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
        y = y if _are_plain_numbers(y) else _as_numbers(y)
        refuse_not_finite(y, "y", "a target is a number; leave such rows out")
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if y.ndim not in (1, 2):
            raise DataError(f"y has shape {y.shape}; it has one axis, or two: rows and outputs")
        targets: Array = y
        return targets

    def _learn_target(self, y: Array, classes: Any, *, reset: bool) -> None:
        logarithmic = self.loss in ("poisson", "tweedie")
        if logarithmic and (y < 0).any():
            what = "counts" if self.loss == "poisson" else "amounts"
            raise DataError(f"y holds {y.min():g}, and loss={self.loss!r} takes {what} of 0 or more")
        if reset:
            self.out_activation_ = "exp" if logarithmic else "identity"
        outputs = 1 if y.ndim == 1 else y.shape[1]
        if not reset and outputs != self.n_outputs_:
            raise DataError(f"y has {outputs} columns, and had {self.n_outputs_} before")

    def _encode_target(self, y: Array, dtype: Any) -> Array:
        targets = y if y.ndim == 2 else y[:, np.newaxis]
        return np.ascontiguousarray(targets, dtype)

    def _target(self) -> Target:
        return Target("y", "regression", (), 0.0, 1.0)

    def _take_target(self, target: Target, out_activation: str | None) -> None:
        """Take over what an imported model says: numbers as they come, or expected counts."""
        self.out_activation_ = out_activation or "identity"
        if self.out_activation_ == "exp":
            self.set_params(loss="poisson")

    def _row_loss(self) -> RowLoss:
        if callable(self.loss):
            return row_loss(self.loss)
        options = {"quantile": self.quantile} if self.loss == "quantile" else {}
        return known_row_loss(REGRESSION_LOSSES[self.loss], **options)

    def _loss_scale(self) -> float:
        # scikit-learn reports the squared error as a mean over the outputs, and minimises their sum.
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


def _are_plain_numbers(y: Any) -> bool:
    """Return whether y is an array of numbers, one a row, of which scikit-learn changes nothing."""
    return type(y) is np.ndarray and y.ndim == 1 and y.dtype.kind in "fiub" and len(y) > 0


def _as_numbers(y: Any) -> Array:
    """Return y as an array of numbers.

    Raises
    ------
    DataError
        When it holds words.
    ValueError
        From scikit-learn, when it is not an array of numbers.
    """
    try:
        array: Array = check_array(
            y,
            ensure_2d=False,
            dtype="numeric",
            input_name="y",
            accept_sparse=False,
            ensure_all_finite=False,
        )
    except ValueError as error:
        if "could not convert" in str(error) or "bytes/strings" in str(error):
            raise DataError(
                f"y holds words, and MLPRegressor predicts numbers: {error}\nFor classes there is "
                "MLPClassifier."
            ) from None
        raise
    return array if array.dtype.kind in "fiub" else array.astype(np.float64)
