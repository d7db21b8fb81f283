"""How a table is read: found once, from the table in training, then the same from then on."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Sequence
from functools import cached_property, partial
from typing import Any

import polars as pl

from wengert.errors import DataError
from wengert.tabular.reading.cell_reading import CellReading
from wengert.tabular.reading.possible_readings import decided, possible_reading
from wengert.tabular.reading.text_format import NOTHING_SAID, TextFormat


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
        found = [possible_reading(column, given) for column in frame]
        decimal = given.decimal or decided([one.decimals for one in found], ".")
        order = decided([one.orders for one in found], "dmy")
        chosen = [one.choose(decimal, order) for one in found]
        notes = {reading.name: note for reading, note in chosen if note}
        return TableReading(tuple(reading for reading, _ in chosen), given), notes

    def of(self, name: str, kind: str) -> CellReading:
        """Return how a column is read; as others of its kind where nothing was found out."""
        known = self._by_name.get(name)
        return known or CellReading(name, kind, self.format.decimal or ".", missing=self.format.missing)

    @cached_property
    def _by_name(self) -> dict[str, CellReading]:
        return {one.name: one for one in self.columns}

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
        names = {*frame.columns}
        readings = [one for one in self.columns if one.name in names]
        read = each([partial(one.apply, frame.get_column(one.name)) for one in readings])
        return frame.with_columns(read)


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
