"""How a process becomes one of the workers."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from types import TracebackType

from wengert.cluster.channel import send_words
from wengert.cluster.identity import WorkerIdentity, address_of, identify
from wengert.cluster.rendezvous import Meeting, Rendezvous, enrol
from wengert.cluster.transport import SocketTransport, Transport
from wengert.cluster.workers import Workers
from wengert.errors import ConfigurationError, WengertError, WorkerLostError

# Seconds between two signs of life to the supervisor.
BEAT = 1.0

_known: Workers | None = None


def join(*, blocks: int = 8, timeout: float | None = None, join_timeout: float | None = None) -> Workers:
    """Become one of the workers that the environment speaks of, and wait for the others.

    Under `wengert launch`, Slurm (`srun`), Open MPI (`mpirun`) and in Kubernetes the variables of the process
    say which worker it is; see docs/clusters.md. Without any it is alone, and the same script runs.

    Parameters
    ----------
    blocks : int
        Into which each batch is divided, and the most workers there can be. The result depends on it, and not
        on the number of workers.
    timeout : float, optional
        Seconds for which another worker may keep this one waiting in a step, before all end; 8 by default, or
        what `wengert launch --timeout` says.
    join_timeout : float, optional
        Seconds for which it waits for others that start, read or compile; 60 by default.

    Returns
    -------
    Workers
        Of a process there is one: a second call returns it.

    Raises
    ------
    WorkerLostError
        When others do not come in time, or nobody answers; names them.
    ConfigurationError
        When the variables contradict each other, no secret is set, or the workers are of several versions.

    Notes
    -----
    An exception that nobody catches ends the process at once afterwards (`os._exit`), with code 75 where
    another worker was lost, so that a library that waits for others at the end of the process does not.
    """
    global _known
    if _known is not None:
        if _known.blocks != blocks:
            raise ConfigurationError(f"this process has joined with blocks={_known.blocks}, and not {blocks}")
        return _known
    me = identify(os.environ)
    patience = _seconds("WENGERT_JOIN_TIMEOUT", join_timeout, 60.0)
    transport = None
    # Refused before anybody is kept waiting.
    Workers(me, None, blocks=blocks)
    if me.size > 1 or me.source == "wengert launch":
        transport = _transport(me, os.environ, patience)
        sys.excepthook = _end
    _known = Workers(
        me,
        transport,
        blocks=blocks,
        timeout=_seconds("WENGERT_TIMEOUT", timeout, 8.0),
        join_timeout=patience,
    )
    return _known


def _transport(me: WorkerIdentity, environment: Mapping[str, str], seconds: float) -> Transport:
    if me.uses_mpi:
        from wengert.cluster.mpi import MPITransport

        return MPITransport()
    secret = environment.get("WENGERT_SECRET", "").encode()
    if len(secret) < 16:
        raise ConfigurationError(
            f"{me.source} started {me.size} workers, which know each other by a secret of 16 bytes or more "
            "in WENGERT_SECRET. Set it before they start: export WENGERT_SECRET=$(openssl rand -hex 16)"
        )
    assert me.coordinator is not None
    coordinator = address_of(me.coordinator)
    supervised = me.source == "wengert launch"
    rendezvous = None
    if me.rank == 0 and not supervised:
        rendezvous = Rendezvous(coordinator, secret, me.size)
        threading.Thread(target=_hold, args=(rendezvous, seconds), daemon=True).start()
    meeting = enrol(me, coordinator, secret, seconds)
    if supervised:
        threading.Thread(target=_beat, args=(meeting,), daemon=True).start()
    else:
        meeting.connection.close()
    return SocketTransport(me.rank, meeting, secret, seconds)


def _hold(rendezvous: Rendezvous, seconds: float) -> None:
    """Gather the workers; who is missing, worker 0 says for all."""
    try:
        rendezvous.gather(seconds)
    except WengertError as error:
        sys.stderr.write(f"{error}\n")
    finally:
        rendezvous.close()


def _beat(meeting: Meeting) -> None:
    """Show the supervisor that this process is alive, and not stopped, once a second."""
    with meeting.connection, contextlib.suppress(OSError):
        while True:
            send_words(meeting.connection, {})
            time.sleep(BEAT)


def _end(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Say what went wrong and end at once, whatever other threads and libraries still wait for."""
    lost = isinstance(error, WorkerLostError)
    with contextlib.suppress(OSError, ValueError):
        if lost:  # no fault of the lines that were running
            sys.stderr.write(f"{error}\n")
        else:
            traceback.print_exception(kind, error, trace)
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(WorkerLostError.exit_code if lost else 130 if isinstance(error, KeyboardInterrupt) else 1)


def _seconds(name: str, given: float | None, default: float) -> float:
    if given is not None:
        return given
    try:
        return float(os.environ.get(name, default))
    except ValueError:
        raise ConfigurationError(f"{name} is a number of seconds, got {os.environ[name]!r}") from None
