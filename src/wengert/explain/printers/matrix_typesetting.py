"""What expressions in matrix notation look like."""

from __future__ import annotations

from wengert.explain.engine import Point
from wengert.explain.index.expressions import (
    Add,
    Element,
    ElementAt,
    Expression,
    Partial,
    Quotient,
    Second,
    free_indices,
    number,
)
from wengert.explain.index.indices import Index
from wengert.explain.index.substitution import counted
from wengert.explain.loops.earlier import Begun
from wengert.explain.matrix.matrices import (
    Column,
    Cross,
    Diagonal,
    DiagonalOf,
    Gradient,
    Hadamard,
    Identity,
    Jacobian,
    Matrix,
    MatrixInverse,
    MatrixProduct,
    MatrixSoftmax,
    MatrixSum,
    Norm,
    Ones,
    Slice,
    Table,
    Trace,
    Unit,
)
from wengert.explain.matrix.matrix_values import matrix_value
from wengert.explain.printers import layout
from wengert.explain.printers.digits import shown_value
from wengert.explain.printers.instances import in_numbers, instance
from wengert.explain.printers.layout import Layout, Row, Text, operator, parenthesised, row
from wengert.explain.printers.scripts import calculated, derivative, marked
from wengert.explain.printers.signs import negative
from wengert.explain.printers.style import ATOM, PRODUCT, SUM, Style, layout_of
from wengert.explain.printers.transposes import is_number_of, untransposed


def _in_numbers(expression: Expression, point: Point) -> tuple[Layout, int]:
    value = matrix_value(expression, point)
    minus = value.size == 1 and value.reshape(()) < 0
    shown = shown_value(value, largest=5, edge=1)  # among others, so that all have room
    return shown, SUM if minus else ATOM


@layout_of.register
def _(expression: Matrix, style: Style) -> tuple[Layout, int]:
    if style.numbers is not None:
        return _in_numbers(expression, style.numbers)
    name = expression.symbol.name
    return marked(style.shaped(style.name(name), expression.shape, expression.transposed), name), ATOM


@layout_of.register
def _(expression: Element, style: Style) -> tuple[Layout, int]:
    if style.numbers is not None and not free_indices(expression):
        return _in_numbers(expression, style.numbers)
    return layout.Term(style.element(expression.symbol, expression.positions), expression.symbol.name), ATOM


@layout_of.register
def _(expression: Slice, style: Style) -> tuple[Layout, int]:
    """Return a name with its iteration; the indices over rows and columns go without saying."""
    element, shape, transposed = expression.element, expression.shape, expression.transposed
    if not isinstance(element, Partial):
        assert isinstance(element, Element | ElementAt | Begun)
        body = style.lowered(element.symbol, _iteration(element), element.symbol.name)
        return marked(style.shaped(body, shape, transposed), element.symbol.name), ATOM
    by, of = element.by, element.of.symbol
    term = derivative(of, by.symbol)
    own = style.adjoints.get(by.symbol)
    if own is not None:
        return marked(
            style.shaped(style.lowered(by.symbol, _iteration(by), own), shape, transposed), term
        ), ATOM
    below = style.lowered(by.symbol, _iteration(by), by.symbol.name)
    body = layout.Fraction(row(Text("∂"), style.name(of.name)), row(Text("∂"), below))
    return marked(style.shaped(parenthesised(body) if transposed else body, shape, transposed), term), ATOM


def _iteration(element: Element | ElementAt | Begun) -> str:
    """Return the iterations of which an element is."""
    if isinstance(element, Begun):
        index = element.symbol.axes[element.before.param("axis")]
        others = [at for at in element.positions if isinstance(at, Index) and at.last]
        start = f"{index}+1" if element.before.param("reverse") else "0"
        return ",".join([*map(str, others), start.replace(str(index), getattr(index, "last", ""))])
    places = element.places if isinstance(element, ElementAt) else map(counted, element.positions)
    found = []
    for axis, place in zip(element.symbol.axes, places, strict=True):
        if isinstance(axis, Index) and axis.last:
            found.append(axis.last if place == number(axis.extent) else calculated(place))
    return "".join(found) if all(len(one) == 1 for one in found) else ",".join(found)


