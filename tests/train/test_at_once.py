"""Trainings at once: results in order, Ctrl-C for all, an error of one ends the others."""

import signal
import threading
import time
from functools import partial

import pytest

from wengert.train.history import History
from wengert.train.many.at_once import at_once
from wengert.train.many.shared_display import SharedDisplay
from wengert.train.progress import Silent


def until_interrupted(display):
    end = time.monotonic() + 20
    try:
        while time.monotonic() < end:
            display.show(0.5, History())
            time.sleep(0.01)
    except KeyboardInterrupt:
        return "interrupted"
    return "never told"


def test_results_are_in_the_order_of_the_trainings():
    gate = threading.Event()

    def first(display):
        gate.wait(20)
        return 0

    def second(display):
        gate.set()
        return 1

    assert at_once([first, second], SharedDisplay(Silent(), 2), 2) == [0, 1]


def test_ctrl_c_reaches_all():
    shown = SharedDisplay(Silent(), 3)

    def strikes(display):
        signal.raise_signal(signal.SIGINT)  # the main thread hears of it
        return until_interrupted(display)

    assert at_once([strikes, until_interrupted, until_interrupted], shown, 2) == ["interrupted"] * 3


def test_an_error_ends_the_others():
    ended = []

    def fails(display):
        raise ValueError("no such thing")

    def goes_on(number, display):
        ended.append(until_interrupted(display))

    with pytest.raises(ValueError, match="no such thing"):
        at_once([partial(goes_on, 0), fails], SharedDisplay(Silent(), 2), 2)
    assert ended == ["interrupted"]
