"""The forward pass for predictions, in NumPy: no program has to be traced and compiled for few rows."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from scipy import sparse
from scipy.special import expit

from wengert import nn
from wengert.nn.activations import activation_function
from wengert.run import Executor
from wengert.train.evaluation import BATCH_SIZE, ROWS_TO_COMPILE, predict, predict_few

Array = np.ndarray[Any, Any]
_Layer = tuple[Array, Any, Callable[[Array], Array]]

# Values of the widest layer that are computed at a time: they stay in the processor's cache.
_CHUNK_VALUES = 1 << 17
_HOST = ("llvm", "numpy")  # executors without devices of their own


def _relu(z: Array) -> Array:
    return np.maximum(z, 0, out=z)


def _tanh(z: Array) -> Array:
    return np.tanh(z, out=z)


def _sigmoid(z: Array) -> Array:
    expit(z, out=z)
    return z


def _identity(z: Array) -> Array:
    return z


# The product is a temporary array, so these may overwrite it.
_IN_PLACE: dict[str, Callable[[Array], Array]] = {
    "relu": _relu,
    "tanh": _tanh,
    "sigmoid": _sigmoid,
    "identity": _identity,
}


def dense_layers(net: nn.Module) -> list[nn.Dense] | None:
    """Return the dense layers of a network that has nothing else but dropout, or None."""
    if not isinstance(net, nn.Sequential):
        return None
    layers = [layer for layer in net.layers if not isinstance(layer, nn.Dropout)]
    dense = [layer for layer in layers if isinstance(layer, nn.Dense)]
    return dense if len(dense) == len(layers) else None


def _stack(net: nn.Module) -> list[_Layer] | None:
    dense = dense_layers(net)
    if dense is None:
        return None
    return [
        (
            layer.weight,
            layer.bias,
            _IN_PLACE.get(str(layer.activation)) or activation_function(layer.activation),
        )
        for layer in dense
    ]


def raw_outputs(net: nn.Module, X: Any, executor: str | Executor = "llvm") -> Array:
    """Return the outputs of a network in evaluation mode, before the output activation.

    Parameters
    ----------
    net : Module
    X : ndarray or CSR matrix, shape (rows, features)
    executor : str or Executor
        What trained the network. Many rows are predicted on its devices, where it has some and JAX is there.

    Returns
    -------
    ndarray, shape (rows, outputs)
    """
    # A model that was trained with JAX predicts without it, too.
    has_devices = importlib.util.find_spec("jax") is not None if executor == "xla" else executor not in _HOST
    if has_devices and X.shape[0] >= BATCH_SIZE and isinstance(X, np.ndarray):
        return predict(net, X, executor=executor)
    stack = _stack(net)
    if stack is None and X.shape[0] >= ROWS_TO_COMPILE and isinstance(X, np.ndarray):
        return predict(net, X)
    if stack is None:
        return np.concatenate([predict_few(net, batch) for batch in _chunks(X, X.shape[1])])
    if X.shape[0] == 1 and isinstance(X, np.ndarray):
        return _through(stack, X)
    widest = max(X.shape[1], *(weight.shape[1] for weight, _, _ in stack))
    parts = [_through(stack, batch) for batch in _chunks(X, widest)]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _through(stack: list[_Layer], batch: Array) -> Array:
    for weight, bias, activation in stack:
        batch = batch @ weight
        if bias is not False:
            batch += bias
        batch = activation(batch)
    return batch


def _chunks(X: Any, widest: int) -> Iterator[Array]:
    """Yield rows, as dense arrays, batched so that the widest layer's values stay in the cache."""
    rows = max(64, _CHUNK_VALUES // widest)
    for first in range(0, X.shape[0], rows):
        batch = X if X.shape[0] <= rows else X[first : first + rows]
        yield batch.toarray() if sparse.issparse(batch) else batch


def layer_outputs(net: nn.Module, X: Any) -> list[Array]:
    """Return the output of every layer in turn, for each row; members of an ensemble side by side.

    Of a blend, the layers of its first network come before what is blended.
    """
    if not isinstance(net, nn.Sequential):
        return [raw_outputs(net, X)]
    return list(_outputs(net, X.toarray() if sparse.issparse(X) else X))


def _outputs(net: nn.Sequential, value: Any) -> Iterator[Array]:
    for layer in net.layers:
        if isinstance(layer, nn.Blend) and isinstance(layer.layers[0], nn.Sequential):
            *before, _ = _outputs(layer.layers[0], value)
            yield from before
        if isinstance(layer, nn.Ensemble) and isinstance(layer.network, nn.Sequential):
            *hidden, _ = _outputs(layer.network, value)
            yield from (np.concatenate(list(members), axis=-1) for members in hidden)
        value = np.asarray(layer(value))
        if not isinstance(layer, nn.Dropout):
            yield value


def before_last_layer(net: nn.Module, X: Any) -> Array:
    """Return what goes into the last layer that has parameters: the features where it is the only one."""
    value = np.asarray(X.toarray() if sparse.issparse(X) else X)
    if not isinstance(net, nn.Sequential):
        return value
    last = max(place for place, layer in enumerate(net.layers) if nn.parameters(layer))
    before = np.asarray(nn.Sequential(*net.layers[:last])(value)) if last else value
    ensemble = net.layers[last]
    if isinstance(ensemble, nn.Blend):
        return before_last_layer(ensemble.layers[0], before)
    if not isinstance(ensemble, nn.Ensemble):
        return before
    members = before_last_layer(ensemble.network, before)
    return np.concatenate(list(members), axis=-1) if members.ndim == 3 else before


def output_activation(name: str, raw: Array) -> Array:
    """Apply an output activation of scikit-learn's name; may write into `raw`."""
    if name == "logistic":
        expit(raw, out=raw)
        return raw
    if name == "softmax":
        # For one row, the methods of arrays take longer than what they call.
        raw -= np.maximum.reduce(raw, axis=1, keepdims=True)
        np.exp(raw, out=raw)
        raw /= np.add.reduce(raw, axis=1, keepdims=True)
        return raw
    if name == "exp":
        return np.exp(raw, out=raw)
    return raw
