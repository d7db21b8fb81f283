"""A run that is killed at any moment and resumed ends with bitwise the same result."""

import functools
import json
import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from tests.drawn import thinned
from tests.storage.mutations import mutants

from wengert import nn, optim, train
from wengert.errors import ConfigurationError, ModelFileError, WengertWarning
from wengert.storage import load_tensors, save_tensors

pytestmark = pytest.mark.usefixtures("_machine_code_is_shared")

# Killed from outside at a random moment, or by its own hand at the n-th call of a function that writes.
SCRIPT = """
import os, signal, sys, hashlib, json
import numpy as np
from wengert import nn, optim, train
from wengert.trace.tree import flatten

path, fatal, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
calls = 0
if fatal:
    original = getattr(os, fatal)
    def last_call(*arguments):
        global calls
        calls += 1
        if calls == count:
            if fatal == "write":
                original(arguments[0], bytes(arguments[1])[:100])  # half of it reaches the disk
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*arguments)
    setattr(os, fatal, last_call)
rng = np.random.default_rng(0)
X = rng.normal(size=(60, 4))
y = (X[:, 0] > 0).astype(int)
net = nn.Sequential(nn.Dense(4, 8, "relu"), nn.BatchNorm(8), nn.Dropout(0.2), nn.Dense(8, 2))
net = net.initialise(seed=0)
result = train.fit(
    net, X, y, loss="nllm_from_logits", optimizer=optim.Adam(0.05), epochs=40, batch_size=16,
    early_stopping=6, validation_fraction=0.3, progress=False,
    checkpoint=train.Checkpoint(path, seconds=0) if path else None,
)
leaves = [*flatten(result.net)[0], *flatten(result.optimizer_state)[0]]
records = result.history.to_records()
for record in records:
    del record["seconds"]
print(json.dumps({
    "arrays": [hashlib.sha256(np.ascontiguousarray(leaf)).hexdigest() for leaf in leaves],
    "history": records, "stopped": result.stopped, "best": result.best_epoch, "steps": result.steps,
}))
"""


def start(path="", fatal="", count=0):
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(path), fatal, str(count)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def finished(process):
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors.decode()
    return json.loads(output)


@pytest.fixture(scope="module")
def uninterrupted():
    result = finished(start())
    assert result["stopped"] == "early stopping"
    assert result["steps"] > 3 * result["best"]
    return result


def test_killed_at_random_moments(uninterrupted, tmp_path):
    path = tmp_path / "run.safetensors"
    rng = np.random.default_rng()
    kills = 0
    for _ in range(6):
        process = start(path)
        seen = path.stat().st_mtime_ns if path.exists() else 0
        # Wait until this process itself has saved something, then a little longer.
        while process.poll() is None and (path.stat().st_mtime_ns if path.exists() else 0) == seen:
            time.sleep(0.001)
        time.sleep(rng.uniform(0, 0.05))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        kills += process.returncode == -signal.SIGKILL
    assert kills > 0
    assert finished(start(path)) == uninterrupted
    # What is finished stays finished: nothing is trained again.
    assert finished(start(path)) == uninterrupted


@pytest.mark.parametrize(
    ("fatal", "count"), [("write", 1), ("write", 9), ("fsync", 8), ("replace", 7), ("replace", 1)]
)
def test_killed_while_writing(uninterrupted, tmp_path, fatal, count):
    path = tmp_path / "run.safetensors"
    process = start(path, fatal, count)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == -signal.SIGKILL, errors.decode()
    assert finished(start(path)) == uninterrupted


ROWS = 20


def run(path, **changes):
    rng = np.random.default_rng(0)
    options = {
        "net": nn.Dense(3, 1).initialise(seed=0),
        "X": rng.normal(size=(ROWS, 3)),
        "y": rng.normal(size=(ROWS, 1)),
        "loss": "half_squared_error",
        "epochs": 3,
        "batch_size": 4,
        "checkpoint": path,
        "progress": False,
    } | changes
    return train.fit(options.pop("net"), options.pop("X"), options.pop("y"), **options)


