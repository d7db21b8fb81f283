"""Where workers meet: each says where it listens, and learns where the others do."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from wengert.cluster.channel import (
    connect,
    listen,
    receive_members,
    receive_words,
    send_words,
    stop_listening,
)
from wengert.cluster.identity import WorkerIdentity
from wengert.errors import ConfigurationError, WorkerLostError
from wengert.version import __version__


def description(size: int, blocks: int) -> dict[str, str]:
    """Return what all workers must have in common before they can compute the same.

    Parameters
    ----------
    size, blocks : int
        See `wengert.cluster.workers.Workers`.
    """
    import numpy as np

    return {
        "size": str(size),
        "blocks": str(blocks),
        "wengert": __version__,
        "Python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "NumPy": np.__version__,
        "byte order": sys.byteorder,
    }


def differences(named: Mapping[str, Mapping[str, str]]) -> str:
    """Return how the others differ from the first, in words; "" where none does.

    Parameters
    ----------
    named : mapping of str to mapping
        What each has, by its name.
    """
    (first, expected), *others = named.items()
    found = [
        f"{name} has {key} {has.get(key, 'missing')}, and {first} has {value}"
        for name, has in others
        for key, value in expected.items()
        if has.get(key) != value
    ]
    return "; ".join(found[:4]) + (f"; and {len(found) - 4} more" if len(found) > 4 else "")


@dataclass
class Enrolled:
    """A worker that has come to the meeting.

    Attributes
    ----------
    connection : socket
    words : dict
        Rank, host, process number, address at which it listens, and its `description`.
    """

    connection: socket.socket
    words: dict[str, Any]


@dataclass
class Rendezvous:
    """Listens at one address until all workers have come, and tells each where the others are.

    Attributes
    ----------
    address : (str, int)
        A port of 0 is replaced by the one taken.
    secret : bytes
    size : int
        How many workers come.
    workers : dict of int to Enrolled
        Those that have come.
    first_came : float or None
        When the first of them did, by `time.monotonic`.
    closed : bool
    """

    address: tuple[str, int]
    secret: bytes
    size: int
    workers: dict[int, Enrolled] = field(default_factory=dict)
    first_came: float | None = None
    closed: bool = False

    def __post_init__(self) -> None:
        self._listener = listen(*self.address)
        self.address = self._listener.getsockname()[:2]
        self._change = threading.Condition()
        receive = threading.Thread(
            target=receive_members, args=(self._listener, self.secret, self._enrol), daemon=True
        )
        receive.start()

    def _enrol(self, connection: socket.socket, words: dict[str, Any]) -> None:
        rank = int(words["rank"])
        connection.settimeout(None)
        with self._change:
            if rank not in self.workers and 0 <= rank < self.size:
                self.workers[rank] = Enrolled(connection, words)
                self.first_came = self.first_came or time.monotonic()
                self._change.notify_all()
                return
        known = "another process is that one" if rank in self.workers else f"there are {self.size} here"
        with connection, contextlib.suppress(OSError):
            send_words(connection, {"refused": f"this process would be worker {rank}, and {known}"})

    def missing(self) -> tuple[int, ...]:
        """Return the workers that have not come."""
        return tuple(rank for rank in range(self.size) if rank not in self.workers)

    def gather(self, seconds: float) -> None:
        """Wait until all have come, and tell each where the others listen.

        Raises
        ------
        WorkerLostError
            When some have not come in time; names them.
        ConfigurationError
            When they are not all of one version, or disagree about their number; the workers receive the
            reason too.
        """
        with self._change:
            self._change.wait_for(lambda: not self.missing(), seconds)
        missing = self.missing()
        if missing:
            self._tell({"missing": missing})
            raise _not_joined(missing, seconds)
        stop_listening(self._listener)
        named = {
            f"worker {rank} ({worker.words['host']})": worker.words["description"]
            for rank, worker in sorted(self.workers.items())
        }
        wrong = differences(named)
        if wrong:
            self._tell({"refused": f"the workers do not fit together: {wrong}"})
            raise ConfigurationError(f"the workers do not fit together: {wrong}")
        self._tell(
            {
                "addresses": [self.workers[rank].words["address"] for rank in range(self.size)],
                "hosts": [self.workers[rank].words["host"] for rank in range(self.size)],
            }
        )

    def _tell(self, message: dict[str, Any]) -> None:
        for worker in self.workers.values():
            with contextlib.suppress(OSError):
                send_words(worker.connection, message)

    def close(self) -> None:
        """Stop listening, and leave the workers."""
        self.closed = True
        stop_listening(self._listener)
        for worker in self.workers.values():
            worker.connection.close()


@dataclass(frozen=True)
class Meeting:
    """What a worker learnt at the rendezvous.

    Attributes
    ----------
    connection : socket
        To the process that holds the rendezvous.
    listener : socket
        At which the other workers reach this one.
    addresses : list of (str, int)
        At which each worker listens.
    hosts : list of str
        The name of each worker's machine.
    """

    connection: socket.socket
    listener: socket.socket
    addresses: list[tuple[str, int]]
    hosts: list[str]


def enrol(
    me: WorkerIdentity, coordinator: tuple[str, int], secret: bytes, blocks: int, seconds: float
) -> Meeting:
    """Go to the rendezvous, and return what was learnt there.

    Raises
    ------
    WorkerLostError
        When nobody answers there, or others do not come.
    ConfigurationError
        When it refuses this worker; says why.
    """
    with contextlib.ExitStack() as closing:
        connection = closing.enter_context(connect(coordinator, secret, seconds))
        # The address by which the way to the rendezvous leads is the one at which the others are.
        listener = closing.enter_context(listen(connection.getsockname()[0]))
        words = _introduced(me, blocks, connection, listener, seconds)
        if "refused" in words:
            raise ConfigurationError(str(words["refused"]))
        if "missing" in words:
            raise _not_joined(tuple(words["missing"]), seconds)
        closing.pop_all()
    addresses = [(host, int(port)) for host, port in words["addresses"]]
    return Meeting(connection, listener, addresses, words["hosts"])


def _introduced(
    me: WorkerIdentity, blocks: int, connection: socket.socket, listener: socket.socket, seconds: float
) -> dict[str, Any]:
    """Say who this worker is, and return the answer, which comes when all have."""
    send_words(
        connection,
        {
            "rank": me.rank,
            "host": socket.gethostname(),
            "process": os.getpid(),
            "address": list(listener.getsockname()[:2]),
            "description": description(me.size, blocks),
        },
    )
    connection.settimeout(seconds + 5)  # the rendezvous itself reports first who is missing
    try:
        words = receive_words(connection)
    except OSError as error:
        raise WorkerLostError(
            f"the other workers did not come within {seconds:g} s ({error.strerror or error})"
        ) from None
    connection.settimeout(None)
    return words


def _not_joined(ranks: tuple[int, ...], seconds: float) -> WorkerLostError:
    return WorkerLostError(f"{plural(ranks)} did not join within {seconds:g} s", ranks)


def plural(ranks: tuple[int, ...]) -> str:
    """Return workers by their numbers, as the beginning of a sentence."""
    numbers = ", ".join(map(str, ranks))
    return f"worker {numbers}" if len(ranks) == 1 else f"workers {numbers}"
