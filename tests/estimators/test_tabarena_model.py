"""The model for TabArena, as AutoGluon calls it: alone, in a bag, saved and loaded."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

core = pytest.importorskip("autogluon.core.models", reason="AutoGluon, which TabArena builds on, is large")


@pytest.fixture(scope="module")
def model_class():
    path = Path(__file__).parents[2] / "benchmarks" / "tables" / "tabarena_model.py"
    described = importlib.util.spec_from_file_location("tabarena_model", path)
    module = importlib.util.module_from_spec(described)
    sys.modules["tabarena_model"] = module  # it is pickled by name
    described.loader.exec_module(module)
    yield module.WengertModel
    del sys.modules["tabarena_model"]


@pytest.mark.filterwarnings("ignore")  # of AutoGluon
@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression"])
def test_alone_and_in_a_bag(model_class, kind, tmp_path):
    rng = np.random.default_rng(0)
    a = rng.normal(size=240)
    words = rng.choice(["u", "v", "w"], 240)
    X = pd.DataFrame({"a": np.where(rng.uniform(size=240) < 0.1, np.nan, a), "word": pd.Categorical(words)})
    s = X["a"].fillna(0.0) + (words == "u")
    y = {"binary": (s > 0.3).astype(int), "multiclass": np.digitize(s, [-0.3, 0.7]), "regression": s}[kind]
    y = pd.Series(y)
    options = {"problem_type": kind, "hyperparameters": {"max_iter": 16}}
    model = model_class(path=str(tmp_path), name="alone", **options)
    model.fit(X=X[:160], y=y[:160], X_val=X[160:200], y_val=y[160:200], time_limit=30)
    assert model.score(X[200:], y[200:]) > (-0.6 if kind == "regression" else 0.7)
    model.save()
    again = model_class.load(model.path)
    np.testing.assert_array_equal(again.predict_proba(X[200:]), model.predict_proba(X[200:]))
    bag = core.BaggedEnsembleModel(
        model_class(path=str(tmp_path), name="part", **options),
        path=str(tmp_path / "bag"),
        name="bag",
        hyperparameters={"fold_fitting_strategy": "sequential_local"},
    )
    bag.fit(X=X[:200], y=y[:200], k_fold=3, n_repeats=1)
    assert bag.score(X[200:], y[200:]) > (-0.6 if kind == "regression" else 0.7)


@pytest.mark.filterwarnings("ignore")
def test_within_the_harness(model_class, tmp_path, monkeypatch):
    experiment = pytest.importorskip("tabarena.benchmark.experiment", reason="TabArena is large")
    from tabarena.benchmark.task.user_task import UserTask

    monkeypatch.chdir(tmp_path)  # AutoGluon writes into the directory where it runs
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(180, 3)), columns=["a", "b", "c"])
    X["kind"] = pd.Categorical(np.where(X["a"] + X["b"] > 0, "up", "down"))
    rows = list(range(180))
    task = UserTask(task_name="drawn", task_cache_path=tmp_path).create_task(
        target_feature="kind",
        problem_type="classification",
        dataset=X,
        splits={0: {0: (rows[:120], rows[120:])}},
    )
    one = experiment.AGModelBagExperiment(
        name="Wengert_c1_BAG_L1",
        model_cls=model_class,
        model_hyperparameters={
            "max_iter": 32, "ag_args_ensemble": {"fold_fitting_strategy": "sequential_local"}
        },
        num_bag_folds=2,
    )  # fmt: skip
    results = one.run(task, fold=0, task_name="drawn", cache_task_key="drawn")
    assert results["metric"] == "roc_auc"
    assert results["metric_error"] < 0.1
