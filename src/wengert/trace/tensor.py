"""Tensors: what a traced function computes with in place of arrays.

A tensor stands for a node. NumPy functions applied to it arrive through NumPy's own protocols and record
nodes instead of computing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from types import FrameType
from typing import Any, NoReturn

import numpy as np

from wengert.errors import (
    ConcreteValueError,
    DTypeError,
    ShapeError,
    TraceError,
    UnsupportedAttributeError,
    WengertError,
)
from wengert.ir.evaluate import evaluate_node
from wengert.ir.node import CONSTANT, Node, make_constant, make_node, make_number
from wengert.ir.primitive import IMPLEMENTATIONS, Kind, Primitive, weak_dtype
from wengert.ir.program import ancestors
from wengert.ir.provenance import Provenance, current_regions
from wengert.primitives.selection import astype
from wengert.trace import source
from wengert.trace.array_methods import ArrayMethods

_depth: ContextVar[int] = ContextVar("wengert_trace_depth", default=0)


class Trace:
    """A recording in progress: provenance of its nodes, and values of its inputs where they are known.

    Attributes
    ----------
    level : int
        Nesting depth; an operation on tensors of several traces is recorded in the deepest.
    provenance : dict of Node to Provenance
    arguments : dict of Node to array or Tensor
        What the inputs were traced from; absent for inputs traced from a type alone.
    """

    def __init__(self, rule: str | None = None) -> None:
        self.level = _depth.get() + 1
        self.provenance: dict[Node, Provenance] = {}
        self.arguments: dict[Node, Any] = {}
        self.captured: set[Trace] = set()
        self.open = True
        self.rule = rule
        self._values: dict[Node, np.ndarray[Any, Any]] = {}
        # The origin that a rule gives is the same for all its nodes.
        self._ruled: Provenance | None = None
        self._last: tuple[FrameType, Node] | None = None

    @contextmanager
    def recording(self) -> Iterator[Trace]:
        """Nest traces begun inside this one below it; tensors of this trace end with it."""
        token = _depth.set(self.level)
        try:
            yield self
        finally:
            _depth.reset(token)
            self.open = False
            self._last = None

    def record(self, node: Node) -> None:
        """Note where a node comes from; the first origin of a shared node stays."""
        provenance = self.provenance
        if node in provenance:
            return
        regions = current_regions()
        if self.rule is not None:
            ruled = self._ruled
            if ruled is None or ruled.rule != self.rule or ruled.regions is not regions:
                ruled = self._ruled = Provenance(regions=regions, rule=self.rule)
            provenance[node] = ruled
            return
        frame, call = source.user_call()
        if frame is None:
            provenance[node] = Provenance(regions=regions)
            return
        found = provenance[node] = source.origin(frame, regions)
        if found.name is not None:
            last = self._last
            if last is not None and last[0] is call:
                # One call recorded several nodes: the variable holds the last of them.
                before = provenance[last[1]]
                provenance[last[1]] = Provenance(None, before.source, before.regions)
            self._last = (call, node)

    def value(self, node: Node) -> np.ndarray[Any, Any]:
        """Return the value of a node of this trace, computed now if it was not needed before.

        Raises
        ------
        ConcreteValueError
            When an input it depends on was traced from a type alone.
        """
        for needed in ancestors([node]):
            if needed in self._values:
                continue
            if needed.inputs or needed.primitive is CONSTANT:
                with np.errstate(all="ignore"):
                    self._values[needed] = evaluate_node(needed, [self._values[i] for i in needed.inputs])
            else:
                self._values[needed] = self._argument(needed)
        return self._values[node]

    def _argument(self, node: Node) -> np.ndarray[Any, Any]:
        pending, seen = [self], {self}
        while pending:
            trace = pending.pop()
            known = trace.arguments.get(node)
            if isinstance(known, Tensor):
                return known.recorder.value(known.node)
            if known is not None:
                return np.asarray(known)
            pending += trace.captured - seen
            seen |= trace.captured
        raise ConcreteValueError(
            f"the value of {node.param('name')!r} is not known: it was traced from its type alone"
            f"{here()}. Use np.where to choose between values, or trace from an array, which specialises "
            "the program"
        )


def here() -> str:
    """Return the open layers and the user's line, for the end of a message."""
    layers = [entered.name for entered in current_regions() if entered.kind == "layer"]
    frame = source.user_frame()
    places = []
    if layers:
        places.append(f"in layer {layers[-1]}")
    if frame is not None:
        places.append(f"at {source.source_line(frame)}")
    return " (" + ", ".join(places) + ")" if places else ""


def refuse(message: str) -> NoReturn:
    """Raise a `TraceError` that says where."""
    raise TraceError(message + here())


_INTO_AN_ARRAY = (
    "a traced value cannot be put into a NumPy array, by out[i] = x, np.array([x, y]) or np.asarray(x): "
    "collect values in a list and join them with np.stack or np.concatenate; items of an array are replaced "
    "with np.where or wengert.scatter_add"
)


