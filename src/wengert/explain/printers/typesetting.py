"""What expressions in index notation look like; `matrix_typesetting` has those of matrices."""

from __future__ import annotations

import fractions

from wengert.explain.index.construction import multiply
from wengert.explain.index.cross_products import Permutation
from wengert.explain.index.expressions import (
    ONE,
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
    Last,
    Number,
    Omitted,
    Partial,
    Power,
    Product,
    Quotient,
    Relation,
    Running,
    Second,
    Softmax,
    Sum,
    Value,
    Verbatim,
)
from wengert.explain.index.indices import Index
from wengert.explain.index.notation import notation, written_out
from wengert.explain.loops.earlier import Begun
from wengert.explain.matrix.matrices import MatrixProduct
from wengert.explain.places.affine_places import Digit
from wengert.explain.places.related_places import Residue
from wengert.explain.printers import layout
from wengert.explain.printers.constants import constant
from wengert.explain.printers.digits import number_text, short
from wengert.explain.printers.layout import Layout, Row, Text, operator, parenthesised, row
from wengert.explain.printers.matrix_typesetting import second_derivative
from wengert.explain.printers.scripts import (
    begins_with_number,
    calculated,
    derivative,
    index_texts,
    raised,
)
from wengert.explain.printers.signs import called, needs_dot, negative, without_sign
from wengert.explain.printers.style import ATOM, PRODUCT, SUM, Style, layout_of

__all__ = ["Style"]


@layout_of.register
def _(expression: Number, style: Style) -> tuple[Layout, int]:
    value = expression.value
    known = constant(abs(value)) if isinstance(value, float) else None
    if known is not None:
        return (known if value > 0 else row(Text("−", "sign"), known)), PRODUCT
    whole = isinstance(value, fractions.Fraction) and value.denominator == 1
    shown = Text(number_text(value).replace("-", "−"), "number")
    return shown, ATOM if value >= 0 and whole else PRODUCT


@layout_of.register
def _(expression: ElementAt, style: Style) -> tuple[Layout, int]:
    return layout.Term(_indexed(style, expression), expression.symbol.name), ATOM


def _indexed(style: Style, element: Element | ElementAt, name: str = "") -> Layout:
    """Return a name, that of the tensor if no other is given, with the indices of an element."""
    if isinstance(element, Element):
        return style.element(element.symbol, element.positions, name)
    axes = zip(element.places, element.symbol.shape, strict=True)
    places = [calculated(place) for place, extent in axes if extent > 1]
    return style.lowered(element.symbol, ",".join(places), name)


@layout_of.register
def _(expression: Last, style: Style) -> tuple[Layout, int]:
    if not expression.before:
        return Text(expression.name), ATOM
    return row(Text(expression.name), operator("−"), Text(str(expression.before), "number")), SUM


@layout_of.register
def _(expression: Begun, style: Style) -> tuple[Layout, int]:
    symbol, before = expression.symbol, expression.before
    axis = before.param("axis")
    index = symbol.axes[axis]
    assert isinstance(index, Index), "a loop of one iteration is none"
    others = (*symbol.shape[:axis], *symbol.shape[axis + 1 :])
    places = [str(at) for at, extent in zip(expression.positions, others, strict=True) if extent > 1]
    places.insert(axis, f"{index.last}+1" if before.param("reverse") else "0")
    text = ("," if max(map(len, places)) > 1 else "").join(places)
    return layout.Term(style.lowered(symbol, text), symbol.name), ATOM


@layout_of.register
def _(expression: Delta, style: Style) -> tuple[Layout, int]:
    return layout.Script(Text("δ"), Text(f"{expression.left}{expression.right}", "indices")), ATOM


@layout_of.register
def _(expression: Permutation, style: Style) -> tuple[Layout, int]:
    places = (str(at) if isinstance(at, Index) else str(at + 1) for at in expression.places)
    return layout.Script(Text("ε"), Text("".join(places), "indices")), ATOM


