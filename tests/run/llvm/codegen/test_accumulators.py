"""Reductions over axes that are shorter than a vector, or not a whole number of vectors."""

import numpy as np
import pytest

import wengert as wg
from wengert.run.llvm import LLVMExecutor
from wengert.run.llvm.runtime.target import AVX2, SSE, host_target

TARGETS = {"host": host_target(), "avx2": AVX2, "sse": SSE}


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("columns", [1, 2, 3, 7, 10, 16, 17, 33])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_each_row_and_each_column(target, columns, dtype, rng):
    x = rng.normal(size=(6, columns)).astype(dtype)
    x[2, columns // 2] = np.nan
    x[3] = -np.inf
    x[4] = np.inf

    def every(x):
        return [reduce(x, axis=axis) for axis in (0, 1) for reduce in (np.max, np.min, np.sum, np.prod)]

    with np.errstate(all="ignore"):
        wanted = every(x)
    got = LLVMExecutor(TARGETS[target]).compile(wg.trace(every, x))([x])
    for one, oracle in zip(got, wanted, strict=True):
        np.testing.assert_allclose(one, oracle, rtol=1e-5 if dtype == np.float32 else 1e-13)


@pytest.mark.parametrize("place", range(10))
def test_a_nan_in_any_lane_is_the_result(place):
    x = np.arange(10, dtype=np.float32)
    x[place] = np.nan
    run = LLVMExecutor().compile(wg.trace(lambda x: (x.max(axis=0), x.min(axis=0)), x))
    assert np.isnan(run([x])).all()
