"""Small products are computed by one thread, unless the user says how many there are to be."""

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from wengert import nn, train
from wengert.run.numpy.blas_threads import one_blas_thread

VARIABLES = ["OPENBLAS", "MKL", "BLIS", "VECLIB", "OMP"]


def threads() -> set[int]:
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


@pytest.fixture(autouse=True)
def _two_threads(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(f"{name}_NUM_THREADS", raising=False)
        monkeypatch.delenv(f"{name}_MAXIMUM_THREADS", raising=False)
    with threadpool_limits(2, user_api="blas"):
        if threads() != {2}:
            pytest.skip("this build of NumPy has no BLAS whose threads can be set to two")
        yield


def test_one_thread_inside_and_as_before_outside():
    with one_blas_thread():
        assert threads() == {1}
    assert threads() == {2}


def test_the_users_word_counts(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    with one_blas_thread():
        assert threads() == {2}


@pytest.mark.parametrize(("units", "expected"), [(8, 1), (1000, 2)])
def test_fit_shares_large_products_only(units, expected):
    seen = set()

    class Look(train.Callback):
        def on_epoch_end(self, state):
            seen.update(threads())

    net = nn.Sequential(nn.Dense(100, units, "relu"), nn.Dense(units, 1)).initialise(seed=0)
    X = np.ones((64, 100), np.float32)
    train.fit(net, X, X[:, :1], loss="squared_error", epochs=1, batch_size=64, callbacks=[Look()])
    assert seen == {expected}
    assert threads() == {2}
