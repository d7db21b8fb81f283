"""What the engine says: values, adjoints and local Jacobians in float64, against which every line is held."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from wengert.errors import DerivationError, NonFiniteError
from wengert.explain.index.expressions import Symbol
from wengert.explain.index.indices import Index
from wengert.explain.loops.opening import Opened
from wengert.explain.loops.watching import adjoints_in_loops, carries_of
from wengert.ir.node import CONSTANT, Node, make_input, with_operands
from wengert.ir.program import Program, reading_order
from wengert.run.executor import Executable, Executor
from wengert.trace.tensor import Tensor, Trace, as_tensor
from wengert.transform.gradient import backpropagate, dependents, gradient, pullback

Array = np.ndarray[Any, Any]
_SCALES = (0.5, 0.3, 0.1, 0.03, 0.003)  # relative distances of fresh points, tried in turn


def sums_to_one(array: Array) -> bool:
    """Return whether the rows of an array are probabilities."""
    return array.ndim > 0 and bool(np.all(array >= 0) and np.allclose(array.sum(axis=-1), 1))


class Engine:
    """Runs a program, its reverse sweep and the derivative of each definition.

    Parameters
    ----------
    program : Program
        Its first output is a floating scalar; for a Jacobian it is an array, and the adjoints are of its sum.
    wrt : sequence of Node
        Inputs to differentiate by.
    symbols : mapping of Node to Symbol
    arguments : sequence of ndarray
        The point at which the function is explained.
    executor : Executor
    loops : Opened, optional
        What `program` was before its loops became lines over their iterations.
    """

    def __init__(
        self,
        program: Program,
        wrt: Sequence[Node],
        symbols: Mapping[Node, Symbol],
        arguments: Sequence[Array],
        executor: Executor,
        loops: Opened | None = None,
    ) -> None:
        self.program = program
        self.loops = loops or Opened(program, program)
        self.states = {one.given: one.computed for one in self.loops.states}
        self.wrt = tuple(wrt)
        self.symbols = symbols
        self.arguments = list(arguments)
        self._executor = executor
        self._edges: dict[tuple[Node, Node], tuple[Executable, tuple[Node, ...]]] = {}
        self._pullbacks: dict[tuple[Node, ...], Executable] = {}
        output = program.outputs[0]
        self.active = tuple(node for node in self._reached() if node in symbols)
        members = set(program.nodes)
        self.active = tuple(node for node in self.active if node in members)
        self._values = executor.compile(Program(program.inputs, program.nodes))
        if self.states:
            self._of_states = executor.compile(carries_of(self.loops))
        if self.loops.sites:
            self._adjoints = executor.compile(adjoints_in_loops(self.loops, self.active))
            return
        trace = Trace(rule="seed")
        with trace.recording():
            one = as_tensor(np.ones(output.type.shape, output.type.dtype), trace)
            adjoints = backpropagate([output], [one], self.active, trace)
        self._adjoints = executor.compile(Program(program.inputs, [adjoint.node for adjoint in adjoints]))

    def _reached(self) -> list[Node]:
        """Return what depends on `wrt`, also through the iterations before."""
        sources = list(self.wrt)
        while True:
            nodes = reading_order([self.program.outputs[0], *self.states.values(), *sources])
            found = dependents(nodes, sources)
            more = [
                given for given, computed in self.states.items() if computed in found and given not in sources
            ]
            if not more:
                return [node for node in found if node not in self.states]
            sources += more

    def point(self, arguments: Sequence[Array]) -> Point:
        """Return everything the engine knows at these arguments.

        Raises
        ------
        DerivationError
            When the lines of a loop over all its iterations are not what the loop computes.
        """
        given = [*arguments, *(self._of_states(arguments) if self.states else ())]
        values = dict(zip(self.program.nodes, self._values(given), strict=True))
        values |= dict(zip(self.program.inputs, given, strict=True))
        for state, computed in self.states.items():
            if not np.allclose(values[state], values[computed], rtol=1e-9, atol=1e-12, equal_nan=True):
                raise DerivationError(
                    f"{self.symbols[computed].name} is not the carry that the loop computes"
                )
        adjoints = dict(zip(self.active, self._adjoints(arguments), strict=True))
        return Point(self, values, adjoints)

    def given(self) -> Point:
        """Return the point at which the function is explained.

        Raises
        ------
        NonFiniteError
            When the function or its gradient is not finite there.
        """
        point = self.point(self.arguments)
        if not point.finite:
            raise NonFiniteError(
                f"{point.fault()} is not finite at these arguments, so no line could be checked"
            )
        self._check_gradient(point)
        return point

    def _check_gradient(self, point: Point) -> None:
        """Hold the adjoints, and the claim that an argument has none, to the gradient as users get it.

        Raises
        ------
        DerivationError
        """
        places = [self.program.inputs.index(node) for node in self.wrt]
        scalar = self.program.outputs[0].type.shape == ()
        if not scalar:
            return
        derived = self._executor.compile(gradient(self.loops.closed, places))(self.arguments)
        for node, expected in zip(self.wrt, derived, strict=True):
            found = point.adjoints.get(node, np.zeros(node.type.shape))
            if not np.allclose(found, expected, rtol=1e-9, atol=1e-12):
                name = self.symbols[node].name
                raise DerivationError(f"the adjoint of {name} is not the gradient that wengert.grad gives")

    def fresh(self, count: int, rng: np.random.Generator) -> list[Point]:
        """Return points drawn at random around the given one, at which all values are finite."""
        points: list[Point] = []
        for scale in _SCALES:
            for _ in range(count - len(points)):
                arguments = [self._drawn(array, scale, rng) for array in self.arguments]
                try:
                    point = self.point(arguments)
                except np.linalg.LinAlgError:  # a matrix that has no such factorisation
                    continue
                if point.finite:
                    points.append(point)
        return points

    def calm(self, count: int, rng: np.random.Generator) -> list[Point]:
        """Return points with small arguments, for formulas that overflow where stable forms do not."""
        points = []
        for _ in range(count):
            arguments = [
                rng.uniform(0.5, 1.5, one.shape) if one.dtype.kind == "f" and not sums_to_one(one) else one
                for one in self.arguments
            ]
            try:
                points.append(self.point([np.asarray(one) for one in arguments]))
            except np.linalg.LinAlgError:
                continue
        return [point for point in points if point.finite]

    @staticmethod
    def _drawn(array: Array, scale: float, rng: np.random.Generator) -> Array:
        """Draw an argument of the same nature: whole numbers stay, rows that sum to 1 still do."""
        if array.dtype.kind != "f" or array.size == 0:
            return array
        if sums_to_one(array) and array.shape[-1] > 1:
            weights = np.asarray(rng.uniform(0.2, 1, array.shape))
            return np.asarray(weights / weights.sum(axis=-1, keepdims=True))
        if np.all((array == 0) | (array == 1)) and array.ndim:
            return np.asarray(rng.uniform(0.1, 0.9, array.shape))
        if np.all(array > 0):
            return np.asarray(array * np.exp(scale * rng.normal(size=array.shape)))
        return np.asarray(array + scale * (0.5 + np.abs(array)) * rng.normal(size=array.shape))

    def edge(self, of: Node, by: Node) -> tuple[Executable, tuple[Node, ...]]:
        """Return the pullback of one definition to one of its operands, and the nodes it reads."""
        if (of, by) not in self._edges:
            program, reads = self._cut(of)
            derived = _added(
                pullback(program, [at for at, one in enumerate(reads) if self.symbols[one].node is by])
            )
            self._edges[of, by] = (self._executor.compile(derived), reads)
        return self._edges[of, by]

    def jacobian(self, of: Node, by: Node, arguments: Sequence[Array]) -> Array:
        """Return the derivative of a value by an input through all paths, one pullback for each element."""
        if (of, by) not in self._pullbacks:
            part = Program(self.program.inputs, [of])
            self._pullbacks[of, by] = self._executor.compile(pullback(part, [part.inputs.index(by)]))
        return self._rows(self._pullbacks[of, by], of.type.shape, arguments)

    def hessian(self, first: Node, second: Node, arguments: Sequence[Array]) -> Array:
        """Return the derivative of the output by two inputs, one pullback for each element."""
        output = self.program.outputs[0]
        if (output, first, second) not in self._pullbacks:
            inputs = self.program.inputs
            derived = gradient(self.program, [inputs.index(first)])
            again = pullback(derived, [inputs.index(second)])
            self._pullbacks[output, first, second] = self._executor.compile(again)
        return self._rows(self._pullbacks[output, first, second], first.type.shape, arguments)

    @staticmethod
    def _rows(run: Executable, shape: tuple[int, ...], arguments: Sequence[Array]) -> Array:
        rows = []
        for place in np.ndindex(shape):
            seed = np.zeros(shape)
            seed[place] = 1
            rows.append(run([*arguments, seed])[0])
        return np.asarray(rows).reshape((*shape, *np.shape(rows[0])))

    def _cut(self, node: Node) -> tuple[Program, tuple[Node, ...]]:
        """Return the definition of a named value as a program that reads other named values."""
        stack = list(node.inputs)
        seen: set[Node] = set()
        while stack:
            current = stack.pop()
            if current not in seen:
                seen.add(current)
                if current not in self.symbols:
                    stack += current.inputs
        ordered = sorted(seen, key=lambda one: one.serial)
        reads = tuple(one for one in ordered if one in self.symbols)
        new = {one: make_input(self.symbols[one].name, one.type) for one in reads}
        for one in [*(one for one in ordered if one not in new), node]:
            operands = tuple(new[operand] for operand in one.inputs)
            new[one] = with_operands(one, *operands) if one.inputs else one
        return Program([new[one] for one in reads], [new[node]]), reads


def _added(program: Program) -> Program:
    """Return a program with the sum of its outputs: a value that is read as it is and as a loop finds it."""
    if len(program.outputs) == 1:
        return program
    trace = Trace(rule="sum")
    with trace.recording():
        total = Tensor(program.outputs[0], trace)
        for node in program.outputs[1:]:
            total = total + Tensor(node, trace)
    return Program(program.inputs, [total.node])


class Point:
    """The values of a program at one point.

    Attributes
    ----------
    values, adjoints : dict of Node to ndarray
    iterations : mapping of Index to ndarray
        The places of indices over the iterations of loops at which matrices are taken; see `at`.
    """

    def __init__(self, engine: Engine, values: dict[Node, Array], adjoints: dict[Node, Array]) -> None:
        self.engine = engine
        self.values = values
        self.adjoints = adjoints
        self.iterations: Mapping[Index, Array] = {}
        self._transported: dict[tuple[Node, Node], Array] = {}
        self._totals: dict[tuple[Node, ...], Array] = {}

    def at(self, iterations: Mapping[Index, Array]) -> Point:
        """Return the same point, at which a matrix that is one of each iteration is taken at these places."""
        found = copy.copy(self)
        found.iterations = iterations
        return found

    @property
    def finite(self) -> bool:
        """Whether the named values and all adjoints are finite."""
        return not self.fault()

    def fault(self) -> str:
        """Return the first argument, value or derivative that is not finite; nothing where all are.

        A constant of the function may be infinite, as in where(mask, S, −∞), and so is the value then; it may
        be where nothing depends on it, as under a softmax.
        """
        symbols, output = self.engine.symbols, self.engine.program.outputs[0]
        for node, symbol in symbols.items():
            written = node.primitive is CONSTANT
            if node in self.values and not written and not np.all(self._meant(node)):
                return symbol.name
        for node, adjoint in self.adjoints.items():
            if not np.all(np.isfinite(adjoint)):
                return f"the derivative of {symbols[output].name} by {symbols[node].name}"
        return ""

    def _meant(self, node: Node) -> Array:
        """Return which elements are finite, or −∞ as the function says, of no effect."""
        values = self.values[node]
        finite = np.isfinite(values)
        if not node.primitive.selects or np.all(finite):
            return finite
        return np.asarray(finite | ((values == -np.inf) & (self.adjoint(node) == 0)))

    def adjoint(self, node: Node) -> Array:
        """Return the derivative of the output by a value; zeros where none flows."""
        found = self.adjoints.get(node)
        return np.zeros(node.type.shape) if found is None else found

    def pulled_back(self, of: Node, by: Node, cotangent: Array) -> Array:
        """Return what a cotangent of a definition contributes to one operand."""
        run, reads = self.engine.edge(of, by)
        (result,) = run([*(self.values[node] for node in reads), cotangent])
        return result

    def contribution(self, of: Node, by: Node) -> Array:
        """Return what the adjoint of `of` contributes to that of `by` through the definition of `of`."""
        if (of, by) not in self._transported:
            self._transported[of, by] = self.pulled_back(of, by, self.adjoints[of])
        return self._transported[of, by]

    def total(self, of: Node, by: Node) -> Array:
        """Return the derivative of a value by an input through all paths: the axes of `of`, then of `by`."""
        if (of, by) not in self._totals:
            self._totals[of, by] = self.engine.jacobian(of, by, self._arguments())
        return self._totals[of, by]

    def second(self, first: Node, second: Node) -> Array:
        """Return the derivative of the output by two inputs."""
        key = (self.engine.program.outputs[0], first, second)
        if key not in self._totals:
            self._totals[key] = self.engine.hessian(first, second, self._arguments())
        return self._totals[key]

    def _arguments(self) -> list[Array]:
        return [self.values[node] for node in self.engine.program.inputs]
