"""What no result of a loop or branch that is read depends on is not computed for it."""

from __future__ import annotations

from typing import Any

from wengert.ir.node import ITEM, Node, items_of, make_node, with_operands
from wengert.ir.program import Program, read_items
from wengert.trace.tensor import Tensor, Trace
from wengert.transform.placement import zeros


def pruned(program: Program) -> Program:
    """Return a program in which operands of regions that do not matter are zeros.

    Which of them matter depends on the results that some line reads. The regions themselves stay what they
    are, so that they can be differentiated again.
    """
    if all(node.primitive.region is None for node in program.nodes):
        return program
    program = _joined(program)
    unread = _unread(program)
    new: dict[Node, Node] = {}
    trace = Trace(rule="simplify")
    with trace.recording():
        for node in program.nodes:
            operands = [
                zeros(one.type, trace).node if place in unread.get(node, ()) else new.get(one, one)
                for place, one in enumerate(node.inputs)
            ]
            new[node] = with_operands(node, *operands) if operands else node
    origins = {new.get(node, node): origin for node, origin in program.provenance.items()}
    return Program(
        program.inputs, [new.get(node, node) for node in program.outputs], origins, program.signature
    )


def lightened(program: Program, keep_sums: bool = False) -> Program:
    """Return a program in which what need not be done in a loop stands outside of it.

    Parameters
    ----------
    program : Program
    keep_sums : bool
        Leave sums over all iterations where they are.
    """
    if all(node.primitive.region is None for node in program.nodes):
        return program
    new: dict[Node, Node] = {}
    results: dict[Node, tuple[Any, ...]] = {}
    trace = Trace(rule="simplify")
    trace.provenance.update(program.provenance)
    read = read_items(program)
    with trace.recording():
        for node in program.nodes:
            if node.primitive is ITEM and node.inputs[0] in results:
                new[node] = results[node.inputs[0]][node.param("index")].node
                continue
            operands = [new[one] for one in node.inputs]
            region = node.primitive.region
            if region is not None and region.lighter is not None:
                tensors = [Tensor(one, trace) for one in operands]
                finals = () if keep_sums else sorted(read[node])
                found = region.lighter(finals, *tensors, **dict(node.params))
                if found is not None:
                    results[node] = found
                    continue
            new[node] = with_operands(node, *operands) if operands else node
    if not results:
        return program
    origins = {
        **trace.provenance,
        **{new[node]: one for node, one in program.provenance.items() if node in new},
    }
    return Program(program.inputs, [new[node] for node in program.outputs], origins, program.signature)


def _joined(program: Program) -> Program:
    """Return a program in which regions with the same operands are one line, where they can be."""
    groups: dict[tuple[Node, ...], list[Node]] = {}
    for node in program.nodes:
        if node.primitive.region is not None and node.primitive.region.joined is not None:
            groups.setdefault((*node.inputs,), []).append(node)
    moved: dict[Node, tuple[dict[str, Any], list[int]]] = {}
    for group in groups.values():
        _join(group, moved)
    if not moved:
        return program
    new: dict[Node, Node] = {}
    for node in program.nodes:
        operands = [new[one] for one in node.inputs]
        if node in moved:
            new[node] = make_node(node.primitive, operands, moved[node][0])
        elif node.primitive is ITEM and node.inputs[0] in moved:
            new[node] = make_node(ITEM, operands, {"index": moved[node.inputs[0]][1][node.param("index")]})
        else:
            new[node] = with_operands(node, *operands) if operands else node
    origins = {new.get(node, node): origin for node, origin in program.provenance.items()}
    # Of lines that came together others may: a scan back of each.
    return _joined(
        Program(program.inputs, [new[node] for node in program.outputs], origins, program.signature)
    )


def _join(group: list[Node], moved: dict[Node, tuple[dict[str, Any], list[int]]]) -> None:
    """Note for regions with the same operands what they become, and where their results go."""
    members: list[tuple[dict[str, Any], dict[Node, list[int]]]] = []
    for node in group:
        params = dict(node.params)
        for number, (known, places) in enumerate(members):
            region = node.primitive.region
            assert region is not None
            assert region.joined is not None
            found = region.joined(known, params)
            if found is not None:
                both, first, second = found
                there = {one: [first[place] for place in old] for one, old in places.items()}
                members[number] = both, {**there, node: second}
                break
        else:
            count = len(items_of(node))
            members.append((params, {node: list(range(count))}))
    for params, places in members:
        if len(places) > 1:
            moved.update({node: (params, where) for node, where in places.items()})


def _unread(program: Program) -> dict[Node, set[int]]:
    """Return which operands of each region do not matter, by position."""
    needed = set(program.outputs)
    wanted: dict[Node, set[int]] = {}
    unread: dict[Node, set[int]] = {}
    for node in reversed(program.nodes):
        if node not in needed:
            continue
        region = node.primitive.region
        if node.primitive is ITEM:
            wanted.setdefault(node.inputs[0], set()).add(node.param("index"))
        if region is not None:
            unread[node] = region.unread(sorted(wanted[node]), **dict(node.params))
        needed.update(one for place, one in enumerate(node.inputs) if place not in unread.get(node, ()))
    return unread
