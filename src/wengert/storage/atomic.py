"""Files and directories that are replaced as a whole or not at all.

What is new is written beside the old under a temporary name, flushed to the disk, and only then renamed
into place. Whatever happens before the rename (a full disk, Ctrl-C, a killed process, a power cut) leaves
the old one as it was.

One file is replaced by a single rename, which is atomic. A directory that is not empty cannot be replaced
that way on any common system, so it takes two renames: the old one steps aside under a fixed name, the new
one moves in. A process killed between the two leaves no directory under the proper name;
`present_directory` then finds the one that stepped aside, and the next writer puts it back first. Writers of
one directory take turns for this, by a lock on its parent that ends with the process.

A writer holds a lock on its temporary file or directory for as long as it is at work. What a killed one left
is not locked by anybody, and the next writer to the same place removes it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from wengert.errors import ModelFileError

if sys.platform != "win32":  # where a second writer at the same time is refused
    import fcntl

# Some network file systems cannot flush a directory and answer with one of these.
_NOT_SUPPORTED = frozenset({errno.EINVAL, errno.ENOTSUP, errno.EBADF})
_RANDOM_BYTES = 8  # in the name of what is temporary


def write_file(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path``, whole or not at all.

    Parameters
    ----------
    path : Path
        The file; one that exists is replaced, through a symbolic link if it is one. A device or a pipe,
        such as ``/dev/stdout``, is written to as it is.
    data : bytes
        All of the new contents.

    Raises
    ------
    ModelFileError
        If the system refuses (disk full, no permission). The old file is intact and no temporary file is
        left.
    """
    if is_device(path):
        with _reported(f"{path} could not be written"):
            path.write_bytes(data)
        return
    target = Path(os.path.realpath(path))
    with (
        _reported(f"{path} could not be written; what stood there before is unchanged"),
        _temporary(target, _make_file) as temporary,
    ):
        write_and_flush(temporary, data)
        os.replace(temporary, target)
        flush_directory(target.parent)


@contextlib.contextmanager
def new_directory(path: Path, is_ours: Callable[[Path], bool]) -> Iterator[Path]:
    """Make a directory under a temporary name and move it to ``path`` when the ``with`` block ends well.

    Parameters
    ----------
    path : Path
        Where the directory goes. What stands there must be missing, an empty directory, or one of ours.
    is_ours : callable
        Says whether an existing directory is one that may be replaced, so that ``.`` or a home directory
        never is.

    Yields
    ------
    Path
        The temporary directory, empty. The block puts plain files in it, with `write_and_flush`.

    Raises
    ------
    ModelFileError
        If something else stands at ``path``, or the system refuses (disk full, no permission). What stood at
        ``path`` is intact and the temporary directory is gone, as after any exception in the block.
    """
    target = Path(os.path.realpath(path))
    with _reported(f"{path} could not be written; what stood there before is unchanged"):
        target.parent.mkdir(parents=True, exist_ok=True)
        with _alone_in(target.parent):
            _restore(target)
        refuse_foreign(path, is_ours)
        with _temporary(target, os.mkdir) as temporary:
            yield temporary
            flush_directory(temporary)
            with _alone_in(target.parent):
                _restore(target)
                _swap(temporary, target)


def present_directory(path: Path) -> Path:
    """Where the directory meant by ``path`` is now: there, or aside if its writer was killed while saving.

    It only looks and never renames, because a writer may be at work at the same time.
    """
    target = Path(os.path.realpath(path))
    aside = _aside_name(target)
    return aside if not os.path.lexists(target) and os.path.isdir(aside) else target


def write_and_flush(path: Path, data: bytes) -> None:
    """Write a file and wait until the disk has it. Not atomic by itself."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def flush_directory(path: Path) -> None:
    """Make the names in a directory durable, where the system can (Windows cannot, and needs not)."""
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NOT_SUPPORTED:
            raise
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _temporary(target: Path, make: Callable[[Path], None]) -> Iterator[Path]:
    """Make a file or directory beside ``target``, locked as one that is in use; remove it in the end."""
    temporary, lock = _temporary_name(target), -1
    try:
        # Nobody may take it for abandoned between its making and its lock.
        with _alone_in(target.parent):
            _remove_abandoned(target)
            make(temporary)
            lock = _locked(temporary)
        yield temporary
    finally:
        # Where it was moved into place, nothing stands under this name.
        _remove(temporary)
        if lock >= 0:
            os.close(lock)


def _make_file(path: Path) -> None:
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))


def _remove(path: Path) -> None:
    """Remove a file or a directory; what cannot be removed is left."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            os.unlink(path)


def _locked(path: Path) -> int:
    """Lock what stands at a path, and return the descriptor that holds the lock; −1 where it has one."""
    if sys.platform == "win32":  # where a directory cannot be opened, and an open file cannot be renamed
        return -1
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # somebody is at work, or the file system knows no locks
        os.close(descriptor)
        return -1
    return descriptor


