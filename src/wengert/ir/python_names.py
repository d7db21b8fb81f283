"""Names for the values of an emitted function."""

from __future__ import annotations

import builtins
import keyword
import re

from wengert.ir.emitted_functions import EMITTED
from wengert.ir.node import Node
from wengert.ir.primitive import Kind
from wengert.ir.program import Program
from wengert.ir.python_idioms import is_preactivation


def identifier(text: str) -> str:
    """Return `text` as a Python name."""
    name = re.sub(r"\W+", "_", text) or "value"
    return f"_{name}" if name[0].isdigit() else name


class Names:
    """The names given out so far; none hides a keyword, a builtin, NumPy, a helper or the function itself.

    Attributes
    ----------
    known : dict of Node to str
    """

    def __init__(self, program: Program, function: str, constants: str = "C") -> None:
        self.program = program
        self.constants = constants  # what their names begin with, so that functions of one module differ
        self.taken = {*keyword.kwlist, *keyword.softkwlist, *dir(builtins), *EMITTED, "np", function}
        self.last: dict[str, int] = {}  # by name, so that a loop of 100,000 x is no search for a free number
        self.known: dict[Node, str] = {}
        for node in program.inputs:
            own = identifier(str(node.param("name")))
            self.known[node] = self._unique(f"{own}_" if own in self.taken else own)

    def _unique(self, wanted: str, numbered: bool = False) -> str:
        """Return `wanted`, with the first free number after it where it is taken, or always."""
        base = identifier(wanted)
        separator = "_" if base[-1].isdigit() else ""
        number = self.last.get(base, 0)
        candidate = f"{base}{separator}{number}" if number or numbered else base
        while candidate in self.taken or (numbered and not number):
            number += 1
            candidate = f"{base}{separator}{number}"
        self.taken.add(candidate)
        self.last[base] = number
        return candidate

    def wanted(self, node: Node) -> str | None:
        """Return the name that a value has by its origin: the user's, or d… for the adjoint of such."""
        origin = self.program.provenance.get(node)
        if origin is None:
            return None
        if origin.adjoint_of in self.known:
            target = self.program.provenance.get(origin.adjoint_of)
            if origin.name is None or (target is not None and origin.name == f"d{target.name}"):
                return f"d{self.known[origin.adjoint_of]}"
        return origin.name

    def give(self, node: Node) -> str:
        """Name a value: by its origin, by its part in a network (Z, A), as a result, or with a number."""
        wanted = self.wanted(node)
        if wanted is not None:
            name = self._unique(wanted)
        elif self._is_forward(node) and is_preactivation(node):
            name = self._unique("Z", numbered=True)
        elif self._is_forward(node) and self._activated(node):
            name = self._unique(f"A{self._activated(node)}")
        elif node in self.program.outputs:
            name = self._unique("value")
        else:
            name = self._unique("t", numbered=True)
        self.known[node] = name
        return name

    def fresh(self, wanted: str) -> str:
        """Return a name that stands for no node."""
        return self._unique(wanted, numbered=True)

    def constant(self, node: Node) -> str:
        """Name a large constant."""
        self.known[node] = self._unique(self.constants, numbered=True)
        return self.known[node]

    def _is_forward(self, node: Node) -> bool:
        origin = self.program.provenance.get(node)
        return origin is None or origin.rule in (None, "simplify")

    def _activated(self, node: Node) -> str | None:
        """Return the number n where a node is an activation of a value that is called Zn."""
        if node.primitive.kind is not Kind.ELEMENTWISE or node.primitive.linear:
            return None
        for operand in node.inputs:
            match = re.fullmatch(r"Z(\d+)", self.known.get(operand, ""))
            if match:
                return match[1]
        return None
