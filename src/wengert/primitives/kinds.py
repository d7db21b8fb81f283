"""The structural kinds: what every elementwise operation, reduction, … has in common."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.errors import DTypeError, ShapeError
from wengert.ir.primitive import Interval, Kind, NotDifferentiable, Primitive, VjpRule, register
from wengert.ir.types import TensorType, tensor_type
from wengert.primitives.batching import BatchRule, over_axes, over_batches, over_elements, over_stacks

DType = np.dtype[np.generic]
BOOL = np.dtype(np.bool_)
INT64 = np.dtype(np.int64)
REAL_LINE = Interval(-3, 3)
TRANSCENDENTAL = 10  # operations that one exp, log, sin, … counts for


def strong(dtypes: Sequence[Any]) -> tuple[Any, ...]:
    """Return `dtypes` with weak Python types made strong where nothing stronger stands beside them."""
    if all(isinstance(dtype, type) for dtype in dtypes):
        return tuple(np.dtype(dtype) for dtype in dtypes)
    return tuple(dtypes)


@functools.cache
def promotion_of(ufunc: np.ufunc) -> Callable[[Sequence[Any]], tuple[DType, ...]]:
    """Return the promotion rule of a NumPy universal function."""

    @functools.cache  # NumPy's search is most of what tracing and verifying a line takes
    def resolve(dtypes: tuple[Any, ...]) -> tuple[DType, ...]:
        # A Python boolean is a boolean, unlike an int or a float that takes the dtype of what it meets.
        given = [BOOL if dtype is bool else dtype for dtype in strong(dtypes)]
        try:
            resolved = ufunc.resolve_dtypes((*given, *[None] * ufunc.nout))
        except TypeError as error:
            names = ", ".join(getattr(dtype, "name", getattr(dtype, "__name__", "?")) for dtype in given)
            raise DTypeError(f"{ufunc.__name__} has no meaning for {names}") from error
        if any(dtype.kind == "f" and dtype.itemsize < 4 for dtype in resolved):
            names = " and ".join(np.dtype(dtype).name for dtype in given)
            raise DTypeError(
                f"{ufunc.__name__} of {names} would be computed in float16: convert with .astype(np.float32)"
            )
        return resolved[: ufunc.nin]

    return lambda dtypes: resolve(tuple(dtypes))


def common_dtype(dtypes: Sequence[Any]) -> tuple[DType, ...]:
    """Promote all operands to one dtype, as `numpy.result_type` does."""
    given = strong(dtypes)
    zeros = [dtype(0) if isinstance(dtype, type) else dtype for dtype in given]
    return (np.result_type(*zeros),) * len(given)


def unchanged(dtypes: Sequence[Any]) -> tuple[DType, ...]:
    """Leave each operand its own dtype."""
    return tuple(np.dtype(dtype) for dtype in dtypes)


def floating(dtypes: Sequence[Any]) -> tuple[DType, ...]:
    """Promote to one floating or complex dtype, integers to float64."""
    (dtype, *_) = common_dtype(dtypes)
    return ((dtype if dtype.kind in "fc" else np.dtype(np.float64)),) * len(dtypes)


def broadcast_shapes(name: str, types: Sequence[TensorType]) -> tuple[int, ...]:
    """Return the common shape.

    Raises
    ------
    ShapeError
        With the operation and all shapes.
    """
    shapes = {operand.shape for operand in types}
    shapes.discard(())  # what has no axes fits everything
    if len(shapes) < 2:
        return shapes.pop() if shapes else ()
    try:
        return np.broadcast_shapes(*[operand.shape for operand in types])
    except ValueError:
        given = " and ".join(str(operand.shape) for operand in types)
        raise ShapeError(f"{name}: shapes {given} do not broadcast") from None


def elementwise(
    name: str,
    *,
    numpy: Callable[..., Any],
    vjp: VjpRule | NotDifferentiable,
    source: str,
    python: str | Callable[..., str],
    formula: str = "",
    derivative: tuple[str, ...] = (),
    domain: tuple[Interval, ...] = (REAL_LINE,),
    promote: Callable[[Sequence[Any]], tuple[DType, ...]] | None = None,
    result: DType | Callable[[DType], DType] | None = None,
    special: tuple[float, ...] = (),
    ties: str = "",
    operations: int = 1,
    implements: tuple[Callable[..., Any] | str, ...] = (),
    linear: bool = False,
    selects: bool = False,
    complex: bool | Callable[..., Any] = False,
    decomposition: Callable[..., Any] | None = None,
) -> Primitive:
    """Declare an operation that acts on each element, with NumPy's broadcasting.

    Parameters beyond those of `Primitive`
    --------------------------------------
    result : numpy.dtype or callable, optional
        Dtype of the result where it is not that of the last operand, or a function of that.
    operations : int
        Floating-point operations counted for one element.
    """
    if promote is None:
        promote = promotion_of(numpy) if isinstance(numpy, np.ufunc) else floating

    def infer(*types: TensorType) -> TensorType:
        last = types[-1]
        shape = broadcast_shapes(name, types)
        if result is None and shape == last.shape:
            return last
        return tensor_type(shape, result(last.dtype) if callable(result) else result or last.dtype)

    return register(
        Primitive(
            name=name,
            kind=Kind.ELEMENTWISE,
            numpy=numpy,
            infer=infer,
            promote=promote,
            vjp=vjp,
            python=python,
            formula=formula,
            derivative=derivative,
            flops=lambda out, operands, params: operations * out.size,
            domain=domain,
            source=source,
            special=special,
            ties=ties,
            implements=(*((numpy,) if isinstance(numpy, np.ufunc) else ()), *implements),
            linear=linear,
            selects=selects,
            complex=complex,
            decomposition=decomposition,
            batch=over_elements,
        )
    )


def reduced_shape(name: str, operand: TensorType, axes: tuple[int, ...], keepdims: bool) -> tuple[int, ...]:
    """Return the shape after reducing `axes`.

    Raises
    ------
    ShapeError
        When an axis does not exist.
    """
    if any(axis >= operand.ndim for axis in axes):
        raise ShapeError(f"{name}: no axis {max(axes)} in an array of shape {operand.shape}")
    return tuple(
        1 if axis in axes else extent
        for axis, extent in enumerate(operand.shape)
        if keepdims or axis not in axes
    )


def reduction(
    name: str,
    *,
    numpy: Callable[..., Any],
    vjp: VjpRule | NotDifferentiable,
    source: str,
    python: str,
    promote: Callable[[Sequence[Any]], tuple[DType, ...]] = unchanged,
    result: DType | None = None,
    needs_elements: bool = False,
    operations: int = 1,
    domain: tuple[Interval, ...] = (REAL_LINE,),
    ties: str = "",
    implements: tuple[Callable[..., Any] | str, ...] = (),
    linear: bool = False,
    complex: bool = False,
    formula: str = "",
    batch: BatchRule = over_axes,
    decomposition: Callable[..., Any] | None = None,
) -> Primitive:
    """Declare a reduction over ``axes`` (non-negative, sorted) with ``keepdims``.

    Parameters beyond those of `Primitive`
    --------------------------------------
    needs_elements : bool
        The reduction of nothing has no value, as for ``max``.
    """

    def infer(operand: TensorType, *, axes: tuple[int, ...], keepdims: bool) -> TensorType:
        shape = reduced_shape(name, operand, axes, keepdims)
        if needs_elements and any(operand.shape[axis] == 0 for axis in axes):
            raise ShapeError(f"{name} over axes {axes} of an array of shape {operand.shape}: no elements")
        return tensor_type(shape, result or operand.dtype)

    def source_text(operand: TensorType, *, axes: tuple[int, ...], keepdims: bool) -> str:
        if len(axes) == operand.ndim and not keepdims:
            where = ""
        else:
            where = f", axis={axes[0] if len(axes) == 1 else axes}" + (", keepdims=True" if keepdims else "")
        return f"{python}({{0}}{where})"

    return register(
        Primitive(
            name=name,
            kind=Kind.REDUCTION,
            numpy=numpy,
            infer=infer,
            promote=promote,
            vjp=vjp,
            python=source_text,
            formula=formula,
            flops=lambda out, operands, params: operations * operands[0].size,
            domain=domain,
            source=source,
            ties=ties,
            implements=implements,
            linear=linear,
            complex=complex,
            decomposition=decomposition,
            batch=batch,
        )
    )


def scan(
    name: str,
    *,
    numpy: Callable[..., Any],
    vjp: VjpRule | NotDifferentiable,
    source: str,
    python: str,
    promote: Callable[[Sequence[Any]], tuple[DType, ...]] = unchanged,
    domain: tuple[Interval, ...] = (REAL_LINE,),
    implements: tuple[Callable[..., Any] | str, ...] = (),
    linear: bool = False,
    complex: bool = False,
    decomposition: Callable[..., Any] | None = None,
) -> Primitive:
    """Declare a running reduction along ``axis`` (non-negative), of the shape of its operand."""

    def infer(operand: TensorType, *, axis: int) -> TensorType:
        if axis >= operand.ndim:
            raise ShapeError(f"{name}: no axis {axis} in an array of shape {operand.shape}")
        return operand

    return register(
        Primitive(
            name=name,
            kind=Kind.SCAN,
            numpy=numpy,
            infer=infer,
            promote=promote,
            vjp=vjp,
            python=lambda operand, *, axis: f"{python}({{0}}, axis={axis})",
            flops=lambda out, operands, params: out.size,
            domain=domain,
            source=source,
            implements=implements,
            linear=linear,
            complex=complex,
            decomposition=decomposition,
            batch=over_axes,
        )
    )


def movement(
    name: str,
    *,
    numpy: Callable[..., Any],
    infer: Callable[..., TensorType],
    vjp: VjpRule,
    python: Callable[..., str],
    source: str,
    copies: bool,
    letters: Callable[..., tuple[list[str], str]] | None = None,
    spacing: Callable[..., list[tuple[int, int]]] | None = None,
    batch: Callable[..., Any] | None = None,
    decomposition: Callable[..., Any] | None = None,
) -> Primitive:
    """Declare an operation that only moves elements; it is linear and leaves dtypes alone.

    Parameters beyond those of `Primitive`
    --------------------------------------
    copies : bool
        Whether it writes memory (one operation counted per element) or is a view.
    batch : callable, optional
        ``batch(primitive, size, *batches, **params)``: the elements of a batch moved alike, its axis first.
    """
    return register(
        Primitive(
            name=name,
            kind=Kind.MOVEMENT,
            numpy=numpy,
            infer=infer,
            promote=common_dtype,
            vjp=vjp,
            python=python,
            flops=lambda out, operands, params: out.size if copies else 0,
            domain=(REAL_LINE,),
            source=source,
            linear=True,
            complex=True,
            letters=letters,
            spacing=spacing,
            decomposition=decomposition,
            batch=over_batches(batch) if batch else None,
        )
    )


def cubic(times: int) -> Callable[..., int]:
    """Return the count of a routine that takes about `times` · extent³ operations for each matrix."""
    return lambda out, types, params: times * types[0].size * max(types[0].shape, default=1)


def library(
    name: str,
    *,
    numpy: Callable[..., Any],
    infer: Callable[..., TensorType],
    vjp: VjpRule | NotDifferentiable,
    source: str,
    operands: int = 1,
    promote: Callable[[Sequence[Any]], tuple[DType, ...]] = floating,
    ties: str = "",
    linear: bool = False,
    complex: bool = False,
    decomposition: Callable[..., Any] | None = None,
    flops: Callable[..., int] | None = None,
    batch: BatchRule | None = over_stacks,
    domain: tuple[Interval, ...] | None = None,
    formula: str = "",
) -> Primitive:
    """Declare a routine of NumPy, LAPACK or SciPy over the last axes, which every backend leaves to NumPy.

    Its source is a call of `numpy`, a public function of NumPy's or one marked ``@emitted``, with the
    parameters by name. Counts of operations are those of Golub & Van Loan 2013, in multiples of extent³.

    Parameters beyond those of `Primitive`
    --------------------------------------
    operands : int
        How many it takes.
    """
    module = "numpy" if isinstance(numpy, np.ufunc) else str(numpy.__module__)
    prefix = module.replace("numpy", "np", 1) + "." if module.startswith("numpy") else ""
    places = ", ".join(f"{{{place}}}" for place in range(operands))

    def source_text(*types: TensorType, **params: Any) -> str:
        named = "".join(f", {key}={value!r}" for key, value in sorted(params.items()))
        return f"{prefix}{numpy.__name__}({places}{named})"

    return register(
        Primitive(
            name=name,
            kind=Kind.LIBRARY,
            numpy=numpy,
            infer=infer,
            promote=promote,
            vjp=vjp,
            python=source_text,
            formula=formula,
            flops=flops or cubic(1),
            domain=domain or (REAL_LINE,) * operands,
            source=source,
            ties=ties,
            linear=linear,
            complex=complex,
            decomposition=decomposition,
            batch=batch,
        )
    )
