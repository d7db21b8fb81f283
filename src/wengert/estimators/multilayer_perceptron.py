"""What the classifier and the regressor have in common: from arguments and rows to a trained network."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from wengert import nn
from wengert.errors import (
    ConfigurationError,
    DataError,
    DivergenceWarning,
    InterruptionWarning,
    WengertWarning,
)
from wengert.estimators.architecture import build_network, check_own_activations
from wengert.estimators.arguments import Arguments, is_auto
from wengert.estimators.callbacks import CallbackSupport, with_callbacks
from wengert.estimators.exchange import Exchange
from wengert.estimators.fitting.forward import dense_layers, output_activation, raw_outputs
from wengert.estimators.fitting.held_out import ForwardEvaluator, given_rows, split
from wengert.estimators.fitting.losses import RowLoss, check_own_loss
from wengert.estimators.fitting.plan import RowOrders, batch_size, initial_rate, rule_of, training_step
from wengert.estimators.fitting.stopping import Patience, Rate
from wengert.estimators.fitting.training import MLPRules, Run, divergence_text, train
from wengert.estimators.inspection import Inspection
from wengert.estimators.layer_arrays import LayerArrays
from wengert.estimators.options import check_options
from wengert.estimators.preset import fit_by_preset
from wengert.estimators.rows import checked_features, checked_weights, features_to_predict, same_length
from wengert.train.checkpoint import Checkpoint
from wengert.train.history import History
from wengert.train.inputs import Rows
from wengert.train.plan import Plan
from wengert.train.progress import Silent, choose_display
from wengert.train.steps.state import State
from wengert.train.steps.step import StepRule

Array = np.ndarray[Any, Any]


class MultilayerPerceptron(Inspection, Exchange, CallbackSupport, BaseEstimator, ABC):
    """Base of `MLPClassifier` and `MLPRegressor`.

    Attributes
    ----------
    network_ : nn.Module
        Trained; its outputs are those before the output activation.
    """

    def _keep_arguments(self, given: dict[str, Any]) -> None:
        """Set each argument of the constructor, given as its `locals()`, as an attribute, unchanged."""
        self.__dict__.update((name, value) for name, value in given.items() if name != "self")

    @property
    def _arguments(self) -> Arguments:
        """The arguments with scikit-learn's defaults in place of "auto"."""
        return Arguments(self)

    @property
    def _watches_score(self) -> bool:
        """Whether the score on rows held out decides when to stop."""
        return bool(self._arguments.early_stopping and self._arguments.solver != "lbfgs")

    # What classifier and regressor differ in.

    _classifies = False
    _losses: tuple[str, ...]

    @abstractmethod
    def _check_target(self, y: Any) -> Array:
        """Return targets as an array, refusing those of another task."""

    @abstractmethod
    def _learn_target(self, y: Array, classes: Any, *, reset: bool) -> None:
        """Note what is to be known of the targets: classes, the output activation."""

    @abstractmethod
    def _encode_target(self, y: Array, dtype: Any) -> Array:
        """Return targets as the loss takes them, shape (rows, outputs)."""

    @abstractmethod
    def _row_loss(self) -> RowLoss:
        """Return the loss of the raw outputs, one a row."""

    @abstractmethod
    def _loss_scale(self) -> float:
        """Return the factor between the loss that is minimised and the one that is reported."""

    @abstractmethod
    def _row_weights(self, weights: Array | None, y: Array, dtype: Any) -> Array | None:
        """Return the weights of the rows with those of their classes."""

    @abstractmethod
    def _score_raw(self, raw: Array, targets: Array, weights: Array | None) -> float:
        """Return the score of raw outputs against encoded targets."""

    @with_callbacks
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> Any:
        """Train the network.

        Parameters
        ----------
        X : {array-like, sparse matrix, data frame}, shape (n_samples, n_features)
        y : array-like, shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like, shape (n_samples,), optional
            0 or more.
        X_val, y_val, sample_weight_val : optional
            Rows that are not learnt from. Their loss after each epoch goes to `validation_loss_curve_`; with
            `early_stopping` their score decides, and no rows of `X` are held out.

        Returns
        -------
        self

        Raises
        ------
        ConfigurationError
            When arguments of the constructor are out of range or contradict each other.
        DataError, DTypeError, ShapeError, ValueError
            When the rows cannot be used.

        Warns
        -----
        ConvergenceWarning
            When `max_iter` epochs were not enough.
        DivergenceWarning
            When training stopped making sense: it ended there, and the best weights were kept.
        InterruptionWarning
            After Ctrl-C; what was learnt is kept.
        """
        if self.preset is not None:
            self._fit_by_preset(X, y, sample_weight, (X_val, y_val, sample_weight_val))
            return self
        check_options(self)
        first = not (self.warm_start and hasattr(self, "network_"))
        self._fit(X, y, sample_weight, (X_val, y_val, sample_weight_val), None, first, incremental=False)
        return self

    def _fit(
        self, X: Any, y: Any, sample_weight: Any, held: Any, classes: Any, first: bool, incremental: bool
    ) -> None:
        rows, random_state = self._begin(X, y, sample_weight, classes, first=first)
        held_rows = given_rows(self, held, rows.features.dtype)
        arguments = self._arguments
        if self._watches_score and held_rows is None:
            rows, held_rows = split(rows, arguments.validation_fraction, self._classifies, random_state)
        rule = rule_of(self, len(rows))
        self._prepare_run(rule, incremental)
        reason = self._train(rule, rows, held_rows, random_state, incremental, (X, y, sample_weight))
        self._take_over(reason)
        self._warn(reason, incremental)

    def _fit_by_preset(self, X: Any, y: Any, sample_weight: Any, held: Any) -> None:
        result = fit_by_preset(self, X, y, sample_weight, held)
        self.n_layers_ = sum(isinstance(one, nn.NTKDense) for _, one in self.network_.walk()) + 1
        self._take_result(result.history, result.stopped, result.best_epoch)

    def _take_result(self, history: History, stopped: str, best_epoch: int | None) -> None:
        """Set the attributes of an estimator that a preset has fitted."""
        self._run: Any = None
        self.history_, self.stopped_ = history, stopped
        self.n_iter_ = len(history)
        self.best_epoch_ = best_epoch
        self.loss_curve_ = [epoch.loss for epoch in history]
        self.loss_ = self.loss_curve_[-1] if self.loss_curve_ else np.nan
        self.best_loss_: float | None = min(self.loss_curve_, default=np.nan)
        held_out = [epoch.validation_loss for epoch in history]
        self.validation_loss_curve_ = [loss for loss in held_out if loss is not None]
        scores = [epoch.validation_accuracy for epoch in history]
        self.validation_scores_ = [score for score in scores if score is not None] or None
        self.best_validation_score_ = max(self.validation_scores_) if self.validation_scores_ else None

    def _begin(
        self, X: Any, y: Any, sample_weight: Any, classes: Any, *, first: bool = True
    ) -> tuple[Rows, Any]:
        """Check and encode the rows, and draw the network if it is the first time; return both."""
        if y is None:
            raise DataError(f"{type(self).__name__} requires y to be passed, but the target y is None")
        features = checked_features(self, X, reset=first)
        known = self._check_target(y)
        same_length(features, known)
        self._learn_target(known, classes, reset=first)
        dtype = features.dtype if first else self._run.step.dtype
        targets = self._encode_target(known, dtype)
        weights = self._row_weights(checked_weights(sample_weight, len(known), dtype), known, dtype)
        rows = Rows(features.astype(dtype, copy=False), targets, weights)
        random_state = check_random_state(self.random_state)
        if callable(self.loss):
            check_own_loss(self._row_loss(), targets.shape[1], dtype, weighted=weights is not None)
        if first:
            self._draw_network(rows, random_state)
        return rows, random_state

    def _has_stopped(self) -> bool:
        """Return whether `partial_fit` has nothing more to do, and say so."""
        ended = bool(self._arguments.early_stopping and getattr(self, "stopped_", "") == "no improvement")
        if ended:
            warnings.warn(
                f"early_stopping ended the training after {len(self.history_)} epochs, and the best weights "
                "are in place; this call of partial_fit changes nothing. Call fit to start again",
                WengertWarning,
                stacklevel=4,
            )
        return ended

    def _draw_network(self, rows: Rows, random_state: Any) -> None:
        """Make a network with new random weights."""
        arguments = self._arguments
        check_own_activations(arguments.activation, rows.features.dtype)
        self.n_outputs_ = rows.targets.shape[1]
        self.network_ = build_network(
            rows.features.shape[1],
            self.n_outputs_,
            arguments.hidden_layer_sizes,
            arguments.activation,
            arguments.dropout,
            random_state,
            rows.features.dtype,
        )
        self.n_layers_ = len(dense_layers(self.network_) or ()) + 1
        self._run = None

    def _prepare_run(self, step_rule: StepRule, incremental: bool) -> None:
        """Set up the state of training, or take it up where the last call left it."""
        before: Run | None = self._run
        if before is not None and incremental:
            if self.network_ is not self._handed_out:  # the user has put other weights in
                before.put_in(self.network_)
            return
        arguments = self._arguments
        step = training_step(step_rule, self.network_, self.executor)
        rule = arguments.learning_rate if arguments.solver == "sgd" else "constant"
        run = Run(
            step,
            State(step.carry(self.network_, step_rule)),
            Patience(arguments.tol, arguments.n_iter_no_change),
            Rate(initial_rate(self), rule, arguments.power_t),
            executor=self.executor,
        )
        if before is not None:
            run.patience, run.rows_seen, old = before.patience, before.rows_seen, before.state
            run.state = run.state._replace(
                history=old.history, best=old.best, scores=old.scores, seconds=old.seconds
            )
        self._run = run

    def _train(
        self, rule: StepRule, rows: Rows, held: Rows | None, random_state: Any, incremental: bool, given: Any
    ) -> str:
        """Go on with the run, and return why it ended."""
        count = len(rows)
        arguments, run = self._arguments, self._run
        if arguments.solver != "lbfgs" and not is_auto(self.batch_size) and self.batch_size > count:
            warnings.warn(
                f"batch_size={self.batch_size} is clipped to the {count} rows there are",
                WengertWarning,
                stacklevel=5,
            )
        seed = int(random_state.randint(2**31 - 1)) if arguments.dropout else 0
        epochs = 1 if incremental else arguments.max_iter
        lines = self.verbose >= 2
        metadata = {} if given[2] is None else {"sample_weight": given[2]}
        rules = MLPRules(
            rule,
            run,
            count,
            RowOrders(rows.features, bool(self.shuffle), random_state),
            watches_score=self._watches_score,
            incremental=incremental,
            report=print if lines else None,
        )
        plan = Plan(
            rows=rows,
            count=count,
            validation=held,
            epochs=len(run.history) + epochs,
            batch_size=batch_size(self, count),
            seed=seed,
            time_limit=self.time_limit,
            rules=rules,
            callbacks=tuple(self._training_callbacks(given[0], given[1], metadata, epochs)),
            checkpoint=None if incremental else self._checkpoint(),
        )
        evaluator = ForwardEvaluator(
            run.step, self._row_loss(), self._loss_scale(), self._score_raw, self._classifies
        )
        display = choose_display(True, epochs) if self.verbose and not lines else Silent()
        return train(run, plan, evaluator, display)

    def _checkpoint(self) -> Checkpoint | None:
        given = self.checkpoint
        return given if given is None or isinstance(given, Checkpoint) else Checkpoint(given)

    def _take_over(self, reason: str) -> None:
        """Set the attributes of the fitted estimator."""
        run = self._run
        self.network_ = self._handed_out = run.network()
        self.history_ = run.history
        self.stopped_ = reason
        self.n_iter_ = run.epochs_of_this_call
        self.t_ = run.rows_seen
        self.loss_curve_ = [epoch.loss for epoch in run.history]
        self.loss_ = run.loss()
        held_out = [epoch.validation_loss for epoch in run.history]
        self.validation_loss_curve_ = [loss for loss in held_out if loss is not None]
        self.validation_scores_ = run.scores or None
        self.best_validation_score_ = max(run.scores) if run.scores else None
        self.best_loss_ = None if self._watches_score else min(self.loss_curve_, default=self.loss_)

    def _warn(self, reason: str, incremental: bool) -> None:
        """Tell what a person should know of how training ended."""
        if reason == "diverged":
            warnings.warn(divergence_text(self._run.divergence), DivergenceWarning, stacklevel=5)
        elif reason == "interrupted":
            text = f"training was interrupted after {self.n_iter_} epochs; the estimator is usable"
            warnings.warn(text, InterruptionWarning, stacklevel=5)
        elif reason == "epochs" and not incremental and not isinstance(self.lr_schedule, str):
            warnings.warn(
                f"max_iter={self._arguments.max_iter} iterations are over and the optimization hasn't "
                "converged yet; raise max_iter",
                ConvergenceWarning,
                stacklevel=5,
            )

    @property
    def coefs_(self) -> list[Array]:
        """Weights of the layers, each of shape (inputs, outputs); can be assigned, one or all."""
        weights = [layer.weight for layer in self._dense_layers("coefs_")]
        return LayerArrays(weights, lambda arrays: self._replace_arrays("weight", arrays))

    @coefs_.setter
    def coefs_(self, coefs: list[Array]) -> None:
        self._dense_layers("coefs_")  # which says so where there are none
        self._replace_arrays("weight", coefs)

    @property
    def intercepts_(self) -> list[Array]:
        """Biases of the layers, each of shape (outputs,); can be assigned, one or all."""
        biases = [layer.bias for layer in self._dense_layers("intercepts_")]
        return LayerArrays(biases, lambda arrays: self._replace_arrays("bias", arrays))

    @intercepts_.setter
    def intercepts_(self, intercepts: list[Array]) -> None:
        self._dense_layers("intercepts_")
        self._replace_arrays("bias", intercepts)

    def _dense_layers(self, attribute: str) -> list[nn.Dense]:
        if "network_" not in vars(self):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {attribute!r} before fit")
        layers = dense_layers(self.network_)
        if layers is None:
            raise AttributeError(f"{attribute}: the network is no stack of dense layers; see network_")
        return layers

    def _replace_arrays(self, name: str, arrays: list[Array]) -> None:
        dense = [path for path, module in self.network_.walk() if isinstance(module, nn.Dense)]
        if len(arrays) != len(dense):
            raise ConfigurationError(f"{len(arrays)} arrays for the {name} of {len(dense)} layers")
        values = {f"{path}.{name}": value for path, value in zip(dense, arrays, strict=True)}
        self.network_ = nn.with_parameters(self.network_, values)

    def _raw(self, X: Any) -> Array:
        """Return the outputs of the network before the output activation, shape (rows, outputs)."""
        if "network_" not in vars(self):
            check_is_fitted(self, "network_")  # which says so
        features = features_to_predict(self, X)
        with np.errstate(over="ignore", under="ignore"):
            return raw_outputs(self.network_, features, self.executor)

    def _activated(self, X: Any) -> Array:
        raw = self._raw(X)
        return output_activation(self.out_activation_, raw)

    def __sklearn_is_fitted__(self) -> bool:
        return "network_" in vars(self) and "history_" in vars(self)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        encodes = self.categorical_features is not None or self.preset is not None
        tags.input_tags.sparse = not encodes
        tags.input_tags.allow_nan = tags.input_tags.string = tags.input_tags.categorical = encodes
        return tags
