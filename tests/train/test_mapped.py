"""Arrays in files: the same results as in memory, within the memory that is promised."""

import json
import subprocess
import sys

import numpy as np
import pytest

from wengert import nn, optim, train
from wengert.errors import DataError
from wengert.train.inputs import numbers
from wengert.train.steps import mapped
from wengert.train.steps.batches import row_order


@pytest.fixture
def on_disk(tmp_path):
    """Put an array into a file and return its map."""

    def write(array, mode="r", name="array.npy"):
        np.save(tmp_path / name, array)
        return np.load(tmp_path / name, mmap_mode=mode)

    return write


@pytest.mark.parametrize("rows", [1, 7, 100, 1001])
@pytest.mark.parametrize("runs", [(1, 1), (10, 3), (64, 1000), (5000, 2)])
def test_the_order_by_runs_visits_every_row_once(rows, runs):
    order = row_order(3, 1, rows, runs)
    np.testing.assert_array_equal(np.sort(order), np.arange(rows))
    np.testing.assert_array_equal(order, row_order(3, 1, rows, runs))
    if rows > 100:
        assert (order != row_order(3, 2, rows, runs)).any()
        assert (order != np.arange(rows)).any()


def test_rows_of_a_window_come_from_few_runs_of_neighbours():
    order = row_order(0, 0, 10_000, (10, 50))
    first = order[:500]
    assert len(np.unique(first // 10)) == 50
    assert np.ptp(first) > 8000  # from anywhere in the file
    assert np.abs(np.diff(first)).mean() > 1000  # and shuffled


@pytest.mark.parametrize(
    ("mode", "dtype"), [("r", np.float32), ("r", np.float64), ("c", np.float32), ("r", np.uint8)]
)
@pytest.mark.parametrize("executor", ["numpy", "llvm"])
def test_a_mapped_array_trains_as_one_in_memory(on_disk, rng, mode, dtype, executor, monkeypatch):
    monkeypatch.setattr(mapped, "_BLOCK", 64)  # several blocks, and releases between steps
    monkeypatch.setattr(mapped, "_WINDOW", 2**14)
    monkeypatch.setattr(mapped, "_RUN", 2**10)
    values = rng.uniform(0, 9, size=(7_000, 3)).astype(dtype)
    y = values[:, :1].astype(np.float32) / 9
    X = on_disk(values, mode)
    net = nn.Dense(3, 1).initialise(seed=0)
    options = {"loss": "half_squared_error", "epochs": 3, "shuffle": False, "optimizer": optim.Adam(0.01)}
    wanted = train.fit(net, values, y, executor=executor, **options)
    got = train.fit(net, X, y, executor=executor, **options)
    np.testing.assert_array_equal(got.net.weight, wanted.net.weight)
    shuffled = train.fit(net, X, y, executor=executor, **options | {"shuffle": True, "epochs": 2})
    assert shuffled.history[-1].loss < 0.5 * wanted.history[0].loss
    np.testing.assert_array_equal(X, values)


def test_what_was_written_to_a_private_map_stays(on_disk):
    X = on_disk(np.zeros(5000), "c")
    X[4000] = 1
    mapped.release(X)
    assert X[4000] == 1


def test_views_of_maps_are_found_and_arrays_are_not(on_disk):
    X = on_disk(np.zeros((30, 4)))
    for view in (X, X[3:], np.asarray(X), np.asarray(X)[:, 0], X.T):
        assert mapped.memory_map(view) is not None
    assert mapped.memory_map(np.array(X)) is None
    assert mapped.memory_map(np.zeros(3)) is None
    assert mapped.run_and_window(np.zeros((3, 2))) is None
    assert mapped.run_and_window(X) == (2**21 // 32, 128)  # runs of 2 MB, 256 MB of them
    mapped.release(np.zeros(3))  # nothing to do


@pytest.mark.parametrize("mmap_mode", [None, "r"])
def test_a_bad_value_is_found_in_whatever_block_it_stands(on_disk, monkeypatch, mmap_mode):
    monkeypatch.setattr(mapped, "_BLOCK", 160)
    values = np.zeros((100, 2))
    values[57, 1] = np.nan
    values[90, 0] = np.inf
    X = on_disk(values) if mmap_mode else values
    with pytest.raises(
        DataError, match=r"X has 2 NaN or infinite values, the first \(nan\) in row 57, column 1"
    ):
        numbers(X, "X")
    values[57, 1] = values[90, 0] = 1e300
    X = on_disk(values, name="large.npy") if mmap_mode else values
    with pytest.raises(DataError, match=r"X has 1e\+300 in row 57, column 1, too large for the float32"):
        train.fit(nn.Dense(2, 1).initialise(0), X, np.zeros((100, 1)), loss="half_squared_error")


MEMORY = """
import json, resource, sys
import numpy as np
from wengert import nn, train
from wengert.train.steps import mapped
mapped._WINDOW = 2**23
net = nn.Dense(64, 1).initialise(seed=0)
options = {"loss": "half_squared_error", "epochs": 2, "batch_size": 4096, "executor": sys.argv[3]}
train.fit(net, np.zeros((8192, 64), np.float32), np.zeros((8192, 1), np.float32), **options)
X = np.memmap(sys.argv[1], np.float32, "r", shape=(int(sys.argv[2]), 64))
y = np.zeros((len(X), 1), np.float32)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
train.fit(net, X, y, **options)
print(json.dumps(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the system decides what of a map is in memory elsewhere")
@pytest.mark.parametrize("executor", ["numpy", "llvm"])
def test_memory_stays_far_below_the_size_of_the_file(tmp_path, executor):
    rows = 409_600  # of 256 bytes: 105 MB
    with (tmp_path / "X").open("wb") as file:
        for _ in range(8):
            file.write(np.zeros((rows // 8, 64), np.float32).data)
    run = subprocess.run(
        [sys.executable, "-c", MEMORY, str(tmp_path / "X"), str(rows), executor],
        capture_output=True,
        text=True,
        check=True,
    )
    grown = json.loads(run.stdout) * 1024
    # Two blocks of 16 MB while the values are checked; the order of the rows, 8 bytes each, thrice while it
    # is drawn; two windows of 8 MB, since runs end within pages, and 4 MB for what nobody counts.
    assert grown < 2 * 2**24 + 3 * 8 * rows + 5 * 2**22


def test_blocks_are_appended_also_those_without_rows(tmp_path):
    blocks = [np.arange(6.0).reshape(2, 3), np.zeros((0, 3)), np.ones((1, 3))]
    with open(tmp_path / "file", "wb", buffering=0) as file:
        for block in blocks:
            mapped.append(file, block, "numbers")
    found = np.fromfile(tmp_path / "file").reshape(-1, 3)
    np.testing.assert_array_equal(found, np.concatenate(blocks))
