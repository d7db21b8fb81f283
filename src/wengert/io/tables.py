"""Tables from files: CSV, TSV, Parquet, standard input."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Collection, Iterator
from pathlib import Path

import polars as pl

from wengert.errors import DataError
from wengert.io.delimited_text import read_delimited
from wengert.io.file_signatures import PARQUET, recognised
from wengert.storage.reading import Oversized, read_any, read_stream, require_memory

_COPIES = 5  # the file, its text, that again for the parser, and what it makes of it
_CELL_BYTES = 8
# A name without a suffix is that of a pipe, such as a shell makes for `<(command)`.
_SEPARATORS: dict[str, str | None] = {".csv": None, ".tsv": "\t", "": None}


def read_table(source: str | os.PathLike[str], *, text_columns: Collection[str] = ()) -> pl.DataFrame:
    """Read a table.

    Parameters
    ----------
    source : path-like
        A file whose name ends in ``.csv``, ``.tsv`` or ``.parquet``, or ``-`` for CSV from standard input.
        CSV whose header has semicolons or tabs and no comma is read with those.
    text_columns : collection of str
        Columns of CSV and TSV to keep as text even where they all look like numbers: when predicting, those
        that held categories in training. Names that the table lacks do not matter.

    Returns
    -------
    polars.DataFrame
        At least one row and one column; names are unique. Missing values are null.

    Raises
    ------
    DataError
        If the file is missing, is not what its suffix says, is damaged, is empty, or has duplicate names,
        ragged rows or text that is not UTF-8. It names the file and, where there is one, the row (from 1,
        without header).
    """
    if os.fspath(source) == "-":
        where, suffix, data = "standard input", ".csv", _read_standard_input()
    else:
        path = Path(source)
        where, suffix, data = str(path), path.suffix.lower(), _read_path(path)
    with _refusals_named(where):
        if suffix == ".parquet":
            frame = _read_parquet(data, where)
        else:
            meaning = recognised(data[:512])
            if meaning:
                raise DataError(f"{where} is not a text table but {meaning}.")
            frame = read_delimited(data, where, _SEPARATORS[suffix], text_columns)
    if frame.width == 0 or frame.height == 0:
        raise DataError(f"{where} has no {'columns' if frame.width == 0 else 'rows'}. A table needs some.")
    return frame


def _read_standard_input() -> bytes:
    if sys.stdin is None:
        raise DataError("standard input is closed. Name a file, or give a table through a pipe.")
    with _refusals_named("standard input"):
        return read_stream(sys.stdin.buffer)


def _read_path(path: Path) -> bytes:
    suffix = path.suffix.lower()
    if suffix != ".parquet" and suffix not in _SEPARATORS:
        raise DataError(
            f"{path} ends in {path.suffix!r}, which says nothing known about its format. "
            "Name a .csv, .tsv or .parquet file, or rename it to what it is."
        )
    if os.path.isdir(path):
        raise DataError(f"{path} is a directory. Name a .csv, .tsv or .parquet file in it.")
    with _refusals_named(str(path)):
        try:
            return read_any(path, _COPIES)
        except ValueError:  # a name with a NUL
            raise DataError(f"{path} is no name of a file. Check the path.") from None


@contextlib.contextmanager
def _refusals_named(where: str) -> Iterator[None]:
    """Turn what the system refuses, and what is too large, into a `DataError` that names the source."""
    try:
        yield
    except FileNotFoundError:
        raise DataError(f"{where} does not exist. Check the path.") from None
    except Oversized as error:
        raise DataError(f"{where} {error}") from None
    except MemoryError:
        raise DataError(f"{where} needs more memory than is left. Take a part of its rows.") from None
    except OSError as error:
        raise DataError(f"{where} cannot be read: {error}. Check its permissions.") from None


def _read_parquet(data: bytes, where: str) -> pl.DataFrame:
    if not data:
        raise DataError(f"{where} is empty. A table needs at least one row.")
    if not data.startswith(PARQUET):
        found = recognised(data[:512]) or "perhaps text: if so, give it a name that ends in .csv"
        raise DataError(f"{where} is not a Parquet file, as its name says, but {found}.")
    if len(data) < 12 or not data.endswith(PARQUET):
        raise DataError(f"{where} is a truncated Parquet file: its end is missing. Copy or write it again.")
    try:
        # A column of equal values takes next to nothing in the file, however many rows it claims.
        lazy = pl.scan_parquet(io.BytesIO(data))
        cells = int(lazy.select(pl.len()).collect().item()) * len(lazy.collect_schema())
        require_memory(_CELL_BYTES * cells)
        return pl.read_parquet(io.BytesIO(data))
    except pl.exceptions.DuplicateError as error:
        raise DataError(f"{where} has duplicate column names: {error}. Give each its own name.") from None
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        reason = (str(error).splitlines() or ["unreadable"])[0]
        raise DataError(f"{where} is a damaged Parquet file: {reason}. Copy or write it again.") from None
