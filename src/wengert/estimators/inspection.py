"""Looking into a fitted estimator: values, gradients, derivations, drawings, and what is wrong with it."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Bunch, check_random_state
from sklearn.utils.validation import check_is_fitted

from wengert import nn
from wengert.autodiff.gradients import grad
from wengert.checks import unknown_name
from wengert.errors import ConfigurationError
from wengert.estimators.fitting.forward import (
    before_last_layer,
    dense_layers,
    layer_outputs,
    output_activation,
    raw_outputs,
)
from wengert.estimators.fitting.losses import mean_of
from wengert.estimators.fitting.objective import BatchMean
from wengert.estimators.fitting.plan import (
    at_rate,
    batch_size,
    curve_scale,
    initial_rate,
    rule_of,
    training_step,
)
from wengert.estimators.options import check_options
from wengert.estimators.rows import as_dense, checked_weights, features_to_predict, same_length
from wengert.explain.derivation import Derivation
from wengert.explain.drawing.drawing import Drawing
from wengert.explain.drawing.entry import draw
from wengert.explain.entry import explain
from wengert.primitives import random
from wengert.tabular.scoring.permutation import permutation_importance
from wengert.train.chance import Chance, chance_of_classes, chance_of_numbers
from wengert.train.doctor import Diagnosis, Losses, diagnose
from wengert.train.inputs import Rows
from wengert.train.learning_rate_finder import LearningRateCurve, range_test

Array = np.ndarray[Any, Any]

_WRT = ("parameters", "coefs", "intercepts", "X")


class Inspection(ClassNamePrefixFeaturesOutMixin, TransformerMixin):
    """What gives an estimator its methods for looking into it."""

    @property
    def _n_features_out(self: Any) -> int:
        """Number of columns of `transform`, from which scikit-learn makes their names."""
        dense = dense_layers(self.network_)
        return int(dense[-1].inputs) if dense else self.transform(np.zeros((1, self.n_features_in_))).shape[1]

    def activations(self: Any, X: Any) -> list[Array]:
        """Return the output of each layer, the last one after the output activation.

        Parameters
        ----------
        X : {array-like, sparse matrix, data frame}, shape (n_samples, n_features)

        Returns
        -------
        list of ndarray, shape (n_samples, units) each
        """
        check_is_fitted(self)
        outputs = layer_outputs(self.network_, features_to_predict(self, X))
        outputs[-1] = output_activation(self.out_activation_, outputs[-1].copy())
        return outputs

    def transform(self: Any, X: Any) -> Array:
        """Return the output of the last hidden layer: what the network has made of the features.

        Without a hidden layer, the features themselves.
        """
        check_is_fitted(self)
        return before_last_layer(self.network_, features_to_predict(self, X))

    def gradients(self: Any, X: Any, y: Any, sample_weight: Any = None, *, wrt: str = "parameters") -> Any:
        """Return the gradient of the loss that `fit` minimises, at all rows together.

        Parameters
        ----------
        X, y, sample_weight
            As for `fit`.
        wrt : {"parameters", "coefs", "intercepts", "X"}
            By what to differentiate.

        Returns
        -------
        dict of str to ndarray, list of ndarray, or ndarray
            By path; one for each layer; or of shape (n_samples, n_features) for ``"X"`` (the features that
            the network takes, where columns were encoded).
        """
        if wrt not in _WRT:
            raise unknown_name("gradients", "wrt", wrt, _WRT)
        features, targets, weights = self._rows_like_those_of_fit(X, y, sample_weight)
        objective = BatchMean(self._row_loss(), float(self._arguments.alpha))

        def loss(values: Any, X: Any) -> Any:
            model = nn.with_parameters(self.network_, values)
            return objective.of_batch(model, model(X), targets, weights)[0]

        parameters = nn.parameters(self.network_)
        if wrt == "X":
            return np.asarray(grad(loss, argnums=1)(parameters, features))
        by_path = {path: np.asarray(value) for path, value in grad(loss)(parameters, features).items()}
        if wrt == "parameters":
            return by_path
        name = "weight" if wrt == "coefs" else "bias"
        return [value for path, value in by_path.items() if path.endswith(name)]

    def permutation_importance(
        self: Any, X: Any, y: Any, sample_weight: Any = None, *, n_repeats: int = 5, random_state: Any = None
    ) -> Bunch:
        """Return how much the loss that `fit` minimises grows when a column's values are dealt out anew.

        Parameters
        ----------
        X, y, sample_weight
            As for `fit`; best of rows that it has not seen.
        n_repeats : int
            Permutations of each column.
        random_state : int, RandomState or None

        Returns
        -------
        Bunch
            As `sklearn.inspection.permutation_importance`: ``importances``, shape (columns, n_repeats),
            their ``importances_mean`` and ``importances_std``; and ``intervals``, shape (columns, 2), 95 %
            intervals of the mean, see `wengert.tabular.scoring.permutation`. A column that is left out has 0.
        """
        if not isinstance(n_repeats, int) or n_repeats < 1:
            raise ConfigurationError(f"n_repeats is a whole number, 1 or more, got {n_repeats!r}")
        features, targets, weights = self._rows_like_those_of_fit(X, y, sample_weight)
        loss = self._row_loss()
        factor = np.ones(len(features)) if weights is None else weights / weights.mean()

        def losses(features: Array) -> Array:
            of_rows = np.asarray(loss(raw_outputs(self.network_, features), targets))
            if of_rows.shape == ():
                raise ConfigurationError(
                    "permutation_importance takes a loss of one number a row, and this returns a mean"
                )
            return of_rows * factor

        seed = int(check_random_state(random_state).randint(2**31 - 1))
        groups = _features_of_columns(self)
        growth, intervals = permutation_importance(
            losses, features, groups, n_repeats, np.random.default_rng(seed)
        )
        return Bunch(
            importances_mean=growth.mean(axis=1),
            importances_std=growth.std(axis=1),
            importances=growth,
            intervals=intervals,
        )

    def summary(self: Any) -> str:
        """Return a table of the layers: output shapes and numbers of parameters."""
        check_is_fitted(self)
        network: nn.Module = self.network_
        return network.summary()

    def explain(self: Any, X: Any, y: Any, **options: Any) -> Derivation:
        """Derive the gradient of the loss at some rows, line by line; options as for `wengert.explain`."""
        args, loss = self._at_rows(X, y)
        return explain(self.network_, *args, loss=loss, **options)

    def draw(self: Any, X: Any, y: Any, **options: Any) -> Drawing:
        """Draw the network with its loss at some rows as a graph; options as for `wengert.draw`."""
        args, loss = self._at_rows(X, y)
        return draw(self.network_, *args, loss=loss, **options)

    def lr_find(
        self: Any,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        low: float = 1e-6,
        high: float = 10.0,
        steps: int = 100,
    ) -> LearningRateCurve:
        """Find the `learning_rate_init` to begin with, from steps whose rates grow from `low` to `high`.

        The estimator is not changed. `LearningRateCurve.suggestion` is the rate, ``plot()`` shows the curve.
        """
        if self._arguments.solver == "lbfgs":
            raise ConfigurationError("lr_find: solver='lbfgs' has no learning rate; choose another solver")
        other = _fresh(self, X, y, sample_weight)
        steps_of = _Steps(other, other.network_, *other._rows_like_those_of_fit(X, y, sample_weight))
        return range_test(steps_of, low, high, steps)

    def doctor(self: Any, X: Any, y: Any, sample_weight: Any = None) -> Diagnosis:
        """Examine the network at rows: dead units, saturation, gradients and updates by layer, divergence.

        A fitted estimator is also compared with guessing, by the frequencies of the classes or the mean, and
        the loss on these rows and on those of validation with that of training: give rows that it has not
        seen. One that is not fitted is examined as it would begin. Print the result.
        """
        check_options(self)
        known = hasattr(self, "network_")
        fitted = self if known else _fresh(self, X, y, sample_weight)
        features, targets, weights = fitted._rows_like_those_of_fit(X, y, sample_weight)
        values = {
            path: value.astype(features.dtype) for path, value in nn.parameters(fitted.network_).items()
        }
        network = nn.with_parameters(fitted.network_, values)
        lbfgs = fitted._arguments.solver == "lbfgs"
        one = None if lbfgs else _Steps(fitted, network, features, targets, weights)
        divergence = fitted._run.divergence if hasattr(fitted, "_run") and fitted._run is not None else None
        return diagnose(
            network,
            features,
            targets,
            mean_of(fitted._row_loss()),
            step=None if one is None else one.after_one,
            rate=None if one is None else float(fitted._arguments.learning_rate_init),
            diverged=None if divergence is None else str(divergence),
            chance=_chance(fitted, targets) if known else None,
            losses=_losses(fitted) if known else None,
        )

    def _rows_like_those_of_fit(
        self: Any, X: Any, y: Any, sample_weight: Any
    ) -> tuple[Array, Array, Array | None]:
        """Return features, targets and weights as the network and its loss take them."""
        if "network_" not in vars(self):
            check_is_fitted(self)
        dtype = np.result_type(*(value.dtype for value in nn.parameters(self.network_).values()))
        features = as_dense(features_to_predict(self, X)).astype(dtype, copy=False)
        known = self._check_target(y)
        same_length(features, known)
        weights = self._row_weights(checked_weights(sample_weight, len(known), dtype), known, dtype)
        return features, self._encode_target(known, dtype), weights

    def _at_rows(self: Any, X: Any, y: Any) -> tuple[tuple[Array, Array], Any]:
        check_is_fitted(self)
        features, targets, _ = self._rows_like_those_of_fit(X, y, None)
        features, targets = features.astype(np.float64), targets.astype(np.float64)
        if len(features) == 1:  # one sample is explained with vectors, as on paper
            features, targets = features[0], targets[0]
        return (features, targets), mean_of(self._row_loss())


def _features_of_columns(estimator: Any) -> list[Any]:
    """Return the places of the features of each column of X."""
    columns = range(estimator.n_features_in_)
    preprocessor = getattr(estimator, "preprocessor_", None)
    if preprocessor is None:
        return [[place] for place in columns]
    names = getattr(estimator, "feature_names_in_", [f"x{place}" for place in columns])
    known = (column.name for column in preprocessor.columns)
    places = dict(zip(known, preprocessor.features_of_columns, strict=True))
    return [places.get(str(name), ()) for name in names]


def _chance(estimator: Any, targets: Array) -> Chance | None:
    """Return the raw outputs that the network is compared with."""
    if estimator._classifies:
        return chance_of_classes(targets, targets.shape[1] if estimator.out_activation_ == "softmax" else 1)
    quantile = estimator.quantile if estimator.loss == "quantile" else None
    return chance_of_numbers(targets, quantile=quantile, logarithmic=estimator.out_activation_ == "exp")


def _losses(estimator: Any) -> Losses | None:
    """Return what training said of its loss; None where rows were weighted, or weights were put in since."""
    curve, held_out = list(estimator.loss_curve_), list(estimator.validation_loss_curve_)
    weighted = getattr(estimator, "class_weight", None) is not None
    if not curve or weighted or estimator.preset or estimator.network_ is not estimator._handed_out:
        return None
    scores = estimator.validation_scores_
    best = int(np.argmax(scores)) if estimator._watches_score and scores else -1
    held = held_out[best] / estimator._loss_scale() if held_out else None
    return Losses(curve[best] / curve_scale(estimator), held)


def _fresh(estimator: Any, X: Any, y: Any, sample_weight: Any) -> Any:
    """Return a copy of the estimator with the weights that `fit` would begin with."""
    other = copy.copy(estimator)
    for name in ("network_", "_run"):
        vars(other).pop(name, None)
    check_options(other)
    other._begin(X, y, sample_weight, None)
    return other


class _Steps:
    """Steps of training of an estimator's network, from where it is, at rates given."""

    def __init__(
        self, estimator: Any, network: Any, features: Array, targets: Array, weights: Array | None
    ) -> None:
        self._rows = Rows(features, targets, weights)
        self._size = batch_size(estimator, len(targets))
        self._rate = initial_rate(estimator)
        self._rule = rule_of(estimator, len(targets))
        constant = replace(self._rule.optimizer, learning_rate=self._rate)
        self._rule = replace(self._rule, optimizer=constant)
        self._step = training_step(self._rule, network)
        self._carry = self._step.carry(network, self._rule)
        self._order = check_random_state(0).permutation(len(targets))
        self._taken = 0

    def __call__(self, rate: float) -> float:
        """Take one step and return the loss of its batch before it."""
        batches = len(self._order) // self._size
        first = self._taken % batches * self._size
        batch = self._rows.take(self._order[first : first + self._size])
        carry = self._step.with_settings(self._carry, at_rate(self._rule, rate))
        with np.errstate(all="ignore"):
            run = self._step.executable(batch)
            weights = [] if batch.weights is None else [batch.weights]
            outputs = run(
                [*carry, batch.features, batch.targets, *weights, random.key(0), np.array(self._taken)]
            )
        self._carry, self._taken = tuple(outputs[:-1]), self._taken + 1
        return float(outputs[-1])

    def after_one(self, net: Any) -> Any:
        """Return a network after one step at the estimator's rate."""
        self._carry = self._step.carry(net, self._rule)
        self(self._rate)
        return self._step.net(self._carry)
