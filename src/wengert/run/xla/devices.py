"""Which devices there are, and which of them are meant."""

from __future__ import annotations

import functools
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh

from wengert.checks import is_integer
from wengert.errors import ConfigurationError
from wengert.run.xla.mesh import DEVICE, PROCESS

ALL = "all"


def find_mesh(device: str | None, count: int | str | None) -> Any:
    """Return a mesh of devices, as many of each process.

    Parameters
    ----------
    device : str, optional
        See `XLAExecutor`.
    count : int or "all", optional
        In all processes together. Without it the mesh is one device of this process alone.

    Raises
    ------
    ConfigurationError
        When there are no such devices, or not as many.
    """
    if device is not None and not isinstance(device, str):
        raise ConfigurationError(f"device is a name, such as 'cpu' or 'gpu:1', got {device!r}")
    if count is None or is_integer(count, 1):
        return _mesh(device, None if count is None else int(count))
    if not isinstance(count, str) or count != ALL:
        raise ConfigurationError(f"mesh is a number of devices or {ALL!r}, got {count!r}")
    return _mesh(device, count)


@functools.lru_cache(maxsize=32)
def _mesh(device: str | None, count: int | str | None) -> Any:
    platform, _, place = (device or "").partition(":")
    try:
        known = jax.devices(platform or None)
    except RuntimeError:
        raise _missing(device) from None
    mine = [one for one in known if one.process_index == jax.process_index()]
    if place and (not place.isdecimal() or int(place) >= len(mine)):
        raise _missing(device)
    if count is None:
        return Mesh(np.array([[mine[int(place or 0)]]]), (PROCESS, DEVICE))
    if place:
        raise ConfigurationError(f"device={device!r} is one device; a mesh has several: leave out {place!r}")
    return Mesh(_evenly(known, platform or mine[0].platform, count), (PROCESS, DEVICE))


def _evenly(known: list[Any], platform: str, count: int | str) -> Any:
    """Return as many devices as asked for, those of a process in a row."""
    processes = sorted({one.process_index for one in known})
    count = len(known) if count == ALL else int(count)
    if count > len(known):
        flag = "XLA_FLAGS=--xla_force_host_platform_device_count"
        more = f"; {flag}={count}, set before the start, makes as many of a processor"
        raise ConfigurationError(
            f"a mesh of {count} devices is larger than what there is: {len(known)} of {platform!r}"
            + (more if platform == "cpu" and len(processes) == 1 else "")
        )
    each, rest = divmod(count, len(processes))
    if rest:
        raise ConfigurationError(
            f"a mesh of {count} devices cannot be divided among {len(processes)} processes; "
            f"take a multiple of {len(processes)}"
        )
    rows = [[one for one in known if one.process_index == process][:each] for process in processes]
    if any(len(row) < each for row in rows):
        raise ConfigurationError(
            f"a mesh of {count} devices needs {each} of each process; there are {[len(row) for row in rows]}"
        )
    return np.array(rows)


def _missing(device: str | None) -> ConfigurationError:
    present = {f"{one.platform}:{one.local_hardware_id}" for one in _present()}
    return ConfigurationError(
        f"JAX finds no device {device!r}; there is {', '.join(map(repr, sorted(present)))} "
        "(for others JAX is installed with their plugin, as its installation page says)"
    )


def _present() -> list[Any]:
    return [*jax.local_devices(), *jax.local_devices(backend="cpu")]
