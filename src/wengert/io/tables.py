"""Tables from files: delimited text, Parquet, standard input."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from wengert.errors import DataError
from wengert.io.delimited_text import read_delimited
from wengert.io.file_signatures import GZIP, PARQUET, recognised
from wengert.io.parquet import any_time_zone, frame_in_utc, parquet_refusals
from wengert.storage.memory import free_memory
from wengert.storage.reading import Oversized, read_any, read_stream, require_memory
from wengert.tabular.reading.table_reading import TableReading
from wengert.tabular.reading.text_format import NOTHING_SAID, TextFormat

# A name without a suffix is that of a pipe, such as a shell makes for `<(command)`.
_SEPARATORS = {".csv": "", ".tsv": "\t", ".tab": "\t", ".txt": "", "": ""}
_KNOWN = ".csv, .tsv, .tab, .txt (each may be packed as .gz) or .parquet"
_COPIES = 5  # of a file: its bytes, its text, the cells of some rows, and what is made of them
_CELL_BYTES = 8
_HEAD = 512  # bytes, which show what a file is


def read_table(
    source: str | os.PathLike[str], *, given: TextFormat = NOTHING_SAID, as_text: bool = False
) -> pl.DataFrame:
    """Read a table.

    Parameters
    ----------
    source : path-like
        A file whose name ends in ``.csv``, ``.tsv``, ``.tab``, ``.txt``, one of these and ``.gz``, or
        ``.parquet``, or ``-`` for text from standard input. Text is UTF-8, or UTF-16 with a byte-order mark;
        between its cells stand commas, semicolons, tabs or bars, whatever all its rows fit.
    given : TextFormat
        What is known of a text file.
    as_text : bool
        Whether the cells of a text file stay text. Else columns that hold numbers, dates or true and false
        only become that; see `wengert.tabular.reading.table_reading.TableReading`.

    Returns
    -------
    polars.DataFrame
        At least one row and one column; names are unique. Missing values are null.

    Raises
    ------
    DataError
        If the file is missing, is not what its suffix says, is damaged, is empty, or has duplicate names,
        ragged rows or text in another encoding. It names the file and, where there is one, the row (from 1,
        without header).
    """
    if os.fspath(source) == "-":
        where, suffix, data = "standard input", ".csv", _read_standard_input()
    else:
        path = Path(source)
        where, suffix = str(path), _suffix(path)
        data = _read_path(path)
    with _refusals_named(where):
        if suffix == ".parquet":
            frame = _read_parquet(data, where)
        else:
            meaning = recognised(data[:_HEAD])
            if meaning:
                raise DataError(f"{where} is not a text table but {meaning}.")
            separator = _SEPARATORS[suffix] if b"\t" in data else ""  # some call commas so
            frame = read_delimited(data, where, given.or_else(TextFormat(separator)))
    if frame.width == 0 or frame.height == 0:
        raise DataError(f"{where} has no {'columns' if frame.width == 0 else 'rows'}. A table needs some.")
    if as_text or suffix == ".parquet":
        return frame
    return TableReading.infer(frame, given)[0].apply(frame)


def _suffix(path: Path) -> str:
    """Return the suffix that says what a file is, in lower case; refuse one that says nothing known."""
    suffix = path.suffix.lower()
    if suffix == ".gz" and path.with_suffix("").suffix.lower() in _SEPARATORS:
        return path.with_suffix("").suffix.lower()
    if suffix != ".parquet" and suffix not in _SEPARATORS:
        found = recognised(_head(path))
        if found:
            raise DataError(f"{path} is {found}.")
        raise DataError(
            f"{path} ends in {path.suffix!r}, which says nothing known about its format. "
            f"Name a {_KNOWN} file, or rename it to what it is."
        )
    return suffix


def _head(path: Path) -> bytes:
    """Return the first bytes of a regular file, and none of anything else: reading a pipe may block."""
    if not path.is_file():
        return b""
    with _refusals_named(str(path)), path.open("rb") as file:
        return file.read(_HEAD)


def _read_standard_input() -> bytes:
    if sys.stdin is None:
        raise DataError("standard input is closed. Name a file, or give a table through a pipe.")
    with _refusals_named("standard input"):
        return read_stream(sys.stdin.buffer)


def _read_path(path: Path) -> bytes:
    if os.path.isdir(path):
        raise DataError(f"{path} is a directory. Name a {_KNOWN} file in it.")
    with _refusals_named(str(path)):
        try:
            data = read_any(path, _COPIES)
        except ValueError:  # a name with a NUL
            raise DataError(f"{path} is no name of a file. Check the path.") from None
    return _unpacked(data, path) if path.suffix.lower() == ".gz" and data.startswith(GZIP) else data


def _unpacked(data: bytes, path: Path) -> bytes:
    most = free_memory() // _COPIES  # packed text can be a thousand times as large
    try:
        with gzip.open(io.BytesIO(data)) as packed:
            unpacked = packed.read(most + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} is a damaged gzip file: {error}. Copy or write it again.") from None
    if len(unpacked) > most:
        raise DataError(
            f"{path} unpacks to more than {most / 1e9:.3g} GB, and there is no memory for it. Take a part."
        )
    return unpacked


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
        found = recognised(data[:_HEAD]) or "perhaps text: if so, give it a name that ends in .csv"
        raise DataError(f"{where} is not a Parquet file, as its name says, but {found}.")
    if len(data) < 12 or not data.endswith(PARQUET):
        raise DataError(f"{where} is a truncated Parquet file: its end is missing. Copy or write it again.")
    with parquet_refusals(where):
        # A column of equal values takes next to nothing in the file, however many rows it claims.
        with any_time_zone():
            lazy = pl.scan_parquet(io.BytesIO(data))
            cells = int(lazy.select(pl.len()).collect().item()) * len(lazy.collect_schema())
        require_memory(_CELL_BYTES * cells)
        return frame_in_utc(lambda: pl.read_parquet(io.BytesIO(data)))
