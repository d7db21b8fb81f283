"""A Parquet file that is too large for memory: its shape, some of its rows, and all of them in turn."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import polars as pl

from wengert.errors import DataError
from wengert.io.file_signatures import PARQUET

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
        with _damage_named(path):
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
        with _damage_named(self.path):
            return pl.scan_parquet(self.path, glob=False).select(name).collect().to_series()

    def blocks(self) -> Iterator[tuple[int, pl.DataFrame]]:
        """Yield all rows in ranges, each with the number of its first row, from 0.

        Raises
        ------
        DataError
            If a range cannot be read.
        """
        rows = max(1, _CELLS_AT_A_TIME // max(1, len(self.names)))
        for first in range(0, self.rows, rows):
            with _damage_named(self.path):
                frame = pl.scan_parquet(self.path, glob=False).slice(first, rows).collect()
            yield first, frame

    def take(self, places: np.ndarray, report: Callable[[float], None] = lambda done: None) -> pl.DataFrame:
        """Return some of the rows, in the order of the file.

        Parameters
        ----------
        places : numpy.ndarray
            Numbers of rows, ascending.
        report : callable
            Told which part of the file has been read.
        """
        parts = []
        for first, frame in self.blocks():
            within = places[(places >= first) & (places < first + frame.height)] - first
            parts.append(frame[within])
            report((first + frame.height) / self.rows)
        return pl.concat(parts)


class _damage_named:
    """Turn what polars raises for a damaged file into a `DataError`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError)):
            reason = (str(error).splitlines() or ["unreadable"])[0]
            raise DataError(
                f"{self._path} is a damaged Parquet file: {reason}. Copy or write it again."
            ) from None


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
