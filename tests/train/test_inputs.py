"""What bad rows get, before any work; and what unusual rows are taken all the same."""

import numpy as np
import pytest
from scipy import sparse

from wengert import nn, optim, train
from wengert.errors import (
    ConfigurationError,
    DataError,
    DTypeError,
    IndexRangeError,
    ShapeError,
    WengertWarning,
)

ROWS = 12


def regression(net=None, **changes):
    rng = np.random.default_rng(0)
    rows = {"X": rng.normal(size=(ROWS, 3)), "y": rng.normal(size=(ROWS, 1))} | changes
    options = {"loss": "half_squared_error", "epochs": 2, "progress": False}
    options |= {name: rows.pop(name) for name in list(rows) if name not in ("X", "y")}
    return train.fit(net or nn.Dense(3, 1).initialise(seed=0), rows["X"], rows["y"], **options)


def with_value(shape, place, value):
    array = np.zeros(shape)
    array[place] = value
    return array


@pytest.mark.parametrize(
    ("changes", "error", "text"),
    [
        ({"X": with_value((ROWS, 3), (4, 2), np.nan)}, DataError, r"X has 1 .* \(nan\) in row 4, column 2"),
        ({"X": with_value((ROWS, 3), (0, 1), -np.inf)}, DataError, r"\(-inf\) in row 0, column 1"),
        ({"y": with_value((ROWS, 1), (7, 0), np.inf)}, DataError, r"y has 1 .* in row 7, column 0"),
        ({"X": np.empty((0, 3)), "y": np.empty((0, 1))}, DataError, r"X is empty: its shape is \(0, 3\)"),
        ({"X": np.empty((ROWS, 0))}, DataError, "X is empty"),
        ({"X": 3.0}, ShapeError, "X is a single number"),
        ({"y": np.zeros((5, 1))}, ShapeError, "X has 12 rows and y has 5"),
        ({"X": [[1.0, 2.0, 3.0], [1.0]]}, ShapeError, "X is no array: .* same length"),
        ({"X": np.array([["a", "b", "c"]] * ROWS, object)}, DTypeError, "objects .*such as 'a' in row 0"),
        ({"X": np.array([["a", "b", "c"]] * ROWS)}, DTypeError, "X holds text"),
        ({"X": np.zeros((ROWS, 3), complex)}, DTypeError, "imaginary parts as two columns"),
        ({"y": np.zeros((ROWS, 1), "datetime64[s]")}, DTypeError, "y holds dates"),
        ({"X": sparse.csr_array(np.eye(ROWS, 3))}, DTypeError, r"X is a sparse matrix; give X.toarray\(\)"),
        ({"X": np.ma.masked_array(np.zeros((ROWS, 3)))}, DTypeError, "X: masked arrays are refused"),
        ({"y": np.zeros(ROWS)}, ShapeError, r"\(12, 1\) and the target \(12,\)"),
        ({"X": np.zeros((ROWS, 4))}, ShapeError, r"shape \(12, 4\), but the weight has shape \(3, 1\)"),
        ({"X": np.full((ROWS, 3), 1e300)}, DataError, r"1e\+300 in row 0, column 0, too large for the f"),
        ({"y": np.full((ROWS, 1), 2**64 - 1, np.uint64)}, DataError, "does not fit into int64"),
        ({"sample_weight": np.ones(5)}, ShapeError, r"\(5,\); it needs one number for each of the 12"),
        ({"sample_weight": np.ones((ROWS, 1))}, ShapeError, "one number for each"),
        ({"sample_weight": -np.arange(ROWS)}, DataError, r"negative \(-1.0\) in row 1"),
        ({"sample_weight": np.zeros(ROWS)}, DataError, "zero in all 12 rows"),
        ({"sample_weight": with_value(ROWS, 3, np.nan)}, DataError, "sample_weight has 1 NaN .* row 3"),
        ({"validation_data": (np.full((2, 3), np.nan), np.zeros((2, 1)))}, DataError, "X of validation_data"),
        ({"validation_data": np.zeros(3)}, ConfigurationError, r"pair \(X, y\)"),
        ({"validation_data": (1, 2), "validation_fraction": 0.5}, ConfigurationError, "not both"),
        ({"validation_fraction": 1.5}, ConfigurationError, "between 0 and 1"),
        ({"X": np.ones((1, 3)), "y": [[1]], "validation_fraction": 0.5}, DataError, "at least two rows"),
        ({"optimizer": "adam"}, ConfigurationError, r"such as optim\.SGD\(0\.1\), got 'adam'"),
        ({"optimizer": optim.Adam}, ConfigurationError, "got Adam"),
        ({"loss": "half_square_error"}, ConfigurationError, "did you mean 'half_squared_error'"),
        ({"epochs": 0}, ConfigurationError, "epochs is an integer above 0"),
        ({"batch_size": 0}, ConfigurationError, "batch_size is an integer above 0"),
        ({"batch_size": 2.5}, ConfigurationError, "batch_size"),
        ({"clip_norm": 0}, ConfigurationError, "clip_norm is a number above 0"),
        ({"time_limit": -1}, ConfigurationError, "time_limit"),
        ({"seed": -1}, ConfigurationError, "seed is an integer"),
        ({"early_stopping": 0}, ConfigurationError, "patience"),
        ({"early_stopping": True}, ConfigurationError, "patience"),
        ({"executor": "torch"}, ConfigurationError, "executor 'torch' is unknown"),
        ({"progress": "yes"}, ConfigurationError, "progress is True, False or 'auto'"),
        ({"net": nn.Dense(3, 1)}, ConfigurationError, "initialise"),
    ],
)  # fmt: skip
def test_refused(changes, error, text):
    with pytest.raises(error, match=text):
        regression(**changes)


