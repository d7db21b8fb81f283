"""Networks that differ in their seed alone: how far their scores spread, and their mean as one model."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import polars as pl

from wengert import nn
from wengert.tabular.scoring.evaluation import mean_scores
from wengert.tabular.table_model import TableModel
from wengert.tabular.table_training import TrainedNetwork
from wengert.tabular.training_settings import TrainingSettings

Train = Callable[[TrainingSettings], tuple[TableModel, TrainedNetwork]]


@dataclasses.dataclass(frozen=True)
class SeedAverage:
    """Models of several seeds.

    Attributes
    ----------
    seeds : tuple of int
        Of those that were finished, or the first where Ctrl-C ended that.
    models : tuple of TableModel
    first : TrainedNetwork
        Of the first seed, with what was interrupted.
    """

    seeds: tuple[int, ...]
    models: tuple[TableModel, ...]
    first: TrainedNetwork

    @staticmethod
    def of(train: Train, settings: TrainingSettings, count: int) -> SeedAverage:
        """Train with the seed of the settings and the `count` − 1 after it.

        Parameters
        ----------
        train : callable
            Trains with some settings.
        settings : TrainingSettings
            `time_limit` is that of each.
        count : int
        """
        seeds, models = [], []
        first = None
        for seed in range(settings.seed, settings.seed + count):
            model, trained = train(dataclasses.replace(settings, seed=seed))
            if first is None:
                first = trained
            elif trained.interrupted:
                first = dataclasses.replace(first, stopped=trained.stopped)
                break
            seeds.append(seed)
            models.append(model)
            if trained.interrupted:
                break
        assert first is not None
        return SeedAverage(tuple(seeds), tuple(models), first)

    @property
    def model(self) -> TableModel:
        """The mean of all: of the numbers that they predict, or of the logits of the classes."""
        if len(self.models) == 1:
            return self.models[0]
        share = 1 / len(self.models)
        networks = tuple(model.network for model in self.models)
        blend = nn.Blend(networks, (share,) * len(networks))
        return dataclasses.replace(self.models[0], network=nn.Sequential(blend))

    def record(self, frame: pl.DataFrame) -> dict[str, Any]:
        """Return what the record of a training run keeps of the scores of each on some rows."""
        each = [model.score(frame) for model in self.models] if frame.height else []
        return {"seeds": list(self.seeds), "scores": mean_scores(each) if each else {}, "each": each}
