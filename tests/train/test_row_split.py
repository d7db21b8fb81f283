"""Splits of rows: complete, without overlap, with the classes in equal parts, the same for the same seed."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, strategies as st

from wengert.errors import ConfigurationError, DataError
from wengert.train.row_split import Division, folds, hold_out

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


group_lists = st.lists(st.integers(0, 9), min_size=2, max_size=60).filter(lambda one: len(set(one)) > 1)


@given(group_lists.map(np.array), st.integers(1, 59))
def test_a_group_is_on_one_side(groups, count):
    kept, held = Division(len(groups), groups=groups).hold_out(count, rng())
    assert sorted([*kept, *held]) == list(range(len(groups)))
    assert kept.size
    assert held.size
    assert not set(groups[kept]) & set(groups[held])


def test_as_many_rows_are_held_out_as_groups_allow():
    groups = np.repeat(np.arange(40), 5)
    assert Division(200, groups=groups).hold_out(40, rng())[1].size == 40
    assert len(set(groups[Division(200, groups=groups).hold_out(40, rng())[1]])) == 8
    assert Division(200, groups=groups).hold_out(0, rng())[1].size == 0


@given(group_lists.map(np.array), st.integers(2, 6))
def test_folds_of_groups(groups, count):
    division = Division(len(groups), groups=groups)
    if len(set(groups)) < count:
        with pytest.raises(ConfigurationError, match=f"{count} folds need at least {count} groups"):
            division.folds(count, rng())
        return
    parts = division.folds(count, rng())
    assert sorted(np.concatenate([held for _, held in parts])) == list(range(len(groups)))
    for kept, held in parts:
        assert held.size
        assert not set(groups[kept]) & set(groups[held])


@given(group_lists.map(np.array), st.integers(1, 59))
def test_what_is_held_out_is_later(times, count):
    kept, held = Division(len(times), times=times).hold_out(count, rng())
    assert sorted([*kept, *held]) == list(range(len(times)))
    assert times[kept].max() < times[held].min()
    # No other border comes nearer to the number asked for.
    later = [int((times >= one).sum()) for one in set(times) - {times.min()}]
    assert abs(held.size - count) == min(abs(rows - count) for rows in later)


def test_folds_go_forward_in_time():
    times = np.random.default_rng(0).permutation(60) // 2
    parts = Division(60, times=times).folds(4, rng())
    assert [(kept.size, held.size) for kept, held in parts] == [(12, 12), (24, 12), (36, 12), (48, 12)]
    for kept, held in parts:
        assert times[kept].max() < times[held].min()


def test_groups_and_times_that_cannot_be_divided():
    with pytest.raises(DataError, match="all rows are of one group"):
        Division(5, groups=np.zeros(5, int)).hold_out(2, rng())
    with pytest.raises(DataError, match="all rows have the same time"):
        Division(5, times=np.zeros(5)).hold_out(2, rng())
    with pytest.raises(ConfigurationError, match="3 folds need at least 3 different times after the first"):
        Division(6, times=np.array([0, 0, 0, 1, 1, 1])).folds(3, rng())
    with pytest.raises(ConfigurationError, match=r"which leaves 2\. Use fewer folds"):
        Division(103, times=np.array([0, 1, *[2] * 100, 3])).folds(3, rng())


def test_a_part_of_the_rows_is_divided_alike():
    division = Division(6, groups=np.array([0, 0, 1, 1, 2, 2])).part(np.array([0, 1, 2, 3]))
    assert division.rows == 4
    assert {tuple(held) for _, held in division.folds(2, rng())} == {(0, 1), (2, 3)}
