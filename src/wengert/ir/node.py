"""Hash-consed nodes: one line of a Wengert list each.

Two nodes with the same primitive, operands and parameters are the same object, so common subexpressions are
shared by construction. Every node has a serial number larger than those of its operands; sorting by it is
therefore a topological order.
"""

from __future__ import annotations

import hashlib
import itertools
import threading
import weakref
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, NoReturn

import numpy as np

from wengert.errors import WengertError
from wengert.ir.primitive import Interval, Kind, NotDifferentiable, Primitive, register
from wengert.ir.types import TensorType, TupleType, tensor_type

Params = tuple[tuple[str, Any], ...]


class Node:
    """One elementary operation; made by `make_node`, `make_input` and `make_constant` only.

    Attributes
    ----------
    primitive : Primitive
    inputs : tuple of Node
    params : tuple of (str, value)
        Sorted by name; the values are hashable.
    type : TensorType
    serial : int
        Larger than the serials of the inputs.
    """

    __slots__ = ("__weakref__", "inputs", "params", "primitive", "serial", "type")

    primitive: Primitive
    inputs: tuple[Node, ...]
    params: Params
    type: TensorType
    serial: int

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"nodes are immutable; cannot set {name!r}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"nodes are immutable; cannot delete {name!r}")

    def __copy__(self) -> Node:
        return self

    def __deepcopy__(self, memo: Any) -> Node:
        return self

    def __reduce__(self) -> NoReturn:
        raise WengertError("a node is pickled with its program")

    def __repr__(self) -> str:
        return f"<node {self.primitive.name} {self.type}>"

    def param(self, name: str) -> Any:
        """Return the value of a parameter.

        Raises
        ------
        KeyError
            When the node has no parameter of that name.
        """
        for known, value in self.params:
            if known == name:
                return value
        raise KeyError(f"{self.primitive.name} has no parameter {name!r}")

    @property
    def value(self) -> np.ndarray[Any, Any] | None:
        """The read-only array of a constant, None for any other node."""
        return self.params[0][1].array if self.primitive is CONSTANT else None

    @property
    def flops(self) -> int:
        """Number of floating-point operations of one run, as the primitive counts them."""
        return self.primitive.flops(self.type, [operand.type for operand in self.inputs], dict(self.params))

    @property
    def is_view(self) -> bool:
        """Whether the elements are those of the one operand, in other places: nothing is copied or added."""
        return self.primitive.kind is Kind.MOVEMENT and len(self.inputs) == 1 and not self.flops


class Literal:
    """A read-only array that is compared by dtype, shape and a digest of its bytes.

    A NaN equals itself here, and 0.0 differs from −0.0, as the bytes do.
    """

    __slots__ = ("array", "digest")

    def __init__(self, array: np.ndarray[Any, Any]) -> None:
        # An own contiguous copy, in native byte order: later writes to the caller's array must not reach it.
        own = np.array(array, dtype=array.dtype.newbyteorder("="), order="C", copy=True)
        own.flags.writeable = False
        self.array = own
        digest = hashlib.blake2b(f"{own.dtype.str}{own.shape}".encode(), digest_size=20)
        digest.update(own.data if own.size else b"")
        self.digest = digest.digest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Literal) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __reduce__(self) -> tuple[Any, ...]:
        return Literal, (self.array,)

    def __repr__(self) -> str:
        return f"Literal({self.array!r})"


class _Reference(weakref.ref[Node]):
    """A weak reference that knows its key; without methods, since one is made for each node."""

    __slots__ = ("key",)

    key: Any


_serials = itertools.count()
# Reentrant: a collection may start inside the lock, and forget nodes.
_lock = threading.RLock()
_interned: dict[Any, _Reference] = {}


def _forget(reference: weakref.ref[Node]) -> None:
    assert isinstance(reference, _Reference)
    with _lock:
        if _interned.get(reference.key) is reference:  # else the node was made anew meanwhile
            del _interned[reference.key]


def _new(primitive: Primitive, inputs: tuple[Node, ...], params: Params, type_: TensorType) -> Node:
    node = object.__new__(Node)
    set_field = object.__setattr__
    set_field(node, "primitive", primitive)
    set_field(node, "inputs", inputs)
    set_field(node, "params", params)
    set_field(node, "type", type_)
    set_field(node, "serial", next(_serials))
    return node


