"""Estimators to files of other programs and back."""

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import ConvergenceWarning

import wengert as wg
from wengert.errors import ConfigurationError, ModelFileError

pytestmark = pytest.mark.filterwarnings("ignore", category=ConvergenceWarning)


def fitted(task: str, rng: np.random.Generator) -> tuple[Any, np.ndarray]:
    X = rng.normal(size=(50, 3)).astype(np.float32)
    options = {"hidden_layer_sizes": (5, 4), "activation": "tanh", "max_iter": 4, "random_state": 0}
    signal = X @ rng.normal(size=(3, 3))
    if task == "binary":
        return wg.MLPClassifier(**options).fit(X, np.where(signal[:, 0] > 0, "yes", "no")), X
    if task == "multiclass":
        return wg.MLPClassifier(**options).fit(X, signal.argmax(axis=1) * 5), X
    if task == "multilabel":
        return wg.MLPClassifier(**options).fit(X, (signal > 0).astype(int)), X
    if task == "counts":
        return wg.MLPRegressor("poisson", **options).fit(X, rng.poisson(2, 50)), X
    return wg.MLPRegressor(**options).fit(X, signal if task == "multi-output" else signal[:, 0]), X


TASKS = ["binary", "multiclass", "multilabel", "regression", "multi-output", "counts"]


@pytest.mark.parametrize("task", TASKS)
def test_onnx_gives_the_same_answers(task: str, tmp_path: Path, rng: np.random.Generator) -> None:
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    estimator, X = fitted(task, rng)
    estimator.to_onnx(tmp_path / "model.onnx")
    session = runtime.InferenceSession(tmp_path / "model.onnx")
    results = session.run(None, {"X": X})
    if task in ("binary", "multiclass", "multilabel"):
        np.testing.assert_array_equal(results[0], estimator.predict(X))
        np.testing.assert_allclose(results[1], estimator.predict_proba(X), atol=1e-5)
    else:
        np.testing.assert_allclose(np.squeeze(results[0]), estimator.predict(X), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("task", TASKS)
def test_source_gives_the_same_answers(task: str, tmp_path: Path, rng: np.random.Generator) -> None:
    estimator, X = fitted(task, rng)
    estimator.to_python(tmp_path / "model.py")
    predict = runpy.run_path(str(tmp_path / "model.py"))["predict"]
    predicted, wanted = np.squeeze(predict(X)), estimator.predict(X)
    if wanted.dtype.kind == "f":
        np.testing.assert_allclose(predicted, wanted, atol=1e-5, rtol=1e-5)
    else:
        np.testing.assert_array_equal(predicted, wanted)


@pytest.mark.parametrize("task", TASKS[:-1])
def test_safetensors_come_back_as_an_estimator(task: str, tmp_path: Path, rng: np.random.Generator) -> None:
    estimator, X = fitted(task, rng)
    estimator.to_safetensors(tmp_path / "model.safetensors")
    back = type(estimator).from_safetensors(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(back.predict(X), estimator.predict(X))
    assert back.hidden_layer_sizes == (5, 4)
    back.partial_fit(X, estimator.predict(X))
    other = wg.MLPRegressor if task in TASKS[:3] else wg.MLPClassifier
    with pytest.raises(ModelFileError, match="is for another task"):
        other.from_safetensors(tmp_path / "model.safetensors")


def test_a_table_comes_back_with_its_columns(tmp_path: Path, rng: np.random.Generator) -> None:
    frame = pd.DataFrame({"n": rng.normal(size=40), "w": rng.choice(["x", "y", None], 40)})
    frame.loc[0, "n"] = np.nan
    classifier = wg.MLPClassifier((3,), categorical_features="from_dtype", max_iter=3, random_state=0)
    classifier.fit(frame, frame["w"] == "x")
    classifier.to_safetensors(tmp_path / "table.safetensors")
    back = wg.MLPClassifier.from_safetensors(tmp_path / "table.safetensors")
    np.testing.assert_array_equal(back.predict_proba(frame), classifier.predict_proba(frame))
    assert list(back.feature_names_in_) == ["n", "w"]


def test_networks_of_onnx_and_torch(tmp_path: Path, rng: np.random.Generator) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnx")
    X = rng.normal(size=(10, 3)).astype(np.float32)
    net = torch.nn.Sequential(
        torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, 3), torch.nn.Softmax(1)
    )
    classifier = wg.MLPClassifier.from_torch(net, classes=["a", "b", "c"], feature_names=["u", "v", "w"])
    frame = pd.DataFrame(X, columns=["u", "v", "w"])
    wanted = net(torch.tensor(X)).detach().numpy()
    np.testing.assert_allclose(classifier.predict_proba(frame), wanted, atol=1e-6)
    np.testing.assert_array_equal(classifier.predict(frame), np.array(["a", "b", "c"])[wanted.argmax(axis=1)])
    classifier.to_onnx(tmp_path / "model.onnx")
    again = wg.MLPClassifier.from_onnx(tmp_path / "model.onnx")
    np.testing.assert_allclose(again.predict_proba(X), wanted, atol=1e-6)
    np.testing.assert_array_equal(again.classes_, [0, 1, 2])
    regressor = wg.MLPRegressor.from_torch(net[:3])
    np.testing.assert_allclose(regressor.predict(X), net[:3](torch.tensor(X)).detach().numpy(), atol=1e-6)
    binary = wg.MLPClassifier.from_torch(torch.nn.Sequential(torch.nn.Linear(3, 1), torch.nn.Sigmoid()))
    assert binary.predict_proba(X).shape == (10, 2)
    with pytest.raises(ConfigurationError, match="2 classes for a network of 3 outputs, which tells 3 apart"):
        wg.MLPClassifier.from_torch(net, classes=["a", "b"])
    with pytest.raises(ConfigurationError, match="MLPRegressor predicts numbers"):
        wg.MLPRegressor.from_torch(net, classes=["a", "b"])
    with pytest.raises(ModelFileError, match="no stack of dense layers"):
        wg.MLPRegressor.from_torch(torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.LayerNorm(4)))