def test_a_finished_run_can_be_prolonged(tmp_path):
    path = tmp_path / "run"
    run(path, epochs=3)
    prolonged = run(path, epochs=7)
    straight = run(None, epochs=7)
    assert np.array_equal(prolonged.net.weight, straight.net.weight)
    assert [epoch.loss for epoch in prolonged.history] == [epoch.loss for epoch in straight.history]
    seconds = [epoch.seconds for epoch in prolonged.history]
    assert seconds == sorted(seconds)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"net": nn.Sequential(nn.Dense(3, 1)).initialise(seed=0)}, "network"),
        ({"net": nn.Dense(3, 1).initialise(seed=1)}, "initial parameters"),
        ({"optimizer": optim.Adam(0.1)}, r"^optimizer: Adam\(.*there, Adam\(.*here"),
        ({"loss": "huber"}, "loss: half_squared_error.* there, huber.* here"),
        ({"penalty": nn.L2(0.1)}, "penalty none there"),
        ({"X": np.ones((ROWS, 3))}, "data"),
        ({"X": np.ones((5, 3)), "y": np.ones((5, 1))}, r"data: float32\[20, 3\].* there, float32\[5, 3\]"),
        ({"sample_weight": np.arange(ROWS)}, "sample_weight: none"),
        ({"validation_data": (np.ones((2, 3)), np.ones((2, 1)))}, "validation data: none"),
        ({"batch_size": 5}, "batch_size: 4 there, 5 here"),
        ({"clip_norm": 1.0}, "clip_norm: None there, 1.0 here"),
        ({"seed": 1}, "seed: 0 there, 1 here"),
        ({"shuffle": False}, "shuffle"),
        ({"early_stopping": 2}, "early stopping"),
    ],
)
def test_the_checkpoint_of_another_run_is_refused(tmp_path, changes, named):
    path = tmp_path / "run"
    run(path)
    before = path.read_bytes()
    with pytest.raises(ModelFileError, match="another run; what differs: ") as refused:
        run(path, **changes)
    assert re.search(named, str(refused.value).split("what differs: ")[1])
    assert path.read_bytes() == before


def test_a_damaged_checkpoint_is_refused(tmp_path):
    path = tmp_path / "run"
    run(path)
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    path.write_bytes(data)
    with pytest.raises(ModelFileError, match="checksum"):
        run(path)
    path.write_bytes(data[:50])
    with pytest.raises(ModelFileError):
        run(path)


def forged(path, change=lambda record: record, arrays=None):
    """Write a checkpoint again, changed, with a checksum that fits."""
    held, metadata = load_tensors(path)
    record = change(json.loads(metadata["training"]))
    save_tensors(path, held if arrays is None else arrays, {"training": json.dumps(record)})


@pytest.fixture
def begun(tmp_path):
    """Return a checkpoint of a run with validation rows and a best epoch, and the options to resume it."""
    rng = np.random.default_rng(1)
    held_out = rng.normal(size=(6, 3)), rng.normal(size=(6, 1))
    options = {"validation_data": held_out, "optimizer": optim.Adam()}
    run(tmp_path / "run", epochs=2, **options)
    return tmp_path / "run", options


def test_a_forged_record_is_refused_or_resumed(begun):
    path, options = begun
    intact = path.read_bytes()
    record = json.loads(load_tensors(path)[1]["training"])
    tried = refused = 0
    for what, mutant in thinned(mutants(record), 5):
        tried += 1
        path.write_bytes(intact)
        forged(path, lambda record, mutant=mutant: mutant)
        try:
            result = run(path, epochs=3, **options)
        except ModelFileError as error:
            refused += 1
            message = str(error)
        except Exception as error:
            raise AssertionError(f"{what}: {type(error).__name__}: {error}") from error
        else:
            message = ""
            assert 2 <= len(result.history) <= 3, what
        assert len(message) < 3000, what
    assert refused > tried / 2