def make_node(primitive: Primitive, inputs: Iterable[Node], params: dict[str, Any] | None = None) -> Node:
    """Return the node that applies `primitive` to `inputs`.

    Parameters
    ----------
    primitive : Primitive
    inputs : iterable of Node
        Already of the dtypes that the primitive takes.
    params : dict, optional
        Hashable values.

    Raises
    ------
    ShapeError, DTypeError
        From the type rule of the primitive.
    """
    operands = tuple(inputs)
    items: Params = tuple(sorted(params.items())) if params else ()
    # Serials stand for the operands: unlike id() they are never used again, and they hold nothing alive.
    key = (primitive, tuple([operand.serial for operand in operands]), items)
    reference = _interned.get(key)
    known = reference() if reference is not None else None
    if known is not None:
        return known
    type_ = primitive.infer(*[operand.type for operand in operands], **(params or {}))
    with _lock:
        reference = _interned.get(key)
        known = reference() if reference is not None else None
        if known is None:
            known = _new(primitive, operands, items, type_)
            reference = _Reference(known, _forget)
            reference.key = key
            _interned[key] = reference
    return known


def with_operands(node: Node, *operands: Node) -> Node:
    """Return the node of the same primitive and parameters on other operands."""
    return make_node(node.primitive, operands, dict(node.params))


def _reference_only(*_: Any, **__: Any) -> Any:
    raise AssertionError("inputs and constants have values, not rules")


def _constant_type(value: Literal) -> TensorType:
    return tensor_type(value.array.shape, value.array.dtype)


def _no_flops(*_: Any) -> int:
    return 0


INPUT = register(
    Primitive(
        name="input",
        kind=Kind.INPUT,
        numpy=_reference_only,
        infer=_reference_only,
        promote=lambda dtypes: (),
        vjp=NotDifferentiable("an input has no operands"),
        python="{name}",
        flops=_no_flops,
        domain=(),
        source="Wengert 1964",
    )
)

CONSTANT = register(
    Primitive(
        name="constant",
        kind=Kind.CONSTANT,
        numpy=lambda value: value.array,
        infer=_constant_type,
        promote=lambda dtypes: (),
        vjp=NotDifferentiable("a constant has no operands"),
        python="{value}",
        flops=_no_flops,
        domain=(Interval(-1, 1),),
        source="Wengert 1964",
    )
)


def _part_type(parts: TensorType, index: int) -> TensorType:
    assert isinstance(parts, TupleType)
    return parts.items[index]


ITEM = register(
    Primitive(
        name="getitem",
        kind=Kind.ITEM,
        numpy=lambda parts, index: parts[index],
        infer=_part_type,
        promote=tuple,
        vjp=_reference_only,  # the reverse sweep hands the cotangents of all items to the region at once
        python=_reference_only,  # the region's statements give it its name
        flops=_no_flops,
        domain=(),
        complex=True,
        source="the projection of a product",
    )
)


def items_of(node: Node) -> tuple[Node, ...]:
    """Return the results of a region, one node each."""
    assert isinstance(node.type, TupleType)
    return tuple([make_node(ITEM, (node,), {"index": place}) for place in range(len(node.type.items))])


def make_input(name: str, type_: TensorType) -> Node:
    """Return a new input; unlike all other nodes, two inputs are never the same."""
    return _new(INPUT, (), (("name", name),), type_)


def make_constant(array: np.ndarray[Any, Any]) -> Node:
    """Return the constant node for `array`.

    Raises
    ------
    DTypeError
        When a program cannot hold values of its dtype.
    """
    return make_node(CONSTANT, (), {"value": Literal(array)})


def make_number(value: complex, dtype: np.dtype[Any]) -> Node:
    """Return the constant node of a number.

    Raises
    ------
    OverflowError
        When it does not fit into an integer dtype.
    """
    # Zeros are left out, also as parts of complex numbers: 0.0 and −0.0 are equal and not the same.
    whole = value and type(value) is not complex
    return _recent_number(value, dtype) if whole else make_constant(np.asarray(value, dtype))


@lru_cache(maxsize=1024)
def _recent_number(value: complex, dtype: np.dtype[Any]) -> Node:
    return make_constant(np.asarray(value, dtype))
