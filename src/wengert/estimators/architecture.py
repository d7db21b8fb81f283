"""The network of an estimator: layers as its arguments say, weights as scikit-learn draws them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from wengert import nn
from wengert.autodiff.gradients import grad
from wengert.errors import ConfigurationError, WengertError
from wengert.trace.tracing import abstract, trace

Activation = str | Callable[[Any], Any]

# scikit-learn's names for activations of `wengert.nn`.
SYNONYMS = {"logistic": "sigmoid"}
# Rows and units that an activation is tried with; numbers that nobody is likely to have written into one.
_TRIED = (7, 11)


def layer_widths(hidden_layer_sizes: Any) -> list[int]:
    """Return the widths of the hidden layers; a single number is one layer."""
    if np.ndim(hidden_layer_sizes) == 0:
        return [int(hidden_layer_sizes)]
    return [int(width) for width in hidden_layer_sizes]


def check_own_activations(activation: Activation | Sequence[Activation], dtype: Any) -> None:
    """Refuse functions of the user's own that cannot be activations, before any work.

    Raises
    ------
    ConfigurationError
        Naming the function: when it cannot be traced, changes the shape, or has no derivative.
    """
    for function in layer_activations(activation, 1):
        if not callable(function) or function in nn.ACTIVATIONS.values():
            continue
        where = f"activation {getattr(function, '__name__', repr(function))!r}"
        try:
            results = trace(function, abstract(_TRIED, dtype)).outputs
            gradient = grad(lambda z, function=function: np.sum(function(z)))
            if len(results) == 1 and results[0].type.shape == _TRIED:
                gradient(np.linspace(0.1, 0.9, math.prod(_TRIED), dtype=dtype).reshape(_TRIED))
                continue
        except WengertError as error:
            raise ConfigurationError(f"{where} cannot be used: {error}") from None
        except Exception as error:  # a function of the user's own may raise anything
            raise ConfigurationError(
                f"{where} cannot be used: it raises {type(error).__name__}: {error}. An activation is a "
                "function of one array, made of NumPy functions"
            ) from error
        returned = " and ".join(str(one.type) for one in results) or "nothing"
        raise ConfigurationError(
            f"{where} returns {returned} for an array of shape {_TRIED}; an activation keeps the shape"
        )


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
