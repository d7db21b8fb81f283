"""What the columns of a table can be, as far as their cells say: kinds, decimal marks, orders of dates."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import polars as pl

from wengert.tabular.reading import cells
from wengert.tabular.reading.cell_reading import CellReading
from wengert.tabular.reading.column_values import TEXT_TYPES, as_text
from wengert.tabular.reading.text_format import TextFormat

# Up to this many different words are categories, and a column may have as many different typing errors.
FEW = 20
# A column in which so large a part of the values are numbers is one of numbers with typing errors in it.
MOSTLY = 0.9
_OF_ANOTHER_KIND = {"numeric": "not a number", "date": "not a date", "boolean": "neither true nor false"}
_PADDED = r"^(?:0|[^\x00-\x7F])\p{Nd}+$"
_THOUSANDS = r"^[+-]?[1-9][0-9]{0,2}(\.[0-9]{3})+$"


@dataclasses.dataclass(frozen=True)
class PossibleReading:
    """What a column can be: its kind, and for numbers and dates the marks and orders under which all fit."""

    name: str
    kind: str
    missing: tuple[str, ...]
    misfits: int = 0
    decimals: tuple[str, ...] = ()
    orders: tuple[str, ...] = ()
    example: str = ""

    def choose(self, decimal: str, order: str) -> tuple[CellReading, str]:
        """Return the reading under what the other columns decided, and what to say of it."""
        note = ""
        if self.misfits:
            other, count = _OF_ANOTHER_KIND[self.kind], self.misfits
            cells_are = (
                f"1 cell is {other} and counts" if count == 1 else f"{count:,} cells are {other} and count"
            )
            note = f"{cells_are} as missing, such as {self.missing[-1]!r}"
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


def decided(options: Sequence[tuple[str, ...]], otherwise: str) -> str:
    """Return what the columns leave over that allow one thing only, if they agree."""
    decided = {one[0] for one in options if len(one) == 1 and one[0] != "ymd"}
    return decided.pop() if len(decided) == 1 else otherwise


def possible_reading(column: pl.Series, given: TextFormat) -> PossibleReading:
    """Find what a column can be."""
    dtype, name = column.dtype, column.name
    if dtype in (pl.String, pl.Binary):
        return _of_text(as_text(column), given)
    if dtype in TEXT_TYPES:
        return PossibleReading(name, "categorical", given.missing)
    kind = "date" if dtype.is_temporal() else "boolean" if dtype == pl.Boolean else "numeric"
    return PossibleReading(name, kind, given.missing, decimals=(given.decimal,) if given.decimal else ())


def _of_text(column: pl.Series, given: TextFormat) -> PossibleReading:
    text = column.alias("").drop_nulls()
    text = text.filter(~text.is_in([*cells.MISSING, *cells.MISSING_AMONG_NUMBERS, *given.missing]))
    words = PossibleReading(column.name, "categorical", given.missing)
    if not len(text):
        return words
    once = text.unique()
    padded = min(filter(cells.pads_with_zeros, once.filter(once.str.contains(_PADDED))), default="")
    if not padded and given.decimal != "," and _plainly_numbers(once):
        return PossibleReading(column.name, "numeric", given.missing, decimals=(".",))
    counts = text.value_counts().sort("")
    distinct = counts[""].to_list()
    if padded:
        numbers = _wrong(distinct, counts["count"], cells.number) == set()
        return dataclasses.replace(words, example=padded if numbers else "")
    for kind, options in _readers(given.decimal):
        fits: dict[str, set[str]] = {}
        for option, read in options.items():
            wrong = _wrong(distinct, counts["count"], read)
            if wrong is not None:
                fits[option] = wrong
            if option == "ymd" and wrong == set():
                break  # what begins with the year is read alike under every order
        if fits:
            fewest = min(map(len, fits.values()))
            fitting = tuple(option for option, wrong in fits.items() if len(wrong) == fewest)
            misfits = sorted(fits[fitting[0]])
            rows = int(counts.filter(pl.col("").is_in(misfits))["count"].sum())
            texts = [text for text in distinct if text not in misfits]
            fitting, example = _distinguished(fitting, texts, options)
            marks = {"numeric": "decimals", "date": "orders"}.get(kind)
            settled: dict[str, Any] = {} if marks is None else {marks: fitting}
            missing = (*given.missing, *misfits)
            return PossibleReading(column.name, kind, missing, rows, example=example, **settled)
    return words


def _plainly_numbers(distinct: pl.Series) -> bool:
    """Whether all texts are plain numbers, and one has a point that cannot set thousands apart."""
    if not distinct.cast(pl.Float64, strict=False).is_finite().fill_null(False).all():
        return False
    dotted = distinct.filter(distinct.str.contains(".", literal=True))
    return not (dotted.head(99).str.contains(_THOUSANDS).all() and dotted.str.contains(_THOUSANDS).all())


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
