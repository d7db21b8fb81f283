"""The k-fold bag: no member sees its fold, no row is lost, and unseen predictions are those of one member."""

import dataclasses

import numpy as np
import pytest
from hypothesis import assume, given, strategies as st

from wengert import nn, train
from wengert.errors import ConfigurationError, DataError
from wengert.train import BestEpoch
from wengert.train.bagging.bag import Bag
from wengert.train.row_split import Division
from wengert.train.steps.batches import batch_bounds


def fold_of_rows(bag, rows):
    fold = np.full(rows, -1)
    for number, places in enumerate(bag.folds):
        fold[places] = number
    return fold


@given(st.integers(2, 9), st.integers(0, 60), st.integers(1, 5), st.integers(0, 10**6), st.integers(0, 300))
def test_no_member_sees_its_fold_and_every_row_is_seen_once(members, more, multiple, seed, epoch):
    rows = members + more
    bag = Bag.draw(members, Division(rows), seed)
    fold, order = fold_of_rows(bag, rows), bag.order(epoch)
    np.testing.assert_array_equal(np.sort(order), np.arange(rows))
    for first, last in batch_bounds(rows, multiple * members):
        assert (fold[order[first:last]] != np.arange(last - first) % members).all()
    np.testing.assert_array_equal(order, bag.order(epoch))


def test_each_member_comes_to_see_all_rows_but_its_fold():
    bag = Bag.draw(4, Division(30), 0)
    fold = fold_of_rows(bag, 30)
    seen = {(row, place % 4) for epoch in range(200) for place, row in enumerate(bag.order(epoch))}
    assert seen == {(row, member) for row in range(30) for member in range(4) if fold[row] != member}


@given(st.lists(st.integers(1, 30), min_size=2, max_size=20), st.integers(0, 10**6))
def test_a_group_is_in_one_fold_to_which_one_member_is_blind(sizes, seed):
    groups = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))
    division = Division(len(groups), groups=groups)
    assume(division.has_small_groups)
    bag = Bag.draw(8, division, seed)
    fold, order = fold_of_rows(bag, len(groups)), bag.order(0)
    assert all(len(np.unique(fold[groups == group])) == 1 for group in range(len(sizes)))
    assert len(np.unique(fold)) == min(8, len(sizes))
    np.testing.assert_array_equal(np.sort(order), np.arange(len(groups)))
    assert (fold[order] != np.arange(len(groups)) % 8).all()


def test_a_group_of_more_than_half_of_the_rows_is_refused():
    with pytest.raises(DataError, match="more than half of the rows"):
        Bag.draw(8, Division(9, groups=np.repeat([0, 1, 2], [5, 3, 1])), 0)


def test_what_only_tells_groups_apart_is_not_believed(rng):
    """Features that name the group of a row say nothing of new groups; with rows at random they would."""
    groups = np.repeat(np.arange(24), 10)
    X = rng.normal(size=(24, 4)).astype(np.float32)[groups]
    y = np.random.default_rng(1).permutation(24)[groups] % 2
    recipe = train.tabular_recipe(train.TabularFeatures(4), 2, 240, hidden=(16,), epochs=32)
    result = recipe.fit(X, y, groups=groups, progress=False)
    gain = result.unseen.frequencies - result.unseen.result
    assert gain > -1e-3
    new = np.asarray(train.predict(result.net, rng.normal(size=(500, 4)).astype(np.float32)))
    assert nn.nllm_from_logits(new, np.arange(500) % 2) < 0.75
    at_random = recipe.fit(X, y, progress=False)
    assert at_random.unseen.frequencies - at_random.unseen.result > 0.1 > gain


def test_folds_have_the_classes_in_equal_parts():
    classes = np.repeat([0, 1], [80, 16])
    for fold in Bag.draw(8, Division(96, classes), 3).folds:
        assert np.bincount(classes[fold]).tolist() == [10, 2]


# The last are computed by a program, and in batches: of as many rows of 100 values as stay in the cache, less
# those that the members would not share evenly.
@pytest.mark.parametrize(("rows", "units"), [(16, 5), (45, 5), (1030, 5), (2100, 100)])
def test_what_is_said_of_unseen_rows_is_said_by_the_blind_member(rows, units, rng):
    layers = nn.NTKDense(3, units, "selu", members=8), nn.NTKDense(units, 2, members=8)
    net = nn.Sequential(nn.Scale(3), nn.Ensemble(8, nn.Sequential(*layers)), nn.Clip(-0.5, 9.0)).initialise(0)
    X = rng.normal(size=(rows, 3)).astype(np.float32)
    bag = Bag.draw(8, Division(rows), 1)
    each = np.clip(net.layers[1].network(net.layers[0](X)), -0.5, 9.0)
    expected = each[fold_of_rows(bag, rows)[bag.rows], bag.rows]
    for executor in ("numpy", "llvm"):  # which leaves so few rows to NumPy, without a program
        np.testing.assert_allclose(bag.unseen(net, X, executor=executor), expected, rtol=1e-5, atol=1e-6)
    assert len(np.unique(bag.rows)) == rows


