"""Loops and branches as ONNX operators whose bodies are graphs.

A body reads what is captured from the graph around it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.io.formats.onnx_graph import Graph, Line
from wengert.ir.node import Node
from wengert.ir.program import Program
from wengert.transform.regions.bodies import split

# The values of the results that are read, by position.
Results = dict[int, str]


def scan(line: Line) -> Results:
    """Add Scan; Loop where nothing is gone over, or perhaps nothing at all."""
    length, streams = line.params["length"], line.operands[line.params["fixed"] + line.params["carried"] :]
    # onnxruntime refuses a Scan of no iterations.
    return _scan(line) if streams and isinstance(length, int) and length else _counted_loop(line)


def _scan(line: Line) -> Results:
    fixed, carried, reverse = (line.params[name] for name in ("fixed", "carried", "reverse"))
    body: Program = line.params["body"]
    constants, inits, streams = split(line.operands, fixed, carried)
    graph = line.graph.inner()
    taken = _inputs(line, graph, body.inputs[fixed:])
    results = line.add_body(graph, body, [*constants, *taken])
    stacked = [place for place in line.read if place >= carried]
    given = [_result(body, results, taken, place) for place in (*range(carried), *stacked)]
    directions = {"scan_input_directions": [1] * len(streams), "scan_output_directions": [1] * len(stacked)}
    values = line.graph.add_several(
        "Scan",
        *inits,
        *streams,
        count=len(given),
        body=graph.body([(name, *line.type_of(node)) for name, node in given]),
        num_scan_inputs=len(streams),
        **({name: ones for name, ones in directions.items() if ones} if reverse else {}),
    )
    return dict(zip((*range(carried), *stacked), values, strict=True))


def _counted_loop(line: Line) -> Results:
    fixed, carried, reverse = (line.params[name] for name in ("fixed", "carried", "reverse"))
    body: Program = line.params["body"]
    constants, inits, streams = split(line.operands, fixed, carried)
    stacked = [place for place in line.read if place >= carried]
    length = line.extent(line.params["length"])
    always = line.graph.constant(True)  # may be left out, but the evaluator of the package onnx needs it

    def iteration(graph: Graph, number: str, carry: list[str]) -> tuple[str, list[tuple[str, Node]]]:
        if reverse:
            last = graph.add("Sub", length, graph.constant([1], np.int64))
            number = graph.add("Squeeze", graph.add("Sub", last, number))
        entries = [graph.add("Gather", one, number, axis=0) for one in streams]
        results = line.add_body(graph, body, [*constants, *carry, *entries])
        given = [_result(body, results, carry, place) for place in (*range(carried), *stacked)]
        return always, given

    values = _loop(line, length, always, inits, body.inputs[fixed : fixed + carried], iteration)
    if reverse:
        values[carried:] = [_reversed(line.graph, one) for one in values[carried:]]
    return dict(zip((*range(carried), *stacked), values, strict=True))


def while_loop(line: Line) -> Results:
    """Add Loop, with the condition before it and at the end of its body."""
    asked, fixed = line.params["asked"], line.params["fixed"]
    condition, body = line.params["condition"], line.params["body"]
    of_condition, constants, inits = split(line.operands, asked, fixed)

    def iteration(graph: Graph, number: str, carry: list[str]) -> tuple[str, list[tuple[str, Node]]]:
        results = line.add_body(graph, body, [*constants, *carry])
        (goes_on,) = line.add_body(graph, condition, [*of_condition, *results])
        return goes_on, list(zip(results, body.outputs, strict=True))

    (first,) = line.add_body(line.graph, condition, [*of_condition, *inits])
    return dict(enumerate(_loop(line, "", first, inits, body.inputs[fixed:], iteration)))


def cond(line: Line) -> Results:
    """Add If, one in the other where there are more than two branches."""
    index, *operands = line.operands
    branches: tuple[Program, ...] = line.params["branches"]
    number = line.graph.cast(index, np.int64)

    def chosen(graph: Graph, first: int) -> list[tuple[str, Node]]:
        """Return the read results of the branch that is chosen of those from `first` on."""
        nodes = [branches[first].outputs[place] for place in line.read]
        if first == len(branches) - 1:
            results = line.add_body(graph, branches[first], operands)
            return [(results[place], node) for place, node in zip(line.read, nodes, strict=True)]
        taken, others = graph.inner(), graph.inner()
        results = line.add_body(taken, branches[first], operands)
        kinds = {
            "then_branch": (taken, [(results[place], branches[first].outputs[place]) for place in line.read]),
            "else_branch": (others, chosen(others, first + 1)),
        }
        values = graph.add_several(
            "If",
            graph.add("LessOrEqual", number, graph.constant(first, np.int64)),
            count=len(nodes),
            **{
                name: inner.body([(value, *line.type_of(node)) for value, node in given])
                for name, (inner, given) in kinds.items()
            },
        )
        return list(zip(values, nodes, strict=True))

    return {place: value for place, (value, _) in zip(line.read, chosen(line.graph, 0), strict=True)}


Iteration = Callable[[Graph, str, list[str]], tuple[str, list[tuple[str, Node]]]]


def _loop(
    line: Line, most: str, first: str, inits: Sequence[str], carries: Sequence[Node], iteration: Iteration
) -> list[str]:
    """Add Loop; return the last carries, and what each iteration gives besides.

    Parameters
    ----------
    line : Line
    most, first : str
        How many iterations there are at most, empty where that is open, and whether there is any.
    inits : sequence of str
        What the carries are before.
    carries : sequence of Node
        Of their types.
    iteration : callable
        ``iteration(graph, number, carry)`` gives whether there is to be another, and values with nodes of
        their types: carries, and what is stacked.
    """
    graph = line.graph.inner()
    number = graph.body_input("iteration", np.int64, ())
    graph.body_input("goes_on", np.bool_, ())
    goes_on, given = iteration(graph, number, _inputs(line, graph, carries))
    outputs = [(goes_on, np.bool_, ()), *[(name, *line.type_of(node)) for name, node in given]]
    return line.graph.add_several("Loop", most, first, *inits, count=len(given), body=graph.body(outputs))


def _inputs(line: Line, graph: Graph, nodes: Sequence[Node]) -> list[str]:
    """Declare inputs of a body."""
    return [graph.body_input(str(node.param("name")), *line.type_of(node)) for node in nodes]


def _result(body: Program, results: list[str], carry: list[str], place: int) -> tuple[str, Node]:
    """Return a result of an iteration of a scan, or a carry that it began with, and a node of its type."""
    count = len(body.outputs)
    if place < count:
        return results[place], body.outputs[place]
    return carry[place - count], body.outputs[place - count]


def _reversed(graph: Graph, value: str) -> str:
    places: list[Any] = [[-1], [-(2**63 - 1)], [0], [-1]]
    return graph.add("Slice", value, *[graph.constant(one, np.int64) for one in places])
