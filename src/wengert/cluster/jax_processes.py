"""Joining the workers for JAX, whose devices then are those of all."""

from __future__ import annotations

import math
import os

from wengert.checks import positive_number
from wengert.cluster.channel import listen
from wengert.cluster.workers import Workers
from wengert.errors import ConfigurationError
from wengert.extras import optional_library

# Within a collective they compute alike, but the system may let one of them wait for a processor.
_COLLECTIVE = 20
# JAX's own 100 s would let a job hang on a worker that has been killed. Where a supervisor watches, it is to
# be first: JAX ends those that are well, and then they look like the ones at fault.
_HEARTBEAT, _SUPERVISED = 10, 30


def join_jax(workers: Workers, *, timeout: float | None = None) -> None:
    """Have JAX join the workers, so that a mesh is made of the devices of all of them.

    To be called before anything else uses JAX in this process.

    Parameters
    ----------
    workers : Workers
    timeout : float, optional
        Seconds for which one may keep the others waiting within a collective of XLA's; whole ones, rounded
        up. By default 20, or that of the workers where it is longer. Before each computation of all the
        workers wait for each other as they do without XLA, so one that is asleep is named after
        ``workers.timeout``. Without a supervisor, one that is stopped within a collective is noticed after
        10 s.

    Raises
    ------
    ConfigurationError
        When JAX is not installed, or has begun without the others, or the time-out is not above 0.

    Notes
    -----
    JAX's channels know no secret: they are open to the network that they run in. After an error leave by
    `os._exit`, as `join` has it, since `jax.distributed.shutdown` waits for workers that are gone.
    """
    seconds = max(_COLLECTIVE, workers.timeout) if timeout is None else timeout
    positive_number("join_jax", "timeout", seconds)
    if workers.size == 1:
        return
    flag = f"--xla_cpu_collective_timeout_seconds={math.ceil(seconds)}"
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {flag}".strip()
    jax = optional_library("jax", "workers share arrays with JAX", "xla")
    coordinator = workers.from_first(_free_place(workers) if workers.rank == 0 else None)
    try:
        jax.distributed.initialize(
            bytes(coordinator).decode(),
            num_processes=workers.size,
            process_id=workers.rank,
            initialization_timeout=60,
            heartbeat_timeout_seconds=_SUPERVISED if "WENGERT_SUPERVISED" in os.environ else _HEARTBEAT,
        )
    except RuntimeError as error:
        raise ConfigurationError(
            f"JAX could not join the workers: {error}. Call join_jax before anything else uses JAX"
        ) from None
    from wengert.run.xla.process_barrier import wait_by  # which imports JAX

    wait_by(lambda compiles: workers.barrier(prepares=compiles))


def _free_place(workers: Workers) -> bytes:
    """Return an address of this worker with a port that is free now."""
    with listen(workers.address) as place:
        host, port = place.getsockname()[:2]
    return f"{host}:{port}".encode()
