"""The turns of a while_loop, forwards and back, and what they read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from wengert.ir.node import make_input
from wengert.ir.program import Program
from wengert.trace.tensor import Tensor, Trace, as_tensor
from wengert.transform.regions.bodies import (
    BODY_ERRORS,
    Run,
    adjoint_body,
    in_turn,
    live_carries,
    read_by,
    restricted,
    split,
)


def turns_of(
    compiled: Callable[[Program], Run],
    live: Sequence[int],
    condition: Program,
    body: Program,
    asked: int,
    fixed: int,
) -> Callable[..., Any]:
    """Return an iterator over the live carries that the turns begin with, the final ones last."""
    carries = [body.inputs[fixed + place] for place in live]
    step = compiled(Program([*body.inputs[:fixed], *carries], [body.outputs[place] for place in live]))
    asking = [*condition.inputs[:asked], *[condition.inputs[asked + place] for place in live]]
    holds = compiled(Program(asking, condition.outputs))

    def turns(operands: Sequence[Any]) -> Any:
        of_condition, constants, inits = split(operands, asked, fixed)
        carry = [inits[place] for place in live]
        turn = 0
        yield carry
        while holds([*of_condition, *carry])[0]:
            try:
                carry = step([*constants, *carry])
            except BODY_ERRORS as error:
                raise in_turn(error, turn, "a while_loop") from None
            turn += 1
            yield carry

    return turns


def live_carries_of(wanted: set[int], condition: Program, body: Program, asked: int, fixed: int) -> list[int]:
    """Return the carries on which the wanted ones depend, and how long the loop goes on."""
    asking = {place - asked for place in read_by(condition) if place >= asked}
    return live_carries(body, fixed, len(body.outputs), wanted | asking, ())


def operands_read(live: Sequence[int], condition: Program, body: Program, asked: int, fixed: int) -> set[int]:
    """Return the positions of the operands that matter where these carries do."""
    of_condition = {place for place in read_by(condition) if place < asked}
    of_body = {asked + place for place in read_by(restricted(body, live)) if place < fixed}
    return of_condition | of_body | {asked + fixed + place for place in live}


def turn_back(body: Program, fixed: int, constants: Sequence[int], carries: Sequence[int]) -> Program:
    """Return the pullback of a turn."""
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
        One turn back: constants, live carries, cotangents and sums → cotangents and sums.
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
        back = turn_back(body, fixed, constants, carries)
        count, first = len(carries), len(body.inputs)
        self.summed = [place - count for place in wanted if place >= count]
        sums = [count + place for place in self.summed]
        self.carried = live_carries(back, first, count, {place for place in wanted if place < count}, sums)
        back = restricted(back, [*self.carried, *sums])
        read = read_by(back)
        values = {place - fixed for place in read if fixed <= place < first}
        self.live = live_carries_of(values, condition, body, asked, fixed)
        self.read = operands_read(self.live, condition, body, asked, fixed)
        self.read |= {asked + place for place in read if place < fixed}
        self.read |= {asked + first + place for place in self.carried}
        inputs = [*range(fixed), *[fixed + one for one in self.live], *[first + one for one in self.carried]]
        narrow = Program([back.inputs[place] for place in inputs], back.outputs, back.provenance)
        self.step = _adding(narrow, len(self.carried))
