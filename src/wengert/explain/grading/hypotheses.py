"""Gradients as they come out when a whole step of the derivation is wrong, however the claim is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from wengert.explain.engine import Array
from wengert.explain.grading.backward import code_of, sent_back, traced, values_of
from wengert.explain.grading.right_gradients import ReferenceGradients
from wengert.explain.grading.slopes import Factor
from wengert.explain.index.definitions import uniform_value
from wengert.explain.index.expressions import Symbol
from wengert.explain.symbols import scales
from wengert.ir.node import Node
from wengert.ir.primitive import Kind
from wengert.ir.program import ancestors
from wengert.transform.gradient import dependents

_MOST = 40  # hypotheses of a kind
# What a softmax p hands back of a cotangent g if its Jacobian diag(p) − p pᵀ is cut short.
_DIAGONALS: tuple[tuple[Callable[[Any, Any], Any], str], ...] = (
    (
        lambda p, g: p * (1 - p) * g,
        "only the diagonal of the Jacobian of {}: each p_i depends on every z_j, and −p_i p_j is missing",
    ),
    (lambda p, g: p * g, "only the diagonal diag(p) of the Jacobian diag(p) − p pᵀ of {}: −p pᵀ is missing"),
)


@dataclass(frozen=True)
class Hypothesis:
    """A wrong step, and the gradient that it leads to.

    Attributes
    ----------
    mistake : str
    values : list of ndarray
        At each point.
    left_out : str or None
        The code of what the wrong gradient lacks, where it is a sum with a term left out.
    """

    mistake: str
    values: list[Array]
    left_out: str | None = None


class Hypotheses:
    """The wrong steps that are thought of for the gradient of one value.

    Parameters
    ----------
    reference : ReferenceGradients
    symbol : Symbol
        The value that is differentiated by.
    factors : sequence of Factor
    """

    def __init__(self, reference: ReferenceGradients, symbol: Symbol, factors: Sequence[Factor]) -> None:
        self._reference = reference
        self._symbol = symbol
        self._factors = factors
        self._true = reference.gradients(symbol)
        self._output = reference.output.node

    def gradient_code(self) -> str | None:
        """Return the true gradient as NumPy code over the reader's names."""
        return self._code(sent_back(self._output, self._symbol.node))

    def others(self) -> Iterator[Hypothesis]:
        """Yield the gradients of the other named values."""
        seen: list[tuple[list[Array], list[str]]] = []
        for symbol in self._reference.problem.order:
            if symbol is self._symbol or symbol is self._reference.output:
                continue
            values = self._reference.gradients(symbol)
            for known, names in seen:
                if all(
                    one.shape == other.shape and np.array_equal(one, other)
                    for one, other in zip(known, values, strict=True)
                ):
                    names.append(self._named(symbol))
                    break
            else:
                seen.append((values, [self._named(symbol)]))
        for values, names in seen:
            yield Hypothesis(
                f"it is the gradient of {' and of '.join(names)}, not of {self._symbol.name}", values
            )

    def terms(self) -> Iterator[Hypothesis]:
        """Yield the gradient without that of one term of the output."""
        parts = self._summands()
        if len(parts) > 1:
            for node in parts:
                text = code_of(node, self._without(node)) or "one term"
                yield from self._lacking(
                    f"the term {text} of {self._reference.output.name} is left out", node
                )

    def paths(self) -> Iterator[Hypothesis]:
        """Yield the gradient without one of the ways on which a value reaches the output."""
        problem = self._reference.problem
        for symbol in problem.order:
            consumers = problem.consumers(symbol)
            if len(consumers) < 2:
                continue
            for one in consumers:
                cotangent = sent_back(one.node, symbol.node, sent_back(self._output, one.node))
                text = f"the way on which {self._named(symbol)} acts through {self._named(one)} is left out"
                yield from self._lacking(text, symbol.node, cotangent)

    def neighbours(self) -> Iterator[Hypothesis]:
        """Yield the gradient without what comes from one of the shifted copies in which a value stands.

        An element of x stands in x[1:] − x[:-1] as itself and as the neighbour of another.
        """
        for node, name in self._reference.reader_names.items():
            moved = [one for one in self._reference.problem.program.nodes if node in one.inputs]
            moved = [one for one in moved if one.primitive.kind is Kind.MOVEMENT]
            for one in moved if len(moved) > 1 else ():
                written = code_of(one, self._reference.reader_names)
                text = f"the neighbour's term is left out: {name} acts through {written} as well"
                if written is not None:
                    yield from self._lacking(text, node, sent_back(one, node, sent_back(self._output, one)))

    def jacobians(self) -> Iterator[Hypothesis]:
        """Yield the gradient with the Jacobian of a softmax replaced by its diagonal, or by diag(p)."""
        for symbol in self._reference.problem.order:
            for by in self._ancestors(symbol):
                if by.shape != symbol.shape or not by.shape or not self._softmax(symbol, by):
                    continue
                text = f"{self._named(symbol)} = softmax({self._named(by)})"
                for rule, mistake in _DIAGONALS:
                    cotangent = traced(rule, symbol.node, sent_back(self._output, symbol.node))
                    yield from self._instead(mistake.format(text), by.node, cotangent)

    def derivatives(self) -> Iterator[Hypothesis]:
        """Yield the gradient with the derivative of an elementwise definition left out."""
        for factor in self._factors:
            if not factor.alone:
                continue
            adjoint = sent_back(self._output, factor.of)
            needed = f": it is {factor.code}" if factor.code else ""
            yield from self._instead(
                f"the derivative of {factor.origin} is missing{needed}", factor.by, adjoint
            )
        for node, operand in self._unnamed():
            written = code_of(node, self._reference.reader_names)
            if written is not None:
                adjoint = sent_back(self._output, node)
                yield from self._instead(f"the derivative of {written} is missing", operand, adjoint)

    def unnamed_lines(self) -> list[str]:
        """Return the elementwise lines that have no name, as code over the reader's names."""
        found = (code_of(node, self._reference.reader_names) for node, _ in self._unnamed())
        return list(dict.fromkeys(code for code in found if code is not None))[:_MOST]

    def _unnamed(self) -> Iterator[tuple[Node, Node]]:
        """Yield elementwise lines without a name that bend, and the one operand that a derivative goes to."""
        problem = self._reference.problem
        active = set(dependents(problem.program.nodes, problem.engine.wrt))
        for node in problem.program.nodes:
            if node in active and node not in problem.symbols and node.primitive.kind is Kind.ELEMENTWISE:
                moving = [one for one in node.inputs if one in active and one.type.shape == node.type.shape]
                if len(moving) == 1 and not node.primitive.linear and not scales(node):
                    yield node, moving[0]

    def _instead(self, mistake: str, of: Node, cotangent: Node) -> Iterator[Hypothesis]:
        """Yield what the gradient would be if the adjoint of a value were another."""
        if not self._reaches(of):
            return
        wrong = cotangent if of is self._symbol.node else sent_back(of, self._symbol.node, cotangent)
        right = sent_back(self._output, of)
        share = right if of is self._symbol.node else sent_back(of, self._symbol.node, right)
        wrong_values, right_values = self._values([wrong, share])
        whole = [
            true - one + other
            for true, one, other in zip(self._true, right_values, wrong_values, strict=True)
        ]
        yield Hypothesis(mistake, whole)

    def _lacking(self, mistake: str, of: Node, cotangent: Node | None = None) -> Iterator[Hypothesis]:
        """Yield what the gradient is without the contribution of a cotangent of a value."""
        if cotangent is None:
            cotangent = sent_back(self._output, of)
        if not self._reaches(of):
            return
        part = cotangent if of is self._symbol.node else sent_back(of, self._symbol.node, cotangent)
        (values,) = self._values([part])
        if all(not np.any(one) for one in values):
            return
        code = self._code(part)
        needed = f"; {code} is missing" if code else ""
        rest = [true - one for true, one in zip(self._true, values, strict=True)]
        yield Hypothesis(mistake + needed, rest, code)

    def _reaches(self, of: Node) -> bool:
        return self._symbol.node in ancestors([of])

    def _values(self, nodes: Sequence[Node]) -> list[list[Array]]:
        return values_of(nodes, self._reference.problem.program, self._reference.arguments())

    def _code(self, node: Node) -> str | None:
        return code_of(node, self._reference.reader_names)

    def _without(self, node: Node) -> dict[Node, str]:
        return {one: name for one, name in self._reference.reader_names.items() if one is not node}

    def _named(self, symbol: Symbol) -> str:
        """Return a value's name, its code where its name is not the reader's."""
        known = self._reference.reader_names.get(symbol.node)
        return known or code_of(symbol.node, self._reference.reader_names) or symbol.name

    def _summands(self) -> list[Node]:
        """Return the values whose sum the output is, up to constant factors."""
        found: dict[Node, None] = {}
        stack = [self._output]
        while stack:
            node = stack.pop()
            if node.primitive.linear or scales(node):
                stack += reversed([one for one in node.inputs if uniform_value(one) is None])
            elif self._reaches(node):
                found.setdefault(node)
        return list(found)[:_MOST]

    def _ancestors(self, symbol: Symbol) -> list[Symbol]:
        """Return the named values that a value is computed from, the nearest first."""
        found = dict.fromkeys(self._reference.problem.uses[symbol])
        waiting = list(found)
        for one in waiting:
            nearer = [by for by in self._reference.problem.uses.get(one, ()) if by not in found]
            found.update(dict.fromkeys(nearer))
            waiting += nearer
        return waiting

    def _softmax(self, symbol: Symbol, by: Symbol) -> bool:
        """Whether a value is the softmax of another, along one axis or another."""
        return any(
            all(
                np.allclose(point.values[symbol.node], _softmax(point.values[by.node], axis), rtol=1e-9)
                for point in self._reference.points
            )
            for axis in range(len(by.shape))
        )


def _softmax(z: Any, axis: int) -> Array:
    powers = np.exp(z - np.max(z, axis=axis, keepdims=True))
    return np.asarray(powers / powers.sum(axis=axis, keepdims=True))
