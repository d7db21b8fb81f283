"""Formulas given as text: parsed with a strict whitelist, so that no text is ever run as Python."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NoReturn

import numpy as np

from wengert.checks import nearest_name
from wengert.errors import FormulaError
from wengert.explain.formula.vocabulary import (
    ATTRIBUTES,
    BINARY,
    COMPARISONS,
    CONSTANTS,
    FUNCTIONS,
    KEYWORDS,
    METHODS,
    PREFIXES,
)

MAX_LENGTH = 4000
MAX_DEPTH = 60


@dataclass(frozen=True)
class Formula:
    """A formula that passed the whitelist.

    Attributes
    ----------
    text : str
    assignments : tuple of (str, expr)
        Named intermediate values, in order: ``b = a @ W; …``.
    result : expr
        Its value.
    """

    text: str
    assignments: tuple[tuple[str, ast.expr], ...]
    result: ast.expr

    @property
    def names(self) -> tuple[str, ...]:
        """The names that it reads and does not assign itself, in order of appearance."""
        assigned: set[str] = set()
        found: dict[str, None] = {}
        for name, value in [*self.assignments, ("", self.result)]:
            found |= dict.fromkeys(one for one in names_in(value) if one not in assigned)
            assigned.add(name)
        return tuple(found)

    def fail(self, message: str, node: ast.AST) -> NoReturn:
        """Raise an error that shows the place of a part of this formula."""
        fail(self.text, message, node)


def names_in(node: ast.expr) -> Iterator[str]:
    """Yield the names of values in an expression, in order of appearance."""
    if isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.Call):
        owner = method_owner(node)
        if owner is not None:
            yield from names_in(owner)
        for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
            yield from names_in(argument)
    elif constant_name(node) is None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                yield from names_in(child)


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the end of a message that suggests a known name."""
    near = nearest_name(name, known)
    return f"; did you mean {near!r}?" if near else ""


def parse(text: str) -> Formula:
    """Read a formula, or several assignments and a formula, separated by semicolons.

    Parameters
    ----------
    text : str
        Names, numbers, operators, comparisons, ``.T``, ``.shape``, slices, functions of the vocabulary.

    Raises
    ------
    FormulaError
        For all else, with a caret at the place.
    """
    text = text.strip()
    if not text:
        raise FormulaError("the formula is empty")
    if len(text) > MAX_LENGTH:
        raise FormulaError(f"the formula has {len(text)} characters; {MAX_LENGTH} are allowed")
    statements = _statements(text)
    assignments = []
    for statement in statements[:-1]:
        assignments.append(_assignment(text, statement))
    last = statements[-1]
    if isinstance(last, ast.Expr):
        result = last.value
        _check(text, result)
    else:
        name, value = _assignment(text, last)
        assignments.append((name, value))
        result = ast.copy_location(ast.Name(name, ast.Load()), value)
    return Formula(text, tuple(assignments), result)


def _statements(text: str) -> list[ast.stmt]:
    try:
        statements = ast.parse(text).body
    except SyntaxError as error:
        line, column = error.lineno or 1, (error.offset or 1) - 1
        raise FormulaError(f"the formula does not parse: {error.msg}\n{_caret(text, line, column)}") from None
    except (RecursionError, MemoryError, ValueError):
        raise FormulaError("the formula does not parse: it is nested too deeply, or holds a NUL") from None
    if not statements:
        raise FormulaError("the formula is empty")
    return statements


def _assignment(text: str, statement: ast.stmt) -> tuple[str, ast.expr]:
    target = statement.targets[0] if isinstance(statement, ast.Assign) else None
    if not (
        isinstance(statement, ast.Assign) and isinstance(target, ast.Name) and len(statement.targets) == 1
    ):
        fail(text, "a formula holds expressions and assignments such as b = a @ W only", statement)
    _check_name(text, target)
    _check(text, statement.value)
    return target.id, statement.value


def _caret(text: str, line: int, column: int) -> str:
    shown = text.splitlines()[line - 1] if text.splitlines()[line - 1 : line] else ""
    return f"  {shown}\n  {' ' * column}^"


def fail(text: str, message: str, node: ast.AST) -> NoReturn:
    """Raise an error with a caret under the part of the text that a node stands for."""
    line = getattr(node, "lineno", 1)
    lines = text.splitlines()
    before = lines[line - 1].encode()[: getattr(node, "col_offset", 0)] if line <= len(lines) else b""
    raise FormulaError(f"{message}\n{_caret(text, line, len(before.decode(errors='ignore')))}")


def _is_module(node: ast.expr) -> bool:
    """Whether an expression is np, or np.linalg."""
    match node:
        case ast.Name(id=name):
            return name in PREFIXES
        case ast.Attribute(value=ast.Name(id=name), attr="linalg"):
            return name in PREFIXES
    return False


def constant_name(node: ast.expr) -> str | None:
    """Return the name of a constant of NumPy's, None where an expression is none: pi for np.pi."""
    match node:
        case ast.Attribute(value=module, attr=name) if _is_module(module) and name in CONSTANTS:
            return name
    return None


def _check_name(text: str, node: ast.Name) -> None:
    if node.id.startswith("_") or node.id in PREFIXES:
        fail(text, f"{node.id!r} is not allowed as a name in a formula", node)


