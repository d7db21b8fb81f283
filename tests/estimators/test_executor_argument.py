"""Which executor trains an estimator."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone

from wengert.errors import ConfigurationError, WengertWarning
from wengert.estimators import MLPClassifier, MLPRegressor


@pytest.fixture
def rows(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    X = rng.normal(size=(60, 3))
    return X, (X[:, 0] + X[:, 1] > 0).astype(int)


def trained(rows: Any, executor: Any) -> Any:
    model = MLPClassifier((5,), max_iter=3, tol=0, n_iter_no_change=10, random_state=0, executor=executor)
    with pytest.warns(UserWarning, match="3"):
        return model.fit(*rows)


def test_numpy_trains_like_machine_code(rows: Any) -> None:
    found, wanted = trained(rows, "numpy"), trained(rows, "llvm")
    assert type(found._run.step.executor).__name__ == "NumpyExecutor"
    np.testing.assert_allclose(found.coefs_[0], wanted.coefs_[0], rtol=1e-9)


def test_a_copy_and_a_pickle_train_with_the_same(rows: Any) -> None:
    model = trained(rows, "numpy")
    assert clone(model).get_params()["executor"] == "numpy"
    again = pickle.loads(pickle.dumps(model))
    assert type(again._run.step.executor).__name__ == "NumpyExecutor"
    again.partial_fit(*rows)


def test_an_unknown_one_is_refused(rows: Any) -> None:
    with pytest.raises(
        ConfigurationError, match="executor is 'llvm', 'numpy', 'xla' or an Executor, got 'gpu'"
    ):
        MLPRegressor(executor="gpu").fit(*rows)


def test_xla_trains_an_estimator_and_a_preset(rows: Any) -> None:
    pytest.importorskip("jax", reason="JAX, of the extra `xla`, is not installed")
    from wengert.run import xla_executor

    executor = xla_executor("cpu")
    found = trained(rows, executor)
    np.testing.assert_allclose(found.coefs_[0], trained(rows, "llvm").coefs_[0], rtol=1e-6)
    assert clone(found).get_params()["executor"] == executor
    again = pickle.loads(pickle.dumps(found))
    assert again._run.step.executor == executor
    by_preset = MLPClassifier(preset="tabular", max_iter=2, executor="xla", random_state=0).fit(*rows)
    assert by_preset.n_iter_ == 2


def test_what_xla_has_trained_it_predicts_for_many_rows(rows: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("jax", reason="JAX, of the extra `xla`, is not installed")
    from wengert.run import xla_executor
    from wengert.run.xla.executor import XLAExecutor

    compiled: list[Any] = []
    original = XLAExecutor.compile_over_rows
    monkeypatch.setattr(
        XLAExecutor,
        "compile_over_rows",
        lambda self, program, rows: compiled.append(self) or original(self, program, rows),
    )
    X, y = np.resize(rows[0], (1100, 4)), np.resize(rows[1], 1100)
    on_mesh = xla_executor("cpu", mesh=1)
    found = trained((X, y), on_mesh)
    compiled.clear()
    by_xla = found.predict_proba(X)
    assert compiled
    assert set(compiled) == {on_mesh}
    found.set_params(executor="llvm")
    np.testing.assert_allclose(by_xla, found.predict_proba(X), rtol=1e-6)
    # A model that is moved to where JAX is not still predicts.
    found.set_params(executor="xla")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    compiled.clear()
    np.testing.assert_allclose(by_xla, found.predict_proba(X), rtol=1e-6)
    assert not compiled


def test_sparse_rows_that_leave_the_loop_of_a_device_are_said(rows: Any) -> None:
    pytest.importorskip("jax", reason="JAX, of the extra `xla`, is not installed")
    with pytest.warns(WengertWarning, match="X is sparse: each batch is made dense and sent to the device"):
        trained((sparse.csr_array(rows[0]), rows[1]), "xla")
