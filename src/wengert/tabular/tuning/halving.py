"""Successive halving: many settings are tried for few epochs, the best of them for more."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import math
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.checks import positive_integer
from wengert.errors import DataError, NonFiniteError
from wengert.tabular.table_model import TableModel
from wengert.tabular.table_training import TrainedNetwork, ignored_training_warnings
from wengert.tabular.training_settings import PLAIN_EPOCHS, TrainingSettings
from wengert.tabular.training_table import TrainingTable
from wengert.tabular.tuning.samplers import Sampler, find_sampler
from wengert.tabular.tuning.space import drawn_settings
from wengert.train.many.at_once import at_once
from wengert.train.many.shared_display import SharedDisplay
from wengert.train.progress import Display, Silent

_FACTOR = 3  # A third goes on to the next rung, with three times the epochs.
_MOST_RUNGS = 3
_FEWEST_ROWS = 50
_HELD_OUT = 0.2  # of the rows to learn from, to compare the trials on
_SEARCHING = 0.7  # of a time limit; the rest is for the result
_EPOCHS = {"tabular": 256, "plain": PLAIN_EPOCHS}
_MOST_VISITS = 50_000 * 256  # of rows, as many as the tabular preset makes of large tables
# The second word of the generator's seed: the rows of other splits do not depend on it.
_DECIDING = 5


@dataclasses.dataclass(frozen=True)
class Trial:
    """Settings that were tried.

    Attributes
    ----------
    number : int
        From 0; 0 has the settings that were given, with nothing drawn.
    rung : int
        From 0, the one with the fewest epochs.
    settings : TrainingSettings
        With the epochs of the rung.
    loss : float or None
        Log-loss, or root of the mean squared error, on the rows that compare trials; None where training
        diverged.
    seconds : float
    """

    number: int
    rung: int
    settings: TrainingSettings
    loss: float | None
    seconds: float

    @property
    def rank(self) -> tuple[int, float, int]:
        """What trials are ordered by: those that were given more epochs first, then the lower loss.

        Of equal ones the first comes first, whichever ended before the other.
        """
        return -self.rung, math.inf if self.loss is None else self.loss, self.number

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return {**dataclasses.asdict(self), "settings": self.settings.to_json()}


@dataclasses.dataclass(frozen=True)
class SearchResult:
    """What a search found.

    Attributes
    ----------
    trials : tuple of Trial
        Rung by rung; settings that went on to a next one are there several times.
    best : Trial
    model : TableModel
        Trained with the best settings: on all rows of the search, or after Ctrl-C as the trial left it.
    trained : TrainedNetwork
    interrupted : bool
        Whether Ctrl-C ended the search or the training after it.
    """

    trials: tuple[Trial, ...]
    best: Trial
    model: TableModel
    trained: TrainedNetwork
    interrupted: bool


def tune(
    table: TrainingTable,
    rows: np.ndarray,
    settings: TrainingSettings,
    *,
    free_preset: bool = True,
    trials: int = 27,
    sampler: str = "random",
    report: Callable[[Trial], None] = lambda trial: None,
    progress: bool | str = False,
) -> SearchResult:
    """Search the settings that are left open, and train with the best.

    A fifth of the rows compares the trials; the model is then trained on all. Rows that are not among `rows`
    are seen by no trial, so that a score on them is honest.

    Parameters
    ----------
    table : TrainingTable
    rows : numpy.ndarray
        Positions of the rows to learn from.
    settings : TrainingSettings
        What they say is kept. `time_limit` is that of the whole search, the result included.
    free_preset : bool
        Whether the preset is searched too.
    trials : int
        How many settings are drawn, with those given. In each rung the best third goes on.
    sampler : str
        A key of `SAMPLERS`.
    report : callable
        Called with each trial when it is finished.
    progress : bool or "auto"
        As for `train.fit`, of the training at the end.

    Raises
    ------
    DataError
        When there are too few rows to compare on.
    ConfigurationError
    NonFiniteError
        When every trial diverged.

    Notes
    -----
    K. Jamieson & A. Talwalkar, "Non-stochastic best arm identification and hyperparameter optimization",
    2016.
    """
    positive_integer("tune", "trials", trials)
    if len(rows) < _FEWEST_ROWS:
        raise DataError(
            f"{len(rows)} rows are too few to compare settings on: {_FEWEST_ROWS} or more are needed beside "
            "those held out. Use `wengert train`."
        )
    part = table.division.part(rows)
    kept, held = part.hold_out(
        round(_HELD_OUT * len(rows)), np.random.default_rng([settings.seed, _DECIDING])
    )
    search = _Search(table, rows[kept], rows[held], settings, report)
    search.run(trials, find_sampler(sampler, settings.seed), free_preset)
    if search.best is None:
        raise NonFiniteError("every trial diverged: nothing was learnt. Name a lower --learning-rate.")
    best, model, trained = search.best
    if not search.interrupted:
        limit = None if search.end is None else max(1e-3, search.end - time.monotonic())
        chosen = dataclasses.replace(best.settings, epochs=settings.epochs, time_limit=limit)
        model, trained = table.train(rows, chosen, progress=progress)
    interrupted = search.interrupted or trained.interrupted
    return SearchResult(tuple(search.trials), best, model, trained, interrupted)


class _Search:
    """The trials of a search, as they come.

    Attributes
    ----------
    trials : list of Trial
    best : (Trial, TableModel, TrainedNetwork) or None
    interrupted : bool
        Whether Ctrl-C ended it.
    end : float or None
        When the time limit is over, by `time.monotonic`.
    """

    def __init__(
        self,
        table: TrainingTable,
        learning: np.ndarray,
        deciding: np.ndarray,
        settings: TrainingSettings,
        report: Callable[[Trial], None],
    ) -> None:
        self.trials: list[Trial] = []
        self.best: tuple[Trial, TableModel, TrainedNetwork] | None = None
        self.interrupted = False
        self._lock = threading.Lock()
        limit, now = settings.time_limit, time.monotonic()
        self.end = None if limit is None else now + limit
        self._last = math.inf if limit is None else now + _SEARCHING * limit
        self._table, self._learning, self._report = table, learning, report
        self._deciding = table.rows_of(deciding)
        self._base = dataclasses.replace(settings, time_limit=None)

    def run(self, count: int, sampler: Sampler, free_preset: bool) -> None:
        """Make all trials, as long as there is time and nobody interrupts."""
        rungs = min(_MOST_RUNGS, 1 + math.floor(math.log(count, _FACTOR) + 1e-9))
        proposed: list[tuple[int, TrainingSettings]] = []
        try:
            for number in range(count):
                settings = self._base
                if number:
                    settings = drawn_settings(self._base, free_preset, len(self._learning), sampler.begin())
                proposed.append((number, settings))
                if sampler.learns:
                    (trial,) = self._rung(0, rungs, proposed[-1:])
                    if trial is None:
                        return
                    if number:
                        sampler.tell(math.inf if trial.loss is None else trial.loss)
            if not sampler.learns:
                self._rung(0, rungs, proposed)
            for rung in range(1, rungs):
                tried = sorted((one for one in self.trials if one.rung == rung - 1), key=lambda one: one.rank)
                if self.has_ended:
                    return
                chosen = tried[: max(1, len(tried) // _FACTOR)]
                self._rung(rung, rungs, [(one.number, one.settings) for one in chosen])
        except KeyboardInterrupt:  # between two trainings; within one it is not raised
            self.interrupted = True
        finally:
            self.trials.sort(key=lambda one: (one.rung, one.number))

    @property
    def has_ended(self) -> bool:
        """Whether no trial is to begin any more."""
        return self.interrupted or (time.monotonic() >= self._last and self.best is not None)

    def _rung(
        self, rung: int, rungs: int, settings: list[tuple[int, TrainingSettings]]
    ) -> list[Trial | None]:
        """Try settings at once; None in place of those for which there was no time."""
        shown = SharedDisplay(Silent(), len(settings))

        def job(number: int, settings: TrainingSettings, own: Display) -> Trial | None:
            if self.has_ended or shown.interrupted.is_set():
                return None
            return self._tried(number, rung, rungs, settings, own)

        jobs = [functools.partial(job, *one) for one in settings]
        with ignored_training_warnings():
            found = at_once(jobs, shown, min(self._base.at_a_time, len(jobs)))
        self.interrupted |= shown.interrupted.is_set()
        return found

    def _tried(
        self, number: int, rung: int, rungs: int, settings: TrainingSettings, display: Display
    ) -> Trial:
        """Train and score."""
        begin = time.monotonic()
        left = None if self._last == math.inf else max(1e-3, self._last - begin)
        most = self._base.epochs or min(_EPOCHS[settings.preset], max(1, _MOST_VISITS // len(self._learning)))
        epochs = math.ceil(most / _FACTOR ** (rungs - 1 - rung))
        settings = dataclasses.replace(settings, epochs=epochs)
        limited = dataclasses.replace(settings, time_limit=left)
        found: tuple[TableModel, TrainedNetwork] | None = None
        loss = None
        with contextlib.suppress(NonFiniteError):
            found = self._table.train(self._learning, limited, progress=display)
            self.interrupted |= found[1].interrupted
            loss = _loss(found[0].score(self._deciding))
        trial = Trial(number, rung, settings, loss, round(time.monotonic() - begin, 3))
        with self._lock:
            self.trials.append(trial)
            self._report(trial)
            is_best = self.best is None or trial.rank < self.best[0].rank
            if found is not None and loss is not None and is_best:
                self.best = trial, *found
        return trial


def _loss(scores: dict[str, Any]) -> float | None:
    loss = float(scores["log_loss"] if "log_loss" in scores else scores["rmse"])
    return loss if math.isfinite(loss) else None
