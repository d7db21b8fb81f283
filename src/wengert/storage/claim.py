"""A file that one process at a time may replace."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from wengert.errors import ModelFileError
from wengert.storage.atomic import is_device

if sys.platform != "win32":  # which has no such locks: all processes may write there
    import fcntl

_MOST = 4096  # bytes of a lock file that are read


@contextlib.contextmanager
def claimed(path: Path) -> Iterator[None]:
    """Keep other processes from writing a file for as long as the block runs.

    A lock file beside it says who has it. The lock itself is the system's and ends with the process, so a
    lock file that a killed one left is worth nothing and is taken over. On a file system without locks its
    process number decides, where it is one of this machine.

    Parameters
    ----------
    path : Path
        The file; it need not exist.

    Raises
    ------
    ModelFileError
        When another process has it; names the process and its machine.
    """
    if sys.platform == "win32" or is_device(path):
        yield
        return
    lock = Path(os.path.realpath(path))
    lock = lock.parent / f".{lock.name}.lock"
    descriptor = _lock(lock, path)
    try:
        me = json.dumps({"process": os.getpid(), "host": socket.gethostname()})
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, me.encode(), 0)
        yield
    finally:
        with contextlib.suppress(OSError):
            os.unlink(lock)
        os.close(descriptor)


def _lock(lock: Path, path: Path) -> int:
    """Return the descriptor that holds the lock."""
    while True:
        try:
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise ModelFileError(f"{path} cannot be claimed: {error.strerror}. Name another file") from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = _holder(descriptor)
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES) or _may_live(holder):
                os.close(descriptor)
                raise ModelFileError(_refusal(path, lock, holder)) from None
            return descriptor
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), os.stat(lock)):
                return descriptor
        os.close(descriptor)  # its holder has removed the file in the meantime


def _holder(descriptor: int) -> dict[str, Any]:
    try:
        found = json.loads(os.pread(descriptor, _MOST, 0))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _may_live(holder: dict[str, Any]) -> bool:
    """Return whether the process may still exist: one on another machine counts as existing."""
    process = holder.get("process")
    if not isinstance(process, int):
        return False
    if holder.get("host") != socket.gethostname():
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _refusal(path: Path, lock: Path, holder: dict[str, Any]) -> str:
    who = f"process {holder.get('process', '?')} on {holder.get('host', 'an unknown machine')}"
    return (
        f"{path} is being written by {who}. Wait until it has ended, or name another file. If it is long "
        f"gone, delete {lock}"
    )
