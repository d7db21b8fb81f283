"""Is this gradient right? A comparison with complex step or differences, argument by argument."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from wengert.autodiff.application import Argnames, Argnums, selected_arguments
from wengert.autodiff.products import hvp, vjp
from wengert.errors import ConfigurationError
from wengert.trace.static import is_static
from wengert.trace.tree import argument_names, flatten, leaf_paths, unflatten

_COMPLEX_STEP = 1e-200
_EXACT = 1e-10  # tolerance against complex step, relative
_APPROXIMATE = 1e-5  # tolerance against differences, relative


@dataclass(frozen=True)
class Comparison:
    """One derivative along one random direction of one argument.

    Attributes
    ----------
    argument : str
    order : int
    engine, reference : float
    error : float
        Relative to the larger of the two and of the scale of the terms that were summed.
    method : str
        ``"complex step"`` or ``"differences"``.
    tolerance : float
    """

    argument: str
    order: int
    engine: float
    reference: float
    error: float
    method: str
    tolerance: float

    @property
    def passed(self) -> bool:
        """Whether the error is within the tolerance; NaN never is."""
        return self.error <= self.tolerance


@dataclass(frozen=True)
class GradientReport:
    """What `check_grad` found; true when every comparison passed."""

    comparisons: tuple[Comparison, ...]

    @property
    def passed(self) -> bool:
        """Whether every comparison passed."""
        return all(one.passed for one in self.comparisons)

    def __bool__(self) -> bool:
        return self.passed

    def __str__(self) -> str:
        width = max([len("argument"), *(len(one.argument) for one in self.comparisons)])
        rows = [f"{'argument':<{width}}  order  {'engine':>16}  {'reference':>16}  {'error':>8}  method"]
        for one in self.comparisons:
            verdict = "" if one.passed else f"  WRONG (tolerance {one.tolerance:.0e})"
            rows.append(
                f"{one.argument:<{width}}  {one.order:>5}  {one.engine:>16.9g}  {one.reference:>16.9g}  "
                f"{one.error:>8.1e}  {one.method}{verdict}"
            )
        return "\n".join(rows)


def check_grad(
    function: Callable[..., Any],
    *args: Any,
    order: int = 2,
    argnums: Argnums = None,
    argnames: Argnames = None,
    seed: int = 0,
    **kwargs: Any,
) -> GradientReport:
    """Compare the derivatives of `function` with complex step or differences.

    Parameters
    ----------
    function : callable
        Returns a floating or complex array or a tree of them; results are weighted with random numbers and
        summed, of complex ones the real part.
    *args, **kwargs
        Where to check; converted to float64 and complex128.
    order : {1, 2}
        Highest order. The second is checked along the direction, vᵀHv, against differences of the first.
    argnums, argnames
        As for `grad`; all floating and complex positional arguments by default.
    seed : int
        For the directions.

    Returns
    -------
    GradientReport
        One comparison for each array and order; print it, or use its truth value.

    Notes
    -----
    Complex step, Im f(x + ih)/h with h = 10⁻²⁰⁰, has no rounding error to speak of (Squire & Trapp 1998), but
    needs a function that is analytic as written: ``abs`` or ``maximum`` are not. Where the function refuses
    complex numbers, or disagrees with differences there, differences with Richardson extrapolation are taken.
    """
    if order not in (1, 2):
        raise ConfigurationError(f"order is 1 or 2, got {order!r}")
    keys = _keys(function, args, kwargs, argnums, argnames)
    wide_args = tuple(_wide(value) for value in args)
    wide_kwargs = {name: _wide(value) for name, value in kwargs.items()}
    rng = np.random.default_rng(seed)
    scalar = _weighted(function, wide_args, wide_kwargs, rng)
    names = argument_names(function, len(args), {})
    comparisons: list[Comparison] = []
    for key in keys:
        restricted, value = _restricted(scalar, wide_args, wide_kwargs, key)
        leaves, _ = flatten(value)
        for place, path in enumerate(leaf_paths(value, names[key] if isinstance(key, int) else key)):
            if leaves[place].size:
                comparisons += _compare(restricted, leaves, place, path, order, rng)
    return GradientReport(tuple(comparisons))


def _restricted(
    scalar: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], key: int | str
) -> tuple[Callable[..., Any], Any]:
    """Return `scalar` as a function of the leaves of one argument, and that argument."""
    value = args[key] if isinstance(key, int) else kwargs[key]
    structure = flatten(value)[1]

    def restricted(*leaves: Any) -> Any:
        tree = unflatten(structure, list(leaves))
        if isinstance(key, int):
            return scalar(*args[:key], tree, *args[key + 1 :], **kwargs)
        return scalar(*args, **{**kwargs, key: tree})

    return restricted, value


def _wide(tree: Any) -> Any:
    """Floating leaves as float64, complex ones as complex128; others, an axis or a shape, as they are.

    Single precision has too few digits to tell right from nearly right.
    """
    leaves, structure = flatten(tree)
    wide = [leaf if is_static(leaf) else np.asarray(leaf) for leaf in leaves]
    widest = {"f": np.float64, "c": np.complex128}
    kinds = [one.dtype.kind if isinstance(one, np.ndarray) else "" for one in wide]
    return unflatten(
        structure,
        [
            one.astype(widest[kind]) if kind in widest else leaf
            for one, kind, leaf in zip(wide, kinds, leaves, strict=True)
        ],
    )


def _keys(
    function: Callable[..., Any],
    args: Sequence[Any],
    kwargs: dict[str, Any],
    argnums: Argnums,
    argnames: Argnames,
) -> list[int | str]:
    if argnums is None and argnames is None:
        argnums = [
            place
            for place, value in enumerate(args)
            if all(np.asarray(leaf).dtype.kind in "fc" for leaf in flatten(value)[0])
        ]
    return selected_arguments(function, tuple(args), kwargs, argnums, argnames)


def _weighted(
    function: Callable[..., Any], args: Any, kwargs: Any, rng: np.random.Generator
) -> Callable[..., Any]:
    """Return the function as a scalar one: its results times fixed random weights, summed."""
    leaves, _ = flatten(function(*args, **kwargs))
    if len(leaves) == 1 and np.shape(leaves[0]) == ():
        weights = [np.asarray(1 - 1j if np.iscomplexobj(leaves[0]) else 1.0)]
    else:
        weights = [_random(leaf, rng) for leaf in leaves]

    def weighed(weight: Any, result: Any) -> Any:
        # A real result stays as it is: of complex arguments it is complex, for the complex step.
        total = np.sum(weight * result)
        return np.real(total) if np.iscomplexobj(weight) else total

    def scalar(*args: Any, **kwargs: Any) -> Any:
        results, _ = flatten(function(*args, **kwargs))
        return sum((weighed(weight, result) for weight, result in zip(weights, results, strict=True)), 0.0)

    return scalar


def _random(like: Any, rng: np.random.Generator) -> Any:
    """Return random numbers, complex ones for complex numbers."""
    numbers = rng.normal(size=np.shape(like))
    return numbers + 1j * rng.normal(size=np.shape(like)) if np.iscomplexobj(like) else numbers


def _compare(
    function: Callable[..., Any],
    leaves: list[Any],
    place: int,
    path: str,
    order: int,
    rng: np.random.Generator,
) -> list[Comparison]:
    direction = _random(leaves[place], rng)

    def along(step: Any) -> list[Any]:
        moved = list(leaves)
        moved[place] = leaves[place] + step * direction
        return moved

    def slope(values: list[Any]) -> float:
        _, pull = vjp(function, *values, argnums=place)
        return float(np.real(np.sum(pull(np.ones(())) * direction)))

    differences = _richardson(lambda step: float(function(*along(step))))
    exact = _complex_step(function, along)
    engine = slope(leaves)
    if exact is not None and abs(exact - differences) <= 1e-4 * max(1.0, abs(exact), abs(differences)):
        first = _comparison(path, 1, engine, exact, "complex step", _EXACT)
    else:
        first = _comparison(path, 1, engine, differences, "differences", _APPROXIMATE)
    if order == 1:
        return [first]
    curvature = float(np.real(np.sum(hvp(function, leaves, direction, argnums=place) * direction)))
    reference = _richardson(lambda step: slope(along(step)))
    return [first, _comparison(path, 2, curvature, reference, "differences", _APPROXIMATE)]


def _comparison(
    path: str, order: int, engine: float, reference: float, method: str, tolerance: float
) -> Comparison:
    error = abs(engine - reference) / max(1.0, abs(engine), abs(reference))
    return Comparison(path, order, engine, reference, error, method, tolerance)


def _complex_step(function: Callable[..., Any], along: Callable[[Any], list[Any]]) -> float | None:
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("error", np.exceptions.ComplexWarning)
            result = complex(function(*along(1j * _COMPLEX_STEP)))
    except Exception:  # whatever a user's function raises on complex numbers: it is not made for them
        return None
    return result.imag / _COMPLEX_STEP if np.isfinite(result.imag) else None


def _richardson(function: Callable[[float], float]) -> float:
    """Central differences at shrinking steps, extrapolated; the most consistent pair decides."""
    steps = [1e-2 * 0.5**k for k in range(7)]
    table = [[(function(step) - function(-step)) / (2 * step)] for step in steps]
    best, spread = table[0][0], np.inf
    for row in range(1, len(steps)):
        for column in range(1, row + 1):
            factor = 4.0**column
            table[row].append((factor * table[row][column - 1] - table[row - 1][column - 1]) / (factor - 1))
            change = abs(table[row][column] - table[row][column - 1])
            if change < spread:
                best, spread = table[row][column], change
    return best