def _check(text: str, node: ast.expr, depth: int = 0) -> None:
    """Let only whitelisted syntax pass."""
    if depth > MAX_DEPTH:
        fail(text, f"the formula is nested more than {MAX_DEPTH} deep", node)
    parts: list[ast.expr]
    match node:
        case ast.Name():
            _check_name(text, node)
            parts = []
        case ast.Constant(value=value):
            if isinstance(value, bool) or not isinstance(value, int | float):
                fail(text, f"{value!r} is not a number", node)
            parts = []
        case ast.BinOp(left=left, op=op, right=right):
            if isinstance(op, ast.BitXor):
                fail(text, "^ is not a power in Python; write **", right)
            if type(op) not in BINARY:
                fail(text, f"the operator {type(op).__name__} is not allowed; there are + - * / ** @", right)
            parts = [left, right]
            for part in parts:
                if isinstance(part, ast.Attribute) and part.attr == "shape":
                    fail(text, "a shape is no number; take one of its extents, .shape[0]", part)
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() | ast.Invert(), operand=operand):
            parts = [operand]
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in COMPARISONS:
            parts = [left, right]
        case ast.Attribute() if constant_name(node) is not None:
            parts = []
        case ast.Attribute(value=value, attr=attribute):
            if attribute not in ATTRIBUTES:
                known = ", ".join(f".{name}" for name in ATTRIBUTES)
                fail(text, f"the attribute .{attribute} is not allowed; there are {known}", node)
            parts = [value]
        case ast.Subscript(value=value, slice=index):
            _check_index(text, index)
            parts = [value]
        case ast.Call():
            parts = _check_call(text, node)
        case _:
            fail(text, f"{_described(node)} is not allowed in a formula", node)
    for part in parts:
        _check(text, part, depth + 1)


def _described(node: ast.expr) -> str:
    known = {"Lambda": "lambda", "IfExp": "if … else", "ListComp": "a comprehension", "NamedExpr": ":=",
             "JoinedStr": "a string", "Compare": "this comparison", "BoolOp": "and/or"}  # fmt: skip
    return known.get(type(node).__name__, f"this ({type(node).__name__})")


def _check_call(text: str, node: ast.Call) -> list[ast.expr]:
    """Let only the functions of the vocabulary pass; returns the operands."""
    name = function_name(node)
    if name is None:
        fail(text, "only functions of the list can be called", node)
    arguments = node.args
    if name == "einsum" and arguments and isinstance(arguments[0], ast.Constant):
        arguments = arguments[1:]  # its subscripts
    parts = [part for argument in arguments for part in _items(argument)]
    owner = method_owner(node)
    if owner is not None:
        if name not in METHODS:
            known = ", ".join(METHODS)
            fail(text, f"the method .{name}() is not allowed; there are {known}", node)
        parts.insert(0, owner)
    elif name not in FUNCTIONS or not _stands_there(node.func):
        written = ast.unparse(node.func)
        known = nearest(name, FUNCTIONS) or f" ({', '.join(sorted(FUNCTIONS))})"
        fail(text, f"the function {written!r} is not on the list{known}", node)
    operands = getattr(FUNCTIONS.get(name), "nin", None)
    if operands is not None and len(parts) != operands:
        fail(text, f"{name} takes {operands} argument{'s' * (operands > 1)}, not {len(parts)}", node)
    for keyword in node.keywords:
        if keyword.arg not in KEYWORDS:
            fail(text, f"{name} has no option {keyword.arg!r} here", keyword.value)
        parts += _items(keyword.value)
    return parts


def _items(argument: ast.expr) -> list[ast.expr]:
    """Return the expressions in an argument: itself, or those of a tuple or list; an option has none."""
    match argument:
        case ast.Tuple(elts=elements) | ast.List(elts=elements):
            return [part for element in elements for part in _items(element)]
        case ast.Constant(value=None | True | False):
            return []
    return [argument]


def _stands_there(function: ast.expr) -> bool:
    """Whether a function that is called through np.linalg is one of it."""
    match function:
        case ast.Attribute(value=ast.Attribute(), attr=name):
            return hasattr(np.linalg, name)
    return True


def function_name(node: ast.Call) -> str | None:
    """Return the name of a called function or method, None where it is something else."""
    if isinstance(node.func, ast.Name):
        return node.func.id
    return node.func.attr if isinstance(node.func, ast.Attribute) else None


def method_owner(node: ast.Call) -> ast.expr | None:
    """Return x of a call of a method, x.sum(); None of np.sum(x)."""
    if isinstance(node.func, ast.Attribute) and not _is_module(node.func.value):
        return node.func.value
    return None


def _check_constant(text: str, node: ast.expr) -> None:
    """Let places and bounds of slices pass: whole numbers, None."""
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        value = ...
    if not (isinstance(value, int) or value is None):
        fail(text, "an index is a whole number or a slice", node)


def _check_index(text: str, index: ast.expr) -> None:
    for one in index.elts if isinstance(index, ast.Tuple) else [index]:
        if isinstance(one, ast.Slice):
            for bound in (one.lower, one.upper, one.step):
                if bound is not None:
                    _check_constant(text, bound)
        elif not (isinstance(one, ast.Constant) and one.value is ...):
            _check_constant(text, one)
