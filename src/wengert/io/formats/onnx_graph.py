"""An ONNX graph while it is written: nodes, initialisers, names, and unused ones left out."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

import numpy as np

from wengert.extras import optional_library
from wengert.io.formats.row_program import Rows
from wengert.ir.node import Node
from wengert.ir.program import Program

# Every onnxruntime since 2022 loads these; it often cannot load what the package onnx writes by default.
OPSET = 13
ML_OPSET = 2
IR_VERSION = 8


def require_onnx() -> Any:
    """Return the package `onnx`.

    Raises
    ------
    ConfigurationError
        If it is not installed.
    """
    optional_library("onnx.numpy_helper", "ONNX files need the package onnx", "onnx")
    return optional_library("onnx", "ONNX files need the package onnx", "onnx")


class Graph:
    """Nodes and initialisers in the making.

    Values are strings, the names of ONNX values.

    Parameters
    ----------
    reserved : iterable of str
        Names that no value between takes, as those of the outputs are.
    """

    def __init__(self, reserved: Iterable[str]) -> None:
        self.onnx = require_onnx()
        self.inputs: list[Any] = []
        self._nodes: list[Any] = []
        self._initialisers: dict[str, Any] = {}
        self._constants: dict[tuple[str, tuple[int, ...], bytes], str] = {}
        self._taken = set(reserved)

    def name(self, wanted: str) -> str:
        """Return a name that no value has yet, as near to ``wanted`` as can be."""
        name, number = wanted, 1
        while name in self._taken:
            number += 1
            name = f"{wanted}_{number}"
        self._taken.add(name)
        return name

    def input(self, name: str, element: str, shape: tuple[Any, ...]) -> str:
        """Declare an input of the element type ``FLOAT``, ``DOUBLE``, ``INT64`` or ``STRING``."""
        name = self.name(name)
        kind = getattr(self.onnx.TensorProto, element)
        self.inputs.append(self.onnx.helper.make_tensor_value_info(name, kind, list(shape)))
        return name

    def initialiser(self, name: str, array: np.ndarray) -> str:
        """Enter an array of the model under a name of its own."""
        name = self.name(name)
        # `ascontiguousarray` would make a vector of a scalar.
        self._initialisers[name] = self.onnx.numpy_helper.from_array(np.array(array, order="C"), name)
        return name

    def constant(self, array: Any, dtype: Any = None) -> str:
        """Enter an array; the same again gives the same name."""
        array = np.asarray(array, dtype)
        contents = repr(array.tolist()).encode() if array.dtype.kind == "O" else array.tobytes()
        key = (array.dtype.str, array.shape, contents)
        if key not in self._constants:
            self._constants[key] = self.initialiser(f"constant_{len(self._constants)}", array)
        return self._constants[key]

    def add(
        self, operator: str, *operands: str, result: str = "", domain: str = "", **attributes: Any
    ) -> str:
        """Add a node and return its value, which is called ``result`` if that is given."""
        value = result or self._value(operator)
        self._append(operator, operands, [value], domain=domain, **attributes)
        return value

    def add_several(self, operator: str, *operands: str, count: int, **attributes: Any) -> list[str]:
        """Add a node of `count` values and return these."""
        values = [self._value(operator) for _ in range(count)]
        self._append(operator, operands, values, **attributes)
        return values

    def _value(self, operator: str) -> str:
        return self.name(f"{operator.lower()}_{len(self._nodes)}")

    def _append(
        self, operator: str, operands: Sequence[str], values: Sequence[str], **attributes: Any
    ) -> None:
        name = f"{operator}_{len(self._nodes)}"
        self._nodes.append(self.onnx.helper.make_node(operator, operands, values, name=name, **attributes))

    def inner(self) -> Graph:
        """Return a graph for the body of a node to come, which may read all values that there are so far.

        Names and constants are those of this graph.
        """
        body = copy.copy(self)
        body.inputs, body._nodes = [], []
        return body

    def body_input(self, name: str, dtype: Any, shape: tuple[Any, ...]) -> str:
        """Declare an input of a body."""
        name = self.name(name)
        self.inputs.append(self._info(name, dtype, shape))
        return name

    def body(self, outputs: Sequence[tuple[str, Any, tuple[Any, ...]]]) -> Any:
        """Return the finished body, whose outputs are these values with their dtypes and shapes."""
        infos = [self._info(self.add("Identity", value), dtype, shape) for value, dtype, shape in outputs]
        kept = _kept(self._nodes, {info.name for info in infos})[0]
        return self.onnx.helper.make_graph(kept, "body", self.inputs, infos)

    def _info(self, name: str, dtype: Any, shape: tuple[Any, ...]) -> Any:
        helper = self.onnx.helper
        kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        return helper.make_tensor_value_info(name, kind, list(shape))

    def cast(self, value: str, dtype: Any, result: str = "") -> str:
        """Convert a value to a NumPy dtype."""
        kind = self.onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        return self.add("Cast", value, result=result, to=kind)

    def model(self, outputs: list[tuple[str, str, tuple[Any, ...]]], metadata: dict[str, str]) -> Any:
        """Return the finished model: with the nodes that the outputs (name, element type, shape) need."""
        kept, needed = _kept(self._nodes, {name for name, _, _ in outputs})
        helper, kinds = self.onnx.helper, self.onnx.TensorProto
        graph = helper.make_graph(
            kept,
            "wengert",
            self.inputs,
            [
                helper.make_tensor_value_info(name, getattr(kinds, element), list(shape))
                for name, element, shape in outputs
            ],
            [tensor for name, tensor in self._initialisers.items() if name in needed],
        )
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="wengert")
        helper.set_model_props(model, metadata)
        return model


def _kept(nodes: Sequence[Any], wanted: set[str]) -> tuple[list[Any], set[str]]:
    """Return the nodes that the wanted values need, and all values that are read."""
    kept, needed = [], set(wanted)
    for node in reversed(nodes):
        if needed.intersection(node.output):
            kept.append(node)
            needed.update(_read(node))
    return kept[::-1], needed


def _read(node: Any) -> set[str]:
    """Return the values that a node reads, also those from outside of its bodies."""
    bodies = [one.g for one in node.attribute if one.HasField("g")]
    return set(node.input).union(*[_read(inner) for body in bodies for inner in body.node])


class Sizes(Protocol):
    """The sizes in a program and its bodies, with `Rows` for those that depend on the number of rows."""

    def shape(self, node: Node) -> tuple[int | Rows, ...]:
        """Return the shape of a value."""

    def params(self, node: Node) -> dict[str, Any]:
        """Return the parameters of a line."""


class Line:
    """One line of a program on its way into a graph.

    Attributes
    ----------
    graph : Graph
    node : Node
    operands : list of str
        The names of their ONNX values.
    params : dict
        With `Rows` for sizes that depend on the number of rows.
    rows : callable
        Gives the name of the ONNX value of the number of rows, an int64 vector of one element.
    add_body : callable
        ``add_body(graph, program, arguments)`` adds the operators for a body to a graph, and gives the names
        of its outputs.
    read : list of int
        Of a loop or branch, which results are read.
    """

    def __init__(
        self,
        graph: Graph,
        sizes: Sizes,
        node: Node,
        operands: list[str],
        rows: Callable[[], str],
        add_body: Callable[[Graph, Program, list[str]], list[str]],
        read: list[int],
    ) -> None:
        self.graph = graph
        self.node = node
        self.operands = operands
        self.params = sizes.params(node)
        self.rows = rows
        self.add_body = add_body
        self.read = read
        self.shapes = [sizes.shape(operand) for operand in node.inputs]
        self._sizes = sizes

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the result."""
        return self.node.type.dtype

    def number(self, value: float) -> str:
        """Return a constant of the dtype of the result."""
        return self.graph.constant(value, self.dtype)

    def extent(self, size: int | Rows) -> str:
        """Return the value of a size, an int64 vector of one element."""
        if isinstance(size, int):
            return self.graph.constant([size], np.int64)
        return self.graph.add("Mul", self.rows(), self.graph.constant([size.factor], np.int64))

    def type_of(self, node: Node) -> tuple[np.dtype[Any], tuple[int | None, ...]]:
        """Return the dtype of a value and its shape, in which None depends on the number of rows."""
        shape = self._sizes.shape(node)
        return node.type.dtype, tuple([one if isinstance(one, int) else None for one in shape])
