"""Arguments that are no arrays: they reach the traced function as they are, and the program is for these."""

from __future__ import annotations

import enum
from types import BuiltinFunctionType, ModuleType
from typing import Any

import numpy as np

from wengert.checks import is_masked
from wengert.ir.types import TensorType
from wengert.trace.tensor import Tensor


class Static:
    """An argument that is no array, held in the structure of a tree: no leaf, and part of its equality.

    A tree that is built from the structure has the argument itself in this place.
    """

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Static) and _same(self.value, other.value)

    def __hash__(self) -> int:
        return hash(type(self.value))

    def __repr__(self) -> str:
        return repr(self.value)

    @property
    def is_immutable(self) -> bool:
        """Whether the argument certainly stays what it is: only then does its equality say everything."""
        return is_immutable(self.value)


# Besides: classes of Python and NumPy, which stand for dtypes, and functions of modules written in C.
_IMMUTABLE = (str, bytes, complex, int, range, enum.Enum, np.dtype, np.ufunc, np.generic, type(np.sum))


def is_immutable(value: Any) -> bool:
    """Whether a value certainly stays what it is."""
    if isinstance(value, slice):
        return all(one is None or is_immutable(one) for one in (value.start, value.stop, value.step))
    if isinstance(value, type):
        return value.__module__ in ("builtins", "numpy")
    if isinstance(value, BuiltinFunctionType):
        return isinstance(value.__self__, ModuleType)
    return value is Ellipsis or isinstance(value, _IMMUTABLE)


def _same(mine: Any, theirs: Any) -> bool:
    if mine is theirs:
        return True
    if type(mine) is not type(theirs):
        return False
    if isinstance(mine, np.ndarray):
        return mine.dtype == theirs.dtype and np.array_equal(mine, theirs)
    if isinstance(mine, complex):
        return repr(mine) == repr(theirs)  # 0j and -0j differ, and a NaN is itself
    try:
        return bool(mine == theirs)
    except Exception:  # whatever the comparison of someone's objects raises: they are not known to be equal
        return False


def is_static(leaf: Any) -> bool:
    """Whether a leaf of the arguments is no array and no number that a program can hold.

    Strings, functions, slices, objects and arrays of them are.
    """
    if type(leaf) in (bool, float, complex) or isinstance(leaf, (Tensor, TensorType)) or is_masked(leaf):
        return False
    if isinstance(leaf, (np.ndarray, np.generic)):
        return leaf.dtype.kind not in "biufc"
    if not hasattr(leaf, "__array__") and (callable(leaf) or isinstance(leaf, (str, bytes, range, slice))):
        return True
    try:
        return bool(np.asarray(leaf).dtype.kind not in "biufc")
    except Exception:  # whatever an object raises that looks like a sequence
        return True
