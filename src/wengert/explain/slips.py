"""What could have gone wrong in a claimed gradient: small edits of its formula, each with a name."""

from __future__ import annotations

import ast
import copy
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from wengert.explain.formula import function_name, is_method

Shape = tuple[int, ...]
Edit = tuple[ast.expr, str]
_Rule = Callable[[ast.expr], Iterator[Edit]]


@dataclass(frozen=True)
class Vocabulary:
    """What edits may put into a formula.

    Attributes
    ----------
    names : tuple of str
    factors : mapping of str to (str, shape)
        Derivatives of elementwise functions, the definition that each belongs to, and its shape.
    shape_of : callable
        The shape of an expression, None where the shapes in it do not fit.
    """

    names: tuple[str, ...]
    factors: Mapping[str, tuple[str, Shape]]
    shape_of: Callable[[ast.expr], Shape | None]


def shown(node: ast.expr) -> str:
    """Return an expression as code."""
    return ast.unparse(node)


def single_edits(node: ast.expr, vocabulary: Vocabulary) -> Iterator[Edit]:
    """Yield the formula with one thing put right, the likeliest first, and what was wrong."""
    rules: list[_Rule] = [
        _wrong_axis,
        _transposed,
        _reordered,
        lambda one: _missing_factor(one, vocabulary),
        lambda one: _missing_sum(one, vocabulary.shape_of),
        _operator,
        lambda one: _wrong_factor(one, vocabulary.factors),
        _term,
        _power,
        lambda one: _other_name(one, vocabulary.names),
        _superfluous,
    ]
    for rule in rules:
        yield from _everywhere(node, rule)


def double_edits(node: ast.expr, vocabulary: Vocabulary) -> Iterator[Edit]:
    """Yield the formula with two things put right, of the commonest sorts."""
    rules: list[_Rule] = [
        _transposed,
        _reordered,
        _wrong_axis,
        lambda one: _missing_sum(one, vocabulary.shape_of),
        lambda one: _missing_factor(one, vocabulary),
    ]
    for first in rules:
        for once, slip in _everywhere(node, first):
            for second in rules:
                for twice, other in _everywhere(once, second):
                    if other != slip:
                        yield twice, f"{slip}; {other}"


def _children(node: ast.expr) -> Iterator[tuple[str, int | None, ast.expr]]:
    """Yield the operands of an expression and where they stand in it."""
    if isinstance(node, ast.BinOp):
        yield "left", None, node.left
        yield "right", None, node.right
    elif isinstance(node, ast.UnaryOp):
        yield "operand", None, node.operand
    elif isinstance(node, ast.Attribute | ast.Subscript):
        yield "value", None, node.value
    elif isinstance(node, ast.Compare):
        yield "left", None, node.left
        yield "comparators", 0, node.comparators[0]
    elif isinstance(node, ast.Call):
        for place, argument in enumerate(node.args):
            yield "args", place, argument


def _everywhere(node: ast.expr, rule: _Rule) -> Iterator[Edit]:
    """Yield the expression with a rule applied at each of its places in turn."""
    yield from rule(node)
    for field, place, child in _children(node):
        for new, slip in _everywhere(child, rule):
            rebuilt = copy.copy(node)
            if place is None:
                setattr(rebuilt, field, new)
            else:
                values = list(getattr(node, field))
                values[place] = new
                setattr(rebuilt, field, values)
            yield rebuilt, slip


def _transpose(node: ast.expr) -> ast.expr:
    return node.value if isinstance(node, ast.Attribute) else ast.Attribute(node, "T", ast.Load())


def _times(left: ast.expr, right: ast.expr) -> ast.expr:
    return ast.BinOp(left, ast.Mult(), right)


def _call(name: str, *arguments: ast.expr, axis: int | None = None) -> ast.expr:
    keywords = [] if axis is None else [ast.keyword("axis", ast.Constant(axis))]
    return ast.Call(ast.Name(name, ast.Load()), list(arguments), keywords)


def _read(formula: str) -> ast.expr:
    """Return the tree of a known derivative; a name such as ∂c/∂b stands for its values."""
    return ast.Name(formula, ast.Load()) if "∂" in formula else ast.parse(formula, mode="eval").body


