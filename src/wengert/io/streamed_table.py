"""A table that does not fit into memory: statistics from a sample, features in a file, memory bounded."""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator
from io import RawIOBase
from typing import Any

import numpy as np
import polars as pl

from wengert.errors import DataError
from wengert.io.parquet_stream import ParquetStream
from wengert.tabular.columns import Column, kinds_of_columns, require_columns
from wengert.tabular.plain_recipe import learns_means
from wengert.tabular.preprocess import PREPROCESSING, TablePreprocessor
from wengert.tabular.reading.table_reading import TableReading, each
from wengert.tabular.table_model import TableModel
from wengert.tabular.table_training import SharedTraining, TrainedNetwork, train_encoded
from wengert.tabular.task import Task, class_numbers, task_of
from wengert.tabular.training_settings import TrainingSettings
from wengert.tabular.training_table import rows_with_target
from wengert.train.checkpoint import Checkpoint
from wengert.train.progress import Display
from wengert.train.row_split import hold_out
from wengert.train.steps.mapped import append

_SAMPLE_ROWS = 300_000
# Of the sample: more rows to score or to decide on the best epoch would not change what they say.
_MOST_HELD, _MOST_VALIDATION = 100_000, 50_000

# Called with what is being read, and the part of it that has been.
Report = Callable[[str, float], None]


