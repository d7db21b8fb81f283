"""The softmax in derivations: p for the e^z / Σ e^z that defines it, or softmax(z) where it has no name.

What holds of exponentials, logarithms and the like alone stands here: they are inverse, and their quotients
have names.
"""

from __future__ import annotations

from collections.abc import Callable

from wengert.explain.algebra.simplification import factors_of, simplified
from wengert.explain.index.construction import divide, multiply, negate, tidy
from wengert.explain.index.expressions import (
    Add,
    Apply,
    Element,
    Expression,
    Number,
    Quotient,
    Slot,
    Softmax,
    Sum,
    rebuild,
    walk,
)
from wengert.explain.index.indices import Index, Position
from wengert.explain.index.notation import notation, reduction_formula
from wengert.explain.index.substitution import substitute
from wengert.ir.node import Node
from wengert.ir.primitive import Kind, Primitive
from wengert.primitives.exponential import exp, exp_difference, log, sigmoid
from wengert.primitives.reductions import logsumexp
from wengert.primitives.trigonometric import cos, cosh, sin, sinh, tan, tanh

_RATIOS = {(sinh, cosh): tanh, (sin, cos): tan}


def is_exponential(node: Node) -> bool:
    """Whether a line is e^z."""
    return node.primitive is exp


def is_softmax_quotient(node: Node) -> bool:
    """Whether a line is an e^z beside the total of all, as in a softmax."""
    return node.primitive is exp_difference


def is_normaliser(node: Node) -> bool:
    """Whether a line is the logarithm of the total of all e^z."""
    return node.primitive is logsumexp


def takes_logarithm(primitive: Primitive) -> bool:
    """Whether a logarithm stands in what a primitive is written as."""
    if primitive.kind is Kind.REDUCTION:
        formula = reduction_formula(primitive)
    else:
        formula = notation(primitive).formula if primitive.kind is Kind.ELEMENTWISE else None
    parts = walk(formula) if formula is not None else ()
    return primitive is log or any(isinstance(part, Apply) and part.primitive is log for part in parts)


def as_softmax_quotient(expression: Expression) -> Expression:
    """Write e^x / S for exp(x − ln S): the same value, and what is taught."""
    match expression:
        case Apply(known, (above, Apply(inner, (whole,)))) if known is exp_difference and inner is log:
            return divide(Apply(exp, (above,)), whole)
    return expression


def rebuilt(expression: Expression, change: Callable[[Expression], Expression]) -> Expression:
    """Return the expression with `change` applied inside, numbers worked out."""
    return tidy(rebuild(expression, change))


def with_softmax(expression: Expression) -> Expression:
    """Write softmax(z) for each e^z / Σ e^z."""
    expression = rebuilt(expression, with_softmax)
    match expression:
        case Quotient(
            Apply(above, (Element() as element,)), Sum((index,), Apply(below, (Element() as inner,)))
        ):
            same = element.symbol is inner.symbol and above is below and above is exp
        case _:
            return expression
    axes = [axis for axis, at in enumerate(inner.positions) if at == index]
    if not same or len(axes) != 1:
        return expression
    (axis,) = axes
    elsewhere = [at for place, at in enumerate(element.positions) if place != axis]
    fits = elsewhere == [at for at in inner.positions if at != index]
    return Softmax(element, axis) if fits else expression


def _canonical(expression: Sum) -> Expression:
    """Return a sum with summation indices that do not depend on what they were called."""
    far = tuple(
        Index(index.letter, index.extent, 50 + place) for place, index in enumerate(expression.indices)
    )
    return Sum(far, substitute(expression.body, dict(zip(expression.indices, far, strict=True))))


def fold_softmax(result: Expression, definition: Expression, of: Element) -> Expression | None:
    """Write p for e^z / Σ e^z: what is taught of softmax, ∂p_k/∂z_l = p_k(δ_kl − p_l).

    Every e^z_l is p_l times the normaliser, which then cancels.
    """
    if not isinstance(definition, Quotient) or not isinstance(definition.denominator, Sum):
        return None
    above = definition.numerator
    if not isinstance(above, Apply) or above.primitive is not exp:
        return None
    (inside,) = above.operands
    normaliser = _canonical(definition.denominator)
    mark = Slot("normaliser")

    def marked(part: Expression) -> Expression:
        if isinstance(part, Sum) and _canonical(part) == normaliser:
            return mark
        if isinstance(part, Apply) and part.primitive is above.primitive:
            positions = _matching(inside, part.operands[0], of)
            if positions is not None:
                return multiply(Element(of.symbol, positions), mark)
        return rebuilt(part, marked)

    folded = simplified(marked(result))
    return None if any(part == mark for part in walk(folded)) else folded


def _matching(pattern: Expression, found: Expression, of: Element) -> tuple[Position, ...] | None:
    """Return the positions of `of` for which `pattern` reads as `found`."""
    names: dict[Index, Position] = {}
    for mine, theirs in zip(walk(pattern), walk(found), strict=False):
        if isinstance(mine, Element) and isinstance(theirs, Element) and mine.symbol is theirs.symbol:
            pairs = zip(mine.positions, theirs.positions, strict=True)
            names.update((one, other) for one, other in pairs if isinstance(one, Index))
    if substitute(pattern, names) != found:
        return None
    return tuple(names.get(at, at) if isinstance(at, Index) else at for at in of.positions)


def with_sigmoid(expression: Expression) -> Expression:
    """Write σ(x) for 1 / (1 + e⁻ˣ) and for eˣ / (1 + eˣ), whatever stands above the line beside it."""
    expression = rebuilt(expression, with_sigmoid)
    match expression:
        case Quotient(
            above,
            Add((Number(one), Apply(known, (inside,)) as below))
            | Add((Apply(known, (inside,)) as below, Number(one))),
        ) if one == 1 and known is exp:
            factors = factors_of(above)
            if below in factors:
                beside = list(factors)
                beside.remove(below)
                return multiply(*beside, Apply(sigmoid, (inside,)))
            return multiply(above, Apply(sigmoid, (negate(inside),)))
    return expression


def with_tangents(expression: Expression) -> Expression:
    """Write tanh(x) for sinh(x)/cosh(x), and tan(x) for sin(x)/cos(x)."""
    expression = rebuilt(expression, with_tangents)
    if not isinstance(expression, Quotient):
        return expression
    above, below = list(factors_of(expression.numerator)), list(factors_of(expression.denominator))
    for left in [one for one in above if isinstance(one, Apply)]:
        for right in [one for one in below if isinstance(one, Apply)]:
            known = _RATIOS.get((left.primitive, right.primitive))
            if known is not None and left.operands == right.operands:
                above[above.index(left)] = Apply(known, left.operands)
                below.remove(right)
                return divide(multiply(*above), multiply(*below))
    return expression