def _transposed(node: ast.expr) -> Iterator[Edit]:
    if isinstance(node, ast.Attribute):
        yield node.value, f"a transpose too many: {shown(node)} should be {shown(node.value)}"
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
        fixed: ast.expr = ast.BinOp(_transpose(node.right), node.op, _transpose(node.left))
        yield fixed, f"a product is transposed: {shown(node)} should be {shown(fixed)}"
    elif isinstance(node, ast.Call) and function_name(node) == "outer":
        return
    elif isinstance(node, ast.Name | ast.BinOp | ast.Call | ast.Subscript):
        fixed = _transpose(node)
        yield fixed, f"a transpose is missing: {shown(node)} should be {shown(fixed)}"


def _reordered(node: ast.expr) -> Iterator[Edit]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
        fixed: ast.expr = ast.BinOp(node.right, node.op, node.left)
        yield fixed, f"the factors are in the wrong order: {shown(node)} should be {shown(fixed)}"
        # (A @ B) @ C is read from the left; A @ (C @ B) and (B @ A) @ C are other orders of the same three.
        if isinstance(node.left, ast.BinOp) and isinstance(node.left.op, ast.MatMult | ast.Mult):
            inner = node.left
            fixed = ast.BinOp(inner.left, inner.op, ast.BinOp(inner.right, node.op, node.right))
            yield fixed, f"the brackets are wrong: {shown(node)} should be {shown(fixed)}"
            fixed = ast.BinOp(ast.BinOp(inner.left, node.op, node.right), inner.op, inner.right)
            yield fixed, f"the factors are in the wrong order: {shown(node)} should be {shown(fixed)}"
        both = ((node.right, _transpose(node.left)), (_transpose(node.right), node.left))
        for left, right in both:
            fixed = ast.BinOp(left, node.op, right)
            yield (
                fixed,
                (
                    f"the factors are in the wrong order, and a transpose is amiss: {shown(node)} should be "
                    f"{shown(fixed)}"
                ),
            )
    if isinstance(node, ast.Call) and function_name(node) == "outer" and len(node.args) == 2:
        fixed = _call("outer", node.args[1], node.args[0])
        yield fixed, f"the factors are in the wrong order: {shown(node)} should be {shown(fixed)}"


def _long(shape: Shape | None) -> Shape | None:
    """Return a shape without its axes of extent 1: a row and a vector are alike."""
    return None if shape is None else tuple(extent for extent in shape if extent != 1)


def _missing_factor(node: ast.expr, vocabulary: Vocabulary) -> Iterator[Edit]:
    shape = _long(vocabulary.shape_of(node))
    for formula, (origin, wanted) in vocabulary.factors.items():
        if shape == _long(wanted):
            yield (
                _times(node, _read(formula)),
                f"the derivative of {origin} is missing: {shown(node)} needs the factor ⊙ {formula}",
            )


def _wrong_factor(node: ast.expr, factors: Mapping[str, tuple[str, Shape]]) -> Iterator[Edit]:
    pair = _last_two(node)
    for formula, (origin, _) in factors.items():
        words = f"should be the derivative of {origin}, which is {formula}"
        yield _read(formula), f"{shown(node)} {words}"
        if pair is not None:
            rest, last = pair
            yield _times(rest, _read(formula)), f"{shown(last)} {words}"


