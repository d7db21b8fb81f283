"""One line of a program as a Python expression: templates filled in on syntax trees, numbers that are exact.

Working on trees puts parentheses exactly where Python needs them.
"""

from __future__ import annotations

import ast
import math
from typing import Any

import numpy as np

from wengert.ir.node import CONSTANT, Node
from wengert.ir.primitive import Kind

_WHOLE_BELOW = 1e6  # whole numbers up to here are written without a decimal point
_DEFAULT_DTYPES = {np.dtype(one).kind: np.dtype(one) for one in (float, int, bool, complex)}


def parsed(source: str) -> ast.expr:
    """Return the tree of an expression."""
    return ast.parse(source, mode="eval").body


class _Filling(ast.NodeTransformer):
    def __init__(self, operands: dict[str, ast.expr]) -> None:
        self.operands = operands

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.operands.get(node.id, node)


def own_template(node: Node) -> str:
    """Return the NumPy source that the primitive declares, for this node."""
    python = node.primitive.python
    if isinstance(python, str):
        return python
    return python(*[operand.type for operand in node.inputs], **dict(node.params))


def fill(template: str, operands: list[ast.expr]) -> ast.expr:
    """Return a template with the operands in their places."""
    places = [f"_operand{position}_" for position in range(len(operands))]
    tree = parsed(template.format(*places))
    filled: ast.expr = _Filling(dict(zip(places, operands, strict=True))).visit(tree)
    return _without_double_sign(filled)


def _without_double_sign(tree: ast.expr) -> ast.expr:
    """x + −y → x − y, and x − −y → x + y."""
    if isinstance(tree, ast.BinOp) and isinstance(tree.op, (ast.Add, ast.Sub)):
        right = tree.right
        if isinstance(right, ast.UnaryOp) and isinstance(right.op, ast.USub):
            other = ast.Sub() if isinstance(tree.op, ast.Add) else ast.Add()
            return ast.BinOp(tree.left, other, right.operand)
    return tree


def uniform_array(node: Node) -> ast.expr | None:
    """Return np.zeros, np.ones or np.full where a node repeats one number, None elsewhere."""
    value = node.inputs[0].value if node.is_view else None
    if value is None or value.size != 1:
        return None
    return _filled(node.type.shape, value.reshape(-1)[0])


def _filled(shape: tuple[int, ...], element: Any) -> ast.expr:
    extents = shape[0] if len(shape) == 1 else shape
    is_float = element.dtype.kind == "f"
    dtype = "" if element.dtype == np.float64 else f", dtype={_dtype_name(element.dtype)}"
    if is_float and element == 0 and not np.signbit(element):
        return parsed(f"np.zeros({extents}{dtype})")
    if is_float and element == 1:
        return parsed(f"np.ones({extents}{dtype})")
    number = ast.unparse(_number(element, decimal=True))
    default = element.dtype == _DEFAULT_DTYPES.get(element.dtype.kind)
    dtype = "" if default else f", dtype={_dtype_name(element.dtype)}"
    return parsed(f"np.full({extents}, {number}{dtype})")


def _dtype_name(dtype: np.dtype[Any]) -> str:
    return "bool" if dtype == np.bool_ else f"np.{dtype.name}"


def _number(element: Any, decimal: bool) -> ast.expr:
    """Return a NumPy scalar as the shortest Python number that has exactly its value in its dtype.

    Parameters
    ----------
    element : numpy scalar
    decimal : bool
        Keep the decimal point of whole floating numbers.
    """
    value = element.item()
    if isinstance(value, complex):
        written = repr(complex(float(str(element.real)), float(str(element.imag))))
        if np.isfinite(value) and repr(ast.literal_eval(written)) == written:
            return parsed(written)
        # A sum of the parts would lose the sign of a zero.
        parts = [ast.unparse(_number(part, decimal=True)) for part in (element.real, element.imag)]
        return parsed(f"complex({', '.join(parts)})")
    if isinstance(value, float):
        if math.isnan(value):
            return parsed("np.nan")
        if math.isinf(value):
            return parsed("np.inf" if value > 0 else "-np.inf")
        shortest = float(str(element))
        value = shortest if element.dtype.type(shortest) == element else value
        negative_zero = value == 0 and math.copysign(1, value) < 0
        if not decimal and value == int(value) and abs(value) < _WHOLE_BELOW and not negative_zero:
            value = int(value)
    # A negative number is an operation in Python's grammar, so that (-2) ** x gets its parentheses.
    return parsed(repr(value))


def bare_number(node: Node, place: int) -> ast.expr | None:
    """Return a scalar constant as a Python number where NumPy 2 then computes in the same dtypes, or None.

    Numbers alone keep their dtypes, since Python would compute them.
    """
    operand = node.inputs[place]
    if operand.type.ndim or operand.primitive is not CONSTANT:
        return None
    if all(other.primitive is CONSTANT for other in node.inputs):
        return None
    element = operand.param("value").array[()]
    if node.primitive.kind is Kind.INDEXING and place > 0:
        return _number(element, decimal=False)
    if node.primitive.kind is not Kind.ELEMENTWISE:
        return None
    for number in (int, float) if operand.type.is_float else (type(element.item()),):
        if _promoted(node, number)[place] == operand.type.dtype:
            return _number(element, decimal=number is float)
    return None


def _promoted(node: Node, number: type) -> tuple[np.dtype[Any], ...]:
    """Return the dtypes that a line computes in with its scalar constants written as Python numbers."""
    is_number = [one.primitive is CONSTANT and not one.type.ndim for one in node.inputs]
    given = zip(node.inputs, is_number, strict=True)
    return node.primitive.operand_dtypes([number if bare else one.type.dtype for one, bare in given])


def index_literal(node: Node) -> ast.expr:
    """Return a small array of indices as it stands between brackets: a list."""
    array = node.param("value").array
    return _counted(array) or elements_of(array)


def strong_literal(node: Node) -> ast.expr:
    """Return a constant together with its dtype."""
    array = node.param("value").array
    if array.ndim == 0:
        number = ast.unparse(_number(array[()], decimal=True))
        return parsed(f"np.{'bool_' if array.dtype == np.bool_ else array.dtype.name}({number})")
    if array.size == 0:
        return parsed(f"np.zeros({array.shape}, dtype={_dtype_name(array.dtype)})")
    counted = _counted(array)
    if counted is not None:
        return counted
    first = array.reshape(-1)[0]
    if array.size > 1 and array.tobytes() == first.tobytes() * array.size:
        return _filled(array.shape, first)
    elements = ast.unparse(elements_of(array))
    default = array.dtype == _DEFAULT_DTYPES.get(array.dtype.kind)
    return parsed(
        f"np.array({elements})" if default else f"np.array({elements}, dtype={_dtype_name(array.dtype)})"
    )


def _counted(array: np.ndarray[Any, Any]) -> ast.expr | None:
    """Return np.arange(n) where an index array counts from 0 along its first axis, None elsewhere."""
    n = array.size
    if array.dtype != np.int64 or n < 3 or array.shape[0] != n or (array.reshape(-1) != np.arange(n)).any():
        return None
    return parsed(f"np.arange({n})" + ("" if array.ndim == 1 else f"[:{', None' * (array.ndim - 1)}]"))


def elements_of(array: np.ndarray[Any, Any]) -> ast.expr:
    """Return nested lists of an array's elements."""
    if array.ndim == 0:
        return _number(array[()], decimal=True)
    return ast.List([elements_of(row) for row in array], ast.Load())
