"""Working out a parsed formula, on arrays or on tensors that are being recorded."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from wengert.errors import FormulaError
from wengert.explain.formula.parser import Formula, constant_name, fail, function_name, method_owner, nearest
from wengert.explain.formula.vocabulary import BARE_CONSTANTS, BINARY, COMPARISONS, CONSTANTS, FUNCTIONS
from wengert.explain.work_limits import spend


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
    with np.errstate(all="ignore"):
        return _value(node, values, text)


def _value(node: ast.expr, values: Mapping[str, Any], text: str) -> Any:
    match node:
        case ast.Name(id=name):
            if name not in values and name in BARE_CONSTANTS:
                return CONSTANTS[name]
            if name not in values:
                known = ", ".join(values)
                fail(text, f"unknown name {name!r}{nearest(name, values)} (there are: {known})", node)
            return values[name]
        case ast.Constant(value=value):
            return value
        case ast.BinOp(left=left, op=op, right=right):
            return _binary(node, _value(left, values, text), _value(right, values, text), text)
        case ast.UnaryOp(op=op, operand=operand):
            signed = _value(operand, values, text)
            if isinstance(op, ast.UAdd):
                return signed
            sign, compute = ("~", operator.invert) if isinstance(op, ast.Invert) else ("-", operator.neg)
            return _attempt(lambda: compute(signed), node, sign, (signed,), text)
        case ast.Compare(left=left, ops=[compare], comparators=[right]):
            sides = _value(left, values, text), _value(right, values, text)
            return _attempt(lambda: COMPARISONS[type(compare)](*sides), node, "", sides, text)
        case ast.Attribute() if (constant := constant_name(node)) is not None:
            return CONSTANTS[constant]
        case ast.Attribute(value=inner, attr=attribute):
            return _attribute(node, _value(inner, values, text), attribute, text)
        case ast.Subscript(value=inner, slice=index):
            value = _value(inner, values, text)
            return _attempt(lambda: value[_index(index)], node, "[ ]", (value,), text)
        case ast.Call():
            return _call(node, values, text)
        case (
            ast.Tuple(elts=elements) | ast.List(elts=elements)
        ):  # as an argument: shapes, arrays to be joined
            return tuple(_value(one, values, text) for one in elements)
    raise AssertionError(type(node).__name__)  # the whitelist lets nothing else pass


def _attribute(node: ast.expr, value: Any, name: str, text: str) -> Any:
    if isinstance(value, tuple):
        fail(text, f"a shape has no .{name}", node)
    if name != "T":
        return getattr(np, name)(value)
    if type(value) in (int, float):
        fail(text, "a number has no transpose", node)
    return value.T if np.ndim(value) else value


def _binary(node: ast.BinOp, left: Any, right: Any, text: str) -> Any:
    sign, compute = BINARY[type(node.op)]
    if isinstance(left, tuple) or isinstance(right, tuple):
        fail(text, "a shape is no number; take one of its extents, .shape[0]", node)
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
    arguments = [_value(one, values, text) for one in node.args]
    options = {str(one.arg): _value(one.value, values, text) for one in node.keywords}
    function = FUNCTIONS.get(name)
    expression = method_owner(node)
    if expression is not None:
        owner = _value(expression, values, text)
        if isinstance(owner, tuple):
            fail(text, f"a shape has no .{name}()", node)
        method = getattr(owner if hasattr(owner, name) else np.asarray(owner), name)
        return _attempt(lambda: method(*arguments, **options), node, name, (owner, *arguments), text)
    assert function is not None
    return _attempt(lambda: function(*arguments, **options), node, name, tuple(arguments), text)


def _attempt(compute: Callable[[], Any], node: ast.AST, sign: str, operands: Any, text: str) -> Any:
    """Compute, and say where shapes do not fit; what would be too much is refused before."""
    spend(sign, operands)
    try:
        return compute()
    except (ValueError, TypeError, IndexError, ArithmeticError, MemoryError) as error:
        shapes = [shape for one in operands for shape in _shapes(one)]
        if len(shapes) == 2 and isinstance(error, ValueError) and (any(shapes) or sign == "@"):
            left, right = map(shape_text, shapes)
            alone = sign == "@" and () in shapes
            hint = "; @ is for arrays, and a name without a shape is a number" if alone else ""
            fail(text, f"the shapes do not fit: {left} {sign} {right}{hint}", _operator(node, sign, text))
        message = "the number is too large" if isinstance(error, OverflowError) else str(error)
        fail(text, message.partition("\n")[0], _operator(node, sign, text))


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


def _shapes(operand: Any) -> list[tuple[int, ...]]:
    """Return the shape of an operand; of several that are to be joined, each."""
    return [np.shape(one) for one in (operand if isinstance(operand, (list, tuple)) else (operand,))]
