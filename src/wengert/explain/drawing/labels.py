"""How drawings write names: an automatic number is a subscript, as in v₁."""

from __future__ import annotations

import re
from dataclasses import dataclass

from wengert.explain.index.expressions import Symbol
from wengert.explain.matrix.matrices import Shape
from wengert.explain.printers import layout
from wengert.explain.printers.layout import Layout, Text
from wengert.explain.printers.typesetting import Style


@dataclass(frozen=True)
class DrawingStyle(Style):
    """The style of derivations, but for the numbers of names without indices.

    Attributes
    ----------
    layered : bool
        Whether they are numbers of layers, and stand above as in derivations.
    """

    layered: bool = False

    def name(self, name: str) -> Layout:
        """Return a name; the number at its end is set as a subscript, that of a layer above."""
        if self.layered and not re.fullmatch(r"\D+0", name):  # w0 is the bias of any layer
            return super().name(name)
        found = re.fullmatch(r"(.*?[^\d])(\d+)", name)
        return Text(name) if found is None else layout.Script(Text(found[1]), below=Text(found[2], "number"))

    def lowered(self, symbol: Symbol, indices: str, name: str = "") -> Layout:
        """Return an element; with indices below it, the number of its name stands above."""
        if not indices:
            return self.name(name or self.element_name(symbol))
        return Style(self.names).lowered(symbol, indices, name)

    def shaped(self, body: Layout, shape: Shape, transposed: bool) -> Layout:
        """Return a matrix; a T that shares its place with nothing needs no parentheses."""
        if transposed and shape != (1, 1) and isinstance(body, layout.Script) and body.above is None:
            return layout.Script(body.base, body.below, Text("T"))
        return super().shaped(body, shape, transposed)
