"""Which line first gave a NaN or an infinity, and from what."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from wengert.ir.evaluate import check_argument, evaluate, evaluate_node
from wengert.ir.node import INPUT, Node
from wengert.ir.program import Program, read_items
from wengert.ir.provenance import Provenance, SourceLine


@dataclass(frozen=True)
class NonFinite:
    """The first line of a program whose value is not finite although its operands are.

    Attributes
    ----------
    line : int
        Position in the program's list of nodes.
    operation : str
    name : str or None
        The user's name for the value.
    layer : str or None
    source : SourceLine or None
    kind : str
        ``"NaN"`` or ``"Inf"``.
    count, size : int
        How many elements are not finite, of how many.
    operands : tuple of (str, float, float)
        Name, smallest and largest value of each operand.
    iterations : tuple of (str, int)
        The loops in whose bodies the line stands, outermost first, and in which of their iterations that was.
    """

    line: int
    operation: str
    name: str | None
    layer: str | None
    source: SourceLine | None
    kind: str
    count: int
    size: int
    operands: tuple[tuple[str, float, float], ...]
    iterations: tuple[tuple[str, int], ...] = ()

    def __str__(self) -> str:
        where = f" in layer {self.layer}" if self.layer else ""
        called = f" (called {self.name})" if self.name else ""
        source = f", from {self.source}" if self.source else ""
        ranges = "; ".join(f"{name} in [{low:.6g}, {high:.6g}]" for name, low, high in self.operands)
        return (
            f"{self.operation}{called}{where}{self._iterations()} gave {self.kind} "
            f"in {self.count} of {self.size} elements; its operands: {ranges or 'none'}{source}"
        )

    def _iterations(self) -> str:
        return "".join(
            f" in iteration {iteration} of a {loop}" for loop, iteration in reversed(self.iterations)
        )


class _FoundError(Exception):
    """The finding in the body of a loop or branch."""

    def __init__(self, finding: NonFinite) -> None:
        super().__init__(finding)
        self.finding = finding


def first_non_finite(program: Program, arguments: Sequence[Any]) -> NonFinite | None:
    """Run `program` and stop at the first NaN or infinity.

    An infinite constant is no finding: it stands there on purpose.

    Parameters
    ----------
    program : Program
    arguments : sequence of array_like
        One per input. An input that is not finite is itself the finding.
    """
    values: dict[Node, np.ndarray[Any, Any]] = {}
    for node, argument in zip(program.inputs, arguments, strict=True):
        values[node] = check_argument(node, argument)
        if not _finite(values[node]):
            return _finding(program, node, values)
    with np.errstate(all="ignore"):
        for node in program.nodes:
            if node.primitive is INPUT:
                continue
            operands = [values[operand] for operand in node.inputs]
            if node.primitive.region is not None:
                try:
                    values[node] = _region(node, program, operands)
                except _FoundError as error:
                    return error.finding
                continue
            values[node] = evaluate_node(node, operands)
            if node.inputs and not _finite(values[node]):
                return _finding(program, node, values)
    return None


def _region(node: Node, program: Program, operands: Sequence[Any]) -> Any:
    """Return the results of a loop or branch, whose bodies are looked at line by line."""
    region = node.primitive.region
    assert region is not None

    def looked_at(body: Program) -> Any:
        iterations = itertools.count()

        def run(arguments: Sequence[Any]) -> list[np.ndarray[Any, Any]]:
            iteration = next(iterations)
            found = first_non_finite(body, arguments)
            if found is not None:
                raise _FoundError(
                    replace(found, iterations=((node.primitive.name, iteration), *found.iterations))
                )
            return evaluate(body, arguments)

        return run

    wanted = sorted(read_items(program)[node])
    return region.prepare(looked_at, wanted, **dict(node.params))(*operands)


def _finite(value: np.ndarray[Any, Any]) -> bool:
    return value.dtype.kind != "f" or bool(np.isfinite(value).all())


def _label(node: Node, known: Provenance) -> str:
    return str(node.param("name")) if node.primitive is INPUT else known.name or node.primitive.name


def _finding(program: Program, node: Node, values: dict[Node, np.ndarray[Any, Any]]) -> NonFinite:
    known = program.provenance.get(node, Provenance())
    layers = [entered.name for entered in known.regions if entered.kind == "layer"]
    value = values[node]
    ranges = []
    for operand in node.inputs:
        array = values[operand]
        if array.size and array.dtype.kind in "fiu":
            origin = program.provenance.get(operand, Provenance())
            ranges.append((_label(operand, origin), float(array.min()), float(array.max())))
    operation = "input" if node.primitive is INPUT else known.rule or node.primitive.name
    return NonFinite(
        line=program.nodes.index(node) if node in program.nodes else -1,
        operation=operation,
        name=_label(node, known) if node.primitive is INPUT else known.name,
        layer=layers[-1] if layers else None,
        source=known.source,
        kind="NaN" if np.isnan(value).any() else "Inf",
        count=int(np.count_nonzero(~np.isfinite(value))),
        size=value.size,
        operands=tuple(ranges),
    )
