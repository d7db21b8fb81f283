"""A model as one safetensors file: its arrays, and as text all that is needed to use them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from wengert import nn
from wengert.errors import ConfigurationError, ModelFileError, ShapeError
from wengert.io.formats.portable_model import KINDS, PortableModel, trace_model
from wengert.io.network_arrays import arrays_of, with_arrays
from wengert.io.preprocess import TablePreprocessor
from wengert.storage import decode_tensors, dump_json, encode_tensors, parse_json, read_file
from wengert.trace.tree import flatten
from wengert.version import __version__

FORMAT = "wengert-network"
_ORIENTATION = "weights have shape (inputs, outputs): Z = X W + b"


def to_safetensors(model: PortableModel) -> bytes:
    """Return a safetensors file with the arrays of the network, by path (``layers.0.weight``).

    Its metadata has one entry, ``wengert``: JSON with a SHA-256 over the whole file, and texts, each JSON
    where it is not a sentence: ``architecture``, ``classes``, ``feature_names``, ``orientation`` of the
    weights, ``preprocessing`` (columns and target), ``format``, ``written_by``. The bytes are the same each
    time.

    Raises
    ------
    ConfigurationError
        If the network has a setting without a name, such as an activation of the user's own.
    """

    def text(value: Any) -> str:
        return dump_json(value, "a safetensors file").decode("utf-8")

    preprocessing = TablePreprocessor(model.columns, model.target).to_json()
    metadata = {
        "architecture": text(nn.to_config(model.network)),
        "classes": text(list(model.target.classes)),
        "feature_names": text(list(model.feature_names)),
        "format": FORMAT,
        "orientation": _ORIENTATION,
        "preprocessing": text(preprocessing),
        "written_by": f"wengert {__version__}",
    }
    return encode_tensors(arrays_of(model.network), metadata, "a safetensors file")


def from_safetensors(path: str | os.PathLike[str]) -> PortableModel:
    """Read a file of `to_safetensors`.

    Raises
    ------
    ModelFileError
        If the file is missing, differs in any byte from what was written, was written by another program, or
        its parts do not fit together.
    """
    arrays, metadata = decode_tensors(read_file(Path(path)), str(path))
    if metadata.get("format") != FORMAT:
        raise ModelFileError(
            f"{path} is not a network that `to_safetensors` wrote. Name such a file; a model directory is "
            "loaded as a whole."
        )
    try:
        architecture = parse_json(metadata["architecture"].encode(), f"the architecture in {path}")
        names = parse_json(metadata["feature_names"].encode(), f"the feature names in {path}")
        document = parse_json(metadata["preprocessing"].encode(), f"the preprocessing in {path}")
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise ConfigurationError("feature names are a list of texts")
        preprocessor = TablePreprocessor.from_json(document)
        network = with_arrays(nn.from_config(architecture), arrays)
        model = PortableModel(network, preprocessor.target, tuple(names), preprocessor.columns)
        _check_fit(model)
    except (KeyError, ConfigurationError, ShapeError) as error:
        raise ModelFileError(f"{path} does not fit together: {error}. Export the model again.") from None
    return model


def _check_fit(model: PortableModel) -> None:
    """Trace the model, which finds what does not fit without computing anything."""
    if model.target.kind not in KINDS:
        raise ConfigurationError(f"the kind of the target is one of {', '.join(KINDS)}")
    leaves = flatten(model.network)[0]
    program = trace_model(model, {f"array{place}": np.asarray(leaf) for place, leaf in enumerate(leaves)})
    width, classes = program.shape(program.program.outputs[-1])[1:], len(model.target.classes)
    if model.target.kind != "regression" and width != (classes,):
        raise ConfigurationError(f"the network gives {width} probabilities for {classes} classes")
