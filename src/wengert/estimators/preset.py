"""`preset="tabular"`: the estimators trained by the recipe of `wengert.train.tabular`."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from wengert import nn
from wengert.errors import ConfigurationError
from wengert.estimators.fitting.held_out import given_rows
from wengert.estimators.options import check_options
from wengert.estimators.rows import checked_features, checked_weights, same_length
from wengert.tabular.number_columns import mean_and_scale
from wengert.train import FitResult, Recipe, TabularFeatures, tabular_recipe
from wengert.train.inputs import Rows
from wengert.train.row_split import hold_out

Array = np.ndarray[Any, Any]

# Arguments of the constructor that change something in the preset; where they are "auto", it has its own.
_OPEN = {
    "hidden_layer_sizes": "hidden",
    "activation": "activation",
    "batch_size": "batch_size",
    "learning_rate_init": "learning_rate",
    "max_iter": "epochs",
    "dropout": "dropout",
}
_BESIDE = ("preset", "random_state", "verbose", "validation_fraction", "time_limit", "class_weight")


def check_preset(estimator: Any) -> None:
    """Refuse what has no place beside a preset.

    Raises
    ------
    ConfigurationError
        Naming the argument.
    """
    for name in given_arguments(estimator):
        if name not in _OPEN and name not in (*_BESIDE, "categorical_features"):
            raise ConfigurationError(
                f"{type(estimator).__name__}: preset='tabular' does not take {name}, got "
                f"{name}={getattr(estimator, name)!r}; leave one of them out"
            )
    if not isinstance(estimator.activation, str):
        raise ConfigurationError(
            f"{type(estimator).__name__}: preset='tabular' takes one activation by its name, got "
            f"activation={estimator.activation!r}"
        )


def refuse_incremental(estimator: Any) -> None:
    """Refuse a preset in `partial_fit`: its schedule needs to know how long training takes.

    Raises
    ------
    ConfigurationError
    """
    if estimator.preset is not None:
        raise ConfigurationError(
            f"{type(estimator).__name__}: partial_fit does not know when training ends, and the schedule of "
            f"preset={estimator.preset!r} has to; call fit, or leave preset out"
        )


def given_arguments(estimator: Any) -> dict[str, Any]:
    """Return the arguments of the constructor that were given, also those equal to scikit-learn's defaults.

    Where the default is neither "auto" nor None (`shuffle`, `warm_start`, `loss`), it holds for the preset as
    well, so giving it changes nothing.
    """
    parameters = inspect.signature(type(estimator).__init__).parameters
    given = estimator.get_params(deep=False)
    return {name: value for name, value in given.items() if not _same(value, parameters[name].default)}


def _same(value: Any, default: Any) -> bool:
    return type(value) is type(default) and bool(value == default)


def fit_by_preset(
    estimator: Any, X: Any, y: Any, sample_weight: Any, held: tuple[Any, Any, Any]
) -> FitResult:
    """Train an estimator by its preset, and set `network_` and `n_outputs_`.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
    X, y, sample_weight, held
        As for `fit`; `held` are the validation rows. Without them, and without `validation_fraction`, each
        member of the ensemble is blind to some of the rows.

    Returns
    -------
    FitResult
    """
    check_options(estimator)
    check_preset(estimator)
    features = checked_features(estimator, X, reset=True)
    known = estimator._check_target(y)
    same_length(features, known)
    estimator._learn_target(known, None, reset=True)
    targets = estimator._encode_target(known, np.float32)
    weights = checked_weights(sample_weight, len(known), np.float32)
    rows = Rows(features, targets, estimator._row_weights(weights, known, np.float32))
    estimator.n_outputs_ = targets.shape[1]
    random_state = check_random_state(estimator.random_state)
    held_rows = given_rows(estimator, held, np.dtype(np.float32))
    counting = rows.counting()
    wanted = _validation_rows(estimator, len(counting))
    if held_rows is None and wanted:
        classes = rows.targets[counting, 0] if estimator._classifies and rows.targets.shape[1] == 1 else None
        rng = np.random.default_rng(random_state.randint(2**31 - 1))
        _, drawn = hold_out(len(counting), wanted, classes, rng)
        held_out = counting[drawn]
        kept = np.setdiff1d(np.arange(len(rows)), held_out)
        rows, held_rows = rows.part(kept), rows.part(held_out)
    means, scales = np.zeros(targets.shape[1]), np.ones(targets.shape[1])
    if not estimator._classifies:
        statistics = [mean_and_scale(column.astype(np.float64)) for column in rows.targets.T]
        means, scales = np.array(statistics).T
    seed = int(random_state.randint(2**31 - 1))
    standardised = _standardised(rows, means, scales)
    recipe = _recipe(estimator, standardised, seed)
    deciding = None if held_rows is None else _standardised(held_rows, means, scales)
    result = recipe.fit(
        standardised.features,
        standardised.targets,
        sample_weight=standardised.weights,
        validation_data=None if deciding is None else (deciding.features, deciding.targets, deciding.weights),
        callbacks=tuple(estimator._training_callbacks(X, y, {}, recipe.epochs)),
        seed=seed,
        time_limit=estimator.time_limit,
        progress=bool(estimator.verbose),
    )
    estimator.network_ = result.net if estimator._classifies else in_units(result.net, means, scales)
    return result


def _validation_rows(estimator: Any, rows: int) -> int:
    if "validation_fraction" in given_arguments(estimator):
        fraction: float = estimator.validation_fraction
        return round(rows * fraction)
    return 0


def _recipe(estimator: Any, rows: Rows, seed: int) -> Recipe:
    given = given_arguments(estimator)
    options = {own: given[name] for name, own in _OPEN.items() if name in given}
    if "hidden" in options:
        options["hidden"] = tuple(int(units) for units in np.atleast_1d(options["hidden"]))
    categories = estimator.preprocessor_.categories
    return tabular_recipe(
        TabularFeatures(rows.features.shape[1] - len(categories), categories),
        rows.targets.shape[1],
        len(rows),
        limits=None if estimator._classifies else (float(rows.targets.min()), float(rows.targets.max())),
        independent=estimator._classifies and estimator.out_activation_ == "logistic",
        seed=seed,
        **options,
    )


def _standardised(rows: Rows, means: Array, scales: Array) -> Rows:
    return Rows(rows.features, ((rows.targets - means) / scales).astype(np.float32), rows.weights)


def in_units(network: Any, means: Array, scales: Array) -> Any:
    """Return a network of standardised targets as one of the targets themselves.

    The limits of the predictions stay where there is one output, for which they are those of training.
    """
    layers = list(network.layers)
    clip = layers.pop() if isinstance(layers[-1], nn.Clip) else None
    last = _stretched(layers.pop(), means, scales)
    if clip is None or len(means) > 1:
        return nn.Sequential(*layers, last)
    lowest, highest = (float(limit * scales[0] + means[0]) for limit in (clip.lowest, clip.highest))
    return nn.Sequential(*layers, last, nn.Clip(lowest, highest))


def _stretched(layer: Any, means: Array, scales: Array) -> Any:
    """Return a dense layer with its outputs times the scales, plus the means; of what ends in one, that."""
    if isinstance(layer, nn.Sequential):
        *others, last = layer.layers
        return nn.Sequential(*others, _stretched(last, means, scales))
    if isinstance(layer, nn.Ensemble):
        return layer.replace(network=_stretched(layer.network, means, scales))
    if isinstance(layer, nn.Blend):  # the weights sum to 1
        return layer.replace(layers=tuple(_stretched(one, means, scales) for one in layer.layers))
    weight, bias = layer.weight * scales, layer.bias * scales + means
    return layer.replace(weight=weight.astype(np.float32), bias=bias.astype(np.float32))
