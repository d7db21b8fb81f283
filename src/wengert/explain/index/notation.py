"""How primitives and their derivatives are written, read from what they declare in Python.

A declared formula serves for evaluation as well as for display, and an undeclared derivative is what the
rule of the primitive computes, so a wrong one cannot hide: every line made of it is compared with the engine.
"""

from __future__ import annotations

import ast
import fractions
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from wengert.errors import DerivationError
from wengert.explain.index.construction import add, divide, is_number, multiply, negate, power, tidy
from wengert.explain.index.expressions import (
    ZERO,
    Apply,
    Cases,
    Expression,
    Extreme,
    Number,
    Power,
    Product,
    Relation,
    Slot,
    Sum,
    number,
    rebuild,
    walk,
)
from wengert.ir.node import CONSTANT, Node
from wengert.ir.primitive import REGISTRY, Kind, NotDifferentiable, Primitive
from wengert.primitives.comparison import logical_not
from wengert.trace.tensor import as_tensor
from wengert.trace.tracing import abstract, trace

_HALF = fractions.Fraction(1, 2)
OPERANDS = ("x", "y", "z", "u", "v", "w")
_ARITHMETIC: dict[type[ast.operator], Callable[[Expression, Expression], Expression]] = {
    ast.Add: add, ast.Sub: lambda left, right: add(left, negate(right)), ast.Mult: multiply,
    ast.Div: divide, ast.Pow: power,
}  # fmt: skip
_SIGNS: dict[type[ast.AST], str] = {
    ast.Lt: "<", ast.Gt: ">", ast.Eq: "=", ast.LtE: "≤", ast.GtE: "≥", ast.NotEq: "≠",
    ast.BitAnd: "∧", ast.BitOr: "∨", ast.BitXor: "⊕",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Notation:
    """How the value of a primitive is written.

    Attributes
    ----------
    name : str
        Of the function on paper: ln, σ.
    formula : Expression or None
        In place of ``name(x, y)``, with a `Slot` for each operand.
    """

    name: str
    formula: Expression | None


@lru_cache(maxsize=1024)
def notation(primitive: Primitive) -> Notation:
    """Return how an elementwise primitive is written."""
    source = primitive.formula or (primitive.python if isinstance(primitive.python, str) else "")
    node = _parsed(source.format(*OPERANDS)) if source else None
    match node:
        case None:
            return Notation(primitive.name, None)
        case ast.UnaryOp(op=ast.Not()):
            return Notation("not", None)
        case ast.Call() if not primitive.formula:
            return Notation(primitive.name, None)
        case ast.Call(func=ast.Name(id=name)) if name == primitive.name or not _is_function(name):
            return Notation(name, None)
    return Notation(primitive.name, _read(node))


def _parsed(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def _is_function(name: str) -> bool:
    return name in REGISTRY and REGISTRY[name].kind is Kind.ELEMENTWISE


def _is_reduction(name: str) -> bool:
    return name in REGISTRY and REGISTRY[name].kind is Kind.REDUCTION


@lru_cache(maxsize=1024)
def reduction_formula(primitive: Primitive) -> Expression | None:
    """Return a reduction as a template in `x`, under sums whose indices are left open, and the count `n`."""
    return _read(_parsed(primitive.formula)) if primitive.formula else None


def adds_up(primitive: Primitive) -> bool:
    """Whether a reduction is the plain sum of the elements."""
    return primitive.kind is Kind.REDUCTION and reduction_formula(primitive) == Sum((), Slot("x"))


def averages(primitive: Primitive) -> bool:
    """Whether a reduction divides by how many elements there are, as a mean does."""
    formula = reduction_formula(primitive) if primitive.kind is Kind.REDUCTION else None
    return formula is not None and Slot("n") in walk(formula)


def _read(node: ast.expr) -> Expression:
    """Return the expression that Python code in operands stands for."""
    match node:
        case ast.Name(id=name):
            return Slot(name)
        case ast.Constant(value=int() | float() as value):
            return number(value)
        case ast.Attribute(value=ast.Name(id="np"), attr="pi"):
            return Number(math.pi)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return negate(_read(operand))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return Apply(logical_not, (_read(operand),))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
            return _ARITHMETIC[type(op)](_read(left), _read(right))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _SIGNS:
            return Relation(_SIGNS[type(op)], _read(left), _read(right))
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _SIGNS:
            return Relation(_SIGNS[type(op)], _read(left), _read(right))
        case ast.IfExp(test=test, body=body, orelse=otherwise):
            return Cases(_read(test), _read(body), _read(otherwise))
        case ast.Call(func=ast.Name(id=name), args=arguments) if _is_function(name):
            return Apply(REGISTRY[name], tuple(map(_read, arguments)))
        case ast.Call(func=ast.Name(id=name), args=[argument]) if _is_reduction(name):
            inside = _read(argument)
            return Sum((), inside) if REGISTRY[name].linear else Extreme((), inside, name)
    raise DerivationError(f"the formula {ast.unparse(node)!r} of a primitive cannot be read")


def fill(template: Expression, values: dict[str, Expression]) -> Expression:
    """Put values into the slots of a template; what can be worked out then is."""
    if isinstance(template, Slot):
        return values[template.name]
    filled = tidy(rebuild(template, lambda part: fill(part, values)))
    match filled:
        case Apply(primitive, (Number(value),)) if is_root(primitive):
            return number(math.sqrt(value))
    return filled


def _slots(operands: Sequence[Expression]) -> dict[str, Expression]:
    return dict(zip(OPERANDS, operands, strict=False))


def written_out(application: Apply) -> Expression | None:
    """Return the formula that an application is written as; None where it is a function of its operands."""
    formula = notation(application.primitive).formula
    return None if formula is None else fill(formula, _slots(application.operands))


def applied(primitive: Primitive, operands: Sequence[Expression]) -> Expression:
    """Return a primitive of operands: sums, products, powers and cases as such."""
    application = Apply(primitive, tuple(operands))
    formula = written_out(application)
    if formula is None or not is_arithmetic(primitive):
        return application
    variable = isinstance(formula, Power) and not isinstance(formula.exponent, Number)
    return application if variable else formula


def is_arithmetic(primitive: Primitive) -> bool:
    """Whether a primitive is written with operators alone."""
    formula = notation(primitive).formula
    return formula is not None and not any(isinstance(part, Apply) for part in walk(formula))


@lru_cache(maxsize=1024)
def exponent(primitive: Primitive) -> fractions.Fraction | None:
    """Return e where a function of one operand is xᵉ, as a square root is; None elsewhere."""
    if primitive.kind is not Kind.ELEMENTWISE or len(primitive.domain) != 1 or callable(primitive.python):
        return None
    points = np.array([2.0, 3.0, 7.0])
    with np.errstate(all="ignore"):
        values = np.asarray(primitive.numpy(points), np.float64)
        found = np.log(values) / np.log(points)
    if not np.all(np.isfinite(found)):
        return None
    exact = fractions.Fraction(float(found[0])).limit_denominator(6)
    return exact if np.allclose(found, float(exact), rtol=0, atol=1e-15) else None


def is_root(primitive: Primitive) -> bool:
    """Whether a primitive is the square root."""
    return exponent(primitive) == _HALF


def has_derivatives(primitive: Primitive) -> bool:
    """Return whether derivatives by all operands of an elementwise primitive can be written down."""
    return _derivatives(primitive, (None,) * len(primitive.domain)) is not None


def local_derivative(application: Apply, place: int) -> Expression:
    """Return the derivative by one operand: as the primitive declares it, or as its rule computes it."""
    operands = application.operands
    constants = tuple(float(one.value) if isinstance(one, Number) else None for one in operands)
    templates = _derivatives(application.primitive, constants)
    assert templates is not None, "a line that has no derivative in writing has no formula"
    return fill(templates[place], {**_slots(operands), "out": application})


@lru_cache(maxsize=1024)
def _derivatives(primitive: Primitive, constants: tuple[float | None, ...]) -> tuple[Expression, ...] | None:
    """Return the derivative by each operand, those being constant that have a value; None where unwritten."""
    if isinstance(primitive.vjp, NotDifferentiable):
        return (ZERO,) * len(constants)
    if primitive.derivative:
        return tuple(_read(_parsed(text)) for text in primitive.derivative)
    rule = primitive.vjp
    found: list[bool] = []

    def pulled_back(out: Any, *variables: Any) -> list[Any]:
        operands = [
            variable if value is None else as_tensor(np.float64(value), out.recorder)
            for variable, value in zip(variables, constants, strict=True)
        ]
        slopes = rule(1.0, out, *operands)
        found.extend(slope is not None for slope in slopes)
        return [slope for slope in slopes if slope is not None]

    program = trace(pulled_back, *[abstract()] * (len(constants) + 1))
    names = ("out", *OPERANDS)
    written: dict[Node, Expression] = {
        node: Slot(name) for node, name in zip(program.inputs, names, strict=False)
    }
    for node in program.nodes:
        if node.primitive is CONSTANT:
            assert node.value is not None
            written[node] = number(float(node.value.reshape(())))
        elif node.inputs and node.primitive.kind is not Kind.ELEMENTWISE:
            return None
        elif node.inputs:
            written[node] = _gated(applied(node.primitive, [written[one] for one in node.inputs]))
    slopes = iter(program.outputs)
    return tuple(written[next(slopes)] if known else ZERO for known in found)


def _gated(expression: Expression) -> Expression:
    """Write Iverson brackets for cases in which nothing flows: [x > y] for 1 if x > y, else 0."""
    match expression:
        case Cases(condition, value, otherwise) if is_number(otherwise, 0):
            return multiply(condition, value)
        case Cases(condition, value, otherwise) if is_number(value, 0):
            return multiply(Apply(logical_not, (condition,)), otherwise)
        case Cases(
            Relation("<" | ">", left, right) as condition, value, Product((share, Relation("=", one, other)))
        ) if {one, other} == {left, right}:
            return add(multiply(condition, value), multiply(share, Relation("=", left, right)))
    return expression
