"""A while_loop over a batch: it runs until no entry goes on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.ir.node import make_input
from wengert.ir.program import Program
from wengert.primitives.batching import aligned, repeated
from wengert.trace.tensor import Tensor, Trace, as_tensor
from wengert.transform.batching import batch
from wengert.transform.inline import inline
from wengert.transform.regions.bodies import reached, reached_carries, split
from wengert.transform.simplify import simplify


def over_batch(
    mapped: Sequence[bool],
    size: int,
    operands: Sequence[Any],
    condition: Program,
    body: Program,
    asked: int,
    fixed: int,
) -> tuple[list[Any], dict[str, Any], list[int]]:
    """Return operands and parameters of the loop over a batch, and the carries that have its axis."""
    count = len(body.outputs)
    of_condition = [place for place in range(asked) if mapped[place]]
    constants = [place for place in range(fixed) if mapped[asked + place]]
    begin = [place for place in range(count) if mapped[asked + fixed + place]]
    carries = reached_carries(body, constants, begin, fixed, count, smooth=False)
    sources = [condition.inputs[place] for place in [*of_condition, *[asked + one for one in carries]]]
    own = condition.outputs[0] in reached(condition.nodes, sources)
    if own:  # entries take different numbers of iterations
        carries = list(range(count))
    given = list(operands)
    for place in carries:
        if place not in begin:
            given[asked + fixed + place] = repeated(given[asked + fixed + place], size)
    shared = [place for place in range(count) if place not in carries]
    inner = batch(body, [*constants, *[fixed + one for one in carries]], size, shared)
    params: dict[str, Any] = {"condition": condition, "body": inner, "asked": asked, "fixed": fixed}
    if not own:  # the condition does not read what has grown an axis
        which = [asked + one for one in carries]
        params["condition"] = batch(condition, which, size, shared=[0])
    else:
        asking = batch(condition, [*of_condition, *[asked + one for one in carries]], size)
        params = _selecting(asking, inner, asked, fixed)
        given = [*given[:asked], *given]
    return given, {**params, "body": simplify(params["body"])}, carries


def _selecting(asking: Program, inner: Program, asked: int, fixed: int) -> dict[str, Any]:
    """Return the loop that runs until no entry goes on, and leaves those alone that have come to an end."""
    trace = Trace(rule="batch")
    with trace.recording():
        nodes = [
            make_input(node.param("name"), node.type) for node in (*asking.inputs[:asked], *inner.inputs)
        ]
        of_condition, constants, carry = split([Tensor(node, trace) for node in nodes], asked, fixed)
        (going,) = inline(asking, [*of_condition, *carry], trace)
        after = inline(inner, [*constants, *carry], trace)
        results = [
            as_tensor(np.where(aligned(going, one.ndim - 1), one, before), trace).node
            for one, before in zip(after, carry, strict=True)
        ]
        several = [make_input(node.param("name"), node.type) for node in asking.inputs]
        (answers,) = inline(asking, [Tensor(node, trace) for node in several], trace)
        some = as_tensor(np.any(answers), trace).node
    return {
        "condition": Program(several, [some]),
        "body": Program(nodes, results, trace.provenance),
        "asked": asked,
        "fixed": asked + fixed,
    }
