"""Curves, thresholds and intervals: against scikit-learn, brute force, and the truth of drawn data."""

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given, strategies as st

from wengert.errors import ConfigurationError
from wengert.tabular.held_out_results import HeldOutResults, record_of
from wengert.tabular.scoring.conformal import Nonconformity, class_sets
from wengert.tabular.scoring.curves import average_precision, precision_recall_curve, roc_curve
from wengert.tabular.scoring.evaluation import classification_scores
from wengert.tabular.scoring.thresholds import best_f1_threshold, threshold_of

scored_rows = st.lists(st.tuples(st.booleans(), st.integers(0, 8)), min_size=2, max_size=40).filter(
    lambda rows: len({positive for positive, _ in rows}) == 2
)


def columns(rows):
    positive, scores = zip(*rows, strict=True)
    return np.array(positive), np.array(scores) / 8


@given(scored_rows)
def test_curves_are_those_of_scikit_learn(rows):
    positive, scores = columns(rows)
    alarms, hits = roc_curve(positive, scores)
    wanted = sklearn.metrics.roc_curve(positive, scores, drop_intermediate=False)
    np.testing.assert_allclose((alarms, hits), wanted[:2])
    recall, precision = precision_recall_curve(positive, scores)
    wanted_precision, wanted_recall, _ = sklearn.metrics.precision_recall_curve(positive, scores)
    # Theirs goes on to the strictest threshold, which predicts none, and is in the other order.
    np.testing.assert_allclose(precision, wanted_precision[-2::-1])
    np.testing.assert_allclose(recall, wanted_recall[-2::-1])
    wanted = sklearn.metrics.average_precision_score(positive, scores)
    assert average_precision(positive, scores) == pytest.approx(wanted)


def test_curves_of_one_sort_are_not_defined():
    assert average_precision(np.ones(3, bool), np.arange(3.0)) is None
    assert average_precision(np.zeros(3, bool), np.arange(3.0)) is None


@given(scored_rows)
def test_no_threshold_has_a_higher_f1(rows):
    positive, scores = columns(rows)
    found = best_f1_threshold(positive, scores)

    def f1(threshold):
        return sklearn.metrics.f1_score(positive, scores >= threshold, zero_division=0)

    assert f1(found) == pytest.approx(max(f1(one) for one in [*np.unique(scores), 2.0]))


def test_a_threshold_is_read():
    assert best_f1_threshold(np.zeros(3, bool), np.arange(3.0)) is None
    assert threshold_of("0.3", 2, None) == 0.3
    assert threshold_of("f1", 2, 0.4) == 0.4
    assert threshold_of("cost=4", 2, None) == 0.2


@pytest.mark.parametrize(
    ("text", "classes", "message"),
    [
        ("0.5", 3, "decides between two classes, and the model has 3 classes"),
        ("0.5", 0, "the model has no classes"),
        ("f1", 2, "is found on rows held out of both classes, and the model had none"),
        ("1.5", 2, "a probability from 0 to 1, f1, or cost=5"),
        ("cost=-1", 2, "got 'cost=-1'"),
        ("cheap", 2, "got 'cheap'"),
        ("nan", 2, "got 'nan'"),
    ],
)
def test_thresholds_that_are_none(text, classes, message):
    with pytest.raises(ConfigurationError, match=message):
        threshold_of(text, classes, None)


def test_the_cheapest_threshold_of_true_probabilities():
    rng = np.random.default_rng(0)
    p = rng.uniform(size=20_000)
    positive = rng.uniform(size=p.size) < p

    def cost(threshold):
        predicted = p >= threshold
        return np.sum(4 * (positive & ~predicted) + (predicted & ~positive))

    wanted = threshold_of("cost=4", 2, None)
    assert all(cost(wanted) < cost(other) for other in (0.1, 0.3, 0.5))


def test_a_threshold_moves_predictions_and_no_probabilities():
    shares = np.log([[0.9, 0.1], [0.6, 0.4], [0.3, 0.7]])
    actual = np.array([0, 1, 1])
    plain = classification_scores(actual, shares, ("a", "b"))
    moved = classification_scores(actual, shares, ("a", "b"), 0.4 - 1e-12)
    assert (plain["accuracy"], moved["accuracy"]) == (pytest.approx(2 / 3), 1)
    for name in ("roc_auc", "average_precision", "log_loss", "calibration_error"):
        assert plain[name] == moved[name]


@given(st.integers(1, 3000), st.floats(0.01, 0.99))
def test_a_bound_is_the_score_of_its_rank_or_the_next_that_is_kept(rows, level):
    scores = Nonconformity.of(np.random.default_rng(0).permutation(rows).astype(float))
    rank = int(np.ceil((rows + 1) * level - 1e-9))
    if rank > rows:
        with pytest.raises(ConfigurationError, match="needs at least"):
            scores.bound(level)
        return
    assert rank - 1 <= scores.bound(level) <= rank - 1 + rows / 1000
    if rows <= 1000:
        assert scores.bound(level) == rank - 1


def test_too_few_rows_say_how_many_are_needed():
    nine = Nonconformity.of(np.arange(9.0))
    assert nine.bound(0.9) == 8
    with pytest.raises(
        ConfigurationError, match=r"an interval of 0\.91 needs at least 11 rows held out.* had 9"
    ):
        nine.bound(0.91)
    with pytest.raises(ConfigurationError, match=r"level lies in \(0, 1\), got 1"):
        nine.bound(1)


@pytest.mark.parametrize("level", [0.5, 0.9, 0.97])
@pytest.mark.parametrize("rows", [40, 2500])
def test_intervals_cover_as_often_as_they_say(level, rows):
    """Over many tables: the mean coverage of new rows is between the level and level + 1/(n + 1)."""
    rng = np.random.default_rng(1)
    bounds = [Nonconformity.of(rng.exponential(size=rows)).bound(level) for _ in range(600)]
    covered = 1 - np.exp(-np.array(bounds))  # of the exponential distribution, known
    error = covered.std() / np.sqrt(len(covered))
    kept = 1 / min(rows, 1000)  # what keeping 1,000 scores may add
    assert level - 3 * error <= covered.mean() <= level + 1 / (rows + 1) + kept + 3 * error


def test_sets_of_classes_cover_and_hold_the_likeliest():
    rng = np.random.default_rng(2)
    shares = rng.dirichlet([0.6, 0.4, 0.3], 4000)
    actual = (rng.uniform(size=4000)[:, np.newaxis] > np.cumsum(shares, axis=1)).sum(axis=1)
    off = 1 - shares[np.arange(4000), actual]
    sets = class_sets(shares[2000:], Nonconformity.of(off[:2000]).bound(0.9))
    covered = sets[np.arange(2000), actual[2000:]].mean()
    assert 0.88 < covered < 0.95
    assert sets[np.arange(2000), shares[2000:].argmax(axis=1)].all()
    assert class_sets(np.array([[0.4, 0.6]]), 0.1).tolist() == [[False, True]]


def test_the_record_of_nothing():
    assert record_of([]) == {"nonconformity": None, "f1_threshold": None}
    one = HeldOutResults(np.array([0.2, 0.1]), np.zeros(0, bool), np.zeros(0))
    assert record_of([one, one]) == {
        "nonconformity": {"rows": 4, "scores": [0.1, 0.1, 0.2, 0.2]},
        "f1_threshold": None,
    }
