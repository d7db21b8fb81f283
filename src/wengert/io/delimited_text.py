"""Comma- and tab-separated text, read with the mistakes in it found and located.

The structure (header, fields a row, quotes) is checked with Python's csv module, because polars renames
duplicate columns and fills short rows in silence; the values are then read by polars.
"""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import io
import re
import threading
from collections import Counter
from collections.abc import Collection, Iterator

import polars as pl

from wengert.errors import DataError

# Cells that mean "no value" in any column …
MISSING = ("", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "#N/A", "<NA>", "?")
# … and those that mean it only among numbers; in a column of words they may be a word.
MISSING_AMONG_NUMBERS = ("None", "none", "-", "--", ".", "missing", "Missing")

_LONGEST_CELL = 2**24
_MOST_COLUMNS = 2**20
_STRETCH = 2**22
_QUOTED = re.compile(r'"[^"]*"')
_limit_lock = threading.Lock()


@dataclasses.dataclass(frozen=True)
class _Structure:
    names: list[str]
    rows: int
    blank_rows: list[int]


def read_delimited(
    data: bytes, where: str, separator: str | None, text_columns: Collection[str]
) -> pl.DataFrame:
    """Read delimited text that has a header line.

    Parameters
    ----------
    data : bytes
        All of the file: UTF-8, with or without a byte-order mark, any line ends.
    where : str
        Its name, for error messages.
    separator : str or None
        The character between fields; None takes the comma, or the semicolon or tab when the header has no
        comma.
    text_columns : collection of str
        Columns whose cells are kept as text even where they all look like numbers (postal codes).

    Returns
    -------
    polars.DataFrame
        Names and text without surrounding blanks; missing values are null; dates are dates.

    Raises
    ------
    DataError
        If the text is empty, is not UTF-8, has no header or no rows, has duplicate names, rows with another
        number of fields than the header, or quotes that do not close.
    """
    text = _decode(data, where)
    if separator is None:
        separator = _separator(text)
    structure = _scan(text, where, separator)
    as_text = {name: pl.String for name in structure.names if name in text_columns}
    try:
        frame = pl.read_csv(
            text.encode("utf-8"),
            separator=separator,
            new_columns=structure.names,
            schema_overrides=as_text,
            infer_schema_length=None,
            null_values=list(MISSING),
            try_parse_dates=True,
        )
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"{where} cannot be read as a table: {reason}. Check its quotes.") from None
    if frame.height != structure.rows:
        raise DataError(
            f"{where} has stray quotes: it can be read as {structure.rows} or as {frame.height} rows. "
            'Write a quote inside a quoted field twice ("").'
        )
    if frame.width > 1 and structure.blank_rows:
        frame = frame.with_row_index("").filter(~pl.col("").is_in(structure.blank_rows)).drop("")
    return frame.with_columns(
        _tidy(column, keep_text=column.name in as_text) for column in frame if column.dtype == pl.String
    )


def _decode(data: bytes, where: str) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{where} is not UTF-8 text: line {line} has the byte 0x{data[error.start]:02x}. "
            "Save it as UTF-8 (it may be in Latin-1 or Windows-1252 now)."
        ) from None
    if not text.strip():
        raise DataError(f"{where} is empty. A table needs a header line and at least one row.")
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise DataError(f"{where} is not text: line {line} has a NUL byte. Save the table as CSV in UTF-8.")
    # Line ends of old Macintosh programs, which polars does not know.
    return text if "\n" in text else text.replace("\r", "\n")


def _separator(text: str) -> str:
    header = text.lstrip().split("\n", 1)[0]
    if "," in header:
        return ","
    return max(";\t", key=header.count) if ";" in header or "\t" in header else ","


