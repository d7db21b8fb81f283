"""`Exercise`: the worksheet and the solution, as trees that the printers of derivations write."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from wengert.explain.derivation import Derivation
from wengert.explain.engine import Array
from wengert.explain.entry import explain
from wengert.explain.exercises.task import ACTIVATIONS, LOSSES, Task
from wengert.explain.exercises.tidy_numbers import find
from wengert.explain.formula.parser import parse
from wengert.explain.formula.traced_formula import FormulaFunction
from wengert.explain.index.expressions import Element, Symbol
from wengert.explain.matrix.conversion import Converter
from wengert.explain.printers import html, latex
from wengert.explain.printers.text import text
from wengert.explain.printers.typesetting import Style
from wengert.explain.steps import Section, Step, Tree


@dataclass(frozen=True)
class Exercise:
    """An exercise in back-propagation.

    Attributes
    ----------
    task : Task
        The network, its loss and the step size.
    seed : int
    numbers : dict of str to ndarray
        Inputs, weights, biases and target.
    exact : bool
        Whether all numbers met are exact in four significant digits; the logarithm in a cross-entropy apart.
    derivation : Derivation
        The δ-recursion with numbers in place, each line compared with the engine.
    """

    task: Task
    seed: int
    numbers: dict[str, Array]
    exact: bool
    derivation: Derivation

    @property
    def worksheet(self) -> Tree:
        """What is given and what is asked."""
        forward = self.derivation.tree.sections[0]
        formulas = tuple(replace(step, shown=False, value=None, rule="") for step in forward.steps)
        network = Section("Network", "A vector is a row.", formulas, spaced=False)
        asked = Section("Tasks", "\n".join(self._tasks()))
        return Tree(f"Exercise {self._title}", (self._given, network, asked))

    @property
    def solution(self) -> Tree:
        """The forward pass, the δ-recursion and the update, in matrices with their numbers."""
        sections = []
        for section in self.derivation.tree.sections:
            steps = tuple(step for step in section.steps if step.axes is not None or step.shown)
            sections.append(replace(section, steps=steps))
        return Tree(
            f"Solution of exercise {self._title}", (self._given, *sections), self.derivation.tree.adjoints
        )

    @property
    def _title(self) -> str:
        sizes = "–".join(map(str, self.task.sizes))
        return f"{self.seed}: a {sizes} network, forwards and backwards"

    @property
    def _point_symbols(self) -> dict[str, Symbol]:
        point = self.derivation.style.numbers
        assert point is not None  # the derivation has numbers in place
        return {symbol.name: symbol for symbol in point.engine.symbols.values()}

    @property
    def _given(self) -> Section:
        """The arguments with their values."""
        converter = Converter("rows", numerator=False)
        symbols = self._point_symbols
        steps = []
        for name in ["x", *self.task.parameters, "t"]:
            element = Element(symbols[name], symbols[name].axes)
            axes = converter.places(symbols[name], symbols[name].axes)
            matrix = converter.convert(element, *axes)
            shape = tuple(1 if axis is None else axis.extent for axis in axes)
            value = self.numbers[name].reshape(shape)
            steps.append(
                Step(matrix, matrix, matrix, "", "", element, axes=axes, shape=shape, value=value, shown=True)
            )
        return Section("Given", self._statement(), tuple(steps))

    def _statement(self) -> str:
        hidden = ACTIVATIONS[self.task.activation][1]
        layers = f" with {hidden} in the hidden layers" if self.task.layers > 1 else ""
        return f"A network{layers}; the loss is {LOSSES[self.task.loss][1]}. t is the target."

    def _tasks(self) -> list[str]:
        deltas = self.derivation.tree.adjoints
        order = sorted(deltas, key=lambda symbol: -int(deltas[symbol].lstrip("δ") or 1))
        backwards = _listed([f"{deltas[symbol]} = ∂L/∂{symbol.name}" for symbol in order])
        names = [step.subject for step in self.derivation.tree.sections[0].steps]
        values = [symbol.name for symbol in self._point_symbols.values() if symbol.node.inputs]
        assert len(values) == len(names)
        gradients = [f"∂L/∂{name}" for name in reversed(self.task.parameters)]
        return [
            f"1. Forwards: {_listed(values)}.",
            f"2. Backwards: {backwards}.",
            f"3. Gradients: {_listed(gradients)}.",
            f"4. One step of gradient descent of size {self.task.learning_rate:g}: the new "
            f"{_listed(self.task.parameters)}.",
            self._rounding(),
        ]

    def _rounding(self) -> str:
        if not self.exact:
            return "Round to four significant digits; go on with unrounded numbers."
        if self.task.classifies:
            return "All numbers but L are exact; round L to four significant digits."
        return "All numbers are exact."

    def _printed(self, solution: bool) -> tuple[Tree, Style]:
        style = self.derivation.style
        tree = self.solution if solution else self.worksheet
        point = style.numbers if solution else None
        return tree, replace(style, adjoints=tree.adjoints, numbers=point, shapes=not solution)

    def to_text(self, solution: bool = False, width: int | None = None) -> str:
        """Return the worksheet, or its solution, as Unicode text; `width` as for `Derivation.to_text`."""
        return text(*self._printed(solution), width)

    def to_latex(self, solution: bool = False) -> str:
        """Return the worksheet, or its solution, as a LaTeX document."""
        return latex.document(*self._printed(solution))

    def to_html(self, solution: bool = False) -> str:
        """Return the worksheet, or its solution, as an HTML page that loads nothing."""
        return html.document(*self._printed(solution))

    def __str__(self) -> str:
        return self.to_text()

    def __repr__(self) -> str:
        sizes = "-".join(map(str, self.task.sizes))
        return f"<exercise {self.seed}: {sizes} {self.task.activation}, {self.task.loss}>"

    def _repr_html_(self) -> str:
        return html.fragment(*self._printed(solution=False))


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]


def make(task: Task, seed: int) -> Exercise:
    """Find numbers for a task and work it through; see `wengert.exercise`."""
    numbers, exact = find(task, seed)
    function = FormulaFunction(parse(task.formula))
    derivation = explain(
        function, *(numbers[name] for name in function.names), wrt=task.parameters,
        view="delta", numbers=True, step_size=task.learning_rate,
    )  # fmt: skip
    return Exercise(task, seed, numbers, exact, derivation)
