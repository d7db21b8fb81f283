"""All that a file must hold so that another program can predict as we do."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from wengert import nn
from wengert.errors import DTypeError
from wengert.io.formats.row_program import RowProgram
from wengert.ir.program import Program
from wengert.primitives.composites import softmax
from wengert.primitives.exponential import sigmoid
from wengert.tabular.features import EncodedColumn, features
from wengert.tabular.number_columns import NumbersAndGaps
from wengert.tabular.preprocess import Target
from wengert.tabular.reading.cell_reading import CellReading
from wengert.tabular.reading.table_reading import NOTHING_READ, TableReading
from wengert.tabular.word_columns import Words
from wengert.trace.tree import flatten, unflatten

NUMBERS = Target("variable", "regression", (), 0.0, 1.0)


@dataclasses.dataclass(frozen=True)
class PortableModel:
    """A trained network with what turns rows into its inputs and its outputs into answers.

    Attributes
    ----------
    network : nn.Module
        Initialised. Takes features of shape (rows, inputs); gives one logit a class (for two classes, one
        logit of the second is enough; for labels, one logit each), or numbers.
    target : Target
        Its kind may also be ``multilabel``: each class is there or not. `NUMBERS` for outputs as they are.
    feature_names : tuple of str
        One for each column that is asked of the user, in order.
    columns : tuple of EncodedColumn
        How those columns become features; none where they are the features already.
    reading : TableReading
        How the cells of those columns are read before.
    """

    network: nn.Module
    target: Target
    feature_names: tuple[str, ...]
    columns: tuple[EncodedColumn, ...] = ()
    reading: TableReading = NOTHING_READ

    @staticmethod
    def of_network(network: nn.Module, inputs: int, target: Target = NUMBERS) -> PortableModel:
        """Describe a network on its own, whose features are called x0, x1, …"""
        return PortableModel(network, target, tuple(f"x{position}" for position in range(inputs)))

    @property
    def inputs(self) -> int:
        """Number of features that the network takes."""
        if not self.columns:
            return len(self.feature_names)
        return sum(len(column.feature_names) for column in self.columns)

    @property
    def numeric_columns(self) -> tuple[NumbersAndGaps, ...]:
        """The columns that are given as numbers, in order."""
        return tuple(column for column in self.columns if isinstance(column, NumbersAndGaps))

    @property
    def word_columns(self) -> tuple[Words, ...]:
        """The columns that are given as words, in order."""
        return tuple(column for column in self.columns if isinstance(column, Words))


def answers(target: Target, outputs: Any) -> tuple[Any, ...]:
    """Return what a user wants to know, from the outputs of the network; plain NumPy, so it can be traced.

    Parameters
    ----------
    target : Target
    outputs : array or tensor, shape (rows, outputs)

    Returns
    -------
    tuple
        Numbers: the one array of them. Classes: the position of the most probable class, shape (rows,), and
        the probabilities, shape (rows, classes). Labels: 0 or 1, and the probabilities of 1, both of shape
        (rows, labels).
    """
    if target.kind == "regression":
        if (target.mean, target.scale) == (0.0, 1.0):
            return (outputs,)
        return (target.mean + target.scale * outputs.astype(np.float64),)
    if target.kind == "multilabel":
        return (outputs > 0).astype(np.int64), sigmoid(outputs)
    if outputs.shape[1] == 1 and len(target.classes) == 2:
        second = sigmoid(outputs)
        return np.squeeze(outputs > 0, 1).astype(np.int64), np.concatenate([1 - second, second], axis=1)
    return np.argmax(outputs, axis=1), softmax(outputs, axis=1)


def readings(model: PortableModel) -> list[CellReading]:
    """Return how the cells of each column are read, in order."""
    return [model.reading.of(column.name, column.kind) for column in model.columns]


def trace_model(
    model: PortableModel,
    arrays: dict[str, np.ndarray],
    rewrite: Callable[[Program], Program] | None = None,
) -> RowProgram:
    """Trace all that a model computes, from its columns to its answers.

    Parameters
    ----------
    model : PortableModel
    arrays : dict of str to numpy.ndarray
        The arrays of the network in their order, perhaps in another dtype, by the names to give them.
    rewrite : callable, optional
        See `RowProgram`.

    Returns
    -------
    RowProgram
        Its inputs are the arrays and then ``X``, or where the model has columns ``numbers`` and ``codes`` as
        `features` takes them, each if there are any.

    Raises
    ------
    DTypeError
        If the network computes with its own dtype only, and the arrays are in another.
    """
    leaves, structure = flatten(model.network)

    def answer(*arguments: Any) -> tuple[Any, ...]:
        network = unflatten(structure, list(arguments[: len(arrays)]))
        rows = arguments[len(arrays) :]
        if not model.columns:
            return answers(model.target, network(rows[0]))
        given = dict(zip(inputs, rows, strict=True))
        made = features(model.columns, given.get("numbers"), given.get("codes"))
        return answers(model.target, network(made))

    if model.columns:
        groups = {
            "numbers": (len(model.numeric_columns), np.float64),
            "codes": (len(model.word_columns), np.int64),
        }
        inputs = {name: ((count,), np.dtype(dtype)) for name, (count, dtype) in groups.items() if count}
        return RowProgram(answer, arrays, inputs, rewrite)

    def over_numbers(arrays: Mapping[str, np.ndarray]) -> RowProgram:
        floating = next((array.dtype for array in arrays.values()), np.dtype(np.float32))
        return RowProgram(answer, arrays, {"X": ((model.inputs,), floating)}, rewrite)

    try:
        return over_numbers(arrays)
    except DTypeError as error:
        try:
            over_numbers({name: np.asarray(leaf) for name, leaf in zip(arrays, leaves, strict=True)})
        except DTypeError:  # an embedding, which takes integers
            return RowProgram(answer, arrays, {"X": ((model.inputs,), np.dtype(np.int64))}, rewrite)
        raise error  # the network takes numbers, of its own dtype only


def width(model: PortableModel) -> int:
    """Return how many numbers the network gives for a row."""
    raw = dataclasses.replace(model, target=NUMBERS)
    arrays = {f"array{place}": np.asarray(leaf) for place, leaf in enumerate(flatten(model.network)[0])}
    return int(trace_model(raw, arrays).program.outputs[0].type.shape[1])