@dataclasses.dataclass(frozen=True)
class StreamedTable:
    """A Parquet file with its target, of which a sample of rows is in memory.

    Attributes
    ----------
    stream : ParquetStream
    target : str
    task : Task
    columns : tuple of Column
        As the sample shows them.
    places : numpy.ndarray
        Numbers of the rows of the sample, ascending.
    sample : polars.DataFrame
        300,000 rows drawn at random, or all where there are fewer, as they are read.
    report : callable
    reading : TableReading
    usable : numpy.ndarray
        Numbers of the rows that have a target, ascending.
    left_out : str
        Which rows were left out, for people.
    """

    stream: ParquetStream
    target: str
    task: Task
    columns: tuple[Column, ...]
    places: np.ndarray
    sample: pl.DataFrame
    report: Report
    reading: TableReading
    usable: np.ndarray
    left_out: str
    drop: tuple[str, ...]

    @staticmethod
    def infer(
        stream: ParquetStream,
        target: str,
        drop: Collection[str] = (),
        *,
        loss: str | None = None,
        seed: int = 0,
        report: Report = lambda what, done: None,
    ) -> StreamedTable:
        """Find out what is to be learnt, from the whole target, and what each column is, from the sample.

        The loss is as for `task_of`.

        Raises
        ------
        DataError
            As `infer_task` and `infer_columns`.
        """
        require_columns(pl.DataFrame(schema=list(stream.names)), target, drop)
        whole = stream.column(target)
        reading = TableReading.infer(whole.to_frame())[0]
        wanted = reading.apply(whole.to_frame()).to_series()
        known, left_out = rows_with_target(wanted)
        usable = known.arg_true().to_numpy()
        rng = np.random.default_rng([seed, _SAMPLE_ROWS])
        count = min(_SAMPLE_ROWS, len(usable))
        places = usable[np.sort(rng.choice(len(usable), count, replace=False, shuffle=False))]
        sample = stream.take(places, lambda done: report("sampling", done))
        sample = sample.drop(drop)
        others, notes = TableReading.infer(sample.drop(target))
        reading = TableReading((*reading.columns, *others.columns))
        sample = reading.apply(sample)
        task, columns = each(
            [
                lambda: task_of(wanted.filter(known), loss),
                lambda: kinds_of_columns(sample.drop(target), target, notes),
            ]
        )
        return StreamedTable(
            stream, target, task, columns, places, sample, report, reading, usable, left_out, tuple(drop)
        )

    @property
    def rows(self) -> int:
        """How many rows have a target."""
        return len(self.usable)

    def hold_out(self, fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Split the rows in two, as `TrainingTable.hold_out`; at most 100,000 are held out."""
        wanted = min(round(self.rows * fraction), _MOST_HELD, len(self.places) // 2)
        rng = np.random.default_rng([seed, 0])
        _, drawn = hold_out(len(self.places), wanted, class_numbers(self.task, self.sample[self.target]), rng)
        held = self.places[drawn]
        return np.delete(self.usable, np.searchsorted(self.usable, held)), held

    def rows_of(self, places: np.ndarray) -> pl.DataFrame:
        """Return rows of the sample by their numbers in the table."""
        return self.sample[np.searchsorted(self.places, places)]

    def preprocessor(self, rows: np.ndarray, settings: TrainingSettings) -> TablePreprocessor:
        """Fit the preprocessing that the preset takes on those of the rows that are in the sample."""
        return TablePreprocessor.fit(
            self.rows_of(np.intersect1d(self.places, rows, assume_unique=True)),
            self.target,
            columns=self.columns,
            task=self.task,
            reading=self.reading,
            positive=learns_means(settings),
            **PREPROCESSING[settings.preset],
        )

    def train(
        self,
        rows: np.ndarray,
        settings: TrainingSettings,
        *,
        checkpoint: Checkpoint | None = None,
        progress: bool | str | Display = False,
    ) -> tuple[TableModel, TrainedNetwork]:
        """Train a model on some of the rows, by way of a temporary file of their features.

        Parameters
        ----------
        rows : numpy.ndarray
        settings : TrainingSettings
        checkpoint : Checkpoint, optional
            Of workers that share the rows.
        progress : bool or "auto"
            As for `train.fit`.

        Raises
        ------
        DataError
            If a value cannot be used, or the disk has no room for the file.
        NonFiniteError
            As `train_network`.
        """
        preprocessor = self.preprocessor(rows, settings)
        known = np.intersect1d(self.places, rows, assume_unique=True)
        wanted = min(len(known) // 3, _MOST_VALIDATION)
        rng = np.random.default_rng([settings.seed, 1])
        frame = self.rows_of(known)
        _, drawn = hold_out(len(known), wanted, class_numbers(self.task, frame[self.target]), rng)
        deciding = preprocessor.encode(frame[drawn]) if drawn.size else None
        chosen = np.zeros(self.stream.rows, np.bool_)
        chosen[rows] = True
        chosen[known[drawn]] = False
        total = int(chosen.sum())
        mine = np.flatnonzero(chosen)[self.stream.share(total)]
        chosen[: mine[0]] = chosen[mine[-1] + 1 :] = False
        workers = self.stream.workers
        shared = None if workers is None else SharedTraining(workers, total, checkpoint)
        with self._features_in_a_file(preprocessor, chosen) as fitting:
            trained = train_encoded(
                fitting, deciding, preprocessor, settings, shared=shared, progress=progress
            )
        return TableModel(preprocessor, trained.network, {"settings": settings.to_json()}), trained

    @contextlib.contextmanager
    def _features_in_a_file(
        self, preprocessor: TablePreprocessor, chosen: np.ndarray
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Give features and targets of the chosen rows, mapped from a temporary file."""
        rows, width = int(chosen.sum()), len(preprocessor.feature_names)
        _check_room(rows * (4 * width + 8))
        with (
            tempfile.TemporaryFile(buffering=0) as features,
            tempfile.TemporaryFile(buffering=0) as targets,
        ):
            kind = self._write(preprocessor, chosen, features, targets)
            shape = (rows, 1) if preprocessor.target.kind == "regression" else (rows,)
            yield (
                np.memmap(features, np.float32, "r", shape=(rows, width)),
                np.memmap(targets, kind, "r", shape=shape),
            )

    def _write(
        self, preprocessor: TablePreprocessor, chosen: np.ndarray, features: RawIOBase, targets: RawIOBase
    ) -> np.dtype[Any]:
        """Encode the chosen rows, a range at a time; return the dtype of the targets."""
        kind = np.dtype(np.float32)
        places = np.flatnonzero(chosen)
        for first, frame in self.stream.blocks(slice(places[0], places[-1] + 1)):
            last = first + frame.height
            try:
                x, y = preprocessor.encode(frame.filter(pl.Series(chosen[first:last])))
            except DataError as error:
                raise DataError(
                    f"{self.stream.name}, rows {first + 1:,} to {last:,}, without those held out: {error}"
                ) from None
            append(features, x, "the features of the table")
            append(targets, y, "the targets of the table")
            kind = y.dtype
            self.report("encoding", (last - places[0]) / (places[-1] + 1 - places[0]))
        return kind


def _check_room(needed: int) -> None:
    place = tempfile.gettempdir()
    free = shutil.disk_usage(place).free
    if free < needed:
        raise DataError(
            f"the features of the table take {needed / 1e9:.1f} GB in {place}, which has {free / 1e9:.1f} GB "
            "free. Make room there, or set TMPDIR to a directory on another disk."
        )
