"""scan: a body applied to one entry of arrays after the other, with values that are carried along.

The derivative of a scan is a scan in the other direction, whose body is the pullback of the body. It reads
the carries that each iteration began with, which are among the results of every scan, and values that the
scan forwards gives besides for it; an executor computes those results alone that some line reads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from wengert.errors import ShapeError
from wengert.ir.node import make_input
from wengert.ir.primitive import Kind, Primitive, RegionRules, register
from wengert.ir.program import Program
from wengert.ir.types import TensorType, tuple_type
from wengert.primitives.arithmetic import add
from wengert.primitives.batching import repeated
from wengert.primitives.kinds import unchanged
from wengert.trace.tensor import Tensor, Trace, as_tensor
from wengert.transform.batching import batch
from wengert.transform.placement import zeros
from wengert.transform.regions.bodies import (
    Run,
    adjoint_body,
    called,
    check_types,
    live_carries,
    or_zeros,
    reached_carries,
    read_by,
    recorder_of,
    reference,
    restricted,
    split,
    stacked,
)
from wengert.transform.regions.iterations import Repetition, rows, run_iterations
from wengert.transform.regions.leaving import leaving
from wengert.transform.regions.residuals import reading, residuals
from wengert.transform.simplify import simplify


def _infer(
    *types: TensorType, body: Program, fixed: int, carried: int, length: int, reverse: bool
) -> TensorType:
    """Final carries, outputs of all iterations, carries that all iterations began with."""
    constants, inits, streams = split(types, fixed, carried)
    for one in streams:
        if not one.shape or one.shape[0] != length:
            raise ShapeError(f"scan of {length} iterations over an array of shape {one.shape}")
    entries = [node.type for node in body.inputs[fixed + carried :]]
    if [stacked(one, length) for one in entries] != streams:
        raise ShapeError(f"scan: the body takes entries {entries}, the arrays are {streams}")
    check_types("the body of a scan", body, [*constants, *inits, *entries])
    results = [node.type for node in body.outputs]
    if results[:carried] != inits:
        raise ShapeError(f"scan: the carry is {inits} before and {results[:carried]} after an iteration")
    return tuple_type(
        (
            *inits,
            *[stacked(one, length) for one in results[carried:]],
            *[stacked(one, length) for one in inits],
        )
    )


def _repetition(
    wanted: Sequence[int], *, body: Program, fixed: int, carried: int, length: int, reverse: bool
) -> Repetition:
    """Return the loop without what nobody reads; see `RegionRules`."""
    count = len(body.outputs)
    emitted = [place for place in range(carried, count) if place in wanted]
    live = _live(wanted, body, fixed, carried)
    kept = [one for one, place in enumerate(live) if count + place in wanted]
    held = [
        place
        for place in range(len(body.inputs))
        if not 0 <= place - fixed < carried or place - fixed in live
    ]
    given = [body.inputs[place] for place in held]
    step = Program(given, [body.outputs[one] for one in (*live, *emitted)], body.provenance)
    results = [*live, *emitted, *[count + live[one] for one in kept]]
    return Repetition(step, held, fixed, len(live), kept, results, length, reverse)


def _prepare(
    compiled: Callable[[Program], Run], wanted: Sequence[int], **params: Any
) -> Callable[..., tuple[Any, ...]]:
    """Return the loop; see `RegionRules`."""
    loop = _repetition(wanted, **params)
    step, carries = compiled(loop.body), loop.carries
    outputs = loop.body.outputs
    types = [node.type for node in (*outputs[carries:], *[outputs[one] for one in loop.kept])]
    count = len(params["body"].outputs) + int(params["carried"])

    def run(*operands: Any, into: Mapping[int, Any] = MappingProxyType({})) -> tuple[Any, ...]:
        constants, inits, streams = split([operands[one] for one in loop.operands], loop.constants, carries)
        arrays = [
            into[place] if place in into else rows(type_, loop.length)
            for place, type_ in zip(loop.results[carries:], types, strict=True)
        ]
        emitted, befores = split(arrays, len(outputs) - carries)
        finals = run_iterations(
            step,
            constants,
            inits,
            streams,
            loop.length,
            loop.reverse,
            loop.kept,
            emitted,
            befores,
            f"a scan of {loop.length}",
        )
        results: list[Any] = [None] * count
        for place, array in zip(loop.results, [*finals, *arrays], strict=True):
            results[place] = array
        return tuple(results)

    return run


def _live(wanted: Sequence[int], body: Program, fixed: int, carried: int) -> list[int]:
    """Return the carries on which the wanted results depend."""
    count = len(body.outputs)
    finals = {place for place in wanted if place < carried}
    befores = {place - count for place in wanted if place >= count}
    return live_carries(
        body, fixed, carried, finals | befores, [place for place in wanted if carried <= place < count]
    )


def _joined(
    first: dict[str, Any], second: dict[str, Any]
) -> tuple[dict[str, Any], list[int], list[int]] | None:
    """Two scans over the same that carry the same are one, which gives what both give."""
    one, other, carried = first["body"], second["body"], int(first["carried"])
    same = all(first[name] == second[name] for name in ("fixed", "carried", "length", "reverse"))
    if not same or one.inputs != other.inputs or one.outputs[:carried] != other.outputs[:carried]:
        return None
    outputs = list(dict.fromkeys([*one.outputs[carried:], *other.outputs[carried:]]))
    body = Program(one.inputs, [*one.outputs[:carried], *outputs], {**other.provenance, **one.provenance})
    befores = range(carried + len(outputs), 2 * carried + len(outputs))
    places = [
        [*range(carried), *[carried + outputs.index(node) for node in each.outputs[carried:]], *befores]
        for each in (one, other)
    ]
    return {**first, "body": body}, places[0], places[1]


def _unread(
    wanted: Sequence[int], *, body: Program, fixed: int, carried: int, length: int, reverse: bool
) -> set[int]:
    live = _live(wanted, body, fixed, carried)
    emitted = [place for place in wanted if carried <= place < len(body.outputs)]
    read = {*read_by(restricted(body, [*live, *emitted])), *[fixed + place for place in live]}
    return set(range(len(body.inputs))) - read


def _numpy(*operands: Any, **params: Any) -> tuple[Any, ...]:
    body: Program = params["body"]
    everything = range(len(body.outputs) + int(params["carried"]))
    return _prepare(reference, everything, **params)(*operands)


def scanned(
    body: Program,
    constants: Sequence[Any],
    inits: Sequence[Any],
    streams: Sequence[Any],
    length: int,
    reverse: bool,
) -> tuple[Any, ...]:
    """Record a scan; what its body does not read of constants and arrays is left out."""
    operands = [*constants, *inits, *streams]
    first, last = len(constants), len(constants) + len(inits)
    kept = [place for place in range(len(operands)) if first <= place < last or place in set(read_by(body))]
    results: tuple[Any, ...] = scan(
        *[operands[place] for place in kept],
        body=Program([body.inputs[place] for place in kept], body.outputs, body.provenance),
        fixed=sum(place < first for place in kept),
        carried=len(inits),
        length=length,
        reverse=reverse,
    )
    return results


def _lighter(wanted: Sequence[int], *operands: Any, **params: Any) -> tuple[Any, ...] | None:
    return leaving(scanned, wanted, *operands, **params)


def _vjp(
    cotangents: Sequence[Any],
    results: Sequence[Any],
    *operands: Any,
    active: Sequence[bool],
    body: Program,
    fixed: int,
    carried: int,
    length: int,
    reverse: bool,
) -> tuple[Any, ...]:
    """The scan back: its body is the pullback of the body, and it carries the cotangent of the carry."""
    count = len(body.outputs)
    smooth = [place for place, one in enumerate(operands) if active[place] and one.dtype.kind in "fc"]
    by_constant = [place for place in smooth if place < fixed]
    by_stream = [place for place in smooth if place >= fixed + carried]
    begin = [place - fixed for place in smooth if fixed <= place < fixed + carried]
    carries = reached_carries(body, [*by_constant, *by_stream], begin, fixed, carried, smooth=True)
    emitted = [place for place in range(carried, count) if cotangents[place] is not None]
    seen = [place for place in carries if cotangents[count + place] is not None]
    pulled = adjoint_body(
        restricted(body, [*carries, *emitted]), [*by_constant, *[fixed + one for one in carries], *by_stream]
    )
    seeds = pulled.inputs[len(body.inputs) :]
    values = residuals(pulled, seeds)
    kept: Sequence[Any] = ()
    if values:
        pulled = reading(pulled, values)
        whole = Program(body.inputs, [*body.outputs, *values], body.provenance)
        # The same scan, which gives more; the two become one when the program is simplified.
        again = scan(*operands, body=whole, fixed=fixed, carried=carried, length=length, reverse=reverse)
        kept, results = again[count : count + len(values)], [*results[:count], *again[count + len(values) :]]
    back = _iteration_back(body, pulled, (fixed, carried), (by_constant, carries, seen), len(seeds))
    recorder = recorder_of(operands, cotangents, results)
    found = scanned(
        back,
        operands[:fixed],
        [
            *[or_zeros(cotangents[place], body.outputs[place].type, recorder) for place in carries],
            *[zeros(body.inputs[place].type, recorder) for place in by_constant],
        ],
        [
            *results[count:],
            *operands[fixed + carried :],
            *kept,
            *[cotangents[place] for place in emitted],
            *[cotangents[count + place] for place in seen],
        ],
        length,
        not reverse,
    )
    contributions: list[Any] = [None] * len(operands)
    places = [*[fixed + one for one in carries], *by_constant, *by_stream]
    for place, contribution in zip(places, found, strict=False):  # the rest are the carries of the iterations
        contributions[place] = contribution
    return tuple(contributions)


def _iteration_back(
    body: Program,
    pulled: Program,
    counts: tuple[int, int],
    places: tuple[Sequence[int], Sequence[int], Sequence[int]],
    seeds: int,
) -> Program:
    """Return the body of the scan back.

    Parameters
    ----------
    body : Program
    pulled : Program
        Its pullback; the inputs are those of the body, the cotangents, and values that are kept.
    counts : (int, int)
        Constants and carries of the body.
    places : (constants, carries, carries that something reads as they were before an iteration)
        To which cotangents go.
    seeds : int
        How many cotangents there are: of carries, then of outputs.

    Returns
    -------
    Program
        (constants; cotangents of carries, sums for constants; carries, entries, kept values, cotangents of
        outputs and of carries before the iteration) → (cotangents of carries, sums; cotangents of entries).
    """
    (fixed, carried), (by_constant, carries, seen) = counts, places
    inputs, of_carry, of_output, of_kept = split(
        pulled.inputs, len(body.inputs), len(carries), seeds - len(carries)
    )
    to_constant, to_carry, to_stream = split(pulled.outputs, len(by_constant), len(carries))
    trace = Trace(rule="vjp of scan")
    with trace.recording():
        sums = [make_input(f"sum{place}", body.inputs[place].type) for place in by_constant]
        begun = [make_input(f"begun{place}", body.inputs[fixed + place].type) for place in seen]
        added = [_sum(one, more, trace) for one, more in zip(sums, to_constant, strict=True)]
        for node, place in zip(begun, seen, strict=True):
            to_carry[carries.index(place)] = _sum(to_carry[carries.index(place)], node, trace)
    constants, inner_carry, entries = split(inputs, fixed, carried)
    taken = [*constants, *of_carry, *sums, *inner_carry, *entries, *of_kept, *of_output, *begun]
    return simplify(Program(taken, [*to_carry, *added, *to_stream], pulled.provenance))


def _sum(first: Any, second: Any, trace: Trace) -> Any:
    return as_tensor(add(Tensor(first, trace), Tensor(second, trace)), trace).node


def _batch(
    primitive: Primitive,
    mapped: Sequence[bool],
    size: int,
    *operands: Any,
    body: Program,
    fixed: int,
    carried: int,
    length: int,
    reverse: bool,
) -> tuple[Any, ...]:
    """One scan whose body runs over the batch; a carry that is the same for all entries stays so."""
    outside = [place for place, has in enumerate(mapped) if has and not fixed <= place < fixed + carried]
    begin = [place for place in range(carried) if mapped[fixed + place]]
    carries = reached_carries(body, outside, begin, fixed, carried, smooth=False)
    shared = [place for place in range(carried) if place not in carries]
    inner = batch(body, [*outside, *[fixed + one for one in carries]], size, shared)
    given = list(operands)
    for place in carries:
        if place not in begin:
            given[fixed + place] = repeated(given[fixed + place], size)
    for place in outside:
        if place >= fixed:
            given[place] = np.swapaxes(given[place], 0, 1)
    constants, inits, streams = split(given, fixed, carried)
    results = list(scanned(simplify(inner), constants, inits, streams, length, reverse))
    count = len(body.outputs)
    for place in range(count + carried):
        if place in shared or place - count in shared:
            results[place] = repeated(results[place], size)
        elif place >= carried:
            results[place] = np.swapaxes(results[place], 0, 1)
    return tuple(results)


def _statements(
    results: Sequence[str | None],
    operands: Sequence[str],
    function: Callable[[Program], str],
    types: Sequence[TensorType],
    fresh: Callable[[str], str],
    *,
    body: Program,
    fixed: int,
    carried: int,
    length: int,
    reverse: bool,
) -> list[str]:
    """Return a ``for`` over the iterations, in which the body is called as a function."""
    count = len(body.outputs)
    constants, inits, streams = split(operands, fixed, carried)
    carry = [name or fresh("carry") for name in results[:carried]]
    lines = [f"{name} = {init}" for name, init in zip(carry, inits, strict=True)]
    for place in range(carried, count + carried):
        if results[place] is not None:
            type_ = types[place]
            lines.append(f"{results[place]} = np.empty({type_.shape}, dtype=np.{type_.dtype.name})")
    iterations = f"reversed(range({length}))" if reverse else f"range({length})"
    iteration = fresh("iteration")
    lines.append(f"for {iteration} in {iterations}:")
    for place in range(carried):
        if results[count + place] is not None:
            lines.append(f"    {results[count + place]}[{iteration}] = {carry[place]}")
    targets = [*carry, *["_" if one is None else f"{one}[{iteration}]" for one in results[carried:count]]]
    arguments = ", ".join([*constants, *carry, *[f"{one}[{iteration}]" for one in streams]])
    lines.append(f"    {called(targets, function(body), arguments)}")
    return lines


scan = register(
    Primitive(
        name="scan",
        kind=Kind.REGION,
        numpy=_numpy,
        infer=_infer,
        promote=unchanged,
        vjp=_vjp,
        python="",
        flops=lambda out, types, params: params["body"].flops * params["length"],
        domain=(),
        source="Griewank & Walther 2008, 3.2: the adjoint of a loop is the loop of the adjoints, backwards",
        batch=_batch,
        complex=True,
        region=RegionRules(_prepare, _unread, _statements, _joined, _lighter, _repetition),
    )
)
