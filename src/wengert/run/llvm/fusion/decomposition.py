"""Composed primitives written out in simpler ones, so that loop nests are needed for few."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.ir.node import INPUT, Node, make_node
from wengert.ir.primitive import Kind
from wengert.ir.program import Program
from wengert.primitives import reductions
from wengert.primitives.contraction import index_extents
from wengert.trace.tensor import Tensor, Trace, as_tensor

Expansion = Callable[..., Any]

# A product of matrices that multiplies no more pairs of numbers is written out.
_FEW_FACTORS = 16
# A matrix that is multiplied by one row is worth sharing between threads from this size on.
_SHARED_BYTES = 2**16


def expand(program: Program) -> Program:
    """Return a program with the same values whose primitives have loop nests of their own where possible."""
    trace = Trace(rule="expand")
    final: dict[Node, Node] = {node: node for node in program.inputs}
    changed = False
    with trace.recording():
        for node in program.nodes:
            if node.primitive is INPUT:
                continue
            operands = tuple(final[operand] for operand in node.inputs)
            current = make_node(node.primitive, operands, dict(node.params)) if operands else node
            result = _expanded(current, trace)
            changed |= result is not current
            final[node] = result
    expanded = Program(
        program.inputs, [final[node] for node in program.outputs], program.provenance, program.signature
    )
    # What an expansion is made of may have one itself.
    return expand(expanded) if changed else expanded


def _expanded(node: Node, trace: Trace) -> Node:
    rule = _EXPANSIONS.get(node.primitive.name)
    if rule is None or any(operand.type.dtype.kind != "f" for operand in node.inputs):
        return node
    result = rule(*[Tensor(operand, trace) for operand in node.inputs], **dict(node.params))
    if result is None:
        return node
    found = as_tensor(result, trace).node
    # Only exact replacements: a shortcut that changed a type would be a wrong program.
    return found if found.type is node.type else node


def _mean(x: Any, axes: tuple[int, ...], keepdims: bool) -> Any:
    return reductions.sum(x, axes=axes, keepdims=keepdims) / math.prod(x.shape[axis] for axis in axes)


def _logsumexp(x: Any, axes: tuple[int, ...], keepdims: bool) -> Any:
    top = reductions.max(x, axes=axes, keepdims=True)
    shift = np.where(np.isfinite(top), top, 0)
    total = np.log(reductions.sum(np.exp(x - shift), axes=axes, keepdims=True)) + shift
    return total if keepdims else np.squeeze(total, axis=axes)


def _exp_difference(x: Any, y: Any) -> Any:
    return np.exp(x - np.where(y == -np.inf, 0, y))


def _xlogy(x: Any, y: Any) -> Any:
    return np.where(x == 0, 0 * x, x * np.log(np.where(x == 0, 1, y)))


def _logaddexp(x: Any, y: Any) -> Any:
    # Equal operands apart: the difference of two infinities is NaN.
    apart = np.maximum(x, y) + np.log1p(np.exp(-np.abs(x - y)))
    return np.where(x == y, x + math.log(2), apart)


def _outer(x: Any, y: Any) -> Any:
    return x[:, None] * y[None, :]


def _mul(x: Any, y: Any) -> Any:
    """s·(column·matrix) = matrix·(s·column): the factor meets the elements of the shorter of the two only."""
    for factor, product in ((x, y), (y, x)):
        if factor.size == 1 and product.node.primitive.name == "mul":
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


def _einsum(*operands: Any, subscripts: str) -> Any:
    left, result = subscripts.split("->")
    terms = left.split(",")
    if any(len(set(term)) != len(term) for term in terms):
        return None  # a diagonal: see numpy_lines.py
    index_extents(subscripts, tuple(operand.node.type for operand in operands))
    value, letters = operands[0], terms[0]
    for place in range(1, len(operands)):
        later = set(result).union(*terms[place + 1 :])
        value, letters = _pair(value, letters, operands[place], terms[place], later)
    value, letters = _summed(value, letters, set(result))
    return np.transpose(value, [letters.index(letter) for letter in result]) if result else value


def _summed(value: Any, letters: str, kept: set[str]) -> tuple[Any, str]:
    """Sum over the indices that nobody reads any more."""
    axes = tuple(axis for axis, letter in enumerate(letters) if letter not in kept)
    if axes:
        value = reductions.sum(value, axes=axes, keepdims=False)
    return value, "".join(letter for letter in letters if letter in kept)


def _pair(x: Any, of_x: str, y: Any, of_y: str, later: set[str]) -> tuple[Any, str]:
    """Contract two operands: indices of both that are wanted later repeat the product, others are summed."""
    x, of_x = _summed(x, of_x, later | set(of_y))
    y, of_y = _summed(y, of_y, later | set(of_x))
    shared = [letter for letter in of_x if letter in of_y]
    batch = [letter for letter in shared if letter in later]
    inner = [letter for letter in shared if letter not in later]
    rows = [letter for letter in of_x if letter not in of_y]
    columns = [letter for letter in of_y if letter not in of_x]
    extents = {**dict(zip(of_x, x.shape, strict=True)), **dict(zip(of_y, y.shape, strict=True))}

    def arranged(value: Any, letters: str, groups: Sequence[Sequence[str]]) -> Any:
        order = [letters.index(letter) for group in groups for letter in group]
        ordered = np.transpose(value, order) if order else value
        merged = [math.prod(extents[letter] for letter in group) for group in groups[1:]]
        return np.reshape(ordered, [*[extents[letter] for letter in groups[0]], *merged])

    product = arranged(x, of_x, [batch, rows, inner]) @ arranged(y, of_y, [batch, inner, columns])
    letters = [*batch, *rows, *columns]
    return np.reshape(product, [extents[letter] for letter in letters]), "".join(letters)


_EXPANSIONS: dict[str, Expansion] = {
    "mean": _mean,
    "logsumexp": _logsumexp,
    "exp_difference": _exp_difference,
    "xlogy": _xlogy,
    "logaddexp": _logaddexp,
    "outer": _outer,
    "mul": _mul,
    "matmul": _matmul,
    "einsum": _einsum,
}
