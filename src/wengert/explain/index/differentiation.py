"""Differentiating an expression in index notation by an element of a tensor; the rules used are named."""

from __future__ import annotations

from functools import singledispatch

from wengert.explain.index.construction import (
    add,
    divide,
    is_number,
    multiply,
    power,
    total,
)
from wengert.explain.index.expressions import (
    MINUS_ONE,
    ONE,
    TWO,
    ZERO,
    Add,
    Apply,
    Cases,
    Delta,
    Differential,
    Element,
    ElementAt,
    Expression,
    Extreme,
    Inverse,
    Number,
    Power,
    Product,
    Quotient,
    Relation,
    Running,
    Softmax,
    Sum,
    free_indices,
    named_in,
    rebuild,
)
from wengert.explain.index.notation import local_derivative
from wengert.explain.index.substitution import as_position, counted, renamed_apart, same_position
from wengert.explain.places.related_places import relates_places, same
from wengert.ir.primitive import NotDifferentiable
from wengert.primitives.arithmetic import pow as variable_power


class Rules:
    """The names of the rules that a differentiation used, in the order of their first use."""

    def __init__(self) -> None:
        self.names: dict[str, None] = {}

    def use(self, name: str) -> None:
        """Note a rule."""
        self.names.setdefault(name)

    def within(self, part: Expression, by: Element) -> Expression:
        """Return the derivative of a part of the expression."""
        return differentiate(part, by, self)

    def __str__(self) -> str:
        return ", ".join(self.names)


class OneRule(Rules):
    """Lets one rule be applied: the derivatives of the parts are left to the next line."""

    def within(self, part: Expression, by: Element) -> Expression:
        """Return ∂part/∂by, not worked out."""
        return Differential(by, part)


def depends(expression: Expression, element: Element) -> bool:
    """Return whether an element of the same tensor stands in the expression."""
    return any(symbol is element.symbol for symbol in named_in(expression))


def differentiate(expression: Expression, by: Element, rules: Rules) -> Expression:
    """Return ∂expression/∂by.

    Parameters
    ----------
    expression : Expression
    by : Element
        Its indices must not be among the summation indices of `expression`; sums in the way are renamed.
    rules : Rules
        Collects the names of the rules.

    Notes
    -----
    The element x_i differentiated by x_l is δ_il: 1 where it is the same element and 0 where it is another.
    """
    if not depends(expression, by):
        return ZERO
    return differentiated(expression, by, rules)


@singledispatch
def differentiated(expression: Expression, by: Element, rules: Rules) -> Expression:
    """Return ∂expression/∂by, by the rule of its class; the expression depends on the tensor of `by`."""
    raise NotImplementedError(
        f"no rule for {type(expression).__name__}: register one with {__name__}.differentiated"
    )


@differentiated.register
def _(expression: Element, by: Element, rules: Rules) -> Expression:
    return multiply(*map(same_position, expression.positions, by.positions))


@differentiated.register
def _(expression: ElementAt, by: Element, rules: Rules) -> Expression:
    found = []
    for place, wanted, extent in zip(expression.places, by.positions, by.symbol.shape, strict=True):
        position = as_position(place, extent)
        found.append(same(counted(wanted), place) if position is None else same_position(position, wanted))
    return multiply(*found)


@differentiated.register
def _(expression: Add, by: Element, rules: Rules) -> Expression:
    rules.use("sum rule")
    return add(*(rules.within(term, by) for term in expression.terms))


@differentiated.register
def _(expression: Product, by: Element, rules: Rules) -> Expression:
    factors = expression.factors
    moving = [place for place, factor in enumerate(factors) if depends(factor, by)]
    if len(moving) > 1:
        rules.use("product rule")
    elif len(factors) > 1:
        rules.use("constant factor")
    terms = [
        multiply(*factors[:place], rules.within(factors[place], by), *factors[place + 1 :])
        for place in moving
    ]
    return add(*terms)


@differentiated.register
def _(expression: Quotient, by: Element, rules: Rules) -> Expression:
    numerator, denominator = expression.numerator, expression.denominator
    above = rules.within(numerator, by)
    if not depends(denominator, by):
        rules.use("constant factor")
        return divide(above, denominator)
    rules.use("quotient rule")
    below = rules.within(denominator, by)
    second = divide(multiply(numerator, below), power(denominator, TWO))
    return add(divide(above, denominator), multiply(MINUS_ONE, second))


@differentiated.register
def _(expression: Power, by: Element, rules: Rules) -> Expression:
    base, exponent = expression.base, expression.exponent
    if not isinstance(exponent, Number):  # as in the derivative of x^y by x, y x^(y − 1)
        return rules.within(Apply(variable_power, (base, exponent)), by)
    rules.use("power rule")
    if not isinstance(base, Element):
        rules.use("chain rule")
    outer = multiply(exponent, power(base, add(exponent, MINUS_ONE)))
    return multiply(outer, rules.within(base, by))


