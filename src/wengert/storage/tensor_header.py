"""The header of a safetensors file, checked before anything that it claims is believed.

The format: eight bytes, little-endian, give the length of a JSON object; the object gives each array's
dtype, shape and its range of bytes in what follows; the ranges cover all of it without overlap.
"""

from __future__ import annotations

import math
from typing import Any, NoReturn

import numpy as np

from wengert.errors import ModelFileError
from wengert.storage.strict_json import parse_json

LENGTH_BYTES = 8
MAXIMUM_HEADER = 16 * 2**20
MAXIMUM_RANK = 64  # of NumPy

# Of a model as of a checkpoint.
ADVICE = "Restore it from a copy, or delete it and train again."

DTYPES: dict[str, np.dtype[Any]] = {
    "F32": np.dtype(np.float32),
    "F64": np.dtype(np.float64),
    "I8": np.dtype(np.int8),
    "I16": np.dtype(np.int16),
    "I32": np.dtype(np.int32),
    "I64": np.dtype(np.int64),
    "U8": np.dtype(np.uint8),
    "U16": np.dtype(np.uint16),
    "U32": np.dtype(np.uint32),
    "U64": np.dtype(np.uint64),
    "BOOL": np.dtype(np.bool_),
}


def check_header(data: bytes, where: str) -> dict[str, Any]:
    """Parse and check the header of a whole safetensors file.

    Parameters
    ----------
    data : bytes
        All of the file.
    where : str
        Its name, for error messages.

    Returns
    -------
    dict
        The header: for each array ``dtype``, ``shape``, ``data_offsets``; ``__metadata__`` maps text to text.

    Raises
    ------
    ModelFileError
        If anything in the header is not exactly as the format has it, or does not fit the file's length.
    """
    if len(data) < LENGTH_BYTES:
        _refuse(where, f"it has {len(data)} bytes, too few for a header")
    length = int.from_bytes(data[:LENGTH_BYTES], "little")
    if length > MAXIMUM_HEADER:
        _refuse(where, f"its header claims {length} bytes, more than the {MAXIMUM_HEADER} allowed")
    start = LENGTH_BYTES + length
    if start > len(data):
        _refuse(where, f"its header claims {length} bytes, and the file has only {len(data)}: truncated")
    text = data[LENGTH_BYTES:start]
    if not text.startswith(b"{"):
        _refuse(where, "its header does not begin with '{'")
    header: dict[str, Any] = parse_json(text, f"the header of {where}")
    _check_metadata(header, where)
    entries = {name: entry for name, entry in header.items() if name != "__metadata__"}
    ranges = sorted(_check_entry(name, entry, where) for name, entry in entries.items())
    position = 0
    for begin, end, name in ranges:
        if begin != position:
            kind = "overlaps the one before it" if begin < position else "leaves a hole before it"
            _refuse(where, f"array {name!r} {kind} (it begins at byte {begin}, expected {position})")
        position = end
    if position != len(data) - start:
        _refuse(where, f"its arrays take {position} bytes, and {len(data) - start} bytes follow the header")
    return header


def _check_metadata(header: dict[str, Any], where: str) -> None:
    metadata = header.get("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        _refuse(where, "its metadata does not map text to text")


def _check_entry(name: str, entry: Any, where: str) -> tuple[int, int, str]:
    """Check one array's entry by itself; return where its bytes begin and end, and its name for sorting."""
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        _refuse(where, f"the entry of array {name!r} is not made of dtype, shape and data_offsets")
    dtype = DTYPES.get(entry["dtype"]) if isinstance(entry["dtype"], str) else None
    if dtype is None:
        _refuse(where, f"array {name!r} has the unknown dtype {str(entry['dtype'])[:40]!r}")
    shape, offsets = entry["shape"], entry["data_offsets"]
    if not _are_counts(shape) or len(shape) > MAXIMUM_RANK:
        _refuse(where, f"array {name!r} has a shape that is not a list of at most {MAXIMUM_RANK} sizes")
    if not _are_counts(offsets) or len(offsets) != 2 or offsets[0] > offsets[1]:
        _refuse(where, f"array {name!r} has data_offsets that are not a range")
    size = math.prod(shape) * dtype.itemsize
    begin, end = offsets
    if end - begin != size:
        _refuse(where, f"array {name!r} of shape {shape} needs {size} bytes and its range has {end - begin}")
    return begin, end, name


def _are_counts(values: Any) -> bool:
    """Whether it is a list of integers from 0 to 2⁶³ − 1 (``True`` is not one)."""
    return isinstance(values, list) and all(type(value) is int and 0 <= value < 2**63 for value in values)


def _refuse(where: str, reason: str) -> NoReturn:
    raise ModelFileError(f"{where} is damaged or is not a safetensors file: {reason}. {ADVICE}")
