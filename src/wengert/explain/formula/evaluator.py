"""Working out a parsed formula, on arrays or on tensors that are being recorded."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from wengert.errors import FormulaError
from wengert.explain.formula.parser import Formula, fail, function_name, is_method, nearest
from wengert.explain.formula.vocabulary import FUNCTIONS, WITH_AXIS
from wengert.explain.work_limits import spend

_BINARY: dict[type[ast.operator], tuple[str, Callable[[Any, Any], Any]]] = {
    ast.Add: ("+", operator.add),
    ast.Sub: ("-", operator.sub),
    ast.Mult: ("*", operator.mul),
    ast.Div: ("/", operator.truediv),
    ast.Pow: ("**", operator.pow),
    ast.MatMult: ("@", operator.matmul),
}
_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
    ast.Eq: operator.eq, ast.NotEq: operator.ne,
}  # fmt: skip


def shape_text(shape: tuple[int, ...]) -> str:
    """Return a shape as a reader writes it: 2×3."""
    return "×".join(map(str, shape)) if shape else "a number"


def evaluate(formula: Formula, values: Mapping[str, Any]) -> Any:
    """Return the value of a formula.

    Parameters
    ----------
    formula : Formula
    values : mapping of str to array or tensor

    Raises
    ------
    FormulaError
        For unknown names and for shapes that do not fit, with a caret at the place.
    LimitError
        When a value of it would be too large, or take too long; before it is computed.
    """
    known = dict(values)
    for name, value in formula.assignments:
        if name in values:
            raise FormulaError(f"the formula assigns to {name!r}, which is given")
        known[name] = evaluate_node(value, known, formula.text)
    return evaluate_node(formula.result, known, formula.text)


def evaluate_node(node: ast.expr, values: Mapping[str, Any], text: str) -> Any:
    """Return the value of a part of a formula that passed the whitelist; see `evaluate`."""
    match node:
        case ast.Name(id=name):
            if name not in values:
                known = ", ".join(values)
                fail(text, f"unknown name {name!r}{nearest(name, values)} (there are: {known})", node)
            return values[name]
        case ast.Constant(value=value):
            return value
        case ast.BinOp(left=left, op=op, right=right):
            return _binary(node, evaluate_node(left, values, text), evaluate_node(right, values, text), text)
        case ast.UnaryOp(op=op, operand=operand):
            signed = evaluate_node(operand, values, text)
            if isinstance(op, ast.UAdd):
                return signed
            return _attempt(lambda: operator.neg(signed), node, "-", (signed,), text)
        case ast.Compare(left=left, ops=[compare], comparators=[right]):
            sides = evaluate_node(left, values, text), evaluate_node(right, values, text)
            return _attempt(lambda: _COMPARISONS[type(compare)](*sides), node, "", sides, text)
        case ast.Attribute(value=inner, attr="size"):
            return int(np.size(evaluate_node(inner, values, text)))
        case ast.Subscript(value=ast.Attribute(value=inner, attr="shape"), slice=index):
            extents = np.shape(evaluate_node(inner, values, text))
            return _attempt(lambda: extents[ast.literal_eval(index)], node, "", (), text)
        case ast.Attribute(value=inner):
            value = evaluate_node(inner, values, text)
            if type(value) in (int, float):
                fail(text, "a number has no transpose", node)
            return value.T if np.ndim(value) else value
        case ast.Subscript(value=inner, slice=index):
            value = evaluate_node(inner, values, text)
            return _attempt(lambda: value[_index(index)], node, "[ ]", (value,), text)
        case ast.Call():
            return _call(node, values, text)
    raise AssertionError(type(node).__name__)  # the whitelist lets nothing else pass


def _binary(node: ast.BinOp, left: Any, right: Any, text: str) -> Any:
    sign, compute = _BINARY[type(node.op)]
    if type(left) in (int, float) and type(right) in (int, float):  # Python's own, not np.float64
        return _attempt(lambda: _number(compute, left, right), node, sign, (left, right), text)
    return _attempt(lambda: compute(left, right), node, sign, (left, right), text)


def _number(compute: Callable[[Any, Any], Any], left: float, right: float) -> float:
    """Compute with two numbers in floating point, so that no power of whole numbers takes for ever."""
    found = compute(float(left), float(right))
    if isinstance(found, complex):
        raise ValueError("a root of a negative number")
    whole = isinstance(left, int) and isinstance(right, int) and compute is not operator.truediv
    return int(found) if whole and found == int(found) and abs(found) < 2**53 else float(found)


def _call(node: ast.Call, values: Mapping[str, Any], text: str) -> Any:
    name = str(function_name(node))
    operands = [*node.args]
    function = FUNCTIONS[name]  # the methods are functions, too
    if is_method(node):
        operands.insert(0, node.func.value)  # type: ignore[attr-defined]
    options = {str(one.arg): ast.literal_eval(one.value) for one in node.keywords}
    if name in WITH_AXIS and len(operands) == 2:
        options["axis"] = ast.literal_eval(operands.pop())
    arguments = [evaluate_node(one, values, text) for one in operands]
    return _attempt(lambda: function(*arguments, **options), node, name, tuple(arguments), text)


def _attempt(compute: Callable[[], Any], node: ast.AST, sign: str, operands: Any, text: str) -> Any:
    """Compute, and say in whose hands the shapes did not fit; what would be too much is refused before."""
    spend(sign, [np.shape(one) for one in operands])
    try:
        with np.errstate(all="ignore"):
            return compute()
    except (ValueError, TypeError, IndexError, ArithmeticError, MemoryError) as error:
        shapes = [np.shape(one) for one in operands]
        if len(shapes) == 2 and isinstance(error, ValueError) and (any(shapes) or sign == "@"):
            left, right = map(shape_text, shapes)
            alone = sign == "@" and () in shapes
            hint = "; @ is for arrays, and a name without a shape is a number" if alone else ""
            fail(text, f"the shapes do not fit: {left} {sign} {right}{hint}", _operator(node, sign, text))
        told = "the number is too large" if isinstance(error, OverflowError) else str(error)
        fail(text, told.partition("\n")[0], _operator(node, sign, text))


def _operator(node: ast.AST, sign: str, text: str) -> ast.AST:
    """Return a node at the place of a binary operator's sign; the node itself where it is none."""
    if not isinstance(node, ast.BinOp) or node.left.end_lineno is None:
        return node
    lines = text.splitlines()[node.left.end_lineno - 1 :]
    place = lines[0].encode().find(sign.encode(), node.left.end_col_offset or 0) if lines else -1
    if place < 0:
        return node
    return ast.Name("", ast.Load(), lineno=node.left.end_lineno, col_offset=place)


def _index(index: ast.expr) -> Any:
    if isinstance(index, ast.Tuple):
        return tuple(_index(one) for one in index.elts)
    if isinstance(index, ast.Slice):
        bounds = (index.lower, index.upper, index.step)
        return slice(*(None if one is None else ast.literal_eval(one) for one in bounds))
    return ast.literal_eval(index)
