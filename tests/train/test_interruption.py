"""Ctrl-C, a time limit, a fork: what was learned is kept."""

import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from wengert import nn, train
from wengert.errors import InterruptionWarning

SETUP = """
import warnings, os, signal, sys, time
import numpy as np
from wengert import nn, optim, train

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell in the background lets it be ignored
rng = np.random.default_rng(0)
X = rng.normal(size=(200, 4))
y = (X[:, 0] > 0).astype(int)
net = nn.Sequential(nn.Dense(4, 8, "relu"), nn.Dense(8, 2)).initialise(seed=0)

class Announce(train.Callback):
    epochs = 0
    def on_epoch_end(self, state):
        self.epochs += 1
        if self.epochs == 3:
            print("running", flush=True)
        if self.epochs == 10**6:
            return train.Stop("nobody interrupted")
"""

INTERRUPTED = (
    SETUP
    + """
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    result = train.fit(
        net, X, y, loss="nllm_from_logits", epochs=10**9, callbacks=[Announce()], progress=False,
        validation_data=(X, y) if "validation" in sys.argv else None,
        optimizer=optim.LBFGS(tolerance=0.0) if "lbfgs" in sys.argv else None,
        checkpoint=sys.argv[-1] if "checkpoint" in sys.argv else None,
    )
score = train.evaluate(result.net, X, y, loss="nllm_from_logits")
best = min(result.history, key=lambda epoch: epoch.monitored)
print(result.stopped, len(result.history), [str(one.message) for one in caught], score.loss, best.monitored)
"""
)


def interrupted(*arguments):
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "running\n"
        time.sleep(np.random.default_rng().uniform(0, 0.2))
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0, errors
    return output


def test_ctrl_c_gives_a_usable_result_with_a_warning():
    output = interrupted()
    assert output.startswith("interrupted ")
    assert "training was interrupted after" in output
    assert float(output.split()[-2]) < 0.6


def test_ctrl_c_keeps_the_best_weights_where_there_are_validation_rows():
    output = interrupted("validation")
    assert output.startswith("interrupted ")
    loss, best = map(float, output.split()[-2:])
    assert loss == pytest.approx(best, rel=1e-6)


def test_ctrl_c_saves_the_checkpoint_it_goes_on_from(tmp_path):
    path = tmp_path / "run"
    interrupted("checkpoint", str(path))
    assert path.exists()
    assert interrupted("checkpoint", str(path)).startswith("interrupted ")


class Interrupt(train.Callback):
    """Ctrl-C at the end of an epoch."""

    def __init__(self, epoch):
        self.epoch = epoch

    def on_epoch_end(self, state):
        if len(state.history) == self.epoch:
            raise KeyboardInterrupt


ROWS = 40


def run(**options):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(ROWS, 3)), rng.normal(size=(ROWS, 1))
    net = nn.Dense(3, 1).initialise(seed=0)
    return train.fit(net, X, y, **{"loss": "half_squared_error", "progress": False, "epochs": 20} | options)


def test_the_last_epoch_counts_without_validation_rows():
    with pytest.warns(InterruptionWarning, match="after 4 epochs and 8 steps; the result is usable"):
        result = run(callbacks=[Interrupt(4)])
    assert np.array_equal(result.net.weight, run(epochs=4).net.weight)
    assert (result.stopped, len(result.history)) == ("interrupted", 4)


def test_an_interrupted_run_goes_on_where_it_was(tmp_path):
    with pytest.warns(InterruptionWarning):
        run(callbacks=[Interrupt(4)], checkpoint=tmp_path / "run")
    assert np.array_equal(run(checkpoint=tmp_path / "run").net.weight, run().net.weight)


def test_a_time_limit_ends_the_run_between_two_steps():
    begin = time.perf_counter()
    result = run(epochs=10**9, time_limit=0.3)
    assert result.stopped == "time limit"
    assert time.perf_counter() - begin >= 0.3
    assert result.steps >= 2 * len(result.history) > 0
    assert np.isfinite(result.net.weight).all()


def test_a_time_limit_gives_the_best_epoch_where_there_are_validation_rows(rng):
    held = rng.normal(size=(10, 3)), rng.normal(size=(10, 1))
    result = run(epochs=10**9, time_limit=0.2, validation_data=held)
    loss = train.evaluate(result.net, *held, loss="half_squared_error").loss
    assert loss == min(epoch.validation_loss for epoch in result.history)


FORKED = (
    SETUP
    + """
def digest(result):
    return result.net.layers[0].weight.tobytes()

options = {"loss": "nllm_from_logits", "epochs": 2, "progress": False}
expected = digest(train.fit(net, X, y, **options))
child = os.fork()
if child == 0:
    os._exit(0 if digest(train.fit(net, X, y, **options)) == expected else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no fork on this system")
def test_training_works_in_a_child_after_a_fork():
    output = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORKED], capture_output=True, text=True, timeout=60, check=True
    )
    assert output.stdout == "0\n"
