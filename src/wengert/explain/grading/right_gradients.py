"""What is true of a function's gradients: its named values and adjoints, at the given point and others."""

from __future__ import annotations

import inspect
import keyword
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from wengert.errors import ConfigurationError, GradientError
from wengert.explain.derivation import float64_leaves, recorded
from wengert.explain.engine import Array, Point
from wengert.explain.formula.parser import nearest
from wengert.explain.formula.targets import targets
from wengert.explain.formula.traced_formula import FormulaFunction
from wengert.explain.formula.vocabulary import FUNCTIONS
from wengert.explain.grading.points import drawn
from wengert.explain.index.expressions import Symbol
from wengert.explain.loops.scans_only import refuse_loops
from wengert.explain.problem import Convention, Problem, build
from wengert.ir.node import Node
from wengert.ir.program import Program
from wengert.run.numpy import NumpyExecutor
from wengert.trace.source import other_names

_SEED = 1964


class ReferenceGradients:
    """The named values and true gradients of a function.

    Parameters
    ----------
    function, args, kwargs
        As for `wengert.explain`.
    claimed : iterable of str
        The values whose gradients are claimed.
    points : int
        Random points beside the given one, which is the first.

    Attributes
    ----------
    points : list of Point
    names : dict of str to Symbol
        Each named value, also under the name that the program has for it, and other names of the reader's.
    reader_names : dict of Node to str
        The names that stand in the reader's own code, each for one value.

    Raises
    ------
    ConfigurationError, GradientError
    """

    def __init__(
        self,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        claimed: Iterable[str],
        points: int,
    ) -> None:
        recording = recorded(function, float64_leaves(args), float64_leaves(kwargs))
        program = recording.program
        refuse_loops("check_work", program)
        wrt = [node for node in program.inputs if node.type.is_float]
        if not wrt:
            raise GradientError("there is no floating argument to differentiate by")
        arguments = [
            np.asarray(leaf, node.type.dtype)
            for leaf, node in zip(recording.leaves, program.inputs, strict=True)
        ]
        rng = np.random.default_rng(_SEED)
        self.problem: Problem = build(
            program, wrt, arguments, NumpyExecutor(), {}, Convention(), every_line=False, rng=rng
        )
        self.names = {symbol.name: symbol for symbol in self.problem.symbols.values()}
        for node, symbol in self.problem.symbols.items():
            known = program.provenance.get(node)
            if known is not None and known.name:
                self.names.setdefault(known.name, symbol)
        named = Counter(known.name for known in program.provenance.values())
        for name, first in _other_names(function).items():
            if first in self.names and named[first] == 1:  # in a loop, a name stands for several values
                self.names.setdefault(name, self.names[first])
        self.reader_names = _reader_names(program)
        seen = [dict(one.values) for one in self.problem.points]
        excluded = {self.target(name).node for name in claimed}
        kinds = targets(program, seen, excluded)
        self.points: list[Point] = [
            self.problem.points[0],
            *drawn(self.problem.engine, kinds, excluded, points, rng),
        ]

    @property
    def output(self) -> Symbol:
        """The scalar that is differentiated."""
        return self.problem.output

    def target(self, name: str) -> Symbol:
        """Return the value whose gradient a claim is about: ``W``, ``dW`` or the path of a parameter."""
        for one in (name, name[1:] if name.startswith("d") else name):
            if one in self.names:
                symbol = self.names[one]
                if not symbol.node.type.is_float:
                    raise GradientError(f"{one!r} is {symbol.node.type}; derivatives need floating numbers")
                return symbol
        known = ", ".join(symbol.name for symbol in self.problem.symbols.values())
        raise ConfigurationError(
            f"claims[{name!r}]: no such argument or intermediate value{nearest(name, self.names)} "
            f"(there are: {known})"
        )

    def shown_name(self, symbol: Symbol) -> str:
        """Return the name of a value in the reader's own code, where it has one there: mu for μ."""
        return self.reader_names.get(symbol.node, symbol.name)

    def gradients(self, symbol: Symbol) -> list[Array]:
        """Return the true gradient at each point; 0 where the output does not depend on the value."""
        zero = np.zeros(symbol.shape)
        return [np.asarray(point.adjoints.get(symbol.node, zero)) for point in self.points]

    def depends_on(self, symbol: Symbol) -> bool:
        """Whether the output is computed from a value."""
        return symbol.node in self.points[0].adjoints

    def environment(self, point: Point, claimed: Symbol) -> dict[str, Array]:
        """Return what the names of a claim stand for; ``dc`` is the true gradient of another value c."""
        found = {name: np.asarray(point.values[symbol.node]) for name, symbol in self.names.items()
                 if symbol.node in point.values}  # fmt: skip
        for node, name in self.reader_names.items():  # masks, too, which have no derivative
            found.setdefault(name, np.asarray(point.values[node]))
        for name, symbol in self.names.items():
            if symbol is not claimed and symbol.node in point.adjoints:
                found.setdefault(f"d{name}", np.asarray(point.adjoints[symbol.node]))
        return found

    def jumps(self, symbol: Symbol) -> bool:
        """Whether the gradient by a value is another one a hair from the given point."""
        here = self.gradients(symbol)[0]
        rng = np.random.default_rng(_SEED)
        for _ in range(4):
            beside = self.problem.engine.point(
                [
                    one + 1e-9 * rng.normal(size=one.shape) * (1 + np.abs(one))
                    if one.dtype.kind == "f"
                    else one
                    for one in self.problem.engine.arguments
                ]
            )
            if not np.allclose(beside.adjoints.get(symbol.node, here), here, rtol=1e-4, atol=1e-5):
                return True
        return False

    def arguments(self) -> list[list[Array]]:
        """Return the arguments of the program at each point."""
        inputs = self.problem.program.inputs
        return [[np.asarray(point.values[node]) for node in inputs] for point in self.points]


def _reader_names(program: Program) -> dict[Node, str]:
    found = {node: str(dict(node.params)["name"]) for node in program.inputs}
    found |= {
        node: known.name
        for node in program.nodes
        if node.inputs and (known := program.provenance.get(node)) is not None and known.name
    }
    uses = Counter(found.values())
    return {
        node: name
        for node, name in found.items()
        if uses[name] == 1 and name.isidentifier() and not keyword.iskeyword(name) and name not in FUNCTIONS
    }


def _other_names(function: Callable[..., Any]) -> dict[str, str]:
    if isinstance(function, FormulaFunction):
        return function.other_names
    code = getattr(inspect.unwrap(function), "__code__", None)
    return {} if code is None else other_names(code)
