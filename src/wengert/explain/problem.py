"""What is to be explained: a program, its named values, what depends on what, and the engine."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from wengert.explain.algebra.folding import is_quotient
from wengert.explain.engine import Array, Engine, Point
from wengert.explain.index.definitions import Formulas, guards
from wengert.explain.index.expressions import Add, Element, ElementAt, Expression, Number, Partial, Symbol
from wengert.explain.index.indices import Index, Position, distinct
from wengert.explain.index.letters import Letters
from wengert.explain.loops.carried import EARLIER
from wengert.explain.loops.opening import Opened, opened
from wengert.explain.symbols import Table
from wengert.ir.node import Node
from wengert.ir.primitive import Kind
from wengert.ir.program import Program
from wengert.run.executor import Executor
from wengert.transform.gradient import dependents

FRESH_POINTS = 2  # random points at which each line is checked besides the given one


@dataclass(frozen=True)
class Convention:
    """How a derivation is written.

    Attributes
    ----------
    notation : str
        ``rows`` (xW + b), ``columns`` (Wx + b) or ``mit``: columns, with Z = Wᵀx + W₀ for layers.
    layout : str
        ``denominator`` or ``numerator``; empty for what is usual for a gradient or a Jacobian.
    step_size : float or None
        Of the update at the end; no update where there is none.
    numbers : bool
        Whether the values are put in place of the names as well.
    style : str or None
        The lecture whose names are used.
    tensors : bool
        Whether Jacobians of vectors by matrices are shown, entry by entry.
    detail : str
        ``short``: local derivatives in few lines, with the names of all rules; ``full``: one rule a line.
    order : int
        1 for the gradient or the Jacobian, 2 for the Hessian.
    """

    notation: str = "rows"
    layout: str = "denominator"
    step_size: float | None = None
    numbers: bool = False
    tensors: bool = False
    style: str | None = None
    detail: str = "short"
    order: int = 1

    @property
    def vectors(self) -> str:
        """``rows`` or ``columns``."""
        return "rows" if self.notation == "rows" else "columns"


@dataclass
class Problem:
    """A function to explain.

    Attributes
    ----------
    program : Program
    wrt : list of Symbol
        The inputs to differentiate by, in the reader's order.
    symbols : dict of Node to Symbol
    output : Symbol
    order : list of Symbol
        The named values through which the derivative flows, from the inputs to the output.
    uses : dict of Symbol to list of Symbol
        For each named value those of `order` that stand in its definition.
    engine : Engine
    points : list of Point
        The given point, then random ones.
    of_one_example : callable, optional
        Makes the problem with one example left along the axes that count them.
    """

    program: Program
    wrt: list[Symbol]
    symbols: dict[Node, Symbol]
    formulas: Formulas
    output: Symbol
    order: list[Symbol]
    uses: dict[Symbol, list[Symbol]]
    engine: Engine
    points: list[Point]
    convention: Convention = field(default_factory=Convention)
    of_one_example: Callable[[dict[Node, int]], Problem] | None = None
    _known: list[tuple[Symbol, Expression]] | None = field(default=None, repr=False)

    @property
    def names(self) -> frozenset[str]:
        """All names of the derivation."""
        return frozenset(symbol.name for symbol in self.symbols.values())

    @property
    def defined(self) -> list[Symbol]:
        """The values that the program computes, in order."""
        return [symbol for node, symbol in self.symbols.items() if node.inputs]

    @property
    def carries(self) -> list[Symbol]:
        """The values that a loop carries from one iteration to the next, as they are defined."""
        states = self.engine.states
        return [symbol for symbol in self.order if symbol.node in states.values()]

    @property
    def inputs(self) -> list[Symbol]:
        """The inputs and array constants that the output needs."""
        members = set(self.program.nodes)
        return [
            symbol
            for node, symbol in self.symbols.items()
            if symbol.node is node and not node.inputs and node in members
        ]

    def befores(self, carry: Symbol) -> list[Node]:
        """Return the lines by which the iterations of a loop find what a carry was before them."""
        return [
            node
            for node in self.program.nodes
            if node.primitive is EARLIER and self.symbols.get(node.inputs[0]) is carry
        ]

    def ends(self, carry: Symbol) -> list[tuple[Index, bool]]:
        """Return the index over the iterations of each loop that carries a value, and if it is reversed."""
        found = [
            (carry.axes[node.param("axis")], bool(node.param("reverse"))) for node in self.befores(carry)
        ]
        return [(at, reverse) for at, reverse in dict.fromkeys(found) if isinstance(at, Index)]

    def consumers(self, symbol: Symbol) -> list[Symbol]:
        """Return the values on the way to the output in whose definition `symbol` stands, the last first."""
        return [user for user in reversed(self.order) if symbol in self.uses[user]]

    def total(self, by: Element) -> Partial:
        """Return ∂output/∂by through all paths."""
        return Partial(Element(self.output, self.output.axes), by, direct=False)

    def direct(self, of: Element, by: Element | ElementAt) -> Partial:
        """Return ∂of/∂by through the definition of `of` alone."""
        others = any(user is not of.symbol for user in self.consumers(by.symbol))
        ambiguous = of.symbol is self.output and others
        return Partial(of, by, direct=True, ambiguous=ambiguous)

    def definition(
        self, symbol: Symbol, positions: tuple[Position, ...], used: tuple[Position, ...] = ()
    ) -> Expression:
        """Return the formula of an element of a named value; its sums keep clear of the indices `used`."""
        return self.formulas.definition(symbol, positions, used)

    def quotients(self) -> list[tuple[Symbol, Expression]]:
        """Return the values that are defined as a quotient, or as a share of a sum."""
        return [(one, formula) for one, formula in self._formulas() if is_quotient(formula)]

    def differences(self) -> list[tuple[Symbol, Add]]:
        """Return the values that are defined as a number and a term: 1 − p."""
        found = [(one, formula) for one, formula in self._formulas() if isinstance(formula, Add)]
        return [(one, formula) for one, formula in found if isinstance(formula.terms[0], Number)]

    def _formulas(self) -> list[tuple[Symbol, Expression]]:
        """Return the definitions of all values on the way to the output."""
        if self._known is None:
            self._known = [(one, self.definition(one, one.axes)) for one in self.order if one.node.inputs]
        return self._known

    @staticmethod
    def element(symbol: Symbol, used: Sequence[Position] = ()) -> Element:
        """Return an element at indices that are not in `used`."""
        return Element(symbol, distinct(symbol.axes, used))


def used_in_definition(symbols: Mapping[Node, Symbol], symbol: Symbol) -> list[Symbol]:
    """Return the named values in the definition of a symbol, in order of appearance."""
    found: dict[Symbol, None] = {}
    stack = list(reversed(symbol.node.inputs))
    seen: set[Node] = set()
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        if node in symbols:
            found.setdefault(symbols[node])
        else:
            stack += reversed(node.inputs)
    return list(found)


def build(
    program: Program | Opened,
    wrt: Sequence[Node],
    arguments: Sequence[Array],
    executor: Executor,
    renamed: Mapping[str, str],
    convention: Convention,
    every_line: bool,
    rng: np.random.Generator,
    hidden: Collection[Node] = (),
    given: Mapping[Node, str] = MappingProxyType({}),
    usual: Mapping[Node, str] = MappingProxyType({}),
) -> Problem:
    """Name the values of a program and run the engine at the given point and at random ones."""
    loops = program if isinstance(program, Opened) else opened(program)
    program, states = loops.program, loops.states
    examples = list(example_axes(program, wrt).items())[:1]
    letters = Letters(program, examples, _element_names(program, usual), states)
    mit = convention.notation == "mit"
    table = Table(program, letters, renamed, every_line, mit, hidden, given, usual, states)
    engine = Engine(program, wrt, table.symbols, arguments, executor, loops)
    active = {table.symbols[node] for node in engine.active}
    order = [symbol for node, symbol in table.symbols.items() if symbol in active and symbol.node is node]
    rank = {symbol: place for place, symbol in enumerate(order)}
    uses = {
        symbol: sorted(
            (one for one in used_in_definition(table.symbols, symbol) if one in active), key=rank.__getitem__
        )
        for symbol in order
    }
    points = [engine.given(), *engine.fresh(FRESH_POINTS, rng)]
    formulas = Formulas(table.symbols, letters, guards(program, [point.values for point in points]))
    output = table.symbols[program.outputs[0]]
    chosen = [table.symbols[node] for node in wrt]
    return Problem(program, chosen, table.symbols, formulas, output, order, uses, engine, points, convention)


def _element_names(program: Program, usual: Mapping[Node, str]) -> set[str]:
    """Return the letters that elements of named arrays have, which no index should have beside them."""
    origins = [program.provenance.get(node) for node in program.nodes if node.type.ndim]
    named = [origin.name for origin in origins if origin is not None and origin.name]
    return {name.lower() for name in (*named, *usual.values()) if len(name) == 1}


def example_axes(program: Program, wrt: Sequence[Node]) -> dict[Node, int]:
    """Return the axes of arguments that count examples, and so have the index n.

    Such an axis is the first of an argument that is not differentiated by, is not tied to an axis of one that
    is, and runs through all values on the way to the output, up to the sum over it.
    """
    letters = Letters(program)
    owned = {letters.index(node, axis) for node in wrt for axis in range(node.type.ndim)}
    active = [node for node in dependents(program.nodes, wrt) if node.inputs and node.type.ndim]
    products = [node for node in active if node.primitive.kind is Kind.CONTRACTION] or active
    running = [{letters.index(node, axis) for axis in range(node.type.ndim)} for node in products]
    common = set.intersection(*running) - owned - {0} if running else set()
    firsts = {letters.index(node, 0) for node in program.inputs if node not in wrt and node.type.ndim}
    chosen = next((index for index in sorted(common & firsts, key=str)), None)
    return {
        node: axis
        for node in program.inputs
        for axis in range(node.type.ndim)
        if chosen is not None and letters.index(node, axis) == chosen
    }
