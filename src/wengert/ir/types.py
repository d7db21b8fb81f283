"""The type of a value: its shape and its dtype."""

from __future__ import annotations

import threading
import weakref
from typing import Any

import numpy as np

from wengert.errors import DTypeError

_SHORT_NAMES = {
    "bool": "bool",
    "int8": "i8", "int16": "i16", "int32": "i32", "int64": "i64",
    "uint8": "u8", "uint16": "u16", "uint32": "u32", "uint64": "u64",
    "float32": "f32", "float64": "f64", "complex64": "c64", "complex128": "c128",
}  # fmt: skip


class TensorType:
    """Shape and dtype of a value.

    Instances are interned by `tensor_type`, so that equal types are the same object and comparison is cheap.

    Attributes
    ----------
    shape : tuple of int
    dtype : numpy.dtype
        Native byte order; booleans, integers, float32, float64, complex64 and complex128.
    """

    __slots__ = ("__weakref__", "dtype", "shape")

    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype[np.generic]) -> None:
        self.shape = shape
        self.dtype = dtype

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        size = 1
        for extent in self.shape:
            size *= extent
        return size

    @property
    def is_float(self) -> bool:
        """Whether values of this type are real floating numbers."""
        return self.dtype.kind == "f"

    @property
    def is_complex(self) -> bool:
        """Whether values of this type are complex numbers."""
        return self.dtype.kind == "c"

    @property
    def is_inexact(self) -> bool:
        """Whether values of this type, floating or complex numbers, can carry a derivative."""
        return self.dtype.kind in "fc"

    def __reduce__(self) -> tuple[Any, ...]:
        # Equal types are the same object, also after a copy.
        return tensor_type, (self.shape, self.dtype)

    def __str__(self) -> str:
        return f"{_SHORT_NAMES[self.dtype.name]}[{','.join(map(str, self.shape))}]"

    def __repr__(self) -> str:
        return f"TensorType({self})"


class TupleType(TensorType):
    """The types of the results of a region, which has several; a line `item` reads one of them.

    Attributes
    ----------
    items : tuple of TensorType
    """

    __slots__ = ("items",)

    items: tuple[TensorType, ...]

    def __init__(self, items: tuple[TensorType, ...]) -> None:
        super().__init__((), np.dtype(np.void))
        self.items = items

    @property
    def size(self) -> int:
        """Number of elements of all parts."""
        return sum(one.size for one in self.items)

    @property
    def is_float(self) -> bool:
        """Whether some part can carry a derivative."""
        return any(one.is_float for one in self.items)

    @property
    def is_complex(self) -> bool:
        """Whether some of the results are complex numbers."""
        return any(one.is_complex for one in self.items)

    @property
    def is_inexact(self) -> bool:
        """Whether some of the results can carry a derivative."""
        return any(one.is_inexact for one in self.items)

    def __reduce__(self) -> tuple[Any, ...]:
        return tuple_type, (self.items,)

    def __str__(self) -> str:
        return f"({', '.join(map(str, self.items))})"


_NATIVE: dict[np.dtype[np.generic], np.dtype[np.generic]] = {}
for _name in _SHORT_NAMES:
    _NATIVE[np.dtype(_name)] = _NATIVE[np.dtype(_name).newbyteorder()] = np.dtype(_name)

_lock = threading.Lock()
_interned: weakref.WeakValueDictionary[tuple[tuple[int, ...], np.dtype[np.generic]], TensorType] = (
    weakref.WeakValueDictionary()
)
_tuples: weakref.WeakValueDictionary[tuple[TensorType, ...], TupleType] = weakref.WeakValueDictionary()


def tuple_type(items: tuple[TensorType, ...]) -> TupleType:
    """Return the one `TupleType` of these parts."""
    found = _tuples.get(items)
    if found is None:
        with _lock:
            found = _tuples.setdefault(items, TupleType(items))
    return found


def tensor_type(shape: tuple[int, ...], dtype: np.dtype[np.generic]) -> TensorType:
    """Return the one `TensorType` of this shape and dtype.

    Parameters
    ----------
    shape : tuple of int
    dtype : numpy.dtype

    Raises
    ------
    DTypeError
        When values of the dtype cannot stand in a program (objects, strings, dates, extended precision, and
        float16, in which sums and derivatives soon overflow or round to nothing).
    """
    native = _NATIVE.get(dtype)
    if native is None:
        if dtype.kind == "f":
            wanted = "float32" if dtype.itemsize < 4 else "float64"
            raise DTypeError(
                f"a program computes in float32 and float64, not in {dtype}: convert with "
                f".astype(np.{wanted})"
            )
        if dtype.kind == "c":
            raise DTypeError(
                f"a program computes in complex64 and complex128, not in {dtype}: convert with "
                ".astype(np.complex128)"
            )
        raise DTypeError(f"a program holds booleans, integers, floating and complex numbers, not {dtype}")
    key = (shape, native)
    found = _interned.get(key)
    if found is None:
        with _lock:
            found = _interned.setdefault(key, TensorType(shape, native))
    return found
