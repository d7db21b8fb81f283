"""Expressions in index notation: numbers, elements of tensors, sums, Kronecker deltas, functions.

An expression is an immutable tree. What is done to it goes by its class: each of these operations is a
function of single dispatch, with which a class registers its rule, in its own file or beside the function.

- `index_values.value_of`, or `elementwise.computed`: its value, by which each displayed line is checked;
- `matrix_values.matrix_of` and `conversion_rules.as_matrix`: the same among matrices;
- `differentiation.differentiated`: its derivative by an element;
- `style.layout_of`: what it looks like, for all printers;
- `construction.tidy`: how it is simplified when a part of it has changed.

Free indices, substitution, comparison and traversal read the fields of the class, so they need no rule.
"""

from __future__ import annotations

import fractions
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

from wengert.explain.index.indices import Index, Position
from wengert.explain.memoisation import Memoised, memoised

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
    triangle : str
        ``lower`` or ``upper`` where it is 0 on the other side of the diagonal; ``weights``: 1 below it and ½
        on it; ``below``: 1 below it and 0 on it; empty for any other.
    """

    name: str
    node: Node
    shape: tuple[int, ...]
    axes: tuple[Position, ...]
    automatic: bool = False
    symmetric: bool = False
    triangle: str = ""

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
class Expression(Memoised):
    """Base of all expressions.

    Attributes
    ----------
    has_one_value : bool
        Whether a reader puts one number in place of the whole, as of an element whose indices are numbers.
    """

    has_one_value: ClassVar[bool] = False

    def bound(self) -> tuple[Index, ...]:
        """Return the indices that mean nothing outside."""
        return ()


@dataclass(frozen=True, slots=True)
class Number(Expression):
    """A number; exact where it is a ratio of small integers."""

    value: fractions.Fraction | float


@dataclass(frozen=True, slots=True)
class Last(Number):
    """The number of iterations of a loop, or one that is less by a few: T, T − 1.

    Attributes
    ----------
    name : str
        T.
    before : int
        By how much it is less.
    """

    name: str
    before: int = 0


@dataclass(frozen=True, slots=True)
class Element(Expression):
    """An element of a tensor: w_ij."""

    has_one_value: ClassVar[bool] = True
    symbol: Symbol
    positions: tuple[Position, ...]


@dataclass(frozen=True, slots=True)
class ElementAt(Expression):
    """An element at places that are calculated: x_{i+1}, y_{5−i}, z_{2i,j}, c_{3(i−1)+j}.

    Where a place is none of the tensor (x_0), another element stands for it, times a relation that is 0.

    Attributes
    ----------
    symbol : Symbol
    places : tuple of Expression
        Of each axis, counted from 1; see `affine_places`.
    """

    symbol: Symbol
    places: tuple[Expression, ...]

    @property
    def positions(self) -> tuple[Position, ...]:
        """Of each axis the (first) index that its place is calculated from, or the place."""
        found = ((place, free_indices(place)) for place in self.places)
        return tuple(int(place.value) - 1 if isinstance(place, Number) else at[0] for place, at in found)


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
class Reduction(Expression):
    """Base of what runs over indices of its own, such as Σ."""

    indices: tuple[Index, ...]
    body: Expression

    def bound(self) -> tuple[Index, ...]:
        """Return the indices that it runs over."""
        return self.indices


@dataclass(frozen=True, slots=True)
class Sum(Reduction):
    """Σ over indices."""


@dataclass(frozen=True, slots=True)
class Extreme(Reduction):
    """The largest (``max``) or smallest (``min``) element over indices, or the product (``Π``) of all."""

    name: str


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

    has_one_value: ClassVar[bool] = True
    element: Element
    axis: int


@dataclass(frozen=True, slots=True)
class Inverse(Expression):
    """An element of A⁻¹, at the positions that `element` has in A."""

    has_one_value: ClassVar[bool] = True
    element: Element


@dataclass(frozen=True, slots=True)
class Value(Expression):
    """The value of a name at the given point, in its place; rounded where it is shown."""

    value: float


@dataclass(frozen=True, slots=True)
class Omitted(Expression):
    """The terms in the middle of a long sum, left out."""


@dataclass(frozen=True, slots=True)
class Partial(Expression):
    """∂u/∂x, not yet worked out.

    Attributes
    ----------
    of, by : Element or ElementAt
    direct : bool
        Only through the definition of `of`, in which `by` stands; otherwise through all paths.
    ambiguous : bool
        `by` also reaches `of` on other paths, so that the direct part must be marked as such.
    """

    has_one_value: ClassVar[bool] = True
    of: Element | ElementAt
    by: Element | ElementAt
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

    has_one_value: ClassVar[bool] = True
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


def field_names(kind: type[Expression]) -> tuple[str, ...]:
    """Return the names of the fields of a class, in reading order."""
    return kind.__match_args__  # `fields` makes a list anew each time


@memoised
def children(expression: Expression) -> tuple[Expression, ...]:
    """Return the expressions directly inside, in reading order."""
    values = [getattr(expression, name) for name in field_names(type(expression))]
    parts = (part for value in values for part in (value if isinstance(value, tuple) else (value,)))
    return tuple(part for part in parts if isinstance(part, Expression))


def rebuild(expression: Expression, change: Callable[[Expression], Expression]) -> Expression:
    """Return `expression` with `change` applied to the expressions directly inside it."""
    if not children(expression):
        return expression
    changed: dict[str, object] = {}
    for name in field_names(type(expression)):
        value = getattr(expression, name)
        if isinstance(value, Expression):
            new: object = change(value)
        elif isinstance(value, tuple):
            new = tuple([change(part) if isinstance(part, Expression) else part for part in value])
        else:
            continue
        if new != value:
            changed[name] = new
    return replace(expression, **changed) if changed else expression


def walk(expression: Expression) -> Iterator[Expression]:
    """Yield `expression` and everything inside it."""
    pending = [expression]
    while pending:
        yield (one := pending.pop())
        pending.extend(reversed(children(one)))


def named_in(expression: Expression) -> Iterator[Symbol]:
    """Yield the tensor of each element that stands in an expression."""
    return (part.symbol for part in walk(expression) if isinstance(part, (Element, ElementAt)))


@memoised
def free_indices(expression: Expression) -> tuple[Index, ...]:
    """Return the indices that are not summed over, in the order in which they appear."""
    found: dict[Index, None] = {}
    for name in field_names(type(expression)):
        value = getattr(expression, name)
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, Index):
                found[part] = None
            elif isinstance(part, Expression):
                found.update(dict.fromkeys(free_indices(part)))
    bound = expression.bound()
    return tuple(index for index in found if index not in bound)
