"""Models of our own from ONNX files, and networks of others: dense layers, activations, normalisations."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from wengert import nn
from wengert.errors import ConfigurationError, ModelFileError, ShapeError
from wengert.io.formats.layer_stack import LayerStack
from wengert.io.formats.model_description import FORMAT, described_model
from wengert.io.formats.onnx_activations import written_out
from wengert.io.formats.onnx_export import DESCRIPTION, SEAL
from wengert.io.formats.onnx_graph import require_onnx
from wengert.io.formats.onnx_tensors import Tensors
from wengert.io.formats.portable_model import PortableModel, width
from wengert.storage import read_file
from wengert.storage.checksum import carries_seal

_MAXIMUM_BYTES = 2**31 - 1  # what the format itself can hold
_DOMAINS = ("", "ai.onnx")
_UNCHANGED = ("Identity", "Dropout")  # in evaluation
_FLOATS = (1, 11)  # the data types of float32 and float64
_PROBABILITIES = ("probabilities", "variable")
# Each with the attributes that it must have, or lack where that is their default.
_ACTIVATIONS: dict[str, tuple[str, dict[str, tuple[Any, ...]]]] = {
    "Relu": ("relu", {}),
    "Tanh": ("tanh", {}),
    "Sigmoid": ("sigmoid", {}),
    "Softplus": ("softplus", {}),
    "Mish": ("mish", {}),
    "Exp": ("exp", {}),
    "Softmax": ("softmax", {"axis": (-1, 1)}),
    "Gelu": ("gelu", {"approximate": (b"none",)}),
    "LeakyRelu": ("leaky_relu", {"alpha": (np.float32(0.01),)}),
    "Selu": ("selu", {"alpha": (np.float32(1.67326319),), "gamma": (np.float32(1.05070102),)}),
}


def from_onnx(path: str | os.PathLike[str]) -> nn.Sequential:
    """Read a network from an ONNX file.

    Of a file of `to_onnx` without preprocessing it is the network that was exported, whatever it consists of,
    with the activation that gives its probabilities: the softmax, or the sigmoid where one output tells two
    classes apart.

    In any other file the graph is one chain from an input of shape (rows, inputs) to an output: of MatMul,
    Add, Gemm, BatchNormalization, LayerNormalization, Dropout, Identity, Cast and activations, in one
    operator or written out in several (SiLU, GELU, Mish, …). Where there are several outputs it is
    ``probabilities`` or ``variable``, else the first of floating numbers.

    Parameters
    ----------
    path : path-like
        Not trusted: nothing in it is run, other files that it names are not opened, and no array is made
        before its size was compared with the data that are there.

    Raises
    ------
    ModelFileError
        If the file is missing, damaged, or no ONNX file; has an operator that is not supported, which is
        named; or is not such a chain. A file of `to_onnx` is compared with its checksum, and refused if it
        has preprocessing, which `model_from_onnx` reads.
    ConfigurationError
        If the package onnx is not installed.
    """
    with _readable(path) as (graph, described):
        if described is None:
            return _Reader(graph, str(path)).network()
    target = described.target
    if described.columns or (target.mean, target.scale) != (0.0, 1.0):
        raise ModelFileError(
            f"{path} holds preprocessing besides the network. Read all of it with wengert.io.model_from_onnx "
            "or the from_onnx of MLPClassifier or MLPRegressor."
        )
    network = described.network
    layers = network.layers if isinstance(network, nn.Sequential) else (network,)
    if target.kind == "regression":
        return nn.Sequential(*layers)
    one_each = target.kind == "multilabel" or (len(target.classes) == 2 and width(described) == 1)
    return nn.Sequential(*layers, nn.Activation("sigmoid" if one_each else "softmax"))


def model_from_onnx(path: str | os.PathLike[str]) -> PortableModel:
    """Read all of a model from an ONNX file of `to_onnx`: network, classes, feature names, preprocessing.

    A file of another program gives its network alone, as `from_onnx` reads it.

    Parameters
    ----------
    path : path-like
        Not trusted, as in `from_onnx`.

    Raises
    ------
    ModelFileError, ConfigurationError
        As `from_onnx`.
    """
    with _readable(path) as (graph, described):
        if described is not None:
            return described
        network = _Reader(graph, str(path)).network()
    first = next(layer for layer in network.layers if isinstance(layer, nn.Dense))
    return PortableModel.of_network(network, first.inputs)


@contextlib.contextmanager
def _readable(path: str | os.PathLike[str]) -> Iterator[tuple[Any, PortableModel | None]]:
    """Give the model of a file, and what its description makes of it; errors in the block become ours."""
    onnx, where = require_onnx(), str(path)
    data = read_file(Path(path), _MAXIMUM_BYTES)
    from google.protobuf.message import DecodeError

    try:
        model = onnx.ModelProto.FromString(data)
        if not model.HasField("graph") or not model.graph.output:
            raise ModelFileError(f"{where} is not an ONNX model: it has no graph. Name another file.")
        yield model, _described(model, data, where)
    except (DecodeError, UnicodeDecodeError) as error:
        raise ModelFileError(f"{where} is damaged or is no ONNX file: {error}. Export it again.") from None
    except (ConfigurationError, ShapeError) as error:
        raise ModelFileError(f"{where} does not fit together: {error}.") from None


def _described(model: Any, data: bytes, where: str) -> PortableModel | None:
    """Return the model that a file of `to_onnx` describes; None where there is no description.

    What another program changed has no valid checksum, and its description may no longer be that of the
    graph.
    """
    entries = {entry.key: entry.value for entry in model.metadata_props}
    if SEAL not in entries:
        return None
    if not carries_seal(data, entries[SEAL]):
        raise ModelFileError(
            f"{where} is damaged: its checksum does not fit its contents. Export the model again."
        )
    description = {
        name.removeprefix(DESCRIPTION): text
        for name, text in entries.items()
        if name.startswith(DESCRIPTION) and name != SEAL
    }
    if description.get("format") != FORMAT:
        return None
    tensors = Tensors(model.graph.initializer, where)
    # The others are constants of the graph.
    paths = [one.name for one in model.graph.initializer if not one.name.startswith("constant_")]
    return described_model(description, {path: tensors.floats(path) for path in paths}, where)


class _Reader:
    """Follows the chain of a graph from its output back to its input, and makes layers of it."""

    def __init__(self, model: Any, where: str) -> None:
        self.where = where
        self.graph = model.graph
        if model.functions or model.graph.sparse_initializer:
            self._refuse("it has functions of its own or sparse arrays, which are not supported")
        self.tensors = Tensors(model.graph.initializer, where)
        self.makers: dict[str, tuple[int, Any]] = {}
        for place, node in enumerate(model.graph.node):
            if self._makes_an_array(node):
                continue
            for output in filter(None, node.output):
                if output in self.makers:
                    self._refuse(f"two nodes make the value {output[:80]!r}")
                self.makers[output] = place, node

    def _makes_an_array(self, node: Any) -> bool:
        """Whether a node only gives an array a name, as exporters write equal or constant arrays."""
        if len(node.output) != 1 or node.domain not in _DOMAINS:
            return False
        if node.op_type == "Identity" and len(node.input) == 1 and node.input[0] in self.tensors:
            self.tensors.alias(node.output[0], node.input[0])
            return True
        if node.op_type == "Constant" and len(node.attribute) == 1 and node.attribute[0].name == "value":
            self.tensors.add(node.output[0], node.attribute[0].t)
            return True
        return False

    def network(self) -> nn.Sequential:
        """Return the network of the chain."""
        stack = LayerStack()
        for part in self._chain():
            if isinstance(part, str):
                stack.activation(part)
            else:
                self._add(stack, part)
        if not any(isinstance(layer, nn.Dense) for layer in stack.layers):
            self._refuse("it has no dense layer")
        return stack.network()

    def _chain(self) -> list[Any]:
        """Return the nodes between the input and the output; names for activations of several nodes."""
        inputs = {one.name for one in self.graph.input} - {one.name for one in self.graph.initializer}
        value = self._output()
        chain: list[Any] = []
        while value not in inputs:
            if value not in self.makers or len(chain) > len(self.graph.node):
                self._refuse(f"the value {value[:80]!r} comes from nowhere")
            _, node = self.makers[value]
            single = node.op_type in _ACTIVATIONS or node.op_type in _UNCHANGED
            activation = None if single else written_out(value, self.makers, self.tensors)
            if activation is not None:
                name, value = activation
                chain.append(name)
                continue
            chain.append(node)
            if node.domain not in _DOMAINS or node.op_type not in self._known():
                self._refuse(
                    f"the operator {node.domain[:80]}{'.' if node.domain else ''}{node.op_type[:80]} "
                    f"(node {node.name[:80]!r}) is not supported; supported are {', '.join(self._known())}, "
                    "and activations that are known, written out in others"
                )
            coming = [name for name in node.input if name and name not in self.tensors]
            if len(coming) != 1:
                self._refuse(
                    f"the operator {node.op_type} (node {node.name[:80]!r}) does not have one input of rows; "
                    "the graph must be one chain, with its weights as initialisers"
                )
            value = coming[0]
        return chain[::-1]

    def _output(self) -> str:
        """Return the output that the network is to give."""
        outputs = {one.name: one for one in self.graph.output}
        floating = [name for name, one in outputs.items() if one.type.tensor_type.elem_type in _FLOATS]
        if not floating:
            self._refuse("none of its outputs is of floating numbers")
        return next((name for name in _PROBABILITIES if name in outputs), floating[0])

    @staticmethod
    def _known() -> list[str]:
        return sorted({*_ACTIVATIONS, *_UNCHANGED, *_LAYERS})

    def _add(self, stack: LayerStack, node: Any) -> None:
        if node.op_type in _ACTIVATIONS:
            name, attributes = _ACTIVATIONS[node.op_type]
            given = {attribute.name: attribute for attribute in node.attribute}
            for attribute, allowed in attributes.items():
                if attribute in given and self._value(given[attribute]) not in allowed:
                    self._refuse(f"{node.op_type} with another {attribute} than usual is not supported")
            stack.activation(name)
        elif node.op_type in _LAYERS:
            _LAYERS[node.op_type](self, stack, node)

    def attribute(self, node: Any, name: str, default: float) -> float:
        """Return a number among the attributes of a node."""
        for attribute in node.attribute:
            if attribute.name == name:
                value = self._value(attribute)
                if isinstance(value, bytes):
                    self._refuse(f"the attribute {name} of {node.op_type} is not a number")
                return value
        return default

    def _value(self, attribute: Any) -> Any:
        kinds = {1: attribute.f, 2: attribute.i, 3: attribute.s}
        if attribute.type not in kinds:
            self._refuse(f"the attribute {attribute.name[:80]!r} is no number or text")
        value = kinds[attribute.type]
        return np.float32(value) if attribute.type == 1 else value

    def operands(self, node: Any, *ranks: int) -> list[np.ndarray]:
        """Return the arrays of a node, the input of rows apart, which comes first."""
        names = list(node.input)
        if len(names) != len(ranks) + 1 or names[0] in self.tensors:
            self._refuse(f"{node.op_type} (node {node.name[:80]!r}) has unusual operands, or no rows first")
        return [self.tensors.floats(name, rank) for name, rank in zip(names[1:], ranks, strict=True)]

    def _refuse(self, reason: str) -> NoReturn:
        raise ModelFileError(f"{self.where} cannot be read as a network: {reason}.")

    def _matmul(self, stack: LayerStack, node: Any) -> None:
        (weight,) = self.operands(node, 2)
        stack.dense(weight, None)

    def _addition(self, stack: LayerStack, node: Any) -> None:
        names = [name for name in node.input if name in self.tensors]
        if len(node.input) != 2 or not names or not stack.bias(self.tensors.floats(names[0])):
            self._refuse(f"Add (node {node.name[:80]!r}) does not follow a MatMul, as a bias does")

    def _gemm(self, stack: LayerStack, node: Any) -> None:
        ranks = (2, 1) if len(node.input) == 3 else (2,)
        weight, *bias = self.operands(node, *ranks)
        if self.attribute(node, "transA", 0) != 0:
            self._refuse("Gemm with transA is not supported")
        alpha, beta = self.attribute(node, "alpha", 1.0), self.attribute(node, "beta", 1.0)
        if self.attribute(node, "transB", 0) != 0:
            weight = weight.T
        weight = np.array(weight * weight.dtype.type(alpha), order="C")
        stack.dense(weight, bias[0] * bias[0].dtype.type(beta) if bias else None)

    def _batch_norm(self, stack: LayerStack, node: Any) -> None:
        scale, shift, mean, variance = self.operands(node, 1, 1, 1, 1)
        if self.attribute(node, "training_mode", 0) != 0:
            self._refuse("BatchNormalization in training mode is not supported")
        stack.batch_norm((scale, shift, mean, variance), float(self.attribute(node, "epsilon", 1e-5)))

    def _layer_norm(self, stack: LayerStack, node: Any) -> None:
        scale, *shift = self.operands(node, *([1] * (len(node.input) - 1)))
        if self.attribute(node, "axis", -1) not in (-1, 1):
            self._refuse("LayerNormalization over other axes than the last is not supported")
        offset = shift[0] if shift else np.zeros_like(scale)
        stack.layer_norm(scale, offset, float(self.attribute(node, "epsilon", 1e-5)))

    def _cast(self, stack: LayerStack, node: Any) -> None:
        if self.attribute(node, "to", 1) not in _FLOATS:
            self._refuse("Cast to another type than float32 or float64 is not supported")


_LAYERS: dict[str, Callable[[_Reader, LayerStack, Any], None]] = {
    "MatMul": _Reader._matmul,
    "Add": _Reader._addition,
    "Gemm": _Reader._gemm,
    "BatchNormalization": _Reader._batch_norm,
    "LayerNormalization": _Reader._layer_norm,
    "Cast": _Reader._cast,
}
