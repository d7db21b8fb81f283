"""The devices of a run: a mesh of processes by devices, among which the rows of a batch are divided."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import NamedSharding, PartitionSpec

from wengert.errors import ConfigurationError
from wengert.run.xla.process_barrier import wait_for_others

Array = np.ndarray[Any, Any]

PROCESS, DEVICE = "process", "device"

# Numbers of devices for which the bits of a deterministic step are the same; more would make its blocks
# smaller, and the step slower.
MOST_DEVICES = 16

_SHORT_ORDER = 2**20  # bytes
# A parameter of fewer elements is cheaper to hold on each device than to bring together for each product.
_WIDE = 2**20


@dataclass(frozen=True)
class DeviceMesh:
    """Devices, as many of each process.

    Attributes
    ----------
    mesh : jax.sharding.Mesh
        Of the axes "process" and "device".
    own_rows : bool
        Whether each process holds rows of its own. If not, each holds all of them.
    shard : bool
        Whether large arrays of a carry are divided among the devices.
    deterministic : bool
        Whether a step is computed over fixed blocks of its batch.
    """

    mesh: Any
    own_rows: bool = False
    shard: bool = False
    deterministic: bool = False

    @property
    def processes(self) -> int:
        """How many processes there are."""
        return int(self.mesh.shape[PROCESS])

    @property
    def devices_each(self) -> int:
        """How many devices a process has."""
        return int(self.mesh.shape[DEVICE])

    @property
    def size(self) -> int:
        """How many devices there are."""
        return self.processes * self.devices_each

    @property
    def holders(self) -> int:
        """Of how many parts, each held by a process of its own, a batch is made."""
        return self.processes if self.own_rows else 1

    def sharding(self, *axes: Any) -> Any:
        """Return the sharding whose axes are divided so; without any the array is on each device."""
        return NamedSharding(self.mesh, PartitionSpec(*axes))

    def put(self, array: Array, axes: tuple[Any, ...] = ()) -> Any:
        """Return a copy on the devices of an array that each process has."""
        sharding = self.sharding(*axes)
        if self.processes == 1:
            return jax.device_put(array, sharding, may_alias=False)
        return jax.make_array_from_callback(array.shape, sharding, lambda index: np.array(array[index]))

    def put_own(self, part: Array, *axes: Any) -> Any:
        """Return the array of which each process has a part of the same shape, one after the other."""
        return jax.make_array_from_process_local_data(
            self.sharding(*axes), part, (self.processes * part.shape[0], *part.shape[1:])
        )

    def put_rows(self, rows: Array) -> Any:
        """Return rows divided among the devices of each process, filled up where they leave a rest."""
        longest = int(self.gathered(np.array([len(rows)])).max())
        filled = _filled(rows, -(-longest // self.devices_each) * self.devices_each)
        return self.put_own(filled, (PROCESS, DEVICE)) if self.own_rows else self.put(filled, (DEVICE,))

    def put_order(self, order: Array, length: int) -> Any:
        """Return the order of the rows, as `taker` takes it: of its own rows from each process.

        Over several devices it is filled up to a length that is the same in each process.
        """
        if self.size == 1:
            # A short one goes there with the call of each run, which takes less time than one for itself.
            return order[None] if order.nbytes <= _SHORT_ORDER else jnp.array(order[None])
        filled = _filled(order, length)[None]
        return self.put_own(filled, PROCESS) if self.own_rows else self.put(filled)

    def put_count(self, count: int) -> Any:
        """Return a number of this process among those of the others."""
        own = np.array([count], np.int64)
        return own if self.processes == 1 else self.put_own(own, PROCESS)

    def axes_of_batch(self, rows: int) -> tuple[Any, ...]:
        """Return how the rows of a batch are divided: as far as each device has equally many."""
        if rows % self.size == 0:
            return ((PROCESS, DEVICE),)
        return (PROCESS,) if rows % self.processes == 0 and self.processes > 1 else ()

    def axes_of_parameter(self, shape: tuple[int, ...]) -> tuple[Any, ...]:
        """Return how an array of a carry is divided: along its longest axis, where it is large."""
        even = [axis for axis, extent in enumerate(shape) if extent % self.size == 0]
        if not self.shard or not even or int(np.prod(shape)) < _WIDE:
            return ()
        axis = max(even, key=shape.__getitem__)
        return (None,) * axis + ((PROCESS, DEVICE),)

    def whole(self, arrays: list[Any]) -> list[Any]:
        """Return the arrays with all of their elements on each device."""
        if all(one.is_fully_replicated for one in arrays):
            return arrays
        gathered: list[Any] = jax.jit(_same, out_shardings=self.sharding())(arrays)
        return gathered

    def taker(self, rows: int) -> Callable[..., Any]:
        """Return ``take(data, order, first)``: a batch of `rows` rows, from place `first` of the order on.

        Each device looks up those that it holds, of all that its process takes, and what they found is added
        up, as integers: the bits of a number stay what they are.
        """
        axes = self.axes_of_batch(rows)
        divided = bool(axes) and self.processes > 1
        each = rows // self.processes if divided or self.own_rows else rows
        held = self.sharding((PROCESS, DEVICE) if self.own_rows else DEVICE).spec
        ordered = self.sharding(PROCESS if self.own_rows else None).spec
        scatters = axes == ((PROCESS, DEVICE),)

        def of_device(data: list[Any], order: Any, first: Any) -> list[Any]:
            if divided and not self.own_rows:
                first = first + lax.axis_index(PROCESS) * each
            places = lax.dynamic_slice(order[0], (first,), (each,))
            return [self._exchanged(block, places, scatters) for block in data]

        take: Callable[..., Any] = jax.shard_map(
            of_device,
            mesh=self.mesh,
            in_specs=(held, ordered, PartitionSpec()),
            out_specs=PartitionSpec(*axes),
            check_vma=False,
        )
        return take

    def gathered(self, numbers: Array) -> Array:
        """Return numbers of each holder of rows, one row a process."""
        return numbers[None] if self.holders == 1 else self._of_each_process(numbers)

    def from_first(self, data: bytes) -> bytes:
        """Return what the first process gave."""
        sizes = self._of_each_process(np.array([len(data)]))
        padded = np.zeros(sizes.max(), np.uint8)
        padded[: len(data)] = np.frombuffer(data, np.uint8)
        return self._of_each_process(padded)[0, : sizes[0, 0]].tobytes()

    def _of_each_process(self, numbers: Array) -> Array:
        """Return numbers of each process, one row a process."""
        if self.processes > 1:
            wait_for_others(True)
        (everywhere,) = self.whole([self.put_own(numbers[None], PROCESS)])
        return np.array(everywhere)

    def _exchanged(self, block: Any, places: Any, scatters: bool) -> Any:
        """Return the rows at some places of a process, of which this device holds a block."""
        if self.devices_each == 1:
            return jnp.take(block, places, axis=0, mode="clip")
        inside = places - lax.axis_index(DEVICE) * block.shape[0]
        words = jnp.take(_as_integers(block), inside, axis=0, mode="clip")
        mine = ((inside >= 0) & (inside < block.shape[0])).reshape(-1, *(1,) * (block.ndim - 1))
        words = jnp.where(mine, words, 0)
        whole = (
            lax.psum_scatter(words, DEVICE, scatter_dimension=0, tiled=True)
            if scatters
            else lax.psum(words, DEVICE)
        )
        return lax.bitcast_convert_type(whole, block.dtype)

    def compile(self, computation: Any, arguments: tuple[Any, ...]) -> None:
        """Compile what several processes are to compute together, and wait until all of them have.

        It takes one longer than another, for which `barrier` is no place.
        """
        if self.processes > 1:
            computation.lower(*arguments).compile()
            wait_for_others(True)

    def barrier(self) -> None:
        """Wait until the other processes, if there are any, are about to begin the same computation."""
        if self.processes > 1:
            wait_for_others(False)

    def check_batch(self, rows: int) -> None:
        """Refuse a batch that cannot be divided evenly, given how many of its rows this process has.

        Raises
        ------
        ConfigurationError
        """
        if self.deterministic and self.size > MOST_DEVICES:
            raise ConfigurationError(
                f"deterministic=True is for up to {MOST_DEVICES} devices, and the mesh has {self.size}"
            )
        among = self.size // self.holders
        if rows % among:
            near = max(rows // among, 1) * among
            raise ConfigurationError(
                f"a batch of {rows} rows cannot be divided among the {among} devices of the mesh"
                + (" that this process has" if self.own_rows else "")
                + f"; take a multiple of {among}, such as batch_size={near}, or fewer devices"
            )


def _filled(rows: Array, length: int) -> Array:
    """Return rows followed by copies of the last, which are never used."""
    missing = length - len(rows)
    return np.concatenate([rows, np.repeat(rows[-1:], missing, axis=0)]) if missing else rows


def _same(arrays: list[Any]) -> list[Any]:
    return arrays


def _as_integers(block: Any) -> Any:
    if block.dtype.kind in "iu":
        return block
    return lax.bitcast_convert_type(block, jnp.dtype(f"uint{8 * block.dtype.itemsize}"))
