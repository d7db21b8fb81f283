"""Softmax and log Σ exp without the maximum that code subtracts against overflow: on paper it cancels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wengert.ir.node import Node, with_operands
from wengert.ir.primitive import Kind
from wengert.primitives import arithmetic, exponential
from wengert.trace.tensor import Tensor, Trace
from wengert.transform.rules import stability


def without_shift(node: Node, trace: Trace, is_named: Callable[[Node], bool]) -> Any:
    """Return what a line is without the shift by a maximum in it, None where there is none.

    exp(z − max z)/Σ exp(z − max z) is exp z/Σ exp z, and log Σ exp(z − max z) + max z is log Σ exp z. The sum
    under such a logarithm needs no name, unless it has one.
    """
    found = None
    if node.primitive is arithmetic.div:
        share = stability.naive_softmax(node)
        if share is not None and share.inputs[0] is not node.inputs[0].inputs[0]:
            found = share
    elif node.primitive is exponential.log:
        total = stability.log_sum_exp(node)
        shifted = None if total is None else _without_idle_reshape(stability.logsumexp_shifted(total))
        found = shifted or (None if total is None or is_named(node.inputs[0]) else total)
    elif node.primitive is arithmetic.add:
        found = stability.add_back(node)
    return None if found is None else Tensor(found, trace)


def _without_idle_reshape(difference: Node | None) -> Node | None:
    """Return logsumexp z − m with m as it stands in the program, so that the m added to it is found."""
    if difference is None:
        return None
    total, shift = difference.inputs
    idle = shift.primitive.kind is Kind.MOVEMENT and shift.type is shift.inputs[0].type
    return with_operands(difference, total, shift.inputs[0]) if idle else difference
