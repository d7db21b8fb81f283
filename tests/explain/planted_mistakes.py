"""Mistakes of the usual sorts, planted one at a time into claims that are right."""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from tests.explain.claim_programs import EXERCISES, Exercise, swapped

Plant = Callable[[ast.expr, Exercise], Iterator[ast.expr]]


@dataclass(frozen=True)
class Sort:
    """A sort of mistake.

    Attributes
    ----------
    plants : callable
        Yields what an expression becomes by the mistake; nothing where it cannot be made there.
    said : tuple of str
        What names the cause: one of these stands in what is said.
    """

    plants: Plant
    said: tuple[str, ...]


def _is_derivative(node: ast.expr) -> bool:
    """Whether a factor is the derivative of an activation: 1 − c², z (1 − z), a > 0."""
    match node:
        case ast.Compare():
            return True
        case ast.BinOp(left=ast.Constant(value=1), op=ast.Sub(), right=ast.BinOp(op=ast.Pow())):
            return True
        case ast.BinOp(left=ast.Name(id=one), op=ast.Mult(), right=ast.BinOp(left=ast.Constant(value=1))):
            return one in ast.unparse(node.right)
    return False


def _forgotten_factor(node: ast.expr, exercise: Exercise) -> Iterator[ast.expr]:
    match node:
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            yield from (
                kept
                for kept, lost in ((right, left), (left, right))
                if isinstance(lost, ast.Name | ast.Constant)
            )
        case ast.BinOp(left=left, op=ast.Div(), right=ast.Constant()):
            yield left


def _wrong_sign(node: ast.expr, exercise: Exercise) -> Iterator[ast.expr]:
    match node:
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            yield operand
        case ast.BinOp(left=left, op=ast.Sub(), right=right) if not isinstance(left, ast.Constant):
            yield ast.BinOp(right, ast.Sub(), left)
            yield ast.BinOp(left, ast.Add(), right)


def _transposed(node: ast.expr, exercise: Exercise) -> Iterator[ast.expr]:
    if isinstance(node, ast.Attribute) and node.attr == "T":
        yield node.value


def _missing_sum(node: ast.expr, exercise: Exercise) -> Iterator[ast.expr]:
    match node:
        case ast.Call(func=ast.Name(id="sum" | "mean"), args=[inner]):
            yield inner


def _inner_derivative(node: ast.expr, exercise: Exercise) -> Iterator[ast.expr]:
    match node:
        case ast.BinOp(left=ast.BinOp(left=rest, op=ast.Mult(), right=one), op=ast.Mult(), right=other):
            if _is_derivative(ast.BinOp(one, ast.Mult(), other)):
                yield rest
    match node:
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            yield from (kept for kept, lost in ((left, right), (right, left)) if _is_derivative(lost))


def _missing_term(node: ast.expr, exercise: Exercise) -> Iterator[ast.expr]:
    match node:
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            yield left
            yield right


def _other_order(node: ast.expr, exercise: Exercise) -> Iterator[ast.expr]:
    match node:
        case ast.Call(func=ast.Name(id="outer"), args=[left, right]):
            yield ast.Call(node.func, [right, left], [])
        case ast.BinOp(left=left, op=ast.MatMult(), right=right):
            yield ast.BinOp(right, ast.MatMult(), left)


def _wrong_index(node: ast.expr, exercise: Exercise) -> Iterator[ast.expr]:
    """The sum over the other axis, or the other of two neighbours."""
    match node:
        case ast.Call(func=ast.Name(id="sum"), args=[inner], keywords=[ast.keyword(arg="axis")]):
            axis = ast.literal_eval(node.keywords[0].value)
            yield ast.Call(node.func, [inner], [ast.keyword("axis", ast.Constant(1 - axis))])


def smoothing(x, y):
    d = x[1:] - x[:-1]
    return np.sum((x - y) ** 2) + np.sum(d**2)


# Each inner element has two neighbours.
CLAIMS = [
    *EXERCISES,
    Exercise(smoothing, {"x": (5,), "y": (5,)}, {
        "x": "2 * (x - y) + concatenate([zeros(1), 2 * d]) + concatenate([-2 * d, zeros(1)])"}),
]  # fmt: skip
SORTS = {
    "a forgotten factor": Sort(_forgotten_factor, (
        "factor", "divided by", "it is half", "times the gradient", "be a mean", "should be the derivative",
    )),
    "a sign": Sort(_wrong_sign, ("sign", "factor −1")),
    "a transposed matrix": Sort(_transposed, ("transpose",)),
    "a missing sum": Sort(_missing_sum, ("sum over", "a sum", "mean")),
    "the inner derivative": Sort(_inner_derivative, ("the derivative of",)),
    "a missing term": Sort(_missing_term, ("term", "way on which", "symmetric")),
    "the order of factors": Sort(_other_order, ("order", "transpose")),
    "the wrong index": Sort(_wrong_index, ("wrong axis",)),
}  # fmt: skip


def planted(claim: str, exercise: Exercise) -> Iterator[tuple[str, str]]:
    """Yield the sort of a mistake, and the claim with it, for each place where it can be made."""
    tree = ast.parse(claim, mode="eval").body
    for sort, one in SORTS.items():
        seen = set()
        for place in ast.walk(tree):
            if isinstance(place, ast.expr):
                for new in one.plants(place, exercise):
                    wrong = ast.unparse(swapped(tree, place, new))
                    if wrong not in seen:
                        seen.add(wrong)
                        yield sort, wrong
