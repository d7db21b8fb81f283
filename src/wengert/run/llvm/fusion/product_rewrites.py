"""Products in the form that generated code computes fastest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.ir.node import Node
from wengert.ir.primitive import Kind, Primitive
from wengert.primitives import reductions
from wengert.primitives.arithmetic import mul, sub
from wengert.primitives.contraction import matmul
from wengert.trace.tensor import Tensor, Trace

# A product of matrices that multiplies no more pairs of numbers is written out.
_FEW_FACTORS = 16
# A matrix that is multiplied by one row is shared between threads from this size on.
_SHARED_BYTES = 2**16


def rewritten(node: Node, trace: Trace) -> Any:
    """Return what is to be computed in place of a product of floating-point numbers; None to leave it."""
    rule = _RULES.get(node.primitive)
    if rule is None or node.type.dtype.kind != "f":
        return None
    return rule(*[Tensor(operand, trace) for operand in node.inputs])


def subtracts_product(lines: Sequence[Node]) -> bool:
    """Whether two lines multiply and subtract, as W − x·δ does."""
    return [node.primitive for node in lines] == [mul, sub]


def _mul(x: Any, y: Any) -> Any:
    """s·(column·matrix) = matrix·(s·column): the factor meets the elements of the shorter of the two only."""
    for factor, product in ((x, y), (y, x)):
        if factor.size == 1 and product.node.primitive is mul:
            shorter, longer = sorted(product.node.inputs, key=lambda node: node.type.size)
            if shorter.type.size < product.size:
                return Tensor(longer, x.recorder) * (factor * Tensor(shorter, x.recorder))
    return None


def _matmul(x: Any, y: Any) -> Any:
    """Over one term a product of matrices is a product of elements, which other loops can take in."""
    if x.ndim >= 2 and y.ndim >= 2 and x.shape[-1] == 1:
        return x * y
    if x.ndim != 2 or y.ndim != 2:
        return None
    if 0 < x.size * y.shape[1] <= _FEW_FACTORS:
        return _written_out(x, y)
    return _one_row(x, y) if x.shape[0] == 1 else None


def _written_out(x: Any, y: Any) -> Any:
    """Add up the products of each term, two and two, so that they do not all wait for each other."""
    parts = [x[:, term : term + 1] * y[term : term + 1] for term in range(y.shape[0])]
    while len(parts) > 1:
        pairs = [one + other for one, other in zip(parts[::2], parts[1::2], strict=False)]
        parts = pairs + parts[2 * len(pairs) :]
    return parts[0]


def _one_row(x: Any, y: Any) -> Any:
    """Sum up the products over blocks of terms, so that threads can share the rows of the matrix.

    Rows are stretches of memory. Were the columns shared, each thread would read and write pieces between the
    other's, and the processors' prefetching would keep taking lines away from the other core: measured, that
    is ten times slower than one thread. The blocks do not depend on the number of threads.
    """
    terms, columns = y.shape
    blocks = next((count for count in (4, 5, 3, 2) if terms % count == 0), 1)
    is_large = y.node.type.dtype.itemsize * terms * columns >= _SHARED_BYTES and terms >= 32 * blocks
    if blocks == 1 or not is_large or y.node.primitive.kind is Kind.MOVEMENT:
        return None
    parts = np.reshape(x, (blocks, 1, terms // blocks)) @ np.reshape(y, (blocks, terms // blocks, columns))
    return reductions.sum(parts, axes=(0,), keepdims=False)


_RULES: dict[Primitive, Callable[[Any, Any], Any]] = {mul: _mul, matmul: _matmul}
