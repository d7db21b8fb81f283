"""An estimator whose training was broken off goes on from its checkpoint, to bitwise the same result."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse

import wengert as wg
from wengert.errors import ConfigurationError, ModelFileError
from wengert.train import Callback, Checkpoint, TrainingState

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 5))
LABELS = (X[:, 0] * X[:, 1] > 0).astype(int)

KINDS: dict[str, dict[str, Any]] = {
    "adam": {},
    "average": {"ema_decay": 0.9, "solver": "adamw"},
    "dropout": {"dropout": 0.3, "lr_schedule": "one_cycle"},
    "adaptive": {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.01, "n_iter_no_change": 1},
    "score": {"early_stopping": True, "n_iter_no_change": 4, "learning_rate_init": 0.02},
    "in order": {"solver": "sgd", "learning_rate": "invscaling", "shuffle": False},
}


class PowerCut(Exception):
    """Ends a run as from outside."""


class CutAfter(Callback):
    """Breaks off the training after some epochs."""

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs

    def on_epoch_end(self, state: TrainingState) -> None:
        if len(state.history) == self.epochs:
            raise PowerCut


def classifier(**options: Any) -> wg.MLPClassifier:
    common = {"hidden_layer_sizes": (6,), "max_iter": 12, "random_state": 3, "batch_size": 25}
    return wg.MLPClassifier(**{**common, **options})


@pytest.mark.filterwarnings("ignore:max_iter=:sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("features", [X, sparse.csr_matrix(X)], ids=["dense", "sparse"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_run_that_was_broken_off_is_resumed_bitwise(kind: str, features: Any, tmp_path: Path) -> None:
    whole = classifier(**KINDS[kind]).fit(features, LABELS)
    kept = Checkpoint(tmp_path / "run", seconds=0)
    broken = classifier(checkpoint=kept, **KINDS[kind]).set_callbacks(CutAfter(min(5, whole.n_iter_)))
    with pytest.raises(PowerCut):
        broken.fit(features, LABELS)
    resumed = classifier(checkpoint=kept, **KINDS[kind]).fit(features, LABELS)
    assert resumed.stopped_ == whole.stopped_
    assert resumed.loss_curve_ == whole.loss_curve_
    assert resumed.validation_scores_ == whole.validation_scores_
    assert [epoch.learning_rate for epoch in resumed.history_] == [
        epoch.learning_rate for epoch in whole.history_
    ]
    for ours, theirs in zip(
        resumed.coefs_ + resumed.intercepts_, whole.coefs_ + whole.intercepts_, strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.filterwarnings("ignore:max_iter=:sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("other", [{"alpha": 0.5}, {"random_state": 4}, {"tol": 0.1}, {"shuffle": False}])
def test_the_checkpoint_of_another_run_is_refused(other: dict[str, Any], tmp_path: Path) -> None:
    path = str(tmp_path / "run")
    classifier(checkpoint=path, max_iter=2).fit(X, LABELS)
    with pytest.raises(ModelFileError, match="another run"):
        classifier(checkpoint=path, max_iter=2, **other).fit(X, LABELS)


@pytest.mark.filterwarnings("ignore:max_iter=:sklearn.exceptions.ConvergenceWarning")
def test_a_run_can_be_prolonged(tmp_path: Path) -> None:
    path = tmp_path / "run"
    classifier(checkpoint=path, max_iter=4).fit(X, LABELS)
    prolonged = classifier(checkpoint=path, max_iter=9).fit(X, LABELS)
    assert prolonged.loss_curve_ == classifier(max_iter=9).fit(X, LABELS).loss_curve_


def test_there_is_none_of_lbfgs() -> None:
    with pytest.raises(ConfigurationError, match="checkpoint"):
        classifier(solver="lbfgs", checkpoint="run").fit(X, LABELS)