class Tensor(ArrayMethods):
    """A value of a traced program; behaves like an array of its shape and dtype.

    Attributes
    ----------
    node : Node
    recorder : Trace
        Where operations on the value are recorded.
    weak : type or None
        Set where the value came from a Python number, which does not decide the dtype of a result.
    """

    __slots__ = ("node", "recorder", "weak")

    node: Node
    recorder: Trace
    weak: type | None

    def __init__(self, node: Node, recorder: Trace, weak: type | None = None) -> None:
        self.node = node
        self.recorder = recorder
        self.weak = weak

    @property
    def is_constant(self) -> bool:
        """Whether the value is a constant of the program."""
        return self.node.primitive is CONSTANT

    @property
    def shape(self) -> tuple[int, ...]:
        """Extents of the axes."""
        return self.node.type.shape

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """Type of the elements."""
        return self.node.type.dtype

    def __wengert_apply__(self, primitive: Primitive, operands: Any, params: dict[str, Any]) -> Tensor:
        return apply(primitive, operands, params)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        primitive = IMPLEMENTATIONS.get(ufunc)
        if primitive is not None and method == "__call__" and not kwargs:
            return apply(primitive, inputs, {})
        from wengert.trace.numpy_ufuncs import call_ufunc

        return call_ufunc(ufunc, method, inputs, kwargs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        from wengert.trace.numpy_functions import call_function

        return call_function(function, args, kwargs)

    def __array__(self, *args: Any, **kwargs: Any) -> NoReturn:
        refuse(_INTO_AN_ARRAY)

    def __bool__(self) -> bool:
        return bool(self._known("bool()"))

    def __index__(self) -> int:
        if self.dtype.kind not in "iu":
            refuse(f"a {self.dtype} tensor is no index")
        return int(self._known("an index"))

    def __int__(self) -> int:
        if self.dtype.kind == "f":
            if source.is_assigning_item():
                refuse(_INTO_AN_ARRAY)
            refuse("int() of a floating tensor would cut the derivative; use np.floor outside of the trace")
        return int(self._known("int()"))

    def __float__(self) -> NoReturn:
        if source.is_assigning_item():
            refuse(_INTO_AN_ARRAY)
        refuse("float() would cut the derivative; stay with NumPy functions (np.exp instead of math.exp)")

    def _known(self, use: str) -> np.ndarray[Any, Any]:
        if self.size != 1:
            raise ShapeError(
                f"{use} of an array of shape {self.shape} is ambiguous; use np.any or np.all{here()}"
            )
        return self.recorder.value(self.node)

    def __hash__(self) -> int:
        return hash(self.node)

    def __repr__(self) -> str:
        return f"Tensor({self.node.type})"

    def __reduce__(self) -> NoReturn:
        refuse("a traced value cannot be pickled: it has no value yet")

    def __complex__(self) -> NoReturn:
        refuse("a program holds no complex numbers; complex() of a traced value has none to give")

    def __format__(self, spec: str) -> str:
        if spec:
            refuse(
                f"a traced value has no digits yet that {spec!r} could format; print it without a format, "
                "or the result after the trace"
            )
        return str(self)

    def __setitem__(self, key: Any, value: Any) -> NoReturn:
        refuse(
            "items of a traced value cannot be assigned: build the result with np.where, np.concatenate, "
            "np.stack or wengert.scatter_add"
        )

    def __delitem__(self, key: Any) -> NoReturn:
        refuse("items of a traced value cannot be deleted: build the result with slices and np.concatenate")

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        known = hasattr(np.ndarray, name)
        advice = "not supported on a traced value" if known else "no attribute of arrays"
        raise UnsupportedAttributeError(f"{name!r} is {advice}{here()}")


def apply(primitive: Primitive, operands: Any, params: dict[str, Any]) -> Tensor:
    """Record `primitive` applied to tensors and arrays.

    Operands are converted to the dtypes that NumPy 2 promotion gives; it happens here and nowhere else.

    Raises
    ------
    ShapeError, DTypeError
        From the primitive, with the layer and the line.
    """
    trace = _deepest(operands)
    given = [
        (operand.weak or operand.node.type.dtype) if type(operand) is Tensor else weak_dtype(operand)
        for operand in operands
    ]
    try:
        dtypes, weak = _promoted(primitive, *given)
        nodes = [_as_node(operand, dtype, trace) for operand, dtype in zip(operands, dtypes, strict=True)]
        node = make_node(primitive, nodes, params)
    except (ShapeError, DTypeError) as error:
        raise type(error)(f"{error}{here()}") from None
    trace.record(node)
    return Tensor(node, trace, _WEAK_OF_KIND.get(node.type.dtype.kind) if weak else None)


_WEAK_OF_KIND = {"f": float, "i": int, "b": bool}


@lru_cache(maxsize=4096)
def _promoted(primitive: Primitive, *dtypes: Any) -> tuple[tuple[np.dtype[np.generic], ...], bool]:
    """Return the dtypes that operands are converted to, and whether the result is weak as they all are."""
    weak = primitive.kind is Kind.ELEMENTWISE and all(isinstance(dtype, type) for dtype in dtypes)
    return primitive.promote(dtypes), weak


def _deepest(operands: Any) -> Trace:
    deepest: Trace | None = None
    mixed = False
    for operand in operands:
        if type(operand) is Tensor:
            trace = operand.recorder
            if trace is deepest:
                continue
            if not trace.open:
                refuse(
                    "a tensor of a trace that has ended was used: "
                    "a traced function kept it in a variable outside"
                )
            mixed = deepest is not None
            if deepest is None or trace.level > deepest.level:
                deepest = trace
    if deepest is None:
        raise WengertError("no operand is a tensor")
    if mixed:
        deepest.captured.update(
            operand.recorder
            for operand in operands
            if type(operand) is Tensor and operand.recorder is not deepest
        )
    return deepest


def _as_node(operand: Any, dtype: np.dtype[np.generic], trace: Trace) -> Node:
    if type(operand) is Tensor:
        node = operand.node
        if node.type.dtype == dtype:
            return node
        converted = make_node(astype, (node,), {"dtype": dtype})
        trace.record(converted)
        return converted
    try:
        if type(operand) in (bool, int, float):
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
