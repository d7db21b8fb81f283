"""The plain way to train on a table: dense layers on standardised features, stopped early."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, cast

import numpy as np

from wengert import nn, optim, train
from wengert.errors import ConfigurationError
from wengert.tabular.preprocess import TablePreprocessor
from wengert.tabular.training_settings import (
    LOSSES_OF_MEANS,
    PLAIN_ACTIVATION,
    PLAIN_EPOCHS,
    PLAIN_HIDDEN,
    PLAIN_OPTIMIZER,
    TrainingSettings,
)

_PATIENCE = 20
# The loss of a linear model is convex, so it bears learning rates this many times as large, and needs them.
_LINEAR = 10


def plain_recipe(
    preprocessor: TablePreprocessor,
    features: np.ndarray,
    targets: np.ndarray,
    settings: TrainingSettings,
    rows: int | None = None,
) -> train.Recipe:
    """Return the recipe of the plain preset with what the settings change in it.

    Parameters
    ----------
    preprocessor : TablePreprocessor
    features, targets : numpy.ndarray
        The rows to learn from; only their numbers count here.
    settings : TrainingSettings
    rows : int, optional
        How many there are, where these are a part of them.
    """
    rows = len(features) if rows is None else rows
    outputs = max(1, len(preprocessor.target.classes))
    return train.Recipe(
        network=build_network(features.shape[1], outputs, settings),
        loss=loss_of(preprocessor, settings),
        optimizer=_optimizer(settings),
        epochs=PLAIN_EPOCHS if settings.epochs is None else settings.epochs,
        batch_size=settings.batch_size_for(rows),
        penalty=_penalty(settings, rows),
        early_stopping=_PATIENCE,
        callbacks=(_BestAtTheEnd(),),
    )


def loss_of(preprocessor: TablePreprocessor, settings: TrainingSettings) -> str | Callable[..., Any]:
    """Return the loss for a target: a key of `nn.LOSSES`, or such a loss with its options.

    Raises
    ------
    ConfigurationError
        If the settings name a loss of numbers and the target has classes.
    """
    if preprocessor.target.kind != "regression":
        if settings.loss is not None:
            raise ConfigurationError(
                f"loss {settings.loss!r} is one of numbers, and the target {preprocessor.target.name!r} has "
                "classes. Leave loss out."
            )
        return "nllm_from_logits"
    return loss_of_numbers(settings.loss, settings.quantile)


def loss_of_numbers(name: str | None, quantile: float | None) -> str | Callable[..., Any]:
    """Return a loss of predicted numbers by its name, of means themselves and not of their logarithms."""
    if name in LOSSES_OF_MEANS:
        return functools.partial(nn.LOSSES[name], log_input=False)
    if quantile is not None:
        return functools.partial(nn.quantile, quantile=quantile)
    return "half_squared_error" if name in (None, "squared_error") else str(name)


def learns_means(settings: TrainingSettings) -> bool:
    """Whether the loss is one of counts or amounts, of which the network learns the logarithm of the mean."""
    return settings.loss in LOSSES_OF_MEANS


def build_network(inputs: int, outputs: int, settings: TrainingSettings) -> nn.Module:
    """Return a network of dense layers with random weights, in float32."""
    layers: list[nn.Module] = []
    width = inputs
    for units in _hidden(settings):
        layers.append(nn.Dense(width, units, settings.activation or PLAIN_ACTIVATION))
        if settings.dropout:
            layers.append(nn.Dropout(settings.dropout))
        width = units
    layers.append(nn.Dense(width, outputs, "exp" if learns_means(settings) else "identity"))
    return nn.Sequential(*layers).initialise(settings.seed)


class _BestAtTheEnd(train.Callback):
    """Take the weights of the best epoch also where all epochs were run."""

    def on_epoch_end(self, state: train.TrainingState) -> train.Stop | None:
        if len(state.history) >= state.epochs:
            return train.Stop("all epochs", restore_best=True)
        return None


def _hidden(settings: TrainingSettings) -> tuple[int, ...]:
    return PLAIN_HIDDEN if settings.hidden is None else settings.hidden


def _optimizer(settings: TrainingSettings) -> optim.Optimiser | optim.LBFGS:
    name = settings.optimizer or PLAIN_OPTIMIZER
    chosen = optim.OPTIMISERS[name]
    if chosen.rate is None:
        return cast(optim.LBFGS, chosen.make())
    default = chosen.rate if _hidden(settings) else chosen.rate * _LINEAR
    rate = default if settings.learning_rate is None else settings.learning_rate
    decay = {"weight_decay": settings.l2} if chosen.decays and settings.l2 is not None else {}
    return cast(optim.Optimiser, chosen.make(rate, **chosen.options, **decay))


def _penalty(settings: TrainingSettings, rows: int) -> nn.L2 | None:
    if optim.OPTIMISERS[settings.optimizer or PLAIN_OPTIMIZER].decays or settings.l2 == 0:
        return None
    return nn.L2(1 / rows if settings.l2 is None else settings.l2)
