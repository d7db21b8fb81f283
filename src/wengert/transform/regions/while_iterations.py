"""The iterations of a while_loop, forwards and back, and what they read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from wengert.ir.node import make_input
from wengert.ir.program import Program
from wengert.trace.tensor import Tensor, Trace, as_tensor
from wengert.transform.inline import inline
from wengert.transform.regions.bodies import (
    Run,
    adjoint_body,
    live_carries,
    read_by,
    restricted,
    split,
)
from wengert.transform.regions.iterations import IterationError, located_iteration, one_iteration, repeats

# Iterations of a while_loop in one call, doubled from the first to the second where all values are kept.
_FEW, _MANY = 16, 1 << 16


@dataclass(frozen=True)
class Iterations:
    """What the iterations of a while_loop gave.

    Attributes
    ----------
    finals : list of array
        The carries after the last iteration.
    befores : list of array, shape (count, ...)
        What they were before each iteration, where that is kept.
    count : int
    """

    finals: list[Any]
    befores: list[Any]
    count: int


class WhileIterations:
    """The iterations of a while_loop.

    Parameters
    ----------
    compiled : callable
    live : sequence of int
        The carries that are computed.
    condition, body, asked, fixed
        Parameters of the loop.
    """

    def __init__(
        self,
        compiled: Callable[[Program], Run],
        live: Sequence[int],
        condition: Program,
        body: Program,
        asked: int,
        fixed: int,
    ) -> None:
        asking = [*condition.inputs[:asked], *[condition.inputs[asked + place] for place in live]]
        holds = Program(asking, condition.outputs)
        carries = [body.inputs[fixed + place] for place in live]
        given = [*body.inputs[:fixed], *carries]
        iteration = Program(given, [body.outputs[place] for place in live], body.provenance)
        self.live, self.asked, self.fixed = live, asked, fixed
        self.holds = compiled(holds)
        self.step: Any = compiled(_asking(iteration, holds, asked))

    def run(self, operands: Sequence[Any], keep: bool = False) -> Iterations:
        """Run the loop to its end.

        Parameters
        ----------
        operands : sequence of array
        keep : bool
            Whether the carries before each iteration are wanted.
        """
        of_condition, constants, inits = split(operands, self.asked, self.fixed)
        carry = [inits[place] for place in self.live]
        goes_on = bool(self.holds([*of_condition, *carry])[0])
        parts: list[list[Any]] = [[] for _ in carry]
        count, most = 0, _FEW if keep else _MANY
        while goes_on:
            try:
                if repeats(self.step):
                    carry, befores, iterations, goes_on = self.step.repeat_while(
                        [*of_condition, *constants], carry, most, keep
                    )
                else:
                    befores, iterations = [np.array(one)[None] for one in carry] if keep else [], 1
                    *carry, goes_on = one_iteration(self.step, [*of_condition, *constants, *carry], 0)
            except IterationError as error:
                raise located_iteration(
                    IterationError(count + error.iteration), error.__cause__, "a while_loop"
                ) from None
            for part, more in zip(parts, befores, strict=False):
                part.append(more)
            count, most = count + iterations, min(2 * most, _MANY)
        every = [
            np.concatenate(part) if part else np.empty((0, *one.shape), one.dtype)
            for part, one in zip(parts, map(np.asarray, carry), strict=True)
        ]
        return Iterations(carry, every if keep else [], count)


def _asking(iteration: Program, holds: Program, asked: int) -> Program:
    """Return an iteration that says in its last output whether there is to be another."""
    trace = Trace(rule="while_loop")
    with trace.recording():
        of_condition = [make_input(str(node.param("name")), node.type) for node in holds.inputs[:asked]]
        given = [Tensor(node, trace) for node in (*of_condition, *iteration.outputs)]
        (answer,) = inline(holds, given, trace)
    return Program(
        [*of_condition, *iteration.inputs], [*iteration.outputs, answer.node], iteration.provenance
    )


def live_carries_of(wanted: set[int], condition: Program, body: Program, asked: int, fixed: int) -> list[int]:
    """Return the carries on which the wanted ones depend, and how long the loop goes on."""
    asking = {place - asked for place in read_by(condition) if place >= asked}
    return live_carries(body, fixed, len(body.outputs), wanted | asking, ())


def operands_read(live: Sequence[int], condition: Program, body: Program, asked: int, fixed: int) -> set[int]:
    """Return the positions of the operands that matter where these carries do."""
    of_condition = {place for place in read_by(condition) if place < asked}
    of_body = {asked + place for place in read_by(restricted(body, live)) if place < fixed}
    return of_condition | of_body | {asked + fixed + place for place in live}


def iteration_back(body: Program, fixed: int, constants: Sequence[int], carries: Sequence[int]) -> Program:
    """Return the pullback of an iteration."""
    return adjoint_body(restricted(body, carries), [*[fixed + one for one in carries], *constants])


def _adding(back: Program, first: int) -> Program:
    """Return the program that adds its outputs from `first` on to further inputs."""
    trace = Trace(rule="vjp of while_loop")
    with trace.recording():
        sums = [make_input(f"sum{place}", node.type) for place, node in enumerate(back.outputs[first:])]
        added = [
            as_tensor(Tensor(one, trace) + Tensor(node, trace), trace).node
            for one, node in zip(sums, back.outputs[first:], strict=True)
        ]
    return Program([*back.inputs, *sums], [*back.outputs[:first], *added], back.provenance)


class Sweep:
    """What of a while_loop and of its sweep back the wanted results depend on.

    Attributes
    ----------
    carried, summed : list of int
        Cotangents of carries, and of constants, by position among `carries` and `constants`.
    live : list of int
        Carries of the loop forwards.
    read : set of int
        Operands of `while_pullback`.
    step : Program
        One iteration back: constants, cotangents and sums, live carries → cotangents and sums.
    """

    def __init__(
        self,
        wanted: Sequence[int],
        condition: Program,
        body: Program,
        asked: int,
        fixed: int,
        constants: Sequence[int],
        carries: Sequence[int],
    ) -> None:
        back = iteration_back(body, fixed, constants, carries)
        count, first = len(carries), len(body.inputs)
        self.summed = [place - count for place in wanted if place >= count]
        sums = [count + place for place in self.summed]
        self.carried = live_carries(back, first, count, {place for place in wanted if place < count}, sums)
        back = restricted(back, [*self.carried, *sums])
        read = read_by(back)
        self.live = live_carries_of(
            {place - fixed for place in read if fixed <= place < first}, condition, body, asked, fixed
        )
        self.read = operands_read(self.live, condition, body, asked, fixed)
        self.read |= {asked + place for place in read if place < fixed}
        self.read |= {asked + first + place for place in self.carried}
        inputs = [*range(fixed), *[fixed + one for one in self.live], *[first + one for one in self.carried]]
        narrow = Program([back.inputs[place] for place in inputs], back.outputs, back.provenance)
        added = _adding(narrow, len(self.carried))
        given, values, state = split(added.inputs, fixed, len(self.live))
        self.step = Program([*given, *state, *values], added.outputs, added.provenance)
