"""Activations that an ONNX graph has written out in several operators, recognised by their values.

Exporters write SiLU as x · σ(x), and GELU and Mish in up to eight operators, each in its own way. What such a
piece of a graph computes from one value is tried on numbers, and is the activation that gives the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from wengert import nn
from wengert.errors import ModelFileError
from wengert.io.formats.onnx_tensors import Tensors
from wengert.primitives.exponential import erf

Array = np.ndarray[Any, Any]

_OPERATORS: dict[str, Callable[..., Any]] = {
    "Add": np.add, "Sub": np.subtract, "Mul": np.multiply, "Div": np.divide, "Pow": np.power,
    "Neg": np.negative, "Abs": np.abs, "Sign": np.sign, "Sqrt": np.sqrt, "Reciprocal": np.reciprocal,
    "Exp": np.exp, "Log": np.log, "Erf": lambda x: np.asarray(erf(x)), "Tanh": np.tanh,
    "Sigmoid": lambda x: np.asarray(nn.sigmoid(x)), "Softplus": lambda x: np.logaddexp(0, x),
    "Relu": lambda x: np.maximum(x, 0), "Max": np.maximum, "Min": np.minimum, "Where": np.where,
    "Less": np.less, "LessOrEqual": np.less_equal, "Greater": np.greater,
    "GreaterOrEqual": np.greater_equal, "IsInf": np.isinf, "Identity": lambda x: x,
}  # fmt: skip
# Those that are no function of each element, or nothing at all, are left out.
_KNOWN = tuple(name for name in nn.ACTIVATIONS if name not in ("softmax", "identity"))
_MOST_NODES = 16
# Both tails, the neighbourhood of zero, and nothing at which an activation has a jump.
_TRIED = np.concatenate([np.linspace(-40.3, 40.7, 256), np.linspace(-3.1, 3.3, 257)])
# A node with too many operands would otherwise take this for the place of its result.
_TRIED.flags.writeable = False


def written_out(
    value: str, makers: Mapping[str, tuple[int, Any]], tensors: Tensors
) -> tuple[str, str] | None:
    """Return the name of the activation whose result a value is, and the value that it was taken of.

    Parameters
    ----------
    value : str
    makers : mapping of str to (position in the graph, node)
        By the values that they make.
    tensors : Tensors

    Returns
    -------
    (str, str) or None
        None where the operators before the value are no activation that has a name here.
    """
    needed = {value}
    nodes: list[Any] = []
    while needed and len(nodes) < _MOST_NODES:
        latest = max(needed, key=lambda name: makers[name][0] if name in makers else -1)
        node = makers[latest][1] if latest in makers else None
        if node is None or node.op_type not in _OPERATORS or node.domain not in ("", "ai.onnx"):
            return None
        if node.attribute or len(node.output) != 1:
            return None
        nodes.append(node)
        needed = needed - {latest} | {name for name in node.input if name not in tensors}
        if len(needed) == 1:
            (source,) = needed
            name = _recognised(nodes[::-1], source, value, tensors)
            if name is not None:
                return name, source
    return None


def _recognised(nodes: list[Any], source: str, value: str, tensors: Tensors) -> str | None:
    known: dict[str, Any] = {source: _TRIED}
    try:
        with np.errstate(all="ignore"):
            for node in nodes:
                operands = [known[n] if n in known else _number(tensors, n) for n in node.input]
                known[node.output[0]] = _OPERATORS[node.op_type](*operands)
            for name in _KNOWN:
                expected = np.asarray(nn.ACTIVATIONS[name](_TRIED))
                if np.allclose(known[value], expected, rtol=1e-5, atol=1e-6):
                    return name
    except (KeyError, TypeError, ValueError, ModelFileError):  # a graph that is no such function at all
        return None
    return None


def _number(tensors: Tensors, name: str) -> Array:
    array = tensors.floats(name)
    if array.size != 1:
        raise ValueError
    return array.reshape(()).astype(np.float64)
