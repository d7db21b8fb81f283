"""Models of tables as directories and as what other formats take, and tables as a model reads them."""

from __future__ import annotations

import os

import numpy as np
import polars as pl

from wengert import nn
from wengert.errors import ModelFileError, WengertError
from wengert.io.formats.portable_model import PortableModel
from wengert.io.model_directory import SavedModel, load_model, save_model
from wengert.io.network_arrays import arrays_of, with_arrays
from wengert.io.tables import read_table
from wengert.printable import shortened
from wengert.storage.records import Mismatch
from wengert.tabular.preprocess import TablePreprocessor
from wengert.tabular.reading.text_format import NOTHING_SAID, TextFormat
from wengert.tabular.table_model import TableModel
from wengert.tabular.training_record import check_training


def portable(model: TableModel) -> PortableModel:
    """Return what the writers of other formats take."""
    columns, target = model.preprocessor.columns, model.preprocessor.target
    names = tuple(column.name for column in columns)
    return PortableModel(model.network, target, names, columns, model.preprocessor.reading)


def read_as_in_training(
    model: TableModel, source: str | os.PathLike[str], given: TextFormat = NOTHING_SAID
) -> pl.DataFrame:
    """Read a table as that in training was read, but for what is said of this one.

    Raises
    ------
    DataError
        As `read_table`, or if a cell is not what its column held in training.
    """
    reading = model.preprocessor.reading.instead(given)
    return reading.apply(read_table(source, given=reading.format, as_text=True))


def save_table_model(model: TableModel, directory: str | os.PathLike[str]) -> None:
    """Write a model to a directory, whole or not at all, as `save_model`."""
    save_model(
        directory,
        SavedModel(
            architecture=nn.to_config(model.network),
            parameters=arrays_of(model.network),
            preprocessing=model.preprocessor.to_json(),
            training=model.training,
        ),
    )


def load_table_model(directory: str | os.PathLike[str]) -> TableModel:
    """Read a model that `save_table_model` wrote.

    Raises
    ------
    ModelFileError
        As `load_model`, or if network, parameters and preprocessing do not fit together.
    """
    saved = load_model(directory)
    preprocessor = TablePreprocessor.from_json(saved.preprocessing)
    try:
        check_training(saved.training)
        network = with_arrays(nn.from_config(saved.architecture), saved.parameters)
        # One row through everything: what fits together here fits for any table.
        with np.errstate(all="ignore"):
            outputs = np.shape(network(np.zeros((1, len(preprocessor.feature_names)), np.float32)))
    except (WengertError, Mismatch) as error:
        raise ModelFileError(
            f"{directory} does not fit together: {shortened(str(error), 500)}. Train and save it again."
        ) from None
    fits = preprocessor.target.kind != "multilabel"  # which no table has
    if not fits or outputs != (1, max(1, len(preprocessor.target.classes))):
        raise ModelFileError(f"{directory}: the network's outputs do not fit the target. Train it again.")
    return TableModel(preprocessor, network, saved.training)
