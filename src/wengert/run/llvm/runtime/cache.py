"""Machine code kept on disk, so that a program is compiled once on a machine and not once in a process."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import sys
import warnings
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Protocol

import llvmlite
import llvmlite.binding as llvm

from wengert.errors import WengertError, WengertWarning
from wengert.run.llvm.runtime.fingerprint import fingerprint, generators_digest
from wengert.run.llvm.runtime.target import Target, object_code
from wengert.storage.ownership import is_private_file, why_not_private

_DIGEST_BYTES = 32
_SUFFIX = ".object"
# Names of entries, and of files that become entries: the key, and a suffix.
_KEY_BYTES = 20
_OURS = "[0-9a-f]" * (2 * _KEY_BYTES) + ".*"

# A step of a network takes some ten kilobytes.
LARGEST_BYTES = 128 * 2**20

_reported: set[Path] = set()  # directories that were said to be unsafe


_only_kept = ContextVar("only_kept", default=False)


class CodeNotKeptError(WengertError):
    """Code would have to be compiled where there is no time for that."""


@contextlib.contextmanager
def kept_code_only() -> Iterator[None]:
    """Raise `CodeNotKeptError` in place of compiling what the cache does not have."""
    token = _only_kept.set(True)
    try:
        yield
    finally:
        _only_kept.reset(token)


class Layout(Protocol):
    """All that there is to know of a module before it is written."""

    def text(self) -> str:
        """Return the module."""
        ...


def cached_object_code(layout: Layout, target: Target) -> bytes:
    """Return the object file of a module, from the cache where it is there and whole.

    The key is made of the layout, not of the module: where there is an entry, no code is generated. An entry
    that is damaged is thrown away and made again. Where the cache cannot be written, it is as if there were
    none. So it is where somebody else could put code there, which a `WengertWarning` says once.

    Parameters
    ----------
    layout : Layout
        A dataclass that `fingerprint` can write; together with `target` and the versions it is the key.
    target : Target
    """
    # A name is made of all that is in the layout: not where nothing is kept.
    name = "" if cache_directory() is None else _name_of(layout, target)
    code = read_entry(name, _SUFFIX)
    if code is None:
        if _only_kept.get():
            raise CodeNotKeptError("the machine code of this program is not in the cache")
        code = object_code(layout.text(), target)
        write_entry(name, _SUFFIX, code)
    return code


def read_entry(name: str, suffix: str) -> bytes | None:
    """Return what was kept under a name; None where there is nothing, or no whole entry, or no safe cache."""
    directory = _safe_directory()
    return None if directory is None else _read(directory / (_key(name) + suffix))


def write_entry(name: str, suffix: str, data: bytes) -> bool:
    """Keep something under a name; return whether there is a safe cache for it."""
    directory = _safe_directory()
    if directory is not None:
        _write(directory / (_key(name) + suffix), data)
    return directory is not None


def cache_directory() -> Path | None:
    """Return where the cache lies: ``WENGERT_CACHE_DIR``, or the user's cache; None where that is empty."""
    chosen = os.environ.get("WENGERT_CACHE_DIR")
    if chosen is not None:
        # No shell has expanded a ~ that was set by another program.
        return Path(os.path.expanduser(chosen)) / "llvm" if chosen else None
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA")
    else:
        base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    # Without a home directory there is nothing to expand.
    return Path(base) / "wengert" / "llvm" if base and os.path.isabs(base) else None


def _safe_directory() -> Path | None:
    """Return the cache's directory, made if need be; None where there is none in which only we can write."""
    directory = cache_directory()
    if directory is None:
        return None
    try:
        # Machine code is run: no other user may write here. (`parents=True` would leave that to the umask.)
        for place in (*reversed(directory.parents), directory):
            if not place.exists():
                place.mkdir(mode=0o700, exist_ok=True)
        reason = why_not_private(directory)
    except (OSError, ValueError):
        return None
    if not reason:
        return directory
    if directory not in _reported:
        _reported.add(directory)
        warnings.warn(
            f"machine code is neither read from {directory} nor kept there, since {reason}: it would be run. "
            "Programs are compiled anew in each process. Set WENGERT_CACHE_DIR to a directory of your own, "
            "or to nothing to do without and not be reminded.",
            WengertWarning,
            stacklevel=2,
        )
    return None


def _name_of(layout: Layout, target: Target) -> str:
    versions = [generators_digest(), llvmlite.__version__, llvm.llvm_version_info]
    parts = [*versions, type(layout).__name__, target, fingerprint(layout)]
    return "\0".join(map(str, parts))


def _key(name: str) -> str:
    return hashlib.blake2b(name.encode(), digest_size=_KEY_BYTES).hexdigest()


def _digest(path: Path, code: bytes) -> bytes:
    """Return the digest of an entry; its name is part of it, so that a renamed entry does not pass."""
    return hashlib.blake2b(path.name.encode() + code, digest_size=_DIGEST_BYTES).digest()


def _read(path: Path) -> bytes | None:
    """Return an entry that is whole, and note that it was used; throw away one that is not, or not ours."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0))
        with open(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            # One that is larger than all entries together was not written here.
            ours = is_private_file(status) and status.st_size <= LARGEST_BYTES
            data = file.read() if ours else b""
    except OSError:
        return None
    code = data[_DIGEST_BYTES:]
    if data[:_DIGEST_BYTES] != _digest(path, code):
        with contextlib.suppress(OSError):
            path.unlink()
        return None
    with contextlib.suppress(OSError):
        os.utime(path)
    return code


def _write(path: Path, code: bytes) -> None:
    """Put an entry in its place by one rename; a reader sees all of it or nothing."""
    temporary = path.with_suffix(f".{os.getpid()}-{secrets.token_hex(4)}")
    try:
        temporary.touch(mode=0o600, exist_ok=False)
        temporary.write_bytes(_digest(path, code) + code)
        os.replace(temporary, path)
        _make_room(path.parent)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()


def _make_room(directory: Path) -> None:
    """Remove the entries that were not used for longest until the rest is small enough; no file of others."""
    entries = []
    for path in directory.glob(_OURS):
        with contextlib.suppress(OSError):
            status = path.stat()
            entries.append((status.st_mtime_ns, status.st_size, path))
    total = sum(size for _, size, _ in entries)
    for _, size, path in sorted(entries):
        if total <= LARGEST_BYTES:
            return
        with contextlib.suppress(OSError):
            path.unlink()
        total -= size
