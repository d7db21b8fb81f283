"""Primitives that no backend has heard of, one of every kind, declared while the tests run."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from wengert.ir.composite import COMPOSITES, composite
from wengert.ir.primitive import (
    IMPLEMENTATIONS,
    REGISTRY,
    Interval,
    Kind,
    NotDifferentiable,
    Primitive,
    register,
)
from wengert.ir.types import tensor_type
from wengert.primitives import indexing, reference
from wengert.primitives.exponential import sigmoid
from wengert.primitives.kinds import (
    common_dtype,
    elementwise,
    floating,
    library,
    movement,
    reduction,
    scan,
    unchanged,
)
from wengert.primitives.random import uniform

POSITIVE = Interval(0.5, 2.0)
SQUARE = (3, 3)


@dataclass(frozen=True)
class Newcomer:
    """A function to be declared and what to apply it to.

    Attributes
    ----------
    declare : callable
        ``declare(decomposition)`` enters it into the registry and returns it.
    operands : callable
        ``operands(rng, dtype)``: arrays that it is defined for.
    decomposition : callable, optional
        For `declare`.
    params : dict
        What it is called with beside its operands.
    """

    declare: Callable[[Any], Callable[..., Any]]
    operands: Callable[[np.random.Generator, Any], list[np.ndarray]]
    decomposition: Callable[..., Any] | None = None
    params: dict[str, Any] = field(default_factory=dict)


@contextmanager
def declared(newcomer: Newcomer) -> Iterator[Callable[..., Any]]:
    """Declare a primitive for a while."""
    before = [(table, dict(table)) for table in (REGISTRY, IMPLEMENTATIONS, COMPOSITES)]
    try:
        yield newcomer.declare(newcomer.decomposition)
    finally:
        for table, entries in before:
            table.clear()
            table.update(entries)


def _square_matrices(count: int) -> Callable[[np.random.Generator, Any], list[np.ndarray]]:
    return lambda rng, dtype: [rng.uniform(0.5, 2.0, SQUARE).astype(dtype) for _ in range(count)]


def _key(rng: np.random.Generator, dtype: Any) -> list[np.ndarray]:
    return [rng.integers(0, 2**31, 2).astype(np.uint32)]


def _rows(rng: np.random.Generator, dtype: Any) -> list[np.ndarray]:
    return [rng.uniform(0.5, 2.0, SQUARE).astype(dtype), np.array([2, 0, 2, 1])]


def cube_root(decomposition: Any) -> Primitive:
    """∛x."""
    return elementwise(
        "cube_root",
        numpy=lambda x: np.cbrt(x),
        vjp=lambda ct, out, x: (ct / (3 * out * out),),
        python="np.cbrt({0})",
        domain=(POSITIVE,),
        source="DLMF 4.2.26",
        decomposition=decomposition,
    )


def variance(decomposition: Any, formula: str = "") -> Primitive:
    """Mean square distance from the mean."""

    def vjp(ct: Any, out: Any, x: Any, axes: Any, keepdims: Any) -> tuple[Any, ...]:
        grown = ct if keepdims or not axes else np.expand_dims(ct, axes)
        count = math.prod(x.shape[axis] for axis in axes)
        return (grown * (x - np.mean(x, axis=axes, keepdims=True)) * (2 / count),)

    return reduction(
        "variance",
        numpy=lambda x, axes, keepdims: np.var(x, axis=axes, keepdims=keepdims),
        vjp=vjp,
        promote=floating,
        python="np.var",
        formula=formula,
        source="DLMF 1.4.8",
        decomposition=decomposition,
    )


def _variance(x: Any, axes: Any, keepdims: Any) -> Any:
    return np.mean(np.square(x - np.mean(x, axis=axes, keepdims=True)), axis=axes, keepdims=keepdims)


def diagonal(decomposition: Any) -> Primitive:
    """xᵢᵢ; a view whose elements do not lie side by side."""
    return movement(
        "diagonal",
        numpy=np.diagonal,
        infer=lambda x: tensor_type(x.shape[:1], x.dtype),
        vjp=lambda ct, out, x: (ct[:, None] * np.eye(x.shape[0], dtype=x.dtype),),
        python=lambda x: "np.diagonal({0})",
        source="NumPy reference: diagonal",
        copies=False,
        decomposition=decomposition,
    )


def running_product(decomposition: Any) -> Primitive:
    """Each element times all before it."""
    return register(
        Primitive(
            name="running_product",
            kind=Kind.SCAN,
            numpy=lambda x, axis: np.cumprod(x, axis=axis),
            infer=lambda x, axis: x,
            promote=unchanged,
            vjp=lambda ct, out, x, axis: (np.flip(np.cumsum(np.flip(ct * out, axis), axis=axis), axis) / x,),
            python=lambda x, *, axis: f"np.cumprod({{0}}, axis={axis})",
            flops=lambda out, operands, params: out.size,
            domain=(POSITIVE,),
            source="DLMF 1.4.9 on each partial product",
            decomposition=decomposition,
        )
    )


def running_log_sum(decomposition: Any) -> Primitive:
    """ln Σ eˣ up to each element."""
    return scan(
        "running_log_sum",
        numpy=lambda x, axis: np.logaddexp.accumulate(x, axis=axis),
        vjp=NotDifferentiable("of a test"),
        python="np.logaddexp.accumulate",
        implements=(np.logaddexp.accumulate,),
        source="DLMF 1.4.8 on each partial sum",
        decomposition=decomposition,
    )


def log_sum(decomposition: Any) -> Primitive:
    """ln Σ eˣ."""
    return reduction(
        "log_sum",
        numpy=lambda x, axes, keepdims: np.logaddexp.reduce(x, axis=axes, keepdims=keepdims),
        vjp=NotDifferentiable("of a test"),
        python="np.logaddexp.reduce",
        implements=(np.logaddexp.reduce,),
        source="DLMF 1.4.8",
        decomposition=decomposition,
    )


def inner(decomposition: Any) -> Primitive:
    """Rows of x times rows of y."""
    return register(
        Primitive(
            name="inner",
            kind=Kind.CONTRACTION,
            numpy=np.inner,
            infer=lambda x, y: tensor_type((x.shape[0], y.shape[0]), x.dtype),
            promote=common_dtype,
            vjp=lambda ct, out, x, y: (ct @ y, ct.T @ x),
            python="np.inner({0}, {1})",
            flops=lambda out, operands, params: 2 * out.size * operands[0].shape[-1],
            domain=(POSITIVE, POSITIVE),
            source="Giles 2008, 2.2.2",
            decomposition=decomposition,
        )
    )


def take_rows(decomposition: Any) -> Primitive:
    """Row iₖ of x for each k."""
    return register(
        Primitive(
            name="take_rows",
            kind=Kind.INDEXING,
            numpy=lambda x, places: x[places],
            infer=lambda x, places: tensor_type((*places.shape, *x.shape[1:]), x.dtype),
            promote=unchanged,
            vjp=lambda ct, out, x, places: (
                indexing.scatter_add(ct, places, axes=(0,), shape=x.shape),
                None,
            ),
            python="{0}[{1}]",
            flops=lambda out, operands, params: 0,
            domain=(POSITIVE,),
            source="NumPy reference: advanced indexing",
            linear=True,
            decomposition=decomposition,
        )
    )


def signs(decomposition: Any) -> Primitive:
    """−1 and 1, each with probability ½."""

    def draw(key: Any, shape: Any) -> Any:
        return np.where(reference.random_uniform(key, shape, np.float64) < 0.5, -1.0, 1.0)

    return register(
        Primitive(
            name="signs",
            kind=Kind.RANDOM,
            numpy=draw,
            infer=lambda key, shape: tensor_type(shape, np.dtype(np.float64)),
            promote=unchanged,
            vjp=NotDifferentiable("random signs do not depend on their key in a differentiable way"),
            python=lambda key, *, shape: (
                f"np.where(random_uniform({{0}}, {shape}, np.float64) < 0.5, -1.0, 1.0)"
            ),
            flops=lambda out, operands, params: 25 * out.size,
            domain=(Interval(0, 2**31, integer=True),),
            source="Salmon, Moraes, Dror & Shaw 2011",
            decomposition=decomposition,
        )
    )


def inverse(decomposition: Any) -> Primitive:
    """X⁻¹ of matrices of two rows and columns."""
    return library(
        "inverse",
        numpy=np.linalg.inv,
        infer=lambda x: x,
        vjp=lambda ct, out, x: (-(out.mT @ ct @ out.mT),),
        source="Giles 2008, 2.2.3",
        decomposition=decomposition,
    )


def _adjugate_over_determinant(x: Any) -> Any:
    a, b, c, d = x[..., 0, 0], x[..., 0, 1], x[..., 1, 0], x[..., 1, 1]
    rows = np.stack([np.stack([d, -b], axis=-1), np.stack([-c, a], axis=-1)], axis=-2)
    return rows / (a * d - b * c)[..., None, None]


def _regular_matrix(rng: np.random.Generator, dtype: Any) -> list[np.ndarray]:
    return [(rng.uniform(-0.3, 0.3, (2, 2)) + np.eye(2)).astype(dtype)]


def swish(_: Any) -> Callable[..., Any]:
    """X σ(x)."""

    @composite
    def swish_of_a_test(x: Any) -> Any:
        return x * sigmoid(x)

    return swish_of_a_test


_ALONE = {
    "elementwise": Newcomer(
        cube_root, _square_matrices(1), lambda x: np.sign(x) * np.exp(np.log(np.abs(x)) / 3)
    ),
    "reduction": Newcomer(variance, _square_matrices(1), _variance, {"axes": (1,), "keepdims": False}),
    "movement": Newcomer(
        diagonal, _square_matrices(1), lambda x: np.sum(x * np.eye(x.shape[0], dtype=x.dtype), axis=1)
    ),
    "scan": Newcomer(
        running_product,
        _square_matrices(1),
        lambda x, axis: np.exp(np.cumsum(np.log(x), axis=axis)),
        {"axis": 1},
    ),
    "contraction": Newcomer(inner, _square_matrices(2), lambda x, y: x @ y.T),
    "indexing": Newcomer(take_rows, _rows, lambda x, places: indexing.gather(x, places, axes=(0,))),
    "random": Newcomer(
        signs,
        _key,
        lambda key, shape: np.where(uniform(key, shape, np.float64) < 0.5, -1.0, 1.0),
        {"shape": SQUARE},
    ),
    "library": Newcomer(inverse, _regular_matrix, _adjugate_over_determinant),
}
NEWCOMERS = {
    **{kind: replace(one, decomposition=None) for kind, one in _ALONE.items()},
    **{f"{kind}, decomposed": one for kind, one in _ALONE.items()},
    "composite": Newcomer(swish, _square_matrices(1)),
}
