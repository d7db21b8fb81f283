"""The steps of several networks of one shape as one computation, with an axis for the networks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from wengert.ir.program import Program
from wengert.run.loop import Roles
from wengert.run.xla.device_errors import errors_of
from wengert.run.xla.device_loop import XLALoop, XLAProgress
from wengert.run.xla.translation import lowered

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class _Stretch:
    """Steps that one of the networks is to take, at most `count`; see `StepLoop`."""

    progress: XLAProgress
    rows: list[Any]
    beside: list[Any]
    order: Array
    row: int
    count: int


class JointLoop(XLALoop):
    """The loop of one of several networks, which wait for each other at the seat of its progress.

    It is an `XLALoop` whose `compiled` is of `joint_steps`.
    """

    def run(self, order: Array, row: int, count: int, threads: int) -> None:
        """Take steps with the other networks, as many as the one that is to take the fewest."""
        kinds = list(zip(self._data, self._is_rows, strict=True))
        rows = [one for one, is_rows in kinds if is_rows]
        beside = [one for one, is_rows in kinds if not is_rows]
        stretch = _Stretch(self._progress, rows, beside, order, row, count)
        seat = self._progress.seat
        assert seat is not None
        seat.call(self._compiled, stretch, partial(_taken, self._compiled, self._batch))


def _taken(compiled: Callable[..., Any], batch: int, stretches: list[_Stretch]) -> None:
    """Take as many steps of each network; nothing has changed where that fails."""
    progress = stretches[0].progress
    count = min(one.count for one in stretches)
    # Networks leave one by one. For each number of them that is a power of two there is a computation.
    width = 1 << (len(stretches) - 1).bit_length()
    filled = [*stretches, *stretches[-1:] * (width - len(stretches))]
    holders = 1 if _have_one_table(stretches) else width
    apart = 1 if holders == 1 and _have_one_order(stretches, count * batch) else width
    what = f"{len(stretches)} networks with steps of {batch} rows"
    with progress.settings(), errors_of(what, lambda: "; train fewer at a time, by threads="):
        # Before the first of them changes, since the last may stand there several times.
        places = [one.progress.visit(one.order, one.row, len(one.order)) for one in filled]
        elements, *words = compiled(
            [one.progress.elements for one in filled],
            np.array([one.progress.steps for one in filled], np.int64),
            np.array([0.0 if one.row == 0 else one.progress.loss_sum for one in filled]),
            np.array([one.progress.largest_loss for one in filled]),
            [one.rows for one in filled[:holders]],
            [one.beside for one in filled],
            places[:apart],
            np.array([one.row for one in filled[:apart]], np.int64),
            np.int64(count),
        )
        numbers = zip(*[one.tolist() for one in jax.device_get(words)], strict=True)
        for one, carry, found in zip(stretches, elements, numbers, strict=False):
            one.progress.move(carry, found)


def _have_one_table(stretches: list[_Stretch]) -> bool:
    """Return whether all take their rows from the same arrays."""
    of_each = zip(*[one.rows for one in stretches], strict=True)
    return all(one is first for first, *others in of_each for one in others)


def _have_one_order(stretches: list[_Stretch], rows: int) -> bool:
    """Return whether all visit the same places of their tables."""
    first, *others = [one.order[one.row : one.row + rows] for one in stretches]
    return all(np.array_equal(one, first) for one in others)


def joint_steps(program: Program, roles: Roles) -> Callable[..., Any]:
    """Return the steps of several networks as one computation.

    It goes from the carries, steps, sums of losses, largest losses, rows (of all, or of each), other data,
    orders of the rows and places where the first batches begin (of all, or of each), and the number of steps
    to the carries, steps, sums of losses, largest losses, last losses, and whether a loss was not finite or
    an index out of range: one each.
    """
    step = lowered(program)
    batch = program.inputs[roles.rows[0]].type.shape[0]
    inside = set(range(roles.carried, len(program.inputs))) - {*roles.rows}

    def run(
        carries: Any,
        steps: Any,
        loss_sum: Any,
        largest: Any,
        rows: Any,
        beside: Any,
        orders: Any,
        row: Any,
        count: Any,
    ) -> Any:
        axes: list[int | None] = [0] * len(program.inputs)
        for place in roles.rows:
            axes[place] = None if len(orders) == 1 else 0
        together = jax.vmap(step, in_axes=(axes,))
        fixed = dict(zip(sorted(inside), map(jnp.stack, zip(*beside, strict=True)), strict=True))
        longest = max(one.shape[1] for one in orders)
        order = jnp.stack([jnp.pad(one[0], (0, longest - one.shape[1])) for one in orders])

        def inputs(carry: Any, taken: Any) -> list[Any]:
            begin = row + taken * batch
            places = jax.vmap(lambda one, first: lax.dynamic_slice(one, (first,), (batch,)))(order, begin)
            batches = dict(zip(roles.rows, _batches(rows, places), strict=True))
            values = fixed | batches | {roles.counter: steps + taken}
            return [*carry, *[values[place] for place in range(roles.carried, len(program.inputs))]]

        def goes_on(state: Any) -> Any:
            return (state[1] < count) & ~state[-1].any()

        def iteration(state: Any) -> Any:
            carry, taken, loss_sum, largest, _, _ = state
            outputs, good = together(inputs(carry, taken))
            loss = outputs[roles.carried].astype(jnp.float64)
            stopped = ~(jnp.isfinite(loss) & good)
            now = taken + 1, loss_sum + batch * loss, jnp.maximum(largest, loss)
            return outputs[: roles.carried], *now, loss, stopped

        carry = [jnp.stack(one) for one in zip(*carries, strict=True)]
        begin = carry, jnp.int64(0), loss_sum, largest, jnp.full_like(loss_sum, jnp.nan), largest > jnp.inf
        carry, taken, *found = lax.while_loop(goes_on, iteration, begin)
        parts = [[one[place] for one in carry] for place in range(len(carries))]
        return parts, steps + taken, *found

    compiled: Callable[..., Any] = jax.jit(run)
    return compiled


def _batches(rows: Any, places: Any) -> list[Any]:
    """Return the rows at some places: of all networks, or with an axis for the networks."""
    if len(places) == 1:
        return [jnp.take(one, places[0], axis=0, mode="clip") for one in rows[0]]
    if len(rows) == 1:
        return [jnp.take(one, places, axis=0, mode="clip") for one in rows[0]]
    each = [
        [jnp.take(one, own, axis=0, mode="clip") for one in mine]
        for mine, own in zip(rows, places, strict=True)
    ]
    return [jnp.stack(one) for one in zip(*each, strict=True)]
