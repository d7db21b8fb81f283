"""What a drawing shows: the values of a program, what each is computed from, and local derivatives."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from wengert.explain.checking import check_tree
from wengert.explain.drawing.derivatives import Derivatives, LocalDerivative
from wengert.explain.drawing.hidden_lines import Folding, folding
from wengert.explain.drawing.labels import DrawingStyle
from wengert.explain.engine import Array
from wengert.explain.index.chain_rule import ChainRule
from wengert.explain.index.expressions import Element, Symbol, Verbatim
from wengert.explain.index.operations import signs
from wengert.explain.loops.opening import Opened
from wengert.explain.matrix.terms import NoMatrixForm
from wengert.explain.printers.layout import Fraction, Layout, Text, operator, parenthesised, row
from wengert.explain.problem import Convention, Problem, build, used_in_definition
from wengert.explain.steps import Section, Step, Tree
from wengert.explain.views.matrix_view import MatrixWriter
from wengert.explain.work_limits import check_boxes
from wengert.ir.node import Node
from wengert.ir.primitive import Kind
from wengert.ir.program import Program, ancestors
from wengert.ir.provenance import Region
from wengert.run.numpy import NumpyExecutor

_SEED = 1964


@dataclass(frozen=True)
class Value:
    """A box of the drawing.

    Attributes
    ----------
    symbol : Symbol
    name : Layout
    formula : Layout or None
        How it is computed; None for an argument or a constant.
    value : ndarray
    adjoint : ndarray or None
        None where it was not computed.
    role : str
        ``argument``, ``constant``, ``line`` or ``output``.
    regions : tuple of Region
        The layers and composites around it that are drawn open.
    """

    symbol: Symbol
    name: Layout
    formula: Layout | None
    value: Array
    adjoint: Array | None
    role: str
    regions: tuple[Region, ...]

    @property
    def operation(self) -> str:
        """The name of the primitive that computes it."""
        return self.symbol.node.primitive.name


@dataclass(frozen=True)
class Use:
    """An arrow of the drawing, from a value to one computed from it.

    Attributes
    ----------
    tail, head : int
        Numbers of the values.
    derivative : LocalDerivative or None
        Of the head by the tail; None where it was not computed.
    """

    tail: int
    head: int
    derivative: LocalDerivative | None

    @property
    def returns(self) -> bool:
        """Whether it goes back: to the next iteration of a loop."""
        return self.tail >= self.head


@dataclass(frozen=True)
class Contents:
    """Everything a drawing shows, before it is laid out.

    Attributes
    ----------
    values : tuple of Value
        Operands before what is computed from them.
    uses : tuple of Use
    output : Layout or None
        The name of what adjoints are derivatives of; None where there are no adjoints.
    """

    values: tuple[Value, ...]
    uses: tuple[Use, ...]
    output: Layout | None


class Reader:
    """Collects the contents of a drawing from a problem."""

    def __init__(
        self, problem: Problem, folded: Folding, results: Sequence[Node], seeded: bool, layered: bool
    ) -> None:
        self.problem = problem
        self.folded = folded
        self.results = set(results)
        self.seeded = seeded
        self.style = DrawingStyle(problem.names, layered=layered)
        self.writer = MatrixWriter(problem)
        self.steps: list[Step] = []
        self.derivatives = Derivatives(problem, ChainRule(problem), self.writer, self.style, self.steps)

    def contents(self) -> Contents:
        """Return the values and uses, each formula compared with the engine."""
        drawn = set(ancestors([*self.results, *self.problem.engine.states.values()]))
        known = {
            node: symbol
            for node, symbol in self.problem.symbols.items()
            if node in drawn and symbol.node not in self.folded.hidden
        }
        symbols = [symbol for node, symbol in known.items() if symbol.node is node]
        numbers = {symbol: place for place, symbol in enumerate(symbols)}
        values = tuple(self._value(symbol) for symbol in symbols)
        uses = tuple(
            Use(numbers[operand], place, self._derivative(symbol, operand))
            for place, symbol in enumerate(symbols)
            for operand in used_in_definition(known, symbol)
        )
        self._check()
        output = self.style.name(self.problem.output.name) if self.seeded else None
        return Contents(values, uses, output)

    def _value(self, symbol: Symbol) -> Value:
        point = self.problem.points[0]
        node = symbol.node
        active = self.seeded and symbol in self.problem.order
        if not node.inputs:
            role = "argument" if node in self.problem.program.inputs else "constant"
        else:
            role = "output" if node in self.results else "line"
        origin = self.problem.program.provenance.get(node)
        regions = origin.regions if origin else ()
        inside = self.folded.folded.get(node)
        return Value(
            symbol,
            self.style.name(symbol.name),
            self._formula(symbol) if node.inputs else None,
            self._as_written(np.asarray(point.values[node])),
            self._as_written(point.adjoints[node]) if active else None,
            role,
            regions[: regions.index(inside)] if inside in regions else regions,
        )

    def _as_written(self, array: Array) -> Array:
        """Return a vector as the row or the column that it is in formulas."""
        columns = self.problem.convention.vectors == "columns"
        return array[:, np.newaxis] if columns and array.ndim == 1 else array

    def _formula(self, symbol: Symbol) -> Layout:
        call = self.folded.call(symbol.node)
        if call is not None:
            return self._call(call, symbol)
        element = Element(symbol, symbol.axes)
        definition = self.problem.definition(symbol, symbol.axes)
        if isinstance(definition, Verbatim):
            return self._call(symbol.node.primitive.name, symbol)
        try:
            step = self.writer.step(element, definition)
        except NoMatrixForm:
            step = Step(element, element, definition, "definition", "", reference=element)
        self.steps.append(step)
        return self.style.show(step.after)

    def _call(self, name: str, symbol: Symbol) -> Layout:
        inside: list[Layout] = []
        known = {
            node: one for node, one in self.problem.symbols.items() if one.node not in self.folded.hidden
        }
        operands = [one for one in used_in_definition(known, symbol) if one is not symbol]
        for operand in sorted(operands, key=self._place_in_call):
            inside += [operator(",")] if inside else []
            inside.append(self.style.name(operand.name))
        return row(Text(name, "function"), parenthesised(row(*inside)))

    def _place_in_call(self, operand: Symbol) -> tuple[bool, bool, int]:
        """Order what is computed before arguments, and those before parameters of a network."""
        node = operand.node
        inputs = self.problem.program.inputs
        given = node in inputs
        parameter = given and "." in str(node.param("name"))
        return parameter, given, inputs.index(node) if given else node.serial

    def _derivative(self, symbol: Symbol, operand: Symbol) -> LocalDerivative | None:
        inside = self.folded.folded.get(symbol.node)
        if inside is not None and inside.kind == "loop":
            above, below = self.style.name(symbol.name), self.style.name(operand.name)
            return LocalDerivative(Fraction(row(Text("∂"), above), row(Text("∂"), below)), None)
        if symbol not in self.problem.order or operand not in self.problem.uses[symbol]:
            return None
        return self.derivatives.of(symbol, operand, self.folded.written_out(symbol.node))

    def _check(self) -> None:
        tree = Tree("drawing", (Section("drawing", "", tuple(self.steps)),))
        check_tree(tree, self.problem.points, np.random.default_rng(_SEED))


def outputs_of_layers(program: Program) -> dict[Node, str]:
    """Return a name for the output of the last layer, which a loss would swallow otherwise."""
    inside = [
        (node, origin.regions[0])
        for node in program.lines
        if (origin := program.provenance.get(node)) and origin.regions and origin.regions[0].kind == "layer"
    ]
    if not inside or inside[-1][0] in program.outputs:
        return {}
    last = inside[-1][0]
    linear = last.primitive.kind is not Kind.ELEMENTWISE or signs(last.primitive) == (1, 1)  # with a bias
    layers = len({region for _, region in inside if region.kind == "layer"})
    return {last: f"{'z' if linear else 'a'}{layers}"}


def reader(
    loops: Opened,
    wrt: Sequence[Node],
    arguments: Sequence[Array],
    results: Sequence[Node],
    fold: str | Sequence[str],
    names: dict[str, str],
    every_line: bool,
    notation: str,
    given: Mapping[Node, str],
    shown: Collection[Node],
    layered: bool,
) -> Reader:
    """Return what reads off a program all that a drawing of it shows.

    Parameters
    ----------
    loops : Opened
        A program, its loops lines over their iterations. Its first output is a floating scalar.
    wrt : sequence of Node
        Inputs to differentiate by.
    arguments : sequence of ndarray
    results : sequence of Node
        What the function returns; where that is not the output of the program, adjoints are not shown.
    fold : str or sequence of str
        See `folding`.
    names : dict of str to str
        Names to show in place of the program's own.
    every_line : bool
        Whether each line of the program is a value of its own, or only those with a name are.
    notation : str
        How vectors are written; see `wengert.explain`.
    given : mapping of Node to str
        Names for values that have none.
    shown : collection of Node
        Values that are drawn though they are inside what is folded.
    layered : bool
        Whether the numbers of names are those of layers; see `DrawingStyle`.

    Raises
    ------
    ConfigurationError
        For an unknown name in `fold`.
    LimitError
        For more lines than anybody would look at.
    NonFiniteError
    DerivationError
        When a formula disagrees with the engine; always a bug.
    """
    folded = folding(loops.program, fold)
    folded.hidden -= {*results, *shown}
    if every_line:
        check_boxes(len(set(loops.program.nodes) - folded.hidden))
    problem = build(
        loops, wrt, arguments, NumpyExecutor(), names, Convention(notation), every_line=every_line,
        rng=np.random.default_rng(_SEED), hidden=folded.hidden, given=given,
    )  # fmt: skip
    check_boxes(len(set(problem.symbols.values())))  # of units, which are known only now
    return Reader(problem, folded, results, list(results) == [loops.program.outputs[0]], layered)
