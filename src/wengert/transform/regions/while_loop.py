"""while_loop: a body applied to values that are carried along, as long as a condition of them holds.

How many iterations there will be is not known, so its derivative is a primitive of its own, which runs the
loop once more and keeps the values that each iteration began with. J and Jᵀ are the same matrix: the
derivative of Jᵀv along u is that of ⟨v, J u⟩, and J u is a while_loop again, of values and tangents. So
derivatives of all orders come from these two.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.errors import ShapeError
from wengert.ir.node import make_input
from wengert.ir.primitive import Kind, Primitive, RegionRules, register
from wengert.ir.program import Program
from wengert.ir.types import TensorType, tuple_type
from wengert.primitives.batching import repeated
from wengert.primitives.kinds import BOOL, unchanged
from wengert.transform.forward import pushforward
from wengert.transform.regions.bodies import (
    Run,
    called,
    check_types,
    or_zeros,
    reached_carries,
    recorder_of,
    reference,
    restricted,
    split,
)
from wengert.transform.regions.iterations import run_iterations
from wengert.transform.regions.while_batch import over_batch
from wengert.transform.regions.while_iterations import Sweep, WhileIterations, live_carries_of, operands_read
from wengert.transform.simplify import simplify


def _infer(*types: TensorType, condition: Program, body: Program, asked: int, fixed: int) -> TensorType:
    of_condition, constants, inits = split(types, asked, fixed)
    check_types("the condition of a while_loop", condition, [*of_condition, *inits])
    check_types("the body of a while_loop", body, [*constants, *inits])
    answers = [node.type for node in condition.outputs]
    if len(answers) != 1 or answers[0].shape or answers[0].dtype != BOOL:
        raise ShapeError(
            f"the condition of a while_loop is one boolean without axes, got {', '.join(map(str, answers))}"
        )
    results = [node.type for node in body.outputs]
    if results != inits:
        raise ShapeError(f"while_loop: the carry is {inits} before and {results} after an iteration")
    return tuple_type(tuple(inits))


def _prepare(
    compiled: Callable[[Program], Run], wanted: Sequence[int], **params: Any
) -> Callable[..., tuple[Any, ...]]:
    """Return the loop; see `RegionRules`."""
    live = live_carries_of(set(wanted), **params)
    iterations = WhileIterations(compiled, live, **params)
    count = len(params["body"].outputs)

    def run(*operands: Any, into: Any = None) -> tuple[Any, ...]:
        results = [None] * count
        for place, value in zip(live, iterations.run(operands).finals, strict=True):
            results[place] = value
        return tuple(results)

    return run


def _unread(wanted: Sequence[int], **params: Any) -> set[int]:
    body: Program = params["body"]
    read = operands_read(live_carries_of(set(wanted), **params), **params)
    return set(range(int(params["asked"]) + len(body.inputs))) - read


def _vjp(
    cotangents: Sequence[Any],
    results: Sequence[Any],
    *operands: Any,
    active: Sequence[bool],
    condition: Program,
    body: Program,
    asked: int,
    fixed: int,
) -> tuple[Any, ...]:
    smooth = [place for place, one in enumerate(operands) if active[place] and one.dtype.kind in "fc"]
    constants = [place - asked for place in smooth if asked <= place < asked + fixed]
    begin = [place - asked - fixed for place in smooth if place >= asked + fixed]
    carries = reached_carries(body, constants, begin, fixed, len(body.outputs), smooth=True)
    recorder = recorder_of(operands, cotangents)
    found = while_pullback(
        *operands,
        *[or_zeros(cotangents[place], body.outputs[place].type, recorder) for place in carries],
        condition=condition,
        body=body,
        asked=asked,
        fixed=fixed,
        constants=tuple(constants),
        carries=tuple(carries),
    )
    contributions: list[Any] = [None] * len(operands)
    places = [*[asked + fixed + one for one in carries], *[asked + one for one in constants]]
    for place, contribution in zip(places, found, strict=True):
        contributions[place] = contribution
    return tuple(contributions)


def _batch(primitive: Primitive, mapped: Sequence[bool], size: int, *operands: Any, **params: Any) -> Any:
    """One loop over the batch, until the last entry has come to its end."""
    given, inner, carries = over_batch(mapped, size, operands, **params)
    results = while_loop(*given, **inner)
    return tuple([one if place in carries else repeated(one, size) for place, one in enumerate(results)])


def _statements(
    results: Sequence[str | None],
    operands: Sequence[str],
    function: Callable[[Program], str],
    types: Sequence[TensorType],
    fresh: Callable[[str], str],
    *,
    condition: Program,
    body: Program,
    asked: int,
    fixed: int,
) -> list[str]:
    """Return a ``while``, in which condition and body are called as functions."""
    of_condition, constants, inits = split(operands, asked, fixed)
    carry = [name or fresh("carry") for name in results[: len(inits)]]
    lines = [f"{name} = {init}" for name, init in zip(carry, inits, strict=True)]
    lines.append(f"while {function(condition)}({', '.join([*of_condition, *carry])})[0]:")
    lines.append(f"    {called(carry, function(body), ', '.join([*constants, *carry]))}")
    return lines


def _numpy(*operands: Any, **params: Any) -> tuple[Any, ...]:
    body: Program = params["body"]
    return _prepare(reference, range(len(body.outputs)), **params)(*operands)


while_loop = register(
    Primitive(
        name="while_loop",
        kind=Kind.REGION,
        numpy=_numpy,
        infer=_infer,
        promote=unchanged,
        vjp=_vjp,
        python="",
        flops=lambda out, types, params: params["body"].flops + params["condition"].flops,
        domain=(),
        source="Griewank & Walther 2008, 3.2; the number of iterations has no derivative",
        ties="the number of iterations counts as constant",
        batch=_batch,
        complex=True,
        region=RegionRules(_prepare, _unread, _statements),
    )
)


def _pullback_infer(
    *types: TensorType,
    condition: Program,
    body: Program,
    asked: int,
    fixed: int,
    constants: tuple[int, ...],
    carries: tuple[int, ...],
) -> TensorType:
    loop, cotangents = split(types, asked + fixed + len(body.outputs))
    _infer(*loop, condition=condition, body=body, asked=asked, fixed=fixed)
    wanted = [body.outputs[place].type for place in carries]
    if cotangents != wanted:
        raise ShapeError(f"the cotangents of a while_loop are {cotangents}; its carries are {wanted}")
    return tuple_type((*wanted, *[body.inputs[place].type for place in constants]))


def _pullback_prepare(
    compiled: Callable[[Program], Run],
    wanted: Sequence[int],
    *,
    condition: Program,
    body: Program,
    asked: int,
    fixed: int,
    constants: tuple[int, ...],
    carries: tuple[int, ...],
) -> Callable[..., tuple[Any, ...]]:
    """Return the loop forwards, its carries kept, and then backwards; see `RegionRules`."""
    sweep = Sweep(wanted, condition, body, asked, fixed, constants, carries)
    iterations = WhileIterations(compiled, sweep.live, condition, body, asked, fixed)
    step = compiled(sweep.step)

    def run(*operands: Any, into: Any = None) -> tuple[Any, ...]:
        loop, cotangents = split(operands, asked + fixed + len(body.outputs))
        given = loop[asked : asked + fixed]
        types = [body.inputs[constants[place]].type for place in sweep.summed]
        state = [cotangents[place] for place in sweep.carried]
        state += [np.zeros(one.shape, one.dtype) for one in types]
        there = iterations.run(loop, keep=True)
        finals = run_iterations(
            step, given, state, there.befores, there.count, True, (), (), (), "a while_loop"
        )
        results: list[Any] = [None] * (len(carries) + len(constants))
        places = [*sweep.carried, *[len(carries) + one for one in sweep.summed]]
        for place, value in zip(places, finals, strict=True):
            results[place] = value
        return tuple(results)

    return run


def _pullback_unread(wanted: Sequence[int], **params: Any) -> set[int]:
    body: Program = params["body"]
    count = int(params["asked"]) + len(body.inputs) + len(params["carries"])
    return set(range(count)) - Sweep(wanted, **params).read


def _pullback_vjp(
    cotangents: Sequence[Any],
    results: Sequence[Any],
    *operands: Any,
    active: Sequence[bool],
    condition: Program,
    body: Program,
    asked: int,
    fixed: int,
    constants: tuple[int, ...],
    carries: tuple[int, ...],
) -> tuple[Any, ...]:
    """The derivative of Jᵀv along u, by that of ⟨v, J u⟩."""
    count = len(body.outputs)
    recorder = recorder_of(operands, cotangents)
    loop, seeds = split(operands, asked + fixed + count)
    of_condition, given, inits = split(loop, asked, fixed)
    of_carry, of_constant = split(cotangents, len(carries))
    directions = [
        or_zeros(one, body.inputs[place].type, recorder)
        for one, place in zip(of_constant, constants, strict=True)
    ]
    tangents = [
        or_zeros(one, body.outputs[place].type, recorder)
        for one, place in zip(of_carry, carries, strict=True)
    ]
    pushed = pushforward(restricted(body, range(count)), [*[fixed + one for one in carries], *constants])
    values, along = split(pushed.outputs, count)
    inner, of_directions = split(pushed.inputs, len(body.inputs) + len(carries))
    params: dict[str, Any] = {
        "condition": Program(
            [*condition.inputs, *[make_input(f"d{place}", body.outputs[place].type) for place in carries]],
            condition.outputs,
        ),
        "body": simplify(
            Program(
                [*inner[:fixed], *of_directions, *inner[fixed:]],
                [*values, *[along[place] for place in carries]],
                pushed.provenance,
            )
        ),
        "asked": asked,
        "fixed": fixed + len(constants),
    }
    tangent_loop = [*of_condition, *given, *directions, *inits, *tangents]
    finals = while_loop(*tangent_loop, **params)
    has = [
        *active[: asked + fixed],
        *[False] * len(directions),
        *active[asked + fixed : asked + fixed + count],
        *[False] * len(tangents),
    ]
    contributions = [None] * (asked + fixed + count)
    if any(has):
        by_all = _vjp([*[None] * count, *seeds], finals, *tangent_loop, active=has, **params)
        head, _, middle, _ = split(by_all, asked + fixed, len(directions), count)
        contributions = [*head, *middle]
    return (*contributions, *finals[count:])


def _pullback_batch(
    primitive: Primitive,
    mapped: Sequence[bool],
    size: int,
    *operands: Any,
    constants: tuple[int, ...],
    carries: tuple[int, ...],
    **params: Any,
) -> tuple[Any, ...]:
    """The pullback of the loop over a batch, in which each entry has all operands for itself."""
    own = [one if has else repeated(one, size) for one, has in zip(operands, mapped, strict=True)]
    loop, seeds = split(own, len(own) - len(carries))
    given, inner, _ = over_batch([True] * len(loop), size, loop, **params)
    moved = inner["fixed"] - params["fixed"]
    moved_constants = tuple([moved + place for place in constants])
    results: tuple[Any, ...] = while_pullback(
        *given, *seeds, **inner, constants=moved_constants, carries=carries
    )
    return results


def _pullback_statements(
    results: Sequence[str | None],
    operands: Sequence[str],
    function: Callable[[Program], str],
    types: Sequence[TensorType],
    fresh: Callable[[str], str],
    *,
    condition: Program,
    body: Program,
    asked: int,
    fixed: int,
    constants: tuple[int, ...],
    carries: tuple[int, ...],
) -> list[str]:
    """Return a ``while`` that keeps the carries, and a ``for`` back over them."""
    loop, cotangents = split(operands, asked + fixed + len(body.outputs))
    of_condition, given, inits = split(loop, asked, fixed)
    everything = range(len(carries) + len(constants))
    sweep = Sweep(everything, condition, body, asked, fixed, constants, carries)
    kept, iteration = fresh("kept"), fresh("iteration")
    carry = [fresh("carry") for _ in inits]
    state = [name or fresh("adjoint") for name in results]
    sums = [f"np.zeros({type_.shape}, dtype=np.{type_.dtype.name})" for type_ in types[len(carries) :]]
    lines = [f"{name} = {init}" for name, init in zip(carry, inits, strict=True)]
    lines += [f"{name} = {init}" for name, init in zip(state, [*cotangents, *sums], strict=True)]
    lines.append(f"{kept} = []")
    lines.append(f"while {function(condition)}({', '.join([*of_condition, *carry])})[0]:")
    live = [carry[place] for place in sweep.live]
    lines.append(f"    {kept}.append(({', '.join([*live, ''])}))")
    lines.append(f"    {called(carry, function(body), ', '.join([*given, *carry]))}")
    lines.append(f"for {iteration} in reversed({kept}):")
    back = function(sweep.step)
    lines.append(f"    {called(state, back, ', '.join([*given, *state, f'*{iteration}']))}")
    return lines


def _pullback_numpy(*operands: Any, **params: Any) -> tuple[Any, ...]:
    everything = range(len(params["carries"]) + len(params["constants"]))
    return _pullback_prepare(reference, everything, **params)(*operands)


while_pullback = register(
    Primitive(
        name="while_pullback",
        kind=Kind.REGION,
        numpy=_pullback_numpy,
        infer=_pullback_infer,
        promote=unchanged,
        vjp=_pullback_vjp,
        python="",
        flops=lambda out, types, params: 4 * params["body"].flops + params["condition"].flops,
        domain=(),
        source="Griewank & Walther 2008, 3.2; symmetry of J and its transpose for the second derivative",
        batch=_pullback_batch,
        complex=True,
        region=RegionRules(_pullback_prepare, _pullback_unread, _pullback_statements),
    )
)
