"""Reading a line of a derivation as a person does: letter by letter, sums written out, element by element.

Letters are text here, so that one letter in two roles is found out, and nothing is computed for many elements
at once, as the package's own evaluation does it.
"""

import itertools
import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from scipy import special

from wengert.explain.engine import Point
from wengert.explain.index.elementwise import RELATIONS
from wengert.explain.index.expressions import (
    Add,
    Apply,
    Cases,
    Delta,
    Element,
    ElementAt,
    Expression,
    Extreme,
    Inverse,
    Number,
    Partial,
    Power,
    Product,
    Quotient,
    Relation,
    Running,
    Softmax,
    Sum,
    Symbol,
    Verbatim,
    children,
)
from wengert.explain.index.indices import Index
from wengert.explain.matrix.matrices import Gradient, Table
from wengert.explain.places.affine_places import Digit
from wengert.explain.places.related_places import Residue

Letters = dict[str, int]
OUTSIDE = 0.71


def letters_of(expression: Expression) -> set[str]:
    """Return the letters that stand in an expression outside of the sums over them."""
    found: set[str] = set()
    if isinstance(expression, (Element, Verbatim)):
        found |= {str(at) for at in expression.positions if isinstance(at, Index)}
    if isinstance(expression, Delta):
        found |= {str(expression.left), str(expression.right)}
    if isinstance(expression, Running):
        found.add(str(expression.index))
    for part in children(expression):
        found |= letters_of(part)
    if isinstance(expression, (Sum, Extreme)):
        found -= {str(index) for index in expression.indices}
    return found - _laid_out(expression)


def _laid_out(expression: Expression) -> set[str]:
    """Return the letters whose positions are the rows and columns of a table."""
    if not isinstance(expression, Table):
        return set()
    return {str(index) for index in (*expression.rows, *expression.columns, *dict(expression.fixed))}


def misread(expression: Expression, scope: Iterable[str]) -> str:
    """Return what is wrong with the letters of a right side whose left side has those of `scope`; else ''."""
    allowed = set(scope)
    for letter in letters_of(expression) - allowed:
        return f"the letter {letter} stands free on the right side only"
    return _captured(expression, allowed)


def _captured(expression: Expression, scope: set[str]) -> str:
    if isinstance(expression, (Sum, Extreme)):
        bound = [str(index) for index in expression.indices]
        if len(set(bound)) < len(bound) or scope.intersection(bound):
            return f"a sum over {','.join(bound)} stands where {sorted(scope)} have a meaning already"
        scope = scope.union(bound)
    scope = scope | _laid_out(expression)
    return next(filter(None, (_captured(part, scope) for part in children(expression))), "")


def adjoints_in(expression: Expression) -> set[Symbol]:
    """Return the values whose derivative is left to be looked up."""
    if isinstance(expression, Gradient):
        return {expression.by}
    if isinstance(expression, Partial):
        return {expression.by.symbol}
    return set().union(*map(adjoints_in, children(expression)))


def read(expression: Expression, point: Point, at: Letters) -> float:
    """Return the value of an expression where each free letter has the given position."""
    match expression:
        case Number(value):
            return float(value)
        case Element(symbol, positions) | Verbatim(_, symbol, positions):
            return float(point.values[symbol.node][tuple(_place(one, at) for one in positions)])
        case ElementAt(symbol, places_from_one):
            values = point.values[symbol.node]
            places = [int(read(one, point, at)) - 1 for one in places_from_one]
            inside = all(0 <= one < extent for one, extent in zip(places, values.shape, strict=True))
            # Outside of the tensor a person reads nothing, and the relation beside it is 0.
            return float(values[tuple(places)]) if inside else OUTSIDE
        case Running(index):
            return at[str(index)] + 1.0
        case Partial(_, by):
            assert not expression.direct
            if isinstance(by, ElementAt):
                places = [int(read(one, point, at)) - 1 for one in by.places]
            else:
                places = [_place(one, at) for one in by.positions]
            return float(point.adjoints[by.symbol.node][tuple(places)])
        case Digit(place, step, extent):
            return (read(place, point, at) - 1) // step % extent + 1
        case Residue(place, step, remainder):
            return float(read(place, point, at) % step == remainder)
        case Delta(left, right):
            return float(at[str(left)] == at[str(right)])
        case Sum(indices, body):
            return math.fsum(read(body, point, {**at, **more}) for more in _everywhere(indices))
        case Extreme(indices, body, name):
            combine = {"max": max, "min": min, "Π": math.prod}[name]
            return float(combine([read(body, point, {**at, **more}) for more in _everywhere(indices)]))
        case Softmax(element, axis):
            return _softmax(element, axis, point, at)
        case Inverse(element):
            inverse = np.linalg.inv(point.values[element.symbol.node])
            return float(inverse[tuple(_place(one, at) for one in element.positions)])
        case Cases(condition, value, otherwise):
            return read(value if read(condition, point, at) else otherwise, point, at)
        case Apply(primitive, operands):
            return float(primitive.numpy(*(np.float64(read(one, point, at)) for one in operands)))
        case Relation(sign, left, right):
            return float(RELATIONS[sign](read(left, point, at), read(right, point, at)))
    return _combined(expression, [read(part, point, at) for part in children(expression)])


def _combined(expression: Expression, values: list[float]) -> float:
    match expression:
        case Add():
            return math.fsum(values)
        case Product():
            return math.prod(values)
        case Quotient():
            return values[0] / values[1]
        case Power():
            return values[0] ** values[1]
    raise AssertionError(f"{type(expression).__name__} in a result")


def _place(position: Any, at: Letters) -> int:
    return at[str(position)] if isinstance(position, Index) else position


def _everywhere(indices: tuple[Index, ...]) -> Iterable[Letters]:
    for places in itertools.product(*(range(index.extent) for index in indices)):
        yield dict(zip(map(str, indices), places, strict=True))


def _softmax(element: Element, axis: int, point: Point, at: Letters) -> float:
    values = special.softmax(point.values[element.symbol.node], axis=axis)
    return float(values[tuple(_place(one, at) for one in element.positions)])