def _last_two(node: ast.expr) -> tuple[ast.expr, ast.expr] | None:
    """Return d and p * (1 - p) for d * p * (1 - p), which is read from the left."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        inner = node.left
        if isinstance(inner, ast.BinOp) and isinstance(inner.op, ast.Mult):
            return inner.left, _times(inner.right, node.right)
    return None


def _wrong_axis(node: ast.expr) -> Iterator[Edit]:
    name = function_name(node) if isinstance(node, ast.Call) else None
    if isinstance(node, ast.Call) and name in ("sum", "mean"):
        operand = node.func.value if is_method(node) else node.args[0]  # type: ignore[attr-defined]
        other = "mean" if name == "sum" else "sum"
        stated = _stated_axis(node)
        for axis in (0, 1, None):
            if axis != stated:
                fixed = _call(name, operand, axis=axis)
                yield fixed, f"{name} over the wrong axis: {shown(node)} should be {shown(fixed)}"
        yield _call(other, operand, axis=stated), f"{shown(node)} should be a {other}, not a {name}"
        yield operand, f"a {name} too many: {shown(node)} should be {shown(operand)}"


def _missing_sum(node: ast.expr, shape_of: Callable[[ast.expr], Shape | None]) -> Iterator[Edit]:
    if not isinstance(node, ast.Constant):
        shape = shape_of(node) or ()
        for axis in (*(axis for axis, extent in enumerate(shape) if extent > 1), None):
            if math.prod(shape) < 2:
                return
            fixed = _call("sum", node, axis=axis)
            where = "over all elements" if axis is None else f"over axis {axis}"
            yield fixed, f"a sum {where} is missing: {shown(node)} should be {shown(fixed)}"


def _stated_axis(node: ast.Call) -> int | None:
    values = [one.value for one in node.keywords if one.arg == "axis"]
    values += node.args[(0 if is_method(node) else 1) :]
    value = ast.literal_eval(values[0]) if values else None
    return value if isinstance(value, int) else None


def _operator(node: ast.expr) -> Iterator[Edit]:
    if not isinstance(node, ast.BinOp):
        return
    if isinstance(node.op, ast.Mult | ast.MatMult):
        product = isinstance(node.op, ast.Mult)
        fixed: ast.expr = ast.BinOp(node.left, ast.MatMult() if product else ast.Mult(), node.right)
        words = (
            "⊙ where a product of matrices belongs" if product else "a product of matrices where ⊙ belongs"
        )
        yield fixed, f"{words}: {shown(node)} should be {shown(fixed)}"
        if not product and isinstance(node.right, ast.Attribute):  # transposed to make the shapes fit
            fixed = _times(node.left, node.right.value)
            yield fixed, f"{words}: {shown(node)} should be {shown(fixed)}"
        for left, right in ((node.left, node.right), (node.right, node.left)):
            fixed = _call("outer", left, right)
            yield fixed, f"an outer product belongs here: {shown(node)} should be {shown(fixed)}"
    elif isinstance(node.op, ast.Add | ast.Sub):
        plus = isinstance(node.op, ast.Add)
        fixed = ast.BinOp(node.left, ast.Sub() if plus else ast.Add(), node.right)
        yield fixed, f"the sign is wrong: {shown(node)} should be {shown(fixed)}"


def _term(node: ast.expr) -> Iterator[Edit]:
    """A factor in one term of a sum, or a term that should not be there."""
    if not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub)):
        return
    for field, term, rest in (("left", node.left, node.right), ("right", node.right, node.left)):
        for value, words in ((2.0, "2"), (0.5, "½"), (-1.0, "−1")):
            rebuilt = copy.copy(node)
            setattr(rebuilt, field, _times(ast.Constant(value), term))
            yield rebuilt, f"the term {shown(term)} needs the factor {words}"
        if not isinstance(term, ast.Constant):
            left = ast.UnaryOp(ast.USub(), rest) if isinstance(node.op, ast.Sub) and field == "left" else rest
            yield left, f"the term {shown(term)} does not belong there"


def _power(node: ast.expr) -> Iterator[Edit]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        yield node.left, f"the power does not belong there: {shown(node)} should be {shown(node.left)}"
    elif isinstance(node, ast.Name | ast.BinOp | ast.Call):
        fixed = ast.BinOp(node, ast.Pow(), ast.Constant(2))
        yield fixed, f"a square is missing: {shown(node)} should be {shown(fixed)}"


def _other_name(node: ast.expr, names: tuple[str, ...]) -> Iterator[Edit]:
    if isinstance(node, ast.Name):
        for name in names:
            if name != node.id:
                yield ast.Name(name, ast.Load()), f"{node.id} stands where {name} belongs"


def _superfluous(node: ast.expr) -> Iterator[Edit]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.MatMult | ast.Div):
        yield node.left, f"a factor too many: {shown(node.right)} does not belong there"
        if not isinstance(node.op, ast.Div):
            yield node.right, f"a factor too many: {shown(node.left)} does not belong there"
        pair = _last_two(node)
        if pair is not None:
            yield pair[0], f"a factor too many: {shown(pair[1])} does not belong there"
