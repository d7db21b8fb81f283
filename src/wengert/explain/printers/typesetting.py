"""From expressions, in index and in matrix notation, to what they look like."""

from __future__ import annotations

import fractions
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from wengert.explain.engine import Point
from wengert.explain.index.expressions import (
    Add,
    Apply,
    Cases,
    Delta,
    Differential,
    Element,
    Expression,
    Extreme,
    Inverse,
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
    Symbol,
    Value,
    Verbatim,
)
from wengert.explain.index.indices import Index, Position
from wengert.explain.index.notation import notation, written_out
from wengert.explain.matrix.matrices import (
    Diagonal,
    Gradient,
    Hadamard,
    Identity,
    Jacobian,
    Matrix,
    MatrixInverse,
    MatrixProduct,
    MatrixSoftmax,
    Norm,
    Ones,
    Shape,
    Table,
)
from wengert.explain.matrix.matrix_values import matrix_value
from wengert.explain.printers import layout
from wengert.explain.printers.constants import constant
from wengert.explain.printers.digits import number_text, short, shown_value
from wengert.explain.printers.instances import in_numbers, instance
from wengert.explain.printers.layout import Layout, Row, Text, operator, parenthesised, row
from wengert.explain.printers.scripts import derivative, index_texts, is_number, marked, raised
from wengert.explain.printers.signs import needs_dot, negative, over_one_line, without_sign
from wengert.explain.printers.transposes import untransposed
from wengert.explain.views.examples import Example

SUM, PRODUCT, ATOM = 0, 1, 2  # how tightly an expression holds together


