"""Models written to files in the format of a name."""

from __future__ import annotations

import os
from pathlib import Path

from wengert.checks import unknown_name
from wengert.errors import ConfigurationError
from wengert.io.formats import onnx_export, python_predictor, safetensors_file
from wengert.io.formats.file_format import Format
from wengert.io.formats.portable_model import PortableModel
from wengert.storage import refuse_unwritable, write_file

FORMATS: dict[str, Format] = {
    "onnx": onnx_export.ONNX,
    "safetensors": safetensors_file.SAFETENSORS,
    "numpy": python_predictor.NUMPY,
}


def format_of(path: str | os.PathLike[str]) -> str:
    """Return the format that the suffix of a file stands for.

    Raises
    ------
    ConfigurationError
        If it stands for none.
    """
    for name, known_format in FORMATS.items():
        if Path(path).suffix.lower() == known_format.suffix:
            return name
    known = ", ".join(f"{one.suffix} ({name})" for name, one in FORMATS.items())
    raise ConfigurationError(f"{path}: the suffix says no format; known are {known}.")


def export_model(model: PortableModel, path: str | os.PathLike[str], format: str | None = None) -> None:
    """Write a model to a file, whole or not at all.

    Parameters
    ----------
    model : PortableModel
    path : path-like
        One that exists is replaced.
    format : str, optional
        A key of `FORMATS`; by default what the suffix of the path stands for.

    Raises
    ------
    ConfigurationError
        If it is no `PortableModel`, there is no such format, the suffix is that of another, or the package
        onnx is needed and missing.
    UnsupportedFunctionError
        If the format cannot say what the network computes.
    ModelFileError
        If the file cannot be written; found out before the work where that is possible.
    """
    if not isinstance(model, PortableModel):
        raise ConfigurationError(
            f"export: got a {type(model).__name__}, and takes a PortableModel, which "
            "PortableModel.of_network(network, inputs) makes of a network. Estimators have export(path)."
        )
    if format is not None and format not in FORMATS:
        raise unknown_name("export", "format", format, FORMATS)
    if format is not None and Path(path).suffix.lower() != FORMATS[format].suffix:
        raise ConfigurationError(f"{path}: a file of the format {format} ends in {FORMATS[format].suffix}.")
    refuse_unwritable(Path(path))
    write_file(Path(path), FORMATS[format or format_of(path)].encode(model))