def _scan(text: str, where: str, separator: str) -> _Structure:
    """Go through all fields once: names, ragged rows, blank rows, open quotes."""
    reader = csv.reader(_lines(text, separator), delimiter=separator, strict=True)
    names: list[str] = []
    blank_rows: list[int] = []
    rows = 0
    try:
        with _long_cells():
            for fields in reader:
                if not names:
                    names = _column_names(fields, where) if fields else []
                    continue
                rows += 1
                if not fields:
                    blank_rows.append(rows - 1)
                elif len(fields) != len(names):
                    raise DataError(
                        f"{where}, row {rows} (line {reader.line_num}) has {len(fields)} fields, and the "
                        f"header has {len(names)}. Correct the row, or quote the fields that contain "
                        f"{separator!r}."
                    )
    except csv.Error as error:
        place = f"{where}, row {rows + 1} (line {reader.line_num})"
        if "limit" in str(error):
            raise DataError(
                f"{place} has a cell of more than {_LONGEST_CELL:,} characters, or a quote that is not "
                "closed. Correct it, or leave such texts out of the table."
            ) from None
        raise DataError(
            f"{place} has a quote that is not closed or not at the edge of its field ({error}). Correct the "
            "quotes."
        ) from None
    except _TooManyFields:
        raise DataError(
            f"{where}, row {rows + 1} (line {reader.line_num + 1}) has more than {_MOST_COLUMNS:,} fields. "
            "Is it a table?"
        ) from None
    if rows == len(blank_rows):
        raise DataError(f"{where} has a header and no rows. A table needs at least one row.")
    return _Structure(names, rows, blank_rows)


def _lines(text: str, separator: str) -> Iterator[str]:
    """Yield the lines of a text with their ends, a stretch at a time: all at once take four times the text.

    Raises
    ------
    _TooManyFields
        Before the list of a line's fields would be made, which takes far more memory than the line.
    """
    start = 0
    while start < len(text):
        end = text.rfind("\n", start, start + _STRETCH) + 1 or text.find("\n", start + _STRETCH) + 1
        end = end or len(text)
        long = end - start > _STRETCH  # and then it is one line
        for line in (text[start:end],) if long else io.StringIO(text[start:end], newline=""):
            if len(line) > _MOST_COLUMNS and _has_too_many_fields(line, separator):
                raise _TooManyFields
            yield line
        start = end


def _has_too_many_fields(line: str, separator: str) -> bool:
    many = line.count(separator) >= _MOST_COLUMNS
    return many and _QUOTED.sub("", line).count(separator) >= _MOST_COLUMNS


class _TooManyFields(Exception):
    pass


@contextlib.contextmanager
def _long_cells() -> Iterator[None]:
    """Let the csv module read long cells meanwhile; its limit is one for the whole process."""
    with _limit_lock:
        before = csv.field_size_limit(_LONGEST_CELL)
        try:
            yield
        finally:
            csv.field_size_limit(before)


def _column_names(fields: list[str], where: str) -> list[str]:
    """Names without surrounding blanks; one that is empty gets its position. Refuse what is no header."""
    names = [field.strip() or f"column_{position}" for position, field in enumerate(fields, start=1)]
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if all(_is_number(name) for name in names) and (repeated or not all(name.isdigit() for name in names)):
        raise DataError(
            f"{where} has no header: its first line holds only numbers. Put a line of column names before it."
        )
    if repeated:
        listed = ", ".join(repr(name) for name in repeated[:5])
        raise DataError(f"{where} has more than one column named {listed}. Give each its own name.")
    return names


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _tidy(column: pl.Series, keep_text: bool) -> pl.Series:
    """Strip blanks, find missing values that blanks hid, and find numbers among words for "missing"."""
    stripped = column.str.strip_chars()
    stripped = stripped.set(stripped.is_in(MISSING), None)
    if keep_text or stripped.null_count() == len(stripped):
        return stripped
    candidates = stripped.set(stripped.is_in(MISSING_AMONG_NUMBERS), None)
    numbers = candidates.cast(pl.Float64, strict=False)
    if numbers.null_count() == candidates.null_count() < len(candidates):
        return numbers
    return stripped
