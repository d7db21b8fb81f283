"""Expressions in index notation: numbers, elements of tensors, sums, Kronecker deltas, functions.

An expression is an immutable tree. Every kind of it can be evaluated with NumPy (`evaluation`), which is how
each displayed line is checked, and laid out for the printers (`typesetting`).
"""

from __future__ import annotations

import fractions
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING

from wengert.explain.index.indices import Index, Position, fresh

if TYPE_CHECKING:
    from wengert.ir.node import Node
    from wengert.ir.primitive import Primitive


@dataclass(frozen=True, eq=False, slots=True)
class Symbol:
    """A named tensor of the derivation.

    Attributes
    ----------
    name : str
        As the reader sees it.
    node : Node
        The line of the program that computes it.
    shape : tuple of int
    axes : tuple of Position
        The index over each axis; 0 where the extent is 1.
    automatic : bool
        Whether the name is ours: the reader gave none.
    symmetric : bool
        Whether it is a matrix that is its own transpose by the way it is computed, as XᵀX.
    """

    name: str
    node: Node
    shape: tuple[int, ...]
    axes: tuple[Position, ...]
    automatic: bool = False
    symmetric: bool = False

    @property
    def rank(self) -> int:
        """Number of axes that have an index."""
        return len(self.indices)

    @property
    def indices(self) -> tuple[Index, ...]:
        """The axes that have an index."""
        return tuple(axis for axis in self.axes if isinstance(axis, Index))

    def __repr__(self) -> str:
        return f"<symbol {self.name}>"


@dataclass(frozen=True, slots=True)
class Expression:
    """Base of all expressions."""


@dataclass(frozen=True, slots=True)
class Number(Expression):
    """A number; exact where it is a ratio of small integers."""

    value: fractions.Fraction | float


@dataclass(frozen=True, slots=True)
class Element(Expression):
    """An element of a tensor: w_ij."""

    symbol: Symbol
    positions: tuple[Position, ...]


@dataclass(frozen=True, slots=True)
class Delta(Expression):
    """Kronecker's δ: 1 where both indices are equal, 0 elsewhere."""

    left: Index
    right: Index


@dataclass(frozen=True, slots=True)
class Running(Expression):
    """The number of an index, counted from 1 as on paper, where it is calculated with."""

    index: Index


@dataclass(frozen=True, slots=True)
class Sum(Expression):
    """Σ over indices."""

    indices: tuple[Index, ...]
    body: Expression


@dataclass(frozen=True, slots=True)
class Extreme(Expression):
    """The largest (``max``) or smallest (``min``) element over indices, or the product (``Π``) of all."""

    name: str
    indices: tuple[Index, ...]
    body: Expression


@dataclass(frozen=True, slots=True)
class Add(Expression):
    """Sum of several terms."""

    terms: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Product(Expression):
    """Product of several factors; a number comes first."""

    factors: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Quotient(Expression):
    """Numerator over denominator."""

    numerator: Expression
    denominator: Expression


@dataclass(frozen=True, slots=True)
class Power(Expression):
    """Base to an exponent."""

    base: Expression
    exponent: Expression


@dataclass(frozen=True, slots=True)
class Relation(Expression):
    """Iverson's bracket: 1 where the relation holds, 0 elsewhere."""

    sign: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Cases(Expression):
    """One value where the condition holds, another elsewhere."""

    condition: Expression
    value: Expression
    otherwise: Expression


@dataclass(frozen=True, slots=True)
class Apply(Expression):
    """An elementwise primitive applied to operands; `notation` says how to write and differentiate it."""

    primitive: Primitive
    operands: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Slot(Expression):
    """A place in a template that another expression is put into."""

    name: str


@dataclass(frozen=True, slots=True)
class Softmax(Expression):
    """An element of softmax(z): e^z over the sum of such along an axis of z."""

    element: Element
    axis: int


@dataclass(frozen=True, slots=True)
class Inverse(Expression):
    """An element of A⁻¹, at the positions that `element` has in A."""

    element: Element


@dataclass(frozen=True, slots=True)
class Value(Expression):
    """What a name is worth at the given point, put in its place; rounded where it is shown."""

    value: float


@dataclass(frozen=True, slots=True)
class Omitted(Expression):
    """The terms in the middle of a long sum, left out."""


@dataclass(frozen=True, slots=True)
class Partial(Expression):
    """∂u/∂x, not yet worked out.

    Attributes
    ----------
    of, by : Element
    direct : bool
        Only through the definition of `of`, in which `by` stands; otherwise through all paths.
    ambiguous : bool
        `by` also reaches `of` on other paths, so that the direct part must be marked as such.
    """

    of: Element
    by: Element
    direct: bool
    ambiguous: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Second(Expression):
    """∂²L/∂x∂y through all paths, not yet worked out; x and y are arguments."""

    of: Element
    by: Element
    other: Element


@dataclass(frozen=True, slots=True)
class Differential(Expression):
    """∂/∂x of an expression, not yet worked out."""

    by: Element
    body: Expression


@dataclass(frozen=True, slots=True)
class Verbatim(Expression):
    """A line of the program that has no formula in index notation, written as its NumPy source."""

    text: str
    symbol: Symbol
    positions: tuple[Position, ...]


ZERO = Number(fractions.Fraction(0))
ONE = Number(fractions.Fraction(1))
TWO = Number(fractions.Fraction(2))
MINUS_ONE = Number(fractions.Fraction(-1))


def number(value: float) -> Number:
    """Return a number, exact where `value` is a ratio of small integers."""
    if value == value and abs(value) < 1e15:
        exact = fractions.Fraction(value).limit_denominator(10000)
        if float(exact) == value:
            return Number(exact)
    return Number(float(value))


