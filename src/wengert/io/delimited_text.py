"""Comma-separated text and its kin as a table of text, with the mistakes in it found and located."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import polars as pl

from wengert.errors import DataError
from wengert.io.text_rows import LONGEST_CELL, decoded, table_rows, table_text
from wengert.tabular.reading.text_format import TextFormat

# Cells of Python are large: this many rows are kept as such at a time.
_ROWS_AT_A_TIME = 20_000
_LONG = 2**20  # characters, from which on it pays to look for what makes a text difficult


def read_delimited(data: bytes, where: str, given: TextFormat) -> pl.DataFrame:
    """Read delimited text that has a header line.

    Parameters
    ----------
    data : bytes
        All of the file, any line ends.
    where : str
        Its name, for error messages.
    given : TextFormat
        Its separator and its encoding, where they are said: UTF-8 is tried first, and a byte-order mark goes
        before both.

    Returns
    -------
    polars.DataFrame
        Of text without blanks around it, null where a cell is empty.

    Raises
    ------
    DataError
        As `wengert.io.text_rows` raises ValueError.
    """
    encodings = ("utf-8", given.encoding) if given.encoding else ("utf-8",)
    try:
        text = decoded(data, where, encodings)
        text, above, separator = table_text(text, given.separator or None)
        names, rows = table_rows(text, above, separator, where)
        cells = _plain_cells(text, separator, names)
        if cells is None:
            cells = _cells(names, rows)
    except ValueError as error:
        raise DataError(str(error)) from None
    stripped = pl.all().str.strip_chars()
    return cells.select(pl.when(stripped != "").then(stripped).name.keep())


def _cells(names: list[str], rows: Iterator[list[str]]) -> pl.DataFrame:
    parts = []
    while some := list(islice(rows, _ROWS_AT_A_TIME)):
        columns = zip(names, zip(*some, strict=True), strict=True)
        parts.append(pl.DataFrame([pl.Series(name, column, pl.String) for name, column in columns]))
    return pl.concat(parts)


def _plain_cells(text: str, separator: str, names: list[str]) -> pl.DataFrame | None:
    """Return the cells of a long text in which nothing is quoted and all rows fit the header, else None.

    Polars divides such a text several times as fast; what it does with any other is not what we do.
    """
    if len(text) < _LONG or '"' in text or text.count("\r") != text.count("\r\n"):
        return None
    header, _, body = text.partition("\n")
    lines = body.count("\n") + (not body.endswith("\n"))
    borders = len(names) - 1
    # Polars refuses a row with too many cells; where the total is right, none has too few.
    if not borders or header.count(separator) != borders or body.count(separator) != borders * lines:
        return None
    try:
        cells = pl.read_csv(
            body.encode(), has_header=False, schema=dict.fromkeys(names, pl.String), separator=separator,
            quote_char=None,
        )  # fmt: skip
    except pl.exceptions.PolarsError:
        return None
    longest = cells.select(pl.max_horizontal(pl.all().str.len_bytes().max())).item()
    return cells if (longest or 0) <= LONGEST_CELL else None
