"""Columns that say of rows which belong together, when each was, and how much it counts."""

from __future__ import annotations

import dataclasses

import numpy as np
import polars as pl

from wengert.errors import ConfigurationError, DataError
from wengert.tabular.columns import Column
from wengert.tabular.reading.column_values import as_numbers, find_column, first, is_missing
from wengert.tabular.task import Class


@dataclasses.dataclass(frozen=True)
class RowRoles:
    """The columns that say how rows are used.

    Attributes
    ----------
    group : str or None
        Rows with the same value are on one side of every split.
    time : str or None
        Numbers or dates: what is held out is later than what is learnt from. It stays a feature.
    weights : str or None
        Numbers of 0 or more: how much a row counts in training.
    """

    group: str | None = None
    time: str | None = None
    weights: str | None = None

    def __post_init__(self) -> None:
        if self.group is not None and self.time is not None:
            raise ConfigurationError(
                "group and time are two ways to split: whole groups, or later rows. Give one of them."
            )

    @property
    def no_features(self) -> tuple[Column, ...]:
        """The columns that are left out because of their role."""
        notes = ((self.group, "keeps rows of the same value together"), (self.weights, "weighs the rows"))
        return tuple(Column(name, "dropped", note) for name, note in notes if name is not None)

    def require(self, frame: pl.DataFrame, target: str) -> None:
        """Refuse a role of a column that is not there or is the target.

        Raises
        ------
        DataError
        """
        for role, name in dataclasses.asdict(self).items():
            if name is not None:
                find_column(frame, name, f"for --{role}")
                if name == target:
                    raise DataError(f"column {name!r} is the target and cannot be that of --{role} as well.")

    def groups_of(self, frame: pl.DataFrame) -> np.ndarray | None:
        """Return a number for the group of each row, shape (rows,).

        Raises
        ------
        DataError
            If a cell is missing.
        """
        if self.group is None:
            return None
        column = frame.get_column(self.group)
        _refuse_gaps(column, "group")
        codes: np.ndarray = column.cast(pl.String).rank("dense").to_numpy()
        return codes

    def times_of(self, frame: pl.DataFrame) -> np.ndarray | None:
        """Return the time of each row as a number, shape (rows,); dates as `as_numbers`.

        Raises
        ------
        DataError
            If a cell is missing, or holds neither a number nor a date.
        """
        if self.time is None:
            return None
        return _numbers(frame.get_column(self.time), "time", "numbers or dates that tell the order of rows")

    def weights_of(self, frame: pl.DataFrame) -> np.ndarray | None:
        """Return the weight of each row, shape (rows,), float64.

        Raises
        ------
        DataError
            If a cell is missing, no number or below 0, or all are 0.
        """
        if self.weights is None:
            return None
        weights = _numbers(frame.get_column(self.weights), "weights", "a number for each row")
        if (weights < 0).any():
            row = int((weights < 0).argmax())
            raise DataError(
                f"column {self.weights!r} of --weights, row {row + 1}: {weights[row]:g} is below 0. "
                "Weights are 0 or more."
            )
        if not weights.any():
            raise DataError(f"column {self.weights!r} of --weights: all weights are 0, so no row counts.")
        return weights


NO_ROLES = RowRoles()


def _numbers(column: pl.Series, role: str, wanted: str) -> np.ndarray:
    _refuse_gaps(column, role)
    if not (column.dtype.is_numeric() or column.dtype.is_temporal() or column.dtype == pl.Boolean):
        raise DataError(
            f"column {column.name!r} of --{role} holds {column.dtype} such as {str(column[0])[:40]!r}; it "
            f"takes {wanted}. Name another column."
        )
    return as_numbers(column)


def _refuse_gaps(column: pl.Series, role: str) -> None:
    missing = is_missing(column)
    if missing.any():
        raise DataError(
            f"column {column.name!r} of --{role}, row {first(missing) + 1}: the cell is empty "
            f"({missing.sum()} of {len(column)} rows lack it). Fill it in, or remove the row."
        )


def class_weights(text: str, classes: tuple[Class, ...], counts: np.ndarray) -> np.ndarray:
    """Return the weight of each class, shape (classes,), float64.

    Parameters
    ----------
    text : str
        ``balanced`` for rows / (classes · rows of the class), or ``yes=5,no=1``; a class that is not named
        has 1.
    classes : tuple
    counts : numpy.ndarray
        Rows of each class, shape (classes,).

    Raises
    ------
    ConfigurationError
        If it is neither, names a class that is not there, or a weight is not a number above 0.
    """
    if not classes:
        raise ConfigurationError(
            "class_weight weighs classes, and the target is a number. Leave it out; a column of weights is "
            "named with --weights."
        )
    if text.strip() == "balanced":
        balanced: np.ndarray = counts.sum() / (len(classes) * np.maximum(counts, 1))
        return balanced
    names = [str(known) for known in classes]
    weights = np.ones(len(classes))
    for item in text.split(","):
        name, equals, value = (part.strip() for part in item.rpartition("="))
        if not equals:
            raise ConfigurationError(
                f"class_weight is balanced, or a weight for each class such as {names[0]}=2,{names[-1]}=1; "
                f"got {text!r}."
            )
        if name not in names:
            known = ", ".join(names[:10])
            raise ConfigurationError(f"class_weight: there is no class {name!r}; the classes are {known}.")
        weights[names.index(name)] = _weight(name, value)
    return weights


def _weight(name: str, value: str) -> float:
    try:
        weight = float(value)
    except ValueError:
        weight = 0.0
    if not 0 < weight < np.inf:
        raise ConfigurationError(
            f"class_weight is a number above 0 for each class, got {value!r} for the class {name!r}."
        )
    return weight
