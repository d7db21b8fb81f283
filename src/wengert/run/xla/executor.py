"""The XLA executor: a program as a computation that JAX compiles."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any

import jax
import numpy as np

from wengert.checks import boolean, unknown_name
from wengert.errors import ConfigurationError, WengertError
from wengert.ir.evaluate import check_argument
from wengert.ir.program import Program
from wengert.run.executor import Executable
from wengert.run.loop import Progress, Roles
from wengert.run.numpy import NumpyExecutor
from wengert.run.recent import recent
from wengert.run.rendezvous import Seat
from wengert.run.xla.device_errors import errors_of
from wengert.run.xla.device_loop import XLALoop, XLAProgress, compiled_loop
from wengert.run.xla.devices import find_mesh
from wengert.run.xla.joint_loop import JointLoop, joint_steps
from wengert.run.xla.mesh import DeviceMesh
from wengert.run.xla.translation import lines_for_numpy, lowered

Array = np.ndarray[Any, Any]


# What JAX calls the precision in which products of float32 are computed.
_PRECISIONS = {"full": "highest", "fast": "default"}


@dataclass(frozen=True)
class XLAExecutor:
    """Compiles a program with XLA, the compiler of JAX.

    Float64 is computed in float64, and products of float32 with all their bits, also where an accelerator
    rounds factors by default. XLA takes numbers below the smallest normal one for 0. What XLA has no code
    for, NumPy computes in a call from the device; see `wengert.run.xla.translation.lines_for_numpy`.

    Parameters
    ----------
    device : str, optional
        "cpu", "gpu" or "tpu", or one of several such as "gpu:1"; by default the fastest that JAX finds.
    precision : "full" or "fast"
        Of products of float32: with all their bits, or as fast as the device has them, which on a GPU is
        with factors of 10 bits of mantissa (TF32), on a TPU of 7, and on a processor as before.
    mesh : int or "all", optional
        Among how many devices the rows of a batch are divided, in all processes together.
    own_rows : bool
        Whether each of several processes holds rows of its own. If not, each holds all of them.
    shard : "auto", optional
        Divide also large parameters, and what belongs to them, among the devices of the mesh.
    deterministic : bool
        Compute a training step over fixed blocks of its batch, and add these up in a fixed order: the bits
        are the same for every number of devices, up to 16, that divides the batch.
    seat : Seat, optional
        Where loops over steps of the same program meet, to take them as one computation on one device.

    Raises
    ------
    ConfigurationError
        When there is no such device, or fewer than the mesh has.
    """

    device: str | None = None
    precision: str = "full"
    mesh: int | str | None = None
    own_rows: bool = False
    shard: str | None = None
    deterministic: bool = False
    seat: Seat | None = field(default=None, compare=False, repr=False)

    def __reduce__(self) -> tuple[Any, ...]:
        # Without the devices and the seat, which belong to a process.
        return type(self), tuple([getattr(self, one.name) for one in fields(self) if one.compare])

    threads = 1  # XLA divides the work among threads by itself

    def __post_init__(self) -> None:
        if not isinstance(self.precision, str) or self.precision not in _PRECISIONS:
            raise unknown_name("", "precision", self.precision, _PRECISIONS)
        for name in ("own_rows", "deterministic"):
            boolean("", name, getattr(self, name))
        if self.shard not in (None, "auto"):
            raise ConfigurationError(f"shard is 'auto' or None, got {self.shard!r}")
        if self.mesh is None and (self.shard is not None or self.own_rows):
            raise ConfigurationError("shard and own_rows are for a mesh of devices: say mesh=, of how many")
        if self.shard is not None and self.deterministic:
            raise ConfigurationError("deterministic=True keeps parameters on each device: leave shard out")
        if self.devices.processes > 1 and self.shard is not None:
            raise ConfigurationError("shard='auto' is for the devices of one process; leave it out")

    @property
    def products(self) -> str:
        """In which dtype products of float32 are computed."""
        return "float32" if self.precision == "full" else "float32 as the device rounds them"

    @cached_property
    def devices(self) -> DeviceMesh:
        """The devices."""
        mesh = find_mesh(self.device, self.mesh)
        return DeviceMesh(mesh, self.own_rows, self.shard is not None, self.deterministic)

    @property
    def platform(self) -> str:
        """What the devices are: "cpu", "gpu" or "tpu"."""
        return str(self.devices.mesh.devices.flat[0].platform)

    @property
    def parts(self) -> int:
        """Among how many devices the rows of a batch are divided."""
        return self.devices.size

    @property
    def processes(self) -> int:
        """To how many processes the devices belong."""
        return self.devices.processes

    @property
    def rank(self) -> int:
        """The number of this process."""
        return int(jax.process_index())

    @property
    def holders(self) -> int:
        """How many processes hold rows of their own."""
        return self.devices.holders

    def check_batch(self, rows: int) -> None:
        """Refuse a batch that cannot be divided evenly; see `RowsExecutor`."""
        self.devices.check_batch(rows)

    def gathered(self, numbers: Array) -> Array:
        """Return numbers of each process that holds rows of its own; see `RowsExecutor`."""
        with self.settings():
            return self.devices.gathered(numbers)

    def from_first(self, data: bytes) -> bytes:
        """Return what the first process gave; see `RowsExecutor`."""
        with self.settings():
            return self.devices.from_first(data)

    def compile(self, program: Program) -> Executable:
        """Return the callable; see `Executor`."""
        return self.compile_over_rows(program, ())

    def compile_over_rows(self, program: Program, rows: tuple[int, ...]) -> Executable:
        """Return the callable, which divides the rows of its inputs at these places among the devices.

        With `deterministic` each device computes all of them, so that there is nothing to add up.
        """
        rows = () if self.deterministic else rows
        if program.free:
            raise WengertError("the program reads values of an enclosing trace; it can only run inside it")
        names = tuple([node.params for node in program.inputs])
        made: Executable = recent(("xla", self, program, names, rows), lambda: _Compiled(program, self, rows))
        return made

    @contextmanager
    def settings(self) -> Iterator[None]:
        """JAX's settings while it traces and runs our programs; those of the process stay as they are."""
        first = self.devices.mesh.local_devices[0]
        precision = jax.default_matmul_precision(_PRECISIONS[self.precision])
        with jax.enable_x64(True), jax.default_device(first), precision:
            yield

    def loop(
        self, program: Program, roles: Roles, progress: Progress, data: Sequence[Array]
    ) -> XLALoop | None:
        """Return the loop over a step; see `LoopExecutor`."""
        mesh = self.devices
        assert isinstance(progress, XLAProgress)
        is_rows = [roles.carried + place in roles.rows for place in range(len(data))]
        batch = program.inputs[roles.rows[0]].type.shape[0]
        reasons = recent(("xla lines for NumPy", program), lambda: lines_for_numpy(program))
        if reasons:
            if mesh.size == 1:
                return None
            text = "; ".join(sorted(set(reasons.values())))
            raise ConfigurationError(f"a mesh of devices cannot take steps with lines for NumPy: {text}")
        alone = replace(self, seat=None)  # what is kept belongs to no seat
        if self.seat is not None and mesh.size == 1 and not self.deterministic:
            joint = recent(("xla joint loop", alone, roles, program), lambda: joint_steps(program, roles))
            self.seat.is_used = True
            return JointLoop(joint, progress, data, is_rows, batch)
        compiled = recent(("xla loop", alone, roles, program), lambda: compiled_loop(program, roles, mesh))
        return XLALoop(compiled, progress, data, is_rows, batch)

    def new_progress(self, carry: Sequence[Array], steps: int, loss_sum: float) -> XLAProgress:
        """Return the progress of a loop that begins, or goes on."""
        return XLAProgress(carry, steps, loss_sum, self.devices, self.settings, self.seat)


