"""cond: the one of several programs that an index chooses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.errors import ShapeError
from wengert.ir.primitive import Kind, Primitive, RegionRules, register
from wengert.ir.program import Program
from wengert.ir.types import TensorType, tuple_type
from wengert.primitives.batching import aligned
from wengert.primitives.kinds import unchanged
from wengert.trace.tensor import as_tensor
from wengert.transform.batching import batch
from wengert.transform.inline import inline
from wengert.transform.regions.bodies import (
    Run,
    adjoint_body,
    called,
    check_types,
    read_by,
    recorder_of,
    reference,
    restricted,
)


def _infer(index: TensorType, *types: TensorType, branches: tuple[Program, ...]) -> TensorType:
    if index.shape or index.dtype.kind not in "biu":
        raise ShapeError(f"a branch is chosen by a boolean or integer without axes, got {index}")
    results = [tuple([node.type for node in one.outputs]) for one in branches]
    for one in branches:
        check_types("a branch", one, types)
    if len(set(results)) != 1:
        raise ShapeError(f"the branches give {' and '.join(str(list(map(str, one))) for one in results)}")
    return tuple_type(results[0])


def _prepare(
    compiled: Callable[[Program], Run], wanted: Sequence[int], *, branches: tuple[Program, ...]
) -> Callable[..., tuple[Any, ...]]:
    """Return the choice; see `RegionRules`."""
    runs = [compiled(restricted(one, wanted)) for one in branches]
    count = len(branches[0].outputs)

    def run(index: Any, *operands: Any, into: Any = None) -> tuple[Any, ...]:
        results: list[Any] = [None] * count
        chosen = min(max(int(index), 0), len(runs) - 1)
        for place, value in zip(wanted, runs[chosen](operands), strict=True):
            results[place] = value
        return tuple(results)

    return run


def _numpy(*operands: Any, branches: tuple[Program, ...]) -> tuple[Any, ...]:
    return _prepare(reference, range(len(branches[0].outputs)), branches=branches)(*operands)


def _unread(wanted: Sequence[int], *, branches: tuple[Program, ...]) -> set[int]:
    read = {1 + place for one in branches for place in read_by(restricted(one, wanted))}
    return set(range(1, 1 + len(branches[0].inputs))) - read


def chosen(index: Any, operands: Sequence[Any], branches: Sequence[Program]) -> tuple[Any, ...]:
    """Record a choice; what no branch reads is left out."""
    kept = sorted({place for one in branches for place in read_by(one)})
    narrowed = [
        Program([one.inputs[place] for place in kept], one.outputs, one.provenance) for one in branches
    ]
    results: tuple[Any, ...] = cond(index, *[operands[place] for place in kept], branches=tuple(narrowed))
    return results


def _vjp(
    cotangents: Sequence[Any],
    results: Sequence[Any],
    index: Any,
    *operands: Any,
    active: Sequence[bool],
    branches: tuple[Program, ...],
) -> tuple[Any, ...]:
    """The pullback of the branch that was taken."""
    smooth = [
        place
        for place, (one, has) in enumerate(zip(operands, active[1:], strict=True))
        if has and one.dtype.kind in "fc"
    ]
    given = [place for place, one in enumerate(cotangents) if one is not None]
    pulled = [adjoint_body(restricted(one, given), smooth) for one in branches]
    found = chosen(index, [*operands, *[cotangents[place] for place in given]], pulled)
    contributions: list[Any] = [None] * (1 + len(operands))
    for place, contribution in zip(smooth, found, strict=True):
        contributions[1 + place] = contribution
    return tuple(contributions)


def _batch(
    primitive: Primitive,
    mapped: Sequence[bool],
    size: int,
    index: Any,
    *operands: Any,
    branches: tuple[Program, ...],
) -> tuple[Any, ...]:
    """The branch over the batch; where entries choose for themselves, all branches, and one value of each."""
    which = [place for place, has in enumerate(mapped[1:]) if has]
    batches = [batch(one, which, size) for one in branches]
    if not mapped[0]:
        return chosen(index, operands, batches)
    trace = recorder_of([index], operands)
    tensors = [as_tensor(one, trace) for one in operands]
    first, *others = [inline(one, tensors, trace) for one in batches]
    results: list[Any] = list(first)
    for number, values in enumerate(others, 1):
        results = [
            np.where(aligned(index, one.ndim - 1) >= number, one, before)
            for one, before in zip(values, results, strict=True)
        ]
    return tuple(results)


def _statements(
    results: Sequence[str | None],
    operands: Sequence[str],
    function: Callable[[Program], str],
    types: Sequence[TensorType],
    fresh: Callable[[str], str],
    *,
    branches: tuple[Program, ...],
) -> list[str]:
    """Return ``if``, ``elif`` …, ``else``, in which the branches are called as functions."""
    index, *others = operands
    targets = [name or "_" for name in results]
    lines = []
    for number, one in enumerate(branches):
        call = called(targets, function(one), ", ".join(others))
        last = number == len(branches) - 1
        lines += ["else:" if last and number else f"{'elif' if number else 'if'} {index} <= {number}:"]
        lines += [f"    {call}"]
    return lines


cond = register(
    Primitive(
        name="cond",
        kind=Kind.REGION,
        numpy=_numpy,
        infer=_infer,
        promote=unchanged,
        vjp=_vjp,
        python="",
        flops=lambda out, types, params: max(one.flops for one in params["branches"]),
        domain=(),
        source="Beck & Fischer 1994: the derivative of the branch that is taken",
        ties="at a point where the choice changes: that of the branch taken there",
        batch=_batch,
        complex=True,
        region=RegionRules(_prepare, _unread, _statements),
    )
)
