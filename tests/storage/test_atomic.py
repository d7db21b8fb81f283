"""Whatever interrupts a save, the old file or directory is there, whole, and no litter beside it."""

import contextlib
import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from wengert.errors import ModelFileError
from wengert.storage import atomic, new_directory, present_directory, write_and_flush, write_file

posix = pytest.mark.skipif(os.name == "nt", reason="needs POSIX")


def anything_is_ours(directory):
    return True


def save(target, text):
    with new_directory(target, anything_is_ours) as temporary:
        write_and_flush(temporary / "a", text)
        write_and_flush(temporary / "b", text)


def contents(target):
    directory = present_directory(target)
    return (directory / "a").read_bytes(), (directory / "b").read_bytes()


def visible_and_hidden(folder):
    return sorted(entry.name for entry in folder.iterdir())


class Stop(BaseException):
    """Stands for Ctrl-C: not an Exception."""


class Fault:
    """Makes the n-th call of any function of os that changes the disk fail, before or after its effect."""

    FUNCTIONS = ("write", "fsync", "rename", "replace", "mkdir", "open")

    def __init__(self, monkeypatch, countdown, error, after=False):
        self.countdown, self.fired = countdown, False
        for name in self.FUNCTIONS:
            monkeypatch.setattr(atomic.os, name, self.wrap(getattr(os, name), error, after))

    def wrap(self, function, error, after):
        def faulty(*args, **options):
            self.countdown -= 1
            fires = self.countdown == 0
            if fires:
                self.fired = True
            if fires and not after:
                raise error
            result = function(*args, **options)
            if fires:
                raise error
            return result

        return faulty


FULL = OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("error", [FULL, Stop()], ids=["disk full", "Ctrl-C"])
@pytest.mark.parametrize("existing", [True, False])
def test_a_file_survives_a_fault_at_every_step(tmp_path, error, existing):
    for step in range(1, 20):
        folder = tmp_path / str(step)
        folder.mkdir()
        target = folder / "f"
        if existing:
            target.write_bytes(b"old")
        with pytest.MonkeyPatch.context() as patch:
            fault = Fault(patch, step, error)
            with contextlib.suppress(Stop, ModelFileError):
                write_file(target, b"new")
        replaced = target.exists() and target.read_bytes() == b"new"
        if not fault.fired:
            assert replaced
            assert step > 3
            return
        expected = [b"old"] if existing else []
        assert replaced or [entry.read_bytes() for entry in folder.iterdir()] == expected
        assert visible_and_hidden(folder) in (["f"], [])
    pytest.fail("the faults never ended")


