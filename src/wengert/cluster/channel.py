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
import time
from typing import Any

from wengert.errors import ConfigurationError, WorkerLostError

_NONCE, _DIGEST = 32, 32
_LENGTH = struct.Struct("!Q")
_MOST = 2**24  # bytes of a message of words; arrays go through `transport`
# Seconds within which the other side has to prove itself: it does nothing else meanwhile.
_PROOF = 5.0
_RETRY = 0.1


def prove(connection: socket.socket, secret: bytes, *, accepted: bool) -> None:
    """Prove to each other that both know the secret.

    Parameters
    ----------
    connection : socket
    secret : bytes
    accepted : bool
        Whether this side accepted the connection. The two roles sign different texts, so that nobody can
        answer a challenge with an answer it was given.

    Raises
    ------
    ConnectionError
        When the other side does not know it, or says nothing for five seconds.
    """
    mine = secrets.token_bytes(_NONCE)
    roles = (b"accepted", b"connected") if accepted else (b"connected", b"accepted")
    connection.settimeout(_PROOF)
    try:
        connection.sendall(mine)
        theirs = receive_exactly(connection, _NONCE)
        connection.sendall(hmac.digest(secret, roles[0] + mine + theirs, "sha256"))
        proof = receive_exactly(connection, _DIGEST)
    except TimeoutError:
        raise ConnectionError("the other side did not prove in time that it knows the secret") from None
    if not hmac.compare_digest(proof, hmac.digest(secret, roles[1] + theirs + mine, "sha256")):
        raise ConnectionError("the other side has another secret")


def receive_exactly(connection: socket.socket, count: int) -> bytes:
    """Return the next bytes.

    Raises
    ------
    ConnectionError
        When the other side closes before.
    """
    data = bytearray()
    while len(data) < count:
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
        raise ConnectionError("a message is no object")
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
