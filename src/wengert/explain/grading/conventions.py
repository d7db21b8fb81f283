"""How a claim is read: as NumPy has it, or as on paper, where a vector is a row or a column.

On paper the products `@`, transposes and outer products of vectors mean something else than in NumPy, and
nothing else does. So a reading translates code that takes vectors as rows or columns into NumPy code.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from wengert.errors import FormulaError, LimitError
from wengert.explain.engine import Array
from wengert.explain.formula.evaluator import evaluate_node
from wengert.explain.formula.parser import Formula, constant_name, function_name, method_owner, names_in

NUMPY = "as NumPy has them"
_MOST_VECTORS = 5  # of which each may be a row or a column by itself
_MOST_NODES = 600  # of an expression with its assignments written out
_TURNED = {"row": "column", "column": "row"}
_PRODUCTS = ("dot", "matmul")
_COLLECTING = frozenset({"sum", "mean", "max", "min", "outer", "diag", "logsumexp", "len"})


class _NoReadingError(Exception):
    """The shapes do not fit on paper either."""


@dataclass(frozen=True)
class _Part:
    """A part of a claim: as NumPy code, its value, and what it is where it is a vector."""

    node: ast.expr
    value: Any
    side: str | None


class Reading:
    """What a claim means at each point.

    Parameters
    ----------
    kind : str
        `NUMPY`, or how it takes vectors: ``columns``, ``rows``, ``a column, b row``.
    values : sequence of dict
        The names' values at each point, the given one first.
    sides : mapping of str to str, optional
        Of each vector, ``row`` or ``column``; none as NumPy has them.
    """

    def __init__(
        self, kind: str, values: list[dict[str, Array]], sides: Mapping[str, str] | None = None
    ) -> None:
        self.kind = kind
        self.values = values
        self._sides = sides
        self._usual = next(iter((sides or {}).values()), "row")

    def numpy(self, node: ast.expr) -> ast.expr | None:
        """Return the NumPy code of what an expression means; None where shapes do not fit."""
        if self._sides is None:
            return node
        try:
            return self._read(node).node
        except (_NoReadingError, FormulaError, LimitError, TypeError, KeyError):
            return None

    def at(self, node: ast.expr, place: int) -> Array | None:
        """Return the value at a point of NumPy code, None where it has none."""
        return value_at(node, self.values[place])

    def _read(self, node: ast.expr) -> _Part:
        match node:
            case ast.Name(id=name):
                value = self.values[0][name]
                side = self._sides.get(name, self._usual) if self._sides and value.ndim == 1 else None
                return _Part(node, value, side)
            case ast.BinOp(left=left, op=ast.MatMult(), right=right):
                return self._product(self._read(left), self._read(right))
            case ast.Attribute(value=inner, attr="T"):
                return self._transposed(self._read(inner))
            case ast.Call() if function_name(node) == "transpose":
                return self._transposed(self._read(node.args[0]))
            case ast.Call(args=[left, right]) if function_name(node) in _PRODUCTS:
                return self._product(self._read(left), self._read(right))
            case ast.Call(func=ast.Attribute(value=left), args=[right]) if (
                method_owner(node) is not None and function_name(node) in _PRODUCTS
            ):
                return self._product(self._read(left), self._read(right))
        return self._same(node)

    def _same(self, node: ast.expr) -> _Part:
        """Read what means the same on paper and in NumPy, once its operands are read."""
        found = {child: self._read(child) for child in operands(node)}
        rebuilt = with_operands(node, {child: part.node for child, part in found.items()})
        bound = {f"_{place}": part.value for place, part in enumerate(found.values())}
        names = {child: ast.Name(f"_{place}", ast.Load()) for place, child in enumerate(found)}
        value = evaluate_node(with_operands(node, names), {**self.values[0], **bound}, "")
        if np.ndim(value) != 1:
            return _Part(rebuilt, value, None)
        elementwise = not isinstance(node, ast.Call) or function_name(node) not in _COLLECTING
        sides = {part.side for part in found.values() if part.side} if elementwise else set()
        if len(sides) > 1:
            raise _NoReadingError
        return _Part(rebuilt, value, sides.pop() if sides else self._usual)

    @staticmethod
    def _transposed(part: _Part) -> _Part:
        if np.ndim(part.value) < 2:
            return _Part(part.node, part.value, part.side and _TURNED[part.side])
        return _Part(ast.Attribute(part.node, "T", ast.Load()), part.value.T, None)

    @staticmethod
    def _product(left: _Part, right: _Part) -> _Part:
        """Return a product of matrices, vectors being rows or columns and numbers 1×1."""
        rows, inner = _on_paper(left)
        other, columns = _on_paper(right)
        if inner != other:
            # v @ h of two columns stands in NumPy functions for vᵀh, and claims quote it.
            if left.side is None or left.side != right.side or np.shape(left.value) != np.shape(right.value):
                raise _NoReadingError
            return _made(ast.BinOp(left.node, ast.MatMult(), right.node), left, right, None)
        plain = left.side is None and right.side is None and np.ndim(left.value) == np.ndim(right.value) == 2
        if not plain and inner == 1:
            if rows == 1 or columns == 1:  # a number times the other
                scaled = right if rows == 1 else left
                side = scaled.side or (None if np.ndim(scaled.value) != 1 else "row")
                return _made(ast.BinOp(left.node, ast.Mult(), right.node), left, right, side)
            outer = ast.Call(ast.Name("outer", ast.Load()), [left.node, right.node], [])
            return _made(outer, left, right, None)
        side = "row" if left.side else "column" if right.side else None
        return _made(ast.BinOp(left.node, ast.MatMult(), right.node), left, right, side)


def _made(node: ast.expr, left: _Part, right: _Part, side: str | None) -> _Part:
    found = {left.node: ast.Name("_0", ast.Load()), right.node: ast.Name("_1", ast.Load())}
    if left.node is right.node:
        found = {left.node: ast.Name("_0", ast.Load())}
    value = evaluate_node(with_operands(node, found), {"_0": left.value, "_1": right.value}, "")
    return _Part(node, value, side if np.ndim(value) == 1 else None)


def _on_paper(part: _Part) -> tuple[int, int]:
    shape = np.shape(part.value)
    if len(shape) > 2:
        raise _NoReadingError
    if len(shape) == 1:
        return (1, shape[0]) if part.side == "row" else (shape[0], 1)
    return shape if len(shape) == 2 else (1, 1)


def operands(node: ast.expr) -> list[ast.expr]:
    """Return the parts of an expression that have values of their own."""
    match node:
        case ast.BinOp(left=left, right=right):
            return [left, right]
        case ast.Attribute(attr="shape" | "size" | "ndim") | ast.Subscript(value=ast.Attribute(attr="shape")):
            return []
        case ast.Attribute() if constant_name(node) is not None:
            return []
        case ast.UnaryOp(operand=one) | ast.Attribute(value=one) | ast.Subscript(value=one):
            return [one]
        case ast.Compare(left=left, comparators=[right]):
            return [left, right]
        case ast.Call():
            owner = method_owner(node)
            own = [] if owner is None else [owner]
            return own + [one for one in node.args if not _is_option(one)]
    return []


def _is_option(node: ast.expr) -> bool:
    options = (ast.Tuple, ast.List)
    return isinstance(node, options) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str | None)
    )


def with_operands(node: ast.expr, new: Mapping[ast.expr, ast.expr]) -> ast.expr:
    """Return an expression with other operands in the places of its own."""

    def of(one: ast.expr) -> ast.expr:
        return new.get(one, one)

    match node:
        case ast.BinOp():
            return ast.copy_location(ast.BinOp(of(node.left), node.op, of(node.right)), node)
        case ast.UnaryOp():
            return ast.UnaryOp(node.op, of(node.operand))
        case ast.Attribute():
            return ast.Attribute(of(node.value), node.attr, node.ctx)
        case ast.Subscript():
            return ast.Subscript(of(node.value), node.slice, node.ctx)
        case ast.Compare():
            return ast.Compare(of(node.left), node.ops, [of(node.comparators[0])])
        case ast.Call():
            function = node.func
            if method_owner(node) is not None and isinstance(function, ast.Attribute):
                function = ast.Attribute(of(function.value), function.attr, function.ctx)
            return ast.Call(function, [of(one) for one in node.args], node.keywords)
    return node


def value_at(node: ast.expr, values: Mapping[str, Any]) -> Array | None:
    """Return the value of NumPy code, None where it has none."""
    try:
        return np.asarray(evaluate_node(node, values, ""))
    except (FormulaError, LimitError, TypeError):
        return None


def written_out(formula: Formula) -> ast.expr | None:
    """Return a formula as one expression, its own assignments written out; None where that is too long."""
    known: dict[str, ast.expr] = {}
    sizes: dict[str, int] = {}
    for name, value in [*formula.assignments, ("", formula.result)]:
        sizes[name] = sum(1 for _ in ast.walk(value)) + sum(sizes.get(one, 0) for one in names_in(value))
        if sizes[name] > _MOST_NODES:
            return None
        known[name] = _Insert(dict(known)).visit(ast.parse(ast.unparse(value), mode="eval").body)
    return known[""]


class _Insert(ast.NodeTransformer):
    def __init__(self, known: Mapping[str, ast.expr]) -> None:
        self._known = known

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return self._known.get(node.id, node)


def readings(values: list[dict[str, Array]], node: ast.expr) -> Iterator[Reading]:
    """Yield NumPy's reading and then, where a claim has vectors with one axis, those of paper."""
    yield Reading(NUMPY, values)
    vectors = [name for name in dict.fromkeys(names_in(node)) if np.ndim(values[0].get(name, 0)) == 1]
    if not vectors:
        return
    for side in ("column", "row"):
        yield Reading(f"{side}s", values, dict.fromkeys(vectors, side))
    if 1 < len(vectors) <= _MOST_VECTORS:
        for sides in itertools.product(("column", "row"), repeat=len(vectors)):
            if len(set(sides)) == 2:
                named = ", ".join(f"{name} a {side}" for name, side in zip(vectors, sides, strict=True))
                yield Reading(named, values, dict(zip(vectors, sides, strict=True)))