@layout_of.register
def _(expression: Residue, style: Style) -> tuple[Layout, int]:
    running = style.show(expression.place)
    if expression.step == 2:
        said: tuple[Layout, ...] = (Text(" odd" if expression.remainder else " even", "words"),)
    else:
        remainder, step = (Text(str(one), "number") for one in (expression.remainder, expression.step))
        said = (operator("≡"), remainder, Text(" mod ", "words"), step)
    return layout.Fence("[", row(running, *said), "]"), ATOM


@layout_of.register
def _(expression: Digit, style: Style) -> tuple[Layout, int]:
    step, extent = (Text(str(one), "number") for one in (expression.step, expression.extent))
    place, one = style.show(expression.place), Text("1", "number")
    before = style.show(expression.place_before, PRODUCT)
    if expression.step > 1:
        place = layout.Fence("⌈", layout.Fraction(place, step, isinstance(expression.place, Add)), "⌉")
        before = parenthesised(row(place, operator("−"), one))
    if expression.is_first:
        return place, ATOM
    return row(before, Text(" mod ", "words"), extent, operator("+"), one), SUM


@layout_of.register
def _(expression: Running, style: Style) -> tuple[Layout, int]:
    return Text(str(expression.index)), ATOM


@layout_of.register
def _(expression: Add, style: Style) -> tuple[Layout, int]:
    return _terms(style, expression.terms), SUM


@layout_of.register
def _(expression: Product, style: Style) -> tuple[Layout, int]:
    return _factors(style, expression.factors), PRODUCT if not negative(expression) else SUM


@layout_of.register
def _(expression: Sum | Extreme, style: Style) -> tuple[Layout, int]:
    below = Text(",".join(map(str, expression.indices)), "indices")
    sign = expression.name if isinstance(expression, Extreme) else "Σ"
    return row(layout.Big(sign, below), style.show(expression.body, PRODUCT)), PRODUCT


@layout_of.register
def _(expression: Quotient, style: Style) -> tuple[Layout, int]:
    match expression.numerator:
        case Number(fractions.Fraction() as value) as number if value.denominator > 1:
            return style.shown(Product((number, Quotient(ONE, expression.denominator))))  # 1/(3 r)
    (top, above), (bottom, below) = style.shown(expression.numerator), style.shown(expression.denominator)
    return layout.Fraction(top, bottom, enclosed_top=above < PRODUCT, enclosed_bottom=below < ATOM), PRODUCT


@layout_of.register
def _(expression: Power, style: Style) -> tuple[Layout, int]:
    return raised(style.show(expression.base, ATOM), style.show(expression.exponent)), ATOM


@layout_of.register
def _(expression: Apply, style: Style) -> tuple[Layout, int]:
    formula = written_out(expression)
    if formula is not None:
        return style.shown(formula)
    return called(style, notation(expression.primitive).name, expression.operands)


@layout_of.register
def _(expression: Relation, style: Style) -> tuple[Layout, int]:
    relation = row(style.show(expression.left), operator(expression.sign), style.show(expression.right))
    return layout.Fence("[", relation, "]"), ATOM


@layout_of.register
def _(expression: Cases, style: Style) -> tuple[Layout, int]:
    inside = row(
        style.show(expression.value), Text(" if ", "words"), style.show(expression.condition),
        Text(", else ", "words"), style.show(expression.otherwise),
    )  # fmt: skip
    return layout.Fence("{", inside, "}"), ATOM


@layout_of.register
def _(expression: Softmax, style: Style) -> tuple[Layout, int]:
    element = expression.element
    whole = row(Text("softmax", "function"), parenthesised(style.name(element.symbol.name)))
    letters = "".join(index_texts(element.symbol, element.positions))
    return layout.Script(whole, Text(letters, "indices")), ATOM


@layout_of.register
def _(expression: Inverse, style: Style) -> tuple[Layout, int]:
    symbol, positions = expression.element.symbol, expression.element.positions
    inverse = parenthesised(layout.Script(style.name(symbol.name), above=Text("−1", "number")))
    return layout.Script(inverse, Text("".join(index_texts(symbol, positions)), "indices")), ATOM


