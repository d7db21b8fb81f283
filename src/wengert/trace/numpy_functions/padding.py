"""np.pad in all its modes: NumPy pads the places, or the unit vectors, and these say what goes where."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.errors import DTypeError, ShapeError, UnsupportedFunctionError
from wengert.primitives import movement
from wengert.trace.numpy_functions.table import array, implements
from wengert.trace.tensor import here

_COPIES = ("edge", "reflect", "symmetric", "wrap")
_STATISTICS: dict[str, Any] = {"maximum": np.max, "minimum": np.min, "mean": np.mean, "median": np.median}


@implements(np.pad)
def pad(
    array: Any, pad_width: Any, mode: Any = "constant", constant_values: Any = 0, end_values: Any = None,
    stat_length: Any = None, reflect_type: Any = None,
) -> Any:  # fmt: skip
    """np.pad.

    Raises
    ------
    DTypeError, ShapeError
        When the widths are no integers, negative, or do not fit.
    UnsupportedFunctionError
        For a mode that NumPy has not, or a function.
    """
    widths = _widths(pad_width, array.ndim)
    if mode in ("constant", "empty"):
        return _constant(array, widths, constant_values)
    if mode not in (*_COPIES, "linear_ramp", *_STATISTICS):
        raise UnsupportedFunctionError(f"np.pad: mode={mode!r} has no rule{here()}")
    named = {"end_values": end_values, "stat_length": stat_length}
    of_axes = {name: _of_axes(value, array.ndim) for name, value in named.items() if value is not None}
    for axis, width in enumerate(widths):
        options: dict[str, Any] = {name: value[axis] for name, value in of_axes.items()}
        if reflect_type is not None:
            options["reflect_type"] = reflect_type
        if any(width):
            array = np.moveaxis(_along(np.moveaxis(array, axis, -1), width, mode, options), -1, axis)
    return array


def _along(x: Any, width: tuple[int, int], mode: str, options: dict[str, Any]) -> Any:
    """Pad the last axis."""
    if not x.shape[-1]:
        raise ShapeError(f"np.pad: mode={mode!r} of an axis without entries{here()}")
    if mode in _COPIES and options.get("reflect_type", "even") == "even":
        return np.take(x, np.pad(np.arange(x.shape[-1]), width, mode), axis=-1)  # type: ignore[call-overload]
    if mode in _STATISTICS:
        lengths = options.get("stat_length", (None, None))
        counts = [x.shape[-1] if one is None else min(one, x.shape[-1]) for one in lengths]
        sides = (x[..., : counts[0]], x[..., x.shape[-1] - counts[1] :])
        found = [_STATISTICS[mode](side, axis=-1, keepdims=True) for side in sides]
        if x.dtype.kind in "iu":
            found = [np.rint(one).astype(x.dtype) if one.dtype.kind == "f" else one for one in found]
        low, high = (np.repeat(one.astype(x.dtype), n, -1) for one, n in zip(found, width, strict=True))
        return np.concatenate([low, x, high], axis=-1)
    if mode == "linear_ramp":
        first, last = options.get("end_values", (0, 0))
        low, high = _ramp(first, x[..., :1], width[0]), _ramp(last, x[..., -1:], width[1])
        return np.concatenate([low, x, np.flip(high, -1)], axis=-1)
    # What is left, the odd reflections, is linear in the entries.
    matrix: Any = np.pad(np.eye(x.shape[-1]), ((0, 0), width), mode, reflect_type="odd")  # type: ignore[call-overload]
    return x @ matrix.astype(x.dtype)


def _ramp(end: float, edge: Any, width: int) -> Any:
    """Return the values from `end` up to the one before `edge`; of integers the floor, as NumPy's."""
    start = edge if edge.dtype.kind in "fc" else edge.astype(np.float64)
    ramp = np.arange(width, dtype=start.dtype) * ((start - end) / max(width, 1)) + end
    return ramp if edge.dtype.kind in "fc" else np.floor(ramp).astype(edge.dtype)


def _widths(pad_width: Any, ndim: int) -> list[tuple[int, int]]:
    if isinstance(pad_width, dict):
        named = {axis % ndim: np.broadcast_to(value, 2) for axis, value in pad_width.items()}
        pad_width = [named.get(axis, (0, 0)) for axis in range(ndim)]
    widths = np.asarray(pad_width)
    if widths.dtype.kind not in "iu":
        raise DTypeError(f"pad: widths {pad_width} are no integers{here()}")
    try:
        pairs = [(int(low), int(high)) for low, high in np.broadcast_to(widths, (ndim, 2))]
    except ValueError:
        raise ShapeError(f"pad: widths {pad_width} do not fit an array of {ndim} axes{here()}") from None
    if min((min(pair) for pair in pairs), default=0) < 0:
        raise ShapeError(f"pad: widths {pad_width} cannot be negative{here()}")
    return pairs


def _of_axes(value: Any, ndim: int) -> list[tuple[Any, Any]]:
    """Return the pair that an option gives each axis."""
    return [tuple(pair) for pair in np.broadcast_to(np.asarray(value), (ndim, 2)).tolist()]


def _constant(x: Any, widths: list[tuple[int, int]], constants: Any) -> Any:
    if not x.ndim:
        return x
    low, high = (tuple(pair[side] for pair in widths) for side in (0, 1))
    padded = movement.pad(x, low=low, high=high, interior=(0,) * x.ndim)
    if isinstance(constants, (int, float)) and constants == 0:
        return padded
    values = np.broadcast_to(array(constants), (x.ndim, 2)).astype(x.dtype)
    for axis, (extent, width) in enumerate(zip(x.shape, widths, strict=True)):  # a later axis has the corners
        place = np.arange(extent + sum(width)).reshape([-1 if one == axis else 1 for one in range(x.ndim)])
        padded = np.where(place < width[0], values[axis, 0], padded)
        padded = np.where(place >= width[0] + extent, values[axis, 1], padded)
    return padded