@pytest.mark.parametrize("error", [FULL, Stop()], ids=["disk full", "Ctrl-C"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("existing", [True, False])
def test_a_directory_survives_a_fault_at_every_step(tmp_path, error, after, existing):
    if after and error is FULL:
        error = OSError(errno.EIO, "Input/output error")
    for step in range(1, 40):
        folder = tmp_path / str(step)
        target = folder / "model"
        folder.mkdir()
        if existing:
            save(target, b"old")
        raised = None
        with pytest.MonkeyPatch.context() as patch:
            fault = Fault(patch, step, error, after)
            try:
                save(target, b"new")
            except (Stop, ModelFileError) as caught:
                raised = caught
        if not fault.fired:
            assert contents(target) == (b"new", b"new")
            assert step > 8
            return
        found = contents(target) if present_directory(target).exists() else None
        before, complete = ((b"old", b"old") if existing else None), (b"new", b"new")
        if isinstance(raised, Stop):
            # Ctrl-C may also strike after everything is in place, while the old directory is being removed.
            assert found in (before, complete)
        else:
            assert found == (before if raised else complete)
            # A writer that lives on puts the old directory back itself.
            assert target.exists() == (found is not None)
        save(target, b"next")
        assert contents(target) == (b"next", b"next")
    pytest.fail("the faults never ended")


def test_the_message_says_what_is_safe(tmp_path, monkeypatch):
    Fault(monkeypatch, 2, FULL)
    with pytest.raises(ModelFileError, match=r"unchanged.*No space left.*Free some space"):
        save(tmp_path / "model", b"new")


def test_everything_is_on_the_disk_before_it_gets_its_name(tmp_path, monkeypatch):
    calls = []
    for name in ("fsync", "rename"):
        real = getattr(os, name)
        monkeypatch.setattr(
            atomic.os, name, lambda *args, name=name, real=real: (calls.append(name), real(*args))[1]
        )
    save(tmp_path / "model", b"new")
    directories = [] if os.name == "nt" else ["fsync"]
    expected = ["fsync", "fsync", *directories, "rename", *directories]
    assert calls[: len(expected)] == expected


def test_a_parent_that_is_a_file(tmp_path):
    (tmp_path / "file").write_text("data")
    with pytest.raises(ModelFileError, match="could not be written"):
        save(tmp_path / "file" / "model", b"new")


def test_an_exception_in_the_block_leaves_nothing(tmp_path):
    save(tmp_path / "model", b"old")

    def interrupted():
        with new_directory(tmp_path / "model", anything_is_ours) as temporary:
            write_and_flush(temporary / "a", b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert contents(tmp_path / "model") == (b"old", b"old")
    assert visible_and_hidden(tmp_path) == ["model"]


def killed_at_every_step(tmp_path, when, save):
    """Save old, then new in a forked child that kills itself at its n-th call into the system; n grows.

    ``save`` names a function of this file. Returns the last n, at which the child came through.
    """
    script = f"""
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {os.path.dirname(__file__)!r})
from test_atomic import Fault, {save} as save

def kill_at(step, after):
    state = {{"left": step}}
    def wrap(function):
        def killing(*args, **options):
            state["left"] -= 1
            if state["left"] == 0 and not after:
                os.kill(os.getpid(), signal.SIGKILL)
            fires = state["left"] == 0
            try:
                return function(*args, **options)
            finally:
                if fires:
                    os.kill(os.getpid(), signal.SIGKILL)
        return killing
    for name in Fault.FUNCTIONS:
        setattr(os, name, wrap(getattr(os, name)))

for step in range(1, 40):
    target = Path(sys.argv[1]) / str(step) / "model"
    target.parent.mkdir()
    save(target, b"old")
    child = os.fork()
    if child == 0:
        kill_at(step, sys.argv[2] == "after")
        save(target, b"new")
        os._exit(0)
    if os.waitpid(child, 0)[1] == 0:
        break
print(step)
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path), when],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return int(done.stdout)


@posix
@pytest.mark.parametrize("when", ["before", "after"])
def test_kill_9_at_every_step_leaves_a_whole_directory(tmp_path, when):
    last = killed_at_every_step(tmp_path, when, "save")
    assert 8 < last < 39
    asides = 0
    for step in range(1, last + 1):
        target = tmp_path / str(step) / "model"
        assert contents(target) in ((b"old", b"old"), (b"new", b"new")), step
        asides += not target.exists()
        save(target, b"next")
        assert contents(target) == (b"next", b"next")
        assert visible_and_hidden(target.parent) == ["model"]
    assert contents(tmp_path / str(last) / "model") == (b"next", b"next")
    assert asides >= 1, "no kill fell between the two renames"


def save_file(target, text):
    atomic.write_file(target, text * 1000)


@posix
@pytest.mark.parametrize("when", ["before", "after"])
def test_kill_9_at_every_step_leaves_a_whole_file(tmp_path, when):
    last = killed_at_every_step(tmp_path, when, "save_file")
    assert 4 < last < 39
    found = [(tmp_path / str(step) / "model").read_bytes() for step in range(1, last + 1)]
    assert set(found) == {b"old" * 1000, b"new" * 1000}
    assert found[-1] == b"new" * 1000
    folders = [tmp_path / str(step) for step in range(1, last + 1)]
    assert any(visible_and_hidden(folder) != ["model"] for folder in folders), "no kill left a file behind"
    for folder in folders:
        save_file(folder / "model", b"next")
        assert visible_and_hidden(folder) == ["model"]


@posix
def test_what_a_living_writer_is_at_is_left_alone(tmp_path):
    with new_directory(tmp_path / "model", anything_is_ours) as temporary:
        write_and_flush(temporary / "a", b"first")
        write_and_flush(temporary / "b", b"first")
        save(tmp_path / "model", b"second")
        assert visible_and_hidden(tmp_path) == sorted([temporary.name, "model"])
    assert contents(tmp_path / "model") == (b"first", b"first")
    assert visible_and_hidden(tmp_path) == ["model"]


@posix
def test_only_what_a_writer_of_the_same_place_left_is_removed(tmp_path):
    random = "0123456789abcdef"
    others = [f".other.{random}.new", ".model.new", ".model.backup.new", f"model.{random}.new"]
    for name in [*others, f".model.{random}.new"]:
        (tmp_path / name).write_text("half")
    (tmp_path / f"..model.previous.{random}.new").mkdir()
    save_file(tmp_path / "model", b"new")
    assert visible_and_hidden(tmp_path) == sorted([*others, "model"])


@posix
def test_devices_and_pipes_are_written_to_and_never_replaced(tmp_path):
    atomic.refuse_unwritable(Path(os.devnull))
    write_file(Path(os.devnull), b"gone")
    assert not Path(os.devnull).is_file()
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_file(tmp_path / "pipe", b"through")
        assert os.read(reader, 100) == b"through"
    finally:
        os.close(reader)
    assert visible_and_hidden(tmp_path) == ["pipe"]


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("file/f", "file is no directory"),
        ("none/f", "none is no directory. Make it first"),
        ("", "is a directory. Name a file"),
    ],
)
def test_places_that_no_file_can_have(tmp_path, place, said):
    (tmp_path / "file").write_text("data")
    with pytest.raises(ModelFileError, match=said):
        atomic.refuse_unwritable(tmp_path / place)


def test_the_system_is_asked_and_not_the_permissions(tmp_path, monkeypatch):
    """A read-only or full file system refuses whoever may write by the permission bits, root above all."""
    atomic.refuse_unwritable(tmp_path / "f")
    assert visible_and_hidden(tmp_path) == []

    def read_only(*args, real=os.open, **options):
        if args[1] & os.O_CREAT:
            raise OSError(errno.EROFS, "Read-only file system")
        return real(*args, **options)

    monkeypatch.setattr(atomic.os, "open", read_only)
    with pytest.raises(ModelFileError, match="may not be written to: Read-only file system"):
        atomic.refuse_unwritable(tmp_path / "f")


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs /proc, which refuses root as well")
def test_a_file_system_without_room_for_files():
    with pytest.raises(ModelFileError, match="/proc may not be written to"):
        atomic.refuse_unwritable(Path("/proc/f"))


@posix
def test_a_disk_that_is_really_full(tmp_path):
    """RLIMIT_FSIZE makes the kernel itself refuse, after part of the file was written."""
    import resource
    import signal

    save(tmp_path / "model", b"old")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(ModelFileError, match="Free some space"):
            save(tmp_path / "model", b"x" * 5000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert contents(tmp_path / "model") == (b"old", b"old")
    assert visible_and_hidden(tmp_path) == ["model"]


def test_only_ours_is_replaced(tmp_path):
    (tmp_path / "precious").write_text("data")
    with (
        pytest.raises(ModelFileError, match="other than a saved model"),
        new_directory(tmp_path, lambda directory: False),
    ):
        pass
    with (
        pytest.raises(ModelFileError, match="is a file"),
        new_directory(tmp_path / "precious", anything_is_ours),
    ):
        pass
    root = os.path.abspath(os.sep)
    with pytest.raises(ModelFileError), new_directory(Path(root), lambda directory: False):
        pass
    assert present_directory(Path(root)) == Path(root)
    assert visible_and_hidden(tmp_path) == ["precious"]
    assert (tmp_path / "precious").read_text() == "data"


def test_empty_directories_links_and_missing_parents(tmp_path):
    (tmp_path / "empty").mkdir()
    save(tmp_path / "empty", b"1")
    save(tmp_path / "new" / "deep" / "model", b"2")
    assert contents(tmp_path / "empty") == (b"1", b"1")
    assert contents(tmp_path / "new" / "deep" / "model") == (b"2", b"2")


@posix
def test_links_are_followed_and_permissions_are_ordinary(tmp_path):
    save(tmp_path / "real", b"1")
    (tmp_path / "link").symlink_to("real", target_is_directory=True)
    save(tmp_path / "link", b"2")
    assert (tmp_path / "link").is_symlink()
    assert contents(tmp_path / "real") == contents(tmp_path / "link") == (b"2", b"2")
    umask = os.umask(0o022)
    try:
        save(tmp_path / "real", b"3")
    finally:
        os.umask(umask)
    assert (tmp_path / "real").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "real" / "a").stat().st_mode & 0o777 == 0o644


def test_file_systems_that_cannot_flush_directories(tmp_path, monkeypatch):
    real = os.fsync

    def fsync(descriptor):
        if os.path.isdir(f"/proc/self/fd/{descriptor}"):
            raise OSError(errno.EINVAL, "Invalid argument")
        real(descriptor)

    monkeypatch.setattr(atomic.os, "fsync", fsync)
    save(tmp_path / "model", b"new")
    assert contents(tmp_path / "model") == (b"new", b"new")