def _remove_abandoned(target: Path) -> None:
    """Remove what killed writers of ``target`` left; to be called by one process at a time."""
    names = "|".join(re.escape(name) for name in (target.name, _aside_name(target).name))
    ours = re.compile(rf"\.({names})\.[0-9a-f]{{{2 * _RANDOM_BYTES}}}\.new")
    for name in os.listdir(target.parent):
        if ours.fullmatch(name):
            left = target.parent / name
            with contextlib.suppress(OSError):
                lock = _locked(left)
                if lock >= 0:
                    _remove(left)
                    os.close(lock)


@contextlib.contextmanager
def _alone_in(directory: Path) -> Iterator[None]:
    """Wait until no other process moves directories here; where there are no locks, do not wait."""
    if sys.platform == "win32":
        yield
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # some network file systems have none
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _swap(temporary: Path, target: Path) -> None:
    """Move ``temporary`` to ``target``; an old directory steps aside first and is removed last."""
    aside = _aside_name(target)
    try:
        if target.exists():
            os.rename(target, aside)
        os.rename(temporary, target)
        flush_directory(target.parent)
    except BaseException:
        # The state of the disk, not a flag, says how far it came: Ctrl-C can strike between any two lines.
        if not temporary.exists() and target.exists():
            os.rename(target, temporary)
        if aside.exists() and not target.exists():
            os.rename(aside, target)
        raise
    _discard(aside)


def _restore(target: Path) -> None:
    """Undo or finish what a killed `_swap` left."""
    aside = _aside_name(target)
    if not aside.is_dir():
        return
    if os.path.lexists(target):
        _discard(aside)
    else:
        os.rename(aside, target)


def _discard(aside: Path) -> None:
    """Remove a directory that stepped aside. What cannot be removed is left: the save itself is complete.

    It loses its fixed name first, so that nobody ever finds half of it there and takes it for the whole.
    """
    with contextlib.suppress(OSError):
        nameless = _temporary_name(aside)
        os.rename(aside, nameless)
        shutil.rmtree(nameless, ignore_errors=True)


def refuse_foreign(path: Path, is_ours: Callable[[Path], bool]) -> None:
    """Raise `ModelFileError` if something stands at ``path`` that `new_directory` would not replace."""
    target = Path(os.path.realpath(path))
    if not target.exists():
        return
    if not target.is_dir():
        raise ModelFileError(
            f"{path} is a file, and a model is a directory. Name another place, or move the file away."
        )
    if any(target.iterdir()) and not is_ours(target):
        raise ModelFileError(
            f"{path} is a directory that holds something other than a saved model, so it is not overwritten. "
            "Name a directory that does not exist yet, or one that holds only a model."
        )


def refuse_unwritable(path: Path) -> None:
    """Find out before long work whether `write_file` could write there.

    Raises
    ------
    ModelFileError
        If a directory stands there, or its directory is missing or may not be written to.
    """
    if is_device(path):
        return
    target = Path(os.path.realpath(path))
    if os.path.isdir(target):
        raise ModelFileError(f"{path} is a directory. Name a file.")
    if not os.path.isdir(target.parent):
        raise ModelFileError(f"{path} cannot be written: {target.parent} is no directory. Make it first.")
    reason = why_not_writable(target.parent, target.name)
    if reason:
        raise ModelFileError(f"{path} cannot be written: {reason}.")


def why_not_writable(directory: Path, name: str) -> str:
    """Try whether files could be made in a directory, and return what is in the way, or "".

    Permission bits do not say it: they do not bind every user, and a file system may be read-only or full.

    Parameters
    ----------
    directory : Path
        Where there is none, the try is made in the nearest directory above it, in which it could be made.
    name : str
        Of what is to be written.
    """
    while not os.path.lexists(directory):
        directory = directory.parent
    if not os.path.isdir(directory):
        return f"{directory} is not a directory"
    try:
        with _temporary(directory / name, _make_file):
            return ""
    except OSError as error:
        return f"{directory} may not be written to: {error.strerror or error}"


def is_device(path: Path) -> bool:
    """Whether a path is something that is written to and cannot be replaced: a device, a pipe, a socket."""
    return os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path)


def _temporary_name(target: Path) -> Path:
    return target.parent / f".{target.name}.{secrets.token_hex(_RANDOM_BYTES)}.new"


def _aside_name(target: Path) -> Path:
    return target.parent / f".{target.name}.previous"


@contextlib.contextmanager
def _reported(what: str) -> Iterator[None]:
    """Turn an error of the system into one of ours that says what is safe and what to do."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        advice = "Free some space and save again." if full else "Check the path and its permissions."
        raise ModelFileError(f"{what}: {reason}. {advice}") from error
