"""A checkpoint is written by one run at a time, and beside the steps where that is chosen."""

import os
import threading
import time

import numpy as np
import pytest

from wengert import nn, train
from wengert.errors import ModelFileError


def small(checkpoint, epochs, **options):
    X = np.linspace(-1, 1, 64)[:, None]
    net = nn.Dense(1, 1).initialise(seed=0)
    return train.fit(
        net, X, 3 * X, loss="half_squared_error", epochs=epochs, batch_size=16, checkpoint=checkpoint,
        progress=False, executor="numpy", **options,
    )  # fmt: skip


def test_two_runs_do_not_write_one_checkpoint(tmp_path):
    path, refused = tmp_path / "run", []

    class Second(train.Callback):
        def on_epoch_end(self, state):
            with pytest.raises(
                ModelFileError, match=r"is being written by process \d+ on .*name another file"
            ):
                small(path, 1)
            refused.append(state.history[-1].epoch)

    small(path, 2, callbacks=[Second()])
    assert refused == [1, 2]
    assert os.listdir(tmp_path) == ["run"]


def test_a_checkpoint_that_is_written_beside_the_steps_gives_the_same(tmp_path, monkeypatch):
    usual, written = small(tmp_path / "usual", 6), []
    original = train.Checkpoint.save

    def slow(self, *arguments):
        time.sleep(0.02)
        original(self, *arguments)
        written.append(threading.current_thread() is threading.main_thread())

    monkeypatch.setattr(train.Checkpoint, "save", slow)
    beside = train.Checkpoint(tmp_path / "beside", seconds=0, asynchronous=True)
    found = small(beside, 6)
    assert written[-1]  # the last one is waited for
    assert not all(written)
    assert (tmp_path / "beside").exists()
    assert usual.net.weight.tobytes() == found.net.weight.tobytes()
    assert small(beside, 6).net.weight.tobytes() == usual.net.weight.tobytes()