def test_of_many_rows_a_part_is_enough():
    """From all over the table, which may be sorted."""
    rows = Bag.draw(8, Division(30_000), 0).rows
    assert len(np.unique(rows)) == len(rows) == 15_000
    assert abs(rows.mean() / 15_000 - 1) < 0.02


def test_rows_that_count_are_in_all_folds(rng):
    """Of 400 rows, 16 have a weight: without any fold there are some left to learn from."""
    X, weights = rng.normal(size=(400, 2)).astype(np.float32), np.zeros(400)
    weights[:16] = 1
    recipe = train.tabular_recipe(train.TabularFeatures(2), 2, 400, hidden=(4,), epochs=2)
    y = (X[:, 0] > 0).astype(int)
    result = recipe.fit(X, y, sample_weight=weights, progress=False)
    assert result.unseen is not None
    few = recipe.fit(X, y, sample_weight=np.arange(400) < 15, progress=False)
    assert few.unseen is None


def test_an_order_that_is_none_is_refused():
    X = np.zeros((4, 1), np.float32)
    net = nn.Dense(1, 1).initialise(seed=0)
    with pytest.raises(ConfigurationError, match=r"epoch 0 .* each of the positions 0 to 3 once"):
        train.fit(net, X, X, loss="squared_error", epochs=1, shuffle=lambda epoch: [0, 1, 1, 3])


@pytest.mark.parametrize("dtype", ["uint8", "int32", "float64"])
def test_an_order_may_have_any_dtype(dtype):
    X = np.arange(4, dtype=np.float32)[:, None]
    net = nn.Dense(1, 1).initialise(seed=0)
    orders = np.array([3, 1, 0, 2], dtype), [3, 1, 0, 2]
    options = {"loss": "squared_error", "epochs": 1, "batch_size": 2, "progress": False}
    found, wanted = (train.fit(net, X, X, shuffle=lambda epoch, one=one: one, **options) for one in orders)
    assert found.history[-1].loss == wanted.history[-1].loss


def test_training_stops_where_a_cycle_has_not_helped(rng):
    """And gives the network of the end before it."""
    X = rng.normal(size=(160, 5)).astype(np.float32)
    y = (X[:, :1] + 2 * rng.normal(size=(160, 1))).astype(np.float32)
    recipe = train.tabular_recipe(train.TabularFeatures(5), 1, 160, limits=(-5, 5), hidden=(32,), epochs=96)
    result = dataclasses.replace(recipe, patience=1).fit(X, y, progress=False)
    number = recipe.snapshots.index(len(result.history))
    assert result.stopped == "early stopping"
    assert result.best_epoch == recipe.snapshots[number - 1] < recipe.epochs
    on = recipe.fit(X, y, progress=False)  # a number of epochs that is given
    assert (len(on.history), on.stopped) == (recipe.epochs, "epochs")


def test_the_last_cycle_is_no_early_stop():
    watch = BestEpoch((1, 2), patience=1)
    history = train.History()
    for number, loss in enumerate([0.1, 0.7], start=1):
        history = history.appended(train.Epoch(number, loss, None, None, 0.1, 0.0))
        assert watch.on_epoch_end(train.TrainingState(number, history, 2, number, 1)) is None
    assert watch.epoch == 1


def test_labels_of_noise_are_not_believed(rng):
    """Rows that a member learnt by heart would make the probabilities certain; unseen ones do not."""
    X = rng.normal(size=(160, 20)).astype(np.float32)
    y = rng.integers(0, 2, 160)
    recipe = train.tabular_recipe(train.TabularFeatures(20), 2, 160, hidden=(64,), epochs=128)
    result = recipe.fit(X, y, progress=False)
    losses = [one.validation_loss for one in result.history]
    assert [number for number, loss in enumerate(losses, 1) if loss is not None] == list(recipe.snapshots)
    assert result.history[-1].loss < 0.45  # by heart, with labels smoothed
    assert losses[-1] > losses[recipe.snapshots[0] - 1] > 0.65
    new = np.asarray(train.predict(result.net, rng.normal(size=(500, 20)).astype(np.float32)))
    assert nn.nllm_from_logits(new, rng.integers(0, 2, 500)) < 0.75


def test_a_regression_is_chosen_by_unseen_rows(rng):
    X = rng.normal(size=(90, 4)).astype(np.float32)
    y = (X[:, :1] + rng.normal(size=(90, 1))).astype(np.float32)
    recipe = train.tabular_recipe(train.TabularFeatures(4), 1, 90, limits=(-5, 5), hidden=(32,), epochs=60)
    recipe = dataclasses.replace(recipe, numbers=0)  # the network alone
    result = recipe.fit(X, y, sample_weight=np.full(90, 3.0), progress=False)
    found = {one.epoch: one.validation_loss for one in result.history if one.validation_loss is not None}
    assert tuple(found) == recipe.snapshots
    assert min(found, key=found.get) == result.best_epoch
    bag = Bag.draw(8, Division(90), 0)
    said = bag.unseen(result.net, X)
    assert found[result.best_epoch] == pytest.approx(np.mean((said - y[bag.rows]) ** 2) / 2, rel=1e-5)
