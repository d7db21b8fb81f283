"""A network together with what turns tables into its inputs and its outputs back: what a person trains."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numpy as np
import polars as pl

from wengert import nn
from wengert.errors import ConfigurationError, DataError
from wengert.run import Executor, find_executor
from wengert.storage.records import from_plain
from wengert.tabular.preprocess import TablePreprocessor
from wengert.tabular.reading.column_values import as_numbers
from wengert.tabular.row_fingerprints import RowFingerprints, SeenRows
from wengert.tabular.scoring import metrics
from wengert.tabular.scoring.conformal import Nonconformity, class_sets
from wengert.tabular.scoring.evaluation import classification_scores, predicted_classes, regression_scores
from wengert.tabular.scoring.losses_of_numbers import loss_scores
from wengert.tabular.task import refuse_negative
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
    executor : str or Executor
        What predicts. Where it is "llvm", the first few rows are left to NumPy, since compiling would take
        longer.
    """

    preprocessor: TablePreprocessor
    network: nn.Module
    training: dict[str, Any]
    executor: str | Executor = "llvm"

    @property
    def is_classifier(self) -> bool:
        """Whether it predicts classes."""
        return self.preprocessor.target.kind != "regression"

    @functools.cached_property
    def _predictor(self) -> Predictor:
        return Predictor(self.network, find_executor(self.executor), few=self.executor == "llvm")

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled and copied: not the machine code."""
        return {name: value for name, value in vars(self).items() if name != "_predictor"}

    def compiled(self) -> TableModel:
        """Return the model for many predictions of few rows: compiled from the first one on."""
        return dataclasses.replace(self, executor=find_executor(self.executor))

    def outputs(self, frame: pl.DataFrame) -> np.ndarray:
        """Return the network's outputs for the rows of a table, shape (rows, outputs), float32, all finite.

        Raises
        ------
        DataError
            As `TablePreprocessor.transform`, and if the network gives a number too large for float32.
        """
        outputs = self.outputs_of(self.preprocessor.transform(frame))
        wrong = ~np.isfinite(outputs).all(axis=1)
        if wrong.any():
            raise DataError(
                f"row {int(wrong.argmax()) + 1}: the prediction is not a finite number. Its values lie too "
                "far from those in training; correct them, or leave the cells empty."
            )
        return outputs

    def outputs_of(self, features: np.ndarray) -> np.ndarray:
        """Return the network's outputs for features as the preprocessor makes them, whatever they are."""
        return self._predictor(features)

    def log_probabilities(self, frame: pl.DataFrame) -> np.ndarray:
        """Return the logarithms of the classes' probabilities, shape (rows, classes), float64."""
        return metrics.log_softmax(self.outputs(frame))

    def predict(
        self,
        frame: pl.DataFrame,
        *,
        probabilities: bool = False,
        interval: float | None = None,
        threshold: float | None = None,
    ) -> pl.DataFrame:
        """Predict the target of each row.

        Parameters
        ----------
        frame : polars.DataFrame
            At least the columns of training, in any order.
        probabilities : bool
            Whether to add the probability of each class.
        interval : float, optional
            How often the truth is to lie between the limits, or in the set of classes, that are added, on
            rows like those that were held out in training; see `wengert.tabular.scoring.conformal`.
        threshold : float, optional
            From which probability on the second of two classes is predicted.

        Returns
        -------
        polars.DataFrame
            ``predicted_<target>`` and, if asked for, ``low_<target>`` and ``high_<target>``, or
            ``set_<target>`` (classes between bars), and ``probability_<class>`` for each class; one row for
            each of ``frame``.

        Raises
        ------
        DataError
            As `outputs`.
        ConfigurationError
            If probabilities of a regression are asked for, or an interval of a model that no rows were held
            out for, or too few.
        """
        if probabilities and not self.is_classifier:
            raise ConfigurationError(
                f"the model predicts the number {self.preprocessor.target.name!r}, which has no "
                "probabilities of classes. Leave out --probabilities."
            )
        outputs = self.outputs(frame)
        bound = None if interval is None else self.bound(interval)
        target = self.preprocessor.target
        if not self.is_classifier:
            numbers = self.preprocessor.inverse_target(outputs[:, 0])
            columns = {f"predicted_{target.name}": pl.Series(numbers)}
            if bound is not None:
                columns |= {f"low_{target.name}": pl.Series(numbers - bound)}
                columns |= {f"high_{target.name}": pl.Series(numbers + bound)}
            return pl.DataFrame(columns)
        log_probabilities = metrics.log_softmax(outputs)
        chosen = predicted_classes(log_probabilities, threshold)
        columns = {f"predicted_{target.name}": pl.Series(self.preprocessor.inverse_target(chosen))}
        shares = np.exp(log_probabilities)
        if bound is not None:
            names = np.array([str(known) for known in target.classes], object)
            sets = [" | ".join(names[row]) for row in class_sets(shares, bound)]
            columns[f"set_{target.name}"] = pl.Series(sets)
        if probabilities:
            for known, share in zip(self.preprocessor.target.classes, shares.T, strict=True):
                columns[f"probability_{known}"] = pl.Series(share)
        return pl.DataFrame(columns)

    def bound(self, interval: float) -> float:
        """Return by how much predictions are off at most, as often as ``interval`` says.

        Raises
        ------
        ConfigurationError
            As `Nonconformity.bound`, or if no rows were held out in training.
        """
        document = self.training.get("nonconformity")
        if document is None:
            raise ConfigurationError(
                "an interval needs rows that were held out in training, and the model had none. Train it "
                "with --test-fraction, --test, --cv or the tabular preset."
            )
        return from_plain(Nonconformity, document).bound(interval)

    def nonconformity(self, frame: pl.DataFrame, outputs: np.ndarray | None = None) -> np.ndarray:
        """Return how far off the predictions are for rows whose target is known; see `Nonconformity`.

        Parameters
        ----------
        frame : polars.DataFrame
        outputs : numpy.ndarray, shape (rows, outputs), optional
            The network's for these rows, where they are not `outputs` of them.

        Raises
        ------
        DataError
            As `score`.
        """
        outputs = self.outputs(frame) if outputs is None else outputs
        if self.is_classifier:
            actual = self.preprocessor.transform_target(frame)
            of_class: np.ndarray = -np.expm1(metrics.log_softmax(outputs)[np.arange(len(actual)), actual])
            return of_class
        predicted = self.preprocessor.inverse_target(outputs[:, 0])
        off: np.ndarray = np.abs(as_numbers(self.preprocessor.target_of(frame)) - predicted)
        return off

    def coverage(self, frame: pl.DataFrame, interval: float) -> dict[str, float]:
        """Return how often intervals hold the truth on rows whose target is known, and how wide they are.

        Returns
        -------
        dict
            ``level``, ``covered`` (a share of the rows), and ``width``, or the mean number of ``classes``.

        Raises
        ------
        ConfigurationError, DataError
            As `bound` and `score`.
        """
        bound, off = self.bound(interval), self.nonconformity(frame)
        if not self.is_classifier:
            return {"level": interval, "covered": float(np.mean(off <= bound)), "width": 2 * bound}
        sets = class_sets(np.exp(self.log_probabilities(frame)), bound)
        actual = self.preprocessor.transform_target(frame)
        covered = float(sets[np.arange(len(actual)), actual].mean())
        return {"level": interval, "covered": covered, "classes": float(sets.sum(axis=1).mean())}

    def score(
        self, frame: pl.DataFrame, outputs: np.ndarray | None = None, *, threshold: float | None = None
    ) -> dict[str, Any]:
        """Score the predictions for rows whose target is known: see `wengert.tabular.scoring.evaluation`.

        Parameters
        ----------
        frame, outputs
            As for `nonconformity`.
        threshold : float, optional
            As for `predict`.

        Raises
        ------
        DataError
            As `outputs`, or if the target is missing, infinite, of a class not seen in training, or below 0
            where it is a count or an amount.
        """
        target = self.preprocessor.target
        outputs = self.outputs(frame) if outputs is None else outputs
        if self.is_classifier:
            actual = self.preprocessor.transform_target(frame)
            return classification_scores(actual, metrics.log_softmax(outputs), target.classes, threshold)
        column = self.preprocessor.target_of(frame)
        predicted = self.preprocessor.inverse_target(outputs[:, 0])
        actual = as_numbers(column)
        settings = self.training.get("settings", {})
        loss = settings.get("loss") or "squared_error"
        refuse_negative(column, loss)
        own = loss_scores(actual, predicted, loss, settings.get("quantile"), target.scale)
        return own | regression_scores(actual, predicted)

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
