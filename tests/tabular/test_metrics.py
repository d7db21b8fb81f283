"""Scores against their definitions, written out row by row, and against exact rational arithmetic."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, strategies as st

from wengert import nn
from wengert.tabular.scoring import metrics
from wengert.tabular.scoring.evaluation import (
    classification_scores,
    mean_scores,
    named_scores,
    regression_scores,
)
from wengert.tabular.scoring.losses_of_numbers import TWEEDIE_POWER, loss_scores

labels = st.integers(1, 5).flatmap(
    lambda count: st.tuples(
        st.just(count), st.lists(st.tuples(*[st.integers(0, count - 1)] * 2), min_size=1, max_size=40)
    )
)


@given(labels)
def test_scores_of_classes_by_counting(case):
    count, pairs = case
    actual, predicted = (np.array(values) for values in zip(*pairs, strict=True))
    confusion = metrics.confusion_matrix(actual, predicted, count)
    assert confusion.tolist() == [
        [pairs.count((row, column)) for column in range(count)] for row in range(count)
    ]
    assert metrics.accuracy(confusion) == pytest.approx(sum(a == p for a, p in pairs) / len(pairs), abs=1e-15)
    precision, recall, f1 = metrics.precision_recall_f1(confusion)
    recalls = []
    for known in range(count):
        hits = pairs.count((known, known))
        of_class = sum(a == known for a, _ in pairs)
        named = sum(p == known for _, p in pairs)
        assert recall[known] == pytest.approx(hits / of_class if of_class else 0)
        assert precision[known] == pytest.approx(hits / named if named else 0)
        assert f1[known] == pytest.approx(2 * hits / (of_class + named) if of_class + named else 0)
        recalls += [hits / of_class] if of_class else []
    assert metrics.balanced_accuracy(confusion) == pytest.approx(sum(recalls) / len(recalls))


def test_log_loss_is_exact_where_probabilities_underflow():
    log_probabilities = metrics.log_softmax(np.array([[0, 1e4], [2e4, 0], [0, 0]], np.float32))
    assert metrics.log_loss(np.array([0, 0, 1]), log_probabilities) == pytest.approx((1e4 + math.log(2)) / 3)
    np.testing.assert_allclose(np.exp(log_probabilities).sum(axis=1), 1)


def test_a_perfect_prediction_has_a_log_loss_of_zero_without_a_sign():
    loss = metrics.log_loss(np.array([0]), metrics.log_softmax(np.array([[100.0, -1000.0]])))
    assert (loss, math.copysign(1, loss)) == (0, 1)


moderate = st.integers(-1000, 1000)


@given(st.lists(st.tuples(moderate, moderate), min_size=1, max_size=30), st.integers(-900, 900))
def test_scores_of_numbers_at_any_magnitude(pairs, exponent):
    """Multiplying by a power of two is exact, so the oracle needs no huge numbers."""
    assume(abs(exponent) < 900)
    actual, predicted = (np.ldexp(np.array(values, float), exponent) for values in zip(*pairs, strict=True))
    scores = regression_scores(actual, predicted)
    unit = Fraction(2) ** exponent
    squares = sum(Fraction(a - p) ** 2 for a, p in pairs)
    assert scores["mae"] == pytest.approx(
        float(sum(abs(Fraction(a - p)) for a, p in pairs) / len(pairs) * unit), rel=1e-12
    )
    assert Fraction(scores["rmse"]) ** 2 / unit**2 == pytest.approx(squares / len(pairs), rel=1e-10)
    mean = Fraction(sum(a for a, _ in pairs), len(pairs))
    total = sum((a - mean) ** 2 for a, _ in pairs)
    if total == 0:
        assert scores["r2"] is None
    else:
        assert scores["r2"] == pytest.approx(float(1 - squares / total), rel=1e-9, abs=1e-9)


def test_scores_are_plain_values_and_averaged_over_folds():
    log_probabilities = np.log(np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]]))
    scores = classification_scores(np.array([0, 1, 1]), log_probabilities, ("no", "yes"))
    assert scores["accuracy"] == pytest.approx(2 / 3)
    assert scores["classes"][1] == {
        "class": "yes",
        "rows": 2,
        "precision": 1,
        "recall": 0.5,
        "f1": pytest.approx(2 / 3),
    }
    assert scores["confusion"] == [[1, 0], [1, 1]]
    folds = [{"r2": value, "classes": []} for value in (0.5, None, 0.7)]
    assert mean_scores(folds) == {
        "r2": {"mean": pytest.approx(0.6), "deviation": pytest.approx(math.sqrt(0.02))}
    }
    assert mean_scores([{"r2": None}]) == {"r2": {"mean": None, "deviation": None}}


logits_of_three = st.lists(st.integers(-3, 3), min_size=3, max_size=3)


@pytest.mark.filterwarnings("ignore:A single label was found:UserWarning")
@given(st.lists(st.tuples(st.integers(0, 2), logits_of_three), min_size=2))
def test_scores_of_classes_against_scikit_learn(rows):
    reference = pytest.importorskip("sklearn.metrics", reason="the oracle is scikit-learn")
    actual = np.array([known for known, _ in rows])
    log_probabilities = metrics.log_softmax(np.array([scores for _, scores in rows], float))
    predicted = log_probabilities.argmax(axis=1)
    confusion = metrics.confusion_matrix(actual, predicted, 3)
    correlation = reference.matthews_corrcoef(actual, predicted)
    assert metrics.matthews_correlation(confusion) == pytest.approx(correlation, abs=1e-12)
    present = np.unique(actual).tolist()
    f1 = reference.f1_score(actual, predicted, labels=present, average="macro", zero_division=0)
    scores = classification_scores(actual, log_probabilities, ("a", "b", "c"))
    assert scores["f1"] == pytest.approx(f1)
    if len(present) == 1:
        assert scores["roc_auc"] is None
    else:
        areas = [reference.roc_auc_score(actual == one, log_probabilities[:, one]) for one in present]
        assert scores["roc_auc"] == pytest.approx(np.mean(areas))


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=50))
def test_calibration_by_counting(rows):
    confidences, right = np.array([p for p, _ in rows]), np.array([hit for _, hit in rows])
    table, error = metrics.calibration(confidences, right)
    assert sum(entry["rows"] for entry in table) == len(rows)
    total = 0.0
    for entry in table:
        members = [(p, hit) for p, hit in rows if min(int(p * 10), 9) == round(entry["low"] * 10)]
        assert entry["rows"] == len(members)
        assert entry["confidence"] == pytest.approx(sum(p for p, _ in members) / len(members))
        assert entry["accuracy"] == pytest.approx(sum(hit for _, hit in members) / len(members))
        total += abs(sum(hit - p for p, hit in members)) / len(rows)
    assert error == pytest.approx(total, abs=1e-12)


def test_a_log_loss_is_told_beside_that_of_the_frequencies():
    actual = np.array([0, 0, 0, 1])
    scores = classification_scores(actual, np.log(np.full((4, 3), 1 / 3)), ("a", "b", "never"))
    named = dict(named_scores(scores))
    assert named["log-loss"] == pytest.approx(math.log(3))
    assert named["  by frequencies"] == pytest.approx(-(0.75 * math.log(0.75) + 0.25 * math.log(0.25)))
    assert list(dict(named_scores(regression_scores(actual, actual)))) == ["R²", "RMSE", "MAE"]


numbers = st.lists(st.floats(-50, 50), min_size=2, max_size=20)


@pytest.mark.parametrize("level", [0.05, 0.5, 0.9])
def test_losses_of_numbers_are_those_of_scikit_learn(rng, level):
    sklearn = pytest.importorskip("sklearn.metrics")
    actual, predicted = rng.normal(size=(2, 30)).round(1)
    amounts, means = np.maximum(actual, 0), np.abs(predicted) + 0.1

    def same(scores, name, value, part):
        assert name is None or scores[name] == pytest.approx(value, rel=1e-9, abs=1e-12)
        assert scores["d2"] == pytest.approx(part, rel=1e-9)

    same(
        loss_scores(actual, predicted, "quantile", level, 1.0), "pinball_loss",
        sklearn.mean_pinball_loss(actual, predicted, alpha=level),
        sklearn.d2_pinball_score(actual, predicted, alpha=level),
    )  # fmt: skip
    same(
        loss_scores(actual, predicted, "absolute_error", None, 1.0), None, None,
        sklearn.d2_absolute_error_score(actual, predicted),
    )  # fmt: skip
    for loss, power in (("poisson", 1), ("tweedie", TWEEDIE_POWER)):
        same(
            loss_scores(amounts, means, loss, None, 1.0), f"{loss}_deviance",
            sklearn.mean_tweedie_deviance(amounts, means, power=power),
            sklearn.d2_tweedie_score(amounts, means, power=power),
        )  # fmt: skip


@given(numbers, st.floats(0.1, 30), st.floats(-60, 60))
def test_d2_of_the_huber_loss_is_zero_for_the_best_constant(actual, delta, constant):
    actual = np.array(actual)
    scores = loss_scores(actual, np.full(len(actual), constant), "huber", None, delta)
    expected = np.mean(nn.huber(np.full((len(actual), 1), constant), actual[:, None], delta=delta))
    assert scores["huber_loss"] == pytest.approx(expected, rel=1e-12)
    assert scores["d2"] is None or scores["d2"] <= 1e-12


def test_losses_of_perfect_predictions_and_of_constant_targets():
    actual = np.array([0.0, 1.0, 4.0])
    for loss in ("absolute_error", "quantile", "huber", "poisson", "tweedie"):
        assert loss_scores(actual, actual, loss, 0.9, 1.0)["d2"] == pytest.approx(1)
        # No event among the rows held out; a mean that is rounded; one that is not.
        for same in (0.0, 0.1, 2.0):
            assert loss_scores(np.full(7, same), np.arange(7.0), loss, 0.9, 1.0)["d2"] is None
    # Squares of such differences are 0.
    assert loss_scores(1e-200 * actual, actual, "huber", None, 1.0)["d2"] is None
    assert loss_scores(actual, actual, "squared_error", None, 1.0) == {}
