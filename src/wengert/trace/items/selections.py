"""Elements where a mask is true that is not known while tracing, so that nobody knows how many there are.

Such a selection has no shape. Elementwise operations are done on the whole array, which counts only where the
mask is true: in an assignment under the same mask, ``b[b > 2] *= 2``, or in a sum. Any other use is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from wengert.errors import ConcreteValueError, ShapeError
from wengert.ir.node import Node
from wengert.ir.primitive import Kind, Primitive
from wengert.trace.recorder import here
from wengert.trace.tensor import Tensor

_numpy: Any = np
_SUMMED = frozenset({np.sum, np.prod, np.mean, np.any, np.all})


def refuse_unknown_mask(place: str = "") -> NoReturn:
    """Raise the error of a result whose shape depends on values, made at the user's line or at `place`."""
    raise ConcreteValueError(
        "a boolean mask selects a number of elements that depends on its values, which are not known: "
        f"use np.where(mask, x, 0), or trace from arrays, which specialises the program{place or here()}"
    )


class Selection(np.lib.mixins.NDArrayOperatorsMixin, Tensor):
    """``whole[mask]``; a tensor, so that Python and NumPy ask it first where it meets another.

    Parameters
    ----------
    whole : Tensor
    mask : Tensor of bool
        Of the first axes of `whole`.
    place : str
        The user's line where it was made, for messages; see `here`.
    """

    __slots__ = ("_place", "mask", "whole")

    def __init__(self, whole: Tensor, mask: Tensor, place: str) -> None:
        self.whole, self.mask, self._place = whole, mask, place
        self.alias = self.weak = None

    def _refuse(self) -> NoReturn:
        refuse_unknown_mask(self._place)

    @property
    def node(self) -> Node:
        """There is none: refused."""
        self._refuse()

    @property
    def recorder(self) -> Any:
        """There is none: refused."""
        self._refuse()

    @property  # type: ignore[misc]
    def shape(self) -> tuple[int, ...]:
        """Not known: refused."""
        self._refuse()

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """Type of the elements."""
        return self.whole.dtype

    def where_selected(self, mask: Tensor, other: Tensor) -> Any:
        """Return the elements where the mask is true, and those of another array elsewhere.

        Raises
        ------
        ShapeError
            When it is not the mask of the selection, so that its elements are not those of the other.
        """
        if mask.node is not self.mask.node:
            raise ShapeError(
                "elements that one mask selects are assigned or combined where another one selects, and "
                f"neither is known while tracing: use np.where{here()}"
            )
        return np.where(_spread(mask, other.ndim), self.whole, other)

    def _each(self, function: Callable[..., Any], operands: tuple[Any, ...]) -> Selection:
        """Return what an elementwise function makes of selections under one mask and of what they share."""
        further = self.whole.ndim - self.mask.ndim
        for one in operands:
            if isinstance(one, Selection):
                one.where_selected(self.mask, self.whole)
                further = max(further, one.whole.ndim - self.mask.ndim)
            elif np.ndim(one) > further:
                self._refuse()
        ranks = {one.whole.ndim for one in operands if isinstance(one, Selection)}
        if len(ranks) > 1:
            self._refuse()
        wholes = [one.whole if isinstance(one, Selection) else one for one in operands]
        return Selection(function(*wholes), self.mask, self._place)

    def __wengert_apply__(self, primitive: Primitive, operands: Any, params: dict[str, Any]) -> Any:
        if primitive.kind is not Kind.ELEMENTWISE:
            self._refuse()
        return self._each(lambda *values: primitive(*values, **params), operands)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        in_place = len(kwargs.get("out", ())) == 1 and kwargs["out"][0] is self
        if method != "__call__" or len(kwargs) > in_place or ufunc.nout != 1:
            self._refuse()
        return self._each(ufunc, inputs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if function is np.clip:
            return self._each(lambda *values: function(*values, **kwargs), args)
        if function not in _SUMMED or len(args) != 1 or kwargs or self.mask.ndim != self.whole.ndim:
            self._refuse()
        return function(self.whole, where=self.mask)

    def sum(self) -> Any:
        """Return the sum of the elements."""
        return np.sum(self)

    def prod(self) -> Any:
        """Return the product of the elements."""
        return np.prod(self)

    def mean(self) -> Any:
        """Return the mean of the elements, NaN where there are none."""
        return np.mean(self)

    def any(self) -> Any:
        """Whether one of the elements is true."""
        return np.any(self)

    def all(self) -> Any:
        """Whether all elements are true."""
        return np.all(self)


def _spread(mask: Tensor, ndim: int) -> Any:
    return _numpy.reshape(mask, mask.shape + (1,) * (ndim - mask.ndim))
