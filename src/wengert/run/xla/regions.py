"""Loops and branches as XLA's own; a value beside the carry says whether all went well, as in `lowered`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
from jax import lax

from wengert.ir.program import Program
from wengert.transform.regions.bodies import split

# From the inputs of a program to its outputs, and whether all went well.
Lowered = Callable[[Sequence[Any]], tuple[list[Any], Any]]
Lower = Callable[[Program], Lowered]


def scan(
    lower: Lower,
    operands: Sequence[Any],
    *,
    body: Program,
    fixed: int,
    carried: int,
    length: int,
    reverse: bool,
) -> tuple[list[Any], Any]:
    """Return the results of a scan: final carries, outputs and first carries of all iterations."""
    constants, inits, streams = split(operands, fixed, carried)
    run = lower(body)

    def iteration(state: Any, entries: Any) -> Any:
        carry, good = state
        outputs, fine = run([*constants, *carry, *entries])
        return (outputs[:carried], good & fine), (outputs[carried:], carry)

    (finals, good), (outputs, befores) = lax.scan(
        iteration, (inits, jnp.array(True)), streams, length=length, reverse=reverse
    )
    return [*finals, *outputs, *befores], good


def while_loop(
    lower: Lower, operands: Sequence[Any], *, condition: Program, body: Program, asked: int, fixed: int
) -> tuple[list[Any], Any]:
    """Return the carries of a loop after its last iteration; it ends where something went wrong."""
    of_condition, constants, inits = split(operands, asked, fixed)
    holds, run = lower(condition), lower(body)

    def goes_on(state: Any) -> Any:
        carry, good = state
        (answer,), fine = holds([*of_condition, *carry])
        return answer & good & fine

    def iteration(state: Any) -> Any:
        carry, good = state
        outputs, fine = run([*constants, *carry])
        return outputs, good & fine

    carry, good = lax.while_loop(goes_on, iteration, (inits, jnp.array(True)))
    _, fine = holds([*of_condition, *carry])
    return carry, good & fine


def cond(lower: Lower, operands: Sequence[Any], *, branches: tuple[Program, ...]) -> tuple[list[Any], Any]:
    """Return the results of the branch that the first operand chooses."""
    index, *others = operands
    runs = [lower(one) for one in branches]
    results: tuple[list[Any], Any] = lax.switch(index.astype(jnp.int32), runs, others)
    return results


REGIONS: dict[str, Callable[..., tuple[list[Any], Any]]] = {
    "scan": scan,
    "while_loop": while_loop,
    "cond": cond,
}
