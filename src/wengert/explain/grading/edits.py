"""Small edits of an expression: where they can be made, and what they may put in."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from wengert.explain.grading.conventions import operands, with_operands

Shape = tuple[int, ...]
Edit = tuple[ast.expr, str]
Rule = Callable[[ast.expr], Iterator[Edit]]


@dataclass(frozen=True)
class Vocabulary:
    """What edits may put into a formula.

    Attributes
    ----------
    names : mapping of str to shape
        Those of the reader's own code.
    lines : sequence of str
        Elementwise lines that have no name, as code: the tanh(z) of sum(tanh(z)).
    factors : mapping of str to (str, shape)
        Derivatives of elementwise functions, the definition that each belongs to, and its shape.
    shape_of : callable
        The shape of an expression, None where the shapes in it do not fit.
    """

    names: Mapping[str, Shape]
    lines: Sequence[str]
    factors: Mapping[str, tuple[str, Shape]]
    shape_of: Callable[[ast.expr], Shape | None]


def shown(node: ast.expr) -> str:
    """Return an expression as code."""
    return ast.unparse(node)


def everywhere(node: ast.expr, rule: Rule) -> Iterator[Edit]:
    """Yield the expression with a rule applied at each of its places in turn."""
    yield from rule(node)
    for child in operands(node):
        for new, mistake in everywhere(child, rule):
            yield with_operands(node, {child: new}), mistake


def transpose(node: ast.expr) -> ast.expr:
    """Return the transpose of an expression; of a transpose what was transposed."""
    turned = isinstance(node, ast.Attribute) and node.attr == "T"
    return node.value if turned else ast.Attribute(node, "T", ast.Load())  # type: ignore[attr-defined]


def times(left: ast.expr, right: ast.expr) -> ast.expr:
    """Return an elementwise product."""
    return ast.BinOp(left, ast.Mult(), right)


def call(name: str, *arguments: ast.expr, axis: int | None = None, keepdims: bool = False) -> ast.expr:
    """Return a call of a function."""
    keywords = [] if axis is None else [ast.keyword("axis", ast.Constant(axis))]
    keywords += [ast.keyword("keepdims", ast.Constant(True))] if keepdims else []
    return ast.Call(ast.Name(name, ast.Load()), list(arguments), keywords)


def read(formula: str) -> ast.expr:
    """Return the tree of code that is known to parse."""
    return ast.parse(formula, mode="eval").body
