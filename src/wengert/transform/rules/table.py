"""The table of rules, and what patterns are made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.ir.node import Node, constant_value
from wengert.ir.primitive import REGISTRY, Kind
from wengert.trace.tensor import Tensor, Trace

Rule = Callable[[Node, Trace], "Tensor | None"]

RULES: dict[str, list[Rule]] = {}


def rule(*primitives: str) -> Callable[[Rule], Rule]:
    """Enter a rule for nodes of the named primitives; the first rule that answers is taken."""

    def enter(function: Rule) -> Rule:
        for name in primitives:
            if name not in REGISTRY:
                raise KeyError(name)
            RULES.setdefault(name, []).append(function)
        return function

    return enter


def names_of_kind(*kinds: Kind) -> list[str]:
    """Return the names of all primitives of some kinds."""
    return [name for name, primitive in REGISTRY.items() if primitive.kind in kinds]


def is_a(node: Node, *names: str) -> bool:
    """Whether a node applies one of the named primitives."""
    return node.primitive.name in names


def uniform_value(node: Node) -> Any:
    """Return the number that every element of a constant node has, None where there is no such number."""
    if is_a(node, "broadcast_to", "reshape", "expand_dims", "squeeze"):
        return uniform_value(node.inputs[0])
    value = constant_value(node)
    if value is None or value.size == 0:
        return None
    first = value.reshape(-1)[0]
    return first.item() if value.size == 1 or np.all(value == first) else None


def is_number(node: Node, number: float) -> bool:
    """Whether a node is a constant with this value in every element."""
    value = uniform_value(node)
    return value is not None and value == number


def tensor(node: Node, trace: Trace) -> Tensor:
    """Return a node as a tensor to write replacements with."""
    return Tensor(node, trace)


def shaped(value: Tensor, node: Node) -> Tensor:
    """Return `value` broadcast to the shape of the node it replaces."""
    if value.shape == node.type.shape:
        return value
    result: Tensor = np.broadcast_to(value, node.type.shape)  # type: ignore[assignment, call-overload]
    return result
