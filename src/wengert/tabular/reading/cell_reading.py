"""How the cells of one column are read."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any

import polars as pl

from wengert.errors import DataError
from wengert.storage.records import OneOf
from wengert.tabular.reading import cells
from wengert.tabular.reading.column_values import TEXT_TYPES, as_text, as_words, first, mapped


@dataclasses.dataclass(frozen=True)
class CellReading:
    """How the cells of one column are read; see `wengert.tabular.reading.cells`.

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
    kind: Annotated[str, OneOf(("categorical", *KINDS))]
    decimal: Annotated[str, OneOf((".", ","))] = "."
    order: Annotated[str, OneOf(("dmy", "mdy", "ymd"))] = "ymd"
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
            # Plain numbers are read by polars, which is faster.
            numbers = known.cast(pl.Float64, strict=False).fill_nan(None)
            if numbers.null_count() > known.null_count():
                rest = known.set(numbers.is_not_null(), None)
                numbers = numbers.fill_null(mapped(rest, self._number, pl.Float64))
        else:
            numbers = mapped(known, self._number, pl.Float64)
        wrong = numbers.is_null() & known.is_not_null()
        if wrong.any():
            row = first(wrong)
            raise DataError(
                f"column {self.name!r}, row {row + 1}: {str(text[row])[:40]!r} is {KINDS[self.kind]} "
                f"training. Correct it, or leave the cell empty.{self._other_mark(str(text[row]))}"
            )
        # Python takes more characters for spaces than polars: cells of these alone have become NaN.
        return self._typed(numbers.fill_nan(None), known)

    def _number(self, text: str) -> float | None:
        try:
            return self.quantity(text)
        except ValueError:
            return None

    def _other_mark(self, text: str) -> str:
        """Return a sentence for a text that is a number under the other decimal mark."""
        other = "," if self.decimal == "." else "."
        if self.kind != "numeric" or cells.number(text, other) is None:
            return ""
        return f" If {other!r} stands before fractions here, say so (in the shell: --decimal {other})."

    def _typed(self, numbers: pl.Series, text: pl.Series) -> pl.Series:
        if self.kind == "date":
            moments = (numbers * cells.MICROSECONDS_A_DAY).round().cast(pl.Int64)
            whole = (moments % cells.MICROSECONDS_A_DAY == 0).all()
            return moments.cast(pl.Datetime("us")).cast(pl.Date if whole else pl.Datetime("us"))
        if self.kind == "boolean" and numbers.drop_nulls().is_in([0.0, 1.0]).all():
            return numbers.cast(pl.Boolean)
        if self.kind != "numeric" or not (numbers == numbers.round()).all():
            return numbers
        exact = text.cast(pl.Int64, strict=False)
        if exact.null_count() == text.null_count():
            return exact
        fractions = text.str.contains(r"[eE]").any() or text.str.contains(self.decimal, literal=True).any()
        return numbers if fractions or (numbers.abs() >= 2**53).any() else numbers.cast(pl.Int64)


# Besides words: the kinds of columns, and what a text is not that is refused in one.
KINDS = {
    "numeric": "not a number, and the column held numbers in",
    "boolean": "not true or false, and the column held those in",
    "date": "not a date as they were written in",
}
