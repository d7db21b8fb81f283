"""One process at a time writes a file; what a killed one left keeps nobody away."""

import errno
import fcntl
import json
import os
import socket
import subprocess
import sys

import pytest

from wengert.errors import ModelFileError
from wengert.storage import claimed

HOLD = """
import sys
from pathlib import Path
from wengert.storage import claimed
with claimed(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_another_process_is_kept_away_until_it_ends_or_is_killed(tmp_path):
    path = tmp_path / "file"
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with process:
        process.stdout.readline()
        message = f"is being written by process {process.pid} on {socket.gethostname()}. Wait until"
        with pytest.raises(ModelFileError, match=message), claimed(path):
            pass
        process.kill()
    assert os.listdir(tmp_path) == [".file.lock"]  # what it left
    with claimed(path), pytest.raises(ModelFileError, match=f"process {os.getpid()}"), claimed(path):
        pass
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("holder", "refused"),
    [
        ({"process": os.getpid(), "host": socket.gethostname()}, True),
        ({"process": 1, "host": socket.gethostname()}, True),
        ({"process": 2**22 + 1, "host": socket.gethostname()}, False),  # there is no such process
        ({"process": 1, "host": "another"}, True),
        ({}, False),
        ([], False),
    ],
)
def test_without_locks_the_process_number_decides(tmp_path, monkeypatch, holder, refused):
    def no_locks(*_):
        raise OSError(errno.ENOLCK, "no locks")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    path = tmp_path / "file"
    (tmp_path / ".file.lock").write_text(json.dumps(holder))
    if refused:
        with pytest.raises(ModelFileError, match=r"delete .*\.file\.lock"), claimed(path):
            pass
    else:
        with claimed(path):
            pass


def test_a_place_where_nothing_can_be_made_is_named(tmp_path):
    with (
        pytest.raises(ModelFileError, match="missing/file cannot be claimed"),
        claimed(tmp_path / "missing/file"),
    ):
        pass
