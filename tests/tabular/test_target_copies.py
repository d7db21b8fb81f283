"""Features that are the target in other words or units are found, and no others."""

import numpy as np
import polars as pl
import pytest

from wengert.tabular.columns import Column
from wengert.tabular.target_copies import target_copies


def copies(target, *, classes, **others):
    frame = pl.DataFrame({"target": target, **others})
    columns = tuple(Column(name, "any") for name in others)
    return target_copies(frame, "target", columns, classes=classes)


@pytest.mark.parametrize("rows", [20, 3000])
def test_numbers_that_follow_by_a_factor_and_a_constant(rng, rows):
    price = rng.lognormal(size=rows).round(2)
    gaps = np.where(np.arange(rows) % 3 == 0, np.nan, price)
    late = np.where(np.arange(rows) < rows - 1, price, price + 0.1)
    found = copies(
        price, classes=False, same=price, cents=(100 * price).round(), shifted=3 - price, gaps=gaps,
        noisy=price + rng.normal(scale=0.01, size=rows), late=late, bent=np.log(price + 1),
        huge=np.resize([-1.7e308, 1.7e308, 0.0], rows), smallest=price * 5e-324, tiny=price * 1e-300,
        words=price.astype(str), constant=np.ones(rows), none=np.full(rows, np.nan),
    )  # fmt: skip
    assert found == ["same", "cents", "shifted", "gaps", "tiny"]


def test_classes_that_go_together_one_to_one(rng):
    drawn = rng.integers(0, 3, 2000)
    late = drawn.copy()
    late[-1] = (late[-1] + 1) % 3
    found = copies(
        np.array(["a", "b", "c"])[drawn], classes=True, codes=np.array([7, 1, 4])[drawn], late=late,
        coarser=drawn == 0, finer=drawn + 3 * rng.integers(0, 2, 2000),
        number=drawn + rng.uniform(size=2000),
    )  # fmt: skip
    assert found == ["codes"]


def test_a_few_rows_and_one_class_go_together_by_chance():
    assert copies(["a", "b"] * 4, classes=True, x=[1, 2] * 4) == []
    assert copies([1.0, 3.0] * 4, classes=False, x=[1.0, 2.0] * 4) == []
    assert copies(["a"] * 20, classes=True, x=[1] * 20) == []
    assert copies([2.5] * 20, classes=False, x=np.arange(20.0)) == []
