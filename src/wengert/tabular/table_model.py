"""A network together with what turns tables into its inputs and its outputs back: what a person trains."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numpy as np
import polars as pl

from wengert import nn
from wengert.errors import ConfigurationError, DataError
from wengert.run import find_executor
from wengert.storage.records import from_plain
from wengert.tabular.preprocess import TablePreprocessor
from wengert.tabular.reading.column_values import as_numbers
from wengert.tabular.row_fingerprints import RowFingerprints, SeenRows
from wengert.tabular.scoring import metrics
from wengert.tabular.scoring.evaluation import classification_scores, regression_scores
from wengert.train.evaluation import Predictor


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

    @functools.cached_property
    def _predictor(self) -> Predictor:
        return Predictor(self.network, find_executor("llvm"))

    def outputs(self, frame: pl.DataFrame) -> np.ndarray:
        """Return the network's outputs for the rows of a table, shape (rows, outputs), float32, all finite.

        Raises
        ------
        DataError
            As `TablePreprocessor.transform`, and if the network gives a number too large for float32.
        """
        outputs = self._predictor(self.preprocessor.transform(frame))
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
        """Score the predictions for rows whose target is known: see `wengert.tabular.scoring.evaluation`.

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
