"""Connections between processes that share a secret.

Each side proves that it knows the secret, by a keyed digest over random bytes of both, before a byte of the
other's is interpreted. What is sent afterwards is neither encrypted nor signed: the secret keeps strangers
from taking a worker's place, not from listening in on the network.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import secrets
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from wengert.errors import ConfigurationError, WorkerLostError

_NONCE, _DIGEST = 32, 32
_LENGTH = struct.Struct("!Q")
_MOST = 2**24  # bytes of a message of words; arrays go through `transport`
# Seconds within which the other side has to prove itself: it does nothing else meanwhile.
_PROOF = 5.0
_RETRY = 0.1
# Connections that have not proved themselves yet; with one more the oldest is closed, and may come again.
_STRANGERS = 64


def prove(connection: socket.socket, secret: bytes, *, accepted: bool) -> None:
    """Prove to each other that both know the secret.

    Parameters
    ----------
    connection : socket
    secret : bytes
    accepted : bool
        Whether this side accepted the connection. The two roles sign different texts, so that an answer
        cannot be sent back as an answer to another challenge.

    Raises
    ------
    ConnectionError
        When the other side does not know it, or has not proved it within five seconds.
    """
    mine = secrets.token_bytes(_NONCE)
    roles = (b"accepted", b"connected") if accepted else (b"connected", b"accepted")
    connection.settimeout(_PROOF)
    end = time.monotonic() + _PROOF
    try:
        connection.sendall(mine)
        theirs = receive_exactly(connection, _NONCE, end)
        connection.sendall(hmac.digest(secret, roles[0] + mine + theirs, "sha256"))
        proof = receive_exactly(connection, _DIGEST, end)
    except TimeoutError:
        raise ConnectionError("the other side did not prove in time that it knows the secret") from None
    if not hmac.compare_digest(proof, hmac.digest(secret, roles[1] + theirs + mine, "sha256")):
        raise ConnectionError("the other side has another secret")
    connection.settimeout(_PROOF)


def receive_exactly(connection: socket.socket, count: int, end: float | None = None) -> bytes:
    """Return the next bytes.

    Parameters
    ----------
    connection : socket
    count : int
    end : float, optional
        When they must have come, by `time.monotonic`; by default the connection's time-out is for each part.

    Raises
    ------
    ConnectionError
        When the other side closes before.
    TimeoutError
    """
    data = bytearray()
    while len(data) < count:
        if end is not None:
            connection.settimeout(max(0.001, end - time.monotonic()))
        part = connection.recv(count - len(data))
        if not part:
            raise ConnectionError("the other side closed the connection")
        data += part
    return bytes(data)


def send_words(connection: socket.socket, message: dict[str, Any]) -> None:
    """Send a message of text and numbers."""
    data = json.dumps(message).encode()
    connection.sendall(_LENGTH.pack(len(data)) + data)


def receive_words(connection: socket.socket) -> dict[str, Any]:
    """Return the next message of `send_words`.

    Raises
    ------
    ConnectionError
        When there is none, or what comes is no such message.
    """
    (length,) = _LENGTH.unpack(receive_exactly(connection, _LENGTH.size))
    if length > _MOST:
        raise ConnectionError(f"a message claims {length} bytes")
    try:
        message = json.loads(receive_exactly(connection, length))
    except ValueError as error:
        raise ConnectionError(f"a message cannot be read: {error}") from None
    if not isinstance(message, dict):
        raise ConnectionError("a message is not an object")
    return message


def listen(host: str, port: int = 0) -> socket.socket:
    """Return a socket that listens at one address, and at no other.

    Raises
    ------
    ConfigurationError
        When the address is not one of this machine, or taken.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(1024)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise ConfigurationError(
            f"workers cannot meet at {host}, port {port or 'any'}: {error.strerror or error}. Name an "
            "address of this machine that the others can reach"
        ) from None
    return listener


def receive_members(
    listener: socket.socket, secret: bytes, take: Callable[[socket.socket, dict[str, Any]], None]
) -> None:
    """Accept connections until the listener is closed, and keep those whose other side knows the secret.

    Parameters
    ----------
    listener : socket
    secret : bytes
    take : callable
        Given each of these connections and the first message that came by it. `KeyError`, `TypeError`,
        `ValueError` and `OSError` that it raises close the connection.
    """
    strangers: deque[socket.socket] = deque()
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            if listener.fileno() < 0:
                return
            time.sleep(_RETRY)  # there is no descriptor left
            continue
        strangers.append(connection)
        if len(strangers) > _STRANGERS:
            with contextlib.suppress(OSError, IndexError):
                strangers.popleft().shutdown(socket.SHUT_RDWR)
        # Each in a thread of its own, so that a silent connection does not keep others waiting.
        threading.Thread(target=_introduce, args=(connection, secret, strangers, take), daemon=True).start()


def _introduce(
    connection: socket.socket,
    secret: bytes,
    strangers: deque[socket.socket],
    take: Callable[[socket.socket, dict[str, Any]], None],
) -> None:
    try:
        prove(connection, secret, accepted=True)
        words = receive_words(connection)
        strangers.remove(connection)
        take(connection, words)
    except (OSError, KeyError, ValueError, TypeError):
        connection.close()
        with contextlib.suppress(ValueError):
            strangers.remove(connection)


def stop_listening(listener: socket.socket) -> None:
    """Close a listener, and wake the thread that accepts."""
    with contextlib.suppress(OSError):
        listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def connect(address: tuple[str, int], secret: bytes, seconds: float) -> socket.socket:
    """Return a connection to who listens there, after both have proved that they know the secret.

    It is tried again until it succeeds, since the other side may not have started yet.

    Parameters
    ----------
    address : (str, int)
    secret : bytes
    seconds : float
        For how long.

    Raises
    ------
    WorkerLostError
        When nobody answers in this time; says where and why.
    """
    end = time.monotonic() + seconds
    while True:
        left = end - time.monotonic()
        connection = None
        try:
            connection = socket.create_connection(address, timeout=max(_RETRY, min(left, _PROOF)))
            prove(connection, secret, accepted=False)
        except OSError as error:
            if connection is not None:
                connection.close()
            if time.monotonic() + _RETRY >= end:
                raise WorkerLostError(
                    f"{address[0]}, port {address[1]}, did not answer within {seconds:g} s: "
                    f"{error.strerror or error}"
                ) from None
            time.sleep(_RETRY)
        else:
            with contextlib.suppress(OSError):
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return connection
