"""Models written to files in the format of a name."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from wengert.checks import unknown_name
from wengert.errors import ConfigurationError
from wengert.io.formats.onnx_export import to_onnx
from wengert.io.formats.portable_model import PortableModel
from wengert.io.formats.python_predictor import to_python
from wengert.io.formats.safetensors_file import to_safetensors
from wengert.storage import refuse_unwritable, write_file

# Each with the suffix that its files must have, so that no file is taken for what it is not.
FORMATS: dict[str, tuple[str, Callable[[PortableModel], bytes]]] = {
    "onnx": (".onnx", to_onnx),
    "safetensors": (".safetensors", to_safetensors),
    "numpy": (".py", lambda model: to_python(model).encode("utf-8")),
}


def format_of(path: str | os.PathLike[str]) -> str:
    """Return the format that the suffix of a file stands for.

    Raises
    ------
    ConfigurationError
        If it stands for none.
    """
    for name, (suffix, _) in FORMATS.items():
        if Path(path).suffix.lower() == suffix:
            return name
    known = ", ".join(f"{suffix} ({name})" for name, (suffix, _) in FORMATS.items())
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
        If there is no such format, the suffix is that of another, or the package onnx is needed and missing.
    UnsupportedFunctionError
        If the format cannot say what the network computes.
    ModelFileError
        If the file cannot be written; found out before the work where that is possible.
    """
    if format is not None and format not in FORMATS:
        raise unknown_name("export", "format", format, FORMATS)
    if format is not None and Path(path).suffix.lower() != FORMATS[format][0]:
        raise ConfigurationError(f"{path}: a file of the format {format} ends in {FORMATS[format][0]}.")
    _, encode = FORMATS[format or format_of(path)]
    refuse_unwritable(Path(path))
    write_file(Path(path), encode(model))
