"""Named arrays in one file: the safetensors format, with a checksum, read without trusting the header."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import safetensors
import safetensors.numpy

from wengert.checks import is_masked
from wengert.errors import ModelFileError
from wengert.storage.atomic import write_file
from wengert.storage.checksum import PLACEHOLDER, carries_seal, seal
from wengert.storage.reading import read_file
from wengert.storage.records import Mismatch, from_plain
from wengert.storage.strict_json import dump_json, parse_json
from wengert.storage.tensor_header import (
    ADVICE,
    DTYPES,
    LENGTH_BYTES,
    MAXIMUM_HEADER,
    MAXIMUM_RANK,
    check_header,
)

# The format keeps metadata in no fixed order, so everything goes into one entry: the same model, the same
# bytes.
_ENTRY = "wengert"


@dataclasses.dataclass(frozen=True)
class _Entry:
    checksum: str
    metadata: dict[str, str]


def save_tensors(
    path: str | os.PathLike[str], arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str]
) -> None:
    """Write named arrays to a safetensors file, atomically.

    Parameters
    ----------
    path : path-like
        The file. One that exists is replaced when the new one is complete on the disk.
    arrays, metadata
        As for `encode_tensors`.

    Raises
    ------
    ModelFileError
        If `encode_tensors` refuses, or the system does (disk full). A file that existed before is intact.
    """
    file = Path(path)
    write_file(file, encode_tensors(arrays, metadata, str(file)))


def load_tensors(path: str | os.PathLike[str]) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Read a file of `save_tensors`.

    Returns
    -------
    arrays : dict of str to numpy.ndarray
        C-contiguous, of native byte order, writable.
    metadata : dict of str to str

    Raises
    ------
    ModelFileError
        If the file is missing, unreadable, damaged in any byte, truncated, or was not written by
        `save_tensors`.
    """
    file = Path(path)
    return decode_tensors(read_file(file), str(file))


def encode_tensors(arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str], where: str) -> bytes:
    """Return the contents of a safetensors file with a checksum over all of it.

    The same arrays and metadata give the same bytes.

    Parameters
    ----------
    arrays : mapping of str to numpy.ndarray
        Any shape, also () and with zeros; dtype float32, float64, bool, or an integer of 8 to 64 bits.
        Arrays of foreign byte order, with strides or read-only are written by copy. They are never changed.
    metadata : mapping of str to str
        Kept with the arrays.
    where : str
        The name of the file, for error messages.

    Raises
    ------
    ModelFileError
        If an array has another dtype, or a name or the metadata is not text.
    """
    for key, value in metadata.items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise ModelFileError(f"{where}: metadata must map text to text, got {key!r}: {value!r}.")
    plain = {name: _plain_array(where, name, array) for name, array in arrays.items()}
    # "checksum" sorts before "metadata", so that the placeholder comes before anything the caller wrote.
    entry = dump_json({"checksum": PLACEHOLDER, "metadata": dict(metadata)}, f"the metadata of {where}")
    try:
        data = safetensors.numpy.save(plain, {_ENTRY: entry.decode("utf-8")})
    except (safetensors.SafetensorError, UnicodeError, ValueError) as error:
        raise ModelFileError(f"{where}: the arrays cannot be written: {error}") from None
    if int.from_bytes(data[:LENGTH_BYTES], "little") > MAXIMUM_HEADER:
        raise ModelFileError(f"{where}: names and metadata exceed {MAXIMUM_HEADER} bytes. Shorten them.")
    return seal(data)


def decode_tensors(data: bytes, where: str) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Read what `encode_tensors` returned; ``where`` names the file in error messages.

    The header is checked against the length of the data before anything of a size that it names is allocated,
    and the checksum covers every byte.

    Raises
    ------
    ModelFileError
        If any byte is not as `encode_tensors` wrote it.
    """
    header = check_header(data, where)
    metadata = _checked_metadata(where, data, header.get("__metadata__"))
    try:
        arrays = safetensors.numpy.load(data)
    except (safetensors.SafetensorError, KeyError, ValueError) as error:
        raise ModelFileError(f"{where} cannot be read: {error}. {ADVICE}") from None
    for name, array in arrays.items():
        # What NumPy makes of another byte is not defined, nor what machine code does with it.
        if array.dtype == np.bool_ and array.view(np.uint8).max(initial=0) > 1:
            raise ModelFileError(f"{where} is damaged: {name!r} has booleans that are neither 0 nor 1.")
    return {name: np.array(array, order="C") for name, array in sorted(arrays.items())}, metadata


def _plain_array(where: str, name: str, array: np.ndarray) -> np.ndarray:
    if not isinstance(name, str):
        raise ModelFileError(f"{where}: names of arrays must be text, got {name!r}.")
    if not isinstance(array, np.ndarray) or is_masked(array):
        raise ModelFileError(f"{where}: {name!r} must be a plain NumPy array, got {type(array).__name__}.")
    native = array.dtype.newbyteorder("=")
    if native not in DTYPES.values():
        allowed = ", ".join(str(dtype) for dtype in DTYPES.values())
        raise ModelFileError(f"{where}: {name!r} has dtype {array.dtype}; only {allowed} can be saved.")
    if array.ndim > MAXIMUM_RANK:
        raise ModelFileError(f"{where}: {name!r} has {array.ndim} axes; at most {MAXIMUM_RANK} can be saved.")
    return np.array(array, dtype=native, order="C", subok=False)


def _checked_metadata(where: str, data: bytes, entries: dict[str, str] | None) -> dict[str, str]:
    if entries is None or set(entries) != {_ENTRY}:
        raise ModelFileError(
            f"{where} has no checksum of wengert, so it was written by another program or is damaged. "
            "Load it with the program that wrote it."
        )
    entry = parse_json(entries[_ENTRY].encode("utf-8"), f"the metadata of {where}")
    if not isinstance(entry, dict) or not carries_seal(data, entry.get("checksum")):
        raise ModelFileError(f"{where} is damaged: its checksum does not fit its contents. {ADVICE}")
    try:
        return from_plain(_Entry, entry).metadata
    except Mismatch as error:
        raise ModelFileError(f"the metadata of {where} cannot be read: {error}. {ADVICE}") from None
