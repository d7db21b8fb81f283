"""Tensors: what a traced function computes with in place of arrays.

A tensor stands for a node. NumPy functions applied to it arrive through NumPy's own protocols and record
nodes instead of computing.
"""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np

from wengert.errors import (
    DTypeError,
    ShapeError,
    UnsupportedAttributeError,
    WengertError,
)
from wengert.ir.node import CONSTANT, Node, items_of, make_constant, make_node, make_number
from wengert.ir.primitive import IMPLEMENTATIONS, NUMBERS, Kind, Primitive, weak_dtype
from wengert.primitives.selection import astype
from wengert.trace import source
from wengert.trace.array_methods import ArrayMethods
from wengert.trace.memory import Alias, in_c_order, keeps_order
from wengert.trace.promotion import WEAK_OF_KIND, promoted
from wengert.trace.recorder import (
    INTO_AN_ARRAY,
    Trace as Trace,
    current_trace,
    here as here,
    refuse as refuse,
    serials,
)
from wengert.trace.scipy import objects as scipy_objects

_ADVICE = {
    "item": "refused, since Python numbers have no derivative: write x[i] for an element",
    "tolist": "refused, since Python numbers have no derivative: write list(x), or x itself",
}


class Tensor(ArrayMethods):
    """A value of a traced program; behaves like an array of its shape and dtype.

    Parameters
    ----------
    node : Node
    recorder : Trace
        Where operations on the value are recorded.
    weak : type or None
        Set where the value came from a Python number, which does not decide the dtype of a result.
    c_order : bool
        Whether the axes are known to lie in NumPy's memory in their own order, the last innermost.

    Attributes
    ----------
    alias : Alias or None
        How it shares memory with other tensors, where assignments to one of them may change it.
    serial : int
        Its place in the order in which tensors and bodies of loops are made.
    """

    __slots__ = ("_node", "_recorder", "alias", "c_order", "serial", "weak")

    alias: Alias | None
    weak: type | None

    def __init__(self, node: Node, recorder: Trace, weak: type | None = None, c_order: bool = False) -> None:
        self._node = node
        self._recorder = recorder
        self.weak = weak
        self.c_order = c_order
        self.alias = None
        self.serial = next(serials)

    @property
    def node(self) -> Node:
        """What computes the value that the array has now."""
        if self.alias is not None:
            self.alias.update(self)
        return self._node

    @property
    def recorder(self) -> Trace:
        """Where operations on the value are recorded."""
        if self.alias is not None:
            self.alias.update(self)
        return self._recorder

    @property
    def is_open(self) -> bool:
        """Whether what the array is made of can still be recorded; its value is not put together for that."""
        return self._recorder.open

    def fresh(self) -> Tensor:
        """Return a copy, which shares no memory with this tensor."""
        return Tensor(self.node, self.recorder, self.weak, self.c_order)

    def become(self, other: Tensor) -> None:
        """Take the value of another tensor of the same type."""
        self._node, self._recorder = other.node, other.recorder

    def deepen(self, other: Tensor) -> None:
        """Record in the trace of another tensor, of which this one is partly made, if that is deeper."""
        if other.recorder.level > self._recorder.level:
            other.recorder.captured.add(self._recorder)
            self._recorder = other.recorder

    @property
    def is_constant(self) -> bool:
        """Whether the value is a constant of the program."""
        return self.node.primitive is CONSTANT

    @property
    def shape(self) -> tuple[int, ...]:
        """Extents of the axes."""
        return self._node.type.shape

    @shape.setter
    def shape(self, shape: Any) -> NoReturn:
        refuse(f"the shape of a traced array does not change in place: write b = b.reshape({shape})")

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """Type of the elements."""
        return self._node.type.dtype

    def __wengert_apply__(self, primitive: Primitive, operands: Any, params: dict[str, Any]) -> Any:
        return apply(primitive, operands, params)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        primitive = IMPLEMENTATIONS.get(ufunc)
        if primitive is not None and method == "__call__" and not kwargs:
            return apply(primitive, inputs, {})
        from wengert.trace.protocols import apply_ufunc

        return apply_ufunc(ufunc, method, inputs, kwargs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        from wengert.trace.protocols import apply_function, without_views

        # A rule assigns to nothing, so views need not be followed.
        call = apply_function if self._recorder.rule is None else without_views
        return call(function, args, kwargs)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        value = self.node.value
        if value is None and self.dtype.kind in "biu":  # no derivative is lost: it may index an array, say
            value = self.recorder.value(self.node)
        if value is None:
            if scipy_objects.asks_for_operand():
                return np.empty((), object)  # no array: SciPy leaves the product to `__rmatmul__`
            scipy_objects.refuse_scipy()
            refuse(INTO_AN_ARRAY)
        return value if dtype is None else value.astype(dtype)

    def __bool__(self) -> bool:
        return bool(self._known("bool()"))

    def __index__(self) -> int:
        if self.dtype.kind not in "iu":
            refuse(f"a {self.dtype} tensor is no index")
        return int(self._known("an index"))

    def __int__(self) -> int:
        if self.dtype.kind in "fc" and not self.is_constant:
            if source.is_assigning_item():
                refuse(INTO_AN_ARRAY)
            refuse("int() of a floating tensor would cut the derivative; use np.floor outside of the trace")
        return int(self._known("int()"))

    def __float__(self) -> float:
        if not self.is_constant:
            if source.is_assigning_item():
                refuse(INTO_AN_ARRAY)
            scipy_objects.refuse_scipy()
            refuse(
                "float() would cut the derivative, as would functions of statistics, which call it, and "
                "fill() of an array made outside of the trace: write x[0] for float(x[0]), and NumPy "
                "functions (np.mean instead of statistics.mean)"
            )
        return float(self._known("float()"))

    def _known(self, use: str) -> np.ndarray[Any, Any]:
        if self.size != 1:
            raise ShapeError(
                f"{use} of an array of shape {self.shape} is ambiguous; use np.any or np.all{here()}"
            )
        return self.recorder.value(self.node).reshape(())

    def __hash__(self) -> int:
        return hash(self.node)

    def __repr__(self) -> str:
        if self.is_constant and not self.recorder.open:  # kept after its trace
            return repr(np.asarray(self))
        return f"Tensor({self.node.type})"

    def __reduce__(self) -> Any:
        if not self.is_constant:
            refuse("a traced value cannot be pickled: it has no value yet")
        return np.asarray(self).__reduce__()

    def __complex__(self) -> complex:
        if not self.is_constant:
            if source.is_assigning_item():
                refuse(INTO_AN_ARRAY)
            refuse(
                "complex() would cut the derivative, as would functions of cmath, which call it: write "
                "x + 0j for complex(x), and NumPy functions (np.exp instead of cmath.exp)"
            )
        return complex(self._known("complex()"))

    def __format__(self, spec: str) -> str:
        if spec and self.is_constant:
            return format(self._known("format()").item(), spec)
        if spec:
            refuse(
                f"a traced value has no digits yet that {spec!r} could format; print it without a format, "
                "or the result after the trace"
            )
        return str(self)

    def __setitem__(self, key: Any, value: Any) -> None:
        from wengert.trace.items.indexing import assign

        assign(self, key, value)

    def __delitem__(self, key: Any) -> NoReturn:
        refuse("items of a traced value cannot be deleted: build the result with slices and np.concatenate")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        value = self.node.value
        if value is not None and hasattr(value, name):
            return getattr(value, name)
        known = hasattr(np.ndarray, name)
        advice = _ADVICE.get(name) or (
            "not supported on a traced value" if known else "no attribute of arrays"
        )
        raise UnsupportedAttributeError(f"{name!r} is {advice}{here()}")


def apply(primitive: Primitive, operands: Any, params: dict[str, Any]) -> Any:
    """Record `primitive` applied to tensors and arrays.

    Operands are converted to the dtypes that NumPy 2 promotion gives; it happens here and nowhere else.

    Raises
    ------
    ShapeError, DTypeError
        From the primitive, with the layer and the line.
    """
    trace = _deepest(operands)
    c_order = False
    if trace.rule is None:  # a rule assigns to nothing, so the order in memory does not matter
        c_order = keeps_order(primitive) and all(map(in_c_order, operands))
        if primitive.kind is not Kind.RANDOM and not any(map(_is_traced, operands)):
            # Arrays that a traced function makes stay arrays.
            return fillable(primitive(*[_plain(operand) for operand in operands], **params), c_order)
    nodes: list[Any] = []
    given: list[Any] = []
    for operand in operands:
        if type(operand) is Tensor:
            node = operand.node
            nodes.append(node)
            given.append(operand.weak or node.type.dtype)
        else:
            nodes.append(operand)
            given.append(weak_dtype(operand))
    try:
        dtypes, weak, written_out = promoted(primitive, *given)
        if written_out is not None:
            return written_out(*operands, **params)
        for place, dtype in enumerate(dtypes):
            if given[place] is not dtype or type(nodes[place]) is not Node:
                nodes[place] = _as_node(nodes[place], dtype, trace)
        node = make_node(primitive, nodes, params)
    except (ShapeError, DTypeError) as error:
        raise type(error)(f"{error}{here()}") from None
    trace.record(node)
    if primitive.region is not None:
        return tuple([Tensor(one, trace) for one in items_of(node)])
    if primitive.kind is Kind.LIBRARY and trace.rule is None and source.is_catching():
        trace.try_out(node)
    return Tensor(node, trace, WEAK_OF_KIND.get(node.type.dtype.kind) if weak else None, c_order)


def _is_traced(operand: Any) -> bool:
    return type(operand) is Tensor and operand.node.primitive is not CONSTANT


def _plain(operand: Any) -> Any:
    return operand.node.value if type(operand) is Tensor else operand


def _deepest(operands: Any) -> Trace:
    only = None
    for operand in operands:
        if type(operand) is Tensor:
            trace = operand.recorder
            if only is None:
                only = trace
            elif only is not trace:
                return _deepest_of([one for one in operands if type(one) is Tensor])
    if only is None:
        raise WengertError("no operand is a tensor")
    return only if only.open else _deepest_of([one for one in operands if type(one) is Tensor])


def _deepest_of(tensors: list[Tensor]) -> Trace:
    # A constant may be kept from one trace to the next; it has a say where there is nothing else.
    asked = list(filter(_is_traced, tensors)) or tensors
    if any(not operand.recorder.open and not operand.is_constant for operand in asked):
        refuse("a tensor of a trace that has ended was used: a traced function kept it in a variable outside")
    deepest = max((operand.recorder for operand in asked), key=lambda trace: trace.level)
    if any(operand.recorder is not deepest for operand in asked):
        deepest.captured |= {operand.recorder for operand in tensors} - {deepest}
    return deepest


def _as_node(operand: Any, dtype: np.dtype[np.generic], trace: Trace) -> Node:
    if type(operand) is Node:
        if operand.type.dtype == dtype:
            return operand
        converted = make_node(astype, (operand,), {"dtype": dtype})
        trace.record(converted)
        return converted
    try:
        if type(operand) in NUMBERS:
            return make_number(operand, dtype)
        return make_constant(np.asarray(operand, dtype))
    except OverflowError:
        raise DTypeError(f"{operand!r} does not fit into {dtype}") from None


def as_tensor(value: Any, trace: Trace) -> Tensor:
    """Return `value` as a tensor of `trace`: a constant where it is an array."""
    if type(value) is Tensor:
        if value.recorder is not trace:
            trace.captured.add(value.recorder)
        return value
    return Tensor(_as_node(value, np.dtype(weak_dtype(value)), trace), trace)


def joined(value: Any) -> Any:
    """Return the tensor of a list of tensors, arrays and numbers, nested as for `numpy.array`.

    Anything in which there is no tensor is returned as it is, and a tensor too.
    """
    if not isinstance(value, (list, tuple)) or not _holds_tensor(value):
        return value
    parts = [joined(part) for part in value]
    strong: list[Any] = [
        Tensor(part.node, part.recorder) if isinstance(part, Tensor) else np.asarray(part) for part in parts
    ]
    shapes = {part.shape for part in strong}
    if len(shapes) > 1:
        raise ShapeError(
            f"an array of parts of shapes {', '.join(map(str, sorted(shapes)))}; all must be equal{here()}"
        )
    return np.stack(strong)


def _holds_tensor(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return any(_holds_tensor(part) for part in value)
    return isinstance(value, Tensor)


def fillable(value: Any, c_order: bool = True) -> Any:
    """Return an array made in a traced function as a constant tensor, which can be assigned to.

    Numbers, and arrays of dtypes that a program does not hold, are returned as they are. `c_order` is False
    where the operands leave open how NumPy would place the axes in memory.
    """
    trace = current_trace()
    if trace is None or trace.rule is not None:
        return value
    if type(value) is np.ndarray and value.dtype.kind in "biufc":
        try:
            return Tensor(make_constant(value), trace, c_order=c_order and in_c_order(value))
        except DTypeError:
            return value
    if type(value) in (list, tuple):
        return type(value)(fillable(one, c_order) for one in value)
    return value
