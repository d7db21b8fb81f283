"""What a loop itself says of the values in its body: their adjoints, and its carries after each iteration."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from wengert.errors import GradientError
from wengert.explain.loops.opening import Opened, Site
from wengert.ir.node import ITEM, Node, items_of, make_input, make_node, with_operands
from wengert.ir.program import Program
from wengert.ir.types import TensorType, tensor_type
from wengert.trace.tensor import Tensor, Trace, as_tensor
from wengert.transform.gradient import backpropagate
from wengert.transform.inline import substitute
from wengert.transform.regions.bodies import split


def carries_of(loops: Opened) -> Program:
    """Return the program of the carries of all loops, after each iteration."""
    count = len(loops.closed.outputs)
    found = watched(loops.closed, [one.site for one in loops.states], [])
    return Program(found.inputs, found.outputs[count:], found.provenance)


def adjoints_in_loops(loops: Opened, nodes: Sequence[Node]) -> Program:
    """Return the program of the derivatives of the (summed) output by lines of the program without loops.

    Raises
    ------
    GradientError
        For a line that is the same in all iterations, repeated.
    """
    closed = loops.closed
    inner = [node for node in nodes if node not in closed.inputs]
    for node in inner:
        if node not in loops.sites:
            raise GradientError(
                f"{node.primitive.name}, of shape {node.type.shape}, gives all iterations of a loop the same "
                "value, which has no derivative of its own there: compute it outside of the loop"
            )
    places = [(node, site) for node in inner for site in loops.sites[node]]
    program = watched(closed, [], [(site, node.type) for node, site in places])
    own, increments = split(program.inputs, len(closed.inputs))
    targets = [(node, node) for node in nodes if node in own]
    targets += [(node, one) for (node, _), one in zip(places, increments, strict=True)]
    trace = Trace(rule="seed")
    adjoints: dict[Node, Tensor] = {}
    with trace.recording():
        output = program.outputs[0]
        seed = as_tensor(np.ones(output.type.shape, output.type.dtype), trace)
        found = backpropagate([output], [seed], [one for _, one in targets], trace)
        for (node, _), adjoint in zip(targets, found, strict=True):
            adjoints[node] = adjoints[node] + adjoint if node in adjoints else adjoint
        still = [as_tensor(np.zeros(one.type.shape, one.type.dtype), trace).node for one in increments]
    derived = Program(program.inputs, [adjoints[node].node for node in nodes])
    new = substitute(derived, [*own, *still])
    return Program(closed.inputs, [new[node] for node in derived.outputs])


def watched(program: Program, read: Sequence[Site], moved: Sequence[tuple[Site, TensorType]]) -> Program:
    """Return a program that gives values of its loops besides, and in which values can be moved.

    Parameters
    ----------
    program : Program
        Its only regions are scans.
    read : sequence of Site
        With an axis for each loop.
    moved : sequence of (Site, TensorType)
        Values, with the types that they have outside of the loops.

    Returns
    -------
    Program
        Its inputs are those of `program`, then an increment for each value of `moved`; its outputs those of
        `program`, then the values of `read`. The derivative by an increment of 0 is the adjoint of the value.
    """
    trace = Trace(rule="watch")
    increments = [make_input(f"d{place}", type_) for place, (_, type_) in enumerate(moved)]
    pairs = [(site, one) for (site, _), one in zip(moved, increments, strict=True)]
    new: dict[Node, Node] = {}
    results: dict[Node, Sequence[Node]] = {}
    values: dict[Site, Node] = {}
    with trace.recording():
        for node in [*program.inputs, *program.nodes]:
            if node in new:
                continue
            if node.primitive is ITEM:
                new[node] = _moved(node, results[node.inputs[0]][node.param("index")], pairs, trace)
            elif node.primitive.region is not None:
                inner = [one for one in read if one.path[0] is node]
                pushed = [(site, one) for site, one in pairs if site.path[0] is node]
                found = _loop(node, [new[one] for one in node.inputs], inner, pushed, trace)
                count = len(items_of(node))
                results[node] = found[:count]
                values |= dict(zip(inner, found[count:], strict=True))
            else:
                operands = [new[one] for one in node.inputs]
                line = with_operands(node, *operands) if operands else node
                new[node] = _moved(node, line, pairs, trace)
        values |= {one: new[one.path[0]] for one in read if len(one.path) == 1}
    outputs = [*[new[node] for node in program.outputs], *[values[one] for one in read]]
    return Program([*program.inputs, *increments], outputs, trace.provenance)


def _moved(node: Node, line: Node, increments: Sequence[tuple[Site, Node]], trace: Trace) -> Node:
    """Return a line with the increments of the value that it computes."""
    value = Tensor(line, trace)
    for site, one in increments:
        if site.path == (node,):
            value = value + Tensor(one, trace)
    return as_tensor(value, trace).node


def _loop(
    loop: Node,
    operands: Sequence[Node],
    read: Sequence[Site],
    moved: Sequence[tuple[Site, Node]],
    trace: Trace,
) -> list[Node]:
    """Return the results of a loop that is watched, then the values that are read in it."""
    params = dict(loop.params)
    body, fixed, carried = (params[name] for name in ("body", "fixed", "carried"))
    within = [
        (Site(site.path[1:], site.stacked[1:]), _entry(one.type) if site.stacked[0] else one.type)
        for site, one in moved
    ]
    inner = watched(body, [Site(one.path[1:], one.stacked[1:]) for one in read], within)
    own, increments = split(inner.inputs, len(body.inputs))
    has_axis = [site.stacked[0] for site, _ in moved]
    shared = [one for one, has in zip(increments, has_axis, strict=True) if not has]
    entries = [one for one, has in zip(increments, has_axis, strict=True) if has]
    constants, carries, streams = split(own, fixed, carried)
    inputs = [*constants, *shared, *carries, *streams, *entries]
    given, inits, arrays = split(operands, fixed, carried)
    given = [*given, *[one for (_, one), has in zip(moved, has_axis, strict=True) if not has]]
    arrays = [*arrays, *[one for (_, one), has in zip(moved, has_axis, strict=True) if has]]
    params |= {"body": Program(inputs, inner.outputs, inner.provenance), "fixed": len(given)}
    items = items_of(make_node(loop.primitive, [*given, *inits, *arrays], params))
    count = len(body.outputs)
    added = len(inner.outputs) - count
    return [*items[:count], *items[count + added :], *items[count : count + added]]


def _entry(type_: TensorType) -> TensorType:
    return tensor_type(type_.shape[1:], type_.dtype)
