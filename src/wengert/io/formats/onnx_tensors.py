"""The arrays of an ONNX file, checked before anything of the size that they claim is allocated."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NoReturn

import numpy as np

from wengert.errors import ModelFileError

_MAXIMUM_RANK = 8  # of what a network of dense layers needs


class Tensors:
    """The initialisers of a graph by name; read when asked for.

    Parameters
    ----------
    initialisers : iterable of onnx.TensorProto
    where : str
        The file, for error messages.
    """

    def __init__(self, initialisers: Iterable[Any], where: str) -> None:
        self._where = where
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
            If it is missing, lies in another file, is of another type or rank, or its data do not fit its
            shape.
        """
        if name not in self._tensors:
            self._refuse(name, "is not in the file")
        tensor = self._tensors[name]
        kinds = {1: (np.float32, tensor.float_data), 11: (np.float64, tensor.double_data)}
        if tensor.data_location != 0 or tensor.external_data:
            self._refuse(name, "lies in another file, which is not opened. Save all in one file")
        if tensor.data_type not in kinds:
            self._refuse(name, f"has the data type {tensor.data_type}, and float32 or float64 is needed")
        dtype, listed = kinds[tensor.data_type]
        shape = tuple(tensor.dims)
        if len(shape) > _MAXIMUM_RANK or any(extent < 0 for extent in shape):
            self._refuse(name, f"has the impossible shape {shape[:_MAXIMUM_RANK]}")
        if rank is not None and len(shape) != rank:
            self._refuse(name, f"has shape {shape}, and {rank} axes are needed")
        size, itemsize = math.prod(shape), np.dtype(dtype).itemsize
        given = len(tensor.raw_data) / itemsize if tensor.HasField("raw_data") else len(listed)
        if given != size:
            self._refuse(name, f"of shape {shape} needs {size} numbers, and has {given:g}")
        if tensor.HasField("raw_data"):
            little = np.dtype(dtype).newbyteorder("<")
            return np.frombuffer(tensor.raw_data, little).astype(dtype).reshape(shape)
        return np.array(listed, dtype).reshape(shape)

    def _refuse(self, name: str, reason: str) -> NoReturn:
        raise ModelFileError(f"{self._where}: its array {name[:80]!r} {reason}.")