def children(expression: Expression) -> Iterator[Expression]:
    """Yield the expressions directly inside, in reading order."""
    for place in fields(expression):
        value = getattr(expression, place.name)
        if isinstance(value, Expression):
            yield value
        elif isinstance(value, tuple):
            yield from (part for part in value if isinstance(part, Expression))


def rebuild(expression: Expression, change: Callable[[Expression], Expression]) -> Expression:
    """Return `expression` with `change` applied to the expressions directly inside it."""
    changed = {}
    for place in fields(expression):
        value = getattr(expression, place.name)
        if isinstance(value, Expression):
            new: object = change(value)
        elif isinstance(value, tuple) and any(isinstance(part, Expression) for part in value):
            new = tuple(change(part) if isinstance(part, Expression) else part for part in value)
        else:
            continue
        if new != value:
            changed[place.name] = new
    return replace(expression, **changed) if changed else expression


def walk(expression: Expression) -> Iterator[Expression]:
    """Yield `expression` and everything inside it."""
    yield expression
    for part in children(expression):
        yield from walk(part)


def free_indices(expression: Expression) -> tuple[Index, ...]:
    """Return the indices that are not summed over, in the order in which they appear."""
    found: dict[Index, None] = {}
    if isinstance(expression, (Element, Verbatim)):
        found.update(dict.fromkeys(at for at in expression.positions if isinstance(at, Index)))
    elif isinstance(expression, Delta):
        found.update(dict.fromkeys((expression.left, expression.right)))
    elif isinstance(expression, Running):
        found[expression.index] = None
    else:
        for part in children(expression):
            found.update(dict.fromkeys(free_indices(part)))
    if isinstance(expression, (Sum, Extreme)):
        for index in expression.indices:
            found.pop(index, None)
    for index, _ in getattr(expression, "fixed", ()):
        found.pop(index, None)
    over = getattr(expression, "over", None)
    return (over, *found) if isinstance(over, Index) else tuple(found)


def substitute(expression: Expression, new: Mapping[Index, Position]) -> Expression:
    """Put other indices in place of free ones; a summation index in the way is renamed."""
    if not new:
        return expression
    if isinstance(expression, (Element, Verbatim)):
        positions = tuple(new.get(at, at) if isinstance(at, Index) else at for at in expression.positions)
        return replace(expression, positions=positions)
    if isinstance(expression, Delta):
        left, right = new.get(expression.left, expression.left), new.get(expression.right, expression.right)
        if left == right:
            return ONE
        assert isinstance(left, Index)
        assert isinstance(right, Index)
        return Delta(left, right)
    if isinstance(expression, Running):
        at = new.get(expression.index, expression.index)
        return Running(at) if isinstance(at, Index) else number(at + 1)
    if isinstance(expression, Relation) and expression.sign == "=":
        sides = substitute(expression.left, new), substitute(expression.right, new)
        if all(isinstance(side, Number) for side in sides):
            return ONE if sides[0] == sides[1] else ZERO
        return Relation("=", *sides)
    if isinstance(expression, (Sum, Extreme)):
        inner = {old: index for old, index in new.items() if old not in expression.indices}
        expression = renamed_apart(expression, inner.values())
        return replace(expression, body=substitute(expression.body, inner))
    return rebuild(expression, lambda part: substitute(part, new))


def renamed_apart(expression: Sum | Extreme, used: Iterable[Position]) -> Sum | Extreme:
    """Return the same sum over indices that are not in `used`, nor captured from those free in it."""
    used = set(used)
    if not used.intersection(expression.indices):
        return expression
    taken = used.union(free_indices(expression), expression.indices)
    names: dict[Index, Index] = {}
    for index in expression.indices:
        if index in used:
            names[index] = fresh(index, taken)
            taken.add(names[index])
    indices: tuple[Index, ...] = tuple(names.get(index, index) for index in expression.indices)
    return replace(expression, indices=indices, body=substitute(expression.body, names))


def apart(expression: Expression, scope: Iterable[Position] = ()) -> Expression:
    """Return the same expression with no letter in two roles.

    A summation index differs from all that are free in the expression or in `scope`, and from those of the
    sums around it: ``x_i + Σ_i y_i`` becomes ``x_i + Σ_i′ y_i′``. It has as few primes as that allows.
    """
    return _apart(expression, {*scope, *free_indices(expression)})


def _apart(expression: Expression, scope: set[Position]) -> Expression:
    if isinstance(expression, (Sum, Extreme)):
        scope = scope.union(free_indices(expression))
        names: dict[Index, Position] = {}
        for index in expression.indices:
            names[index] = fresh(replace(index, primes=0), scope)
            scope.add(names[index])
        indices = tuple(one for one in names.values() if isinstance(one, Index))
        changed = {old: new for old, new in names.items() if old != new}
        expression = replace(expression, indices=indices, body=substitute(expression.body, changed))
    return rebuild(expression, lambda part: _apart(part, scope))


def insert(expression: Expression, old: Symbol, value: Callable[[Element], Expression]) -> Expression:
    """Replace each element of the tensor `old` by ``value(element)``."""
    if isinstance(expression, Element):
        return value(expression) if expression.symbol is old else expression
    if isinstance(expression, (Partial, Differential)):
        return expression
    return rebuild(expression, lambda part: insert(part, old, value))


def size(expression: Expression) -> int:
    """Return how many parts an expression has, as a measure of how long it is to read."""
    return sum(1 for _ in walk(expression))
