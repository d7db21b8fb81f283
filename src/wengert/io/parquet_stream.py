"""Parquet files that are too large for memory: their shape, some of their rows, and all of them in turn."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import polars as pl

from wengert.cluster.workers import Workers
from wengert.errors import DataError
from wengert.io.file_signatures import PARQUET
from wengert.io.parquet import any_time_zone, frame_in_utc, parquet_refusals

# Tables of more cells than this are streamed: 8 bytes a cell, and twice that while they are encoded.
STREAMED_CELLS = 50_000_000
# Cells that are held in memory at a time, 8 bytes each.
_CELLS_AT_A_TIME = 2**24


@dataclasses.dataclass(frozen=True)
class ParquetStream:
    """Parquet files with the same columns, read a range of rows at a time, as if they were one.

    Attributes
    ----------
    paths : tuple of Path
    rows : int
    names : tuple of str
        Of the columns.
    workers : Workers or None
        Who share the rows: each reads a range of its own, and gives the others what all need.
    """

    paths: tuple[Path, ...]
    rows: int
    names: tuple[str, ...]
    workers: Workers | None = None

    @staticmethod
    def open(*paths: Path, workers: Workers | None = None) -> ParquetStream:
        """Read the shape of files from their ends.

        Raises
        ------
        DataError
            If one is damaged or has other columns; names it.
        ConfigurationError
            If workers have different files.
        """
        rows = 0
        schemas = []
        for path in paths:
            with parquet_refusals(str(path)), any_time_zone():
                lazy = pl.scan_parquet(path, glob=False)
                schemas.append(lazy.collect_schema())
                rows += int(lazy.select(pl.len()).collect().item())
            if schemas[-1] != schemas[0]:
                differing = dict(schemas[-1].items() ^ schemas[0].items())
                raise DataError(
                    f"{path} has other columns than {paths[0]}: {', '.join(map(repr, differing))} differ in "
                    "name or kind. Write all files of a table with the same columns."
                )
        if workers is not None:
            sizes = {path.name: f"{path.stat().st_size} bytes" for path in paths}
            workers.agree({"files": " ".join(sizes), "rows": str(rows), "schema": str(schemas[0])} | sizes)
        return ParquetStream(paths, rows, tuple(schemas[0].names()), workers)

    @property
    def name(self) -> str:
        """The file, or the first and how many follow it, for people."""
        others = len(self.paths) - 1
        return f"{self.paths[0]}" + (f" and {others} more" if others else "")

    def share(self, total: int) -> slice:
        """Return which of the rows this process reads: all of them where it is the only one."""
        return slice(0, total) if self.workers is None else self.workers.rows(total)

    @property
    def cells(self) -> int:
        """Rows times columns."""
        return self.rows * len(self.names)

    def column(self, name: str) -> pl.Series:
        """Return one column as a whole."""
        mine = self.share(self.rows)
        part = self._collected(lambda lazy: lazy.select(name).slice(mine.start, mine.stop - mine.start))
        return self._of_all(part).to_series()

    def blocks(self, rows: slice | None = None) -> Iterator[tuple[int, pl.DataFrame]]:
        """Yield all rows or a range of them in smaller ones, each with the number of its first row, from 0.

        Raises
        ------
        DataError
            If a range cannot be read.
        """
        rows = slice(0, self.rows) if rows is None else rows
        count = max(1, _CELLS_AT_A_TIME // max(1, len(self.names)))
        for first in range(rows.start, rows.stop, count):
            last = min(first + count, rows.stop)
            yield first, self._collected(lambda lazy, first=first, last=last: lazy.slice(first, last - first))  # type: ignore[misc]

    def _collected(self, part: Callable[[pl.LazyFrame], pl.LazyFrame]) -> pl.DataFrame:
        with parquet_refusals(self.name):
            return frame_in_utc(lambda: part(pl.scan_parquet(list(self.paths), glob=False)).collect())

    def _of_all(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return the frames of all workers, one below the other."""
        if self.workers is None:
            return frame
        written = io.BytesIO()
        frame.write_ipc(written)
        return pl.concat(pl.read_ipc(bytes(data)) for data in self.workers.all_gather(written.getvalue()))

    def take(self, places: np.ndarray, report: Callable[[float], None] = lambda done: None) -> pl.DataFrame:
        """Return some of the rows, in the order of the file.

        Parameters
        ----------
        places : numpy.ndarray
            Numbers of rows, ascending.
        report : callable
            Called with the part of the file that has been read.
        """
        parts = []
        mine = self.share(self.rows)
        for first, frame in self.blocks(mine):
            within = places[(places >= first) & (places < first + frame.height)] - first
            parts.append(frame[within])
            report((first + frame.height - mine.start) / (mine.stop - mine.start))
        return self._of_all(pl.concat(parts))


def is_parquet(path: Path) -> bool:
    """Whether a file begins and ends as Parquet files do."""
    try:
        if not path.is_file():  # what a pipe gives is gone once it was read
            return False
        with path.open("rb") as file:
            begin = file.read(len(PARQUET))
            file.seek(-len(PARQUET), 2)
            return begin == PARQUET == file.read()
    except OSError:
        return False


def large_parquet(path: Path) -> ParquetStream | None:
    """Return the stream of a Parquet file that is too large to be read at once; None for any other file."""
    if path.suffix.lower() != ".parquet" or not is_parquet(path):
        return None
    stream = ParquetStream.open(path)
    return stream if stream.cells > STREAMED_CELLS else None
