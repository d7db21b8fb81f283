"""Operators and methods of arrays, in terms of NumPy functions."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from wengert.errors import DTypeError, ShapeError, TraceError
from wengert.ir.primitive import IMPLEMENTATIONS, Kind
from wengert.primitives import arithmetic, comparison, contraction
from wengert.primitives.selection import astype
from wengert.trace.recorder import as_dtype, here, refuse
from wengert.trace.scipy.objects import is_sparse, sparse_product

# NumPy's stubs know nothing of arrays that take part through its protocols.
_numpy: Any = np


def refuse_scalar(array: Any) -> None:
    """Refuse to write to what may be a scalar, whose methods NumPy lets write to a copy that is lost."""
    if not array.ndim:
        refuse("whether this is a scalar or an array without axes is not known: write b[...] = value")


class Flat:
    """The elements of an array in one axis, as ``array.flat`` gives them."""

    def __init__(self, array: Any) -> None:
        self._array = array

    def __len__(self) -> int:
        return int(self._array.size)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._array.flatten())

    def __getitem__(self, key: Any) -> Any:
        return self._array.flatten()[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        refuse_scalar(self._array)
        _numpy.put(self._array, np.arange(len(self))[key], value)


class ArrayMethods:
    """What an array can do, for anything that NumPy functions accept."""

    __slots__ = ()

    if TYPE_CHECKING:

        @property
        def shape(self) -> tuple[int, ...]:
            """Extents of the axes."""

        @property
        def dtype(self) -> np.dtype[np.generic]:
            """Type of the elements."""

        weak: type | None

        def fresh(self) -> Any:
            """Return a copy."""

        def __setitem__(self, key: Any, value: Any) -> None: ...

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
    def T(self) -> Any:
        """All axes in reverse."""
        return _numpy.transpose(self)

    @property
    def mT(self) -> Any:
        """The last two axes exchanged."""
        return _numpy.swapaxes(self, -1, -2)

    @property
    def real(self) -> Any:
        """The real part; of real numbers the value itself."""
        return _numpy.real(self)

    @real.setter
    def real(self, value: Any) -> None:
        self[...] = value + 1j * _numpy.imag(self) if self.dtype.kind == "c" else value

    @property
    def imag(self) -> Any:
        """The imaginary part; of real numbers zeros."""
        return _numpy.imag(self)

    @imag.setter
    def imag(self, value: Any) -> None:
        if self.dtype.kind != "c":
            raise TypeError(f"an array of {self.dtype} has no imaginary part to assign to")
        self[...] = _numpy.real(self) + 1j * value

    @property
    def itemsize(self) -> int:
        """Bytes of an element."""
        return self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return self.size * self.itemsize

    def as_integer_ratio(self) -> NoReturn:
        """Refuse what Python's `statistics` and `fractions` ask numbers for."""
        refuse(
            "a traced value is no fraction; for statistics.mean and its like write np.mean, np.std, np.var"
        )

    def __len__(self) -> int:
        if not self.shape:
            raise TraceError("len() of a scalar")
        return self.shape[0]

    def __iter__(self) -> Iterator[Any]:
        return (self[position] for position in range(len(self)))

    def __getitem__(self, key: Any) -> Any:
        from wengert.trace.items.indexing import item

        return item(self, key)

    def __add__(self, other: Any) -> Any:
        return arithmetic.add(self, other)

    def __radd__(self, other: Any) -> Any:
        return arithmetic.add(other, self)

    def __sub__(self, other: Any) -> Any:
        return arithmetic.sub(self, other)

    def __rsub__(self, other: Any) -> Any:
        return arithmetic.sub(other, self)

    def __mul__(self, other: Any) -> Any:
        return arithmetic.mul(self, other)

    def __rmul__(self, other: Any) -> Any:
        # SciPy's older sparse matrices have * for their product.
        return sparse_product(other, self) if is_sparse(other) else arithmetic.mul(other, self)

    def __truediv__(self, other: Any) -> Any:
        return arithmetic.div(self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return arithmetic.div(other, self)

    def __pow__(self, other: Any) -> Any:
        if type(other) is int and other == 2:  # as NumPy's operator: of booleans the result is int8
            return arithmetic.square(self)
        return _numpy.power(self, other)

    def __rpow__(self, other: Any) -> Any:
        return arithmetic.pow(other, self)

    def __matmul__(self, other: Any) -> Any:
        if type(other) is not type(self) and is_sparse(other):
            return sparse_product(other.T, self.T).T
        return contraction.matmul(self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return sparse_product(other, self) if is_sparse(other) else contraction.matmul(other, self)

    def __neg__(self) -> Any:
        return arithmetic.neg(self)

    def __pos__(self) -> Any:
        return self.copy()

    def __abs__(self) -> Any:
        return arithmetic.abs(self)

    def __eq__(self, other: object) -> Any:
        return comparison.eq(self, other)

    def __ne__(self, other: object) -> Any:
        return comparison.ne(self, other)

    def __lt__(self, other: Any) -> Any:
        return comparison.lt(self, other)

    def __le__(self, other: Any) -> Any:
        return comparison.le(self, other)

    def __gt__(self, other: Any) -> Any:
        return comparison.gt(self, other)

    def __ge__(self, other: Any) -> Any:
        return comparison.ge(self, other)

    def __contains__(self, item: Any) -> bool:
        return bool(_numpy.any(comparison.eq(self, item)))

    def __and__(self, other: Any) -> Any:
        return _numpy.bitwise_and(self, other)

    def __rand__(self, other: Any) -> Any:
        return _numpy.bitwise_and(other, self)

    def __or__(self, other: Any) -> Any:
        return _numpy.bitwise_or(self, other)

    def __ror__(self, other: Any) -> Any:
        return _numpy.bitwise_or(other, self)

    def __xor__(self, other: Any) -> Any:
        return _numpy.bitwise_xor(self, other)

    def __rxor__(self, other: Any) -> Any:
        return _numpy.bitwise_xor(other, self)

    def __invert__(self) -> Any:
        return _numpy.invert(self)

    def __lshift__(self, other: Any) -> Any:
        return _numpy.left_shift(self, other)

    def __rlshift__(self, other: Any) -> Any:
        return _numpy.left_shift(other, self)

    def __rshift__(self, other: Any) -> Any:
        return _numpy.right_shift(self, other)

    def __rrshift__(self, other: Any) -> Any:
        return _numpy.right_shift(other, self)

    def __mod__(self, other: Any) -> Any:
        return _numpy.remainder(self, other)

    def __rmod__(self, other: Any) -> Any:
        return _numpy.remainder(other, self)

    def __floordiv__(self, other: Any) -> Any:
        return _numpy.floor_divide(self, other)

    def __rfloordiv__(self, other: Any) -> Any:
        return _numpy.floor_divide(other, self)

    def __divmod__(self, other: Any) -> Any:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> Any:
        return other // self, other % self

    def __round__(self, digits: int = 0) -> Any:
        return _numpy.round(self, digits)

    def astype(
        self, dtype: Any, order: Any = "K", casting: Any = "unsafe", subok: Any = True, copy: Any = True
    ) -> Any:
        """Return the values converted to `dtype`; see `numpy.ndarray.astype`.

        Raises
        ------
        DTypeError
            When a program cannot hold `dtype`, or `casting` does not allow the conversion.
        """
        wanted = as_dtype(dtype)
        if not np.can_cast(self.dtype, wanted, casting):
            raise DTypeError(f"astype: {self.dtype} cannot be cast to {wanted} ({casting})")
        if wanted == self.dtype and not copy and self.weak is None:
            return self
        return astype(self, dtype=wanted)

    def copy(self, order: Any = "C") -> Any:
        """Return the same value as an array of its own."""
        copied = self.fresh()
        copied.c_order = order == "C" or (order != "F" and copied.c_order)
        return copied

    def __copy__(self) -> Any:
        return self.fresh()

    def __deepcopy__(self, memo: Any) -> Any:
        return self.fresh()

    def flatten(self, order: str = "C") -> Any:
        """Return the elements in one axis, as an array of their own."""
        return _numpy.ravel(self, order).copy()

    def fill(self, value: Any) -> None:
        """Assign a scalar to all elements; see `numpy.ndarray.fill`."""
        refuse_scalar(self)
        self[...] = value

    def sort(self, axis: int = -1, kind: Any = None, order: Any = None) -> None:
        """Sort in place; see `numpy.ndarray.sort`."""
        self[...] = _numpy.sort(self, axis)

    def reshape(self, *shape: Any, order: str = "C", copy: bool | None = None) -> Any:
        """Return the elements in another shape; see `numpy.reshape`."""
        target = shape[0] if len(shape) == 1 else shape
        options = {} if copy is None else {"copy": copy}
        return _numpy.reshape(self, target, order=order, **options)

    def view(self) -> Any:
        """Return a view of the array."""
        return self[...]

    def put(self, indices: Any, values: Any, mode: Any = "raise") -> None:
        """Assign to elements of the flattened array; see `numpy.ndarray.put`."""
        refuse_scalar(self)
        _numpy.put(self, indices, values, mode)

    @property
    def flat(self) -> Any:
        """The elements in one axis: they can be read and assigned to."""
        return Flat(self)

    @flat.setter
    def flat(self, values: Any) -> None:
        Flat(self)[:] = values

    def transpose(self, *axes: Any) -> Any:
        """Return the axes in another order; see `numpy.transpose`."""
        order = (axes[0] if len(axes) == 1 else axes) or None
        return _numpy.transpose(self, order)


def _method(function: Any) -> Any:
    """Return the method that is a NumPy function of the array."""

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return function(self, *args, **kwargs)

    method.__name__ = function.__name__
    method.__doc__ = f"See `numpy.{function.__name__}`."
    return method


# Methods that are NumPy functions of the same name and signature, as primitives for reductions and scans are.
_SAME = (
    *[one for one, primitive in IMPLEMENTATIONS.items() if primitive.kind in (Kind.REDUCTION, Kind.SCAN)],
    np.var, np.std, np.ravel, np.squeeze, np.swapaxes, np.clip, np.take, np.dot, np.repeat, np.diagonal,
    np.trace, np.round, np.argsort, np.searchsorted, np.nonzero, np.compress, np.choose, np.conjugate,
)  # fmt: skip
for _name, _function in [*((one.__name__, one) for one in _SAME), ("conj", np.conjugate)]:
    if hasattr(np.ndarray, _name):
        setattr(ArrayMethods, _name, _method(_function))


def _in_place(operation: Any) -> Any:
    """Return the operator ``x += y`` that belongs to ``x + y``."""

    def method(self: Any, other: Any) -> Any:
        if self.weak is not None or not self.ndim:
            return NotImplemented  # a number is replaced and not changed
        result = operation(self, other)
        if result.shape != self.shape:
            raise ShapeError(f"an array of shape {self.shape} cannot hold {result.shape} in place{here()}")
        if not np.can_cast(result.dtype, self.dtype, "same_kind"):
            raise DTypeError(f"an array of {self.dtype} cannot hold {result.dtype} in place{here()}")
        self[...] = result
        return self

    return method


for _operation in (
    operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod,
    operator.pow, operator.matmul, operator.and_, operator.or_, operator.xor, operator.lshift,
    operator.rshift,
):  # fmt: skip
    setattr(ArrayMethods, f"__i{_operation.__name__.strip('_')}__", _in_place(_operation))
