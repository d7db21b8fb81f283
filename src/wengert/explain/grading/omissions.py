"""What may be missing in a claimed gradient: a derivative, a factor, a term, a sum."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator

from wengert.explain.grading.edits import Edit, Shape, Vocabulary, call, read, shown, times, transpose


def _long(shape: Shape | None) -> Shape | None:
    """Return a shape without its axes of extent 1: a row and a vector are alike."""
    return None if shape is None else tuple(extent for extent in shape if extent != 1)


def missing_derivative(node: ast.expr, vocabulary: Vocabulary) -> Iterator[Edit]:
    """The derivative of an elementwise function, which stands beside ⊙."""
    shape = _long(vocabulary.shape_of(node))
    for formula, (origin, wanted) in vocabulary.factors.items():
        if shape == _long(wanted):
            sign = "⊙ " if shape else ""
            yield (
                times(node, read(formula)),
                f"the derivative of {origin} is missing: {shown(node)} needs the factor {sign}{formula}",
            )


def missing_sum(node: ast.expr, vocabulary: Vocabulary) -> Iterator[Edit]:
    """A sum over an axis, or over all elements."""
    if isinstance(node, ast.Constant):
        return
    shape = vocabulary.shape_of(node) or ()
    if math.prod(shape) < 2:
        return
    for axis in (*(axis for axis, extent in enumerate(shape) if extent > 1), None):
        for keepdims in (False, True):
            fixed = call("sum", node, axis=axis, keepdims=keepdims)
            where = "over all elements" if axis is None else f"over axis {axis}"
            yield fixed, f"a sum {where} is missing: {shown(node)} should be {shown(fixed)}"


def missing_factor(node: ast.expr, vocabulary: Vocabulary) -> Iterator[Edit]:
    """A weight, an input or another value by which an expression has to be multiplied."""
    shape = vocabulary.shape_of(node)
    if shape is None or isinstance(node, ast.Constant):
        return
    for name, other in vocabulary.names.items():
        factor = ast.Name(name, ast.Load())
        for fixed in _products(node, shape, factor, other):
            yield fixed, f"the factor {name} is missing: {shown(node)} should be {shown(fixed)}"


def _products(node: ast.expr, shape: Shape, factor: ast.expr, other: Shape) -> Iterator[ast.expr]:
    """Yield the products of an expression and a value whose shapes fit."""
    if not other or not shape or shape == other:
        yield times(node, factor)
    if not shape or not other or max(len(shape), len(other)) > 2:
        return
    turned = ((factor, other), (transpose(factor), other[::-1])) if len(other) == 2 else ((factor, other),)
    for one, extents in turned:
        if shape[-1] == extents[0] and (len(shape) == 2 or len(other) == 2):
            yield ast.BinOp(node, ast.MatMult(), one)
        if extents[-1] == shape[0] and (len(shape) == 2 or len(other) == 2):
            yield ast.BinOp(one, ast.MatMult(), node)
    if len(shape) == len(other) == 1:
        yield call("outer", node, factor)
        yield call("outer", factor, node)


def missing_term(node: ast.expr, vocabulary: Vocabulary) -> Iterator[Edit]:
    """A value of the same shape that has to be added or subtracted: p for p − y."""
    shape = vocabulary.shape_of(node)
    if shape is None or isinstance(node, ast.Constant):
        return
    for name, other in vocabulary.names.items():
        if other == shape:
            for operator, sign in ((ast.Sub(), "−"), (ast.Add(), "+")):
                fixed = ast.BinOp(node, operator, ast.Name(name, ast.Load()))
                yield fixed, f"the term {sign} {name} is missing: {shown(node)} should be {shown(fixed)}"
