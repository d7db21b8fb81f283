"""From a table and settings to a trained network: the steps between reading and saving."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence

import numpy as np
import polars as pl

from wengert import nn, optim, train
from wengert.io.preprocess import TablePreprocessor
from wengert.io.row_split import hold_out
from wengert.io.training_settings import OPTIMIZERS, TrainingSettings

# Of the training rows, to tell when training no longer helps …
_VALIDATION_FRACTION = 0.1
# … unless that would be so few that their loss says little.
_FEWEST_VALIDATION_ROWS = 10
_PATIENCE = 20


@dataclasses.dataclass(frozen=True)
class TrainedNetwork:
    """What came of training.

    Attributes
    ----------
    network : nn.Module
        With the weights of the best epoch.
    history : train.History
    stopped : str
        Why training ended, for people.
    interrupted : bool
        Whether it was Ctrl-C.
    training_rows, validation_rows : int
        How many rows were learnt from and how many decided which epoch was best.
    """

    network: nn.Module
    history: train.History
    stopped: str
    interrupted: bool
    training_rows: int
    validation_rows: int

    @property
    def best_epoch(self) -> int:
        """The number of the epoch whose weights the network has."""
        best = train.best_epoch(self.history)
        return 0 if best is None else best.epoch


def build_network(inputs: int, outputs: int, settings: TrainingSettings, seed: int) -> nn.Module:
    """Return a network of dense layers with random weights, in float32."""
    layers: list[nn.Module] = []
    width = inputs
    for units in settings.hidden:
        layers.append(nn.Dense(width, units, settings.activation))
        if settings.dropout:
            layers.append(nn.Dropout(settings.dropout))
        width = units
    layers.append(nn.Dense(width, outputs))
    return nn.Sequential(*layers).initialise(seed)


def train_network(
    frame: pl.DataFrame,
    preprocessor: TablePreprocessor,
    settings: TrainingSettings,
    callbacks: Sequence[train.Callback] = (),
) -> TrainedNetwork:
    """Train a network on the rows of a table.

    A tenth of the rows tells when to stop and which epoch was best, where the table has rows enough for that.

    Parameters
    ----------
    frame : polars.DataFrame
        The rows to learn from.
    preprocessor : TablePreprocessor
        Fitted on them.
    settings : TrainingSettings
    callbacks : sequence of train.Callback
        Told of every epoch.

    Raises
    ------
    DataError
        If a value cannot be used; names column and row.
    NonFiniteError
        If the loss becomes NaN or infinite.
    """
    features = preprocessor.transform(frame)
    targets = preprocessor.transform_target(frame)
    classes = None if preprocessor.target.kind == "regression" else targets
    kept, held = np.arange(len(features)), np.arange(0)
    if len(features) * _VALIDATION_FRACTION >= _FEWEST_VALIDATION_ROWS:
        rng = np.random.default_rng([settings.seed, 1])
        kept, held = hold_out(len(features), _VALIDATION_FRACTION, classes, rng)
    if classes is None:
        targets = targets[:, np.newaxis]
    network = build_network(
        features.shape[1], max(1, len(preprocessor.target.classes)), settings, settings.seed
    )
    result = train.fit(
        network,
        features[kept],
        targets[kept],
        loss="half_squared_error" if classes is None else "nllm_from_logits",
        optimizer=_optimizer(settings),
        epochs=settings.epochs,
        batch_size=settings.batch_size_for(len(kept)),
        validation_data=(features[held], targets[held]) if held.size else None,
        penalty=nn.L2(settings.l2) if settings.l2 else None,
        callbacks=[*callbacks, train.EarlyStopping(_PATIENCE), _Limits(settings.time_limit)],
        seed=settings.seed,
    )
    return TrainedNetwork(
        result.net, result.history, result.stopped, result.stopped == "interrupted", len(kept), len(held)
    )


class _Limits(train.Callback):
    """End at the limit of time or of epochs, with the weights of the best epoch."""

    def __init__(self, seconds: float | None) -> None:
        self.seconds = seconds
        self.started = time.monotonic()

    def on_epoch_end(self, state: train.TrainingState) -> train.Stop | None:
        if self.seconds is not None and time.monotonic() - self.started >= self.seconds:
            return train.Stop("time limit", restore_best=True)
        if len(state.history) >= state.epochs:
            return train.Stop("all epochs done", restore_best=True)
        return None


def _optimizer(settings: TrainingSettings) -> object:
    if settings.optimizer == "lbfgs":
        return optim.LBFGS()
    kind = {"adam": optim.Adam, "adamw": optim.AdamW, "sgd": optim.SGD, "rmsprop": optim.RMSProp}
    rate = settings.learning_rate or OPTIMIZERS[settings.optimizer]
    if settings.optimizer == "sgd":
        return optim.SGD(rate, momentum=0.9)
    return kind[settings.optimizer](rate)
