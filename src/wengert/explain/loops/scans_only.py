"""Programs in which the only regions are loops of a known length: branches become cases."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.errors import GradientError, LimitError
from wengert.ir.evaluate import evaluate
from wengert.ir.node import ITEM, Node, with_operands
from wengert.ir.program import Program
from wengert.ir.provenance import UNKNOWN
from wengert.run.numpy import NumpyExecutor
from wengert.trace.tensor import Tensor, Trace, as_tensor
from wengert.transform.inline import inline
from wengert.transform.regions.bodies import split
from wengert.transform.regions.branch import cond
from wengert.transform.regions.scan import scan, scanned
from wengert.transform.regions.while_iterations import WhileIterations
from wengert.transform.regions.while_loop import while_loop

MOST_ITERATIONS = 1_000_000


Change = Callable[[Program], Program]


def lowered(program: Program, arguments: Sequence[Any] | None, of_body: Change) -> Program:
    """Return a program whose only regions are scans of two iterations or more.

    A branch becomes the choice between the values of all branches. A `while_loop` becomes a scan of as many
    iterations as it makes at the given arguments: its derivative takes their number as constant too.

    Parameters
    ----------
    program : Program
    arguments : sequence of array, optional
        None in the body of a loop, where the number of iterations differs from one to the next.
    of_body : callable
        What is done to the body of each loop that stays.

    Raises
    ------
    GradientError
        For a `while_loop` in the body of another loop or branch, and for the derivative of one.
    LimitError
        For a `while_loop` of more than a million iterations.
    """
    if all(node.primitive.region is None for node in program.nodes):
        return program
    trace = Trace(rule="lower")
    new: dict[Node, Node] = {node: node for node in program.inputs}
    results: dict[Node, Sequence[Any]] = {}
    with trace.recording():
        for node in program.nodes:
            if node in new:
                continue
            operands = [Tensor(new[one], trace) for one in node.inputs if one in new]
            if node.primitive is ITEM:
                new[node] = as_tensor(results[node.inputs[0]][node.param("index")], trace).node
            elif node.primitive is cond:
                results[node] = _cases(operands, trace, of_body, **dict(node.params))
            elif node.primitive is scan:
                results[node] = _shortened(operands, trace, of_body, **dict(node.params))
            elif node.primitive is while_loop and arguments is not None:
                known = NumpyExecutor().compile(Program(program.inputs, [new[one] for one in node.inputs]))
                loop = _counted(operands, known(arguments), **dict(node.params))
                given = [Tensor(one, trace) for one in loop.inputs]
                results[node] = _shortened(given, trace, of_body, **dict(loop.params))
            elif node.primitive.region is not None:
                raise GradientError(_refusal(program, node))
            else:
                new[node] = with_operands(node, *[new[one] for one in node.inputs]) if operands else node
    origins = {new[node]: origin for node, origin in program.provenance.items() if node in new}
    for node, found in results.items():
        loops = [
            one.node.inputs[0] for one in found if isinstance(one, Tensor) and one.node.primitive is ITEM
        ]
        if loops and node in program.provenance:
            origins[loops[0]] = program.provenance[node]
    outputs = [new[node] for node in program.outputs]
    return Program(program.inputs, outputs, {**trace.provenance, **origins}, program.signature)


def iterations(program: Program) -> int:
    """Return how many iterations the loops of a program make, those of inner ones counted each time."""
    return sum(
        node.param("length") * max(1, iterations(node.param("body")))
        for node in program.nodes
        if node.primitive is scan
    )


def refuse_loops(where: str, program: Program) -> None:
    """Refuse a loop where only lines outside of loops can be shown.

    Raises
    ------
    GradientError
    """
    for node in program.nodes:
        if node.primitive.region is not None:
            place = program.provenance.get(node, UNKNOWN).source
            raise GradientError(
                f"{where} takes no loop (at {place}): explain derives it; or take one iteration as function"
            )


def _refusal(program: Program, node: Node) -> str:
    place = program.provenance.get(node, UNKNOWN).source
    if node.primitive is while_loop:
        return (
            f"a while_loop inside of another loop or branch (at {place}) makes another number of iterations "
            "each time, so there is no one index over them: write it as a fori_loop or scan of a fixed length"
        )
    return f"{node.primitive.name} (at {place}) is the derivative of a while_loop, which has no formula"


def _cases(
    operands: Sequence[Any], trace: Trace, of_body: Change, *, branches: tuple[Program, ...]
) -> list[Any]:
    index, *given = operands
    values = [inline(lowered(one, None, of_body), given, trace) for one in branches]
    found: list[Any] = list(values[-1])
    for number in range(len(branches) - 2, -1, -1):
        if index.dtype.kind == "b":
            found = [np.where(index, one, other) for one, other in zip(found, values[number], strict=True)]
        else:
            found = [
                np.where(index <= number, one, other)
                for one, other in zip(values[number], found, strict=True)
            ]
    return found


def _shortened(
    operands: Sequence[Any],
    trace: Trace,
    of_body: Change,
    *,
    body: Program,
    fixed: int,
    carried: int,
    length: int,
    reverse: bool,
) -> Sequence[Any]:
    constants, inits, streams = split(operands, fixed, carried)
    if length == 0:
        types = [*[node.type for node in body.outputs[carried:]], *[one.node.type for one in inits]]
        return [*inits, *[np.zeros((0, *one.shape), one.dtype) for one in types]]
    body = of_body(lowered(body, None, of_body))
    if length == 1:
        found = inline(body, [*constants, *inits, *[one[0] for one in streams]], trace)
        return [*found[:carried], *[one[None] for one in (*found[carried:], *inits)]]
    params = {"body": body, "fixed": fixed, "carried": carried, "length": length, "reverse": reverse}
    results: tuple[Any, ...] = scan(*operands, **params)
    return results


def _counted(
    operands: Sequence[Any],
    values: Sequence[Any],
    *,
    condition: Program,
    body: Program,
    asked: int,
    fixed: int,
) -> Node:
    """Return a while_loop as a scan of the iterations that it makes at these values of its operands."""

    def bounded(program: Program) -> Any:
        left = MOST_ITERATIONS

        def run(given: Sequence[Any]) -> list[Any]:
            nonlocal left
            left -= 1
            if left < 0:
                raise LimitError(
                    f"a while_loop makes more than {MOST_ITERATIONS:,} iterations at these arguments; "
                    "give others, at which it ends sooner"
                )
            return evaluate(program, given)

        return run

    loop = WhileIterations(bounded, range(len(body.outputs)), condition, body, asked, fixed)
    count = loop.run(values).count
    _, constants, inits = split(operands, asked, fixed)
    found = scanned(body, constants, inits, [], count, reverse=False)
    of_known_length: Node = found[0].node.inputs[0]
    return of_known_length
