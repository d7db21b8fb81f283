"""How a command comes from rows to a model: by one training, by several that are averaged, by a search."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import polars as pl

from wengert.cli.console import Text, error_console
from wengert.cli.train_options import TrainOptions
from wengert.cli.train_summary import described_settings
from wengert.errors import ConfigurationError
from wengert.io.streamed_table import StreamedTable
from wengert.tabular.seed_average import SeedAverage
from wengert.tabular.table_model import TableModel
from wengert.tabular.table_training import TrainedNetwork
from wengert.tabular.training_settings import TrainingSettings
from wengert.tabular.training_table import TrainingTable
from wengert.tabular.tuning.halving import Trial, tune
from wengert.train.progress import Display


@dataclasses.dataclass(frozen=True)
class Learnt:
    """What came of it.

    Attributes
    ----------
    model : TableModel
    trained : TrainedNetwork
    settings : TrainingSettings
        With which the model was trained.
    interrupted : bool
        Whether Ctrl-C ended it.
    record : callable
        Returns what the model's record keeps beside that, given the rows it is scored on.
    """

    model: TableModel
    trained: TrainedNetwork
    settings: TrainingSettings
    interrupted: bool
    record: Callable[[pl.DataFrame], dict[str, Any]] = lambda frame: {}


class Learn(Protocol):
    """Gives the model of some rows of a table."""

    def __call__(
        self, table: TrainingTable | StreamedTable, rows: np.ndarray, options: TrainOptions, quiet: bool
    ) -> Learnt:
        """Train on rows given by their positions."""
        ...


def learn_once(
    table: TrainingTable | StreamedTable, rows: np.ndarray, options: TrainOptions, quiet: bool
) -> Learnt:
    """Train once."""
    model, trained = table.train(rows, options.settings, progress=False if quiet else "auto")
    return Learnt(model, trained, options.settings, trained.interrupted)


def learn_seeds(
    table: TrainingTable | StreamedTable, rows: np.ndarray, options: TrainOptions, quiet: bool
) -> Learnt:
    """Train with several seeds and average."""
    # A table that is streamed takes a file of its own for each training.
    at_a_time = 1 if isinstance(table, StreamedTable) else min(options.settings.at_a_time, options.seeds)
    settings = options.settings
    if settings.time_limit is not None:
        settings = dataclasses.replace(settings, time_limit=settings.time_limit * at_a_time)

    def train(settings: TrainingSettings, progress: Display) -> tuple[TableModel, TrainedNetwork]:
        made = table.train(rows, settings, progress=progress)
        if not quiet:
            line = f"seed {settings.seed}: {len(made[1].history)} epochs ({made[1].stopped})"
            error_console().print(Text(line), soft_wrap=True)
        return made

    average = SeedAverage.of(train, settings, options.seeds, at_a_time, False if quiet else "auto")
    return Learnt(
        average.model,
        average.first,
        options.settings,
        average.first.interrupted,
        lambda frame: {"seeds": average.record(frame)},
    )


def learn_by_search(trials: int, sampler: str, free_preset: bool) -> Learn:
    """Return what searches settings; see `wengert.tabular.tuning.halving.tune`."""

    def learn(
        table: TrainingTable | StreamedTable, rows: np.ndarray, options: TrainOptions, quiet: bool
    ) -> Learnt:
        if isinstance(table, StreamedTable):
            raise ConfigurationError(
                "a search holds the table in memory, and this one is too large for that. Search on a part of "
                "it, and train on the whole with the settings found."
            )
        found = tune(
            table,
            rows,
            options.settings,
            free_preset=free_preset,
            trials=trials,
            sampler=sampler,
            report=(lambda trial: None) if quiet else _show,
            progress=False if quiet else "auto",
        )
        chosen = dataclasses.replace(found.best.settings, epochs=options.settings.epochs)
        record = {"trials": [trial.to_json() for trial in found.trials], "best_trial": found.best.number}
        return Learnt(found.model, found.trained, chosen, found.interrupted, lambda frame: record)

    return learn


def _show(trial: Trial) -> None:
    loss = "diverged" if trial.loss is None else f"loss {trial.loss:.4g}"
    settings = described_settings(trial.settings.to_json())
    line = f"trial {trial.number}, {trial.settings.epochs} epochs: {loss} · {settings}"
    error_console().print(Text(line), soft_wrap=True)
