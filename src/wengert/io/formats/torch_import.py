"""Networks of PyTorch: stacks of layers, in evaluation as there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert import nn
from wengert.errors import ShapeError, UnsupportedFunctionError
from wengert.io.formats.layer_stack import LayerStack

# Each with the settings that the layer must have to be the same function.
_ACTIVATIONS: dict[str, tuple[str, dict[str, tuple[Any, ...]]]] = {
    "ReLU": ("relu", {}),
    "Tanh": ("tanh", {}),
    "Sigmoid": ("sigmoid", {}),
    "SiLU": ("silu", {}),
    "Mish": ("mish", {}),
    "SELU": ("selu", {}),
    "GELU": ("gelu", {"approximate": ("none",)}),
    "LeakyReLU": ("leaky_relu", {"negative_slope": (0.01,)}),
    "Softplus": ("softplus", {"beta": (1, 1.0)}),
    "Softmax": ("softmax", {"dim": (-1, 1)}),
}


def from_torch(module: Any) -> nn.Sequential:
    """Return the network of a `torch.nn.Sequential`, with copies of its arrays.

    Parameters
    ----------
    module : torch.nn.Sequential
        Of Linear, Dropout, BatchNorm1d, LayerNorm, Embedding, Identity, activations and further Sequentials;
        it takes rows of shape (rows, inputs). A single layer of these will do as well.

    Raises
    ------
    UnsupportedFunctionError
        If a layer is of another sort, or has settings that wengert's has not; names it.
    ShapeError
        If layers do not fit together.
    """
    stack = LayerStack()
    pending: list[tuple[str, Any]] = [("", module)]
    while pending:
        path, layer = pending.pop()
        kind = type(layer).__name__
        if not type(layer).__module__.startswith("torch.nn."):
            _refuse(path, layer, "only layers of torch.nn are known, not classes of one's own")
        if kind == "Sequential":
            children = [(f"{path}.{name}".lstrip("."), child) for name, child in layer.named_children()]
            pending += reversed(children)
        elif kind in _ACTIVATIONS:
            name, settings = _ACTIVATIONS[kind]
            for setting, allowed in settings.items():
                _require(path, layer, setting, allowed)
            stack.activation(name)
        elif kind in _LAYERS:
            try:
                _LAYERS[kind](stack, path, layer)
            except ShapeError as error:
                raise ShapeError(f"layer {path or kind}: {error}") from None
        elif kind != "Identity":
            _refuse(path, layer, "wengert has no such layer")
    return stack.network()


def _refuse(path: str, layer: Any, reason: str) -> None:
    known = ", ".join(sorted({"Sequential", "Identity", *_LAYERS, *_ACTIVATIONS}))
    raise UnsupportedFunctionError(f"layer {path or 'module'!r} is {layer}: {reason}. Known are {known}.")


def _require(path: str, layer: Any, setting: str, allowed: tuple[Any, ...]) -> None:
    value = getattr(layer, setting)
    if value not in allowed:
        _refuse(path, layer, f"{setting} must be {' or '.join(map(repr, allowed))}, and is {value!r}")


def _array(tensor: Any) -> np.ndarray:
    tensor = tensor.detach().cpu()
    if str(tensor.dtype) not in ("torch.float32", "torch.float64"):
        tensor = tensor.float()
    return np.array(tensor.numpy())


def _linear(stack: LayerStack, path: str, layer: Any) -> None:
    # There a weight has shape (outputs, inputs).
    stack.dense(_array(layer.weight).T.copy(), None if layer.bias is None else _array(layer.bias))


def _batch_norm(stack: LayerStack, path: str, layer: Any) -> None:
    if layer.running_mean is None or layer.momentum is None:
        _refuse(path, layer, "running statistics with a momentum are needed")
    mean, variance = _array(layer.running_mean), _array(layer.running_var)
    scale = np.ones_like(mean) if layer.weight is None else _array(layer.weight)
    shift = np.zeros_like(mean) if layer.bias is None else _array(layer.bias)
    stack.batch_norm((scale, shift, mean, variance), layer.eps, layer.momentum)


def _layer_norm(stack: LayerStack, path: str, layer: Any) -> None:
    if len(layer.normalized_shape) != 1:
        _refuse(path, layer, "only the last axis can be normalised")
    width = layer.normalized_shape[0]
    scale = np.ones(width, np.float32) if layer.weight is None else _array(layer.weight)
    shift = np.zeros_like(scale) if layer.bias is None else _array(layer.bias)
    stack.layer_norm(scale, shift, layer.eps)


def _dropout(stack: LayerStack, path: str, layer: Any) -> None:
    if not layer.p < 1:
        _refuse(path, layer, "p must be less than 1")
    stack.layers.append(nn.Dropout(layer.p))


def _embedding(stack: LayerStack, path: str, layer: Any) -> None:
    _require(path, layer, "max_norm", (None,))
    table = _array(layer.weight)
    stack.layers.append(nn.Embedding(table.shape[0], table.shape[1], weight=table))
    stack.width = table.shape[1]


_LAYERS: dict[str, Callable[[LayerStack, str, Any], None]] = {
    "Linear": _linear,
    "BatchNorm1d": _batch_norm,
    "LayerNorm": _layer_norm,
    "Dropout": _dropout,
    "Embedding": _embedding,
}