@pytest.mark.parametrize("executor", ["llvm", "numpy"])
def test_arrays_that_are_not_those_of_the_run_reach_no_machine_code(begun, executor):
    path, options = begun
    path.unlink()
    options["executor"] = executor
    run(path, epochs=2, **options)
    intact = path.read_bytes()
    held, _ = load_tensors(path)
    assert {name.split("/")[0] for name in held} == {"now", "best"}
    for name, array in held.items():
        others = [
            array[:1] if array.ndim and array.size > 1 else np.repeat(array.reshape(-1), 2),
            array.reshape(-1)[:0],
            array[np.newaxis],
            array.astype(np.int64 if array.dtype.kind == "f" else np.float64),
            array.astype(np.float64 if array.dtype == np.float32 else np.float32),
            np.zeros((1000, *array.shape), array.dtype),
        ]
        rest = {key: value for key, value in held.items() if key != name}
        for arrays in ({**rest, name: np.array(other, order="C")} for other in others):
            path.write_bytes(intact)
            forged(path, arrays=arrays)
            with pytest.raises(ModelFileError, match=f"'{name}' is .*, and in this run"):
                run(path, epochs=3, **options)
        for arrays in (rest, {**rest, f"{name}x": array}, {**held, "now/99/another": array}):
            path.write_bytes(intact)
            forged(path, arrays=arrays)
            with pytest.raises(ModelFileError, match="missing"):
                run(path, epochs=3, **options)


def test_a_loss_with_settings_is_told_from_others(tmp_path):
    path = tmp_path / "run"
    run(path, loss=functools.partial(nn.huber, delta=2.0))
    run(path, loss=functools.partial(nn.huber, delta=2.0), epochs=4)
    with pytest.raises(ModelFileError, match=r"'delta': 2.0.* there, .*'delta': 3.0"):
        run(path, loss=functools.partial(nn.huber, delta=3.0))


def test_the_checkpoint_of_another_version_is_refused(tmp_path, monkeypatch):
    run(tmp_path / "run")
    monkeypatch.setattr(train.checkpoint, "_VERSION", 3)
    with pytest.raises(ModelFileError, match="another version of wengert; delete it to start again"):
        run(tmp_path / "run")


def test_a_model_is_no_checkpoint(tmp_path):
    save_tensors(tmp_path / "model", {"weight": np.ones(3)}, {"some": "text"})
    with pytest.raises(ModelFileError, match="no checkpoint"):
        run(tmp_path / "model")


def test_a_place_that_no_checkpoint_can_have_is_refused_before_the_training(tmp_path):
    (tmp_path / "file").write_text("data")
    for place, said in (
        ("none/run", "none is no directory. Make it first"),
        ("file/run", "file is no directory"),
    ):
        with pytest.raises(ModelFileError, match=said):
            run(tmp_path / place)
    with pytest.raises(ModelFileError, match="is a directory"):
        run(tmp_path)


def test_a_full_disk_keeps_the_old_checkpoint_and_the_training(tmp_path, monkeypatch):
    path = tmp_path / "run"
    run(path, epochs=2)
    before = path.read_bytes()

    def full(descriptor, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.warns(WengertWarning, match="no checkpoint was saved: .*No space left on device"):
        result = run(path, epochs=4)
    assert len(result.history) == 4
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["run"]
    monkeypatch.undo()
    assert np.array_equal(run(path, epochs=4).net.weight, result.net.weight)


def test_nothing_is_saved_more_often_than_asked(tmp_path, monkeypatch):
    saves = []
    original = train.Checkpoint.save
    monkeypatch.setattr(
        train.Checkpoint, "save", lambda self, *args: (saves.append(1), original(self, *args))
    )
    run(train.Checkpoint(tmp_path / "run", seconds=1000))
    assert len(saves) == 1  # the end is always saved
    with pytest.raises(ConfigurationError, match="seconds"):
        train.Checkpoint(tmp_path / "run", seconds=-1)
