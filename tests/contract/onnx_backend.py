"""Programs of fixed sizes in onnxruntime, as exports of models are run."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime

from wengert.io.formats.onnx_graph import Graph
from wengert.io.formats.onnx_operators import add_program, written_out
from wengert.ir.node import Node
from wengert.ir.program import Program


class FixedSizes:
    """Sizes that depend on no number of rows."""

    def shape(self, node: Node) -> tuple[int, ...]:
        return node.type.shape

    def params(self, node: Node) -> dict[str, Any]:
        return dict(node.params)


def _element(dtype: np.dtype) -> str:
    return onnx.TensorProto.DataType.Name(onnx.helper.np_dtype_to_tensor_dtype(dtype))


def exported(program: Program) -> Any:
    """Return a program as a checked ONNX model; refused by name where ONNX lacks a primitive."""
    graph = Graph(())
    names = [
        graph.input(str(node.param("name")), _element(node.type.dtype), node.type.shape)
        for node in program.inputs
    ]
    results = add_program(graph, written_out(program), FixedSizes(), names, lambda: "")
    outputs = [
        (graph.add("Identity", value, result=f"result{place}"), _element(node.type.dtype), node.type.shape)
        for place, (value, node) in enumerate(zip(results, program.outputs, strict=True))
    ]
    model = graph.model(outputs, {})
    onnx.checker.check_model(model, full_check=True)
    return model


def run(program: Program, arguments: list[np.ndarray]) -> list[np.ndarray]:
    """Export a program and run the file."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        exported(program).SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    read = {one.name for one in session.get_inputs()}
    return session.run(None, {name: one for name, one in given(program, arguments).items() if name in read})


def given(program: Program, arguments: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Return the arguments by the names of the inputs."""
    names = [str(node.param("name")) for node in program.inputs]
    return {name: np.asarray(one) for name, one in zip(names, arguments, strict=True)}
