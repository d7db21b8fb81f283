"""A saved model: a directory with ``model.safetensors`` and ``config.json``, safe to open and hard to break.

``config.json`` is for people and for us: format, architecture, preprocessing, how it was trained.
``model.safetensors`` holds the parameters, a checksum over itself, and the SHA-256 of ``config.json``; so a
changed byte in either file, or a pair from two different saves, is noticed. Nothing is ever unpickled.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from wengert.errors import ModelFileError
from wengert.printable import shortened
from wengert.storage import (
    decode_tensors,
    dump_json,
    encode_tensors,
    new_directory,
    parse_json,
    present_directory,
    read_file,
    refuse_foreign,
    why_not_writable,
    write_and_flush,
)
from wengert.storage.records import Mismatch, from_plain

CONFIG = "config.json"
PARAMETERS = "model.safetensors"
FORMAT = "wengert-model"
VERSION = 1
_MAXIMUM_CONFIG = 64 * 2**20
_LOOKS = 3  # before a directory is taken to be missing
_CONFIG_DIGEST = "config_sha256"
# File managers leave these in any directory that they have shown.
_LITTER = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})


@dataclasses.dataclass(frozen=True)
class SavedModel:
    """What a model directory holds.

    Attributes
    ----------
    architecture : dict
        Plain JSON from which the network is built again.
    parameters : dict of str to numpy.ndarray
        The arrays of the network by name.
    preprocessing : dict
        Plain JSON of the table preprocessor.
    training : dict
        Plain JSON that says how the model was trained and how it scored.
    """

    architecture: dict[str, Any]
    parameters: dict[str, np.ndarray]
    preprocessing: dict[str, Any]
    training: dict[str, Any]


@dataclasses.dataclass(frozen=True)
class _Config:
    """What ``config.json`` holds."""

    format: str
    version: int
    architecture: dict[str, Any]
    preprocessing: dict[str, Any]
    training: dict[str, Any]


def save_model(directory: str | os.PathLike[str], model: SavedModel) -> None:
    """Write a model directory, whole or not at all.

    A model that stands there already is replaced; when anything goes wrong (disk full, Ctrl-C, a killed
    process) it stays as it was.

    Raises
    ------
    ModelFileError
        If the directory holds anything but a model of wengert, the system refuses, an array has a dtype other
        than float32, float64, bool or an integer, or one of the dicts is not plain JSON (NaN included).
    """
    target = Path(directory)
    config = _encode_config(model, target)
    digest = hashlib.sha256(config).hexdigest()
    parameters = encode_tensors(model.parameters, {_CONFIG_DIGEST: digest}, str(target / PARAMETERS))
    with new_directory(target, is_model_directory) as temporary:
        write_and_flush(temporary / PARAMETERS, parameters)
        write_and_flush(temporary / CONFIG, config)


def load_model(directory: str | os.PathLike[str]) -> SavedModel:
    """Read a model directory of `save_model`.

    Raises
    ------
    ModelFileError
        If it is missing, is not a model, is incomplete, differs in any byte from what was saved, or was
        saved by a newer version of wengert.
    """
    target = Path(directory)
    missing = 0
    while True:
        present = present_directory(target)
        before = present, _identity(present)
        try:
            return _read(target, present)
        except ModelFileError:
            # A save that ended while we read moves the directory under our hands: then read the new one.
            after = present_directory(target)
            if before[1] is not None and (after, _identity(after)) == before:
                _refuse_group(target)
                raise
            # Or we looked for it where it no longer was, and then where it was not yet.
            missing += before[1] is None
            if missing > _LOOKS:
                raise
            time.sleep(missing * 0.01)


def check_destination(directory: str | os.PathLike[str]) -> None:
    """Find out before long work whether `save_model` could write there.

    Raises
    ------
    ModelFileError
        If the place is taken by something else than a model, or cannot be written to.
    """
    target = Path(directory)
    try:
        refuse_foreign(target, is_model_directory)
    except OSError as error:
        raise ModelFileError(
            f"{target} cannot be looked into: {error.strerror}. Name another place."
        ) from None
    place = Path(os.path.realpath(target))
    reason = why_not_writable(place.parent, place.name)
    if reason:
        raise ModelFileError(f"no model can be saved as {target}: {reason}. Name another place.")


def models_of_group(directory: str | os.PathLike[str]) -> list[Path]:
    """Return the models in a directory that holds nothing else, by name; none where it holds more."""
    if not os.path.isdir(directory):
        return []
    entries = sorted(entry for entry in Path(directory).iterdir() if entry.name not in _LITTER)
    return entries if all(one.is_dir() and is_model_directory(one) for one in entries) else []


def _refuse_group(directory: Path) -> None:
    models = models_of_group(directory)
    if len(models) > 1:
        raise ModelFileError(
            f"{directory} has a model for each of several targets: "
            f"{', '.join(map(str, models[:5]))}{', …' if len(models) > 5 else ''}. Name one of them."
        ) from None


def check_group(directory: Path) -> None:
    """Make a directory for several models, or refuse one that holds something else.

    Raises
    ------
    ModelFileError
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        taken = any(entry.name not in _LITTER for entry in directory.iterdir()) and not models_of_group(
            directory
        )
    except OSError as error:
        raise ModelFileError(
            f"no models can be saved in {directory}: {error.strerror}. Name another place."
        ) from None
    if taken:
        raise ModelFileError(
            f"{directory} holds something else than models of several targets. Name another place with --out."
        )


