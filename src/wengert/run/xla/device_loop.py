"""A training step as a loop on the devices; what it carries stays there from step to step."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, NoReturn

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from wengert.errors import ConfigurationError
from wengert.ir.program import Program
from wengert.ir.types import tensor_type
from wengert.run.loop import Roles
from wengert.run.magnitude import largest_magnitude
from wengert.run.rendezvous import Seat
from wengert.run.xla.blocks import BlockStep, over_mesh
from wengert.run.xla.device_errors import advice, errors_of
from wengert.run.xla.mesh import DeviceMesh
from wengert.run.xla.small_arrays import SmallArrays
from wengert.run.xla.translation import lowered

Array = np.ndarray[Any, Any]

NUMBERS = 5  # of a loop: steps, sum of losses, largest loss, last loss, whether it stopped


class XLAProgress:
    """The state of a loop; see `wengert.run.loop.Progress`.

    Parameters
    ----------
    carry : sequence of ndarray
    steps : int
    loss_sum : float
    mesh : DeviceMesh
    settings : callable
        Gives the context in which JAX runs.
    seat : Seat or None
        Where it waits for the progress of others, with which it shares what lies on the devices.
    """

    def __init__(
        self,
        carry: Sequence[Array],
        steps: int,
        loss_sum: float,
        mesh: DeviceMesh,
        settings: Callable[[], AbstractContextManager[None]],
        seat: Seat | None = None,
    ) -> None:
        self.mesh, self.settings, self.seat = mesh, settings, seat
        self.small = SmallArrays([tensor_type(one.shape, one.dtype) for one in carry], NUMBERS)
        self.carry = list(carry)
        self.steps, self.loss_sum = steps, loss_sum
        self.last_loss, self.largest_loss = math.nan, -math.inf
        self.stopped = False
        # By its place in memory, an array and its copy on the devices.
        self._placed: dict[Any, tuple[Array, Any]] = {} if seat is None else seat.shared
        self._order: Any = None
        self._given: Any = None

    @property
    def carry(self) -> list[Array]:
        """The arrays as they are now, copied from the devices."""
        return list(self.copy())

    @carry.setter
    def carry(self, arrays: Sequence[Array]) -> None:
        mesh = self.mesh
        with self.settings():
            self.elements = [mesh.put(one, mesh.axes_of_parameter(one.shape)) for one in arrays]
        self._here: dict[int, Array] = {}
        self._views_of: list[Array] = []
        self._copy: tuple[Array, ...] | None = None
        self.is_whole = True

    def copy(self) -> tuple[Array, ...]:
        """Return the carry as it is now."""
        if self._copy is None:
            with self.settings():
                whole = self.mesh.whole(self.elements)
                # Of another array over the same memory: JAX keeps with an array what NumPy saw of it, and the
                # next run is to take that memory over.
                self._copy = tuple(
                    [
                        self._here[place] if place in self._here else np.array(one.addressable_data(0))
                        for place, one in enumerate(whole)
                    ]
                )
        return self._copy

    def largest(self) -> float:
        """Return the largest magnitude of the floating elements of the carry; NaN where one is NaN."""
        large = [one for place, one in enumerate(self.copy()) if place not in self._here]
        return largest_magnitude([*self._views_of, *large])

    def move(self, elements: list[Any], numbers: Sequence[float], *small: Any) -> None:
        """Go on to where some steps have led.

        Parameters
        ----------
        elements : list of jax.Array
        numbers : sequence of float
            Steps, sum of losses, largest loss, last loss, and whether it stopped.
        small
            What `SmallArrays.apart` gives beside them, where it was fetched with them.
        """
        steps, self.loss_sum, self.largest_loss, self.last_loss, stopped = numbers
        self.elements, self.steps, self.stopped = elements, int(steps), bool(stopped)
        self._here, self._views_of = small or ({}, [])
        self._copy = None
        self.is_whole = True

    def on_devices(self, data: Sequence[Array], is_rows: Sequence[bool]) -> list[Any]:
        """Return the data as they lie on the devices, put there once for all loops.

        Parameters
        ----------
        data : sequence of ndarray
        is_rows : sequence of bool
            Of each whether it has one entry a row.
        """
        found = []
        for one, rows in zip(data, is_rows, strict=True):
            key = one.ctypes.data, one.shape, one.strides, one.dtype
            if key not in self._placed:
                put = self.mesh.put_rows if rows else self.mesh.put
                self._placed[key] = one, put(np.asarray(one))
            found.append(self._placed[key][1])
        return found

    def visit(self, order: Array, row: int, length: int) -> Any:
        """Return the order of an epoch's rows on the devices, filled up as `DeviceMesh.put_order` does.

        The caller's array may be another epoch's when the next one begins, with row 0.
        """
        if row == 0 or order is not self._given:
            self._given, self._order = order, self.mesh.put_order(np.array(order), length)
        return self._order


def _more_devices() -> str:
    return "; divide them among the devices of a mesh"


class XLALoop:
    """A compiled loop with its data; see `wengert.run.loop.StepLoop`.

    Parameters
    ----------
    compiled : callable
        See `compiled_loop`.
    progress : XLAProgress
    data : sequence of ndarray
        The inputs after the carry.
    is_rows : sequence of bool
        Of each whether it has one entry a row.
    batch : int
        Rows in a step.
    """

    def __init__(
        self,
        compiled: Callable[..., Any],
        progress: XLAProgress,
        data: Sequence[Array],
        is_rows: Sequence[bool],
        batch: int,
    ) -> None:
        self._compiled = compiled
        self._progress = progress
        self._is_rows = is_rows
        self._batch = batch
        size = sum(one.nbytes for one in data)
        with progress.settings(), errors_of(f"the rows, {size:,} bytes of them", _more_devices):
            self._data = progress.on_devices(data, is_rows)
        if progress.mesh.processes > 1:
            with progress.settings():
                progress.mesh.compile(compiled, self._arguments(np.arange(1), 0, 0))

    def _arguments(self, order: Array, row: int, count: int) -> tuple[Any, ...]:
        """Return what the compiled loop takes."""
        progress = self._progress
        length = self._data[self._is_rows.index(True)].shape[0] // progress.mesh.holders
        places = progress.visit(order, row, length)
        loss_sum = 0.0 if row == 0 else progress.loss_sum
        # As one array: each array that goes to the device or comes back takes its time.
        numbers = np.array([progress.steps, row, loss_sum, progress.largest_loss], np.float64)
        return progress.elements, numbers, self._data, places, progress.mesh.put_count(count)

    def run(self, order: Array, row: int, count: int, threads: int) -> None:
        """Take up to `count` steps; see `StepLoop`."""
        progress = self._progress
        with progress.settings():
            arguments = self._arguments(order, row, count)
            progress.mesh.meet()
            progress.is_whole = False
            smaller = partial(advice, self._compiled, arguments, self._batch)
            with errors_of(f"a step of {self._batch} rows", smaller):
                elements, joined = self._compiled(*arguments)
                found = progress.small.apart(joined)
            progress.move(elements, *found)

    def llvm(self) -> NoReturn:
        """Refuse: XLA makes its code itself."""
        raise ConfigurationError("there is no LLVM code to show for a step that XLA runs")

    def kernels(self, profile: bool) -> NoReturn:
        """Refuse: XLA divides the step among kernels itself."""
        raise ConfigurationError("the kernels of a step that XLA runs are known to JAX's profiler alone")


def _step(program: Program, roles: Roles, mesh: DeviceMesh) -> Callable[..., Any]:
    """Return the function from the inputs of a step to its outputs, and whether all went well."""
    if not mesh.deterministic:
        return lowered(program)
    axes = mesh.axes_of_batch(program.inputs[roles.rows[0]].type.shape[0])
    names = axes[0] if axes and isinstance(axes[0], tuple) else axes
    step = BlockStep(program, roles.rows, names)
    return over_mesh(step, mesh.mesh, roles.rows, len(program.inputs), mesh.sharding(*axes).spec)


def compiled_loop(program: Program, roles: Roles, mesh: DeviceMesh) -> Callable[..., Any]:
    """Return the loop over a step as one computation, all of whose lines XLA has code for.

    It goes from the carry (whose memory it takes), an array of steps, first row, sum of losses and largest
    loss, the data, the order and the number of steps (of each process; that of the first counts, so that all
    take as many) to the carry and, joined with its small arrays, steps, sum of losses, largest loss, last
    loss, and whether a loss was not finite or an index out of range. The number of steps is a value: nothing
    is compiled for it.
    """
    step = _step(program, roles, mesh)
    batch = program.inputs[roles.rows[0]].type.shape[0]
    take, counted = mesh.taker(batch), batch // mesh.holders
    small = SmallArrays([one.type for one in program.inputs[: roles.carried]], NUMBERS)
    carry_shardings = [
        mesh.sharding(*mesh.axes_of_parameter(one.type.shape)) for one in program.inputs[: roles.carried]
    ]

    def inputs(carry: Any, steps: Any, data: Any, order: Any, first: Any) -> list[Any]:
        values = [*carry, *data]
        taken = take([values[place] for place in roles.rows], order, first)
        for place, rows in zip(roles.rows, taken, strict=True):
            values[place] = rows
        values[roles.counter] = steps
        return values

    def run(carry: Any, numbers: Any, data: Any, order: Any, counts: Any) -> Any:
        steps, row = numbers[:2].astype(jnp.int64)
        end = steps + counts[0]

        def goes_on(state: Any) -> Any:
            return (state[1] < end) & ~state[-1]

        def iteration(state: Any) -> Any:
            carry, now, loss_sum, largest, _, _ = state
            outputs, good = step(inputs(carry, now, data, order, row + (now - steps) * counted))
            loss = outputs[roles.carried].astype(jnp.float64)
            stopped = ~(jnp.isfinite(loss) & good)
            carry = lax.with_sharding_constraint(outputs[: roles.carried], carry_shardings)
            return carry, now + 1, loss_sum + counted * loss, jnp.maximum(largest, loss), loss, stopped

        begin = carry, steps, *numbers[2:], jnp.array(jnp.nan, jnp.float64), jnp.array(False)
        carry, *numbers = lax.while_loop(goes_on, iteration, begin)
        whole = lax.with_sharding_constraint(carry, mesh.sharding()) if mesh.shard else carry
        return carry, small.joined(numbers, whole)

    loop: Callable[..., Any] = jax.jit(
        run, donate_argnums=0, out_shardings=(carry_shardings, mesh.sharding())
    )
    return loop
