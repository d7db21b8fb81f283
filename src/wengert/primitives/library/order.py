"""The order of elements: where sorting puts them, and where values would stand among sorted ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.errors import ShapeError
from wengert.ir.emitted_functions import emitted
from wengert.ir.primitive import NotDifferentiable
from wengert.ir.types import TensorType, tensor_type
from wengert.primitives.kinds import INT64, common_dtype, library, unchanged

_PLACES = NotDifferentiable("a place in an order does not change under a small change of the values")


@emitted
def order_of(x: Any) -> Any:
    """Places of the elements in ascending order along the last axis; equal ones stay in theirs."""
    return np.argsort(x, axis=-1, kind="stable")


@emitted
def partial_order_of(x: Any, kth: Any) -> Any:
    """Places of the elements in an order in which those at `kth` stand where sorting puts them."""
    return np.argpartition(x, kth, axis=-1)


def _places(x: TensorType, kth: Any = None) -> TensorType:
    if not x.ndim:
        raise ShapeError("a scalar has no axis to sort along")
    return tensor_type(x.shape, INT64)


argsort = library(
    "argsort",
    numpy=order_of,
    infer=_places,
    vjp=_PLACES,
    promote=unchanged,
    source="NumPy reference: argsort",
    ties="equal elements keep their order, and each its own derivative",
)

argpartition = library(
    "argpartition",
    numpy=partial_order_of,
    infer=_places,
    vjp=_PLACES,
    promote=unchanged,
    source="NumPy reference: argpartition",
)


def _searchsorted_type(a: TensorType, v: TensorType, side: str) -> TensorType:
    if a.ndim != 1:
        raise ShapeError(f"searchsorted: takes a sorted vector, got shape {a.shape}")
    return tensor_type(v.shape, INT64)


searchsorted = library(
    "searchsorted",
    numpy=np.searchsorted,
    infer=_searchsorted_type,
    vjp=_PLACES,
    promote=common_dtype,
    operands=2,
    source="NumPy reference: searchsorted",
    batch=None,
)
