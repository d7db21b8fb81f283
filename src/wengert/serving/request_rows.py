"""Rows of a request, JSON or CSV, as a table of the types that the model's columns have."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import polars as pl

from wengert.checks import nearest_name
from wengert.errors import DataError
from wengert.io.delimited_text import read_delimited
from wengert.printable import shortened
from wengert.serving.refusals import RequestRefused
from wengert.tabular.reading import cells
from wengert.tabular.reading.column_values import refuse_infinite
from wengert.tabular.table_model import TableModel

# By the kind of a column: its type in a table, and what a request is to hold.
_TYPES: dict[str, Any] = {
    "numeric": pl.Float64,
    "boolean": pl.Float64,
    "date": pl.Datetime("us"),
    "categorical": pl.String,
}
EXPECTED = {
    "numeric": "a number such as 12.5, or null",
    "boolean": "true, false, or null",
    "date": 'a date such as "2024-05-31", or null',
    "categorical": 'a text such as "red", or null',
}


class RequestRows:
    """Reads the rows of requests for a model.

    Parameters
    ----------
    model : TableModel

    Attributes
    ----------
    kinds : dict of str to str
        Of each column that the model takes.
    """

    def __init__(self, model: TableModel) -> None:
        preprocessor = model.preprocessor
        self.kinds = {column.name: column.kind for column in preprocessor.columns}
        self._reading = preprocessor.reading
        self._readings = {name: preprocessor.reading.of(name, kind) for name, kind in self.kinds.items()}
        # The other columns of the table that it was trained on may be there, as in a file to predict.
        training = model.training
        roles = (training.get("roles") or {}).values()
        listed = {*(column["name"] for column in training.get("columns", ())), *training.get("drop", ())}
        self._others = {preprocessor.target.name, *listed, *filter(None, roles)} - self.kinds.keys()

    def from_json(self, body: bytes) -> pl.DataFrame:
        """Read an object, which is one row, or an array of such.

        Raises
        ------
        RequestRefused
            400, with column, row and what is expected there.
        """
        try:
            document = json.loads(body, parse_constant=_no_constant, object_pairs_hook=_object)
            if b"\\ud" in body or b"\\uD" in body:
                # Half of a surrogate pair is JSON and no text: neither a table nor an answer can hold it.
                json.dumps(document, ensure_ascii=False).encode()
        except (ValueError, RecursionError) as error:
            reason = shortened(str(error), 200)
            raise RequestRefused(400, f"the body is not JSON: {reason}.") from None
        rows = document if isinstance(document, list) else [document]
        if not rows:
            raise RequestRefused(400, "the array is empty; it holds one object for each row.")
        for number, row in enumerate(rows, start=1):
            if not isinstance(row, dict):
                raise RequestRefused(
                    400,
                    f"row {number} is no object but {shortened(json.dumps(row), 40)}; a row is an object "
                    "such as {" + ", ".join(f'"{name}": …' for name in [*self.kinds][:3]) + "}.",
                    row=number,
                )
            if row.keys() != self.kinds.keys():
                self._check_names(row.keys(), number)
        return pl.DataFrame([self._column(name, [row[name] for row in rows]) for name in self.kinds])

    def from_csv(self, body: bytes) -> pl.DataFrame:
        """Read a table of text as in training, with a header.

        Raises
        ------
        RequestRefused
            400, as for `from_json`.
        """
        try:
            frame = read_delimited(body, "the body", self._reading.format)
        except DataError as error:
            raise RequestRefused(400, str(error)) from None
        if frame.height == 0 or frame.width == 0:
            raise RequestRefused(400, "the body has no rows; it is a table with a header.")
        self._check_names(frame.columns, 1)
        return pl.DataFrame([self._read(name, frame.get_column(name)) for name in self.kinds])

    def _check_names(self, names: Any, row: int) -> None:
        for name in names:
            if name not in self.kinds and name not in self._others:
                near = nearest_name(str(name), self.kinds)
                hint = f" Did you mean {near!r}?" if near else ""
                raise RequestRefused(
                    400,
                    f"the model knows no column {shortened(str(name), 80)!r}.{hint}",
                    column=str(name)[:200],
                    row=row,
                    expected=list(self.kinds),
                )
        for name, kind in self.kinds.items():
            if name not in names:
                raise RequestRefused(
                    400,
                    f"row {row} lacks the column {name!r}; null stands for a missing value.",
                    column=name,
                    row=row,
                    expected=EXPECTED[kind],
                )

    def _column(self, name: str, values: list[Any]) -> pl.Series:
        """Return a column of JSON values; texts are read as cells of a file are, all of them at once."""
        texts = [value if type(value) is str else None for value in values]
        if texts.count(None) == len(texts):
            return self._without_texts(name, values)
        try:
            read = self._read(name, pl.Series(name, texts, pl.String))
        except RequestRefused as refused:
            row = refused.details["row"]
            raise self._refusal(name, row, values[row - 1]) from None
        others = [None if type(value) is str else value for value in values]
        if others.count(None) == len(others):
            return read
        return read.fill_null(self._without_texts(name, others))

    def _without_texts(self, name: str, values: list[Any]) -> pl.Series:
        kind = self.kinds[name]
        allowed = _ALLOWED[kind]
        for row, value in enumerate(values, start=1):
            if type(value) not in allowed or _infinite(value):
                raise self._refusal(name, row, value)
        convert = _CONVERTED[kind]
        return pl.Series(name, [None if one is None else convert(one) for one in values], _TYPES[kind])

    def _read(self, name: str, column: pl.Series) -> pl.Series:
        try:
            return self._as_trained(name, column)
        except DataError as error:
            expected = EXPECTED[self.kinds[name]]
            row = self._first_unreadable(name, column)
            raise RequestRefused(400, str(error), column=name, row=row, expected=expected) from None

    def _as_trained(self, name: str, column: pl.Series) -> pl.Series:
        kind = self.kinds[name]
        read = self._readings[name].apply(column).cast(_TYPES[kind])
        if kind == "numeric":
            refuse_infinite(name, read.to_numpy())
        return read

    def _first_unreadable(self, name: str, column: pl.Series) -> int:
        """Return the number of the first row that cannot be read, by bisection; one cannot."""
        good, bad = 0, len(column)
        while bad - good > 1:
            middle = (good + bad) // 2
            try:
                self._as_trained(name, column[:middle])
                good = middle
            except DataError:
                bad = middle
        return bad

    def _refusal(self, name: str, row: int, value: Any) -> RequestRefused:
        expected = EXPECTED[self.kinds[name]]
        shown = shortened(json.dumps(value), 60)
        return RequestRefused(
            400,
            f"column {name!r}, row {row}: {shown} is not {expected}.",
            column=name,
            row=row,
            expected=expected,
        )


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"an object has two values of {json.dumps(twice)[:80]}")
    return row


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is no number of JSON; null stands for a missing one")


def _infinite(value: Any) -> bool:
    """Whether a number is infinite, or would be in 64 bits; JSON has 1e999."""
    return type(value) in (int, float) and abs(value) > sys.float_info.max


_MISSING = type(None)
_ALLOWED: dict[str, tuple[type, ...]] = {
    "numeric": (int, float, _MISSING),
    "boolean": (bool, _MISSING),
    "date": (_MISSING,),
    "categorical": (str, int, float, bool, _MISSING),
}
_CONVERTED: dict[str, Callable[[Any], Any]] = {
    "numeric": float,
    "boolean": float,
    "date": str,
    "categorical": cells.category,
}
