"""How the cells of each column are read: found once, from the table in training, then the same for ever."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any

import polars as pl

from wengert.errors import ConfigurationError, DataError, ModelFileError
from wengert.io import cells
from wengert.io.column_values import TEXT_TYPES, as_text, as_words, first, mapped
from wengert.io.plain_records import from_plain, to_plain

# Up to so many different words are categories, and a column may have so many different slips.
FEW = 20
# A column in which so large a part of the values are numbers is one of numbers with slips in it.
MOSTLY = 0.9


@dataclasses.dataclass(frozen=True)
class TextFormat:
    """What a person says of a text file, because it cannot be guessed.

    Attributes
    ----------
    separator : str
        Between cells: a character. Empty where it is to be found.
    encoding : str
        Of bytes that are not UTF-8. Empty for none.
    decimal : str
        ``"."`` or ``","`` before the fraction of numbers. Empty where it is to be found.
    missing : tuple of str
        What means "no value" in any column, besides what always does.
    """

    separator: str = ""
    encoding: str = ""
    decimal: str = ""
    missing: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(self.separator) > 1 or self.separator in ('"', "\n", "\r"):
            raise ConfigurationError(f"the separator is one character, got {self.separator!r}.")
        if self.decimal not in ("", ".", ","):
            raise ConfigurationError(f"the decimal mark is . or , and not {self.decimal!r}.")
        try:
            "".encode(self.encoding or "utf-8")
        except LookupError:
            raise ConfigurationError(
                f"there is no encoding {self.encoding!r}; some are utf-8, utf-16, cp1252, latin-1, shift_jis."
            ) from None

    def or_else(self, other: TextFormat) -> TextFormat:
        """Return this format, with that of another for what it does not say."""
        pairs = {name: getattr(self, name) or getattr(other, name) for name in _FORMAT_FIELDS}
        return TextFormat(**pairs)


_FORMAT_FIELDS = tuple(field.name for field in dataclasses.fields(TextFormat))
NOTHING_SAID = TextFormat()


@dataclasses.dataclass(frozen=True)
class CellReading:
    """How the cells of one column are read; see `wengert.io.cells`.

    Attributes
    ----------
    name : str
        Of the column.
    kind : str
        ``numeric``, ``boolean``, ``date`` or ``categorical``.
    decimal : str
        ``"."`` or ``","``.
    order : str
        Of dates in figures that do not begin with the year: ``dmy`` or ``mdy``, or ``ymd`` where there are
        none.
    missing : tuple of str
        Texts that mean "no value" in this column besides those that always do.
    """

    name: str
    kind: str
    decimal: str = "."
    order: str = "ymd"
    missing: tuple[str, ...] = ()

    def quantity(self, cell: Any) -> float:
        """Return the number that a cell means, NaN where it is missing; raise ValueError where none."""
        return cells.quantity(cell, self.kind, self.decimal, self.order, self.missing)

    def apply(self, column: pl.Series) -> pl.Series:
        """Return a column as what it holds: text as numbers, booleans or dates; words as their categories.

        Raises
        ------
        DataError
            If a text is not of the kind of the column; names the column and the row.
        """
        if self.kind == "categorical":
            return as_words(column, self.missing)
        if column.dtype not in TEXT_TYPES:
            return column
        text = as_text(column)
        known = text.set(text.is_in([*cells.MISSING, *cells.MISSING_AMONG_NUMBERS, *self.missing]), None)
        if self.kind == "numeric" and self.decimal == ".":
            plain = known.str.contains(f"^(?:{cells.PLAIN_NUMBER})$").fill_null(False)
            numbers = known.set(~plain, None).cast(pl.Float64)
            if not plain.all():
                rest = mapped(known.set(plain, None), self._number, pl.Float64)
                numbers = numbers.fill_null(rest)
        else:
            numbers = mapped(known, self._number, pl.Float64)
        wrong = numbers.is_null() & known.is_not_null()
        if wrong.any():
            row = first(wrong)
            raise DataError(
                f"column {self.name!r}, row {row + 1}: {str(text[row])[:40]!r} is {_NOT[self.kind]} "
                "training. Correct it, or leave the cell empty."
            )
        return self._typed(numbers, known)

    def _number(self, text: str) -> float | None:
        try:
            return self.quantity(text)
        except ValueError:
            return None

    def _typed(self, numbers: pl.Series, text: pl.Series) -> pl.Series:
        if self.kind == "date":
            moments = (numbers * cells.MICROSECONDS_A_DAY).round().cast(pl.Int64)
            whole = (moments % cells.MICROSECONDS_A_DAY == 0).all()
            return moments.cast(pl.Datetime("us")).cast(pl.Date if whole else pl.Datetime("us"))
        if self.kind == "boolean" and numbers.drop_nulls().is_in([0.0, 1.0]).all():
            return numbers.cast(pl.Boolean)
        if self.kind == "numeric" and text.str.contains(r"^[+-]?[0-9]{1,18}$").all():
            return text.cast(pl.Int64)
        fractions = text.str.contains(r"[eE]").any() or text.str.contains(self.decimal, literal=True).any()
        whole = (numbers == numbers.round()).all() and (numbers.abs() < 2**53).all()
        return numbers.cast(pl.Int64) if whole and not fractions else numbers


_NOT = {
    "numeric": "not a number, and the column held numbers in",
    "boolean": "not true or false, and the column held those in",
    "date": "not a date as they were written in",
}


@dataclasses.dataclass(frozen=True)
class TableReading:
    """How a table is read.

    Attributes
    ----------
    columns : tuple of CellReading
    format : TextFormat
        What was said of the file in training.
    """

    columns: tuple[CellReading, ...] = ()
    format: TextFormat = NOTHING_SAID

    @staticmethod
    def infer(frame: pl.DataFrame, given: TextFormat = NOTHING_SAID) -> tuple[TableReading, dict[str, str]]:
        """Find out how the cells of a table are read.

        Text is read as numbers, as dates, or as true and false where all cells of a column are that, missing
        ones apart, or where nine tenths are and few words stand among them, which then mean "missing". Zeros
        in front of digits make words of them. What one column leaves open (is 1,200 a thousand, is 01/02 in
        January?) the others decide.

        Returns
        -------
        reading : TableReading
        notes : dict of str to str
            For columns of which a person should know how they were read.
        """
        found = [_possible(column, given) for column in frame]
        decimal = given.decimal or _decided([one.decimals for one in found], ".")
        order = _decided([one.orders for one in found], "dmy")
        chosen = [one.choose(decimal, order) for one in found]
        notes = {reading.name: note for reading, note in chosen if note}
        return TableReading(tuple(reading for reading, _ in chosen), given), notes

    def of(self, name: str, kind: str) -> CellReading:
        """Return how a column is read; as others of its kind where nothing was found out."""
        return next(
            (one for one in self.columns if one.name == name),
            CellReading(name, kind, self.format.decimal or ".", missing=self.format.missing),
        )

    def only(self, names: Collection[str]) -> TableReading:
        """Return how some of the columns are read."""
        return dataclasses.replace(self, columns=tuple(one for one in self.columns if one.name in names))

    def instead(self, given: TextFormat) -> TableReading:
        """Return the reading with what is said of a file to predict in place of what was in training."""
        columns = [
            dataclasses.replace(
                one, decimal=given.decimal or one.decimal, missing=tuple({*one.missing, *given.missing})
            )
            for one in self.columns
        ]
        return TableReading(tuple(columns), given.or_else(self.format))

    def apply(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return a table with each known column as what it holds; see `CellReading.apply`.

        Raises
        ------
        DataError
            Naming each column in which a cell cannot be read, with the first row of each.
        """
        readings = [one for one in self.columns if one.name in frame.columns]
        read = each([partial(one.apply, frame.get_column(one.name)) for one in readings])
        return frame.with_columns(read)

    def to_json(self) -> dict[str, Any]:
        """Return the reading as plain JSON values."""
        return {"columns": [to_plain(one) for one in self.columns], "format": to_plain(self.format)}

    @staticmethod
    def from_json(document: Any) -> TableReading:
        """Build a reading from what `to_json` gave.

        Raises
        ------
        ModelFileError
            If it is not that.
        """
        try:
            columns = tuple(from_plain(CellReading, one) for one in document["columns"])
            if not all(one.kind in ("categorical", *_NOT) and one.decimal in (".", ",") for one in columns):
                raise ValueError("unknown kind or decimal mark")
            return TableReading(columns, from_plain(TextFormat, document["format"]))
        except (KeyError, TypeError, ValueError) as error:
            raise ModelFileError(f"how its cells are read cannot be found out ({error!r}).") from None


