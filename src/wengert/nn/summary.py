"""A network as a table of its layers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert.errors import ConfigurationError
from wengert.nn.arrays import rebuild
from wengert.nn.layers.embedding import Embedding
from wengert.nn.module import Module, absent, observer
from wengert.trace.tracing import abstract, trace

# Rows of the input that is traced: no layer has this many features, and none of them is computed.
_ROWS = 1_000_003


def summary(net: Module, input_shape: tuple[int, ...] | None = None) -> str:
    """Return a table of the layers: path, kind, output shape, number of parameters.

    Parameters
    ----------
    net : Module
        Initialised or not.
    input_shape : tuple of int, optional
        Of one row, without the batch axis; by default as many features as the first layer takes.

    Raises
    ------
    ConfigurationError
        When the first layer does not say how many features it takes.
    """
    rows: list[tuple[str, str, str, str]] = []

    def note(path: str, module: Module, result: Any) -> None:
        if path and not any(below is not module for _, below in module.walk()):
            shape = ", ".join("N" if extent == _ROWS else str(extent) for extent in np.shape(result))
            rows.append((path, type(module).__name__, f"({shape})", f"{_count(module):,}"))

    specification = rebuild(net, lambda path, module: _types(module))
    kind, shape = _input(net, input_shape)
    token = observer.set(note)
    try:
        trace(lambda network, x: network(x), specification, abstract((_ROWS, *shape), kind))
    finally:
        observer.reset(token)
    return _table(rows, sum(_count(module) for _, module in net.walk()))


def _types(module: Module) -> dict[str, Any]:
    rules = module.array_rules()
    missing = [name for name in type(module).array_fields if getattr(module, name) is None]
    return {name: abstract(rules[name][0], np.float32) for name in missing}


def _count(module: Module) -> int:
    """Number of trained values in the module itself, without those below it."""
    rules = module.array_rules()
    total = 0
    for name in type(module).parameter_fields:
        value = getattr(module, name)
        if value is not False:
            total += math.prod(rules[name][0] if absent(value) else np.shape(value))
    return total


def _input(net: Module, input_shape: tuple[int, ...] | None) -> tuple[Any, tuple[int, ...]]:
    for _, module in net.walk():
        if isinstance(module, Embedding):
            return np.int64, tuple(input_shape or ())
        features = getattr(module, "inputs", getattr(module, "features", None))
        if features is not None:
            input_shape = (features,) if input_shape is None else input_shape
            break
    if input_shape is None:
        raise ConfigurationError(
            "summary: no layer says how many features it takes; give input_shape=(features,)"
        )
    return np.float32, tuple(input_shape)


def _table(rows: list[tuple[str, str, str, str]], total: int) -> str:
    table = [("layer", "kind", "output", "parameters"), *rows, ("total", "", "", f"{total:,}")]
    widths = [max(len(row[column]) for row in table) for column in range(4)]
    lines = [
        "  ".join(
            [
                *(cell.ljust(width) for cell, width in zip(row[:3], widths, strict=False)),
                row[3].rjust(widths[3]),
            ]
        )
        for row in table
    ]
    rule = "-" * len(lines[0])
    return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1]])
