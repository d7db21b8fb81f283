"""A Parquet file that is too large for memory: its shape, some of its rows, and all of them in turn."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import polars as pl

from wengert.io.file_signatures import PARQUET
from wengert.io.parquet import any_time_zone, frame_in_utc, parquet_refusals

# Tables of more cells than this are streamed: 8 bytes a cell, and twice that while they are encoded.
STREAMED_CELLS = 50_000_000
# Cells that are held in memory at a time, 8 bytes each.
_CELLS_AT_A_TIME = 2**24


@dataclasses.dataclass(frozen=True)
class ParquetStream:
    """A Parquet file that is read a range of rows at a time.

    Attributes
    ----------
    path : Path
    rows : int
    names : tuple of str
        Of the columns.
    """

    path: Path
    rows: int
    names: tuple[str, ...]

    @staticmethod
    def open(path: Path) -> ParquetStream:
        """Read the shape of a file from its end.

        Raises
        ------
        DataError
            If it is damaged; names the file.
        """
        with parquet_refusals(str(path)), any_time_zone():
            lazy = pl.scan_parquet(path, glob=False)
            names = tuple(lazy.collect_schema().names())
            rows = int(lazy.select(pl.len()).collect().item())
        return ParquetStream(path, rows, names)

    @property
    def cells(self) -> int:
        """Rows times columns."""
        return self.rows * len(self.names)

    def column(self, name: str) -> pl.Series:
        """Return one column as a whole."""
        return self._collected(lambda lazy: lazy.select(name)).to_series()

    def blocks(self) -> Iterator[tuple[int, pl.DataFrame]]:
        """Yield all rows in ranges, each with the number of its first row, from 0.

        Raises
        ------
        DataError
            If a range cannot be read.
        """
        rows = max(1, _CELLS_AT_A_TIME // max(1, len(self.names)))
        for first in range(0, self.rows, rows):
            yield first, self._collected(lambda lazy, first=first: lazy.slice(first, rows))  # type: ignore[misc]

    def _collected(self, part: Callable[[pl.LazyFrame], pl.LazyFrame]) -> pl.DataFrame:
        with parquet_refusals(str(self.path)):
            return frame_in_utc(lambda: part(pl.scan_parquet(self.path, glob=False)).collect())

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
        for first, frame in self.blocks():
            within = places[(places >= first) & (places < first + frame.height)] - first
            parts.append(frame[within])
            report((first + frame.height) / self.rows)
        return pl.concat(parts)


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
