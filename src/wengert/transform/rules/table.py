"""The table of rules, and what patterns and replacements are made of.

A rule takes a node whose operands are in final form and returns a node of the same type that is to stand in
its place, or None. It may look at the operands as deep as it likes, but never at who reads the node: what a
rule does depends on the value alone, so simplifying a program twice changes nothing.

Termination. Written out as a tree, what a rule returns has, compared entry by entry,

1. fewer naive formulas: log, quotient or guard of an exponential, which only the stable rules remove;
2. or fewer operations on as many elements: folding, identities, collected factors, merged reductions;
3. or factors, signs and broadcasts nearer to the root: they only move out of products, quotients and sums;
4. or a constant at the left of a product that stood at the right, or in a quotient.

No rule raises an earlier entry. (Where a line is shared, a factor that moves out of one of its readers may
cost an operation more than before: trees are compared.) One that did would make `simplify` stop with an
error.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.ir.node import CONSTANT, Node, make_constant, make_node, make_number
from wengert.ir.primitive import REGISTRY, Kind

Rule = Callable[[Node], "Node | None"]

RULES: dict[str, list[Rule]] = {}
EXACT: set[Rule] = set()
OF_COMPLEX: set[Rule] = set()


def rule(*primitives: str, exact: bool, complex: bool | None = None) -> Callable[[Rule], Rule]:
    """Enter a rule for nodes of the named primitives; the first rule that answers is taken.

    Parameters
    ----------
    exact : bool
        Whether every value stays bit for bit what it was: signed zeros, infinities and NaN too. Of integers
        and booleans all rules are exact. Others hold in exact arithmetic: rounding, what overflows, and the
        sign of a zero to which terms cancel may differ.
    complex : bool, optional
        Whether it holds for complex numbers too; by default an exact rule does.
    """

    def enter(function: Rule) -> Rule:
        if exact:
            EXACT.add(function)
        if exact if complex is None else complex:
            OF_COMPLEX.add(function)
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


def build(name: str, *operands: Node | complex, **params: Any) -> Node:
    """Return the node that applies a primitive; numbers become constants of the first node's dtype."""
    dtype = next(operand.type.dtype for operand in operands if isinstance(operand, Node))
    nodes = [operand if isinstance(operand, Node) else make_number(operand, dtype) for operand in operands]
    return make_node(REGISTRY[name], nodes, params)


def uniform_element(node: Node) -> Any:
    """Return the NumPy scalar that every element of a constant node is, None where there is none."""
    while node.is_view:
        node = node.inputs[0]
    value = node.value
    if value is None or value.size == 0:
        return None
    flat = value.reshape(-1)
    first = flat[0]
    if value.size == 1:
        return first
    # Bytes, because a NaN is uniform as well and −0.0 is not 0.0; most other arrays show it at their end.
    if flat[-1].tobytes() != first.tobytes():
        return None
    return (
        first
        if bool(np.all(flat.view(np.uint8).reshape(value.size, -1) == flat[:1].view(np.uint8)))
        else None
    )


def uniform_value(node: Node) -> Any:
    """Return `uniform_element` as a Python number, None where there is none."""
    element = uniform_element(node)
    return None if element is None else element.item()


def is_number(node: Node, number: float) -> bool:
    """Whether a node is a constant with this value in every element."""
    value = uniform_value(node)
    return value is not None and value == number


def is_scalar_constant(node: Node) -> bool:
    """Whether a node is a constant without axes, the canonical form of a number."""
    return node.primitive is CONSTANT and not node.type.shape


def filled(element: Any, node: Node) -> Node:
    """Return the constant that repeats a NumPy scalar in the shape of `node`."""
    return shaped(make_constant(np.asarray(element, node.type.dtype)), node)


def shaped(value: Node, node: Node) -> Node:
    """Return `value` broadcast to the shape of the node it replaces."""
    if value.type.shape == node.type.shape:
        return value
    return build("broadcast_to", value, shape=node.type.shape)
