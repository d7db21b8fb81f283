"""Where threads begin that work together."""

import os
import sys
import threading

import pytest

from wengert.run import threads
from wengert.run.threads import run_on_threads

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only there threads choose their processors")


@pytest.fixture
def cores(monkeypatch):
    """Have three cores, two with two processors."""
    monkeypatch.setattr(threads, "_siblings", lambda number: f"{number // 2}")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3, 6})
    threads._one_of_each_core.cache_clear()
    yield {0, 2, 6}
    threads._one_of_each_core.cache_clear()


def on_threads(count):
    """Run a call on so many threads; return which were called."""
    called = []

    def nobody():
        raise AssertionError("nobody was interrupted")

    run_on_threads(called.append, count, nobody, nobody)
    return sorted(called)


def test_each_thread_moves_to_a_core_of_its_own_and_is_free_again(monkeypatch, cores):
    moves = {}

    def record(_, processors):
        moves.setdefault(threading.current_thread().name, []).append(set(processors))

    monkeypatch.setattr(os, "sched_setaffinity", record)
    assert on_threads(3) == [0, 1, 2]
    assert sorted(moves) == ["wengert-0", "wengert-1", "wengert-2"]
    assert {processor for first, _ in moves.values() for processor in first} == cores
    assert all(len(first) == 1 and free == {0, 1, 2, 3, 6} for first, free in moves.values())


def test_threads_that_may_not_move_work_where_they_are(monkeypatch, cores):
    def forbidden(_, processors):
        raise PermissionError("a sandbox")

    monkeypatch.setattr(os, "sched_setaffinity", forbidden)
    assert on_threads(3) == [0, 1, 2]


def test_more_threads_than_cores_are_left_to_the_system(cores):
    assert threads._places(4) == [None] * 4
    assert threads._places(1) == [None]
