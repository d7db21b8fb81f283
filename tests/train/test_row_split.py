"""Splits of rows: complete, without overlap, with the classes in equal parts, the same for the same seed."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, strategies as st

from wengert.errors import ConfigurationError
from wengert.train.row_split import folds, hold_out

class_lists = st.lists(st.integers(0, 4), min_size=1, max_size=60).map(np.array)


def rng():
    return np.random.default_rng(1)


@given(class_lists, st.floats(0, 0.99))
def test_each_class_is_held_out_in_proportion_and_never_whole(classes, fraction):
    rows = len(classes)
    kept, held = hold_out(rows, round(rows * fraction), classes, rng())
    assert sorted([*kept, *held]) == list(range(rows))
    assert kept.size >= 1
    sizes, taken = Counter(classes.tolist()), Counter(classes[held].tolist())
    for known, size in sizes.items():
        assert taken[known] < size
        assert taken[known] <= size * fraction + 2
    assert held.size <= round(rows * fraction)


def test_the_number_asked_for_is_held_out():
    classes = np.repeat(np.arange(10), [178, 182, 177, 183, 181, 182, 181, 179, 174, 180])
    kept, held = hold_out(1797, 359, classes, rng())
    assert (kept.size, held.size) == (1438, 359)
    assert set(Counter(classes[held].tolist()).values()) <= {35, 36, 37}
    kept, held = hold_out(10, 3, None, rng())
    assert (kept.size, held.size) == (7, 3)
    assert hold_out(1, 1, None, rng())[1].size == 0
    assert hold_out(50, 0, np.zeros(50, int), rng())[1].size == 0


def test_the_split_depends_on_the_seed_alone():
    first, again = (hold_out(100, 50, None, rng())[1] for _ in range(2))
    assert first.tolist() == again.tolist()
    assert first.tolist() != hold_out(100, 50, None, np.random.default_rng(2))[1].tolist()


@given(class_lists, st.integers(2, 6))
def test_every_row_is_held_by_one_fold(classes, count):
    if len(classes) < count:
        with pytest.raises(ConfigurationError, match=f"{count} folds need at least {count} rows"):
            folds(len(classes), count, classes, rng())
        return
    parts = folds(len(classes), count, classes, rng())
    assert sorted(np.concatenate([held for _, held in parts])) == list(range(len(classes)))
    for known, size in Counter(classes.tolist()).items():
        shares = [int((classes[held] == known).sum()) for _, held in parts]
        assert max(shares) - min(shares) <= 1
        assert sum(shares) == size
    for kept, held in parts:
        assert not set(kept) & set(held)
        assert kept.size + held.size == len(classes)


def test_one_fold_is_no_cross_validation():
    with pytest.raises(ConfigurationError, match="at least 2 folds"):
        folds(10, 1, None, rng())
