"""Messages of any length between all workers at once, over sockets."""

from __future__ import annotations

import contextlib
import queue
import select
import socket
import struct
import threading
import time
from collections.abc import Sequence
from typing import Any, Protocol

from wengert.cluster.channel import connect, receive_members, send_words, stop_listening
from wengert.cluster.rendezvous import Meeting, plural
from wengert.errors import WorkerLostError

# Bytes of a long message of which the arrival is reported. Packet by packet, receiving at 1 Gbit/s would take
# the time of half a processor, which computes meanwhile; any network brings this number within `seconds`.
_WORTH_WAKING = 2**16
_LENGTH = struct.Struct("!Q")
Buffer = bytes | bytearray | memoryview


class Transport(Protocol):
    """What carries messages: all that a way of communicating has to offer.

    Attributes
    ----------
    address : str
        At which the others reach this worker.
    """

    address: str

    def exchange(self, messages: Sequence[Buffer], seconds: float) -> list[Buffer]:
        """Give each worker its message, and return the message of each.

        All workers call it, in the same order.

        Parameters
        ----------
        messages : sequence of bytes-like, one for each worker
            What is for this worker itself is returned as it is.
        seconds : float
            For how long another worker may keep this one waiting.

        Raises
        ------
        WorkerLostError
            When one has closed its connection, or nothing comes in this time.
        """
        ...

    def close(self) -> None:
        """Leave the others."""
        ...


class SocketTransport:
    """A connection between each two workers.

    Parameters
    ----------
    rank : int
        Of this worker.
    meeting : Meeting
    secret : bytes
    seconds : float
        Within which all are connected.

    Raises
    ------
    WorkerLostError
    """

    def __init__(self, rank: int, meeting: Meeting, secret: bytes, seconds: float) -> None:
        self._rank = rank
        self.address = meeting.addresses[rank][0]
        self._hosts = meeting.hosts
        self._connections: dict[int, socket.socket] = {}
        end = time.monotonic() + seconds
        arrivals: queue.SimpleQueue[tuple[int, socket.socket]] = queue.SimpleQueue()

        def take(connection: socket.socket, words: dict[str, Any]) -> None:
            arrivals.put((int(words["rank"]), connection))

        receive = threading.Thread(target=receive_members, args=(meeting.listener, secret, take), daemon=True)
        receive.start()
        try:
            for other in range(rank):
                connection = connect(meeting.addresses[other], secret, max(1.0, end - time.monotonic()))
                self._connections[other] = connection
                send_words(connection, {"rank": rank})
            later = range(rank + 1, len(meeting.addresses))
            while missing := tuple(other for other in later if other not in self._connections):
                try:
                    other, connection = arrivals.get(timeout=max(0.1, end - time.monotonic()))
                except queue.Empty:
                    raise self._lost(missing, f"did not connect within {seconds:g} s") from None
                self._connections[other] = connection
        finally:
            stop_listening(meeting.listener)
        for connection in self._connections.values():
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.setblocking(False)

    def exchange(self, messages: Sequence[Buffer], seconds: float) -> list[Buffer]:
        """See `Transport`."""
        received: list[Buffer] = list(messages)
        pending = {
            other: _Exchange(other, connection, messages[other])
            for other, connection in self._connections.items()
        }
        poll = select.poll()
        by_descriptor = {}
        for one in pending.values():
            self._advance(one)
            by_descriptor[one.connection.fileno()] = one
            if not one.complete:
                poll.register(one.connection, one.events())
        end = time.monotonic() + seconds
        while left := [one for one in pending.values() if not one.complete]:
            events = poll.poll(max(0.0, end - time.monotonic()) * 1000)
            if not events:
                raise self._lost(
                    tuple(one.other for one in left),
                    f"did not answer for {seconds:g} s and may be stopped or asleep",
                )
            for descriptor, _ in events:
                one = by_descriptor[descriptor]
                self._advance(one)
                if one.complete:
                    poll.unregister(descriptor)
                else:
                    poll.modify(descriptor, one.events())
            end = time.monotonic() + seconds
        for other, one in pending.items():
            received[other] = one.message
        return received

    def _advance(self, one: _Exchange) -> None:
        try:
            one.advance()
        except OSError as error:
            raise self._lost((one.other,), f"is gone ({error.strerror or error})") from None

    def _lost(self, ranks: tuple[int, ...], what: str) -> WorkerLostError:
        places = ", ".join(sorted({self._hosts[rank] for rank in ranks}))
        return WorkerLostError(f"{plural(ranks)} on {places} {what}", ranks)

    def close(self) -> None:
        """See `Transport`."""
        for connection in self._connections.values():
            with contextlib.suppress(OSError):
                connection.close()


class _Exchange:
    """A message to another worker and one from it, as far as they have come."""

    def __init__(self, other: int, connection: socket.socket, message: Buffer) -> None:
        self.other = other
        self.connection = connection
        data = memoryview(message).cast("B")
        self._to_send = [memoryview(_LENGTH.pack(len(data))), data]
        self._header = bytearray(_LENGTH.size)
        self._to_fill = memoryview(self._header)
        self.message = bytearray()
        self._has_header = False
        self._wanted = 1

    @property
    def complete(self) -> bool:
        return not self._to_send and self._has_header and not self._to_fill

    def events(self) -> int:
        """Return what to wait for."""
        receiving = not self._has_header or self._to_fill
        return (select.POLLOUT if self._to_send else 0) | (select.POLLIN if receiving else 0)

    def advance(self) -> None:
        """Send and receive as much as is possible without waiting."""
        with contextlib.suppress(BlockingIOError):
            self._send()
        with contextlib.suppress(BlockingIOError):
            self._receive()
        self._wake_for(len(self._to_fill))

    def _send(self) -> None:
        while self._to_send:
            sent = self.connection.sendmsg(self._to_send)
            while self._to_send and sent >= len(self._to_send[0]):
                sent -= len(self._to_send.pop(0))
            if sent:
                self._to_send[0] = self._to_send[0][sent:]

    def _receive(self) -> None:
        # Not a byte beyond this message: the next one may have come already.
        while self._to_fill or not self._has_header:
            if not self._to_fill:
                self._has_header = True
                self.message = bytearray(_LENGTH.unpack(self._header)[0])
                self._to_fill = memoryview(self.message)
                continue
            count = self.connection.recv_into(self._to_fill)
            if not count:
                raise ConnectionError("its connection was closed")
            self._to_fill = self._to_fill[count:]

    def _wake_for(self, missing: int) -> None:
        """Have the system report what has come when it is worth the time of a processor."""
        wanted = min(max(missing, 1), _WORTH_WAKING)
        if wanted != self._wanted:
            with contextlib.suppress(OSError):  # Windows knows no such option: it reports each packet
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, wanted)
            self._wanted = wanted