NOTHING_READ = TableReading()


def each(steps: Sequence[Callable[[], Any]]) -> list[Any]:
    """Return what each of some steps gives; raise what all that fail say as one `DataError`."""
    results, problems = [], []
    for step in steps:
        try:
            results.append(step())
        except DataError as error:
            problems.append(str(error))
    if problems:
        raise DataError("\n".join(problems))
    return results


@dataclasses.dataclass(frozen=True)
class _Possible:
    """What a column can be: its kind, and for numbers and dates the marks and orders under which all fit."""

    name: str
    kind: str
    missing: tuple[str, ...]
    slips: int = 0
    decimals: tuple[str, ...] = ()
    orders: tuple[str, ...] = ()
    example: str = ""

    def choose(self, decimal: str, order: str) -> tuple[CellReading, str]:
        note = ""
        if self.slips:
            note = f"{self.slips} cells that are none count as missing, such as {self.missing[-1]!r}"
        open_decimal, open_order = len(self.decimals) > 1, len(self.orders) > 1
        if self.decimals and not (open_decimal and decimal in self.decimals):
            decimal = self.decimals[0]
        if self.orders and not open_order:
            order = self.orders[0]
        reading = CellReading(self.name, self.kind, decimal, order if self.orders else "ymd", self.missing)
        if self.kind == "numeric" and self.example:
            note = f"{self.example!r} is read as {reading.quantity(self.example):.12g}" + (
                note and f"; {note}"
            )
        if self.kind == "categorical" and self.example:
            note = f"holds words, since zeros stand in front of them, as in {self.example!r}"
        if open_order:
            first = "day" if order == "dmy" else "month"
            note = f"{self.example!r} is read with the {first} first" + (note and f"; {note}")
        return reading, note


