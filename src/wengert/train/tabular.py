"""Strong defaults for tables, after RealMLP: network, loss, optimiser and schedule that suit each other.

D. Holzmüller, L. Grinsztajn & I. Steinwart, "Better by default: strong pre-tuned MLPs and boosted trees on
tabular data", NeurIPS 2024. What is taken from there, and what is not, stands in docs/tables.md: above all,
the network is an ensemble of small ones, and the result is what the end of one of the schedule's cycles left.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, replace
from typing import Any

from wengert import nn, optim
from wengert.train.recipe import Recipe
from wengert.train.steps.objective import Loss

# "Simplified" defaults (TD-S) of the paper, its appendix A.
_RATE = {True: 0.04, False: 0.07}  # of classification and of regression
_ACTIVATION = {True: "selu", False: "mish"}
_SCALE_FACTOR, _BIAS_FACTOR = 6.0, 0.1
_BETAS = (0.9, 0.95)
_LABEL_SMOOTHING = 0.1
_BATCH_SIZE = 256
_EPOCHS = 256
_CYCLES = 4
# Where the end of a cycle is no better than that of one before, hardly ever is one that follows.
_PATIENCE = 1
# Ours: the paper has one network with hidden layers of 256.
_MEMBERS = 8
_HIDDEN = (128, 128, 128)
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
    loss: str | Loss | None = None,
    means: bool = False,
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
    loss : str or callable, optional
        Of a regression, as for `fit`; half the squared error by default.
    means : bool
        Whether the targets of a regression are 0 or more, and what the last layer gives is the logarithm of
        their mean.
    independent : bool
        Whether each output is a yes or no of its own, with targets 0 and 1: one logit for two classes, or one
        for each label. Otherwise one class excludes the others.
    hidden : tuple of int
        Units of the hidden layers of each member.
    activation : str, optional
        Of the hidden layers; SELU for classes and Mish for regression.
    dropout : float
    epochs : int, optional
        256, or those of 50,000 steps on tables where 256 are more.
    batch_size : int, optional
        The most rows in a step; 256 by default. All steps take the same number, a multiple of the members,
        who share them; the rows that are left over, others in each epoch, are left out.
    learning_rate : float, optional
        The highest of the schedule; 0.04 for classes and 0.07 for regression.
    seed : int
        Of the first weights.
    """
    given = dict(locals())

    def of_epochs(count: float) -> Recipe:
        shorter = tabular_recipe(**{**given, "epochs": max(1, int(count))})
        steps = max(1, round(count * steps_per_epoch))
        return shorter if count >= 1 else replace(shorter, optimizer=_optimizer(rate, steps))

    classifies = limits is None
    # A number of epochs that is given is gone through.
    patience = _PATIENCE if epochs is None else None
    batch_size, steps_per_epoch = _batches(rows, _BATCH_SIZE if batch_size is None else batch_size)
    if epochs is None:
        epochs = max(1, min(_EPOCHS, _MOST_STEPS // steps_per_epoch))
    activation = _ACTIVATION[classifies] if activation is None else activation
    layers = _layers(features, (*hidden, outputs), activation, dropout)
    if means:
        layers.append(nn.Activation("exp"))
    if limits is not None:
        layers.append(nn.Clip(*limits))
    network = nn.Sequential(*layers).initialise(seed)
    rate = _RATE[classifies] if learning_rate is None else learning_rate
    cross_entropy = nn.nll_from_logits if independent else nn.nllm_from_logits
    trained = _smoothed(cross_entropy) if classifies else loss or nn.half_squared_error
    # A linear model is blended by squared error, and by no other loss of numbers.
    squared = trained in (nn.half_squared_error, "half_squared_error")
    calibration = "labels" if independent else "classes"
    ends = (round(epochs * part) for part in optim.CosineCycles(rate, 1, _CYCLES).ends)
    return Recipe(
        network=network,
        loss=trained,
        optimizer=_optimizer(rate, epochs * steps_per_epoch),
        epochs=epochs,
        batch_size=batch_size,
        drop_last=True,
        snapshots=tuple(sorted({max(1, end) for end in ends})),
        patience=patience,
        calibration=calibration if classifies and outputs + independent > 1 else None,
        members=_MEMBERS,
        of_epochs=of_epochs,
        numbers=features.plain if classifies or squared else 0,
    )


@functools.cache  # one function for all fits: what was traced of it serves again
def _smoothed(cross_entropy: Loss) -> Loss:
    return functools.partial(cross_entropy, label_smoothing=_LABEL_SMOOTHING)


def _batches(rows: int, batch_size: int) -> tuple[int, int]:
    """Return the rows in a step, which the members share evenly, and the steps of an epoch.

    The same number in each step: a short one would be a second program to compile.
    """
    even = rows // math.ceil(rows / batch_size) // _MEMBERS * _MEMBERS
    batch_size = even or min(_MEMBERS, rows)
    return batch_size, rows // batch_size


def _layers(features: TabularFeatures, widths: tuple[int, ...], activation: str, dropout: float) -> list[Any]:
    """Return what the members share, embeddings and a factor for each feature, and the ensemble of them."""
    shared: list[Any] = []
    width = features.plain
    if features.categories:
        embeddings = nn.CategoryEmbeddings(features.categories)
        width += len(features.categories) * embeddings.outputs
        if features.plain:
            blocks = (features.plain, len(features.categories))
            shared.append(nn.ColumnBlocks(blocks, (nn.Sequential(), embeddings)))
        else:
            shared.append(embeddings)
    shared.append(nn.Scale(width))
    members: list[Any] = []
    *hidden, outputs = widths
    for units in hidden:
        members.append(nn.NTKDense(width, units, activation, members=_MEMBERS))
        if dropout:
            members.append(nn.Dropout(dropout))
        width = units
    members.append(nn.NTKDense(width, outputs, initialiser="zeros", members=_MEMBERS))
    return [*shared, nn.Ensemble(_MEMBERS, nn.Sequential(*members))]


def _optimizer(rate: float, steps: int) -> optim.ParameterGroups:
    def adam(factor: float) -> optim.Adam:
        return optim.Adam(optim.CosineCycles(factor * rate, steps, _CYCLES), betas=_BETAS)

    groups = (("*.scale", adam(_SCALE_FACTOR)), ("*.bias", adam(_BIAS_FACTOR)))
    return optim.ParameterGroups(groups, otherwise=adam(1.0))
