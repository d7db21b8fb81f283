"""How a process becomes one of the workers."""

from __future__ import annotations

import contextlib
import math
import os
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from types import TracebackType

from wengert.checks import positive_number
from wengert.cluster.channel import send_words
from wengert.cluster.identity import WorkerIdentity, address_of, identify
from wengert.cluster.rendezvous import Meeting, Rendezvous, description, enrol
from wengert.cluster.transport import SocketTransport, Transport
from wengert.cluster.workers import Workers
from wengert.errors import ConfigurationError, WengertError, WorkerLostError

_TIMEOUT, _JOIN_TIMEOUT = 8.0, 60.0

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
        When the variables contradict each other, no secret is set, or the workers are of several versions or
        count differently.

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
    seconds = _seconds(os.environ, "timeout", timeout, _TIMEOUT)
    patience = _seconds(os.environ, "join_timeout", join_timeout, _JOIN_TIMEOUT)
    # Refused before anybody is kept waiting.
    alone = Workers(me, None, blocks=blocks, timeout=seconds, join_timeout=patience)
    if me.size == 1 and me.source != "wengert launch":
        _known = alone
        return alone
    sys.excepthook = _end
    transport = _transport(me, os.environ, blocks, patience)
    _known = Workers(me, transport, blocks=blocks, timeout=seconds, join_timeout=patience)
    if me.uses_mpi:  # the others have been compared where they met
        _known.agree(description(me.size, blocks))
    return _known


def _transport(me: WorkerIdentity, environment: Mapping[str, str], blocks: int, seconds: float) -> Transport:
    if me.uses_mpi:
        from wengert.cluster.mpi import MPITransport

        return MPITransport()
    secret = environment.get("WENGERT_SECRET", "").encode()
    if len(secret) < 16:
        raise ConfigurationError(
            f"this is one of {me.size} workers (by {me.source}), which know each other by a secret of "
            "16 bytes or more in WENGERT_SECRET. Set it before they start: "
            "export WENGERT_SECRET=$(openssl rand -hex 16)"
        )
    assert me.coordinator is not None
    coordinator = address_of(me.coordinator)
    supervised = me.source == "wengert launch"
    rendezvous = None
    if me.rank == 0 and not supervised:
        rendezvous = Rendezvous(coordinator, secret, me.size)
        threading.Thread(target=_hold, args=(rendezvous, seconds), daemon=True).start()
    meeting = enrol(me, coordinator, secret, blocks, seconds)
    if supervised:
        pause = beat_seconds(_seconds(environment, "timeout", None, _TIMEOUT))
        threading.Thread(target=_beat, args=(meeting, pause), daemon=True).start()
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


def beat_seconds(timeout: float) -> float:
    """Return the seconds between two signs of life to a supervisor that waits for one this long."""
    return min(1.0, timeout / 4)


def _beat(meeting: Meeting, pause: float) -> None:
    """Show the supervisor again and again that this process is alive, and not stopped."""
    with meeting.connection, contextlib.suppress(OSError):
        while True:
            send_words(meeting.connection, {})
            time.sleep(pause)


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


def _seconds(environment: Mapping[str, str], name: str, given: float | None, default: float) -> float:
    if given is not None:
        positive_number("join", name, given)
        return given
    variable = f"WENGERT_{name.upper()}"
    text = environment.get(variable, str(default))
    with contextlib.suppress(ValueError):
        if 0 < float(text) < math.inf:
            return float(text)
    raise ConfigurationError(f"{variable} is a number of seconds above 0, got {text!r}")
