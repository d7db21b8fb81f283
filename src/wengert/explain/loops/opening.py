"""Loops as lines over an axis of iterations, so that index notation can write them like all others.

The body of a loop runs once, over all iterations: its entries have an axis of iterations as they are, its
carry is what the iteration before left. That makes the carry depend on itself, so the program is cut there:
all carries are an input, the state, beside the line that computes them. What the loop itself gives for them
is put in when the lines are evaluated; see `watching`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from wengert.explain.index.operations import signs
from wengert.explain.loops.carried import EARLIER
from wengert.ir.node import ITEM, Node, make_constant, make_input, make_node, with_operands
from wengert.ir.primitive import Kind
from wengert.ir.program import Program, ancestors
from wengert.ir.provenance import UNKNOWN, Provenance, Region
from wengert.trace.tensor import Tensor, Trace, as_tensor
from wengert.transform.batching import batch
from wengert.transform.regions.bodies import reached, split, stacked


@dataclass(frozen=True)
class Site:
    """Where a line is computed.

    Attributes
    ----------
    path : tuple of Node
        The loops around it, from the outermost, and the line in the innermost body.
    stacked : tuple of bool
        For each of the loops whether the value has an axis for it; else all its iterations share the value.
    """

    path: tuple[Node, ...]
    stacked: tuple[bool, ...]

    def inside(self, loop: Node, has_axis: bool) -> Site:
        """Return the site as seen from outside of one more loop."""
        return Site((loop, *self.path), (has_axis, *self.stacked))


@dataclass(frozen=True)
class State:
    """The carries of a loop after all iterations.

    Attributes
    ----------
    given : Node
        The input that stands for them.
    computed : Node
        The line that computes them from what the iterations before left.
    axis : int
        That of the iterations.
    site : Site
    """

    given: Node
    computed: Node
    axis: int
    site: Site


@dataclass(frozen=True)
class Opened:
    """A program without loops.

    Attributes
    ----------
    program : Program
        Its inputs are those of `closed`, then the states. Of the outputs those after the first compute these.
    closed : Program
        The program with its loops.
    states : list of State
    sites : dict of Node to list of Site
        Of each line in a loop or beside one: equal lines of several loops are one.
    """

    program: Program
    closed: Program
    states: list[State] = field(default_factory=list)
    sites: dict[Node, list[Site]] = field(default_factory=dict)

    def first(self) -> Opened:
        """Return the same with only the first of the outputs."""
        count = len(self.closed.outputs)
        outputs = [self.program.outputs[0], *self.program.outputs[count:]]
        program = Program(self.program.inputs, outputs, self.program.provenance, self.program.signature)
        closed = Program(self.closed.inputs, self.closed.outputs[:1], self.closed.provenance)
        return replace(self, program=program, closed=closed)


def opened(program: Program) -> Opened:
    """Return a program whose loops are lines over an axis of iterations.

    Parameters
    ----------
    program : Program
        Its only regions are scans; see `lowered`.
    """
    if all(node.primitive.region is None for node in program.nodes):
        return Opened(program, program)
    found = _Opening(program)
    outputs = [found.new[node] for node in program.outputs]
    needed: list[State] = []
    while True:  # the carries that something reads, those that these read, and so on
        lines = set(ancestors([*outputs, *[one.computed for one in needed]]))
        more = [one for one in found.states if one.given in lines]
        if len(more) == len(needed):
            break
        needed = more
    whole = Program(
        [*program.inputs, *[one.given for one in needed]],
        [*outputs, *[one.computed for one in needed]],
        found.trace.provenance,
        program.signature,
    )
    return Opened(whole, program, needed, found.sites)


class _Opening:
    """The lines of a program, with those of its loops in their place.

    Attributes
    ----------
    new : dict of Node to Node
        What stands for each line.
    """

    def __init__(self, program: Program) -> None:
        self.trace = Trace(rule="open")
        self.trace.provenance.update(program.provenance)
        self.states: list[State] = []
        self.sites: dict[Node, list[Site]] = {}
        self.new: dict[Node, Node] = {node: node for node in program.inputs}
        results: dict[Node, Sequence[Node]] = {}
        with self.trace.recording():
            for node in program.nodes:
                if node in self.new:
                    continue
                if node.primitive is ITEM:
                    self.new[node] = results[node.inputs[0]][node.param("index")]
                    if self.new[node] not in self.sites:  # what a loop ends with is a line of its own
                        self._enter(self.new[node], [Site((node,), ())])
                elif node.primitive.region is not None:
                    results[node] = self._loop(node, [self.new[one] for one in node.inputs])
                    continue
                else:
                    operands = [self.new[one] for one in node.inputs]
                    self.new[node] = with_operands(node, *operands) if operands else node
                    self._enter(self.new[node], [Site((node,), ())])
                if node in program.provenance:
                    self.trace.provenance.setdefault(self.new[node], program.provenance[node])

    def _enter(self, node: Node, sites: Sequence[Site]) -> None:
        known = self.sites.setdefault(node, [])
        known += [one for one in sites if one not in known]

    def _loop(self, loop: Node, operands: Sequence[Node]) -> list[Node]:
        """Return the results of a loop, one line each."""
        params = dict(loop.params)
        body, fixed, carried, length = (params[name] for name in ("body", "fixed", "carried", "length"))
        inner = opened(body)
        region = Region("loop", "loop", sum(one.axis == 0 for one in self.states))
        constants, inits, streams = split(operands, fixed, carried)
        befores, givens = [], []
        for place, initial in enumerate(inits):
            before, given = self._before(body, fixed, place, initial, length, params["reverse"])
            befores.append(before)
            givens.append(given)
            if given is not None:
                self.trace.provenance[before] = Provenance(regions=(region,))
        states = [
            State(
                make_input(str(one.given.param("name")), stacked(one.given.type, length)),
                one.computed,
                one.axis + 1,
                one.site.inside(loop, True),
            )
            for one in inner.states
        ]
        replacements = [*constants, *befores, *streams, *[one.given for one in states]]
        mapped = [
            place
            for place in range(len(replacements))
            if place >= fixed
            and not (place < fixed + carried and befores[place - fixed] is inits[place - fixed])
        ]
        lines = self._lines(inner, mapped, replacements, length, region)
        for node, (line, has_axis) in lines.items():
            if node in inner.program.inputs and line not in befores:
                continue  # a value from outside of the loop
            sites = inner.sites.get(node, []) if inner.sites else [Site((node,), ())]
            self._enter(line, [one.inside(loop, has_axis) for one in sites])
        self.states += [
            State(one.given, self._repeated(lines[one.computed], length), one.axis, one.site)
            for one in states
        ]
        rows = [self._repeated(lines[node], length) for node in inner.program.outputs[: len(body.outputs)]]
        finals = []
        for place, given in enumerate(givens):
            if given is None:
                finals.append(
                    befores[place] if befores[place] is inits[place] else self._last(rows[place], params)
                )
                continue
            site = Site((loop, body.outputs[place]), (True,))
            self.states.append(State(given, rows[place], 0, site))
            self._enter(rows[place], [site])
            finals.append(self._last(rows[place], params))
        every = [
            self._repeated((one, one is not initial), length)
            for one, initial in zip(befores, inits, strict=True)
        ]
        return [*finals, *rows[carried:], *every]

    def _before(
        self, body: Program, fixed: int, place: int, initial: Node, length: int, reverse: bool
    ) -> tuple[Node, Node | None]:
        """Return what iterations find as a carry, and the input for all carries where there must be one."""
        entry, result = body.inputs[fixed + place], body.outputs[place]
        if result is entry:
            return initial, None
        step = _counts(entry, result)
        if step is not None and initial.value is not None:
            numbers = initial.value + step * np.arange(length, dtype=initial.type.dtype)
            return make_constant(numbers[::-1] if reverse else numbers), None
        name = body.provenance[result].name if result in body.provenance else None
        known = str(entry.param("name"))
        given = make_input(name or known.rpartition(".")[2], stacked(entry.type, length))
        before = make_node(EARLIER, [given, initial], {"axis": 0, "reverse": reverse})
        return before, given

    def _lines(
        self,
        inner: Opened,
        mapped: Sequence[int],
        replacements: Sequence[Node],
        length: int,
        region: Region,
    ) -> dict[Node, tuple[Node, bool]]:
        """Return each line of a body over all iterations, and whether it has an axis for them."""
        inputs = inner.program.inputs
        own = [node for node in inner.program.nodes if node not in set(inputs)]
        varying = reached(inner.program.nodes, [inputs[place] for place in mapped])
        shared = [place for place, node in enumerate(own) if node not in varying]
        every = Program(inputs, own, inner.program.provenance)
        batched = batch(every, mapped, length, shared)
        new = dict(zip(batched.inputs, replacements, strict=True))
        for node in batched.nodes:
            if node not in new:
                new[node] = _folded(node, [new[one] for one in node.inputs], self.trace)
                origin = batched.provenance.get(node, UNKNOWN)
                inside = replace(origin, regions=(region, *origin.regions))
                self.trace.provenance.setdefault(new[node], inside)
        found = {node: (new[one], node in varying) for node, one in zip(own, batched.outputs, strict=True)}
        return found | {
            node: (one, place in mapped)
            for place, (node, one) in enumerate(zip(inputs, replacements, strict=True))
        }

    def _repeated(self, line: tuple[Node, bool], length: int) -> Node:
        node, has_axis = line
        if has_axis:
            return node
        rows = np.broadcast_to(Tensor(node, self.trace), (length, *node.type.shape))
        return as_tensor(rows, self.trace).node

    def _last(self, rows: Node, params: dict[str, Any]) -> Node:
        return as_tensor(Tensor(rows, self.trace)[0 if params["reverse"] else -1], self.trace).node


def _counts(entry: Node, result: Node) -> int | None:
    """Return the step of a counter, None of another carry."""
    if entry not in result.inputs or entry.type.dtype.kind not in "iu" or signs(result.primitive) != (1, 1):
        return None
    other = result.inputs[1 if result.inputs[0] is entry else 0]
    return int(other.value) if other.value is not None and other.type.shape == () else None


def _folded(node: Node, operands: Sequence[Node], trace: Trace) -> Node:
    """Return a line on other operands; rows at the places that a counter goes through are a part of them."""
    reads = node.primitive.kind is Kind.INDEXING and [name for name, _ in node.params] == ["axes"]
    if reads and len(operands) == 2 and operands[1].value is not None:
        (axis,) = node.param("axes")
        places = operands[1].value
        start, extent = int(places[0]), operands[0].type.shape[axis]
        if places.ndim == 1 and np.array_equal(places, start + np.arange(len(places))) and start >= 0:
            part = Tensor(operands[0], trace)[
                (slice(None),) * axis + (slice(start, min(start + len(places), extent)),)
            ]
            found = as_tensor(part, trace).node
            if found.type is node.type:
                return found
    return with_operands(node, *operands) if operands else node
