"""Lines that NumPy computes on the host, in a call from the device.

What goes through the call is words of at most four bytes: JAX hands the operands over in a thread that may
have its setting for longer ones off, and would round them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from wengert.ir.evaluate import evaluate_node
from wengert.ir.node import Node
from wengert.ir.types import TensorType, TupleType, tensor_type

Array = np.ndarray[Any, Any]


def computed_on_host(node: Node, operands: Sequence[Any]) -> tuple[Any, Any]:
    """Return the value of a line, and whether NumPy raised no error on the way; it is 0 where it did."""
    whole = node.type
    is_tuple = isinstance(whole, TupleType)
    types = whole.items if isinstance(whole, TupleType) else (whole,)

    def call(*words: Any) -> tuple[Array, ...]:
        given = [_from_words(np.asarray(one), of.type) for one, of in zip(words, node.inputs, strict=True)]
        try:
            with np.errstate(all="ignore"):
                value = evaluate_node(node, given)
        except Exception:  # the error itself is raised by the run with NumPy that follows
            value = tuple([np.zeros(one.shape, one.dtype) for one in types])
            return (np.array(False), *map(_to_words, value))
        return (np.array(True), *map(_to_words, value if is_tuple else (value,)))

    shapes = [jax.ShapeDtypeStruct((), np.bool_)]
    shapes += [jax.ShapeDtypeStruct(*_layout(one)) for one in types]
    good, *results = jax.pure_callback(call, tuple(shapes), *map(_put, operands))
    values = [_taken(one, type_) for one, type_ in zip(results, types, strict=True)]
    return tuple(values) if is_tuple else values[0], good


def _layout(type_: TensorType) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Return shape and dtype of the words of an array."""
    shape, dtype = type_.shape, type_.dtype
    if dtype.kind == "c":
        shape, dtype = (*shape, 2), np.dtype(f"f{dtype.itemsize // 2}")
    return ((*shape, 2), np.dtype(np.uint32)) if dtype.itemsize == 8 else (shape, dtype)


def _to_words(value: Any) -> Array:
    array = np.array(value, order="C")
    shape, dtype = _layout(tensor_type(array.shape, array.dtype))
    return array.reshape(-1).view(dtype).reshape(shape)


def _from_words(words: Array, type_: TensorType) -> Array:
    return np.array(words, order="C").reshape(-1).view(type_.dtype).reshape(type_.shape)


def _put(value: Any) -> Any:
    """The words of an array on the device."""
    if value.dtype.kind == "c":
        value = jnp.stack([value.real, value.imag], axis=-1)
    return lax.bitcast_convert_type(value, jnp.uint32) if value.dtype.itemsize == 8 else value


def _taken(words: Any, type_: TensorType) -> Any:
    """The array on the device of such words."""
    if type_.dtype.kind != "c":
        return lax.bitcast_convert_type(words, type_.dtype) if type_.dtype.itemsize == 8 else words
    part = np.dtype(f"f{type_.dtype.itemsize // 2}")
    parts = lax.bitcast_convert_type(words, part) if part.itemsize == 8 else words
    return lax.complex(parts[..., 0], parts[..., 1])
