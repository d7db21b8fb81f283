"""A portable model without its arrays, as texts that stand in the metadata of a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from wengert import nn
from wengert.errors import ConfigurationError, ModelFileError, WengertError
from wengert.io.formats.portable_model import PortableModel, trace_model
from wengert.io.network_arrays import refuse_without_rules, with_arrays
from wengert.printable import shortened
from wengert.storage import dump_json, parse_json
from wengert.storage.records import Mismatch, from_plain
from wengert.tabular.preprocess import TablePreprocessor
from wengert.trace.tree import flatten
from wengert.version import __version__

FORMAT = "wengert-network"
_ORIENTATION = "weights have shape (inputs, outputs): Z = X W + b"


def describe(model: PortableModel) -> dict[str, str]:
    """Return texts, each JSON where it is not a sentence.

    They are ``architecture``, ``classes``, ``feature_names``, ``orientation`` of the weights,
    ``preprocessing`` (columns and target), ``format``, ``written_by``.

    Raises
    ------
    ConfigurationError
        If the network has a setting without a name, such as an activation of the user's own, or an array
        without a rule, by which its shape is known.
    """
    refuse_without_rules(model.network)

    def text(value: Any) -> str:
        return dump_json(value, "the description of a model").decode("utf-8")

    return {
        "architecture": text(nn.to_config(model.network)),
        "classes": text(list(model.target.classes)),
        "feature_names": text(list(model.feature_names)),
        "format": FORMAT,
        "orientation": _ORIENTATION,
        "preprocessing": text(TablePreprocessor(model.columns, model.target, model.reading).to_json()),
        "written_by": f"wengert {__version__}",
    }


def described_model(
    description: Mapping[str, str], arrays: dict[str, np.ndarray], where: str
) -> PortableModel:
    """Return the model of a description and the arrays of its network by path.

    Raises
    ------
    ModelFileError
        If the parts do not fit together.
    """
    try:
        architecture = parse_json(description["architecture"].encode(), f"the architecture in {where}")
        names = parse_json(description["feature_names"].encode(), f"the feature names in {where}")
        document = parse_json(description["preprocessing"].encode(), f"the preprocessing in {where}")
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise ConfigurationError("feature names are a list of texts")
        preprocessor = from_plain(TablePreprocessor, document, "preprocessing")
        network = with_arrays(nn.from_config(architecture), arrays)
        model = PortableModel(
            network, preprocessor.target, tuple(names), preprocessor.columns, preprocessor.reading
        )
        _check_fit(model)
    except (KeyError, Mismatch, WengertError) as error:
        reason = shortened(str(error), 500)
        raise ModelFileError(f"{where} does not fit together: {reason}. Export the model again.") from None
    return model


def _check_fit(model: PortableModel) -> None:
    """Trace the model, which finds what does not fit without computing anything."""
    leaves = flatten(model.network)[0]
    program = trace_model(model, {f"array{place}": np.asarray(leaf) for place, leaf in enumerate(leaves)})
    width, classes = program.shape(program.program.outputs[-1])[1:], len(model.target.classes)
    if model.target.kind != "regression" and width != (classes,):
        raise ConfigurationError(f"the network gives {width} probabilities for {classes} classes")
