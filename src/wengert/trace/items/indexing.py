"""Square brackets: NumPy's basic and advanced indexing in terms of primitives."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.errors import ConcreteValueError, DTypeError, IndexRangeError, ShapeError, WengertError
from wengert.primitives import movement
from wengert.primitives.indexing import check_range, gather, scatter_add
from wengert.trace.items.selections import Selection, refuse_unknown_mask
from wengert.trace.memory import Alias, in_c_order, is_part, piece_of, read, write
from wengert.trace.tensor import Tensor, here, joined, refuse


def _expand_ellipsis(key: list[Any], ndim: int) -> list[Any]:
    consumed = sum(part is not None and part is not Ellipsis for part in key)
    if sum(part is Ellipsis for part in key) > 1:
        raise IndexRangeError(f"an index has at most one ...{here()}")
    if consumed > ndim:
        raise IndexRangeError(f"{consumed} indices for an array of {ndim} axes{here()}")
    fill = [slice(None)] * (ndim - consumed)
    if not any(part is Ellipsis for part in key):
        return [*key, *fill]
    place = next(position for position, part in enumerate(key) if part is Ellipsis)
    return [*key[:place], *fill, *key[place + 1 :]]


def _is_scalar_index(part: Any) -> bool:
    return isinstance(part, (int, np.integer)) and not isinstance(part, (bool, np.bool_))


def _as_array(part: Any) -> Any:
    if isinstance(part, Tensor):
        return part
    try:
        return np.asarray(part)
    except ValueError as error:
        raise DTypeError(f"the index {part!r} is no array of integers or booleans: {error}{here()}") from None


def _without_masks(key: tuple[Any, ...], shape: tuple[int, ...]) -> list[Any]:
    """Replace each boolean mask by the indices of what it selects, one array for each axis it stands for."""
    parts: list[Any] = []
    # Masks after an ellipsis count their axes from the end.
    for place, part in enumerate(key):
        if part is None or part is Ellipsis or isinstance(part, slice) or _is_scalar_index(part):
            parts.append(part)
            continue
        array = _as_array(part)
        if array.dtype != np.bool_:
            parts.append(part)
            continue
        if array.ndim == 0:
            refuse("a single boolean is no index")
        mask = _known_mask(array)
        if any(one is Ellipsis for one in key[:place]):
            first = len(shape) - sum(map(_axes, key[place:]))
        else:
            first = sum(map(_axes, key[:place]))
        axes = shape[max(first, 0) : max(first, 0) + mask.ndim]
        if axes != mask.shape:
            raise IndexRangeError(f"a boolean mask of shape {mask.shape} selects from axes {axes}{here()}")
        parts += np.nonzero(mask)
    return parts


def _axes(part: Any) -> int:
    """Return how many axes a part of an index stands for."""
    if part is None or part is Ellipsis:
        return 0
    if isinstance(part, slice) or _is_scalar_index(part):
        return 1
    array = _as_array(part)
    return int(array.ndim) if array.dtype == np.bool_ else 1


def _known_mask(mask: Any) -> np.ndarray[Any, Any]:
    """Return the values of a mask, which decide the shape of the result.

    Raises
    ------
    ConcreteValueError
        When it was traced from a type alone.
    """
    if not isinstance(mask, Tensor):
        return np.asarray(mask)
    try:
        return mask.recorder.value(mask.node)
    except ConcreteValueError:
        refuse_unknown_mask()


def _check_part(part: Any) -> Any:
    if part is None or isinstance(part, slice) or _is_scalar_index(part):
        return part
    array = _as_array(part)
    if not isinstance(array, Tensor) and array.size == 0:
        array = array.astype(np.int64)
    return array


def _known(part: Any) -> Any:
    """Return an index with the values of the tensors in it."""
    if isinstance(part, tuple):
        return tuple(map(_known, part))
    part = joined(part)
    if not isinstance(part, Tensor):
        return part
    if part.dtype == np.bool_:
        return _known_mask(part)
    value = part.recorder.value(part.node)
    return value if value.ndim else int(value)  # what NumPy calls a scalar, and a view is selected by


def _known_of_view(key: Any) -> Any:
    try:
        return _known(key)
    except ConcreteValueError as error:
        raise ConcreteValueError(
            f"{error}. A view whose place is not known cannot be written to: write c[i] = c[i] + y in place "
            "of c[i] += y"
        ) from None


def _constants_as_arrays(key: Any) -> Any:
    if isinstance(key, tuple):
        return tuple(map(_constants_as_arrays, key))
    key = joined(key)
    return key.node.value if isinstance(key, Tensor) and key.is_constant else key


def _is_basic(part: Any) -> bool:
    """Whether a part of an index selects a view, as integers, slices and new axes do."""
    if part is None or part is Ellipsis or isinstance(part, slice) or _is_scalar_index(part):
        return True
    return isinstance(part, Tensor) and part.dtype.kind in "iu" and part.ndim == 0


def _is_mask_of(key: Any, x: Any) -> bool:
    """Whether a key is a traced mask of the first axes of an array."""
    return isinstance(key, Tensor) and key.dtype == np.bool_ and bool(key.shape == x.shape[: key.ndim])


def item(x: Any, key: Any) -> Any:
    """Return ``x[key]``, a view of `x` where NumPy gives one."""
    key = _constants_as_arrays(key)
    if _is_mask_of(key, x) and _is_unknown(key):
        return Selection(x.fresh(), key.fresh(), here())
    result = read(x, key)  # of what was assigned, the part alone
    if result is None:
        result = index(x, key)
    else:
        result.c_order = False
    parts = key if isinstance(key, tuple) else (key,)
    if not isinstance(result, Tensor):  # of an array that was kept after its trace
        return np.asarray(result)[()]
    if not all(map(_is_basic, parts)):
        return result
    result.c_order = in_c_order(x)
    if result.ndim or any(part is Ellipsis for part in parts):
        result = result.fresh()
        result.alias = Alias(x, lambda places: places[_known_of_view(key)])
    elif result.is_constant:
        return np.asarray(result)[()]
    return result


def assign(x: Any, key: Any, value: Any) -> None:
    """Do ``x[key] = value``; see `wengert.trace.memory.write`.

    A number or a scalar where a mask is true needs no values of the mask, and single integers, beside slices
    of whole axes, need none either: the iteration of a loop is one. Any other index does.
    """
    key = _constants_as_arrays(key)
    if isinstance(value, Selection):
        if not _is_mask_of(key, x):
            refuse_unknown_mask()
        merged = piece_of(x, value.where_selected(key, x))
        write(x, merged, lambda places, numbers: places.__setitem__(..., numbers))
        return
    if _is_mask_of(key, x):
        value = joined(value)
        if np.ndim(value) == 0:
            mask = np.reshape(key, key.shape + (1,) * (x.ndim - key.ndim))
            scalar = value if isinstance(value, Tensor) else np.asarray(value)
            chosen: Any = np.where(mask, scalar.astype(x.dtype), x)
            write(x, chosen, lambda places, numbers: places.__setitem__(..., numbers))
            return
    chosen = _with_value_at(x, key, value)
    if chosen is not None:
        write(x, chosen, lambda places, numbers: places.__setitem__(..., numbers))
        return
    known = _known(key)
    if not _is_same(x, known, value):
        write(x, value, lambda places, numbers: places.__setitem__(known, numbers))


def _with_value_at(x: Any, key: Any, value: Any) -> Any:
    """Return `x` with a value at integers of which some are not known while tracing; None for other keys."""
    parts = key if isinstance(key, tuple) else (key,)
    if not any(isinstance(part, Tensor) and _is_basic(part) and _is_unknown(part) for part in parts):
        return None
    if any(part is None or not _is_basic(part) for part in parts):
        return None
    if any(isinstance(part, slice) and part != slice(None) for part in parts):
        return None
    places = _expand_ellipsis(list(parts), x.ndim)
    axes = tuple(axis for axis, part in enumerate(places) if not isinstance(part, slice))
    indices = [places[axis] for axis in axes]
    rest = tuple(extent for axis, extent in enumerate(x.shape) if axis not in axes)
    given: Any = piece_of(x, value)
    spread = scatter_add(np.broadcast_to(given, rest), *indices, axes=axes, shape=x.shape)
    marks = scatter_add(np.ones(rest, np.int64), *indices, axes=axes, shape=x.shape)
    return np.where(marks > 0, spread, x)


def _is_unknown(part: Tensor) -> bool:
    try:
        part.recorder.computed(part.node)
    except ConcreteValueError:
        return True
    return False


def _is_same(x: Any, key: Any, value: Any) -> bool:
    """Whether the elements are those already there, as after an in-place operator: ``x[1:] += y``."""
    alias = value.alias if type(value) is Tensor else None
    return alias is not None and alias.places is not None and is_part(x, key, alias.places)


def index(x: Any, key: Any) -> Any:
    """Return ``x[key]``.

    Integers and slices become slicing, integer arrays and masks become gathering; the order of the axes is
    NumPy's.

    Raises
    ------
    IndexRangeError
        When an integer or a constant index array lies outside its axis.
    ConcreteValueError
        For boolean masks whose values are not known, so that the result has no shape.
    """
    plain = _without_masks(key if isinstance(key, tuple) else (key,), x.shape)
    parts = [_check_part(part) for part in _expand_ellipsis(plain, x.ndim)]
    arrays = [
        part for part in parts if not (part is None or isinstance(part, slice) or _is_scalar_index(part))
    ]
    if arrays:
        # Beside an array, an integer is an index array too: it decides where the axes of the result stand.
        parts = [np.asarray(part) if _is_scalar_index(part) else part for part in parts]
    x, parts = _basic(x, parts)
    return _gathered(x, parts) if arrays else x


def _bounds(part: slice, extent: int) -> tuple[int, int, int]:
    try:
        return part.indices(extent)
    except WengertError:
        raise  # a traced value as a bound says so itself
    except TypeError:
        raise DTypeError(f"the bounds of {part} are no integers{here()}") from None
    except ValueError:
        raise IndexRangeError(f"the step of {part} is zero{here()}") from None


def _basic(x: Any, parts: list[Any]) -> tuple[Any, list[Any]]:
    """Do slices, integers and new axes; the parts that are left stand for the axes that are left."""
    start, stop, step, flipped, dropped = [], [], [], [], []
    axis = 0
    for part in parts:
        if part is None:
            continue
        extent = x.shape[axis]
        if isinstance(part, slice):
            places = range(*_bounds(part, extent))
            if places.step < 0:
                places = places[::-1]
                flipped.append(axis)
        elif _is_scalar_index(part):
            if not -extent <= part < extent:
                raise IndexRangeError(
                    f"index {part} is outside axis {axis}, which has {extent} entries{here()}"
                )
            places = range(int(part) % extent, int(part) % extent + 1)
            dropped.append(axis)
        else:
            places = range(extent)
        begin = places.start if len(places) else 0
        start.append(begin)
        stop.append(places[-1] + 1 if len(places) else 0)
        step.append(places.step if len(places) > 1 else 1)
        axis += 1
    whole = all(
        (first, last, stride) == (0, extent, 1)
        for first, last, stride, extent in zip(start, stop, step, x.shape, strict=True)
    )
    if not whole:
        x = movement.slice_(x, start=tuple(start), stop=tuple(stop), step=tuple(step))
    if flipped:
        x = movement.flip(x, axes=tuple(flipped))
    if dropped:
        x = movement.squeeze(x, axes=tuple(dropped))
    left = [part for part in parts if not _is_scalar_index(part)]
    added = tuple(position for position, part in enumerate(left) if part is None)
    if added:
        x = movement.expand_dims(x, axes=added)
    return x, left


def _gathered(x: Any, parts: list[Any]) -> Any:
    axes = tuple(axis for axis, part in enumerate(parts) if part is not None and not isinstance(part, slice))
    indices = []
    for axis in axes:
        part = parts[axis]
        if not isinstance(part, Tensor):
            _check_constant(part, x.shape[axis], axis)
        elif part.dtype.kind not in "iu":
            raise ShapeError(f"indices are integers, not {part.dtype}{here()}")
        indices.append(part)
    result = gather(x, *indices, axes=axes)
    if isinstance(result, Tensor):
        result.c_order = axes == tuple(range(len(axes))) and all(map(in_c_order, (x, *indices)))
    return result


def _check_constant(index: np.ndarray[Any, Any], extent: int, axis: int) -> None:
    if index.dtype.kind not in "iu":
        raise DTypeError(f"indices are integers, not {index.dtype}{here()}")
    check_range(index, extent, axis)