@differentiated.register
def _(expression: Sum, by: Element, rules: Rules) -> Expression:
    rules.use("sum rule")
    apart = renamed_apart(expression, {*by.positions})
    return total(apart.indices, rules.within(apart.body, by))


@differentiated.register
def _(expression: Extreme, by: Element, rules: Rules) -> Expression:
    return (_of_all if expression.name == "Π" else _extreme)(expression, by, rules)


def _extreme(expression: Extreme, by: Element, rules: Rules) -> Expression:
    """The largest element moves with whichever attains it; several that do share its derivative evenly."""
    rules.use(f"{expression.name} moves with the element that attains it")
    apart = renamed_apart(expression, {*by.positions, *free_indices(expression)})
    counted = renamed_apart(apart, {*by.positions, *free_indices(expression), *apart.indices})
    attained = Relation("=", apart.body, expression)
    ties = total(counted.indices, Relation("=", counted.body, expression))
    slope = rules.within(apart.body, by)
    return total(apart.indices, multiply(divide(attained, ties), slope))


def _of_all(expression: Extreme, by: Element, rules: Rules) -> Expression:
    """The derivative of a product of many: each factor's, times all the others."""
    rules.use("product rule")
    apart = renamed_apart(expression, {*by.positions, *free_indices(expression)})
    others = renamed_apart(apart, {*by.positions, *free_indices(expression), *apart.indices})
    pairs = zip(others.indices, apart.indices, strict=True)
    same = multiply(*(Relation("=", Running(one), Running(other)) for one, other in pairs))
    rest = Extreme(others.indices, Cases(same, ONE, others.body), "Π")
    return total(apart.indices, multiply(rules.within(apart.body, by), rest))


@differentiated.register
def _(expression: Softmax, by: Element, rules: Rules) -> Expression:
    """∂p_i/∂z_k is p_i (δ_ik − p_k), within one row of z."""
    rules.use("derivative of softmax")
    element, axis = expression.element, expression.axis
    rows = [
        same_position(mine, wanted)
        for place, (mine, wanted) in enumerate(zip(element.positions, by.positions, strict=True))
        if place != axis
    ]
    same = same_position(element.positions[axis], by.positions[axis])
    inner = add(same, multiply(MINUS_ONE, Softmax(by, axis)))
    return multiply(expression, inner, *rows)


@differentiated.register
def _(expression: Inverse, by: Element, rules: Rules) -> Expression:
    rules.use("derivative of the inverse")
    (row, column), (above, across) = expression.element.positions, by.positions
    left, right = (Element(by.symbol, pair) for pair in ((row, above), (across, column)))
    return multiply(MINUS_ONE, Inverse(left), Inverse(right))


@differentiated.register
def _(expression: Relation, by: Element, rules: Rules) -> Expression:
    return ZERO


@differentiated.register
def _(expression: Cases, by: Element, rules: Rules) -> Expression:
    rules.use("each case for itself")
    value, otherwise = (rules.within(case, by) for case in (expression.value, expression.otherwise))
    return _cases(expression.condition, value, otherwise)


def _cases(condition: Expression, value: Expression, otherwise: Expression) -> Expression:
    """Return the derivative case by case; a δ that both cases share stands after them."""
    if is_number(value, 0) and is_number(otherwise, 0):
        return ZERO
    shared = _deltas(otherwise) if is_number(value, 0) else _deltas(value)
    if not is_number(otherwise, 0) and _deltas(otherwise) != shared:
        return Cases(condition, value, otherwise)
    return multiply(Cases(condition, _without(value, shared), _without(otherwise, shared)), *shared)


def _factors(expression: Expression) -> tuple[Expression, ...]:
    return expression.factors if isinstance(expression, Product) else (expression,)


def _deltas(expression: Expression) -> list[Expression]:
    """Return the δ, and relations between places, that all of an expression is multiplied by."""
    if isinstance(expression, Add):
        first, *others = map(_deltas, expression.terms)
        return [one for one in first if all(one in other for other in others)]
    return [one for one in _factors(expression) if isinstance(one, Delta) or relates_places(one)]


def _without(expression: Expression, deltas: list[Expression]) -> Expression:
    if isinstance(expression, Add):
        return add(*(_without(term, deltas) for term in expression.terms))
    return multiply(*(factor for factor in _factors(expression) if factor not in deltas))


@differentiated.register
def _(expression: Apply, by: Element, rules: Rules) -> Expression:
    primitive = expression.primitive
    if isinstance(primitive.vjp, NotDifferentiable):
        return ZERO
    terms = []
    for place, operand in enumerate(expression.operands):
        if depends(operand, by):
            slope = local_derivative(expression, place)
            terms.append(multiply(slope, rules.within(operand, by)))
    rules.use(f"derivative of {primitive.name}")
    if any(not isinstance(operand, (Element, Number)) for operand in expression.operands):
        rules.use("chain rule")
    return add(*terms)


def fold(expression: Expression, known: Expression, name: Element) -> Expression:
    """Write `name` wherever the expression that defines it stands: tanh(b_j) is c_j."""
    if expression == known:
        return name
    return rebuild(expression, lambda part: fold(part, known, name))
