"""Random numbers: reproducible, independent between keys, and of the distributions they are named after."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.stats

from wengert.errors import DTypeError, ShapeError
from wengert.primitives import random
from wengert.trace.tracing import trace

COUNT = 20_000


def test_keys_hold_all_bits_of_the_seed() -> None:
    np.testing.assert_array_equal(random.key(2**40 + 3), [3, 2**8])
    assert random.key(np.int64(7)).dtype == np.uint32
    for seed in (-1, 2**64, 1.5, "text"):
        with pytest.raises(DTypeError, match="a seed is an integer from 0"):
            random.key(seed)  # type: ignore[arg-type]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_uniform_numbers(dtype: Any) -> None:
    numbers = random.uniform(random.key(1), (COUNT,), dtype)
    assert numbers.dtype == dtype
    assert numbers.min() >= 0
    assert numbers.max() < 1
    assert scipy.stats.kstest(numbers, "uniform").pvalue > 0.01
    assert abs(np.corrcoef(numbers[:-1], numbers[1:])[0, 1]) < 0.02
    np.testing.assert_array_equal(numbers, random.uniform(random.key(1), (COUNT,), dtype))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_normal_numbers(dtype: Any) -> None:
    numbers = random.normal(random.key(2), (100, COUNT // 100), dtype)
    assert numbers.dtype == dtype
    assert np.all(np.isfinite(numbers))
    assert scipy.stats.kstest(numbers.ravel(), "norm").pvalue > 0.01


def test_bernoulli_numbers() -> None:
    coins = random.bernoulli(random.key(3), 0.3, (COUNT,))
    assert coins.dtype == bool
    assert abs(coins.mean() - 0.3) < 0.01
    each = random.bernoulli(random.key(3), np.array([0.0, 1.0]), (50, 2))
    assert not each[:, 0].any()
    assert each[:, 1].all()


def test_streams_are_independent() -> None:
    key = random.key(4)
    streams = [
        random.uniform(one, (COUNT,)) for one in (key, *random.split(key, 3), random.fold_in(key, 2**40))
    ]
    correlations = np.corrcoef(streams) - np.eye(len(streams))
    assert np.abs(correlations).max() < 0.03
    assert len({tuple(one) for one in map(np.ndarray.tolist, random.split(key, 100))}) == 100


def test_traced_numbers_are_the_same() -> None:
    key = random.key(5)

    def function(key: Any, step: Any) -> Any:
        first, second = random.split(random.fold_in(key, step))
        return random.normal(first, (3,)), random.bernoulli(second, 0.5, (3,)), random.uniform(second, (2, 2))

    program = trace(function, key, np.int64(0))
    for step in (0, 7):
        for got, wanted in zip(program(key, np.int64(step)), function(key, step), strict=True):
            np.testing.assert_array_equal(got, wanted)


def test_what_is_no_key_is_refused() -> None:
    with pytest.raises(ShapeError, match="a key is two uint32 words"):
        trace(lambda key: random.uniform(key), np.zeros(2))
    with pytest.raises(ShapeError, match="fold_in: takes a key and one integer"):
        trace(lambda key, n: random.fold_in(key, n), random.key(0), np.ones(3, int))
    with pytest.raises(DTypeError, match="random numbers are float32 or float64, not int64"):
        random.uniform(random.key(0), (), int)