@layout_of.register
def _(expression: MatrixSum, style: Style) -> tuple[Layout, int]:
    below = Text(str(expression.over), "indices")
    return row(layout.Big("Σ", below), style.show(expression.body, PRODUCT)), PRODUCT


@layout_of.register
def _(expression: Gradient, style: Style) -> tuple[Layout, int]:
    if style.numbers is not None:
        return _in_numbers(expression, style.numbers)
    of, by, shape, transposed = expression.of, expression.by, expression.shape, expression.transposed
    own = style.adjoints.get(by)
    top = row(Text("∂"), style.name(of.name))
    term = derivative(of, by)
    if own is not None:
        return marked(style.shaped(style.name(own), shape, transposed), term), ATOM
    body = layout.Fraction(top, row(Text("∂"), style.name(by.name)))
    enclosed = parenthesised(body) if transposed else body
    return marked(style.shaped(enclosed, shape, transposed), term), ATOM


@layout_of.register
def _(expression: Ones, style: Style) -> tuple[Layout, int]:
    if style.numbers is not None:
        return _in_numbers(expression, style.numbers)
    shape = expression.shape
    return style.shaped(Text("𝟏"), shape if shape[1] == 1 else shape[::-1], shape[1] != 1), ATOM


@layout_of.register
def _(expression: Unit, style: Style) -> tuple[Layout, int]:
    if style.numbers is not None:
        return _in_numbers(expression, style.numbers)
    body = layout.Script(Text("e"), Text(str(expression.place + 1), "indices"))
    return style.shaped(body, (expression.extent, 1), expression.transposed), ATOM


@layout_of.register
def _(expression: Column, style: Style) -> tuple[Layout, int]:
    if style.numbers is not None:
        return _in_numbers(expression, style.numbers)
    symbol = expression.symbol
    body = style.lowered(symbol, str(expression.place + 1))
    return marked(style.shaped(body, (symbol.shape[0], 1), expression.transposed), symbol.name), ATOM


@layout_of.register
def _(expression: DiagonalOf, style: Style) -> tuple[Layout, int]:
    if style.numbers is not None:
        return _in_numbers(expression, style.numbers)
    symbol = expression.symbol
    body = row(Text("diag", "function"), parenthesised(style.name(symbol.name)))
    return marked(style.shaped(body, (symbol.shape[0], 1), expression.transposed), symbol.name), ATOM


@layout_of.register
def _(expression: Trace, style: Style) -> tuple[Layout, int]:
    if style.numbers is not None:
        return _in_numbers(expression, style.numbers)
    name = expression.symbol.name
    return marked(row(Text("tr", "function"), parenthesised(style.name(name))), name), ATOM


@layout_of.register
def _(expression: Identity, style: Style) -> tuple[Layout, int]:
    return style.shaped(Text("I"), (expression.extent, expression.extent), False), ATOM


@layout_of.register
def _(expression: MatrixSoftmax, style: Style) -> tuple[Layout, int]:
    return row(Text("softmax", "function"), parenthesised(style.show(expression.body))), ATOM


@layout_of.register
def _(expression: MatrixInverse, style: Style) -> tuple[Layout, int]:
    name, extent = expression.symbol.name, expression.extent
    inverse = layout.Script(style.name(name), above=Text("−T" if expression.transposed else "−1"))
    return marked(style.shaped(inverse, (extent, extent), False), name), ATOM


@layout_of.register
def _(expression: Diagonal, style: Style) -> tuple[Layout, int]:
    return row(Text("diag", "function"), parenthesised(style.show(expression.vector))), ATOM


