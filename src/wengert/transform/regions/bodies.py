"""What the rules of loops and branches ask of their bodies."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np

from wengert.errors import ShapeError
from wengert.ir.evaluate import evaluate
from wengert.ir.node import Node, make_node, with_operands
from wengert.ir.program import Program, bodies
from wengert.ir.types import TensorType, tensor_type
from wengert.trace.tensor import Tensor, Trace
from wengert.transform.gradient import dependents, pullback
from wengert.transform.placement import zeros
from wengert.transform.simplify import simplify

Array = np.ndarray[Any, Any]
Run = Callable[[Sequence[Any]], list[Any]]


def reference(program: Program) -> Run:
    """Return the callable by which the reference semantics runs a body."""
    return partial(evaluate, program)


def split(values: Sequence[Any], *counts: int) -> list[list[Any]]:
    """Return consecutive parts of `values`, of these lengths, and the rest."""
    parts, start = [], 0
    for count in counts:
        parts.append(list(values[start : start + count]))
        start += count
    return [*parts, list(values[start:])]


def stacked(type_: TensorType, length: int) -> TensorType:
    """Return the type of `length` values of a type."""
    return tensor_type((length, *type_.shape), type_.dtype)


def check_types(what: str, body: Program, given: Sequence[TensorType]) -> None:
    """Refuse operands that are not what a body takes.

    Raises
    ------
    ShapeError
        Names the input, what it is and what it is given.
    """
    if len(given) != len(body.inputs):
        raise ShapeError(f"{what} takes {len(body.inputs)} values, got {len(given)}")
    for node, type_ in zip(body.inputs, given, strict=True):
        if node.type is not type_:
            raise ShapeError(f"{what}: {node.param('name')!r} is {node.type}, got {type_}")


def reached(nodes: Iterable[Node], sources: Iterable[Node]) -> set[Node]:
    """Return those of `nodes`, in topological order, that depend on `sources`, these included."""
    found = set(sources)
    for node in nodes:
        if not found.isdisjoint(node.inputs):
            found.add(node)
    return found


def reached_carries(
    body: Program, fixed: Collection[int], carries: Collection[int], first: int, count: int, smooth: bool
) -> list[int]:
    """Return which carries of a loop depend on some of its operands, after any number of iterations.

    Parameters
    ----------
    body : Program
        Its inputs from `first` on are `count` carries, its first outputs their next values.
    fixed : collection of int
        Inputs of the body that depend on them and are no carries.
    carries : collection of int
        Carries that depend on them at the beginning.
    smooth : bool
        Only as far as a derivative flows.
    """
    found = set(carries)
    while True:
        sources = [body.inputs[place] for place in (*fixed, *[first + one for one in sorted(found)])]
        active = (
            set(dependents(body.nodes, sources)) | set(sources) if smooth else reached(body.nodes, sources)
        )
        more = found | {place for place in range(count) if body.outputs[place] in active}
        if more == found:
            return sorted(found)
        found = more


def with_bodies(program: Program, rewrite: Callable[[Program], Program]) -> Program:
    """Return a program in which the bodies of loops and branches are what `rewrite` makes of them."""
    if all(node.primitive.region is None for node in program.nodes):
        return program

    def rewritten(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple([rewritten(one) for one in value])
        return rewrite(value) if isinstance(value, Program) else value

    new: dict[Node, Node] = {}
    for node in program.nodes:
        operands = [new[one] for one in node.inputs]
        if bodies(node):
            new[node] = make_node(
                node.primitive, operands, {name: rewritten(value) for name, value in node.params}
            )
        else:
            new[node] = with_operands(node, *operands) if operands else node
    origins = {new.get(node, node): origin for node, origin in program.provenance.items()}
    return Program(program.inputs, [new[node] for node in program.outputs], origins, program.signature)


def restricted(program: Program, outputs: Iterable[int]) -> Program:
    """Return the program with some of its outputs, by position."""
    return Program(program.inputs, [program.outputs[place] for place in outputs], program.provenance)


def adjoint_body(body: Program, wrt: Sequence[int]) -> Program:
    """Return the program (inputs, cotangents of the outputs) → cotangents of the inputs `wrt`, simplified."""
    return simplify(pullback(body, wrt))


def read_by(program: Program) -> list[int]:
    """Return the positions of the inputs that some line reads, or that are outputs themselves."""
    read = set(program.nodes)
    return [place for place, node in enumerate(program.inputs) if node in read]


def live_carries(body: Program, first: int, count: int, live: set[int], others: Sequence[int]) -> list[int]:
    """Return the carries of a loop that those in `live`, and the outputs `others`, depend on.

    Parameters
    ----------
    body : Program
        Its inputs from `first` on are `count` carries, its first outputs their next values.
    live : set of int
    others : sequence of int
        Positions among the outputs.
    """
    while True:
        read = read_by(restricted(body, [*sorted(live), *others]))
        more = live | {place - first for place in read if first <= place < first + count}
        if more == live:
            return sorted(live)
        live = more


def called(targets: Sequence[str], function: str, arguments: str) -> str:
    """Return the statement that calls the function of a body, whose result is a tuple."""
    if not targets:
        return f"{function}({arguments})"
    return f"{', '.join(targets)}{',' if len(targets) == 1 else ''} = {function}({arguments})"


def recorder_of(*groups: Iterable[Any]) -> Trace:
    """Return the deepest trace of the tensors among values."""
    found = [one.recorder for group in groups for one in group if isinstance(one, Tensor)]
    return max(found, key=lambda trace: trace.level)


def or_zeros(cotangent: Any, type_: TensorType, trace: Trace) -> Any:
    """Return a cotangent, zeros where nothing depends on the value."""
    return zeros(type_, trace) if cotangent is None else cotangent
