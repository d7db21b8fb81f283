"""Models of our own from ONNX files, and networks of others: dense layers, activations, normalisations."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from wengert import nn
from wengert.errors import ConfigurationError, ModelFileError, ShapeError
from wengert.io.formats.layer_stack import LayerStack
from wengert.io.formats.model_description import FORMAT, described_model
from wengert.io.formats.onnx_activations import written_out
from wengert.io.formats.onnx_classes import Undecided, decision_of
from wengert.io.formats.onnx_export import DESCRIPTION, SEAL
from wengert.io.formats.onnx_graph import require_onnx
from wengert.io.formats.onnx_layers import ACTIVATIONS, UNCHANGED, LayerReader
from wengert.io.formats.onnx_tensors import Tensors
from wengert.io.formats.portable_model import NUMBERS, PortableModel, width
from wengert.storage import read_file
from wengert.storage.checksum import carries_seal
from wengert.tabular.preprocess import Target

_MAXIMUM_BYTES = 2**31 - 1  # what the format itself can hold
_DOMAINS = ("", "ai.onnx")
_FLOATS = (1, 11)  # the data types of float32 and float64
_PROBABILITIES = ("probabilities", "variable")


def from_onnx(path: str | os.PathLike[str]) -> nn.Sequential:
    """Read a network from an ONNX file.

    Of a file of `to_onnx` without preprocessing it is the network that was exported, whatever it consists of,
    with the activation that gives its probabilities: the softmax, or the sigmoid where one output
    distinguishes two classes.

    In any other file the graph is one chain from an input of shape (rows, inputs), or from one input for each
    column, to an output: of MatMul, Gemm, BatchNormalization, LayerNormalization, Dropout, Identity, Cast and
    activations, in one operator or written out in several (SiLU, GELU, Mish, …). Factors and offsets of the
    features (Scaler, Add, Sub, Mul, Div) become part of the dense layer beside them. The output is what the
    graph decides by, where it decides between classes; else ``probabilities`` or ``variable``, else the first
    of floating numbers. Of the probabilities 1 − p and p of two classes the network gives p.

    Parameters
    ----------
    path : path-like
        Not trusted: nothing in it is run, other files that it names are only opened in its own folder, and no
        array is made before its size was compared with the data that are there.

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
            return _Reader(graph, str(path), labelled=False).network()
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


def model_from_onnx(path: str | os.PathLike[str], *, classes: Sequence[Any] | None = None) -> PortableModel:
    """Read all of a model from an ONNX file of `to_onnx`: network, classes, feature names, preprocessing.

    A file of another program gives its network, as `from_onnx` reads it, and the labels of the classes
    between which it decides; `NUMBERS` is the target where it does not.

    Parameters
    ----------
    path : path-like
        Not trusted, as in `from_onnx`.
    classes : sequence, optional
        In the order of the network's outputs, in place of those that the file holds.

    Raises
    ------
    ModelFileError, ConfigurationError
        As `from_onnx`.
    """
    with _readable(path) as (graph, described):
        if described is not None:
            return described
        reader = _Reader(graph, str(path), labelled=classes is None)
        network = reader.network()
        target = reader.target(network)
    first = next(layer for layer in network.layers if isinstance(layer, nn.Dense))
    if classes is not None:
        target = Target("y", "multiclass", tuple(classes), 0.0, 1.0)
    names = reader.columns or tuple(f"x{place}" for place in range(first.inputs))
    return PortableModel(network, target, names)


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


