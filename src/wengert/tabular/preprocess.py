"""From a table to numbers for a network, and from its results back: plain data, saved with the model."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Collection
from functools import partial
from typing import Annotated, Any

import numpy as np
import polars as pl

from wengert.checks import unknown_name
from wengert.errors import ConfigurationError, DataError, DTypeError, ModelFileError
from wengert.storage.records import Kinds, Mismatch, OneOf, Positive, from_plain, to_plain
from wengert.tabular.columns import Column, kinds_of_columns, require_columns
from wengert.tabular.features import SCALINGS, EncodedColumn, features
from wengert.tabular.number_columns import NumbersAndGaps, mean_and_scale, standardised
from wengert.tabular.reading import cells
from wengert.tabular.reading.column_values import (
    as_numbers,
    as_words,
    find_column,
    mapped,
    refuse_missing,
    suggestion,
)
from wengert.tabular.reading.table_reading import NOTHING_READ, TableReading, each
from wengert.tabular.task import Class, Task, class_array, task_of
from wengert.tabular.word_columns import CategoricalColumn, EmbeddedColumn, Words

_ROWS_AT_A_TIME = 65_536  # whose features are computed, so that what is computed on the way stays small


def _kinds_of_column() -> tuple[Any, ...]:
    return (*itertools.chain(*SCALINGS.values()), CategoricalColumn, EmbeddedColumn)


# Of each preset: the options of `TablePreprocessor.fit`.
PREPROCESSING: dict[str, dict[str, Any]] = {
    "tabular": {"scaling": "robust", "most_indicators": 8},
    "plain": {"scaling": "standard", "most_indicators": None},
}


@dataclasses.dataclass(frozen=True)
class Target:
    """The column to predict.

    Attributes
    ----------
    name : str
    kind : str
        ``regression``, ``binary`` or ``multiclass``.
    classes : tuple of str, int, float or bool
        Empty for regression.
    mean, scale : float
        Of a regression target; 0 and 1 for classes.
    """

    name: str
    kind: Annotated[str, OneOf(("regression", "binary", "multiclass", "multilabel"))]
    classes: tuple[Class, ...]
    mean: float
    scale: Positive


@dataclasses.dataclass(frozen=True)
class TablePreprocessor:
    """What makes features and targets of a table, fitted on the training rows.

    Attributes
    ----------
    columns : tuple of NumericColumn, CategoricalColumn, RobustColumn and EmbeddedColumn
        In the order of the table in training, but for those to be embedded, which come last. A table to
        predict may have them in any order, and others.
    target : Target
    reading : TableReading
        How the cells of a table are read before.
    """

    columns: tuple[Annotated[EncodedColumn, Kinds(_kinds_of_column)], ...]
    target: Target
    reading: TableReading = NOTHING_READ

    def __post_init__(self) -> None:
        names = [column.name for column in self.columns]
        if len(set(names)) != len(names):
            raise ConfigurationError("two columns have the same name")
        embedded = [isinstance(column, EmbeddedColumn) for column in self.columns]
        if embedded != sorted(embedded):
            raise ConfigurationError("columns to be embedded come last")
        kind, count = self.target.kind, len(self.target.classes)
        if (kind == "regression") == (count > 0) or (kind == "binary" and count != 2):
            raise ConfigurationError(f"a target of the kind {kind} does not have {count} classes")

    @staticmethod
    def fit(
        frame: pl.DataFrame,
        target: str,
        *,
        drop: Collection[str] = (),
        columns: tuple[Column, ...] | None = None,
        task: Task | None = None,
        reading: TableReading | None = None,
        scaling: str = "standard",
        most_indicators: int | None = None,
        positive: bool = False,
    ) -> TablePreprocessor:
        """Take statistics and categories from the rows of a table.

        Parameters
        ----------
        frame : polars.DataFrame
            The training rows.
        target : str
            The column to predict.
        drop : collection of str
            Columns to leave out; used only where ``columns`` is not given.
        columns, task, reading : optional
            What `infer_columns`, `infer_task` and `TableReading.infer` said of the whole table, when
            ``frame`` is a part of it.
        scaling : str
            Of numbers, a key of `SCALINGS`: ``"standard"``, by mean and standard deviation
            (`NumericColumn`), or ``"robust"``, by median and quartiles with outliers bent back
            (`RobustColumn`).
        most_indicators : int, optional
            A column of words that would become more indicators than this becomes one feature instead, the
            number of its category, which is for an embedding (`EmbeddedColumn`). By default none does.
        positive : bool
            Whether numbers to predict are counts or amounts of 0 or more: they are divided by their mean, and
            nothing is taken off.

        Raises
        ------
        DataError
            If the table has no rows, a target that is to be 0 or more is not, or as `infer_columns` and
            `infer_task` do.
        ConfigurationError
            For an unknown scaling.
        """
        if scaling not in SCALINGS:
            raise unknown_name("TablePreprocessor.fit", "scaling", scaling, SCALINGS)
        if frame.height == 0:
            raise DataError("the table has no rows to learn from.")
        require_columns(frame, target, drop)
        frame = frame.drop(drop)
        notes: dict[str, str] = {}
        if reading is None:
            reading, notes = TableReading.infer(frame)
        frame = reading.apply(frame)
        wanted = frame.get_column(target)
        if columns is None:
            columns = kinds_of_columns(frame.drop(target), target, notes)
        if task is None:
            task = task_of(wanted)
        mean, scale = 0.0, 1.0
        if task.kind == "regression":
            refuse_missing(wanted)
            numbers = as_numbers(wanted)
            mean, scale = (0.0, float(numbers.mean()) or 1.0) if positive else mean_and_scale(numbers)
        fitted = fit_columns(frame, columns, scaling, most_indicators)
        target_and_features = {target, *(column.name for column in fitted)}
        return TablePreprocessor(
            fitted, Target(target, task.kind, task.classes, mean, scale), reading.only(target_and_features)
        )

    @property
    def feature_names(self) -> tuple[str, ...]:
        """A name for each column of `transform`."""
        return tuple(name for column in self.columns for name in column.feature_names)

    @property
    def features_of_columns(self) -> list[range]:
        """The places of the features of each column in what `transform` gives."""
        ends = [0, *itertools.accumulate(len(column.feature_names) for column in self.columns)]
        return [range(first, last) for first, last in itertools.pairwise(ends)]

    @property
    def categories(self) -> tuple[int, ...]:
        """How many numbers there are in each feature that is for an embedding; they are the last ones."""
        return tuple(column.numbers for column in self.columns if isinstance(column, EmbeddedColumn))

    def transform(self, frame: pl.DataFrame) -> np.ndarray:
        """Return the features of a table.

        Parameters
        ----------
        frame : polars.DataFrame
            At least the columns of training, in any order. Others are ignored, the target too.

        Returns
        -------
        numpy.ndarray
            Shape (rows, len(feature_names)), float32, all finite.

        Raises
        ------
        DataError
            If a column is missing (the nearest name is suggested), or a value is infinite or not of the
            kind that the column had in training (names column and row).
        """
        there = {*frame.columns}
        missing = [column.name for column in self.columns if column.name not in there]
        if missing:
            listed = ", ".join(repr(name) for name in missing[:10])
            wanted = {column.name for column in self.columns}
            spare = [name for name in frame.columns if name not in wanted]
            hint = suggestion(missing[0], spare, frame.columns) if spare else ""
            raise DataError(f"the table lacks {listed}, which the model was trained with.{hint}")
        values = each([partial(self._values, column, frame) for column in self.columns])
        read = list(zip(self.columns, values, strict=True))
        groups = [
            [one for column, one in read if isinstance(column, kind)] for kind in (NumbersAndGaps, Words)
        ]
        made = np.empty((frame.height, len(self.feature_names)), np.float32)
        for first in range(0, frame.height, _ROWS_AT_A_TIME):
            rows = slice(first, first + _ROWS_AT_A_TIME)
            numbers, codes = (
                np.stack([one[rows] for one in group], axis=1) if group else None for group in groups
            )
            made[rows] = features(self.columns, numbers, codes)
        return made

    def _values(self, column: EncodedColumn, frame: pl.DataFrame) -> np.ndarray:
        return column.values(self.reading.of(column.name, column.kind).apply(frame.get_column(column.name)))

    def target_column(self, frame: pl.DataFrame) -> pl.Series:
        """Return the target of a table as it stands there; `DataError` if the column is missing."""
        return find_column(frame, self.target.name, "the target")

    def target_of(self, frame: pl.DataFrame) -> pl.Series:
        """Return the target of a table as it is read: numbers, or what the classes are.

        Raises
        ------
        DataError
            If the column is missing, or a value is.
        """
        column = self.target_column(frame)
        kind = "categorical" if any(isinstance(known, str) for known in self.target.classes) else "numeric"
        read = self.reading.of(column.name, kind).apply(column)
        refuse_missing(read)
        return read

    def transform_target(self, frame: pl.DataFrame) -> np.ndarray:
        """Return what a network is to learn from the target column of a table.

        Returns
        -------
        numpy.ndarray
            Shape (rows,). Regression: (y − mean) / scale, float32. Classes: positions in
            ``target.classes``, int64.

        Raises
        ------
        DataError
            If the column is missing, or a value is missing, infinite or a class that training did not have.
        """
        column = self.target_of(frame)
        if self.target.kind == "regression":
            numbers = standardised(as_numbers(column), self.target.mean, self.target.scale)
            largest = float(np.finfo(np.float32).max)
            clipped: np.ndarray = np.clip(numbers, -largest, largest).astype(np.float32)
            return clipped
        positions = {cells.category(known): index for index, known in enumerate(self.target.classes)}
        found = mapped(as_words(column), positions.get, pl.Int64)
        if found.has_nulls():
            row = int(found.is_null().arg_true()[0])
            known = ", ".join(repr(value) for value in self.target.classes[:10])
            raise DataError(
                f"target column {column.name!r}, row {row + 1}: the class {column[row]!r} was not in "
                f"training (its classes: {known}). Remove the row, or train again with it."
            )
        positions_of_rows: np.ndarray = found.to_numpy()
        return positions_of_rows

    def encode(self, frame: pl.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """Return features, and targets as a network gives them: numbers have shape (rows, 1)."""
        features, targets = self.transform(frame), self.transform_target(frame)
        return features, targets[:, np.newaxis] if self.target.kind == "regression" else targets

    def inverse_target(self, values: np.ndarray) -> np.ndarray:
        """Return results of the network in terms of the table: the inverse of `transform_target`.

        Parameters
        ----------
        values : numpy.ndarray
            Shape (rows,). Regression: standardised numbers. Classes: integer positions in ``target.classes``.

        Returns
        -------
        numpy.ndarray
            Shape (rows,). Regression: mean + scale · values, float64. Classes: the classes themselves.

        Raises
        ------
        DTypeError
            If positions of classes are not integers.
        """
        values = np.asarray(values)
        if self.target.kind == "regression":
            numbers: np.ndarray = self.target.mean + self.target.scale * values.astype(np.float64)
            return numbers
        if values.dtype.kind not in "iu":
            raise DTypeError(f"positions of classes must be integers, got an array of {values.dtype}.")
        classes: np.ndarray = class_array(self.target.classes)[values]
        return classes

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain JSON values; `from_json` gives an equal preprocessor back."""
        plain: dict[str, Any] = to_plain(self)
        return plain

    @staticmethod
    def from_json(document: dict[str, Any]) -> TablePreprocessor:
        """Build a preprocessor from what `to_json` gave.

        Raises
        ------
        ModelFileError
            If it is not that.
        """
        try:
            return from_plain(TablePreprocessor, document)
        except Mismatch as error:
            raise ModelFileError(
                f"the preprocessing of the model cannot be read: {error}. Train and save the model again."
            ) from None


def fit_columns(
    frame: pl.DataFrame,
    columns: Collection[Column],
    scaling: str = "standard",
    most_indicators: int | None = None,
) -> tuple[EncodedColumn, ...]:
    """Take statistics and categories from columns of a table; parameters as for `TablePreprocessor.fit`.

    Returns
    -------
    tuple of EncodedColumn
        Those to be embedded last; none for a column that is ``dropped``.
    """
    fitted = [
        _fit(frame.get_column(column.name), column.kind, scaling, most_indicators)
        for column in columns
        if column.kind != "dropped"
    ]
    return tuple(sorted(fitted, key=lambda column: isinstance(column, EmbeddedColumn)))


def _fit(column: pl.Series, kind: str, scaling: str, most_indicators: int | None) -> EncodedColumn:
    if kind != "categorical":
        fitted = (one.fit(column, kind) for one in SCALINGS[scaling])
        return next(one for one in fitted if one is not None)
    indicators = CategoricalColumn.fit(column)
    if most_indicators is not None and len(indicators.feature_names) > most_indicators:
        return EmbeddedColumn.fit(column)
    return indicators
