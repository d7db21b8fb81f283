"""The signs of terms and of functions, and the dots between factors."""

from __future__ import annotations

from wengert.explain.index.construction import negate
from wengert.explain.index.expressions import Expression, Number, Partial, Product, Quotient, Value
from wengert.explain.printers import layout
from wengert.explain.printers.layout import Layout, Row, Text, operator, parenthesised, row
from wengert.explain.printers.style import ATOM, PRODUCT, Style


def negative(expression: Expression) -> bool:
    """Whether an expression is written with a minus sign in front."""
    if isinstance(expression, (Number, Value)):
        return expression.value < 0
    return isinstance(expression, Product) and negative(expression.factors[0])


def without_sign(expression: Expression) -> Expression:
    """Return what stands after the minus sign."""
    if isinstance(expression, Value):
        return Value(-expression.value)
    if isinstance(expression, Product) and isinstance(expression.factors[0], Value):
        return Product((Value(-expression.factors[0].value), *expression.factors[1:]))
    return negate(expression)


def needs_dot(left: Expression, right: Expression) -> bool:
    """Whether a dot stands between two factors."""
    return isinstance(left, (Partial, Quotient, Value)) or isinstance(right, (Partial, Value, Number))


_LOGARITHMS = {"gammaln": "Γ", "betaln": "B"}


def called(style: Style, name: str, arguments: tuple[Expression, ...]) -> tuple[Layout, int]:
    """Return a function of that name on paper applied to arguments; some have a sign in place of a name."""
    match name, arguments:
        case "sqrt", (body,):
            return layout.Root(style.show(body)), ATOM
        case "abs", (body,):
            return layout.Fence("|", style.show(body), "|"), ATOM
        case "not", (body,):
            return row(Text("not ", "words"), style.show(body, ATOM)), PRODUCT
        case "gammaln" | "betaln", _:
            inside, _ = called(style, _LOGARITHMS[name], arguments)
            return row(Text("ln", "function"), Text(" ", "space"), inside), PRODUCT
        case "polygamma", (Number(order), body):
            return row(Text("ψ" + "′" * int(order)), parenthesised(style.show(body))), ATOM
    listed: list[Layout] = []
    for argument in arguments:
        listed += [operator(","), style.show(argument)] if listed else [style.show(argument)]
    kind = "identifier" if len(name) == 1 else "function"
    return row(Text(name, kind), parenthesised(Row(tuple(listed)))), ATOM
