"""How much memory is left, asked before something of unknown size is read."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path


def free_memory() -> int:
    """Return how many bytes this process can still take, as machine, container and limits have it.

    `sys.maxsize` where the system does not say.
    """
    left = [sys.maxsize]
    for source in (_machine, _container, _address_space):
        try:
            left.extend(source())
        except (OSError, ValueError, AttributeError):  # not on this system
            continue
    return max(0, min(left))


def _machine() -> Iterator[int]:
    try:
        yield _fields(Path("/proc/meminfo"))["MemAvailable:"] * 1024
    except (OSError, KeyError):
        yield os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _container() -> Iterator[int]:
    """Control groups of version 2; the pages of files that were read are given back when needed."""
    group = Path("/sys/fs/cgroup")
    taken = int((group / "memory.current").read_text())
    yield int((group / "memory.max").read_text()) - taken + _fields(group / "memory.stat")["inactive_file"]


def _address_space() -> Iterator[int]:
    import resource

    limit: int = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit != resource.RLIM_INFINITY:
        yield limit - int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")


def _fields(file: Path) -> dict[str, int]:
    lines = (line.split() for line in file.read_text().splitlines())
    return {line[0]: int(line[1]) for line in lines}
