"""How a process becomes a worker: what it needs for that, and how it leaves."""

import os
import socket
import sys
import threading
import time

import pytest
from tests.cluster.threads import SECRET

from wengert import cluster
from wengert.cluster import joining
from wengert.cluster.identity import WorkerIdentity
from wengert.cluster.rendezvous import Rendezvous
from wengert.errors import ConfigurationError, WorkerLostError


@pytest.fixture(autouse=True)
def _not_joined(monkeypatch):
    monkeypatch.setattr(joining, "_known", None)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    for name in [name for name in os.environ if name.startswith("WENGERT_")]:
        monkeypatch.delenv(name)


def test_alone_a_process_is_one_of_one_and_stays_it():
    workers = cluster.join()
    assert (workers.rank, workers.size, workers.address) == (0, 1, "127.0.0.1")
    assert cluster.join() is workers
    with pytest.raises(ConfigurationError, match="has joined with blocks=8, and not 4"):
        cluster.join(blocks=4)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, "one of 2 workers .by WENGERT_RANK., which know each other by a secret"),
        ({"WENGERT_SECRET": "short"}, "16 bytes or more in WENGERT_SECRET"),
        ({"WENGERT_SECRET": "x" * 16, "WENGERT_COORDINATOR": "here"}, "given as host:port, got 'here'"),
        ({"WENGERT_JOIN_TIMEOUT": "soon"}, "WENGERT_JOIN_TIMEOUT is a number of seconds above 0, got 'soon'"),
        ({"WENGERT_TIMEOUT": "nan"}, "WENGERT_TIMEOUT is a number of seconds above 0, got 'nan'"),
        ({"WENGERT_SIZE": "9"}, "there are 9 workers and a batch has 8 blocks"),
    ],
)
def test_what_keeps_a_process_from_joining_is_named(monkeypatch, changes, message):
    given = {"WENGERT_RANK": "1", "WENGERT_SIZE": "2", "WENGERT_COORDINATOR": "127.0.0.1:1"}
    for name, value in (given | changes).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=message):
        cluster.join()


@pytest.mark.parametrize("seconds", [-1, 0, "8", float("nan"), float("inf"), True])
def test_seconds_are_numbers_above_0(seconds):
    for name in ("timeout", "join_timeout"):
        with pytest.raises(ConfigurationError, match=f"join: {name} is a number above 0"):
            cluster.join(**{name: seconds})


def test_workers_meet_at_the_first_of_them():
    with socket.create_server(("127.0.0.1", 0)) as free:
        place = f"127.0.0.1:{free.getsockname()[1]}"
    found = {}

    def run(rank):
        me = WorkerIdentity(rank, 2, rank, place, "WENGERT_RANK")
        transport = joining._transport(me, {"WENGERT_SECRET": SECRET.decode()}, 8, 10)
        found[rank] = transport.exchange([b"%d" % rank] * 2, 5)
        transport.close()

    threads = [threading.Thread(target=run, args=(rank,)) for rank in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert found == {0: [b"0", b"1"], 1: [b"0", b"1"]}


def test_who_is_missing_is_said_by_the_first(capfd):
    rendezvous = Rendezvous(("127.0.0.1", 0), SECRET, 2)
    joining._hold(rendezvous, 0.1)
    assert "workers 0, 1 did not join within 0.1 s" in capfd.readouterr().err


def test_a_supervised_worker_shows_that_it_lives(monkeypatch):
    rendezvous = Rendezvous(("127.0.0.1", 0), SECRET, 1)
    gather = threading.Thread(target=rendezvous.gather, args=(10,))
    gather.start()
    host, port = rendezvous.address
    me = WorkerIdentity(0, 1, 0, f"{host}:{port}", "wengert launch")
    given = {"WENGERT_SECRET": SECRET.decode(), "WENGERT_TIMEOUT": "0.04"}
    transport = joining._transport(me, given, 8, 10)
    gather.join(10)
    connection = rendezvous.workers[0].connection
    connection.settimeout(5)
    assert connection.recv(10) == b"\0" * 7 + b"\2{}"
    connection.close()
    while any(thread.name.endswith("(_beat)") for thread in threading.enumerate()):
        time.sleep(0.01)  # it ends with its supervisor
    transport.close()
    rendezvous.close()


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (WorkerLostError("worker 1 is gone", (1,)), 75, "worker 1 is gone\n"),
        (ValueError("mine"), 1, "ValueError: mine\n"),
        (KeyboardInterrupt(), 130, "KeyboardInterrupt\n"),
    ],
)
def test_a_worker_leaves_at_once_with_a_code_that_says_why(monkeypatch, capsys, error, code, said):
    left = []
    monkeypatch.setattr(os, "_exit", left.append)
    joining._end(type(error), error, None)
    assert left == [code]
    assert capsys.readouterr().err == said
