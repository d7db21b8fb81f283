"""Messages between all workers at once, by MPI."""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence

from wengert.cluster.rendezvous import plural
from wengert.cluster.transport import Buffer
from wengert.errors import WorkerLostError
from wengert.extras import optional_library

# Seconds of polling without a pause, and the pause between polls afterwards: waiting for another machine,
# a processor has nothing better to do, but a worker of its own machine may need it.
_EAGER, _PAUSE = 0.002, 0.0001


class MPITransport:
    """Carries messages by the MPI library that started the process; see `Transport`.

    Raises
    ------
    ConfigurationError
        When mpi4py is not installed.
    """

    def __init__(self) -> None:
        mpi = optional_library("mpi4py.MPI", "workers that MPI started talk by mpi4py", "mpi")
        self._mpi = mpi
        # Messages of others in the same process do not meet ours.
        self._communicator = mpi.COMM_WORLD.Dup()
        self.address = socket.gethostbyname(socket.gethostname())
        self.rank: int = self._communicator.Get_rank()
        self.size: int = self._communicator.Get_size()

    def exchange(self, messages: Sequence[Buffer], seconds: float) -> list[Buffer]:
        """Give each worker its message, and return the message of each; see `Transport`."""
        received: list[Buffer] = list(messages)
        others = [rank for rank in range(self.size) if rank != self.rank]
        requests = [self._communicator.Isend([messages[rank], self._mpi.BYTE], rank) for rank in others]
        awaited = set(others)
        begin = end = time.monotonic()
        end += seconds
        while awaited or not self._mpi.Request.Testall(requests):
            progress = False
            for rank in list(awaited):
                status = self._mpi.Status()
                message = self._communicator.Improbe(rank, status=status)
                if message is not None:
                    buffer = bytearray(status.Get_count(self._mpi.BYTE))
                    message.Recv([buffer, self._mpi.BYTE])
                    received[rank] = buffer
                    awaited.remove(rank)
                    progress = True
            now = time.monotonic()
            if progress:
                end = now + seconds
            elif now > end:
                # One that has sent its own message may have stopped before it took this one.
                stuck = (rank for rank, one in zip(others, requests, strict=True) if not one.Test())
                missing = tuple(sorted(awaited)) or tuple(stuck)
                raise WorkerLostError(
                    f"{plural(missing)} did not answer for {seconds:g} s and may be stopped or asleep",
                    missing,
                )
            elif now - begin > _EAGER:
                time.sleep(_PAUSE)
        return received

    def close(self) -> None:
        """Leave the others; MPI itself ends with the process."""
        self._communicator.Free()
