"""Whether a place on the disk is this user's alone, so that what lies there can be run."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

_MOST_LINKS = 40  # that one path may lead through; as Linux has it
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def why_not_private(directory: Path) -> str:
    """Return why somebody else could put files into a directory, or "" where nobody can.

    The directory must belong to this user and be writable by nobody else. Each directory above it, and each
    symbolic link on the way, must belong to this user or the administrator; where others can write above it,
    the sticky bit must keep them from renaming what is not theirs, as in ``/tmp``.

    Parameters
    ----------
    directory : Path
        That exists. Windows has no owner to ask for here: there it must lie in the user's own profile, which
        Windows closes to others.

    Raises
    ------
    OSError
        Where a part of the path cannot be looked at.
    """
    if sys.platform == "win32":
        return _why_outside_profile(directory)
    user = os.geteuid()
    for place in _places(Path(os.path.abspath(directory))):
        status = place.lstat()
        if status.st_uid not in (user, 0):
            return f"{place} belongs to another user"
        if stat.S_ISLNK(status.st_mode):
            continue  # its permissions mean nothing
        if others_can_write(status) and not status.st_mode & stat.S_ISVTX:
            return f"{place} can be written by other users"
    status = directory.stat()
    if status.st_uid != user:
        return f"{directory} belongs to another user"
    return f"{directory} can be written by other users" if others_can_write(status) else ""


def is_private_file(status: os.stat_result) -> bool:
    """Whether the status is that of a regular file that belongs to this user and nobody else can write."""
    if not stat.S_ISREG(status.st_mode):
        return False
    if sys.platform == "win32":
        return True  # as the directory is
    return status.st_uid == os.geteuid() and not others_can_write(status)


def others_can_write(status: os.stat_result) -> bool:
    """Whether somebody other than the owner and the administrator may write.

    A group that holds nobody but this user does not count: many systems give each user one.
    """
    if sys.platform == "win32" or not status.st_mode & _OTHERS_WRITE:
        return False
    return bool(status.st_mode & stat.S_IWOTH) or not _is_own_group(status.st_gid)


def _is_own_group(number: int) -> bool:
    """Whether a group is the one that bears this user's name and has no other members."""
    if sys.platform == "win32":
        return False
    import grp
    import pwd

    try:
        user, group = pwd.getpwuid(os.geteuid()), grp.getgrgid(number)
    except KeyError:
        return False
    return number == user.pw_gid and group.gr_name == user.pw_name and {*group.gr_mem} <= {user.pw_name}


def _places(path: Path) -> Iterator[Path]:
    """Yield all that decides where an absolute path leads: directories from the root on, and links."""
    place = Path(path.anchor)
    yield place
    left, links = list(path.parts[:0:-1]), 0
    while left:
        part = left.pop()
        if part == "..":  # of a link's target; what is above was looked at before
            place = place.parent
            continue
        place /= part
        yield place
        if place.is_symlink():
            links += 1
            if links > _MOST_LINKS:
                raise OSError(f"{path} leads through too many symbolic links")
            target = Path(os.readlink(place))
            place = Path(target.anchor) if target.is_absolute() else place.parent
            left += reversed(target.parts[1:] if target.is_absolute() else target.parts)


def _why_outside_profile(directory: Path) -> str:
    profile = [os.path.realpath(base) for base in (os.environ.get("LOCALAPPDATA"), Path.home()) if base]
    place = Path(os.path.realpath(directory))
    return "" if any(place.is_relative_to(base) for base in profile) else f"{place} is outside your profile"
