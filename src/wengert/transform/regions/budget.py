"""Loops within a budget of memory: cut into segments, which the backward pass runs forwards once more.

A scan and the backward scan share arrays of one row an iteration. Cut into K segments, only the carries at
the beginning of each are kept; the backward pass goes from the last segment to the first, computes the rows
of one segment again, and goes back over them. Each segment may be cut in turn: with k cuts of equal size some
k·T^(1/(k+1)) rows are kept, for k further runs forwards (Griewank & Walther 2008, 12.1: multilevel
schedules). Iterations run in the same order with the same state, so the bits are those of any other schedule.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from wengert.errors import ConfigurationError
from wengert.ir.node import ITEM, Node, items_of, make_input, with_operands
from wengert.ir.program import Program, read_items
from wengert.ir.types import TensorType, tensor_type
from wengert.trace.tensor import Tensor, Trace, as_tensor
from wengert.transform.regions.bodies import split, stacked
from wengert.transform.regions.leaving import adds_up_products
from wengert.transform.regions.scan import scan, scanned
from wengert.transform.simplify import simplify


@dataclass(frozen=True, eq=False)
class Pair:
    """A scan, and the backward scan that reads rows of it.

    Attributes
    ----------
    forward, backward : Node
    shared : dict of int to int
        Which result of `forward` is which operand of `backward`, of those that nobody else reads.
    """

    forward: Node
    backward: Node
    shared: dict[int, int]

    @property
    def length(self) -> int:
        """Number of iterations."""
        return int(self.forward.param("length"))

    @property
    def row(self) -> int:
        """Bytes that are kept of an iteration."""
        return sum(_bytes(self.backward.inputs[place].type) for place in self.shared.values()) // self.length

    @property
    def carry(self) -> int:
        """Bytes of the carries at the beginning of a segment."""
        fixed, carried = self.forward.param("fixed"), self.forward.param("carried")
        return sum(_bytes(one.type) for one in self.forward.inputs[fixed : fixed + carried])

    def kept(self, cuts: Sequence[int], length: int | None = None) -> int:
        """Return the bytes that are kept with these numbers of segments: in all, in each of those, …."""
        iterations = self.length if length is None else length
        if not cuts:
            return iterations * self.row
        segment = iterations // cuts[0]
        rest = iterations - segment * cuts[0]
        return cuts[0] * self.carry + rest * self.row + self.kept(cuts[1:], segment)

    def schedules(self) -> list[list[int]]:
        """Return schedules, each with a further run forwards and fewer bytes than the one before."""
        found: list[list[int]] = [[]]
        while True:
            levels = len(found[-1]) + 1
            cuts = max(2, round((self.length * self.row / max(self.carry, 1)) ** (1 / (levels + 1))))
            schedule = [cuts] * levels
            if cuts**levels > self.length // 2 or self.kept(schedule) >= self.kept(found[-1]):
                return found
            found.append(schedule)

    def with_fewer_segments(self, schedule: list[int], budget: int) -> list[int]:
        """Return a schedule of as many runs forwards within a budget, with fewer segments if one suffices."""
        if len(schedule) == 1:
            return [next(cuts for cuts in range(2, schedule[0] + 1) if self.kept([cuts]) <= budget)]
        return schedule


_UNITS = {"B": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9}


def budget_of(memory: str | int | None) -> int | None:
    """Return a budget in bytes; None where there is none.

    Raises
    ------
    ConfigurationError
        When it is neither a number of bytes nor one with a unit.
    """
    if memory is None:
        return None
    if isinstance(memory, int) and not isinstance(memory, bool) and memory > 0:
        return memory
    found = re.fullmatch(r"\s*([0-9.]+)\s*([kKMG]?B)\s*", memory) if isinstance(memory, str) else None
    try:
        return int(float(found[1]) * _UNITS[found[2]]) if found else _refuse(memory)
    except ValueError:
        return _refuse(memory)


def _refuse(memory: Any) -> NoReturn:
    raise ConfigurationError(f"memory={memory!r} is no size: give bytes, or a text such as '64 MB'")


def _bytes(type_: TensorType) -> int:
    return type_.size * type_.dtype.itemsize


def simplified(program: Program, budget: int | None) -> Program:
    """Return a simplified program, within a budget where there is one; see `within`."""
    return simplify(program) if budget is None else within(simplify(program, keep_sums=True), budget)


def within(program: Program, budget: int) -> Program:
    """Return a program whose loops keep no more than `budget` bytes for their backward passes.

    Raises
    ------
    ConfigurationError
        When no schedule keeps that little; names the least possible budget.
    """
    pairs = _pairs(program)
    schedules = _schedules(pairs)
    # What adds up products would leave the loop in one schedule and not in another, with other bits.
    level = {pair: 1 if adds_up_products(pair.backward) and len(schedules[pair]) > 1 else 0 for pair in pairs}

    def bytes_of(pair: Pair) -> int:
        return pair.kept(schedules[pair][level[pair]])

    while sum(map(bytes_of, pairs)) > budget:
        open_ = [pair for pair in pairs if level[pair] + 1 < len(schedules[pair])]
        if not open_:
            least = sum(map(bytes_of, pairs))
            raise ConfigurationError(
                f"memory={budget} bytes: the loops of this program keep at least {least} bytes for their "
                f"derivative, cut into segments as small as they can be: give memory='{-(-least // 1000)} kB'"
            )
        level[max(open_, key=bytes_of)] += 1
    spare = budget - sum(map(bytes_of, pairs))
    cuts = {
        pair: pair.with_fewer_segments(schedules[pair][level[pair]], bytes_of(pair) + spare // len(pairs))
        for pair in pairs
        if level[pair]
    }
    return _cut(program, cuts)


def _schedules(pairs: Sequence[Pair]) -> dict[Pair, list[list[int]]]:
    """Return the schedules of each pair; a loop that is of two pairs is cut in the one that keeps more."""
    found: dict[Pair, list[list[int]]] = {}
    taken: set[Node] = set()
    for pair in sorted(pairs, key=lambda one: one.kept([]), reverse=True):
        is_free = taken.isdisjoint([pair.forward, pair.backward])
        found[pair] = pair.schedules() if is_free else [[]]
        if len(found[pair]) > 1:
            taken.update([pair.forward, pair.backward])
    return found


def _pairs(program: Program) -> list[Pair]:
    """Return the scans whose rows a backward scan reads."""
    reads = read_items(program)
    readers: dict[Node, list[Node]] = {}
    for node in program.nodes:
        for operand in set(node.inputs):
            readers.setdefault(operand, []).append(node)
    found = []
    for forward in program.nodes:
        if forward.primitive is not scan or forward.param("length") < 4:
            continue
        shared: dict[Node, dict[int, int]] = {}
        for place, item in reads[forward].items():
            last = readers.get(item, [])
            if place < forward.param("carried") or item in program.outputs or len(last) != 1:
                continue
            (backward,) = last
            if backward.primitive is scan and _is_backward_of(forward, backward, item):
                shared.setdefault(backward, {})[place] = backward.inputs.index(item)
        if shared:
            most = max(shared, key=lambda backward: len(shared[backward]))
            found.append(Pair(forward, most, shared[most]))
    return found


def _is_backward_of(forward: Node, backward: Node, item: Node) -> bool:
    entries = backward.inputs[backward.param("fixed") + backward.param("carried") :]
    same = backward.param("length") == forward.param("length")
    return same and backward.param("reverse") != forward.param("reverse") and entries.count(item) == 1


def _cut(program: Program, cuts: Mapping[Pair, Sequence[int]]) -> Program:
    """Return a program in which pairs, none with a loop of another, are cut into segments."""
    if not cuts:
        return program
    trace = Trace(rule="budget")
    trace.provenance.update(program.provenance)
    new: dict[Node, Node] = {}
    results: dict[Node, dict[int, Any]] = {}
    reads = read_items(program)
    runs: dict[Node, Callable[[Sequence[Any]], dict[int, Any]]] = {}
    for pair, numbers in cuts.items():
        segments = _Segments(pair, numbers, reads)
        runs |= {pair.forward: segments.record_forward, pair.backward: segments.record_backward}
    with trace.recording():
        for node in program.nodes:
            if node.primitive is ITEM and node.inputs[0] in results:
                found = results[node.inputs[0]].get(node.param("index"))
                if found is not None:  # what is shared is read by the pair alone
                    new[node] = found.node
                continue
            if node in runs:
                given = [Tensor(new[one], trace) if one in new else None for one in node.inputs]
                results[node] = runs[node](given)
            else:
                new[node] = with_operands(node, *[new[one] for one in node.inputs]) if node.inputs else node
    origins = {new[node]: one for node, one in program.provenance.items() if node in new}
    return Program(
        program.inputs,
        [new[node] for node in program.outputs],
        {**trace.provenance, **origins},
        program.signature,
    )


class _Segments:
    """What a pair becomes: its first iterations, too few for a segment, and a loop over the segments.

    Parameters
    ----------
    pair : Pair
    cuts : sequence of int
        Number of segments, and of segments in each of these.
    reads : dict
        The results of each region that some line reads.
    """

    def __init__(self, pair: Pair, cuts: Sequence[int], reads: dict[Node, dict[int, Node]]) -> None:
        self.pair, self.cuts = pair, cuts
        self.segment = pair.length // cuts[0]
        self.rest = pair.length - self.segment * cuts[0]
        self.wanted = [place for place in reads[pair.forward] if place not in pair.shared]
        self.wanted_backward = list(reads[pair.backward])

    def record_forward(self, operands: Sequence[Any]) -> dict[int, Any]:
        """Record the forward loop, and return those of its results that others read."""
        node = self.pair.forward
        self.constants, state, self.streams = _operands(node, operands)
        self.begun = _run(node, self.constants, state, self._first(self.streams), self.rest)
        rows = [place for place in self.wanted if place >= len(state)]
        types = [_segments_of(one, self.segment) for one in self.streams]

        def body(constants: Any, state: Any, streams: Any) -> list[Any]:
            found = _run(node, constants, state, streams, self.segment)
            return [*found[: len(state)], *[found[place] for place in rows]]

        state = list(self.begun[: len(state)])
        loop = _program(body, self.constants, state, types)
        found = scanned(
            loop, self.constants, state, self._segmented(self.streams), self.cuts[0], node.param("reverse")
        )
        self.checkpoints = found[len(state) + len(rows) :]
        finals, others = found[: len(state)], found[len(state) : len(state) + len(rows)]
        return self._results(finals, self.begun, others, rows)

    def record_backward(self, operands: Sequence[Any]) -> dict[int, Any]:
        """Record the backward loop, and return those of its results that others read."""
        forward, backward = self.pair.forward, self.pair.backward
        places = {operand: result for result, operand in self.pair.shared.items()}
        constants, state, rows_of = _operands(backward, operands)
        first = len(constants) + len(state)
        own = [one for one in rows_of if one is not None]

        def streams(given: Sequence[Any], found: Sequence[Any]) -> list[Any]:
            left = iter(given)
            return [
                found[places[first + place]] if first + place in places else next(left)
                for place in range(len(rows_of))
            ]

        rows = [place for place in self.wanted_backward if place >= len(state)]
        counts = (len(constants), len(self.checkpoints), len(self.streams))

        def body(known: Any, state: Any, given: Any) -> list[Any]:
            mine, theirs = split(known, counts[0])
            checkpoint, entries, others = split(given, counts[1], counts[2])
            again = _run(forward, theirs, checkpoint, entries, self.segment)
            found = _run(backward, mine, state, streams(others, again), self.segment)
            return [*found[: len(state)], *[found[place] for place in rows]]

        known = [*constants, *self.constants]
        types = [_entry_type(one) for one in self.checkpoints]
        types += [_segments_of(one, self.segment) for one in (*self.streams, *own)]
        loop = _program(body, known, state, types)
        if self.cuts[1:]:
            loop = _cut(loop, dict.fromkeys(_pairs(loop), self.cuts[1:]))
        given = [*self.checkpoints, *self._segmented([*self.streams, *own])]
        found = scanned(loop, known, state, given, self.cuts[0], backward.param("reverse"))
        end = _run(backward, constants, found[: len(state)], streams(self._first(own), self.begun), self.rest)
        others = found[len(state) : len(state) + len(rows)]
        return self._results(end[: len(state)], end, others, rows)

    def _first(self, arrays: Sequence[Any]) -> list[Any]:
        """Return the entries of the first iterations."""
        from_end = self.pair.forward.param("reverse")
        return [one[self.pair.length - self.rest :] if from_end else one[: self.rest] for one in arrays]

    def _segmented(self, arrays: Sequence[Any]) -> list[Any]:
        """Return the entries of all other iterations, by segments."""
        begin = 0 if self.pair.forward.param("reverse") else self.rest
        count = self.cuts[0] * self.segment
        return [
            np.reshape(one[begin : begin + count], (self.cuts[0], self.segment, *one.shape[1:]))
            for one in arrays
        ]

    def _results(
        self, finals: Sequence[Any], first: Sequence[Any], others: Sequence[Any], rows: Sequence[int]
    ) -> dict[int, Any]:
        """Return the results of a loop by their position: carries, and rows of all iterations."""
        values: dict[int, Any] = dict(enumerate(finals))
        for place, one in zip(rows, others, strict=True):
            parts = [np.reshape(one, (self.cuts[0] * self.segment, *one.shape[2:]))]
            if self.rest:
                parts.insert(1 if self.pair.forward.param("reverse") else 0, first[place])
            values[place] = np.concatenate(parts) if self.rest else parts[0]
        return values


def _operands(node: Node, operands: Sequence[Any]) -> list[list[Any]]:
    return split(operands, node.param("fixed"), node.param("carried"))


def _run(
    node: Node, constants: Sequence[Any], state: Sequence[Any], streams: Sequence[Any], length: int
) -> Sequence[Any]:
    """Record some iterations of a scan."""
    if not length:
        return [*state, *[None] * (len(items_of(node)) - len(state))]
    params = {**dict(node.params), "length": length}
    results: tuple[Any, ...] = scan(*constants, *state, *streams, **params)
    return results


def _segments_of(rows: Any, segment: int) -> TensorType:
    return stacked(_entry_type(rows), segment)


def _entry_type(rows: Any) -> TensorType:
    return tensor_type(rows.shape[1:], rows.dtype)


def _program(
    iteration: Callable[[Any, Any, Any], list[Any]],
    constants: Sequence[Any],
    state: Sequence[Any],
    entries: Sequence[TensorType],
) -> Program:
    """Return an iteration of a scan over segments as a program."""
    types = [*[one.node.type for one in constants], *[one.node.type for one in state], *entries]
    trace = Trace(rule="budget")
    with trace.recording():
        inputs = [make_input(f"x{place}", one) for place, one in enumerate(types)]
        tensors = [Tensor(one, trace) for one in inputs]
        results = iteration(*split(tensors, len(constants), len(state)))
        nodes = [as_tensor(one, trace).node for one in results]
    return Program(inputs, nodes)
