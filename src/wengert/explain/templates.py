r"""Reading the notation of a primitive: from ``1 - {out}^2`` to an expression that can be evaluated.

The same declaration that a primitive prints with is what derivations compute with, so a wrong one cannot
hide: every line made from it is compared with the engine.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from wengert.errors import DerivationError
from wengert.explain.arithmetic import add, divide, multiply, negate, power, tidy
from wengert.explain.expressions import (
    Apply,
    Call,
    Cases,
    Expression,
    Number,
    Relation,
    number,
    rebuild,
    walk,
)
from wengert.ir.primitive import REGISTRY, Primitive
from wengert.primitives import reference

_TOKEN = re.compile(
    r"\\begin\{cases\}|\\end\{cases\}|\\text\{[^}]*\}|\\operatorname\{(\w+)\}|\\[A-Za-z]+|\\.|@\w+|\d+|\S"
)
_IGNORED = {"\\,", "\\left", "\\right", "\\odot", "\\cdot", "\\ "}
_FUNCTIONS = {
    "\\" + name: name
    for name in (
        "sin",
        "cos",
        "tan",
        "arcsin",
        "arccos",
        "arctan",
        "sinh",
        "cosh",
        "tanh",
        "ln",
        "max",
        "min",
    )
} | {"\\sigma": "σ"}
_RELATIONS = {
    "<": "<", ">": ">", "=": "=", "\\leq": "≤", "\\geq": "≥", "\\neq": "≠",
    "\\land": "∧", "\\lor": "∨", "\\wedge": "∧", "\\vee": "∨", "\\oplus": "⊕",
}  # fmt: skip
_CLOSING = {")", "]", "}", "|", ",", "&", "\\\\", "+", "-", "\\end{cases}", *_RELATIONS}
# Functions whose names on paper are not those of their primitives.
_ON_PAPER: dict[str, Callable[..., Any]] = {
    "ln": np.log, "σ": reference.sigmoid, "max": np.maximum, "min": np.minimum, "const": np.positive,
    "¬": np.logical_not,
}  # fmt: skip


def function_called(name: str) -> Callable[..., Any]:
    """Return what computes a function on paper: the rule of the primitive that is called so."""
    return _ON_PAPER[name] if name in _ON_PAPER else REGISTRY[name].numpy


@dataclass(frozen=True, slots=True)
class Slot(Expression):
    """A place in a template that an operand, or the result itself, is put into."""

    name: str


class _Parser:
    """Recursive descent over the small part of LaTeX that notations are written in."""

    def __init__(self, text: str) -> None:
        tokens = [match.group(0) for match in _TOKEN.finditer(text)]
        self.text = text
        self.tokens = [token for token in tokens if token not in _IGNORED]
        self.place = 0

    def peek(self) -> str:
        return self.tokens[self.place] if self.place < len(self.tokens) else ""

    def take(self, expected: str = "") -> str:
        token = self.peek()
        if not token or (expected and token != expected):
            raise DerivationError(f"the notation {self.text!r} cannot be read at {token!r}")
        self.place += 1
        return token

    def whole(self) -> Expression:
        result = self.relation()
        if self.peek():
            raise DerivationError(f"the notation {self.text!r} cannot be read at {self.peek()!r}")
        return result

    def relation(self) -> Expression:
        if self.peek() in ("\\neg", "\\lnot"):
            self.take()
            return Call("¬", (self.relation(),))
        left = self.sum()
        found = []
        while self.peek() in _RELATIONS:
            sign = _RELATIONS[self.take()]
            right = self.sum()
            found.append(Relation(sign, left, right))
            left = right
        return multiply(*found) if found else left

    def sum(self) -> Expression:
        terms = []
        sign = self.take() if self.peek() in ("-", "+") else "+"
        while True:
            term = self.product()
            terms.append(negate(term) if sign == "-" else term)
            if self.peek() not in ("+", "-"):
                return add(*terms)
            sign = self.take()

    def product(self) -> Expression:
        factors = [self.factor()]
        while self.peek() and self.peek() not in _CLOSING:
            factors.append(self.factor())
        return multiply(*factors)

    def factor(self) -> Expression:
        if self.peek() == "e" and self.tokens[self.place + 1 : self.place + 2] == ["^"]:
            self.place += 2
            return Call("exp", (self.group(),))
        base = self.atom()
        if self.peek() != "^":
            return base
        self.take()
        return power(base, self.group() if self.peek() == "{" else self.atom())

    def group(self) -> Expression:
        self.take("{")
        inside = self.sum()
        self.take("}")
        return inside

    def arguments(self) -> tuple[Expression, ...]:
        if self.peek() != "(":
            return (self.factor(),)
        self.take("(")
        found = [self.sum()]
        while self.peek() == ",":
            self.take()
            found.append(self.sum())
        self.take(")")
        return tuple(found)

    def atom(self) -> Expression:
        token = self.take()
        if token.startswith("@"):
            return Slot(token[1:])
        if token.isdigit():
            return number(int(token))
        if token in _FUNCTIONS:
            return Call(_FUNCTIONS[token], self.arguments())
        if token.startswith("\\operatorname"):
            return Call(token[len("\\operatorname{") : -1], self.arguments())
        if token in ("\\frac", "\\tfrac"):
            return divide(self.group(), self.group())
        if token == "\\sqrt":
            return Call("sqrt", (self.group(),))
        if token == "\\pi":
            return Number(math.pi)
        return self.enclosed(token)

    def enclosed(self, token: str) -> Expression:
        if token == "\\begin{cases}":
            value = self.sum()
            self.take("&")
            condition = self.relation()
            self.take("\\\\")
            otherwise = self.sum()
            self.take("&")
            self.take()  # the word "otherwise"
            self.take("\\end{cases}")
            return Cases(condition, value, otherwise)
        closing = {"(": ")", "[": "]", "{": "}", "|": "|"}.get(token)
        if closing is None:
            raise DerivationError(f"the notation {self.text!r} cannot be read at {token!r}")
        inside = self.relation()
        self.take(closing)
        return Call("abs", (inside,)) if token == "|" else inside


@lru_cache(maxsize=1024)
def parse(template: str, operands: int) -> Expression:
    """Return the expression that a notation stands for, with a `Slot` for each of ``{0}``, …, ``{out}``.

    Raises
    ------
    DerivationError
        When it is written in LaTeX that this reader does not know.
    """
    slots = [f" @{place} " for place in range(operands)]
    return _Parser(template.format(*slots, out=" @out ")).whole()


def fill(template: Expression, values: Mapping[str, Expression]) -> Expression:
    """Put values into the slots of a parsed notation; what can be worked out then is."""
    if isinstance(template, Slot):
        return values[template.name]
    filled = rebuild(template, lambda part: fill(part, values))
    return tidy(filled)


def _slots(operands: Sequence[Expression]) -> dict[str, Expression]:
    return {str(place): operand for place, operand in enumerate(operands)}


@lru_cache(maxsize=1024)
def formula_of(primitive: Primitive) -> Expression:
    """Return the notation of an elementwise primitive; its name and the operands if that cannot be read."""
    count = len(primitive.domain)
    known = _readable(primitive.notation.latex, count)
    return known or Call(primitive.name, tuple(Slot(str(place)) for place in range(count)))


def _readable(template: str, operands: int) -> Expression | None:
    """Return a notation if it can be read and each function in it has a value."""
    try:
        expression = parse(template, operands)
    except (DerivationError, KeyError, IndexError):
        return None
    called = [part.name for part in walk(expression) if isinstance(part, Call)]
    known = (*_ON_PAPER, *REGISTRY)
    return expression if all(name in known for name in called) else None


def has_derivatives(primitive: Primitive) -> bool:
    """Return whether derivatives by all operands of an elementwise primitive can be read."""
    return all(_readable(one, len(primitive.domain)) for one in primitive.notation.derivative)


def written_out(application: Apply) -> Expression:
    """Return the application as its notation writes it: σ(z), ln(1 + e^z), …"""
    return fill(formula_of(application.primitive), _slots(application.operands))


def local_derivative(application: Apply, place: int) -> Expression:
    """Return the derivative by one operand as the primitive declares it."""
    operands = application.operands
    name = application.primitive.name
    if name in ("maximum", "minimum") and not any(isinstance(operand, Number) for operand in operands):
        # Two variables share the derivative at a tie; against a constant the constant takes it all.
        mine, other = operands[place], operands[1 - place]
        sign = ">" if name == "maximum" else "<"
        return add(Relation(sign, mine, other), divide(Relation("=", mine, other), number(2)))
    template = parse(application.primitive.notation.derivative[place], len(operands))
    return fill(template, {**_slots(operands), "out": application})
