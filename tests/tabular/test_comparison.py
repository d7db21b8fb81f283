"""Two models compared: probabilities against exact counting, intervals against what is known of the mean."""

import math
from fractions import Fraction

import numpy as np
import polars as pl
import pytest
from hypothesis import given, strategies as st
from tests.cli.conftest import flowers, houses
from tests.io.test_table_model import trained

from wengert.errors import ConfigurationError
from wengert.tabular.scoring.comparison import compare, mcnemar
from wengert.tabular.training_settings import TrainingSettings

GOOD = TrainingSettings(preset="plain", hidden=(16,), epochs=60, seed=1)
BAD = TrainingSettings(preset="plain", hidden=(2,), epochs=1)


@given(st.integers(0, 30), st.integers(0, 30))
def test_mcnemar_by_counting(first, second):
    """Of all ways in which n coins fall, the part that is as unequal or more so."""
    total = first + second
    ways = [math.comb(total, heads) for heads in range(total + 1)]
    unequal = sum(ways[heads] for heads in range(total + 1) if abs(2 * heads - total) >= abs(first - second))
    assert mcnemar(first, second) == pytest.approx(float(Fraction(unequal, 2**total)), rel=1e-9)


def test_a_better_classifier_is_found():
    frame = flowers(300)
    comparison = compare(trained(frame, "kind", BAD), trained(frame, "kind", GOOD), flowers(400))
    assert [difference.score for difference in comparison.differences] == ["accuracy", "log_loss"]
    assert [difference.better for difference in comparison.differences] == [1, 1]
    first, second = comparison.scores
    assert comparison.differences[0].value == pytest.approx(second["accuracy"] - first["accuracy"])
    assert comparison.differences[1].value == pytest.approx(second["log_loss"] - first["log_loss"])
    only_first, only_second = comparison.only_right
    gained = (only_second - only_first) / 400
    assert gained == pytest.approx(comparison.differences[0].value)
    assert comparison.chance < 0.01


def test_the_interval_of_a_mean_is_that_of_the_normal_distribution():
    """For a mean of many rows both agree; differences of accuracies have values −1, 0 and 1."""
    frame = flowers(300)
    comparison = compare(trained(frame, "kind", BAD), trained(frame, "kind", GOOD), flowers(1000))
    difference = comparison.differences[0]
    first, second = (count / 1000 for count in comparison.only_right)
    deviation = math.sqrt((first + second - (second - first) ** 2) / 1000)
    assert difference.low == pytest.approx(difference.value - 1.96 * deviation, abs=0.15 * deviation)
    assert difference.high == pytest.approx(difference.value + 1.96 * deviation, abs=0.15 * deviation)


def test_numbers():
    frame = houses(300)
    better, worse = trained(frame, "price", GOOD), trained(frame, "price", BAD)
    comparison = compare(better, worse, frame)
    assert [difference.score for difference in comparison.differences] == ["rmse", "mae"]
    assert [difference.better for difference in comparison.differences] == [0, 0]
    first, second = comparison.scores
    assert comparison.differences[0].value == pytest.approx(second["rmse"] - first["rmse"])
    assert comparison.differences[1].value == pytest.approx(second["mae"] - first["mae"])
    assert (comparison.only_right, comparison.chance) == (None, None)


def test_a_model_with_itself():
    model = trained(flowers(), "kind")
    comparison = compare(model, model, flowers(60))
    assert comparison.chance == 1
    assert all((d.value, d.low, d.high, d.better) == (0, 0, 0, None) for d in comparison.differences)


def test_models_of_different_things():
    first = trained(flowers(), "kind")
    other = trained(flowers().with_columns(other=pl.Series(np.tile(["a", "b", "c"], 50))), "other")
    with pytest.raises(ConfigurationError, match="the first the column 'kind', the second 'other'"):
        compare(first, other, flowers())
    with pytest.raises(ConfigurationError, match="the first the classes"):
        compare(first, trained(flowers(classes=4).filter(pl.col("kind") != "rose"), "kind"), flowers())
