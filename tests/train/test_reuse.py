"""A second run on rows of the same shape traces nothing, unless something that the code reads has changed."""

from typing import Any

import numpy as np
import pytest

from wengert import nn, optim, train
from wengert.errors import IndexRangeError
from wengert.trace import tracing
from wengert.train.steps import reuse

SCALE = 1.0


def scaled_error(prediction: Any, target: Any) -> Any:
    return SCALE * np.mean((prediction - target) ** 2, axis=1)


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The functions that were traced since."""
    found: list[Any] = []
    original = tracing.Recording.__init__

    def counted(self: Any, function: Any, *args: Any, **kwargs: Any) -> None:
        found.append(function)
        original(self, function, *args, **kwargs)

    monkeypatch.setattr(tracing.Recording, "__init__", counted)
    return found


def fit(seed: int = 0, rate: float = 0.1, **options: Any) -> train.FitResult:
    rng = np.random.default_rng(seed)
    net = nn.Sequential(nn.Dense(5, 7, "tanh"), nn.Dense(7, 3)).initialise(seed=seed)
    given = {"loss": "nllm_from_logits", "optimizer": optim.SGD(rate), "epochs": 2, "progress": False}
    given |= {"y": rng.integers(0, 3, 24), "batch_size": 8} | options
    return train.fit(net, rng.normal(size=(24, 5)), **given)


def test_other_values_rates_and_seeds_trace_nothing_and_give_what_a_first_run_gives(
    traced: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    fit()
    traced.clear()
    second = fit(seed=1, rate=0.3)
    assert traced == []
    monkeypatch.setattr("wengert.train.steps.reuse._known", type(reuse._known)())
    alone = fit(seed=1, rate=0.3)
    assert traced != []
    for path, value in nn.parameters(alone.net).items():
        np.testing.assert_array_equal(nn.parameters(second.net)[path], value)


def test_labels_out_of_range_are_found_in_a_second_run_too() -> None:
    fit()
    labels = np.zeros(24, np.int64)
    labels[13] = 3
    with pytest.raises(IndexRangeError, match=r"labels are 0 to 2 for 3 classes, got 3 at row 13"):
        fit(y=labels)


def test_categories_out_of_range_are_found_in_a_second_run_too() -> None:
    net = nn.Sequential(nn.Embedding(4, 2), nn.Dense(2, 3)).initialise(seed=0)
    rows, labels = np.arange(12) % 4, np.arange(12) % 3

    def run(rows: Any) -> None:
        train.fit(
            net, rows, labels, loss="nllm_from_logits", optimizer=optim.SGD(0.1), epochs=1, progress=False
        )

    run(rows)
    rows = rows.copy()
    rows[7] = 4
    with pytest.raises(IndexRangeError, match=r"category 4 at row 7 is out of range"):
        run(rows)


def test_a_loss_that_reads_something_else_now_is_traced_again(
    traced: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    targets = np.ones((24, 3))
    first = fit(loss=scaled_error, y=targets).history[0].loss
    assert fit(loss=scaled_error, y=targets).history[0].loss == first
    traced.clear()
    monkeypatch.setitem(globals(), "SCALE", 0.0)
    assert fit(loss=scaled_error, y=targets).history[0].loss == 0
    assert traced != []


def test_a_penalty_that_is_switched_on_is_another_program() -> None:
    plain = fit().history[-1].loss
    assert fit(penalty=nn.L2(1.0)).history[-1].loss != plain
    assert fit().history[-1].loss == plain