def is_model_directory(directory: Path) -> bool:
    """Whether a directory holds a model of wengert and nothing else, so that replacing it loses nothing."""
    names = {entry.name for entry in directory.iterdir()} - _LITTER
    if names != {CONFIG, PARAMETERS}:
        return False
    try:
        config = parse_json(read_file(directory / CONFIG, _MAXIMUM_CONFIG), CONFIG)
    except ModelFileError:
        return False
    return isinstance(config, dict) and config.get("format") == FORMAT


def _encode_config(model: SavedModel, target: Path) -> bytes:
    sections = {
        "format": FORMAT,
        "version": VERSION,
        "architecture": model.architecture,
        "preprocessing": model.preprocessing,
        "training": model.training,
    }
    config = dump_json(sections, str(target / CONFIG), indent=1)
    if len(config) > _MAXIMUM_CONFIG:
        raise ModelFileError(f"{target / CONFIG} would exceed {_MAXIMUM_CONFIG} bytes. Use fewer categories.")
    return config


def _read(target: Path, present: Path) -> SavedModel:
    if not os.path.isdir(present):
        found = "is a file" if os.path.lexists(present) else "does not exist"
        raise ModelFileError(f"{target} {found}. Name the directory that a training run saved.")
    encoded = read_file(present / CONFIG, _MAXIMUM_CONFIG)
    parameters, metadata = decode_tensors(read_file(present / PARAMETERS), str(target / PARAMETERS))
    if metadata.get(_CONFIG_DIGEST) != hashlib.sha256(encoded).hexdigest():
        raise ModelFileError(
            f"{target / CONFIG} is not the one that was saved with {PARAMETERS}: it is damaged, was edited, "
            "or comes from another save. Restore the directory from a copy, or train and save again."
        )
    config = parse_json(encoded, str(target / CONFIG))
    return _decode_config(config, parameters, target)


def _decode_config(config: Any, parameters: Mapping[str, np.ndarray], target: Path) -> SavedModel:
    if not isinstance(config, dict) or config.get("format") != FORMAT:
        raise ModelFileError(f"{target / CONFIG} is not of a model of wengert.")
    if config.get("version") != VERSION:
        found = shortened(str(config.get("version")))
        raise ModelFileError(
            f"{target} has format version {found}; this wengert reads {VERSION}. Install a newer wengert."
        )
    try:
        read = from_plain(_Config, config)
    except Mismatch as error:
        raise ModelFileError(f"{target / CONFIG}: {error}. Train and save the model again.") from None
    return SavedModel(read.architecture, dict(parameters), read.preprocessing, read.training)


def _identity(directory: Path) -> tuple[int, int, int] | None:
    try:
        status = directory.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_mtime_ns
