"""The arrays of an ONNX file, checked before anything of the size that they claim is allocated."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from wengert.errors import ModelFileError
from wengert.storage import read_part

_MAXIMUM_RANK = 8  # of what a network of dense layers needs
# By data type: dtype, and the field that lists the numbers where they are not stored as bytes.
_FLOATS: dict[int, tuple[Any, str]] = {1: (np.float32, "float_data"), 11: (np.float64, "double_data")}
_INTEGERS: dict[int, tuple[Any, str]] = {
    2: (np.uint8, "int32_data"), 3: (np.int8, "int32_data"), 4: (np.uint16, "int32_data"),
    5: (np.int16, "int32_data"), 6: (np.int32, "int32_data"), 7: (np.int64, "int64_data"),
    9: (np.bool_, "int32_data"), 12: (np.uint32, "uint64_data"), 13: (np.uint64, "uint64_data"),
}  # fmt: skip
_TEXT = 8


class Tensors:
    """The initialisers of a graph by name; read when asked for.

    Parameters
    ----------
    initialisers : iterable of onnx.TensorProto
    where : str
        The file; arrays that are kept apart from it are read from its folder, and from nowhere else.
    """

    def __init__(self, initialisers: Iterable[Any], where: str) -> None:
        self._file = Path(where)
        self._tensors: dict[str, Any] = {}
        for tensor in initialisers:
            self.add(tensor.name, tensor)

    def add(self, name: str, tensor: Any) -> None:
        """Enter an array under a name."""
        if name in self._tensors:
            self._refuse(name, "stands there twice")
        self._tensors[name] = tensor

    def alias(self, name: str, other: str) -> None:
        """Enter an array under a second name."""
        self.add(name, self._tensors[other])

    def __contains__(self, name: str) -> bool:
        return name in self._tensors

    def floats(self, name: str, rank: int | None = None) -> np.ndarray:
        """Return an array of float32 or float64.

        Raises
        ------
        ModelFileError
            If it is missing, lies in a file outside the folder of this one, is of another type or rank, or
            its data do not fit its shape.
        """
        if name not in self._tensors:
            self._refuse(name, "is not in the file")
        kind, shape = self._tensors[name].data_type, self._shape(name)
        if kind not in _FLOATS:
            self._refuse(name, f"has the data type {kind}, and float32 or float64 is needed")
        if rank is not None and len(shape) != rank:
            self._refuse(name, f"has shape {shape}, and {rank} axes are needed")
        return self._numbers(name, *_FLOATS[kind]).reshape(shape)

    def labels(self, name: str) -> np.ndarray:
        """Return the labels of classes, one axis of texts (dtype object) or numbers.

        Raises
        ------
        ModelFileError
            As `floats`, and if two are equal.
        """
        tensor, shape = self._tensors[name], self._shape(name)
        if tensor.data_type == _TEXT:
            if len(tensor.string_data) != math.prod(shape):
                self._refuse(name, f"of shape {shape} has {len(tensor.string_data)} texts")
            found = np.array([text.decode("utf-8") for text in tensor.string_data], object)
        elif tensor.data_type in _FLOATS or tensor.data_type in _INTEGERS:
            found = self._numbers(name, *(_FLOATS | _INTEGERS)[tensor.data_type])
        else:
            self._refuse(name, f"has the data type {tensor.data_type}, which is none of labels")
        if len(set(found.tolist())) != len(found):
            self._refuse(name, "has the same label twice")
        return found

    def integers(self, name: str) -> list[int]:
        """Return the integers of an array, such as the extents of a shape."""
        kind = self._tensors[name].data_type
        if kind not in _INTEGERS or math.prod(self._shape(name)) > _MAXIMUM_RANK:
            self._refuse(name, "is no shape")
        return [int(number) for number in self._numbers(name, *_INTEGERS[kind])]

    def _shape(self, name: str) -> tuple[int, ...]:
        shape = tuple(self._tensors[name].dims)
        if len(shape) > _MAXIMUM_RANK or any(extent < 0 for extent in shape):
            self._refuse(name, f"has the impossible shape {shape[:_MAXIMUM_RANK]}")
        return shape

    def _numbers(self, name: str, dtype: Any, field: str) -> np.ndarray:
        """Return the elements of an array of numbers, in one axis."""
        tensor, shape = self._tensors[name], self._shape(name)
        size, little = math.prod(shape), np.dtype(dtype).newbyteorder("<")
        if tensor.data_location != 0 or tensor.external_data:
            return np.frombuffer(self._beside(name, size * little.itemsize), little).astype(dtype)
        listed = getattr(tensor, field)
        given = len(tensor.raw_data) / little.itemsize if tensor.HasField("raw_data") else len(listed)
        if given != size:
            self._refuse(name, f"of shape {shape} needs {size} numbers, and has {given:g}")
        if tensor.HasField("raw_data"):
            return np.frombuffer(tensor.raw_data, little).astype(dtype)
        return np.array(listed).astype(dtype)

    def _beside(self, name: str, size: int) -> bytes:
        """Return the bytes of an array that lies in another file, which must be in the folder of this one."""
        entries = {entry.key: entry.value for entry in self._tensors[name].external_data}
        location, folder = entries.get("location", ""), self._file.parent.resolve()
        first, length = entries.get("offset", "0"), entries.get("length", str(size))
        if not all(number.isascii() and number.isdigit() and len(number) < 20 for number in (first, length)):
            self._refuse(name, "lies in another file, at a place that is no number")
        if int(length) != size:
            self._refuse(name, f"needs {size} bytes, and another file has {length} of it")
        try:
            file = (folder / location).resolve()
            exists = file.exists()
        except (OSError, RuntimeError, ValueError):  # a circle of links, a zero byte, too long
            file, exists = folder, False
        # Links are followed before the comparison, so that none leads out of the folder.
        if not location or not file.is_relative_to(folder) or file == folder:
            self._refuse(
                name,
                f"lies in {location[:80]!r}, which is not in the folder of the model and is not opened. "
                "Save all in one file (torch.onnx.export with external_data=False) or in one folder",
            )
        if not exists:
            self._refuse(
                name,
                f"lies in the file {location[:80]!r}, which is missing beside it. Copy both, or save all in "
                "one file (torch.onnx.export with external_data=False)",
            )
        return read_part(file, int(first), size)

    def _refuse(self, name: str, reason: str) -> NoReturn:
        raise ModelFileError(f"{self._file}: its array {name[:80]!r} {reason}.")