class _Compiled:
    """A program ready to run.

    Parameters
    ----------
    program : Program
    executor : XLAExecutor
    rows : tuple of int
        The inputs of which each device gets a part of the rows.
    """

    def __init__(self, program: Program, executor: XLAExecutor, rows: tuple[int, ...]) -> None:
        self._program = program
        self._settings = executor.settings
        mesh = executor.devices
        self._put: Callable[[list[Array]], list[Any]] = list
        if mesh.size > 1:
            divided = [
                mesh.axes_of_batch(node.type.shape[0]) if place in rows else ()
                for place, node in enumerate(program.inputs)
            ]
            self._put = lambda given: list(map(mesh.put, given, divided))
        self._run = jax.jit(lowered(program), out_shardings=mesh.sharding())
        self._mesh, self._is_new = mesh, True

    def __call__(self, arguments: Sequence[Any]) -> list[Array]:
        """Run on one array per input."""
        given = [
            check_argument(node, value) for node, value in zip(self._program.inputs, arguments, strict=True)
        ]
        with self._settings(), errors_of("this computation"):
            put = self._put(given)
            if self._is_new:
                self._mesh.compile(self._run, (put,))
                self._is_new = False
            else:
                self._mesh.meet()
            outputs, good = self._run(put)
            if good:
                return [np.array(value) for value in outputs]
        self._refused(given)
        raise WengertError("a line failed on the device and does not with NumPy: a bug in wengert")

    def _refused(self, arguments: list[Array]) -> None:
        """Have NumPy say what is wrong with these arguments: it raises the error that belongs to a line."""
        NumpyExecutor().compile(self._program)(arguments)
