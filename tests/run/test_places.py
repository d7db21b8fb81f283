"""Where threads begin that work together."""

import ctypes
import os
import sys

import pytest

from wengert.run import threads
from wengert.run.threads import physical_cores, run_together


@pytest.mark.skipif(sys.platform != "linux", reason="only there threads choose their processors")
def test_threads_begin_on_cores_of_their_own_and_stay_free_to_move():
    count = min(physical_cores(), 4)
    begun, free = {}, {}

    def call(number):
        begun[number] = ctypes.CDLL(None).sched_getcpu()
        free[number] = os.sched_getaffinity(0)

    def nothing():
        raise AssertionError("nobody was interrupted")

    usable = os.sched_getaffinity(0)
    run_together(call, count, nothing, nothing)
    assert all(one == usable for one in free.values())
    assert sorted(begun) == list(range(count))


@pytest.mark.skipif(sys.platform != "linux", reason="only there threads choose their processors")
def test_places_are_those_of_other_cores(monkeypatch):
    monkeypatch.setattr(threads, "_siblings", lambda number: f"{number // 2}")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3, 6})
    threads._one_of_each_core.cache_clear()
    cores = {0, 2, 6}
    for count in (2, 3):
        places = threads._places(count)
        assert len(set(places)) == count
        assert set(places) <= cores
    assert threads._places(4) == [None] * 4  # more than there are cores
    assert threads._places(1) == [None]
    threads._one_of_each_core.cache_clear()
