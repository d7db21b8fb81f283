"""Both protocols of callbacks, alone and through scikit-learn's tools."""

from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

import wengert as wg
from wengert.errors import ConfigurationError
from wengert.train import Callback, Stop

pytestmark = pytest.mark.filterwarnings("ignore", category=ConvergenceWarning)


def data(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    X = rng.normal(size=(60, 3))
    return X, (X[:, 0] > 0).astype(int)


class Recorder(Callback):
    def __init__(self, stop_at: int = 0) -> None:
        self.seen: list[str] = []
        self.stop_at = stop_at

    def on_train_begin(self, state: Any) -> None:
        self.seen.append("begin")

    def on_epoch_begin(self, state: Any) -> None:
        self.seen.append(f"epoch {len(state.history) + 1}")

    def on_epoch_end(self, state: Any) -> Stop | None:
        self.seen.append(f"loss {state.history[-1].loss:.4f}")
        return Stop("enough", restore_best=True) if len(state.history) == self.stop_at else None

    def on_train_end(self, state: Any) -> None:
        self.seen.append("end")


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_the_trainers_own(solver: str, rng: np.random.Generator) -> None:
    recorder = Recorder(stop_at=2)
    classifier = wg.MLPClassifier(solver=solver, random_state=0).set_callbacks(recorder).fit(*data(rng))
    losses = [f"loss {loss:.4f}" for loss in classifier.loss_curve_]
    assert len(losses) == 2
    assert recorder.seen == ["begin", "epoch 1", losses[0], "epoch 2", losses[1], "end"]
    assert classifier.stopped_ == "enough"


def test_a_clone_has_the_same_and_no_argument_removes_them(rng: np.random.Generator) -> None:
    recorder = Recorder()
    classifier = wg.MLPClassifier(max_iter=1).set_callbacks(recorder)
    clone(classifier).fit(*data(rng))
    assert recorder.seen[0] == "begin"
    count = len(recorder.seen)
    classifier.set_callbacks().fit(*data(rng))
    assert len(recorder.seen) == count
    with pytest.raises(ConfigurationError, match="'no callback' is no callback"):
        classifier.set_callbacks("no callback")
    with pytest.raises(ConfigurationError, match=r"Recorder is a class; give an instance of it, Recorder\("):
        classifier.set_callbacks(Recorder)


callback = pytest.importorskip("sklearn.callback", reason="scikit-learn has callbacks from 1.9 on")


class FitRecorder:
    """A callback of scikit-learn's protocol."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.seen: list[tuple[str, str, Any]] = []
        self.scores: list[float] = []
        self.stop_at = stop_at

    def setup(self, estimator: Any, context: Any) -> None:
        self.seen.append(("setup", context.task_name, context.task_id))

    def teardown(self, estimator: Any, context: Any) -> None:
        self.seen.append(("teardown", context.task_name, context.task_id))

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        self.seen.append(("begin", context.task_name, context.task_id))

    def on_fit_task_end(
        self, estimator: Any, context: Any, *, X: Any = None, y: Any = None, fitted_estimator: Any = None
    ) -> bool:
        self.seen.append(("end", context.task_name, context.task_id))
        self.scores.append(fitted_estimator.score(X, y))
        return context.task_name == "epoch" and context.task_id == self.stop_at


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_scikit_learns_protocol(solver: str, rng: np.random.Generator) -> None:
    X, y = data(rng)
    recorder = FitRecorder(stop_at=1)
    classifier = wg.MLPClassifier((4,), solver=solver, random_state=0).set_callbacks(recorder, Recorder())
    classifier.fit(X, y)
    assert recorder.seen == [
        ("setup", "fit", 0), ("begin", "fit", 0),
        ("begin", "epoch", 0), ("end", "epoch", 0), ("begin", "epoch", 1), ("end", "epoch", 1),
        ("end", "fit", 0), ("teardown", "fit", 0),
    ]  # fmt: skip
    assert classifier.n_iter_ == 2
    assert classifier.stopped_ == "callback"
    assert recorder.scores[-1] == classifier.score(X, y)
    after_one = wg.MLPClassifier((4,), solver=solver, random_state=0, max_iter=1).fit(X, y)
    assert recorder.scores[0] == after_one.score(X, y)


def test_scoring_monitor_in_a_grid_search(rng: np.random.Generator) -> None:
    from sklearn.model_selection import GridSearchCV

    X, y = data(rng)
    monitor = callback.ScoringMonitor(scoring="accuracy")
    search = GridSearchCV(
        wg.MLPClassifier((4,), max_iter=3, random_state=0).set_callbacks(monitor), {"alpha": [0.1, 1.0]}, cv=2
    )
    search.fit(X, y)
    assert len(monitor.get_logs().data) >= 5 * 3  # five fits of three epochs


def test_callbacks_are_ended_when_fit_fails(rng: np.random.Generator) -> None:
    class Failing(Callback):
        def on_epoch_end(self, state: Any) -> None:
            raise RuntimeError("failed on purpose")

    recorder = FitRecorder()
    with pytest.raises(RuntimeError, match="failed on purpose"):
        wg.MLPClassifier().set_callbacks(Failing(), recorder).fit(*data(rng))
    assert recorder.seen[-1][0] == "teardown"
