"""Layers of a network from the operators of an ONNX graph, one after the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from wengert.errors import ModelFileError
from wengert.io.formats.layer_stack import LayerStack
from wengert.io.formats.onnx_tensors import Tensors

UNCHANGED = ("Identity", "Dropout")  # in evaluation
_FLOATS = (1, 11)  # the data types of float32 and float64
# Each with the attributes that it must have, or lack where that is their default.
ACTIVATIONS: dict[str, tuple[str, dict[str, tuple[Any, ...]]]] = {
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


class LayerReader:
    """Makes layers of operators.

    Parameters
    ----------
    tensors : Tensors
    where : str
        The file, for error messages.
    takes_vectors : bool
        Whether each row of the graph's input is a vector of features.
    """

    def __init__(self, tensors: Tensors, where: str, takes_vectors: bool) -> None:
        self.tensors, self.where, self.takes_vectors = tensors, where, takes_vectors

    @staticmethod
    def known() -> list[str]:
        """Return the operators that are known."""
        return sorted({*ACTIVATIONS, *UNCHANGED, *_LAYERS})

    def add(self, stack: LayerStack, node: Any) -> None:
        """Add to a stack what an operator does."""
        if node.op_type in ACTIVATIONS:
            name, attributes = ACTIVATIONS[node.op_type]
            given = {attribute.name: attribute for attribute in node.attribute}
            for attribute, allowed in attributes.items():
                if attribute in given and self._value(given[attribute]) not in allowed:
                    self.refuse(f"{node.op_type} with another {attribute} than usual is not supported")
            stack.activation(name)
        elif node.op_type in _LAYERS:
            _LAYERS[node.op_type](self, stack, node)

    def attribute(self, node: Any, name: str, default: float) -> float:
        """Return a number among the attributes of a node."""
        for attribute in node.attribute:
            if attribute.name == name:
                value: float | bytes = self._value(attribute)
                if isinstance(value, bytes):
                    self.refuse(f"the attribute {name} of {node.op_type} is not a number")
                return value
        return default

    def _value(self, attribute: Any) -> Any:
        kinds = {1: attribute.f, 2: attribute.i, 3: attribute.s}
        if attribute.type not in kinds:
            self.refuse(f"the attribute {attribute.name[:80]!r} is no number or text")
        value = kinds[attribute.type]
        return np.float32(value) if attribute.type == 1 else value

    def operands(self, node: Any, *ranks: int) -> list[np.ndarray]:
        """Return the arrays of a node, the input of rows apart, which comes first."""
        names = list(node.input)
        if len(names) != len(ranks) + 1 or names[0] in self.tensors:
            self.refuse(f"{node.op_type} (node {node.name[:80]!r}) has unusual operands, or no rows first")
        return [self.tensors.floats(name, rank) for name, rank in zip(names[1:], ranks, strict=True)]

    def refuse(self, reason: str) -> NoReturn:
        """Raise `ModelFileError`."""
        raise ModelFileError(f"{self.where} cannot be read as a network: {reason}.")

    def _matmul(self, stack: LayerStack, node: Any) -> None:
        (weight,) = self.operands(node, 2)
        stack.dense(weight, None)

    def _arithmetic(self, stack: LayerStack, node: Any) -> None:
        """Add, Sub, Mul or Div of the features and an array."""
        names = [name for name in node.input if name in self.tensors]
        if len(node.input) != 2 or len(names) != 1:
            self.refuse(f"{node.op_type} (node {node.name[:80]!r}) has unusual operands")
        number, first = self.tensors.floats(names[0]), node.input[0] == names[0]
        if node.op_type == "Div" and first:
            self.refuse(f"Div (node {node.name[:80]!r}) divides an array by the features")
        one, nothing = np.ones(1), np.zeros(1)
        if node.op_type == "Add":
            stack.scale_and_shift(one, number)
        elif node.op_type == "Sub":
            stack.scale_and_shift(*((-one, number) if first else (one, -number)))
        elif node.op_type == "Mul":
            stack.scale_and_shift(number, nothing)
        else:
            with np.errstate(divide="ignore"):
                stack.scale_and_shift(1 / number.astype(np.float64), nothing)

    def _scaler(self, stack: LayerStack, node: Any) -> None:
        """Add (features − offset) · scale."""
        parts = {one.name: np.array(one.floats, np.float64) for one in node.attribute}
        offset, scale = parts.get("offset", np.zeros(1)), parts.get("scale", np.ones(1))
        if not offset.size or not scale.size:
            self.refuse(f"Scaler (node {node.name[:80]!r}) lacks its numbers")
        stack.scale_and_shift(scale, -offset * scale)

    def _reshape(self, stack: LayerStack, node: Any) -> None:
        """Reshape or Flatten that leaves rows of features as they are."""
        if node.op_type == "Flatten":
            unchanged = self.attribute(node, "axis", 1) in (1, -1) and self.takes_vectors
        else:
            shape = node.input[-1]
            extents = self.tensors.integers(shape) if shape in self.tensors else []
            known = [-1, stack.width], [0, stack.width], *([[0, -1]] if self.takes_vectors else [])
            unchanged = extents in known or (extents == [-1] and stack.width == 1)
        if not unchanged:
            self.refuse(f"{node.op_type} (node {node.name[:80]!r}) makes another shape than rows of features")

    def _gemm(self, stack: LayerStack, node: Any) -> None:
        ranks = (2, 1) if len(node.input) == 3 else (2,)
        weight, *bias = self.operands(node, *ranks)
        if self.attribute(node, "transA", 0) != 0:
            self.refuse("Gemm with transA is not supported")
        alpha, beta = self.attribute(node, "alpha", 1.0), self.attribute(node, "beta", 1.0)
        if self.attribute(node, "transB", 0) != 0:
            weight = weight.T
        weight = np.array(weight * weight.dtype.type(alpha), order="C")
        stack.dense(weight, bias[0] * bias[0].dtype.type(beta) if bias else None)

    def _batch_norm(self, stack: LayerStack, node: Any) -> None:
        scale, shift, mean, variance = self.operands(node, 1, 1, 1, 1)
        if self.attribute(node, "training_mode", 0) != 0:
            self.refuse("BatchNormalization in training mode is not supported")
        stack.batch_norm((scale, shift, mean, variance), float(self.attribute(node, "epsilon", 1e-5)))

    def _layer_norm(self, stack: LayerStack, node: Any) -> None:
        scale, *shift = self.operands(node, *([1] * (len(node.input) - 1)))
        if self.attribute(node, "axis", -1) not in (-1, 1):
            self.refuse("LayerNormalization over other axes than the last is not supported")
        offset = shift[0] if shift else np.zeros_like(scale)
        stack.layer_norm(scale, offset, float(self.attribute(node, "epsilon", 1e-5)))

    def _cast(self, stack: LayerStack, node: Any) -> None:
        if self.attribute(node, "to", 1) not in _FLOATS:
            self.refuse("Cast to another type than float32 or float64 is not supported")


_LAYERS: dict[str, Callable[[LayerReader, LayerStack, Any], None]] = {
    "MatMul": LayerReader._matmul,
    "Add": LayerReader._arithmetic,
    "Sub": LayerReader._arithmetic,
    "Mul": LayerReader._arithmetic,
    "Div": LayerReader._arithmetic,
    "Scaler": LayerReader._scaler,
    "Reshape": LayerReader._reshape,
    "Flatten": LayerReader._reshape,
    "Gemm": LayerReader._gemm,
    "BatchNormalization": LayerReader._batch_norm,
    "LayerNormalization": LayerReader._layer_norm,
    "Cast": LayerReader._cast,
}