@dataclass(frozen=True)
class Style:
    """How expressions are written.

    Attributes
    ----------
    names : frozenset of str
        All names of the derivation, so that w_ij is only written for W where no other w exists.
    adjoints : mapping of Symbol to str
        Tensors whose ∂L/∂z is written with a letter of its own: δ.
    shapes : bool
        Write its shape under each matrix.
    numbers : Point, optional
        Write the values at this point in place of names of matrices.
    """

    names: frozenset[str] = frozenset()
    adjoints: Mapping[Symbol, str] = field(default_factory=dict)
    shapes: bool = False
    numbers: Point | None = None

    def without_shapes(self) -> Style:
        """Return the same style with no shapes under matrices."""
        return replace(self, shapes=False, numbers=None)

    def name(self, name: str) -> Layout:
        """Return a name; a number at its end is set as the layer's superscript."""
        found = re.fullmatch(r"(.*?[^\d])(\d+)", name)
        if found is None:
            return Text(name)
        return layout.Script(Text(found[1]), above=Text(f"({found[2]})", "words"))

    def element_name(self, symbol: Symbol) -> str:
        """Return the name of a tensor's elements: w for W."""
        lower = symbol.name[0].lower() + symbol.name[1:]
        single = symbol.name.rstrip("0123456789₀")
        return lower if symbol.rank and len(single) == 1 and lower not in self.names else symbol.name

    def element(self, symbol: Symbol, positions: Iterable[Position], name: str = "") -> Layout:
        """Return an element: its name and its indices."""
        indices = index_texts(symbol, positions)
        base = self.name(name or self.element_name(symbol))
        if not indices:
            return base
        below = Text("".join(indices), "indices")
        if isinstance(base, layout.Script):
            return layout.Script(base.base, below, base.above)
        return layout.Script(base, below)

    def show(self, expression: Expression, around: int = SUM) -> Layout:
        """Return the expression, in parentheses where what stands `around` it holds more tightly."""
        shown, own = self._shown(expression)
        return parenthesised(shown) if own < around else shown

    def _shown(self, expression: Expression) -> tuple[Layout, int]:
        turned = untransposed(expression) if self.numbers is None else None
        if turned is not None:
            shown, own = self._shown(turned)
            enclosed = own < ATOM or isinstance(turned, Power)
            return layout.Script(parenthesised(shown) if enclosed else shown, above=Text("T")), ATOM
        match expression:
            case Number(float() as value) if (known := constant(abs(value))) is not None:
                return (known if value > 0 else row(Text("−", "sign"), known)), PRODUCT
            case Number(value):
                whole = isinstance(value, fractions.Fraction) and value.denominator == 1
                return Text(
                    number_text(value).replace("-", "−"), "number"
                ), ATOM if value >= 0 and whole else PRODUCT
            case Element(symbol, positions):
                return layout.Term(self.element(symbol, positions), symbol.name), ATOM
            case Delta(left, right):
                return layout.Script(Text("δ"), Text(f"{left}{right}", "indices")), ATOM
            case Running(index):
                return Text(str(index)), ATOM
            case Add(terms):
                return self._terms(terms), SUM
            case Product(factors):
                return self._factors(factors), PRODUCT if not negative(expression) else SUM
            case Sum(indices, body):
                below = Text(",".join(map(str, indices)), "indices")
                return row(layout.Big("Σ", below), self.show(body, PRODUCT)), PRODUCT
            case Quotient(numerator, denominator):
                return self._fraction(numerator, denominator), PRODUCT
            case Power(base, exponent):
                return raised(self.show(base, ATOM), self.show(exponent)), ATOM
            case Apply(primitive, operands):
                formula = written_out(expression)
                if formula is not None:
                    return self._shown(formula)
                return self._call(notation(primitive).name, operands)
        return self._function(expression)

    def _function(self, expression: Expression) -> tuple[Layout, int]:
        match expression:
            case Relation(sign, left, right):
                relation = row(self.show(left), operator(sign), self.show(right))
                return layout.Fence("[", relation, "]"), ATOM
            case Cases(condition, value, otherwise):
                inside = row(
                    self.show(value), Text(" if ", "words"), self.show(condition),
                    Text(", else ", "words"), self.show(otherwise),
                )  # fmt: skip
                return layout.Fence("{", inside, "}"), ATOM
            case Extreme(name, indices, body):
                return row(
                    layout.Big(name, Text(",".join(map(str, indices)), "indices")), self.show(body, PRODUCT)
                ), PRODUCT
            case Softmax(element):
                whole = row(Text("softmax", "function"), parenthesised(self.name(element.symbol.name)))
                letters = "".join(index_texts(element.symbol, element.positions))
                return layout.Script(whole, Text(letters, "indices")), ATOM
            case Inverse(Element(symbol, positions)):
                inverse = parenthesised(layout.Script(self.name(symbol.name), above=Text("−1", "number")))
                return layout.Script(inverse, Text("".join(index_texts(symbol, positions)), "indices")), ATOM
            case Example(body, over):
                return self._example(body, over), ATOM
            case Partial():
                return self._partial(expression), ATOM
            case Second(_, by, other):
                return self._second(expression, self.show(by), self.show(other)), ATOM
            case Differential(by, body):
                bottom = row(Text("∂"), self.show(by))
                return row(layout.Fraction(Text("∂"), bottom), parenthesised(self.show(body))), PRODUCT
            case Verbatim(text):
                return Text(text, "words"), ATOM
            case Value(value):
                return Text(short(value), "number"), SUM if value < 0 or "e" in short(value) else ATOM
            case Omitted():
                return Text("…", "number"), ATOM
        return self._matrix(expression)

    def _call(self, name: str, arguments: tuple[Expression, ...]) -> tuple[Layout, int]:
        match name, arguments:
            case "sqrt", (body,):
                return layout.Root(self.show(body)), ATOM
            case "abs", (body,):
                return layout.Fence("|", self.show(body), "|"), ATOM
            case "not", (body,):
                return row(Text("not ", "words"), self.show(body, ATOM)), PRODUCT
        inside: list[Layout] = []
        for argument in arguments:
            inside += [operator(","), self.show(argument)] if inside else [self.show(argument)]
        kind = "identifier" if name == "σ" else "function"
        return row(Text(name, kind), parenthesised(Row(tuple(inside)))), ATOM

    def _terms(self, terms: tuple[Expression, ...]) -> Layout:
        parts: list[Layout] = []
        for place, term in enumerate(terms):
            minus = negative(term)
            shown = self.show(without_sign(term) if minus else term, PRODUCT)
            minus &= bool(place) or shown != Text("0", "number")
            if minus:
                parts.append(operator("−") if place else Text("−", "sign"))
            elif place:
                parts.append(operator("+"))
            parts.append(shown)
        return Row(tuple(parts))

    def _factors(self, factors: tuple[Expression, ...]) -> Layout:
        parts: list[Layout] = []
        first = factors[0]
        if isinstance(first, Number) and first.value == -1:
            parts.append(Text("−", "sign"))
            factors = factors[1:]
        factors = over_one_line(factors)
        previous: Expression | None = None
        for place, factor in enumerate(factors):
            last = place == len(factors) - 1
            # A product of matrices before another factor is a number, which parentheses say.
            loose = isinstance(factor, (Sum, Extreme, MatrixProduct)) and not last
            shown = parenthesised(self.show(factor)) if loose else self.show(factor, PRODUCT)
            if previous is not None:
                dot = needs_dot(previous, factor) or is_number(shown)
                parts.append(operator("·") if dot else Text(" ", "space"))
            if isinstance(factor, Number) and isinstance(factor.value, fractions.Fraction) and place == 0:
                shown = self._leading(factor.value)
            parts.append(shown)
            previous = factor
        return Row(tuple(parts))

    def _leading(self, value: fractions.Fraction) -> Layout:
        """Return a number in front of a product; a fraction as such."""
        text = number_text(abs(value))
        sign = [Text("−", "sign")] if value < 0 else []
        if "/" not in text:
            return Row((*sign, Text(text, "number")))
        top, bottom = (Text(part, "number") for part in text.split("/"))
        return Row((*sign, layout.Fraction(top, bottom, enclosed_top=False)))

    def _fraction(self, numerator: Expression, denominator: Expression) -> Layout:
        (top, above), (bottom, below) = self._shown(numerator), self._shown(denominator)
        return layout.Fraction(top, bottom, enclosed_top=above < PRODUCT, enclosed_bottom=below < ATOM)

    def _partial(self, partial: Partial) -> Layout:
        own = self.adjoints.get(partial.by.symbol) if not partial.direct else None
        term = derivative(partial.of.symbol, partial.by.symbol)
        if own is not None:
            return layout.Term(self.element(partial.by.symbol, partial.by.positions, own), term)
        top = self.element(partial.of.symbol, partial.of.positions)
        bottom = self.element(partial.by.symbol, partial.by.positions)
        whole = layout.Fraction(row(Text("∂"), top), row(Text("∂"), bottom))
        shown = layout.Script(whole, Text("direct", "words")) if partial.ambiguous else whole
        return layout.Term(shown, f"{term}, local" if partial.direct else term)

    def _matrix(self, expression: Expression) -> tuple[Layout, int]:
        if self.numbers is not None and isinstance(expression, (Matrix, Gradient, Ones)):
            value = matrix_value(expression, self.numbers)
            shown = shown_value(value, largest=5, edge=1)  # among others, so that all have room
            minus = value.size == 1 and value.reshape(()) < 0
            return shown, SUM if minus else ATOM
        match expression:
            case Matrix(symbol, shape, transposed):
                return marked(self._shaped(self.name(symbol.name), shape, transposed), symbol.name), ATOM
            case Gradient(of, by, shape, transposed, _):
                own = self.adjoints.get(by)
                top = row(Text("∂"), self.name(of.name))
                term = derivative(of, by)
                if own is not None:
                    return marked(self._shaped(self.name(own), shape, transposed), term), ATOM
                body = layout.Fraction(top, row(Text("∂"), self.name(by.name)))
                enclosed = parenthesised(body) if transposed else body
                return marked(self._shaped(enclosed, shape, transposed), term), ATOM
            case Ones(shape):
                return self._shaped(Text("𝟏"), shape if shape[1] == 1 else shape[::-1], shape[1] != 1), ATOM
            case Identity(extent):
                return self._shaped(Text("I"), (extent, extent), False), ATOM
            case MatrixSoftmax(body):
                return row(Text("softmax", "function"), parenthesised(self.show(body))), ATOM
            case MatrixInverse(symbol, extent, transposed):
                above = "−T" if transposed else "−1"
                inverse = layout.Script(self.name(symbol.name), above=Text(above))
                return marked(self._shaped(inverse, (extent, extent), False), symbol.name), ATOM
            case Diagonal(vector):
                return row(Text("diag", "function"), parenthesised(self.show(vector))), ATOM
            case Norm(body, of_matrix):
                norm = layout.Fence("‖", self.show(body), "‖")
                return layout.Script(norm, Text("F")) if of_matrix else norm, ATOM
            case Table():
                return self._table(expression), ATOM
            case MatrixProduct(factors):
                parts: list[Layout] = []
                for place, factor in enumerate(factors):
                    if place:
                        parts.append(Text(" ", "space"))
                    loose = isinstance(factor, (Hadamard, Add)) or (place > 0 and negative(factor))
                    # u A ⊙ B/c v would be (u A) ⊙ (B/c v)
                    loose |= isinstance(factor, Quotient) and (
                        isinstance(factor.numerator, Hadamard) or place < len(factors) - 1
                    )
                    loose = loose and (untransposed(factor) is None or self.numbers is not None)
                    parts.append(parenthesised(self.show(factor)) if loose else self.show(factor, PRODUCT))
                return Row(tuple(parts)), PRODUCT
            case Hadamard(factors):
                pieces: list[Layout] = []
                for factor in factors:
                    pieces += [operator("⊙")] if pieces else []
                    pieces.append(self.show(factor, ATOM))
                return Row(tuple(pieces)), PRODUCT
            case Jacobian(partial, _, transposed):
                whole = self._jacobian(partial)
                return layout.Script(parenthesised(whole), above=Text("T")) if transposed else whole, ATOM
        raise AssertionError(f"no layout for {type(expression).__name__}")

    def _jacobian(self, partial: Partial | Second) -> Layout:
        if isinstance(partial, Second):
            return self._second(
                partial, self.name(partial.by.symbol.name), self.name(partial.other.symbol.name)
            )
        of, by = partial.of.symbol, partial.by.symbol
        # One element of a vector, as in a table; the only row of a matrix with one row is no choice.
        placed = of.rank > 0 and not any(isinstance(at, Index) for at in partial.of.positions)
        over = self.element(of, partial.of.positions) if placed else self.name(of.name)
        whole: Layout = layout.Fraction(row(Text("∂"), over), row(Text("∂"), self.name(by.name)))
        whole = layout.Script(whole, Text("direct", "words")) if partial.ambiguous else whole
        return layout.Term(whole, f"{derivative(of, by)}, local" if partial.direct else derivative(of, by))

    def _second(self, second: Second, by: Layout, other: Layout) -> Layout:
        top = row(layout.Script(Text("∂"), above=Text("2", "number")), self.name(second.of.symbol.name))
        if by == other:
            bottom = row(Text("∂"), layout.Script(by, above=Text("2", "number")))
        else:
            bottom = row(Text("∂"), by, Text(" "), Text("∂"), other)
        return layout.Fraction(top, bottom, enclosed_bottom=by != other)

    def _example(self, body: Expression, over: Position) -> Layout:
        """Return the loss of an example, or its derivative, with the number of the example above."""
        of = body.of.symbol if isinstance(body, Partial) else body.symbol  # type: ignore[attr-defined]
        loss = layout.Script(
            self.name(of.name), above=Text(f"({over if isinstance(over, Index) else over + 1})", "words")
        )
        if not isinstance(body, Partial):
            return layout.Term(loss, of.name)
        bottom = self.element(body.by.symbol, body.by.positions)
        term = derivative(of, body.by.symbol)
        return layout.Term(layout.Fraction(row(Text("∂"), loss), row(Text("∂"), bottom)), term)

    def _table(self, table: Table) -> Layout:
        """Return the entries of a table, as formulas or as numbers."""
        lines = []
        for down in table.shown(table.rows):
            cells: list[Layout] = []
            for across in table.shown(table.columns):
                if down is None or across is None:
                    cells.append(Text("⋱" if down is across else "⋮" if down is None else "…", "number"))
                    continue
                entry = instance(table.entry, {**dict(table.fixed), **down, **across})
                valued = None if self.numbers is None else in_numbers(entry, self.numbers)
                cells.append(self.show(entry if valued is None else valued))
            lines.append(tuple(cells))
        return layout.Grid(tuple(lines))

    def _shaped(self, body: Layout, shape: Shape, transposed: bool) -> Layout:
        if transposed and 1 in shape and shape == (1, 1):
            transposed = False
        if transposed:
            above = Text("T")
            script = isinstance(body, layout.Script)
            body = (
                layout.Script(body, above=above)
                if not script
                else layout.Script(parenthesised(body), above=above)
            )
        if not self.shapes or shape == (1, 1):
            return body
        final = shape[::-1] if transposed else shape
        return layout.Under(body, f"{final[0]}×{final[1]}")