@pytest.mark.parametrize(("label", "row"), [(3, 5), (-1, 2)])
def test_labels_out_of_range_name_the_row(label, row):
    labels = np.zeros(ROWS, int)
    labels[row] = label
    net = nn.Dense(3, 3).initialise(seed=0)
    with pytest.raises(IndexRangeError, match=rf"got {label} at row {row}"):
        regression(net=net, y=labels, loss="nllm_from_logits")


def test_categories_out_of_range_name_the_row():
    net = nn.Sequential(nn.Embedding(4, 2), nn.Dense(2, 1)).initialise(seed=0)
    categories = np.zeros(ROWS, int)
    categories[3] = 4
    with pytest.raises(IndexRangeError, match="category 4 at row 3"):
        regression(net=net, X=categories)


def test_integers_stay_integers_only_where_they_are_used_as_such():
    net = nn.Sequential(nn.Embedding(4, 2), nn.Dense(2, 3)).initialise(seed=0)
    result = regression(
        net=net, X=np.arange(ROWS, dtype=np.uint8) % 4, y=np.arange(ROWS) % 3, loss="nllm_from_logits"
    )
    assert len(result.history) == 2
    whole = regression(X=np.arange(ROWS * 3).reshape(ROWS, 3), y=np.ones((ROWS, 1), bool))
    floating = regression(X=np.arange(ROWS * 3.0).reshape(ROWS, 3), y=np.ones((ROWS, 1)))
    assert np.array_equal(whole.net.weight, floating.net.weight)
    assert whole.net.weight.dtype == np.float32


def test_a_single_row_left_over_for_batch_norm_is_refused_before_any_work():
    net = nn.Sequential(nn.Dense(3, 2), nn.BatchNorm(2), nn.Dense(2, 1)).initialise(seed=0)
    with pytest.raises(ShapeError, match="batch"):
        regression(net=net, batch_size=11)


def unusual(array, how, folder):
    if how == "negative strides":
        return np.ascontiguousarray(array[::-1, ::-1])[::-1, ::-1]
    if how == "big-endian":
        return array.astype(array.dtype.newbyteorder(">"))
    if how == "column order":
        return np.asfortranarray(array)
    if how == "float32":
        return array.astype(np.float32)
    if how == "list":
        return array.tolist()
    file = folder / f"{id(array)}.npy"
    np.save(file, array)
    return np.load(file, mmap_mode="r")


@pytest.mark.parametrize(
    "how", ["negative strides", "big-endian", "column order", "float32", "list", "memory-mapped, read-only"]
)
def test_unusual_arrays_are_taken_by_copy(how, rng, tmp_path):
    X, y = rng.normal(size=(ROWS, 3)).round(3), rng.normal(size=(ROWS, 1)).round(3)
    expected = regression(X=X, y=y)
    other_X, other_y = unusual(X, how, tmp_path), unusual(y, how, tmp_path)
    before = np.array(other_X, copy=True)
    result = regression(X=other_X, y=other_y)
    assert np.array_equal(result.net.weight, expected.net.weight)
    assert np.array_equal(other_X, before)


def test_nothing_given_is_ever_written_to(rng):
    net = nn.Sequential(nn.Dense(3, 4, "relu"), nn.BatchNorm(4), nn.Dropout(0.2), nn.Dense(4, 1)).initialise(
        seed=0
    )
    X, y, weights = (
        rng.normal(size=(ROWS, 3)).astype(np.float32),
        rng.normal(size=(ROWS, 1)),
        rng.random(ROWS),
    )
    held = rng.normal(size=(5, 3)), rng.normal(size=(5, 1))
    given = [X, y, weights, *held, *nn.parameters(net).values(), *nn.state(net).values()]
    copies = [array.copy() for array in given]
    for array in given:
        array.flags.writeable = False
    for optimizer in (optim.Adam(), optim.LBFGS(max_iterations=2)):
        regression(net=net, X=X, y=y, sample_weight=weights, validation_data=held, optimizer=optimizer)
    for array, copy in zip(given, copies, strict=True):
        assert np.array_equal(array, copy)


def test_a_batch_larger_than_the_data_is_clipped_with_a_warning():
    with pytest.warns(WengertWarning, match="batch_size=100 is clipped to the 12 rows"):
        clipped = regression(batch_size=100)
    assert np.array_equal(clipped.net.weight, regression(batch_size=ROWS).net.weight)
    assert np.array_equal(clipped.net.weight, regression().net.weight)
