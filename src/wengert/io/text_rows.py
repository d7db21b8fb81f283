"""The rows of a text file that holds a table: its encoding, its separator, its header, its cells.

An exported predictor holds this file word for word, so it needs the standard library alone.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice

SEPARATORS = (",", ";", "\t", "|")
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Rows by which separators are compared, where the header allows several.
_COMPARED = 10_000
_LISTED = 5
_ABOVE = 10  # lines among which the header may stand below a title
LONGEST_CELL = 2**24
MOST_COLUMNS = 2**20
_STRETCH = 2**22  # of characters that are divided into lines at a time
_RECORDS_AT_A_TIME = 1000
_lifting = threading.Lock()


def decoded(data: bytes, where: str, encodings: Sequence[str] = ("utf-8",)) -> str:
    """Return the text of a file.

    Parameters
    ----------
    data : bytes
    where : str
        Its name, for error messages.
    encodings : sequence of str
        The first that fits is taken. A byte-order mark goes before them.

    Raises
    ------
    ValueError
        If none fits, or there is no text.
    """
    marked = next((encoding for mark, encoding in _MARKS if data.startswith(mark)), None)
    text = _text(data, where, (marked,) if marked else encodings).removeprefix("\ufeff")
    if not text.strip():
        raise ValueError(f"{where} is empty. A table needs a header line and at least one row.")
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise ValueError(
            f"{where} is not text: line {line} has a NUL byte. Save the table as CSV in UTF-8, or name its "
            "encoding (in the shell: --encoding utf-16-le)."
        )
    # Line ends of old Macintosh programs.
    return text if "\n" in text else text.replace("\r", "\n")


def _text(data: bytes, where: str, encodings: Sequence[str]) -> str:
    for encoding in encodings:
        try:
            text = data.decode(encoding)
            if "\0" not in text or encoding == encodings[-1]:
                return text
        except UnicodeDecodeError as error:
            start = error.start
    line = data.count(b"\n", 0, start) + 1
    wanted = " or ".join(encoding.upper() for encoding in encodings)
    raise ValueError(
        f"{where} is not {wanted} text: line {line} has the byte 0x{data[start]:02x}. Name its encoding (in "
        "the shell: --encoding cp1252, if it comes from Excel in Western Europe), or save it as UTF-8."
    )


def table_rows(text: str, above: int, separator: str, where: str) -> tuple[list[str], Iterator[list[str]]]:
    """Return the names of the columns, and the cells of each row as they are read.

    The text, the lines above it and the separator are what `table_text` returns.

    Raises
    ------
    ValueError
        If there is no header or no row, names repeat, rows have another number of cells than the header
        (the first of them is named), or a quote does not close.
    """
    rows = _checked(_records(text, separator, strict=True), where, separator, above)
    names = next(rows)
    _refuse_title(text, separator, where)
    return names, rows


def table_text(text: str, separator: str | None = None) -> tuple[str, int, str]:
    """Return a text from its header on, how many lines stand above that, and the separator.

    Lines at the top that begin with ``#`` are comments, but for a last one that has a name for each cell of
    the line after it. Without a separator, that of `SEPARATORS` is taken under which all rows have as many
    cells as the header.
    """
    declared = re.match(r"\s*sep=(.)\r?\n", text, re.IGNORECASE)
    if declared:  # which Excel writes
        text, separator = text[declared.end() :], separator or declared[1]
    text, above = _without_comments(text, separator)
    return text, above + bool(declared), separator or _separator(text)


def _records(text: str, separator: str, strict: bool) -> Iterator[tuple[int, list[str]]]:
    """Yield the cells of each record, with the number of its last line.

    Raises
    ------
    csv.Error
        The first argument is what is wrong, the second the number of the line.
    """
    lines = _lines(text, separator)
    reader = csv.reader(lines, delimiter=separator, strict=strict, skipinitialspace=strict)
    error = None
    while error is None:
        some = []
        # The limit is one for the whole process, so it is lifted for a moment only, and never by two at once.
        with _lifting:
            before = csv.field_size_limit(LONGEST_CELL)
            try:
                for cells in islice(reader, _RECORDS_AT_A_TIME):
                    some.append((reader.line_num, cells))
            except csv.Error as found:
                # A line with too many has not been counted yet.
                error = csv.Error(str(found), reader.line_num + isinstance(found, _TooManyCells))
            finally:
                csv.field_size_limit(before)
        yield from some
        if error is None and len(some) < _RECORDS_AT_A_TIME:
            return
    raise error


def _lines(text: str, separator: str) -> Iterator[str]:
    """Yield the lines of a text with their ends, a stretch at a time: all at once take four times the text.

    Raises
    ------
    _TooManyCells
        Before the list of a line's cells would be made, which takes far more memory than the line.
    """
    start = 0
    while start < len(text):
        end = text.rfind("\n", start, start + _STRETCH) + 1 or text.find("\n", start + _STRETCH) + 1
        end = end or len(text)
        long = end - start > _STRETCH  # and then it is one line
        for line in (text[start:end],) if long else io.StringIO(text[start:end], newline=""):
            if len(line) > MOST_COLUMNS and _has_too_many_cells(line, separator):
                raise _TooManyCells(f"more than {MOST_COLUMNS:,} cells in a line")
            yield line
        start = end


class _TooManyCells(csv.Error):
    pass


def _has_too_many_cells(line: str, separator: str) -> bool:
    many = line.count(separator) >= MOST_COLUMNS
    return many and re.sub(r'"[^"]*"', "", line).count(separator) >= MOST_COLUMNS


def _checked(
    records: Iterator[tuple[int, list[str]]], where: str, separator: str, above: int
) -> Iterator[list[str]]:
    """Yield the names, then each row; `above` lines stand before the first record."""
    names: list[str] = []
    rows = blank = 0
    uneven: list[str] = []
    longer: set[int] = set()  # by how many cells, of the rows in `uneven`
    try:
        for line, cells in records:
            if not names:
                if cells:
                    names = _names(cells, where)
                    yield names
                continue
            rows += 1
            if not cells:
                # In a table of one column, a gap.
                blank += 1
                if len(names) == 1:
                    yield [""]
            elif len(cells) != len(names):
                longer.add(len(cells) - len(names))
                remark = ", a comment; those are read at the top only" if cells[0].startswith("#") else ""
                uneven.append(f"row {rows} (line {line + above}) has {len(cells)} fields{remark}")
            elif not uneven:
                yield cells
    except csv.Error as error:
        reason, line = error.args
        place = f"{where}, row {rows + 1} (line {line + above})"
        if "more than" in reason:
            raise ValueError(f"{place} has {reason}. Is it a table?") from None
        if "limit" in reason:
            raise ValueError(
                f"{place} has a cell of more than {LONGEST_CELL:,} characters, or a quote that is not "
                "closed. Correct it, or leave such texts out of the table."
            ) from None
        blanks = (
            " If blanks stand between the cells, say so (in the shell: --sep space)." if not names else ""
        )
        raise ValueError(
            f"{place} has a quote that is not closed or not at the edge of its field ({reason}). Correct the "
            f"quotes.{blanks}"
        ) from None
    if separator in " \t" and len(uneven) == rows - blank and longer == {1}:
        raise ValueError(
            f"{where}: each row has one cell more than the header has names ({len(names)}), as where R "
            "writes the names of the rows. Write the table with row.names = FALSE, or put a name before the "
            "header."
        )
    if uneven:
        others = "".join(f"; {one}" for one in uneven[1:_LISTED])
        more = f"; and {len(uneven) - _LISTED} more" if len(uneven) > _LISTED else ""
        raise ValueError(
            f"{where}, {uneven[0]}, and the header has {len(names)}{others}{more}. Correct the rows, quote "
            f"the fields that contain {separator!r}, remove lines above the header, or name another "
            "separator (in the shell: --sep)."
        )
    if rows == blank:
        raise ValueError(f"{where} has a header and no rows. A table needs at least one row.")


def _names(cells: list[str], where: str) -> list[str]:
    """Return names without blanks around them; one that is empty gets its position."""
    names = [cell.strip() or f"column_{position}" for position, cell in enumerate(cells, start=1)]
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if all(_is_number(name) for name in names) and (repeated or not all(name.isdigit() for name in names)):
        raise ValueError(
            f"{where} has no header: its first line holds only numbers. Put a line of column names before it."
        )
    if repeated:
        listed = ", ".join(repr(name) for name in repeated[:_LISTED])
        raise ValueError(f"{where} has more than one column named {listed}. Give each its own name.")
    return names


def _refuse_title(text: str, separator: str, where: str) -> None:
    """Refuse a first line that most columns have no name in, above one that has a word for each of them."""
    try:
        above, *below = (
            cells for _, cells in islice(_records(text, separator, strict=False), _ABOVE) if cells
        )
    except csv.Error:  # which is refused where it stands
        return
    named = sum(map(bool, map(str.strip, above)))
    if 2 * named >= len(above):
        return
    for cells in below:
        if len(cells) == len(above) and all(cell.strip() and not _is_amount(cell) for cell in cells):
            raise ValueError(
                f"{where} has a name for {named} of its {len(above)} columns in its first line, and further "
                f"below a word for each ({', '.join(map(repr, cells[:3]))}, …), which seem to be the names. "
                "Remove the lines above them, or name every column in the first."
            )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _without_comments(text: str, separator: str | None) -> tuple[str, int]:
    """Return the text from its header on, and how many lines stand above that."""
    start = above = 0
    comment = ""
    while True:
        line, newline, _ = text[start : start + 65536].partition("\n")
        if line.strip() and not line.startswith("#"):
            break
        if not newline:
            return (text, 0) if not comment else (text[start:], above)
        comment = line if line.strip() else comment
        previous, start, above = start, start + len(line) + 1, above + 1
    if comment and text[previous:start].rstrip() == comment.rstrip():
        for one in [separator] if separator else SEPARATORS:
            header, cells = comment.split(one), line.split(one)
            if len(header) == len(cells) > 1 and any(map(_is_number, cells)):
                return text[previous:], above - 1
    return text[start:], above


def _separator(text: str) -> str:
    """Return the separator under which the rows fit the header, of several the one that leaves no other."""
    line = text.lstrip().split("\n", 1)[0]
    possible = [separator for separator in SEPARATORS if separator in line]
    if not possible:
        return next((one for one in SEPARATORS if _fit(text, one) == (1.0, 1.0)), ",")
    return max(possible, key=lambda separator: _fit(text, separator)) if len(possible) > 1 else possible[0]


def _fit(text: str, separator: str) -> tuple[float, float]:
    """Return which part of the rows has as many cells as the header, and of the cells no other separator."""
    fitting = rows = clean = cells = width = 0
    try:
        for _, row in _records(text, separator, strict=False):
            width = width or len(row)
            if row:
                rows += 1
                fitting += len(row) == width
                cells += len(row)
                clean += sum(not re.search(r"[,;\t|]", cell) or _is_amount(cell) for cell in row)
            if rows > _COMPARED:
                break
    except csv.Error:
        return 0.0, 0.0
    # One column is what any text has.
    return fitting / max(rows, 1), clean / max(cells, 1)


def _is_amount(cell: str) -> bool:
    return re.fullmatch(r"\W{0,3}[\d.,'\s]*\d\W{0,3}", cell.strip()) is not None
