"""Rows of a file: scikit-learn's order where they fit into one window, else window by window."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wengert import MLPClassifier, MLPRegressor
from wengert.errors import ModelFileError
from wengert.estimators.fitting import plan
from wengert.estimators.fitting.plan import RowOrders, windows_of
from wengert.train.steps import mapped, stepper

Array = np.ndarray[Any, Any]
ROWS, COLUMNS = 3000, 4
RUN, WINDOW = 20, 15  # rows a run, runs a window
OPTIONS = {"hidden_layer_sizes": (5,), "batch_size": 50, "random_state": 3, "learning_rate_init": 0.01}


@pytest.fixture
def values(rng: np.random.Generator) -> Array:
    return rng.uniform(-1, 1, (ROWS, COLUMNS))


@pytest.fixture
def on_disk(tmp_path: Path, values: Array) -> Array:
    np.save(tmp_path / "X.npy", values)
    array: Array = np.load(tmp_path / "X.npy", mmap_mode="r")
    return array


@pytest.fixture
def small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapped, "_RUN", RUN * COLUMNS * 8)
    monkeypatch.setattr(mapped, "_WINDOW", WINDOW * RUN * COLUMNS * 8)


def targets(values: Array) -> Array:
    return values[:, 0] * 2 - values[:, 1] + 0.5


def test_there_are_windows_where_rows_of_a_file_exceed_one(
    on_disk: Array, values: Array, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert windows_of(on_disk) is None
    monkeypatch.setattr(mapped, "_RUN", RUN * COLUMNS * 8)
    monkeypatch.setattr(mapped, "_WINDOW", WINDOW * RUN * COLUMNS * 8)
    assert windows_of(on_disk) == (RUN, WINDOW)
    assert windows_of(on_disk[: RUN * WINDOW + 1]) == (RUN, WINDOW)
    assert windows_of(on_disk[: RUN * WINDOW]) is None
    assert windows_of(values) is None


@pytest.mark.parametrize("rows", [ROWS, ROWS - 7])
@pytest.mark.usefixtures("small_windows")
def test_each_epoch_visits_all_rows_and_each_window_few_runs(on_disk: Array, rows: int) -> None:
    next_order = RowOrders(on_disk[:rows], True, np.random.RandomState(0))
    first, second = next_order(), next_order()
    for order in (first, second):
        np.testing.assert_array_equal(np.sort(order), np.arange(rows))
        for start in range(0, rows - RUN * WINDOW, RUN * WINDOW):
            # The last run of a file may be short; a window with it reaches into the next.
            window = order[start : start + RUN * WINDOW - RUN]
            assert len(np.unique(window // RUN)) <= WINDOW + 1
            assert (np.diff(window) != 1).mean() > 0.9
    assert (first != second).any()
    again = RowOrders(on_disk[:rows], True, np.random.RandomState(0))
    np.testing.assert_array_equal(again(), first)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_a_file_of_one_window_trains_as_in_memory(on_disk: Array, values: Array, solver: str) -> None:
    fitted = [
        MLPRegressor(**OPTIONS, solver=solver, max_iter=4, tol=0, n_iter_no_change=9).fit(X, targets(values))
        for X in (on_disk, values)
    ]
    assert fitted[0].loss_curve_ == fitted[1].loss_curve_
    for one, other in zip(fitted[0].coefs_, fitted[1].coefs_, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.usefixtures("small_windows")
def test_rows_are_taken_in_the_order_of_the_windows(
    on_disk: Array, values: Array, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Array] = []
    released: list[int] = []
    order_by_windows = plan.order_by_windows

    def noted(rows: int, runs: tuple[int, int], rng: Any) -> Array:
        assert runs == (RUN, WINDOW)
        drawn.append(order_by_windows(rows, runs, rng))
        return drawn[-1]

    def note_release(array: Any) -> None:
        released.append(len(array))
        mapped.release(array)

    monkeypatch.setattr(plan, "order_by_windows", noted)
    monkeypatch.setattr(stepper, "release", note_release)
    got = MLPRegressor(**OPTIONS, max_iter=1).fit(on_disk, targets(values))

    (order,) = drawn
    assert len(released) >= ROWS // (RUN * WINDOW) - 1
    ordered = values[order]
    wanted = MLPRegressor(**OPTIONS, max_iter=1, shuffle=False).fit(ordered, targets(ordered))
    for one, other in zip(got.coefs_, wanted.coefs_, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.usefixtures("small_windows")
def test_training_on_windows_learns_and_follows_from_the_seed(on_disk: Array, values: Array) -> None:
    labels = targets(values) > 0.5
    first, second = (MLPClassifier(**OPTIONS, max_iter=30, tol=0.01).fit(on_disk, labels) for _ in range(2))
    assert first.score(values, labels) > 0.97
    assert first.loss_curve_ == second.loss_curve_
    np.testing.assert_array_equal(on_disk, values)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.usefixtures("small_windows")
def test_a_run_on_windows_goes_on_from_its_checkpoint(on_disk: Array, values: Array, tmp_path: Path) -> None:
    whole = MLPRegressor(**OPTIONS, max_iter=4).fit(on_disk, targets(values))
    path = tmp_path / "checkpoint"
    MLPRegressor(**OPTIONS, max_iter=2, checkpoint=path).fit(on_disk, targets(values))
    rest = MLPRegressor(**OPTIONS, max_iter=4, checkpoint=path).fit(on_disk, targets(values))
    assert rest.loss_curve_ == whole.loss_curve_
    with pytest.raises(ModelFileError, match="another run"):  # in memory another order would follow
        MLPRegressor(**OPTIONS, max_iter=6, checkpoint=path).fit(values, targets(values))