@layout_of.register
def _(expression: Partial, style: Style) -> tuple[Layout, int]:
    own = style.adjoints.get(expression.by.symbol) if not expression.direct else None
    term = derivative(expression.of.symbol, expression.by.symbol)
    if own is not None:
        return layout.Term(_indexed(style, expression.by, own), term), ATOM
    top, bottom = _indexed(style, expression.of), _indexed(style, expression.by)
    whole = layout.Fraction(row(Text("∂"), top), row(Text("∂"), bottom))
    shown = layout.Script(whole, Text("direct", "words")) if expression.ambiguous else whole
    return layout.Term(shown, f"{term}, local" if expression.direct else term), ATOM


@layout_of.register
def _(expression: Second, style: Style) -> tuple[Layout, int]:
    return second_derivative(style, expression, style.show(expression.by), style.show(expression.other)), ATOM


@layout_of.register
def _(expression: Differential, style: Style) -> tuple[Layout, int]:
    bottom = row(Text("∂"), style.show(expression.by))
    body = parenthesised(style.show(expression.body))
    return row(layout.Fraction(Text("∂"), bottom), body), PRODUCT


@layout_of.register
def _(expression: Verbatim, style: Style) -> tuple[Layout, int]:
    return Text(expression.text, "words"), ATOM


@layout_of.register
def _(expression: Value, style: Style) -> tuple[Layout, int]:
    text = short(expression.value)
    return Text(text, "number"), SUM if expression.value < 0 or "e" in text else ATOM


@layout_of.register
def _(expression: Omitted, style: Style) -> tuple[Layout, int]:
    return Text("…", "number"), ATOM


def _terms(style: Style, terms: tuple[Expression, ...]) -> Layout:
    parts: list[Layout] = []
    for place, term in enumerate(terms):
        minus = negative(term)
        shown = style.show(without_sign(term) if minus else term, PRODUCT)
        minus &= bool(place) or shown != Text("0", "number")
        if minus:
            parts.append(operator("−") if place else Text("−", "sign"))
        elif place:
            parts.append(operator("+"))
        parts.append(shown)
    return Row(tuple(parts))


def _factors(style: Style, factors: tuple[Expression, ...]) -> Layout:
    parts: list[Layout] = []
    first = factors[0]
    if isinstance(first, Number) and first.value == -1:
        parts.append(Text("−", "sign"))
        factors = factors[1:]
    factors = _over_one_line(factors)
    previous: Expression | None = None
    for place, factor in enumerate(factors):
        last = place == len(factors) - 1
        # A product of matrices before another factor is a number, which parentheses say.
        loose = isinstance(factor, (Sum, Extreme, MatrixProduct)) and not last
        shown = parenthesised(style.show(factor)) if loose else style.show(factor, PRODUCT)
        if previous is not None:
            dot = needs_dot(previous, factor) or begins_with_number(shown)
            parts.append(operator("·") if dot else Text(" ", "space"))
        if isinstance(factor, Number) and isinstance(factor.value, fractions.Fraction) and place == 0:
            shown = _leading(factor.value)
        parts.append(shown)
        previous = factor
    return Row(tuple(parts))


def _leading(value: fractions.Fraction) -> Layout:
    """Return a number in front of a product; a fraction as such."""
    text = number_text(abs(value))
    sign = [Text("−", "sign")] if value < 0 else []
    if "/" not in text:
        return Row((*sign, Text(text, "number")))
    top, bottom = (Text(part, "number") for part in text.split("/"))
    return Row((*sign, layout.Fraction(top, bottom, enclosed_top=False)))


def _over_one_line(factors: tuple[Expression, ...]) -> tuple[Expression, ...]:
    """Write a number and the 1/x after it as one fraction: 2 · 1/x is 2/x, and 1/2 · 1/x is 1/(2 x)."""
    match factors:
        case (Number(fractions.Fraction() as value), Quotient(Number(one), below), *rest) if one == 1:
            above, under = (
                Number(fractions.Fraction(value.numerator)),
                Number(fractions.Fraction(value.denominator)),
            )
            return (Quotient(above, multiply(under, below)), *rest)
    return factors
