"""Joining the workers for JAX, whose devices then are those of all."""

from __future__ import annotations

import os

from wengert.cluster.channel import listen
from wengert.cluster.workers import Workers
from wengert.errors import ConfigurationError
from wengert.extras import optional_library

# JAX's own 100 s would let a job hang on a worker that has been killed.
_HEARTBEAT = 10


def join_jax(workers: Workers, *, timeout: int = 20) -> None:
    """Have JAX join the workers, so that a mesh is made of the devices of all of them.

    To be called before anything else uses JAX in this process.

    Parameters
    ----------
    workers : Workers
    timeout : int
        Seconds for which one may keep the others waiting in a collective, before all end. Those that die are
        noticed after 10 s.

    Raises
    ------
    ConfigurationError
        When JAX is not installed, or has begun without the others.

    Notes
    -----
    JAX's channels know no secret: they are open to the network that they run in. After an error leave by
    `os._exit`, as `join` has it, since `jax.distributed.shutdown` waits for workers that are gone.
    """
    if workers.size == 1:
        return
    flag = f"--xla_cpu_collective_timeout_seconds={timeout}"
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {flag}".strip()
    jax = optional_library("jax", "workers share arrays with JAX", "xla")
    coordinator = workers.from_first(_free_place(workers) if workers.rank == 0 else None)
    try:
        jax.distributed.initialize(
            bytes(coordinator).decode(),
            num_processes=workers.size,
            process_id=workers.rank,
            initialization_timeout=60,
            heartbeat_timeout_seconds=_HEARTBEAT,
        )
    except RuntimeError as error:
        raise ConfigurationError(
            f"JAX could not join the workers: {error}. Call join_jax before anything else uses JAX"
        ) from None


def _free_place(workers: Workers) -> bytes:
    """Return an address of this worker with a port that is free now."""
    with listen(workers.address) as place:
        host, port = place.getsockname()[:2]
    return f"{host}:{port}".encode()
