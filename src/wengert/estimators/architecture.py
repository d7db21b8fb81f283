"""The network of an estimator: layers as its arguments say, weights as scikit-learn draws them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from wengert import nn

Activation = str | Callable[[Any], Any]

# scikit-learn's names for activations of `wengert.nn`.
SYNONYMS = {"logistic": "sigmoid"}


def layer_widths(hidden_layer_sizes: Any) -> list[int]:
    """Return the widths of the hidden layers; a single number is one layer."""
    if np.ndim(hidden_layer_sizes) == 0:
        return [int(hidden_layer_sizes)]
    return [int(width) for width in hidden_layer_sizes]


def layer_activations(activation: Activation | Sequence[Activation], count: int) -> list[Activation]:
    """Return one activation for each of `count` hidden layers."""
    if isinstance(activation, str) or callable(activation):
        return [activation] * count
    return list(activation)


def build_network(
    inputs: int,
    outputs: int,
    hidden_layer_sizes: Any,
    activation: Activation | Sequence[Activation],
    dropout: float,
    random_state: np.random.RandomState,
    dtype: Any,
) -> nn.Module:
    """Return a network with the weights that scikit-learn's MLP draws from the same random state.

    Weights and biases are uniform on ±√(6/(m + n)) for m inputs and n outputs of a layer (Glorot & Bengio
    2010), on ±√(2/(m + n)) where the activation is logistic, and on ±√(3/m) for SELU, which needs variance
    1/m. The output layer follows the activation of the last hidden layer.
    """
    hidden = layer_widths(hidden_layer_sizes)
    activations = layer_activations(activation, len(hidden))
    widths = [inputs, *hidden, outputs]
    layers: list[nn.Module] = []
    for number, (fan_in, fan_out) in enumerate(pairwise(widths)):
        last = number == len(hidden)
        kind = activations[min(number, len(hidden) - 1)] if hidden else "identity"
        bound = _bound(kind, fan_in, fan_out)
        weight = random_state.uniform(-bound, bound, (fan_in, fan_out)).astype(dtype, copy=False)
        bias = random_state.uniform(-bound, bound, fan_out).astype(dtype, copy=False)
        name = "identity" if last else SYNONYMS.get(kind, kind) if isinstance(kind, str) else kind
        layers.append(nn.Dense(fan_in, fan_out, name, weight=weight, bias=bias))
        if dropout and not last:
            layers.append(nn.Dropout(dropout))
    return nn.Sequential(*layers)


def _bound(activation: Activation, fan_in: int, fan_out: int) -> float:
    if activation == "selu":
        return math.sqrt(3 / fan_in)
    factor = 2.0 if activation in ("logistic", "sigmoid") else 6.0
    return math.sqrt(factor / (fan_in + fan_out))
