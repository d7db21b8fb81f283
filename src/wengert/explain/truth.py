"""What is true of a function's gradients: its named values and adjoints, at the given point and others."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from wengert.errors import ConfigurationError, GradientError
from wengert.explain.derivation import check_recording, float64_leaves
from wengert.explain.engine import Array, Point
from wengert.explain.expressions import Symbol
from wengert.explain.formula import nearest
from wengert.explain.formula_program import FormulaFunction
from wengert.explain.problem import Convention, Problem, build
from wengert.ir.primitive import Kind
from wengert.run.numpy import NumpyExecutor
from wengert.trace.source import other_names
from wengert.trace.tracing import Recording

_SEED = 1964


@dataclass(frozen=True)
class Factor:
    """The derivative of an elementwise definition: what stands beside ⊙.

    Attributes
    ----------
    formula : str
        As NumPy code over the names, or ``∂c/∂b``.
    origin : str
        ``c = tanh(b)``.
    values : tuple of ndarray
        At each point.
    """

    formula: str
    origin: str
    values: tuple[Array, ...]


class Truth:
    """The named values and true gradients of a function.

    Parameters
    ----------
    function, args, kwargs
        As for `wengert.explain`.
    points : int
        Random points beside the given one, which is the first.

    Attributes
    ----------
    points : list of Point
    names : dict of str to Symbol
        Each named value, also under the name that the program has for it, and other names of the reader's.
    """

    def __init__(
        self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], points: int
    ) -> None:
        recording = Recording(function, float64_leaves(args), float64_leaves(kwargs))
        check_recording(recording)
        program = recording.program
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
        self.points: list[Point] = [self.problem.points[0], *self.problem.engine.fresh(points, rng)]
        self.names = {symbol.name: symbol for symbol in self.problem.symbols.values()}
        for node, symbol in self.problem.symbols.items():
            known = program.provenance.get(node)
            if known is not None and known.name:
                self.names.setdefault(known.name, symbol)
        named = Counter(known.name for known in program.provenance.values())
        for name, first in _other_names(function).items():
            if first in self.names and named[first] == 1:  # in a loop, a name stands for several values
                self.names.setdefault(name, self.names[first])

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
        for name, symbol in self.names.items():
            if symbol is not claimed and symbol.node in point.adjoints:
                found.setdefault(f"d{name}", np.asarray(point.adjoints[symbol.node]))
        return found

    def factors(self) -> list[Factor]:
        """Return the derivatives of all elementwise definitions that are not constant."""
        found = []
        for symbol in self.problem.order:
            for by in self.problem.uses[symbol]:
                if by.shape == symbol.shape and self._elementwise(symbol):
                    values = tuple(
                        np.asarray(point.pulled_back(symbol.node, by.node, np.ones(symbol.shape)))
                        for point in self.points
                    )
                    if any(np.ptp(value) > 1e-9 for value in values if value.size):
                        found.append(Factor(_derivative(symbol, by), _definition(symbol, by), values))
        return found

    def _elementwise(self, symbol: Symbol) -> bool:
        stack = [symbol.node]
        while stack:
            node = stack.pop()
            if node.inputs and (node is symbol.node or node not in self.problem.symbols):
                if node.primitive.kind not in (Kind.ELEMENTWISE, Kind.MOVEMENT):
                    return False
                stack += node.inputs
        return True

    def extents(self) -> dict[int, str]:
        """Return the sizes that a mean may divide by, and where they are from."""
        found: dict[int, str] = {}
        for symbol in self.problem.inputs:
            for axis, extent in enumerate(symbol.shape):
                if extent > 1:
                    found.setdefault(extent, f"axis {axis} of {symbol.name}")
            if len(symbol.shape) > 1:
                found.setdefault(int(np.prod(symbol.shape)), f"the elements of {symbol.name}")
        return found


def _other_names(function: Callable[..., Any]) -> dict[str, str]:
    if isinstance(function, FormulaFunction):
        return function.other_names
    code = getattr(inspect.unwrap(function), "__code__", None)
    return {} if code is None else other_names(code)


def _derivative(symbol: Symbol, by: Symbol) -> str:
    name, kind = symbol.name, symbol.node.primitive.name
    known: Mapping[str, str] = {
        "tanh": f"(1 - {name}**2)",
        "sigmoid": f"({name} * (1 - {name}))",
        "exp": name,
        "log": f"(1 / {by.name})",
        "maximum": f"({by.name} > 0)",
        "relu": f"({by.name} > 0)",
    }
    direct = by.node in symbol.node.inputs and by.name.isidentifier() and name.isidentifier()
    return known.get(kind, f"∂{name}/∂{by.name}") if direct else f"∂{name}/∂{by.name}"


def _definition(symbol: Symbol, by: Symbol) -> str:
    return f"{symbol.name} = {symbol.node.primitive.name}({by.name})"
