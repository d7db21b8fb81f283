"""From a table and settings to a trained network: the steps between reading and saving."""

from __future__ import annotations

import dataclasses
import warnings

import numpy as np
import polars as pl

from wengert import nn, optim, train
from wengert.errors import DivergenceWarning, InterruptionWarning, NonFiniteError
from wengert.io.preprocess import TablePreprocessor
from wengert.io.row_split import hold_out
from wengert.io.training_settings import OPTIMIZERS, TrainingSettings

# Of the training rows, to tell when training no longer helps …
_VALIDATION_FRACTION = 0.1
# … unless that would be so few that their loss says little.
_FEWEST_VALIDATION_ROWS = 10
_PATIENCE = 20
# The loss of a linear model is convex, so it bears learning rates this many times as large, and needs them.
_LINEAR = 10


@dataclasses.dataclass(frozen=True)
class TrainedNetwork:
    """What came of training.

    Attributes
    ----------
    network : nn.Module
        With the weights of the best epoch.
    history : train.History
    best_epoch : int or None
        The one whose weights the network has; None if no epoch was completed.
    stopped : str
        Why training ended, for people.
    warning : str
        What went wrong on the way; empty if nothing.
    training_rows, validation_rows : int
        How many rows were learnt from and how many decided which epoch was best.
    """

    network: nn.Module
    history: train.History
    best_epoch: int | None
    stopped: str
    warning: str
    training_rows: int
    validation_rows: int

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended it."""
        return self.stopped == "interrupted"


def build_network(inputs: int, outputs: int, settings: TrainingSettings) -> nn.Module:
    """Return a network of dense layers with random weights, in float32."""
    layers: list[nn.Module] = []
    width = inputs
    for units in settings.hidden:
        layers.append(nn.Dense(width, units, settings.activation))
        if settings.dropout:
            layers.append(nn.Dropout(settings.dropout))
        width = units
    layers.append(nn.Dense(width, outputs))
    return nn.Sequential(*layers).initialise(settings.seed)


def loss_of(preprocessor: TablePreprocessor) -> str:
    """Return the name of the loss that a network for this target is trained with."""
    return "half_squared_error" if preprocessor.target.kind == "regression" else "nllm_from_logits"


def train_network(
    frame: pl.DataFrame,
    preprocessor: TablePreprocessor,
    settings: TrainingSettings,
    *,
    progress: bool | str = False,
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
    progress : bool or "auto"
        As for `train.fit`.

    Raises
    ------
    DataError
        If a value cannot be used; names column and row.
    NonFiniteError
        If the loss becomes NaN or infinite before the first epoch has ended.
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
    fitting, deciding = (features[kept], targets[kept]), (features[held], targets[held])
    result = _fit(fitting, deciding if held.size else None, preprocessor, settings, progress)
    warning = "" if result.divergence is None else _divergence_text(result.divergence)
    if warning and not len(result.history):
        raise NonFiniteError(f"{warning} Nothing was learnt.")
    return TrainedNetwork(
        result.net, result.history, result.best_epoch, result.stopped, warning, len(kept), len(held)
    )


def _fit(
    fitting: tuple[np.ndarray, np.ndarray],
    deciding: tuple[np.ndarray, np.ndarray] | None,
    preprocessor: TablePreprocessor,
    settings: TrainingSettings,
    progress: bool | str,
) -> train.FitResult:
    features, targets = fitting
    outputs = max(1, len(preprocessor.target.classes))
    with warnings.catch_warnings():
        # Both are told with the result.
        warnings.simplefilter("ignore", DivergenceWarning)
        warnings.simplefilter("ignore", InterruptionWarning)
        return train.fit(
            build_network(features.shape[1], outputs, settings),
            features,
            targets,
            loss=loss_of(preprocessor),
            optimizer=_optimizer(settings),
            epochs=settings.epochs,
            batch_size=settings.batch_size_for(len(features)),
            validation_data=deciding,
            penalty=_penalty(settings, len(features)),
            early_stopping=_PATIENCE,
            callbacks=[_BestAtTheEnd()],
            seed=settings.seed,
            time_limit=settings.time_limit,
            progress=progress,
        )


class _BestAtTheEnd(train.Callback):
    """Take the weights of the best epoch also where all epochs were run."""

    def on_epoch_end(self, state: train.TrainingState) -> train.Stop | None:
        if len(state.history) >= state.epochs:
            return train.Stop("all epochs", restore_best=True)
        return None


def _divergence_text(divergence: train.Divergence) -> str:
    rate = "" if divergence.learning_rate is None else f", with learning rate {divergence.learning_rate:g}"
    return (
        f"training diverged at step {divergence.step} (epoch {divergence.epoch}{rate}): "
        f"{divergence.explanation}. Lower the learning rate."
    )


def _optimizer(settings: TrainingSettings) -> optim.Optimiser | optim.LBFGS:
    default = OPTIMIZERS[settings.optimizer]
    if default is None:
        return optim.LBFGS()
    if not settings.hidden:
        default *= _LINEAR
    rate = default if settings.learning_rate is None else settings.learning_rate
    if settings.optimizer == "sgd":
        return optim.SGD(rate, momentum=0.9)
    if settings.optimizer == "adamw":
        return optim.AdamW(rate) if settings.l2 is None else optim.AdamW(rate, weight_decay=settings.l2)
    return {"adam": optim.Adam, "rmsprop": optim.RMSProp}[settings.optimizer](rate)


def _penalty(settings: TrainingSettings, rows: int) -> nn.L2 | None:
    if settings.optimizer == "adamw" or settings.l2 == 0:
        return None
    return nn.L2(1 / rows if settings.l2 is None else settings.l2)
