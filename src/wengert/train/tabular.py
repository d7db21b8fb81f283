"""Strong defaults for tables, after RealMLP: network, loss, optimiser and schedule that suit each other.

D. Holzmüller, L. Grinsztajn & I. Steinwart, "Better by default: strong pre-tuned MLPs and boosted trees on
tabular data", NeurIPS 2024. What is taken from there, and what is not, stands in docs/tables.md.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Any

from wengert import nn, optim
from wengert.train.recipe import Recipe

# "Simplified" defaults (TD-S) of the paper, its appendix A.
_RATE = {True: 0.04, False: 0.07}  # of classification and of regression
_ACTIVATION = {True: "selu", False: "mish"}
_SCALE_FACTOR, _BIAS_FACTOR = 6.0, 0.1
_BETAS = (0.9, 0.95)
_LABEL_SMOOTHING = 0.1
_HIDDEN = (256, 256, 256)
_BATCH_SIZE = 256
_EPOCHS = 256
# Large tables need fewer passes: no more steps than the epochs above take on 50,000 rows.
_MOST_STEPS = 50_000


@dataclass(frozen=True)
class TabularFeatures:
    """What the columns of features are.

    Attributes
    ----------
    plain : int
        Columns of numbers and indicators, which come first.
    categories : tuple of int
        For each of the other columns, how many categories it has; its values are their numbers, 0 for what is
        unknown.
    """

    plain: int
    categories: tuple[int, ...] = ()


def tabular_recipe(
    features: TabularFeatures,
    outputs: int,
    rows: int,
    *,
    limits: tuple[float, float] | None = None,
    independent: bool = False,
    hidden: tuple[int, ...] = _HIDDEN,
    activation: str | None = None,
    dropout: float = 0.0,
    epochs: int | None = None,
    batch_size: int | None = None,
    learning_rate: float | None = None,
    seed: int = 0,
) -> Recipe:
    """Return how to train on a table by the tabular preset.

    Parameters
    ----------
    features : TabularFeatures
        Numbers are scaled robustly and clipped smoothly, as `wengert.io.TablePreprocessor` does.
    outputs : int
        Classes, or columns of a regression target, which is standardised.
    rows : int
        To train on.
    limits : pair of float, optional
        Smallest and largest target of a regression, to which predictions are clipped. None for classes.
    independent : bool
        Whether each output is a yes or no of its own, with targets 0 and 1: one logit for two classes, or one
        for each label. Otherwise one class excludes the others.
    hidden : tuple of int
        Units of the hidden layers.
    activation : str, optional
        Of the hidden layers; SELU for classes and Mish for regression.
    dropout : float
    epochs : int, optional
        256, or as many as 50,000 steps make on tables that are larger than that.
    batch_size : int, optional
        256, or all rows where there are fewer.
    learning_rate : float, optional
        The highest of the schedule; 0.04 for classes and 0.07 for regression.
    seed : int
        Of the first weights.
    """
    classifies = limits is None
    batch = min(_BATCH_SIZE if batch_size is None else batch_size, rows)
    steps_per_epoch = math.ceil(rows / batch)
    if epochs is None:
        epochs = max(1, min(_EPOCHS, _MOST_STEPS // steps_per_epoch))
    layers = _layers(features, hidden, _ACTIVATION[classifies] if activation is None else activation, dropout)
    width = hidden[-1] if hidden else layers[-1].features
    layers.append(nn.NTKDense(width, outputs, initialiser="zeros"))
    if limits is not None:
        layers.append(nn.Clip(*limits))
    network = nn.Sequential(*layers).initialise(seed)
    rate = _RATE[classifies] if learning_rate is None else learning_rate
    cross_entropy = nn.nll_from_logits if independent else nn.nllm_from_logits
    smoothed = functools.partial(cross_entropy, label_smoothing=_LABEL_SMOOTHING)
    return Recipe(
        network=network,
        loss=smoothed if classifies else nn.half_squared_error,
        optimizer=_optimizer(rate, epochs * steps_per_epoch),
        epochs=epochs,
        batch_size=batch,
        by_error=True,
    )


def _layers(features: TabularFeatures, hidden: tuple[int, ...], activation: str, dropout: float) -> list[Any]:
    layers: list[Any] = []
    width = features.plain
    if features.categories:
        embeddings = nn.CategoryEmbeddings(features.categories)
        width += len(features.categories) * embeddings.outputs
        if features.plain:
            widths = (features.plain, len(features.categories))
            layers.append(nn.ColumnBlocks(widths, (nn.Sequential(), embeddings)))
        else:
            layers.append(embeddings)
    layers.append(nn.Scale(width))
    for units in hidden:
        layers.append(nn.NTKDense(width, units, activation))
        if dropout:
            layers.append(nn.Dropout(dropout))
        width = units
    return layers


def _optimizer(rate: float, steps: int) -> optim.ParameterGroups:
    def adam(factor: float) -> optim.Adam:
        return optim.Adam(optim.CosineCycles(factor * rate, steps), betas=_BETAS)

    groups = (("*.scale", adam(_SCALE_FACTOR)), ("*.bias", adam(_BIAS_FACTOR)))
    return optim.ParameterGroups(groups, otherwise=adam(1.0))
