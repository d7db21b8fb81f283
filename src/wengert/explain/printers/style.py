"""How expressions are written: names, indices, shapes; each class of expressions enters its own layout."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import singledispatch

from wengert.explain.engine import Point
from wengert.explain.index.expressions import Expression, Power, Symbol
from wengert.explain.index.indices import Position
from wengert.explain.matrix.matrices import Shape
from wengert.explain.printers import layout
from wengert.explain.printers.layout import Layout, Text, parenthesised
from wengert.explain.printers.scripts import index_texts
from wengert.explain.printers.transposes import untransposed

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
        return self.lowered(symbol, "".join(index_texts(symbol, positions)), name)

    def lowered(self, symbol: Symbol, indices: str, name: str = "") -> Layout:
        """Return an element with indices as they are read."""
        base = self.name(name or self.element_name(symbol))
        if not indices:
            return base
        below = Text(indices, "indices")
        if isinstance(base, layout.Script):
            return layout.Script(base.base, below, base.above)
        return layout.Script(base, below)

    def show(self, expression: Expression, around: int = SUM) -> Layout:
        """Return the expression, in parentheses where what stands `around` it holds more tightly."""
        shown, own = self.shown(expression)
        return parenthesised(shown) if own < around else shown

    def shown(self, expression: Expression) -> tuple[Layout, int]:
        """Return the expression and how tightly it holds together."""
        turned = untransposed(expression) if self.numbers is None else None
        if turned is None:
            return layout_of(expression, self)
        shown, own = self.shown(turned)
        enclosed = own < ATOM or isinstance(turned, Power)
        return layout.Script(parenthesised(shown) if enclosed else shown, above=Text("T")), ATOM

    def shaped(self, body: Layout, shape: Shape, transposed: bool) -> Layout:
        """Return a matrix, with T where it is transposed, and with its shape where the style has it."""
        if transposed and 1 in shape and shape == (1, 1):
            transposed = False
        if transposed:
            above = Text("T")
            match body:
                case layout.Script(base, below, None):
                    body = layout.Script(base, below, above)
                case layout.Script():
                    body = layout.Script(parenthesised(body), above=above)
                case _:
                    body = layout.Script(body, above=above)
        if not self.shapes or shape == (1, 1):
            return body
        final = shape[::-1] if transposed else shape
        return layout.Under(body, f"{final[0]}×{final[1]}")


@singledispatch
def layout_of(expression: Expression, style: Style) -> tuple[Layout, int]:
    """Return what an expression looks like, and how tightly it holds together: SUM, PRODUCT or ATOM."""
    raise NotImplementedError(
        f"no layout for {type(expression).__name__}: register one with {__name__}.layout_of"
    )
