"""The classifier."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import ClassifierMixin
from sklearn.utils import column_or_1d
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, type_of_target, unique_labels
from sklearn.utils.validation import check_array

from wengert import nn
from wengert.errors import ConfigurationError, DataError, WengertWarning
from wengert.estimators.architecture import Activation
from wengert.estimators.arguments import AUTO
from wengert.estimators.callbacks import with_callbacks
from wengert.estimators.class_weights import weights_by_class
from wengert.estimators.fitting.losses import RowLoss, known_row_loss, row_loss
from wengert.estimators.multilayer_perceptron import MultilayerPerceptron
from wengert.estimators.options import check_options
from wengert.estimators.preset import refuse_incremental
from wengert.estimators.rows import refuse_masked, refuse_missing_class
from wengert.tabular.preprocess import Target
from wengert.tabular.task import class_array

Array = np.ndarray[Any, Any]
_ADVICE = "Classes are words, whole numbers or truth values, all of one sort; MLPRegressor predicts numbers."


class MLPClassifier(ClassifierMixin, MultilayerPerceptron):
    """Multi-layer perceptron that predicts classes; scikit-learn's interface, compiled training.

    Parameters
    ----------
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
    loss : "log_loss" or callable
        A function of raw outputs and targets (0 and 1), both of shape (rows, outputs), that returns one loss
        a row or their mean.
    class_weight : dict or "balanced", optional
        ``"balanced"`` is rows / (classes · rows of the class); in `partial_fit`, of the rows of the call.
    label_smoothing : float, default 0
        ε: targets are 1 − ε + ε/classes and ε/classes.
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
    classes_ : ndarray, shape (n_classes,)
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

    The same data and `random_state` give the network of scikit-learn's MLPClassifier.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from wengert import MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> bool(MLPClassifier(max_iter=500, random_state=0).fit(X, y).score(X, y) > 0.9)
    True
    """

    def __init__(
        self,
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
        loss: str | Callable[..., Any] = "log_loss",
        class_weight: Any = None,
        label_smoothing: float | str = AUTO,
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

    _classifies = True
    _losses = ("log_loss",)

    @available_if(lambda self: self.solver != "lbfgs")
    @with_callbacks
    def partial_fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        classes: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> Any:
        """Train for one epoch more.

        Parameters
        ----------
        X, y, sample_weight, X_val, y_val, sample_weight_val
            As for `fit`.
        classes : array-like, shape (n_classes,)
            All classes that will ever come; needed in the first call.

        Returns
        -------
        self
        """
        check_options(self)
        refuse_incremental(self)
        first = not hasattr(self, "network_")
        if first and classes is None:
            raise DataError("classes must be passed on the first call to partial_fit.")
        if not first and classes is not None and not np.array_equal(self.classes_, unique_labels(classes)):
            raise DataError(
                f"`classes={classes!r}` is not the same as on last call to partial_fit, was: "
                f"{self.classes_!r}"
            )
        if not self._has_stopped():
            held = (X_val, y_val, sample_weight_val)
            self._fit(X, y, sample_weight, held, classes, first, incremental=True)
        return self

    def _check_target(self, y: Any) -> Array:
        refuse_masked(y, "y")
        if _are_plain_labels(y):
            return np.ascontiguousarray(y)
        if not sparse.issparse(y):
            refuse_missing_class(y, "y")
        try:
            check_classification_targets(y)
        except ValueError as error:
            raise DataError(f"{str(error).split('.')[0]}: y holds no classes. {_ADVICE}") from None
        if type_of_target(y).startswith("multilabel"):
            labels: Array = y.toarray() if hasattr(y, "toarray") else check_array(y, input_name="y")
            return labels
        column: Array = column_or_1d(np.asarray(y), warn=True)
        return column

    def _learn_target(self, y: Array, classes: Any, *, reset: bool) -> None:
        if reset:
            self._multilabel = y.ndim == 2
            self.classes_ = (
                np.arange(y.shape[1]) if self._multilabel else _labels(y if classes is None else classes)
            )
            logistic = self._multilabel or len(self.classes_) <= 2
            self.out_activation_ = "logistic" if logistic else "softmax"
            if len(self.classes_) == 1 and not self._multilabel:
                warnings.warn(
                    f"y holds one class only, {self.classes_.tolist()[0]!r}: it is all that can be predicted",
                    WengertWarning,
                    stacklevel=6,
                )
        elif self.warm_start and not self._multilabel and set(_labels(y)) != set(self.classes_):
            raise DataError(
                "warm_start can only be used where `y` has the same classes as in the previous call to fit. "
                f"Previously got {self.classes_}, `y` has {unique_labels(y)}"
            )

    def _encode_target(self, y: Array, dtype: Any) -> Array:
        if y.ndim == 2 or self._multilabel:
            if y.ndim != 2 or not self._multilabel or y.shape[1] != len(self.classes_):
                raise DataError(
                    f"y has shape {y.shape}, and had {len(self.classes_)} labels or classes before"
                )
            targets = y.astype(dtype)
        else:
            places = np.searchsorted(self.classes_, y)
            wrong = self.classes_[np.minimum(places, len(self.classes_) - 1)] != y
            if wrong.any():
                row = int(np.argmax(wrong))
                raise DataError(
                    f"`y` has classes not in `self.classes_`: {np.asarray(y[row]).item()!r} in row "
                    f"{row}. `self.classes_` has {self.classes_}"
                )
            if len(self.classes_) <= 2:
                # One class alone is learnt as certain.
                targets = (places == len(self.classes_) - 1).astype(dtype)[:, np.newaxis]
            else:
                targets = np.zeros((len(y), len(self.classes_)), dtype)
                targets[np.arange(len(y)), places] = 1
        if smoothing := self._arguments.label_smoothing:
            choices = 2 if self.out_activation_ == "logistic" else targets.shape[1]
            targets = targets * (1 - smoothing) + smoothing / choices
            targets = targets.astype(dtype)
        return targets

    def _target(self) -> Target:
        kind = "multilabel" if self._multilabel else "binary" if len(self.classes_) == 2 else "multiclass"
        return Target("y", kind, tuple(self.classes_.tolist()), 0.0, 1.0)

    def _take_target(self, target: Target, out_activation: str | None) -> None:
        """Take over what an imported model says of its classes."""
        # A sigmoid at the end of several outputs says of each by itself whether it is there.
        several = out_activation == "logistic" and self.n_outputs_ > 1
        self._multilabel = target.kind == "multilabel" or several
        one_logit = self.n_outputs_ == 1 and out_activation != "softmax" and not self._multilabel
        # One class alone has a logit as well: it is learnt as certain.
        count = min(2, len(target.classes) or 2) if one_logit else self.n_outputs_
        self.classes_ = class_array(target.classes) if target.classes else np.arange(count)
        if len(self.classes_) != count:
            raise ConfigurationError(
                f"{len(self.classes_)} classes for a network of {self.n_outputs_} outputs, which "
                f"distinguishes {count}"
            )
        self.out_activation_ = "logistic" if self._multilabel or self.n_outputs_ == 1 else "softmax"

    def _row_loss(self) -> RowLoss:
        if callable(self.loss):
            return row_loss(self.loss)
        return known_row_loss(
            nn.nllm_from_logits if self.out_activation_ == "softmax" else nn.nll_from_logits
        )

    def _loss_scale(self) -> float:
        return 1.0

    def _row_weights(self, weights: Array | None, y: Array, dtype: Any) -> Array | None:
        if self.class_weight is None:
            return weights
        if self._multilabel:
            raise ConfigurationError("class_weight is for one class a row, and y holds several labels a row")
        of_rows = weights_by_class(self.class_weight, self.classes_, y).astype(dtype)
        if weights is None:
            return of_rows
        of_rows *= weights
        if not of_rows.any():
            raise DataError("sample_weight times class_weight is zero in all rows; nothing would be learned")
        return of_rows

    def _score_raw(self, raw: Array, targets: Array, weights: Array | None) -> float:
        if self.out_activation_ == "softmax":
            right = raw.argmax(axis=1) == targets.argmax(axis=1)
        else:
            right = ((raw > 0) == (targets > 0.5)).all(axis=1)
        return float(np.average(right, weights=weights))

    def predict(self, X: Any) -> Array:
        """Return the most probable class of each row; for several labels a row, 1 where a label holds.

        Parameters
        ----------
        X : {array-like, sparse matrix, data frame}, shape (n_samples, n_features)

        Returns
        -------
        ndarray, shape (n_samples,) or (n_samples, n_labels)
        """
        raw: Array = self._raw(X)
        classes: Array = self.classes_
        if self._multilabel:
            return (raw > 0).astype(int)
        if self.out_activation_ == "softmax":
            places = raw.argmax(axis=1)
        else:
            places = (raw[:, 0] > 0).astype(int) if len(classes) > 1 else np.zeros(len(raw), int)
        predicted: Array = classes[places]
        return predicted

    def predict_proba(self, X: Any) -> Array:
        """Return the probability of each class, in the order of `classes_`.

        Returns
        -------
        ndarray, shape (n_samples, n_classes)
        """
        probabilities = self._activated(X)
        if self._multilabel or probabilities.shape[1] > 1:
            return probabilities
        if len(self.classes_) == 1:
            return np.ones_like(probabilities)
        return np.concatenate([1 - probabilities, probabilities], axis=1)

    def predict_log_proba(self, X: Any) -> Array:
        """Return the logarithms of `predict_proba`."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


def _are_plain_labels(y: Any) -> bool:
    """Return whether y is an array of whole numbers of which few differ: it needs no further look."""
    plain = type(y) is np.ndarray and y.ndim == 1 and y.dtype.kind in "biu" and len(y) > 0
    return plain and int(y.max()) - int(y.min()) <= len(y) // 2 - 1


def _labels(y: Any) -> Array:
    """Return the labels that occur, in order."""
    return np.unique(y) if _are_plain_labels(y) else unique_labels(y)