@layout_of.register
def _(expression: MatrixProduct, style: Style) -> tuple[Layout, int]:
    parts: list[Layout] = []
    for place, factor in enumerate(expression.factors):
        if place:
            parts.append(Text(" ", "space"))
        loose = isinstance(factor, (Hadamard, Add)) or (place > 0 and negative(factor))
        # u A ⊙ B/c v would be (u A) ⊙ (B/c v)
        among = isinstance(factor, Quotient) and place < len(expression.factors) - 1
        loose |= among or (
            isinstance(factor, Quotient) and place > 0 and not is_number_of(factor.denominator)
        )
        loose |= isinstance(factor, Quotient) and isinstance(factor.numerator, Hadamard)
        loose = loose and (untransposed(factor) is None or style.numbers is not None)
        parts.append(parenthesised(style.show(factor)) if loose else style.show(factor, PRODUCT))
    return Row(tuple(parts)), PRODUCT


@layout_of.register
def _(expression: Cross, style: Style) -> tuple[Layout, int]:
    left, right = style.show(expression.left, ATOM), style.show(expression.right, ATOM)
    return Row((left, operator("×"), right)), SUM


@layout_of.register
def _(expression: Hadamard, style: Style) -> tuple[Layout, int]:
    pieces: list[Layout] = []
    for factor in expression.factors:
        pieces += [operator("⊙")] if pieces else []
        pieces.append(style.show(factor, ATOM))
    return Row(tuple(pieces)), PRODUCT


@layout_of.register
def _(expression: Norm, style: Style) -> tuple[Layout, int]:
    norm = layout.Fence("‖", style.show(expression.body), "‖")
    return layout.Script(norm, Text("F")) if expression.of_matrix else norm, ATOM


@layout_of.register
def _(expression: Jacobian, style: Style) -> tuple[Layout, int]:
    whole = _jacobian(style, expression.partial)
    return layout.Script(parenthesised(whole), above=Text("T")) if expression.transposed else whole, ATOM


@layout_of.register
def _(expression: Table, style: Style) -> tuple[Layout, int]:
    """Return the entries of a table, as formulas or as numbers."""
    lines = []
    for down in expression.shown(expression.rows):
        cells: list[Layout] = []
        for across in expression.shown(expression.columns):
            if down is None or across is None:
                cells.append(Text("⋱" if down is across else "⋮" if down is None else "…", "number"))
                continue
            entry = instance(expression.entry, {**dict(expression.fixed), **down, **across})
            valued = None if style.numbers is None else in_numbers(entry, style.numbers)
            cells.append(style.show(entry if valued is None else valued))
        lines.append(tuple(cells))
    return layout.Grid(tuple(lines)), ATOM


def _jacobian(style: Style, partial: Partial | Second) -> Layout:
    if isinstance(partial, Second):
        return second_derivative(
            style, partial, style.name(partial.by.symbol.name), style.name(partial.other.symbol.name)
        )
    of, by = partial.of.symbol, partial.by.symbol
    # One element of a vector, as in a table; the only row of a matrix with one row is no choice.
    placed = of.rank > 0 and not any(isinstance(at, Index) for at in partial.of.positions)
    over = style.element(of, partial.of.positions) if placed else style.name(of.name)
    whole: Layout = layout.Fraction(row(Text("∂"), over), row(Text("∂"), style.name(by.name)))
    whole = layout.Script(whole, Text("direct", "words")) if partial.ambiguous else whole
    return layout.Term(whole, f"{derivative(of, by)}, local" if partial.direct else derivative(of, by))


def second_derivative(style: Style, second: Second, by: Layout, other: Layout) -> Layout:
    """Return ∂²L/∂x∂y, or ∂²L/∂x² where both are written alike."""
    top = row(layout.Script(Text("∂"), above=Text("2", "number")), style.name(second.of.symbol.name))
    if by == other:
        bottom = row(Text("∂"), layout.Script(by, above=Text("2", "number")))
    else:
        bottom = row(Text("∂"), by, Text(" "), Text("∂"), other)
    return layout.Fraction(top, bottom, enclosed_bottom=by != other)
