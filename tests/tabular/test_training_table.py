"""Which rows of a table are learnt from."""

import numpy as np
import polars as pl

from wengert.tabular.row_roles import RowRoles
from wengert.tabular.training_settings import TrainingSettings
from wengert.tabular.training_table import TrainingTable


def test_rows_of_weight_0_and_rows_without_a_target_are_left_out():
    rng = np.random.default_rng(0)
    frame = pl.DataFrame(
        {"x": rng.normal(size=60), "y": rng.choice(["a", "b"], 60), "w": np.arange(60) % 3.0}
    )
    frame = frame.with_columns(pl.when(pl.int_range(60) % 10 == 1).then(None).otherwise("y").alias("y"))
    table = TrainingTable.infer(frame, "y", roles=RowRoles(weights="w"))
    kept = frame.filter(pl.col("y").is_not_null() & (pl.col("w") > 0))
    assert table.frame.get_column("x").to_list() == kept.get_column("x").to_list()
    np.testing.assert_array_equal(table.weights, kept.get_column("w"))
    assert "6 rows of 60 have no target" in table.left_out
    assert "18 rows of weight 0 are left out" in table.left_out


def test_the_names_of_a_wide_table_are_listed_a_few_times_and_not_for_each_column(monkeypatch):
    frame = pl.DataFrame(
        {**{f"x{column}": np.arange(30.0) ** 2 + column for column in range(60)}, "y": ["a", "b"] * 15}
    )
    listed = []
    names = pl.DataFrame.columns.fget
    monkeypatch.setattr(pl.DataFrame, "columns", property(lambda table: (listed.append(1), names(table))[1]))
    table = TrainingTable.infer(frame, "y")
    table.preprocessor(np.arange(30), TrainingSettings()).encode(table.frame)
    assert 0 < len(listed) < 30
