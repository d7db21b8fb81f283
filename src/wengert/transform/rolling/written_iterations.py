"""The search for equal consecutive stretches of a traced list, and what each of their operands is.

The lines are taken in the order in which they were traced. Where the same operations recur at a fixed
distance, the operands of each iteration are compared with those of one in the middle: what stands in the same
iteration is a line of the body, what stands in an iteration before is carried, what is the same in all is a
constant, and the rest are entries, among them the slices by the number of the iteration.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from wengert.ir.node import Node

_CONTEXT = 6  # lines that are compared at once in the search for a distance
_CANDIDATES = 6  # distances that are tried
# What is carried over n iterations is n values, and as many iterations stay written out before the loop.
_ITERATIONS_A_DELAY = 2

# Whether a loop with this body and this number of iterations is worth finding.
Enough = Callable[[Sequence[Node], int], bool]


class Role(Enum):
    """What an operand of a line is to the iteration."""

    INNER = "computed in the same iteration"
    CARRY = "computed in an iteration before"
    CONSTANT = "the same in all iterations"
    ENTRY = "another in each iteration, and known before the loop"


@dataclass(frozen=True)
class Operand:
    """An operand of a line of the body.

    Attributes
    ----------
    role : Role
    line : int
        Which line of an iteration computes it; −1 where none does.
    delay : int
        How many iterations before.
    """

    role: Role
    line: int = -1
    delay: int = 0


@dataclass(frozen=True)
class WrittenOut:
    """A loop that was written out.

    Attributes
    ----------
    iterations : list of list of Node
        The lines of each iteration.
    operands : list of list of Operand
        What the operands of each line are.
    outside : list of bool
        Which lines are computed before the loop in every iteration, as their parameters differ.
    """

    iterations: list[list[Node]]
    operands: list[list[Operand]]
    outside: list[bool]


def written_out(lines: Sequence[Node], is_enough: Enough) -> WrittenOut | None:
    """Return the first loop of the shortest iterations among traced lines in their order; None without.

    Parameters
    ----------
    lines : sequence of Node
    is_enough : callable
        ``is_enough(iteration, count)``: whether a loop of ``count`` iterations gains anything.
    """
    names: dict[object, int] = {}
    keys = [names.setdefault((one.primitive, one.type, len(one.inputs)), len(names)) for one in lines]
    for period in _distances(keys):
        for start, iterations in _recurring(keys, period):
            if is_enough(lines[start : start + period], iterations):
                cut = start + _Comparison(lines, start, period, iterations).best_cut()
                iterations = (start + iterations * period - cut) // period
                found = _Comparison(lines, cut, period, iterations).loop(is_enough)
                if found is not None:
                    return found
    return None


def _distances(keys: Sequence[int]) -> list[int]:
    """Return the distances at which most contexts recur and twice these, the shortest first."""
    last: dict[tuple[int, ...], int] = {}
    counts: Counter[int] = Counter()
    for place in range(len(keys) - _CONTEXT + 1):
        context = tuple(keys[place : place + _CONTEXT])
        if context in last:
            counts[place - last[context]] += 1
        last[context] = place
    found = [distance for distance, _ in counts.most_common(_CANDIDATES)]
    return sorted({*found, *[2 * distance for distance in found]})


def _recurring(keys: Sequence[int], period: int) -> Iterator[tuple[int, int]]:
    """Give the first line and the number of iterations of stretches that recur at a distance."""
    start = 0
    for place in range(len(keys) - period + 1):
        at_end = place == len(keys) - period
        if at_end or keys[place] != keys[place + period]:
            iterations = (place - start) // period + 1
            if iterations > 1:
                yield start, iterations
            start = place + 1


class _Comparison:
    """The comparison of all iterations with one in the middle.

    Parameters
    ----------
    lines : sequence of Node
    start, period, iterations : int
        The first line, how many lines an iteration has, and how many iterations there may be.
    """

    def __init__(self, lines: Sequence[Node], start: int, period: int, iterations: int) -> None:
        self.lines, self.start, self.period, self.iterations = lines, start, period, iterations
        self.places = {node: place for place, node in enumerate(lines)}
        self.middle = iterations // 2
        pairs = zip(self._iteration(self.middle), self._iteration(self.middle + 1), strict=True)
        self.outside = [one.params != other.params for one, other in pairs]
        self._spread()
        self.operands = [
            [self._operand(*pair) for pair in zip(line.inputs, following.inputs, strict=True)]
            for line, following in zip(
                self._iteration(self.middle), self._iteration(self.middle + 1), strict=True
            )
        ]

    def _iteration(self, iteration: int) -> Sequence[Node]:
        first = self.start + iteration * self.period
        return self.lines[first : first + self.period]

    def _line(self, node: Node) -> tuple[int, int] | None:
        """Return the iteration and the line of a node; None where it stands outside of all iterations."""
        place = self.places.get(node, -1) - self.start
        return None if place < 0 or place >= self.iterations * self.period else divmod(place, self.period)

    def _spread(self) -> None:
        """Lines on which lines outside of the loop depend stand outside too."""
        iteration = self._iteration(self.middle)
        for place in reversed(range(self.period)):
            for node in iteration[place].inputs if self.outside[place] else ():
                found = self._line(node)
                if found is not None and found[0] == self.middle:
                    self.outside[found[1]] = True

    def _operand(self, node: Node, following: Node) -> Operand:
        """Return what an operand is, from what it is in the middle and in the iteration after."""
        if following is node:
            return Operand(Role.CONSTANT)
        found = self._line(node)
        if found is None or self._line(following) != (found[0] + 1, found[1]):
            return Operand(Role.ENTRY)
        delay = self.middle - found[0]
        if self.outside[found[1]]:
            return Operand(Role.ENTRY, found[1], delay)
        return Operand(Role.CARRY if delay else Role.INNER, found[1], delay)

    def _is_equal(self, iteration: int) -> bool:
        """Whether an iteration is like the one in the middle."""
        own, middle = self._iteration(iteration), self._iteration(self.middle)
        for place, (line, other) in enumerate(zip(own, middle, strict=True)):
            if not self.outside[place] and line.params != other.params:
                return False
            for node, wanted, given in zip(line.inputs, self.operands[place], other.inputs, strict=True):
                if not self._fits(node, wanted, given, iteration):
                    return False
        return True

    def _fits(self, node: Node, wanted: Operand, given: Node, iteration: int) -> bool:
        if wanted.role is Role.CONSTANT:
            return node is given
        if node.type is not given.type:
            return False
        if wanted.line < 0:
            return self._line(node) is None
        return self._line(node) == (iteration - wanted.delay, wanted.line)

    def best_cut(self) -> int:
        """Return the line with which an iteration is to begin, so that the fewest values are carried."""

        def carried(cut: int) -> int:
            delays: dict[int, int] = {}
            for place, line in enumerate(self.operands):
                for one in line:
                    if one.role in (Role.INNER, Role.CARRY):
                        delay = one.delay + (one.line < cut) - (place < cut)
                        delays[one.line] = max(delays.get(one.line, 0), delay)
            return sum(delays.values())

        return min(range(self.period), key=carried)

    def loop(self, is_enough: Enough) -> WrittenOut | None:
        """Return the iterations around the middle that are equal, where they are enough."""
        if any(
            one.role in (Role.INNER, Role.CARRY) and self.outside[place]
            for place, line in enumerate(self.operands)
            for one in line
        ):
            return None
        first = self.middle
        while first > 0 and self._is_equal(first - 1):
            first -= 1
        end = self.middle + 1
        while end < self.iterations and self._is_equal(end):
            end += 1
        count = end - first
        delays = [one.delay for line in self.operands for one in line if one.role is Role.CARRY]
        if not delays or count < _ITERATIONS_A_DELAY * max(delays):
            return None
        if not is_enough(self._iteration(self.middle), count):
            return None
        constants = [
            self._line(node)
            for line, wanted in zip(self._iteration(self.middle), self.operands, strict=True)
            for node, one in zip(line.inputs, wanted, strict=True)
            if one.role is Role.CONSTANT
        ]
        if any(found is not None and found[0] >= first for found in constants):
            return None
        iterations = [list(self._iteration(iteration)) for iteration in range(first, end)]
        return None if self._copies_much(iterations) else WrittenOut(iterations, self.operands, self.outside)

    def _copies_much(self, iterations: Sequence[Sequence[Node]]) -> bool:
        """Whether few entries, larger than what an iteration computes, alternate: each would be copied.

        As in Sinkhorn's iteration, where the halves of an iteration are equal but for the matrix, K or Kᵀ.
        """
        largest = max(node.type.size for place, node in enumerate(iterations[0]) if not self.outside[place])
        entries = [
            [lines[place].inputs[slot] for lines in iterations]
            for place, line in enumerate(self.operands)
            for slot, one in enumerate(line)
            if one.role is Role.ENTRY
        ]
        return any(one[0].type.size > largest and 2 * len(set(one)) <= len(iterations) for one in entries)
