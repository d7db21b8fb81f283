"""A model as one safetensors file: its arrays, and as text all that is needed to use them."""

from __future__ import annotations

import os
from pathlib import Path

from wengert.errors import ConfigurationError, ModelFileError
from wengert.io.formats.file_format import Format
from wengert.io.formats.model_description import FORMAT, describe, described_model
from wengert.io.formats.portable_model import PortableModel
from wengert.io.network_arrays import arrays_of
from wengert.storage import decode_tensors, encode_tensors, read_file


def to_safetensors(model: PortableModel) -> bytes:
    """Return a safetensors file with the arrays of the network, by path (``layers.0.weight``).

    Its metadata has one entry, ``wengert``: JSON with a SHA-256 over the whole file, and the texts of
    `describe`, each JSON where it is not a sentence: ``architecture``, ``classes``, ``feature_names``,
    ``orientation`` of the weights, ``preprocessing`` (columns and target), ``format``, ``written_by``. The
    bytes are the same each time.

    Raises
    ------
    ConfigurationError
        If the network has a setting without a name, such as an activation of the user's own.
    """
    try:
        description = describe(model)
    except ConfigurationError as error:
        raise ConfigurationError(
            f"a safetensors file says by names what a network computes, and {error} ONNX and Python source "
            "(to_onnx, to_python) hold the computation itself, and can be written."
        ) from None
    return encode_tensors(arrays_of(model.network), description, "a safetensors file")


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
    return described_model(metadata, arrays, str(path))


def _description(model: PortableModel, path: Path) -> list[str]:
    return [f"wengert.io.from_safetensors({str(path)!r}) reads it back"]


SAFETENSORS = Format(".safetensors", to_safetensors, _description)
