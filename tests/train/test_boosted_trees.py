"""Boosted trees: blind to their folds, as the layer computes them, and no worse than scikit-learn's."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from wengert import nn
from wengert.train.bagging import boosted_trees as module
from wengert.train.bagging.boosted_trees import boosted_trees
from wengert.train.bagging.packed_sums import PackedSums


def divided(rows, count):
    return tuple(np.arange(rows)[place::count] for place in range(count))


def step_by_step(trees, X):
    """Return what a layer of trees says, one row, tree and level at a time."""
    said = np.tile(trees.bias.astype(np.float64), (len(X), 1))
    levels, count = trees.thresholds.shape
    for row, x in enumerate(X):
        for tree in range(count):
            leaf = sum(
                2**level for level in range(levels)
                if x[trees.columns[level][tree]] > trees.thresholds[level, tree]
            )  # fmt: skip
            said[row] += trees.values[tree * 2**levels + leaf]
    return said


@given(st.integers(0, 10**6), st.integers(1, 3), st.sampled_from(["classes", "labels", "numbers"]))
def test_each_ensemble_speaks_of_its_fold_as_its_part_of_the_layer_does(seed, outputs, loss):
    rng = np.random.default_rng(seed)
    rows, folds = 30, divided(30, 3)
    X = np.column_stack(
        [rng.normal(size=rows), rng.integers(0, 3, rows), np.ones(rows), rng.normal(size=rows)]
    )
    X = X.astype(np.float32)
    targets = rng.normal(size=(rows, outputs))
    if loss == "labels":
        targets = (targets > 0).astype(float)
    elif loss == "classes":
        targets = np.eye(outputs + 1)[rng.integers(0, outputs + 1, rows)]
    weights = rng.choice([0.0, 0.5, 2.0], rows)
    weights[:3] = 1.0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_ROUNDS", 4)
        patch.setattr(module, "_MOST_ROWS", 20)  # fewer than there are
        trees = boosted_trees(X, targets, weights, folds, 3, loss, seed=seed)
        # The blind ensemble does not depend on the targets of its fold, but for the number of rounds.
        changed = targets.copy()
        changed[folds[0]] = targets[folds[0]][::-1]
        others = boosted_trees(X, changed, weights, folds, 3, loss, seed=seed)
    assert set(np.unique(trees.columns)) <= {0, 1}  # the third is constant, the fourth no number
    blind = len(folds[0])
    assert trees.thresholds.shape[1] % 3 == 0
    shared = min(trees.thresholds.shape[1], others.thresholds.shape[1])
    for name in ("columns", "thresholds"):
        mine, same = (getattr(one, name)[:, :shared:3] for one in (trees, others))
        np.testing.assert_array_equal(mine, same)
    mine, same = (one.values.reshape(-1, 16, one.values.shape[1])[:shared:3] for one in (trees, others))
    np.testing.assert_array_equal(mine, same)
    layer = trees.layer(1.0, 0.0)
    np.testing.assert_allclose(layer(X), step_by_step(layer, X), rtol=1e-5, atol=1e-6)
    shifted = trees.layer(2.0, 0.5)(X)
    np.testing.assert_allclose(shifted, 2 * np.asarray(layer(X)) + 0.5, rtol=1e-5, atol=1e-5)
    # The mean of the ensembles; alone, that of a fold is three times its share of the leaves.
    mine = np.arange(trees.columns.shape[1]) % 3
    for fold, held in enumerate(folds):
        kept = mine == fold
        leaves = trees.values.reshape(len(kept), -1, trees.values.shape[1])[kept]
        one = nn.ObliviousTrees(
            4,
            trees.values.shape[1],
            tuple(map(tuple, trees.columns[:, kept].tolist())),
            thresholds=trees.thresholds[:, kept],
            values=3 * leaves.reshape(-1, trees.values.shape[1]),
            bias=np.zeros(trees.values.shape[1]),
        )
        said = np.asarray(one(X[held]))
        start = trees.unseen[fold * blind : (fold + 1) * blind] - said
        np.testing.assert_allclose(start, np.broadcast_to(start[0], start.shape), atol=1e-5)


def test_a_tree_of_one_round_is_the_best_by_exhaustion(rng, monkeypatch):
    """The oracle tries every cut of every column: of the first level the gain is the highest."""
    monkeypatch.setattr(module, "_ROUNDS", 1)
    X, targets = rng.normal(size=(40, 3)).astype(np.float32), rng.normal(size=(40, 1))
    targets[X[:, 1] > 0.4] += 3
    trees = boosted_trees(X, targets, None, (np.arange(0), np.arange(40)), 3, "numbers")
    residual = targets[:, 0] - targets.mean()
    stiffness, gains = module._STIFFNESS, {}
    for column in range(3):
        for cut in module._cuts(X[:, column]):
            sides = X[:, column] > cut
            gains[column, float(cut)] = sum(
                residual[side].sum() ** 2 / (side.sum() + stiffness) for side in (sides, ~sides)
            )
    best = max(gains, key=gains.__getitem__)
    assert (trees.columns[0, 0], trees.thresholds[0, 0]) == best  # the ensemble whose fold is empty
    assert trees.bias == pytest.approx(targets.mean() / 2)  # the other has seen no row


@pytest.mark.parametrize("loss", ["classes", "numbers"])
def test_trees_are_about_as_good_as_those_of_scikit_learn(rng, loss):
    from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor

    X = rng.normal(size=(600, 5)).astype(np.float32)
    level = 2.0 * (X[:, 0] > 0.5) - 1.5 * ((X[:, 1] > 0) & (X[:, 2] < 0.3)) + 0.3 * rng.normal(size=600)
    kept, held = slice(0, 400), slice(400, 600)
    if loss == "numbers":
        trees = boosted_trees(X[kept], level[kept, np.newaxis], None, divided(400, 8), 5, loss)
        peer = GradientBoostingRegressor(random_state=0).fit(X[kept], level[kept]).predict(X[held])
        mine = np.asarray(trees.layer(1.0, 0.0)(X[held]))[:, 0]
        errors = [np.mean((one - level[held]) ** 2) for one in (mine, peer)]
    else:
        y = np.digitize(level, [-0.5, 0.5])
        trees = boosted_trees(X[kept], np.eye(3)[y[kept]], None, divided(400, 8), 5, loss)
        peer = GradientBoostingClassifier(random_state=0).fit(X[kept], y[kept]).predict_log_proba(X[held])
        logits = np.asarray(trees.layer(1.0, 0.0)(X[held]))
        mine = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        errors = [-np.mean(one[np.arange(200), y[held]]) for one in (mine, peer)]
    assert errors[0] < 1.1 * errors[1]


def test_constant_columns_grow_no_trees_and_time_ends_growing(rng):
    X, targets = np.ones((20, 2), np.float32), rng.normal(size=(20, 1))
    assert boosted_trees(X, targets, None, divided(20, 4), 2, "numbers") is None
    X = rng.normal(size=(20, 2)).astype(np.float32)
    assert boosted_trees(X, targets, None, divided(20, 4), 2, "numbers", seconds=0.0).columns.shape == (4, 4)


@pytest.mark.parametrize("loss", ["classes", "labels", "numbers"])
def test_the_round_with_the_lowest_loss_on_unseen_rows_is_the_last(rng, loss):
    """Where there is nothing to learn, that is an early one, and rows that weigh nothing do not count."""
    X, folds = rng.normal(size=(200, 3)).astype(np.float32), divided(200, 4)
    targets = rng.normal(size=(200, 1)) if loss == "numbers" else np.eye(2)[rng.integers(0, 2, 200)]
    weights = rng.choice([0.0, 1.0, 2.0], 200)
    reached, losses = [], []
    with pytest.MonkeyPatch.context() as patch:
        for rounds in range(1, 6):
            patch.setattr(module, "_ROUNDS", rounds)
            reached.append(boosted_trees(X, targets, weights, folds, 3, loss))
    grown = boosted_trees(X, targets, weights, folds, 3, loss)
    assert grown.thresholds.shape[1] < 4 * module._ROUNDS / 2
    rows = np.concatenate(folds)
    for one in [*reached, grown]:
        z, known = one.unseen, targets[rows]
        each = {
            "numbers": lambda z=z, known=known: (z - known) ** 2 / 2,
            "labels": lambda z=z, known=known: np.log(1 + np.exp(z * (1 - 2 * known))),
            "classes": lambda z=z, known=known: -known * np.log(np.exp(z) / np.exp(z).sum(1, keepdims=True)),
        }[loss]()
        losses.append(each.sum(axis=1) @ weights[rows])
    assert (np.diff(losses) <= 0).all()


@given(st.integers(0, 10**6), st.integers(1, 3), st.sampled_from([1e-30, 1.0, 1e12]))
def test_packed_sums_are_those_of_each_number_up_to_rounding(seed, count, scale):
    rng = np.random.default_rng(seed)
    numbers = rng.standard_cauchy((2, count, 50)) * scale * 10.0 ** rng.integers(-3, 3, (2, count, 1))
    numbers[0, 0] = 0
    sums = PackedSums.of(numbers.astype(np.float32))
    chosen = rng.random(50) < 0.5
    found = sums.unpacked(sums.packed[:, chosen].sum(axis=1))
    for place, one in enumerate(found):
        exact = numbers[:, place].astype(np.float32).sum(axis=1, where=chosen, dtype=np.float64)
        assert (abs(one - exact) <= sums.units[place] / 2 * chosen.sum() * (1 + 1e-9)).all()
        assert (sums.units[place] <= 1e-35 + abs(numbers[:, place]).sum(axis=1) / 30_000).all()


@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=80))
def test_cuts_lie_between_different_values(values):
    values = np.array(values, np.float32)
    cuts, different = module._cuts(values), np.unique(values)
    assert cuts.dtype == np.float32
    parts = np.searchsorted(cuts, different)  # the values that are at most a cut lie before it
    assert len(cuts) < module._MOST_BINS
    rounding = module._ROUNDING * np.maximum(abs(different), np.median(abs(different)))[1:]
    apart = np.diff(different) > rounding
    assert not np.diff(parts)[~apart].any()
    if apart.sum() < module._MOST_BINS:
        np.testing.assert_array_equal(np.diff(parts), apart)
    assert set(parts.tolist()) == set(range(len(cuts) + 1))


@pytest.mark.parametrize("count", [3, 40])
def test_values_that_differ_by_rounding_are_not_parted(count):
    """An hour of each day, say, of which a cosine is not the same to the last bit everywhere."""
    values = np.cos(np.arange(count, dtype=np.float32))
    both = np.concatenate([values, np.nextafter(values, np.float32(2))])
    cuts = module._cuts(both)
    assert 2 <= len(cuts) < module._MOST_BINS
    np.testing.assert_array_equal(np.searchsorted(cuts, both[:count]), np.searchsorted(cuts, both[count:]))
