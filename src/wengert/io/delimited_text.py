"""Comma-separated text and its kin as a table of text, with the mistakes in it found and located."""

from __future__ import annotations

from itertools import islice

import polars as pl

from wengert.errors import DataError
from wengert.io.text_rows import decoded, table_rows
from wengert.tabular.reading.text_format import TextFormat

# Cells of Python are large: this many rows are kept as such at a time.
_ROWS_AT_A_TIME = 20_000


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
        names, rows = table_rows(decoded(data, where, encodings), where, given.separator or None)
        parts = []
        while some := list(islice(rows, _ROWS_AT_A_TIME)):
            columns = zip(names, zip(*some, strict=True), strict=True)
            parts.append(pl.DataFrame([pl.Series(name, column, pl.String) for name, column in columns]))
    except ValueError as error:
        raise DataError(str(error)) from None
    stripped = pl.all().str.strip_chars()
    return pl.concat(parts).select(pl.when(stripped != "").then(stripped).name.keep())
