"""Networks that differ in their seed alone: how far their scores spread, and their mean as one model."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import polars as pl

from wengert import nn
from wengert.tabular.scoring.evaluation import mean_scores
from wengert.tabular.table_model import TableModel
from wengert.tabular.table_training import TrainedNetwork, ignored_training_warnings
from wengert.tabular.training_settings import TrainingSettings
from wengert.train.many.at_once import at_once
from wengert.train.many.shared_display import SharedDisplay
from wengert.train.progress import Display, choose_display

Train = Callable[[TrainingSettings, Display], tuple[TableModel, TrainedNetwork]]


@dataclasses.dataclass(frozen=True)
class SeedAverage:
    """Models of several seeds.

    Attributes
    ----------
    seeds : tuple of int
        Of those that were finished, or the first where Ctrl-C left none.
    models : tuple of TableModel
    first : TrainedNetwork
        Of the first of these, with what was interrupted.
    """

    seeds: tuple[int, ...]
    models: tuple[TableModel, ...]
    first: TrainedNetwork

    @staticmethod
    def of(
        train: Train, settings: TrainingSettings, count: int, at_a_time: int, progress: bool | str
    ) -> SeedAverage:
        """Train with the seed of the settings and the `count` − 1 after it.

        Parameters
        ----------
        train : callable
            Trains with some settings, with a display to report to.
        settings : TrainingSettings
            `time_limit` is that of each.
        count : int
        at_a_time : int
            How many are trained at the same time.
        progress : bool or "auto"
            As for `train.fit`, of all together.
        """
        display = choose_display(progress, None)
        shown = SharedDisplay(display, count)

        def job(seed: int, own: Display) -> tuple[TableModel, TrainedNetwork] | None:
            if shown.interrupted.is_set() and seed > settings.seed:
                return None
            made = train(dataclasses.replace(settings, seed=seed), own)
            if made[1].interrupted:
                shown.interrupted.set()
            return made

        seeds = range(settings.seed, settings.seed + count)
        try:
            with ignored_training_warnings():
                found = at_once([functools.partial(job, seed) for seed in seeds], shown, at_a_time)
        finally:
            display.close()
        made = [(seed, *one) for seed, one in zip(seeds, found, strict=True) if one is not None]
        whole = [one for one in made if not one[2].interrupted]
        kept = whole or made[:1]
        first = kept[0][2]
        if len(whole) < count:
            first = dataclasses.replace(first, stopped="interrupted")
        return SeedAverage(tuple(one[0] for one in kept), tuple(one[1] for one in kept), first)

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
