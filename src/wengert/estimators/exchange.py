"""An estimator as a file of another program, and an estimator from such a file."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from wengert import nn
from wengert.errors import ConfigurationError, ModelFileError
from wengert.estimators.fitting.forward import dense_layers
from wengert.estimators.fitting.plan import initial_rate, rule_of, training_step
from wengert.estimators.fitting.stopping import Patience, Rate
from wengert.estimators.fitting.training import Run
from wengert.estimators.preset import in_units, without_output_activation
from wengert.io.formats.export import export_model
from wengert.io.formats.onnx_import import model_from_onnx
from wengert.io.formats.portable_model import NUMBERS, PortableModel
from wengert.io.formats.safetensors_file import from_safetensors
from wengert.io.formats.torch_import import from_torch
from wengert.tabular.preprocess import TablePreprocessor, Target
from wengert.tabular.reading.table_reading import NOTHING_READ
from wengert.train.history import History
from wengert.train.steps.state import State

Path = str | os.PathLike[str]

# The output activation that a network may end in already, by the name of its activation: of classifiers and
# of regressors.
_OUTPUTS = {True: {"softmax": "softmax", "sigmoid": "logistic"}, False: {"exp": "exp"}}


class Exchange:
    """What gives an estimator its methods for files."""

    def export(self: Any, path: Path, format: str | None = None) -> None:
        """Write the model with its preprocessing; parameters and errors as for `wengert.io.export_model`."""
        check_is_fitted(self)
        export_model(self._portable(), path, format)

    def to_onnx(self, path: Path) -> None:
        """Write an ONNX model (``.onnx``): see `wengert.io.to_onnx` for its inputs and outputs."""
        self.export(path, "onnx")

    def to_safetensors(self, path: Path) -> None:
        """Write weights, classes, feature names and preprocessing (``.safetensors``)."""
        self.export(path, "safetensors")

    def to_python(self, path: Path) -> None:
        """Write a predictor as Python source (``.py``) that needs NumPy alone."""
        self.export(path, "numpy")

    @classmethod
    def from_safetensors(cls, path: Path) -> Self:
        """Read an estimator that `to_safetensors` wrote.

        Raises
        ------
        ModelFileError
            As `wengert.io.from_safetensors`, and if it is that of another kind of estimator.
        """
        estimator: Self = _of_model(cls, from_safetensors(path))
        return estimator

    @classmethod
    def from_onnx(cls, path: Path, *, classes: Any = None, feature_names: Sequence[str] = ()) -> Self:
        """Read an estimator that `to_onnx` wrote, or put one around the network of another program's file.

        Parameters
        ----------
        path : path-like
        classes : array-like, optional
            Of a classifier, in the order of the outputs; by default those that the file holds, or 0, 1, …
            where it holds none.
        feature_names : sequence of str, optional
            By default those that the file holds.

        Raises
        ------
        ModelFileError
            As `wengert.io.from_onnx`, and if it is a model of another kind of estimator.
        """
        model = model_from_onnx(path, classes=None if classes is None else np.asarray(classes).tolist())
        if model.target == NUMBERS or classes is not None:
            target = _target_of(cls, classes)
            # A file that says that it predicts numbers is taken at its word.
            if model.target == NUMBERS or model.target.kind != "regression":
                model = dataclasses.replace(model, target=target)
        if feature_names:
            model = dataclasses.replace(model, feature_names=tuple(feature_names))
        estimator: Self = _of_model(cls, model)
        return estimator

    @classmethod
    def from_torch(cls, module: Any, *, classes: Any = None, feature_names: Sequence[str] = ()) -> Self:
        """Return an estimator around a `torch.nn.Sequential`; parameters as for `from_onnx`."""
        target = _target_of(cls, classes)
        estimator: Self = _around(cls, from_torch(module), target, feature_names)
        return estimator

    def _portable(self: Any) -> PortableModel:
        network = self.network_
        if self.out_activation_ == "exp":
            # A file holds what the answers are made of: here the last layer with its inverse link.
            *others, last = network.layers
            dense = isinstance(last, nn.Dense)
            linked = [last.replace(activation="exp")] if dense else [last, nn.Activation("exp")]
            network = nn.Sequential(*others, *linked)
        preprocessor = getattr(self, "preprocessor_", None)
        columns = () if preprocessor is None else preprocessor.columns
        reading = NOTHING_READ if preprocessor is None else preprocessor.reading
        if columns:
            names = tuple(column.name for column in columns)
        elif hasattr(self, "feature_names_in_"):
            names = tuple(map(str, self.feature_names_in_))
        else:
            names = tuple(f"x{place}" for place in range(self.n_features_in_))
        return PortableModel(network, self._target(), names, columns, reading)


def _target_of(cls: type[Any], classes: Any) -> Target:
    if classes is not None and not cls._classifies:
        raise ConfigurationError(f"classes={classes!r}: {cls.__name__} predicts numbers; leave them out")
    known = () if classes is None else tuple(np.asarray(classes).tolist())
    return Target("y", "multiclass" if cls._classifies else "regression", known, 0.0, 1.0)


def _of_model(cls: type[Any], model: PortableModel) -> Any:
    """Return an estimator that predicts as a model from a file does."""
    estimator = _around(cls, model.network, model.target, model.feature_names)
    if model.columns:
        if estimator.preset is None:
            estimator.categorical_features = "from_dtype"
        target = Target("y", "regression", (), 0.0, 1.0)
        estimator.preprocessor_ = TablePreprocessor(model.columns, target, model.reading)
    return estimator


def _around(cls: type[Any], network: Any, target: Target, feature_names: Sequence[str]) -> Any:
    """Return an estimator of a class as if it had been fitted with this network."""
    if cls._classifies != (target.kind != "regression"):
        raise ModelFileError(f"the file holds a {target.kind} model, and {cls.__name__} is for another task")
    network, given = without_output_activation(network, _OUTPUTS[cls._classifies])
    by_preset = [layer for _, layer in network.walk() if isinstance(layer, nn.NTKDense)]
    if (target.mean, target.scale) != (0.0, 1.0):
        # Another network may be trained on, in one dtype.
        dtype = np.float64 if by_preset else np.float32
        network = in_units(network, np.array([target.mean]), np.array([target.scale]), given, dtype)
    dense = dense_layers(network) or by_preset
    if not dense:
        raise ModelFileError("the network is no stack of dense layers with activations")
    estimator = cls(hidden_layer_sizes=tuple(layer.outputs for layer in dense[:-1]))
    estimator.n_features_in_ = dense[0].inputs
    if feature_names:
        estimator.n_features_in_ = len(feature_names)
        if not all(name == f"x{place}" for place, name in enumerate(feature_names)):
            estimator.feature_names_in_ = np.array(feature_names, object)
    estimator.n_outputs_, estimator.n_layers_ = dense[-1].outputs, len(dense) + 1
    estimator._take_target(target, given)
    estimator.network_ = network
    if by_preset:
        estimator.preset = "tabular"
        estimator._take_result(History(), "imported", None)
        return estimator
    estimator.activation = [layer.activation for layer in dense[:-1]] if len(dense) > 1 else "identity"
    rule = rule_of(estimator, 1)
    step = training_step(rule, network)
    patience = Patience(estimator._arguments.tol, estimator._arguments.n_iter_no_change)
    estimator._run = Run(step, State(step.carry(network, rule)), patience, Rate(initial_rate(estimator)))
    estimator._take_over("imported")
    return estimator
