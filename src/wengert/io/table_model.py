"""A network together with what turns tables into its inputs and its outputs back: what a person trains."""

from __future__ import annotations

import dataclasses
import os
from typing import Any

import numpy as np
import polars as pl

from wengert import nn, train
from wengert.errors import ConfigurationError, DataError, ModelFileError, WengertError
from wengert.io import metrics
from wengert.io.column_values import as_numbers
from wengert.io.evaluation import classification_scores, regression_scores
from wengert.io.formats.portable_model import PortableModel
from wengert.io.model_directory import SavedModel, load_model, save_model
from wengert.io.network_arrays import arrays_of, with_arrays
from wengert.io.preprocess import TablePreprocessor
from wengert.io.reading.text_format import NOTHING_SAID, TextFormat
from wengert.io.row_fingerprints import RowFingerprints, SeenRows
from wengert.io.tables import read_table
from wengert.io.training_record import check_training
from wengert.printable import shortened
from wengert.storage.records import Mismatch, from_plain


@dataclasses.dataclass(frozen=True)
class TableModel:
    """A trained model of a table.

    Attributes
    ----------
    preprocessor : TablePreprocessor
    network : nn.Module
        Takes the features of the preprocessor. Its outputs are one logit a class, or for regression the
        standardised target.
    training : dict
        Plain JSON: how it was trained and how it scored.
    """

    preprocessor: TablePreprocessor
    network: nn.Module
    training: dict[str, Any]

    @property
    def is_classifier(self) -> bool:
        """Whether it predicts classes."""
        return self.preprocessor.target.kind != "regression"

    def portable(self) -> PortableModel:
        """Return what the writers of other formats take."""
        columns = self.preprocessor.columns
        names = tuple(column.name for column in columns)
        target, reading = self.preprocessor.target, self.preprocessor.reading
        return PortableModel(self.network, target, names, columns, reading)

    def read(self, source: str | os.PathLike[str], given: TextFormat = NOTHING_SAID) -> pl.DataFrame:
        """Read a table as that in training was read, but for what is said of this one.

        Raises
        ------
        DataError
            As `wengert.io.read_table`, or if a cell is not what its column held in training.
        """
        reading = self.preprocessor.reading.instead(given)
        return reading.apply(read_table(source, given=reading.format, as_text=True))

    def outputs(self, frame: pl.DataFrame) -> np.ndarray:
        """Return the network's outputs for the rows of a table, shape (rows, outputs), float32, all finite.

        Raises
        ------
        DataError
            As `TablePreprocessor.transform`, and if the network gives a number too large for float32.
        """
        outputs = np.asarray(train.predict(self.network, self.preprocessor.transform(frame)))
        wrong = ~np.isfinite(outputs).all(axis=1)
        if wrong.any():
            raise DataError(
                f"row {int(wrong.argmax()) + 1}: the prediction is not a finite number. Its values lie too "
                "far from those in training; correct them, or leave the cells empty."
            )
        return outputs

    def log_probabilities(self, frame: pl.DataFrame) -> np.ndarray:
        """Return the logarithms of the classes' probabilities, shape (rows, classes), float64."""
        return metrics.log_softmax(self.outputs(frame))

    def predict(self, frame: pl.DataFrame, *, probabilities: bool = False) -> pl.DataFrame:
        """Predict the target of each row.

        Parameters
        ----------
        frame : polars.DataFrame
            At least the columns of training, in any order.
        probabilities : bool
            Whether to add the probability of each class.

        Returns
        -------
        polars.DataFrame
            ``predicted_<target>`` and, if asked for, ``probability_<class>`` for each class; one row for
            each of ``frame``.

        Raises
        ------
        DataError
            As `outputs`.
        ConfigurationError
            If probabilities of a regression are asked for.
        """
        if probabilities and not self.is_classifier:
            raise ConfigurationError(
                f"the model predicts the number {self.preprocessor.target.name!r}, which has no "
                "probabilities of classes. Leave out --probabilities."
            )
        outputs = self.outputs(frame)
        results = outputs.argmax(axis=1) if self.is_classifier else outputs[:, 0]
        name = f"predicted_{self.preprocessor.target.name}"
        columns = {name: pl.Series(name, self.preprocessor.inverse_target(results))}
        if probabilities:
            shares = np.exp(metrics.log_softmax(outputs))
            for known, share in zip(self.preprocessor.target.classes, shares.T, strict=True):
                columns[f"probability_{known}"] = pl.Series(share)
        return pl.DataFrame(columns)

    def score(self, frame: pl.DataFrame) -> dict[str, Any]:
        """Score the predictions for rows whose target is known: see `wengert.io.evaluation`.

        Raises
        ------
        DataError
            As `outputs`, or if the target is missing, infinite, or of a class not seen in training.
        """
        target = self.preprocessor.target
        if self.is_classifier:
            actual = self.preprocessor.transform_target(frame)
            return classification_scores(actual, self.log_probabilities(frame), target.classes)
        column = self.preprocessor.target_of(frame)
        predicted = self.preprocessor.inverse_target(self.outputs(frame)[:, 0])
        return regression_scores(as_numbers(column), predicted)

    def seen(self, frame: pl.DataFrame) -> SeenRows | None:
        """Return how many rows of a table equal rows that the model was trained on; None where unknown.

        Raises
        ------
        DataError
            As `score`.
        """
        document = self.training.get("fingerprints")
        if document is None:  # written by an earlier version
            return None
        fingerprints = from_plain(RowFingerprints, document)
        return fingerprints.seen(
            self.preprocessor.transform(frame), self.preprocessor.transform_target(frame)
        )

    def save(self, directory: str | os.PathLike[str]) -> None:
        """Write the model to a directory, whole or not at all, as `save_model`."""
        save_model(
            directory,
            SavedModel(
                architecture=nn.to_config(self.network),
                parameters=arrays_of(self.network),
                preprocessing=self.preprocessor.to_json(),
                training=self.training,
            ),
        )

    @staticmethod
    def load(directory: str | os.PathLike[str]) -> TableModel:
        """Read a model that `save` wrote.

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
