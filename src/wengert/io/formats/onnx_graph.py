"""An ONNX graph while it is written: nodes, initialisers, names, and unused ones left out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from wengert.extras import optional_library

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
        value = result or self.name(f"{operator.lower()}_{len(self._nodes)}")
        self._nodes.append(
            self.onnx.helper.make_node(
                operator,
                list(operands),
                [value],
                name=f"{operator}_{len(self._nodes)}",
                domain=domain,
                **attributes,
            )
        )
        return value

    def cast(self, value: str, dtype: Any, result: str = "") -> str:
        """Convert a value to a NumPy dtype."""
        kind = self.onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        return self.add("Cast", value, result=result, to=kind)

    def model(self, outputs: list[tuple[str, str, tuple[Any, ...]]], metadata: dict[str, str]) -> Any:
        """Return the finished model: with the nodes that the outputs (name, element type, shape) need."""
        needed = {name for name, _, _ in outputs}
        kept = []
        for node in reversed(self._nodes):
            if needed.intersection(node.output):
                kept.append(node)
                needed.update(node.input)
        helper, kinds = self.onnx.helper, self.onnx.TensorProto
        graph = helper.make_graph(
            kept[::-1],
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
