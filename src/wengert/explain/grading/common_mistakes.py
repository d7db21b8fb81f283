"""What could have gone wrong in a claimed gradient: small edits of its formula, each with a name."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterable, Iterator, Mapping

from wengert.explain.formula.parser import function_name, method_owner
from wengert.explain.grading.conventions import operands, with_operands
from wengert.explain.grading.edits import (
    Edit,
    Rule,
    Shape,
    Vocabulary,
    call,
    everywhere,
    read,
    shown,
    times,
    transpose,
)
from wengert.explain.grading.omissions import missing_derivative, missing_factor, missing_sum, missing_term


def single_edits(node: ast.expr, vocabulary: Vocabulary, terms: bool = True) -> Iterator[Edit]:
    """Yield the formula with one thing put right, the likeliest first, and what was wrong.

    Parameters
    ----------
    node : expr
    vocabulary : Vocabulary
    terms : bool
        Whether names may be missing as terms: together with a wrong factor, that explains too much.
    """
    rules: list[Rule] = [
        _wrong_axis,
        lambda one: _transposed(one, vocabulary),
        _reordered,
        lambda one: missing_derivative(one, vocabulary),
        lambda one: missing_sum(one, vocabulary),
        _operator,
        comparison,
        _negated,
        lambda one: _wrong_factor(one, vocabulary.factors),
        _term,
        _power,
        lambda one: _other_value(one, (*vocabulary.names, *vocabulary.lines)),
        _superfluous,
        lambda one: missing_factor(one, vocabulary),
        *([lambda one: missing_term(one, vocabulary)] if terms else []),
    ]
    for rule in rules:
        yield from everywhere(node, rule)


def double_edits(node: ast.expr, vocabulary: Vocabulary) -> Iterator[Edit]:
    """Yield the formula with two things put right, of the commonest sorts."""
    rules: list[Rule] = [
        lambda one: _transposed(one, vocabulary),
        _reordered,
        _wrong_axis,
        lambda one: missing_sum(one, vocabulary),
        lambda one: missing_derivative(one, vocabulary),
    ]
    for first in rules:
        for once, mistake in everywhere(node, first):
            for second in rules:
                for twice, other in everywhere(once, second):
                    if other != mistake:
                        yield twice, f"{mistake}; {other}"


def _transposed(node: ast.expr, vocabulary: Vocabulary) -> Iterator[Edit]:
    if isinstance(node, ast.Attribute):
        yield node.value, f"a transpose too many: {shown(node)} should be {shown(node.value)}"
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
        fixed: ast.expr = ast.BinOp(transpose(node.right), node.op, transpose(node.left))
        yield fixed, f"a product is transposed: {shown(node)} should be {shown(fixed)}"
    elif isinstance(node, ast.Call) and function_name(node) == "outer":
        return
    elif isinstance(node, ast.Name | ast.BinOp | ast.Call | ast.Subscript):
        shape = vocabulary.shape_of(node)
        if shape is not None and len(shape) != 2:
            return
        fixed = transpose(node)
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
        both = ((node.right, transpose(node.left)), (transpose(node.right), node.left))
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
        fixed = call("outer", node.args[1], node.args[0])
        yield fixed, f"the factors are in the wrong order: {shown(node)} should be {shown(fixed)}"


def _wrong_factor(node: ast.expr, factors: Mapping[str, tuple[str, Shape]]) -> Iterator[Edit]:
    pair = _last_two(node)
    for formula, (origin, _) in factors.items():
        words = f"should be the derivative of {origin}, which is {formula}"
        yield read(formula), f"{shown(node)} {words}"
        if pair is not None:
            rest, last = pair
            yield times(rest, read(formula)), f"{shown(last)} {words}"


def _last_two(node: ast.expr) -> tuple[ast.expr, ast.expr] | None:
    """Return d and p * (1 - p) for d * p * (1 - p), which is read from the left."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        inner = node.left
        if isinstance(inner, ast.BinOp) and isinstance(inner.op, ast.Mult):
            return inner.left, times(inner.right, node.right)
    return None


def _wrong_axis(node: ast.expr) -> Iterator[Edit]:
    name = function_name(node) if isinstance(node, ast.Call) else None
    if isinstance(node, ast.Call) and name in ("sum", "mean"):
        operand = method_owner(node) or node.args[0]
        other = "mean" if name == "sum" else "sum"
        stated = _stated_axis(node)
        kept = any(one.arg == "keepdims" for one in node.keywords)
        fixed = call(name, operand, axis=stated, keepdims=not kept)
        words = "does not belong there" if kept else "is missing"
        yield fixed, f"keepdims=True {words}: {shown(node)} should be {shown(fixed)}"
        for axis in (0, 1, None):
            if axis != stated:
                fixed = call(name, operand, axis=axis, keepdims=kept)
                yield fixed, f"{name} over the wrong axis: {shown(node)} should be {shown(fixed)}"
        fixed = call(other, operand, axis=stated, keepdims=kept)
        yield fixed, f"{shown(node)} should be a {other}, not a {name}"
        yield operand, f"a {name} too many: {shown(node)} should be {shown(operand)}"


