"""What training shows: nothing, lines, or a bar."""

import io
import subprocess
import sys

import numpy as np
import pytest

from wengert import nn, train
from wengert.train import progress
from wengert.train.history import Epoch, History


def run(**options):
    X = np.ones((64, 3))
    net = nn.Dense(3, 1).initialise(seed=0)
    return train.fit(net, X, X[:, :1], **{"loss": "half_squared_error", "epochs": 3} | options)


def test_short_runs_and_quiet_ones_show_nothing(capfd):
    run()
    run(progress=False)
    assert capfd.readouterr() == ("", "")


def test_lines_where_there_is_no_terminal(capfd):
    run(progress=True)
    output = capfd.readouterr()
    assert output.out == ""
    assert output.err.startswith("  0% · epoch 1 of 3 · 0 s\n")


def test_lines_come_at_growing_intervals(monkeypatch, capfd):
    clock = [0.0]
    monkeypatch.setattr(progress.time, "perf_counter", lambda: clock[0])
    display = progress.choose_display("auto", 10)
    printed = []
    while clock[0] < 300:
        display.show(clock[0] / 300, History())
        if capfd.readouterr().err:
            printed.append(clock[0])
        clock[0] += 0.5
    assert printed == [2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 124.0, 184.0, 244.0]


def test_a_line_tells_losses_and_accuracy():
    history = History([Epoch(1, 0.5, 0.75, 0.875, 0.1, 1.0)])
    assert progress.describe(history, 4) == "epoch 1 of 4, loss 0.5, validation loss 0.75, accuracy 87.50%"
    assert progress.describe(History(), 4) == "epoch 1 of 4"


class Terminal(io.StringIO):
    def isatty(self):
        return True


def on_terminal(monkeypatch):
    """Called in the test itself: pytest puts its own standard error in place between set-up and test."""
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    return stream


def test_a_bar_on_a_terminal(monkeypatch):
    terminal = on_terminal(monkeypatch)
    run(progress=True)
    assert "epoch 1 of 3" in terminal.getvalue()
    assert "━" in terminal.getvalue()
    assert "\x1b[36m" in terminal.getvalue()  # a colour


def test_no_colour_where_it_is_not_wanted(monkeypatch):
    terminal = on_terminal(monkeypatch)
    monkeypatch.setenv("NO_COLOR", "1")
    run(progress=True)
    assert "epoch 1 of 3" in terminal.getvalue()
    assert "\x1b[36m" not in terminal.getvalue()


def test_the_bar_is_removed_at_ctrl_c(monkeypatch):
    terminal = on_terminal(monkeypatch)

    class Interrupt(train.Callback):
        def on_epoch_end(self, state):
            raise KeyboardInterrupt

    with pytest.warns(UserWarning, match="interrupted"):
        run(progress=True, callbacks=[Interrupt()])
    assert terminal.getvalue().rstrip().endswith("\x1b[2K")
    assert "\x1b[?25h" in terminal.getvalue()  # the cursor is back


def test_a_bar_does_not_appear_before_its_time(monkeypatch):
    terminal = on_terminal(monkeypatch)
    display = progress.choose_display("auto", 10)
    assert display.show(0.1, History()) > 1
    display.close()
    assert terminal.getvalue() == ""


def test_training_without_standard_error_works(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    assert run(progress=True).stopped == "epochs"


def test_lines_that_nobody_reads_do_not_end_the_training(monkeypatch):
    class Gone:
        def write(self, text):
            raise BrokenPipeError

        def flush(self):
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stderr", Gone())
    display = progress.Lines(5, 0.0)
    assert display.show(0.1, History()) > 0


def test_importing_training_brings_in_nothing_heavy():
    heavy = ("rich", "scipy", "polars", "sklearn")
    code = f"import wengert.train, sys; print([name for name in {heavy} if name in sys.modules])"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert output.stdout == "[]\n"
