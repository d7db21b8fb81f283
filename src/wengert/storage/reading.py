"""Reading all of a file without ever taking more memory than there is, whatever stands at the path."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from wengert.errors import ModelFileError
from wengert.storage.memory import free_memory

# What comes from a pipe or a device does not say how long it is, and need not end.
LARGEST_STREAM = 2**30
_CHUNK = 2**20
_COPIES = 3  # of a model: the file, its arrays as they stand there, and in memory of their own


class Oversized(Exception):
    """What is to be read is larger than it may be; the message says so, without the name."""


def read_stream(stream: BinaryIO) -> bytes:
    """Read a pipe or a device to its end.

    Raises
    ------
    Oversized
        If it gives more than `LARGEST_STREAM` bytes.
    OSError
    """
    chunks, length = [], 0
    while chunk := stream.read(_CHUNK):
        chunks.append(chunk)
        length += len(chunk)
        if length > LARGEST_STREAM:
            raise Oversized(
                f"gives more than {LARGEST_STREAM:,} bytes and is no regular file, so it may never end. Save "
                "it as a file first."
            )
    return b"".join(chunks)


def read_any(path: Path, copies: int, maximum: int | None = None) -> bytes:
    """Read a regular file, a pipe or a device to its end.

    Parameters
    ----------
    path : Path
    copies : int
        How many times the size of the file it takes in memory to work with it.
    maximum : int, optional
        Bytes that a regular file may have.

    Raises
    ------
    Oversized
        If it is longer than ``maximum``, than there is memory for, or than `LARGEST_STREAM` where it has no
        length.
    OSError, ValueError
    """
    with open(path, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            return read_stream(file)
        if maximum is not None and status.st_size > maximum:
            raise Oversized(f"has {status.st_size:,} bytes, more than the {maximum:,} allowed.")
        require_memory(copies * status.st_size)
        return file.read()


def require_memory(needed: int) -> None:
    """Raise `Oversized` where that number of bytes is not free."""
    free = free_memory()
    if needed > free:
        raise Oversized(
            f"takes about {needed / 1e9:.3g} GB of memory to read, and {free / 1e9:.3g} GB are free. Take a "
            "part of it."
        )


def read_file(file: Path, maximum: int | None = None) -> bytes:
    """Read all of a regular file that belongs to a model.

    Raises
    ------
    ModelFileError
        If it is missing, is not a regular file, is longer than ``maximum`` bytes or than there is memory for,
        or cannot be read.
    """
    with _part_of_a_model(file):
        return read_any(file, _COPIES, maximum)


def read_part(file: Path, first: int, length: int) -> bytes:
    """Read ``length`` bytes of a regular file that belongs to a model, from byte ``first`` on.

    Raises
    ------
    ModelFileError
        As `read_file`, and if it has fewer bytes.
    """
    with _part_of_a_model(file), open(file, "rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        if first + length > size:
            raise ModelFileError(
                f"{file} has {size} bytes, and {length} from byte {first} on are needed. Is it whole?"
            )
        require_memory(_COPIES * length)
        stream.seek(first)
        return stream.read(length)


@contextlib.contextmanager
def _part_of_a_model(file: Path) -> Iterator[None]:
    """Refuse what is no regular file, and make errors in the block ours."""
    try:
        # A pipe or a device would block or never end, so the kind is looked at before it is opened.
        if not stat.S_ISREG(file.stat().st_mode):
            raise ModelFileError(f"{file} is not a regular file. Name a model that wengert saved.")
        yield
    except FileNotFoundError:
        raise ModelFileError(f"{file} does not exist. Check the path, or save the model first.") from None
    except Oversized as error:
        raise ModelFileError(f"{file} {error} Is it a model that wengert saved?") from None
    except (OSError, ValueError, MemoryError) as error:
        raise ModelFileError(f"{file} cannot be read: {error}. Check its permissions and the disk.") from None
