"""Rows of training are known again, whatever file they come in; others are not, and sizes stay bounded."""

import json
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings, strategies as st
from tests.cli.conftest import flowers, houses
from tests.io.test_table_model import trained

from wengert.io.table_models import read_as_in_training
from wengert.storage.records import Mismatch, from_plain, to_plain
from wengert.tabular import row_fingerprints
from wengert.tabular.row_fingerprints import RowFingerprints, row_hashes
from wengert.tabular.training_settings import TrainingSettings
from wengert.tabular.training_table import TrainingTable


@given(st.integers(1, 300), st.integers(0, 300), st.integers(1, 4), st.integers(1, 64), st.integers(0, 99))
def test_rows_of_training_are_told_from_others(
    known: int, others: int, columns: int, at_a_time: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(known + others, columns)).astype(np.float32)
    targets = rng.integers(0, 3, known + others)
    order = rng.permutation(len(rows))
    kept = row_fingerprints._ROWS_AT_A_TIME
    try:
        row_fingerprints._ROWS_AT_A_TIME = at_a_time
        halves = slice(0, known // 2), slice(known // 2, known)
        prints = RowFingerprints.of([(rows[half], targets[half]) for half in halves])
    finally:
        row_fingerprints._ROWS_AT_A_TIME = kept
    found = prints.seen(rows[order], targets[order])
    assert (found.seen, found.compared, found.rows) == (known, known + others, known + others)
    again = from_plain(RowFingerprints, json.loads(json.dumps(to_plain(prints))))
    assert again.seen(rows, targets) == found


@given(st.integers(0, 9), st.floats(0, 1))
@settings(max_examples=10)
def test_of_a_large_table_a_sample_tells_the_share(seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    rows, targets = rng.normal(size=(60_000, 3)).astype(np.float32), rng.normal(size=60_000)
    prints = RowFingerprints.of([(rows[:40_000], targets[:40_000])])
    assert len(prints.known) == 8192
    assert len(json.dumps(to_plain(prints))) < 45_000
    old = round(20_000 * share)
    picked = np.concatenate([rng.permutation(40_000)[:old], 40_000 + rng.permutation(20_000)[: 20_000 - old]])
    found = prints.seen(rows[picked], targets[picked])
    assert found.rows == 20_000
    assert 3500 < found.compared < 4700
    assert found.seen / found.compared == pytest.approx(share, abs=0.05)
    assert (f"About {found.seen / found.compared:.0%}" in found.sentence()) == (found.seen > 0)


def test_hashes_are_of_values() -> None:
    X, y = np.array([[0.0, 1], [-0.0, 1], [1, 0], [0, 1]], np.float32), np.array([0.0, -0.0, 0, 1])
    first, same, *others = row_hashes(X, y).tolist()
    assert first == same
    assert len({first, *others}) == 3
    # Part of the format of models, and the same on every machine.
    assert row_hashes(np.eye(2, dtype=np.float32), np.arange(2)).tolist() == [925193254, 1828892561]


@pytest.mark.parametrize("frame", [(flowers(), "kind"), (houses(), "price")])
def test_a_model_knows_its_rows_in_any_order_and_format(frame: Any, tmp_path: Any) -> None:
    table, target = frame
    half = table.height // 2
    learnt = TrainingTable.infer(table, target)
    model, done = learnt.train(np.arange(half), TrainingSettings(preset="plain", epochs=1))
    model.training["fingerprints"] = to_plain(done.fingerprints)
    shuffled = table.select(reversed(table.columns)).with_columns(extra=pl.lit(1))
    shuffled = shuffled.sample(fraction=1, shuffle=True, seed=1)
    shuffled.write_parquet(tmp_path / "t.parquet")
    shuffled.write_csv(tmp_path / "t.csv")
    expected = table[:half].join(table[half:], on=table.columns, how="semi", nulls_equal=True)
    for name in ("t.parquet", "t.csv"):
        seen = model.seen(read_as_in_training(model, str(tmp_path / name)))
        assert seen is not None
        assert half <= seen.seen <= half + len(expected)
        assert seen.compared == seen.rows == table.height


@pytest.mark.parametrize(
    "document",
    [
        1, [], {}, {"below": 1}, {"below": 2**33, "hashes": ""}, {"below": True, "hashes": ""},
        {"below": 1, "hashes": "AAA"}, {"below": 1, "hashes": "AAAA"}, {"below": 1, "hashes": 7},
        {"below": 9, "hashes": "AAAAAgAAAAE="}, {"below": 1, "hashes": "é"},
        {"below": 2**32, "hashes": "AAAAAA==" * 9000},
    ],
)  # fmt: skip
def test_damaged_fingerprints_are_refused(document: Any) -> None:
    with pytest.raises(Mismatch, match=r"hashes|below|mapping|object"):
        from_plain(RowFingerprints, document)


def test_a_model_of_an_earlier_version_does_not_say() -> None:
    assert trained(flowers(), "kind").seen(flowers()) is None