def _stated_axis(node: ast.Call) -> int | None:
    values = [one.value for one in node.keywords if one.arg == "axis"]
    values += node.args[(1 if method_owner(node) is None else 0) :]
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
            fixed = times(node.left, node.right.value)
            yield fixed, f"{words}: {shown(node)} should be {shown(fixed)}"
        for left, right in ((node.left, node.right), (node.right, node.left)):
            fixed = call("outer", left, right)
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
            setattr(rebuilt, field, times(ast.Constant(value), term))
            yield rebuilt, f"the term {shown(term)} needs the factor {words}"
        if not isinstance(term, ast.Constant):
            left = ast.UnaryOp(ast.USub(), rest) if isinstance(node.op, ast.Sub) and field == "left" else rest
            yield left, f"the term {shown(term)} does not belong there"


def _negated(node: ast.expr) -> Iterator[Edit]:
    if isinstance(node, ast.Call):
        for argument in operands(node):
            fixed = with_operands(node, {argument: ast.UnaryOp(ast.USub(), argument)})
            yield fixed, f"the sign of {shown(argument)} is wrong: {shown(node)} should be {shown(fixed)}"


def only_symmetric(node: ast.expr, vocabulary: Vocabulary) -> Iterator[Edit]:
    """2 A x for xᵀ A x, and A x: what a matrix does from one side alone, or as if it were symmetric."""
    if not isinstance(node, ast.Name | ast.Attribute):
        return
    matrix = node.value if isinstance(node, ast.Attribute) else node
    shape = vocabulary.shape_of(matrix)
    if shape is None or len(shape) != 2 or shape[0] != shape[1]:
        return
    both = ast.BinOp(matrix, ast.Add(), transpose(matrix))
    yield (
        ast.BinOp(both, ast.Div(), ast.Constant(2)),
        (f"that is right for symmetric {shown(matrix)} only: 2 * {shown(node)} should be {shown(both)}"),
    )
    yield both, f"a term is missing: {shown(node)} should be {shown(both)}"


def comparison(node: ast.expr) -> Iterator[Edit]:
    """A comparison that counts equality where it should not, or the wrong side."""
    turned = {ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Lt: ast.LtE, ast.LtE: ast.Lt}
    opposite = {ast.Gt: ast.Lt, ast.GtE: ast.LtE, ast.Lt: ast.Gt, ast.LtE: ast.GtE}
    if isinstance(node, ast.Compare):
        for table, words in ((turned, "wrong at equality"), (opposite, "the wrong way round")):
            operator = table.get(type(node.ops[0]))
            if operator is not None:
                fixed = ast.Compare(node.left, [operator()], node.comparators)
                yield fixed, f"the comparison is {words}: {shown(node)} should be {shown(fixed)}"


def _power(node: ast.expr) -> Iterator[Edit]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        yield node.left, f"the power does not belong there: {shown(node)} should be {shown(node.left)}"
        whole = node.left
        for part in operands(whole) if isinstance(whole, ast.BinOp) else ():
            fixed: ast.expr = with_operands(whole, {part: ast.BinOp(part, node.op, node.right)})
            yield fixed, f"the power belongs to {shown(part)} alone: {shown(node)} should be {shown(fixed)}"
    elif isinstance(node, ast.Name | ast.BinOp | ast.Call):
        fixed = ast.BinOp(node, ast.Pow(), ast.Constant(2))
        yield fixed, f"a square is missing: {shown(node)} should be {shown(fixed)}"


def _other_value(node: ast.expr, values: Iterable[str]) -> Iterator[Edit]:
    if isinstance(node, ast.Name | ast.Constant):
        for value in values:
            if value != shown(node):
                yield read(value), f"{shown(node)} stands where {value} belongs"


def _superfluous(node: ast.expr) -> Iterator[Edit]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.MatMult | ast.Div):
        yield node.left, f"a factor too many: {shown(node.right)} does not belong there"
        if not isinstance(node.op, ast.Div):
            yield node.right, f"a factor too many: {shown(node.left)} does not belong there"
        pair = _last_two(node)
        if pair is not None:
            yield pair[0], f"a factor too many: {shown(pair[1])} does not belong there"