class _Reader(LayerReader):
    """Follows the chain of a graph from its output back to its input, and makes layers of it.

    Parameters
    ----------
    model : onnx.ModelProto
    where : str
        The file.
    labelled : bool
        Whether the labels of classes are read; those that are not understood are an error then.
    """

    def __init__(self, model: Any, where: str, *, labelled: bool) -> None:
        graph, tensors = model.graph, Tensors(model.graph.initializer, where)
        given = [one for one in graph.input if one.name not in tensors]
        super().__init__(tensors, where, all(len(one.type.tensor_type.shape.dim) == 2 for one in given))
        self.columns: tuple[str, ...] = ()  # the inputs, where each column is one
        self.graph = graph
        if model.functions or graph.sparse_initializer:
            self.refuse("it has functions of its own or sparse arrays, which are not supported")
        self.makers: dict[str, tuple[int, Any]] = {}
        for place, node in enumerate(model.graph.node):
            if self._makes_an_array(node):
                continue
            for output in filter(None, node.output):
                if output in self.makers:
                    self.refuse(f"two nodes make the value {output[:80]!r}")
                self.makers[output] = place, node
        try:
            self.decision = decision_of(graph, self.makers, tensors, where, labelled=labelled)
        except Undecided:
            if labelled:
                raise
            self.decision = None

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
                self.add(stack, part)
        if not any(isinstance(layer, nn.Dense) for layer in stack.layers):
            self.refuse("it has no dense layer")
        return stack.network()

    def target(self, network: nn.Sequential) -> Target:
        """Return what the graph says of its classes; `NUMBERS` where it does not decide."""
        if self.decision is None:
            return NUMBERS
        outputs = next(one.outputs for one in reversed(network.layers) if isinstance(one, nn.Dense))
        count = 2 if outputs == 1 and not self.decision.several else outputs
        labels = self.decision.labels or tuple(range(count))
        if len(labels) != count:
            self.refuse(f"it has {len(labels)} labels, and decides between {count} classes")
        last = getattr(network.layers[-1], "activation", None)
        if not self.decision.several and outputs > 1 and last == "sigmoid":
            self.refuse("it takes the largest of several sigmoids, which no classifier here does")
        return Target("y", "multilabel" if self.decision.several else "multiclass", labels, 0.0, 1.0)

    def _chain(self) -> list[Any]:
        """Return the nodes between the input and the output; names for activations of several nodes."""
        inputs = {one.name for one in self.graph.input} - {one.name for one in self.graph.initializer}
        value = self._output()
        chain: list[Any] = []
        while value not in inputs:
            if self._joins_columns(value, inputs):
                break
            if value not in self.makers or len(chain) > len(self.graph.node):
                self.refuse(f"the value {value[:80]!r} comes from nowhere")
            _, node = self.makers[value]
            single = node.op_type in ACTIVATIONS or node.op_type in UNCHANGED
            activation = None if single else written_out(value, self.makers, self.tensors)
            if activation is not None:
                name, value = activation
                chain.append(name)
                continue
            chain.append(node)
            domains = _DOMAINS if node.op_type != "Scaler" else ("ai.onnx.ml",)
            if node.domain not in domains or node.op_type not in self.known():
                self.refuse(
                    f"the operator {node.domain[:80]}{'.' if node.domain else ''}{node.op_type[:80]} "
                    f"(node {node.name[:80]!r}) is not supported; supported are {', '.join(self.known())}, "
                    "and activations that are known, written out in others"
                )
            coming = [name for name in node.input if name and name not in self.tensors]
            if len(coming) != 1:
                self.refuse(
                    f"the operator {node.op_type} (node {node.name[:80]!r}) does not have one input of rows; "
                    "the graph must be one chain, with its weights as initialisers and its activations known"
                )
            value = coming[0]
        return chain[::-1]

    def _joins_columns(self, value: str, inputs: set[str]) -> bool:
        """Whether a value is all inputs side by side, as of a table whose columns are inputs of their own."""
        if self._operator(value) != "Concat":
            return False
        _, node = self.makers[value]
        if self.attribute(node, "axis", 0) not in (1, -1) or not self.takes_vectors:
            return False
        if len(node.input) != len(inputs) or set(node.input) != inputs:
            return False
        self.columns = tuple(node.input)
        return True

    def _output(self) -> str:
        """Return the value that the network is to give."""
        floating = [one.name for one in self.graph.output if one.type.tensor_type.elem_type in _FLOATS]
        named = next((name for name in _PROBABILITIES if name in floating), None)
        if named is None and self.decision is not None:
            named = self.decision.scores
        if named is None and not floating:
            self.refuse("none of its outputs is of floating numbers")
        return self._second_of_two(named or floating[0])

    def _second_of_two(self, value: str) -> str:
        """Return p where a value is the probabilities 1 − p and p of two classes, else the value itself."""
        source = value
        for _ in range(len(self.makers)):
            if self._operator(source) not in ("Identity", "Cast"):
                break
            source = next(iter(self.makers[source][1].input), "")
        if self._operator(source) != "Concat" or len(self.makers[source][1].input) != 2:
            return value
        first, second = self.makers[source][1].input
        if self._operator(first) != "Sub" or list(self.makers[first][1].input[1:]) != [second]:
            return value
        whole = self.makers[first][1].input[0]
        if whole not in self.tensors or self.attribute(self.makers[source][1], "axis", 0) not in (1, -1):
            return value
        one = self.tensors.floats(whole)
        return second if one.size == 1 and one.item() == 1 else value

    def _operator(self, value: str) -> str | None:
        return self.makers[value][1].op_type if value in self.makers else None
