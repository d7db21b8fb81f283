"""`preset="tabular"`: the estimators trained by the recipe of `wengert.train.tabular`."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from wengert import nn
from wengert.errors import ConfigurationError, DataError
from wengert.estimators.fitting.held_out import given_rows
from wengert.estimators.options import check_options
from wengert.estimators.rows import checked_features, checked_weights, same_length
from wengert.tabular.number_columns import mean_and_scale
from wengert.tabular.plain_recipe import loss_of_numbers
from wengert.tabular.task import LARGEST_TARGET
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
_BESIDE = (
    "preset",
    "random_state",
    "verbose",
    "validation_fraction",
    "time_limit",
    "class_weight",
    "executor",
)
# Of the regressor.
_LOSS = ("loss", "quantile")
# Of limits of means, so that their logarithms are finite.
_SMALLEST = 1e-30


def check_preset(estimator: Any) -> None:
    """Refuse what has no place beside a preset.

    Raises
    ------
    ConfigurationError
        Naming the argument.
    """
    for name in given_arguments(estimator):
        if name == "loss" and callable(estimator.loss):
            raise ConfigurationError(
                f"{type(estimator).__name__}: preset='tabular' learns standardised targets, and takes a "
                "loss by its name only; name one, or leave preset out"
            )
        losses = () if estimator._classifies else _LOSS
        if name not in _OPEN and name not in (*_BESIDE, *losses, "categorical_features"):
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
    targets = estimator._encode_target(known, np.float64)
    weights = checked_weights(sample_weight, len(known), np.float32)
    rows = Rows(features, targets, estimator._row_weights(weights, known, np.float32))
    estimator.n_outputs_ = targets.shape[1]
    random_state = check_random_state(estimator.random_state)
    held_rows = given_rows(estimator, held, np.dtype(np.float64))
    counting = rows.counting()
    wanted = _validation_rows(estimator, len(counting))
    if held_rows is None and wanted:
        classes = rows.targets[counting, 0] if estimator._classifies and rows.targets.shape[1] == 1 else None
        rng = np.random.default_rng(random_state.randint(2**31 - 1))
        _, drawn = hold_out(len(counting), wanted, classes, rng)
        held_out = counting[drawn]
        kept = np.setdiff1d(np.arange(len(rows)), held_out)
        rows, held_rows = rows.part(kept), rows.part(held_out)
    means, scales = _units(estimator, rows.targets)
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
        executor=estimator.executor,
        progress=bool(estimator.verbose),
    )
    estimator.network_ = result.net
    if not estimator._classifies:
        raw, link = without_output_activation(result.net, {"exp": "exp"})
        estimator.network_ = in_units(raw, means, scales, link)
    return result


def _units(estimator: Any, targets: Array) -> tuple[Array, Array]:
    """Return what the targets are reduced by and divided by, shape (outputs,) each."""
    if estimator._classifies:
        return np.zeros(targets.shape[1]), np.ones(targets.shape[1])
    if np.abs(targets).max() > LARGEST_TARGET:
        row = int(np.abs(targets).max(axis=1).argmax())
        raise DataError(
            f"y is too large in row {row} ({np.abs(targets[row]).max():g}) for errors to be measured; divide "
            "it by a power of ten"
        )
    if estimator.out_activation_ == "exp":
        amounts = targets.mean(axis=0)
        return np.zeros(len(amounts)), np.where(amounts > 0, amounts, 1.0)
    means, scales = np.array([mean_and_scale(column) for column in targets.T]).T
    return means, scales


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
    if not estimator._classifies:
        options["loss"] = loss_of_numbers(estimator.loss, estimator.quantile)
        options["means"] = estimator.out_activation_ == "exp"
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


def without_output_activation(network: Any, outputs: Mapping[str, str]) -> tuple[Any, str | None]:
    """Return a network that gives raw outputs, and the name of the output activation taken off it, or None.

    Parameters
    ----------
    network : Module
    outputs : mapping of str to str
        For the activations that are taken off, scikit-learn's names of them.
    """
    layers = list(network.layers) if isinstance(network, nn.Sequential) else []
    clip = layers.pop() if layers and isinstance(layers[-1], nn.Clip) else None
    last = layers.pop() if layers else None
    activation = last.function if isinstance(last, nn.Activation) else getattr(last, "activation", None)
    name = outputs.get(str(activation))
    if name is None:
        return network, None
    if isinstance(last, nn.Dense):
        layers.append(last.replace(activation="identity"))
    if isinstance(clip, nn.Clip):  # of means, whose logarithms the raw outputs are
        limits = (float(np.log(max(limit, _SMALLEST))) for limit in (clip.lowest, clip.highest))
        layers.append(nn.Clip(*limits))
    return nn.Sequential(*layers), name


def in_units(
    network: Any, means: Array, scales: Array, link: str | None = None, dtype: Any = np.float64
) -> Any:
    """Return a network of standardised targets as one of the targets themselves.

    The limits of the predictions stay where there is one output, for which they are those of training. With
    the link "exp" the outputs are logarithms of means, and a factor of a mean is added to its logarithm.

    The last layer is of the dtype given: targets such as seconds since 1970 differ in digits that float32 has
    not.
    """
    if link == "exp":
        means, scales = np.log(scales), np.ones(len(scales))
    return _stretched(network, means, scales, dtype)


def _stretched(layer: Any, means: Array, scales: Array, dtype: Any) -> Any:
    """Return a dense layer or trees with outputs times the scales, plus the means; of what ends in one, that.

    After it there may be limits, and exp where the means are 0: members of a `Blend` have their own.
    """
    if isinstance(layer, nn.Sequential):
        *others, last = layer.layers
        if isinstance(last, nn.Clip):
            limits = (float(limit * scales[0] + means[0]) for limit in (last.lowest, last.highest))
            clip = (nn.Clip(*limits),) if len(means) == 1 else ()
            return nn.Sequential(*_stretched(nn.Sequential(*others), means, scales, dtype).layers, *clip)
        if isinstance(last, nn.Activation) and last.function == "exp":
            logarithms = _stretched(nn.Sequential(*others), np.log(scales), np.ones(len(scales)), dtype)
            return nn.Sequential(*logarithms.layers, last)
        return nn.Sequential(*others, _stretched(last, means, scales, dtype))
    if isinstance(layer, nn.Ensemble):
        return layer.replace(network=_stretched(layer.network, means, scales, dtype))
    if isinstance(layer, nn.Blend):
        share = means / sum(layer.weights)
        return layer.replace(layers=tuple(_stretched(one, share, scales, dtype) for one in layer.layers))
    if isinstance(layer, nn.ObliviousTrees):
        values, bias = layer.values * scales, layer.bias * scales + means
        return layer.replace(values=values.astype(dtype), bias=bias.astype(dtype))
    weight, bias = layer.weight * scales, layer.bias * scales + means
    return layer.replace(weight=weight.astype(dtype), bias=bias.astype(dtype))
