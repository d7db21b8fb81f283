"""Calls of several threads are made together, and nobody waits for one that has left."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from wengert.run.rendezvous import Rendezvous, Seat


@pytest.fixture
def seats():
    rendezvous = Rendezvous()
    taken = [Seat(rendezvous) for _ in range(4)]
    for seat in taken:
        seat.take()
    return taken


def at_once(seats, work):
    with ThreadPoolExecutor(len(seats)) as pool:
        futures = [pool.submit(work, number, seat) for number, seat in enumerate(seats)]
        return [future.exception(timeout=20) for future in futures]


def test_calls_of_one_key_are_made_as_one(seats):
    made = []
    errors = at_once(seats, lambda number, seat: seat.call(number % 2, number, made.append))
    assert errors == [None] * 4
    assert sorted(sorted(group) for group in made) == [[0, 2], [1, 3]]


def test_a_thread_that_leaves_is_not_waited_for(seats):
    made = []

    def work(number, seat):
        for _ in range(number):
            seat.call("", number, made.append)
        seat.leave()
        seat.leave()  # once is enough

    assert at_once(seats, work) == [None] * 4
    assert [len(group) for group in made] == [3, 2, 1]


def test_an_error_is_raised_in_each_thread_of_its_key(seats):
    def fails(arguments):
        raise ZeroDivisionError(len(arguments))

    made = []
    calls = [fails, fails, fails, made.append]
    errors = at_once(seats, lambda number, seat: seat.call(calls[number], number, calls[number]))
    assert [str(error) for error in errors] == ["3", "3", "3", "None"]
    assert made == [[3]]


def test_what_is_shared_ends_with_the_last(seats):
    seats[0].shared["rows"] = 1
    for seat in seats[:3]:
        seat.leave()
    assert seats[3].shared == {"rows": 1}
    seats[3].leave()
    assert not seats[3].shared