def _decided(options: Sequence[tuple[str, ...]], otherwise: str) -> str:
    """Return what the columns leave over that allow one thing only, if they agree."""
    decided = {one[0] for one in options if len(one) == 1 and one[0] != "ymd"}
    return decided.pop() if len(decided) == 1 else otherwise


def _possible(column: pl.Series, given: TextFormat) -> _Possible:
    """Find what a column can be."""
    if column.dtype not in (pl.String, pl.Binary):
        kind = (
            "date" if column.dtype.is_temporal() else "boolean" if column.dtype == pl.Boolean else "numeric"
        )
        return _Possible(
            column.name,
            "categorical" if column.dtype in TEXT_TYPES else kind,
            given.missing,
            decimals=(given.decimal,) if given.decimal else (),
        )
    text = as_text(column).alias("")
    absent = [*cells.MISSING, *given.missing]
    text = text.set(text.is_in([*absent, *cells.MISSING_AMONG_NUMBERS]), None).drop_nulls()
    words = _Possible(column.name, "categorical", given.missing)
    if not len(text):
        return words
    counts = text.value_counts().sort("")
    distinct: list[str] = counts[""].to_list()
    padded = next(filter(cells.pads_with_zeros, distinct), "")
    if padded and _wrong(distinct, counts["count"], cells.number) == set():
        return dataclasses.replace(words, example=padded)
    if padded:
        return words
    for kind, options in _readers(given.decimal):
        fits = {option: _wrong(distinct, counts["count"], read) for option, read in options.items()}
        fewest = min((len(one) for one in fits.values() if one is not None), default=None)
        if fewest is None:
            continue
        fitting = tuple(
            option for option, wrong in fits.items() if wrong is not None and len(wrong) == fewest
        )
        slips = sorted(fits[fitting[0]] or ())
        rows = int(counts.filter(pl.col("").is_in(slips))["count"].sum())
        fitting, example = _distinguished(fitting, distinct, options)
        marks = {"numeric": "decimals", "date": "orders"}.get(kind)
        settled: dict[str, Any] = {} if marks is None else {marks: fitting}
        return _Possible(column.name, kind, (*given.missing, *slips), rows, example=example, **settled)
    return words


Read = Callable[[str], float | None]


def _readers(decimal: str) -> list[tuple[str, dict[str, Read]]]:
    """Return the ways to read text, by kind, in the order in which they are tried."""
    numbers: dict[str, Read] = {
        mark: partial(cells.number, decimal=mark) for mark in (".", ",") if decimal in ("", mark)
    }
    dates: dict[str, Read] = {order: partial(cells.days, order=order) for order in ("ymd", "dmy", "mdy")}
    return [("boolean", {"": cells.truth}), ("numeric", numbers), ("date", dates)]


def _wrong(distinct: list[str], counts: pl.Series, read: Read) -> set[str] | None:
    """Return the texts that are not of a kind; None where they are too many for the column to be of it."""
    tolerated = FEW if len(distinct) > FEW else 0
    wrong: set[str] = set()
    rows = 0
    for text, count in zip(distinct, counts, strict=True):
        if read(text) is None:
            wrong.add(text)
            rows += count
            if len(wrong) > tolerated:
                return None
    return wrong if rows <= (1 - MOSTLY) * int(counts.sum()) else None


def _distinguished(
    fitting: tuple[str, ...], distinct: list[str], options: dict[str, Read]
) -> tuple[tuple[str, ...], str]:
    """Return those of the options that read something differently, and an example.

    The one option where there is but one; none where all say the same of every text.
    """
    if len(fitting) > 1:
        for text in distinct:
            found = {options[option](text): option for option in reversed(fitting)}
            if len(found) > 1:
                return tuple(option for option in fitting if option in found.values()), text
    odd = next((text for text in distinct if not re.fullmatch(cells.PLAIN_NUMBER, text)), "")
    return fitting if len(fitting) == 1 else (), odd
